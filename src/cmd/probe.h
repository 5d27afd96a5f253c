/* SPDX-License-Identifier: MIT */
/* nng-uring probe. */
#ifndef NU_CMD_PROBE_H
#define NU_CMD_PROBE_H

/*
 * The arguments, argv[0] being "probe". Returns the exit status: 0 for the full path, 1 when part
 * of it has a fallback, 2 without io_uring, 3 for wrong usage.
 */
int cmd_probe(int argc, char **argv);

#endif
