/* SPDX-License-Identifier: MIT */
/* The body of a request that its handler reads by itself, from the connection it was lent. */
#ifndef NU_HTTP_REQUEST_BODY_H
#define NU_HTTP_REQUEST_BODY_H

#include "http/request.h"

/*
 * For a begun aio with a vector: NNG_ECONNSHUT at the end of the body, NNG_EPROTO where its chunks
 * are malformed, NNG_ECONNRESET where it is cut short, NNG_ECLOSED once the handler has closed the
 * connection. Any thread, one at a time.
 */
void nu_request_body_read(struct nu_request *request, nng_aio *aio, enum nu_read kind);

/* Tells a client that waits for it to send its body: 100 (Continue), RFC 9110 10.1.1. When all that
 * was answered before is written; owner only. */
void nu_request_body_continue(struct nu_request *request);

#endif
