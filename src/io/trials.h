/* Tries one feature out, on a small ring and sockets of its own. Any thread. */
#ifndef NU_IO_TRIALS_H
#define NU_IO_TRIALS_H

/* `feature` is an enum nu_feature. 0 when it works, else -errno of what refused it. */
int nu_try(unsigned feature);

#endif
