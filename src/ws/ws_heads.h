/* SPDX-License-Identifier: MIT */
/* What a WebSocket was opened with, the request's head and the answer's, as text: an idle one is to
 * take little memory, and hardly anybody asks. */
#ifndef NU_WS_WS_HEADS_H
#define NU_WS_WS_HEADS_H

#include "stream/option.h"

#include <nng/supplemental/http/http.h>

/* Constant. Its memory is free()'s. */
struct nu_ws_heads {
    const char *request, *response; /* header fields, a line each */
    char uri[];
};

/* NULL: no memory. */
struct nu_ws_heads *nu_ws_heads_new(nng_http_req *req, const nng_http_res *res);

/* The value of a field of these, as a text of the caller's. NNG_ENOENT, NNG_ENOMEM. */
int nu_ws_heads_get(const char *fields, const char *name, union nu_option_value *value);

#endif
