/* SPDX-License-Identifier: MIT */
/* Tries features out, on a small ring and sockets of its own. One thread at a time. */
#ifndef NU_IO_TRIALS_H
#define NU_IO_TRIALS_H

#include "io/uring.h"

struct nu_trials {
    struct nu_uring ring;
    uint64_t tag; /* user_data of the trial in hand */
    int pair[2];  /* connected sockets, new ones for each trial */
    char byte;    /* for what is to be read */
};

/* Opens the ring that the trials share: a closed one gives its locked memory back late, so that a
 * ring for each would run into the limit. 0 or -errno. */
int nu_trials_open(struct nu_trials *trials);
void nu_trials_close(struct nu_trials *trials);

/* `feature` is an enum nu_feature. 0 when it works, else -errno of what refused it. */
int nu_trials_try(struct nu_trials *trials, unsigned feature);

#endif
