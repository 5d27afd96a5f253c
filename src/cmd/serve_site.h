/* SPDX-License-Identifier: MIT */
/* A server for each --listen of nng-uring serve: what it is made of. */
#ifndef NU_CMD_SERVE_SITE_H
#define NU_CMD_SERVE_SITE_H

#include "cmd/serve_options.h"

#include <nng/nng.h>
#include <nng/supplemental/http/http.h>

/* Makes one, which does not run yet, and its handler for files; NULL: there is no directory. An
 * enum serve_status; what is wrong has been said. */
int serve_site_make(const struct serve_options *options, const char *where,
                    nng_http_server **serverp, nng_http_handler **files);

/* Has it listen, and starts it. Likewise. */
int serve_site_bind(nng_http_server *server, const char *where);
int serve_site_start(nng_http_server *server, const char *where);

/* Says why it cannot be served there. Likewise. */
int serve_site_explain(int err, const char *where);

/* The URL of a --listen: without a scheme it is https if there is a certificate. */
int serve_site_url(const struct serve_options *options, const char *where, nng_url **urlp);

#endif
