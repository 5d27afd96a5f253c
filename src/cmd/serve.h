/* SPDX-License-Identifier: MIT */
/* nng-uring serve. */
#ifndef NU_CMD_SERVE_H
#define NU_CMD_SERVE_H

/*
 * The program's arguments, argv[1] being "serve". Returns the exit status when it is over: 0, 1 for
 * a failure, 2 for wrong usage.
 */
int cmd_serve(int argc, char **argv);

#endif
