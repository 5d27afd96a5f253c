/* SPDX-License-Identifier: MIT */
/* nng-uring check. */
#ifndef NU_CMD_CHECK_H
#define NU_CMD_CHECK_H

/*
 * The arguments, argv[0] being "check". Returns the exit status: 0 when nothing is broken and
 * nothing is absent that the library needs, 1 otherwise, 2 without io_uring, 3 for wrong usage, 4
 * when nothing is known to be wrong but something could not be tried. To be called before the
 * library is used in this process, which forks.
 */
int cmd_check(int argc, char **argv);

#endif
