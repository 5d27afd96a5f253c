/* nng-uring probe. */
#ifndef NU_CMD_PROBE_H
#define NU_CMD_PROBE_H

/* The arguments behind "probe"; returns the exit status. */
int cmd_probe(int argc, char **argv);

#endif
