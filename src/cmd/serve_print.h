/* SPDX-License-Identifier: MIT */
/* What nng-uring serve prints on standard output. It waits for nobody. */
#ifndef NU_CMD_SERVE_PRINT_H
#define NU_CMD_SERVE_PRINT_H

#include "cmd/serve_options.h"

#include <nng/supplemental/http/http.h>

/* Where it listens, and what it uses: the servers are those of options->listen. */
void serve_print_start(const struct serve_options *options, nng_http_server *const *servers,
                       unsigned n);

/* What the library has counted. */
void serve_print_counts(void);

#endif
