/* SPDX-License-Identifier: MIT */
/* The directory that nng-uring serve serves, and its error pages. */
#ifndef NU_CMD_SERVE_FILES_H
#define NU_CMD_SERVE_FILES_H

#include "cmd/serve_options.h"

#include <nng/supplemental/http/http.h>

/* Whether there is such a directory, to be read. An enum serve_status; what is wrong has been said.
 */
int serve_files_check_dir(const char *dir);

/* A handler for options->dir. Likewise. */
int serve_files_make(const struct serve_options *options, nng_http_handler **handlerp);

/* Gives a server the pages for errors. Likewise. */
int serve_files_set_error_pages(const struct serve_options *options, nng_http_server *server);

#endif
