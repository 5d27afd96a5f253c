/* SPDX-License-Identifier: MIT */
/* Sockets that nng-uring serve was started with: they stand in place of every --listen. */
#ifndef NU_CMD_SERVE_SOCKETS_H
#define NU_CMD_SERVE_SOCKETS_H

#include "cmd/serve_options.h"

#include <nng/supplemental/http/http.h>

/* Makes their addresses the options'. An enum serve_status; what is wrong has been said. To be
 * called once, before there is another thread. */
int serve_sockets_take(struct serve_options *options);

/* Gives those of options->listen[index] to a server, which does not run yet. Likewise. */
int serve_sockets_give(const struct serve_options *options, unsigned index,
                       nng_http_server *server);

#endif
