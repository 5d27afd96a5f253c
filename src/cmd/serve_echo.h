/* SPDX-License-Identifier: MIT */
/* nng-uring serve --ws-echo: a WebSocket, at a path of a server, that sends back what it is sent.
 */
#ifndef NU_CMD_SERVE_ECHO_H
#define NU_CMD_SERVE_ECHO_H

#include "cmd/serve_options.h"

struct serve_echo;

/*
 * For the server of a --listen, which is made, and is started by this. Returns NNG_E*; *echop is
 * NULL where no echo is asked for.
 */
int serve_echo_start(const struct serve_options *options, const char *where,
                     struct serve_echo **echop);

/* No more are accepted; those that are open stay so until nng_fini(). NULL is allowed. */
void serve_echo_stop(struct serve_echo *echo);

#endif
