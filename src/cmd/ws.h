/* SPDX-License-Identifier: MIT */
/* nng-uring ws. */
#ifndef NU_CMD_WS_H
#define NU_CMD_WS_H

/*
 * The arguments, argv[0] being "ws". Returns the exit status when it is over: 0, 1 for a failure, 2
 * for wrong usage. A thread may still wait for standard input then.
 */
int cmd_ws(int argc, char **argv);

#endif
