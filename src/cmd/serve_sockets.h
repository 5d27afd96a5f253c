/* SPDX-License-Identifier: MIT */
/* Sockets that nng-uring serve was started with (LISTEN_FDS), which stand in place of every
 * --listen, and those that it takes over from another one (--upgrade), or gives to one. */
#ifndef NU_CMD_SERVE_SOCKETS_H
#define NU_CMD_SERVE_SOCKETS_H

#include "cmd/serve_options.h"
#include "cmd/upgrade.h"

#include <nng/supplemental/http/http.h>

#define SERVE_ADMIN SERVE_MAX_LISTEN /* in place of an index: --admin's */

/* Makes their addresses the options', where they stand in place of those. An enum serve_status;
 * what is wrong has been said. To be called once, before there is another thread. */
int serve_sockets_take(struct serve_options *options);

/* Gives those of options->listen[index] to a server, which does not run yet. Likewise. */
int serve_sockets_give(const struct serve_options *options, unsigned index,
                       nng_http_server *server);

/* Has a server that runs remove the file of a UNIX socket that was not passed by systemd, also if
 * another process has made it. Any thread. */
void serve_sockets_own(const struct serve_options *options, nng_http_server *server);

/* Sends those of a server to who takes over; one that does not listen has none. False: it cannot,
 * and has said so. Any thread. */
bool serve_sockets_hand(const struct serve_options *options, unsigned index,
                        nng_http_server *server, int to);

#endif
