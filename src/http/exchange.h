/* SPDX-License-Identifier: MIT */
/*
 * A request that a handler's callback works on, and the aio by which it answers. Owner thread only,
 * but for the aio itself.
 */
#ifndef NU_HTTP_EXCHANGE_H
#define NU_HTTP_EXCHANGE_H

#include "base/buf.h"
#include "io/aio.h"
#include "net/stream.h"
#include "wire/parse.h"

#include <nng/supplemental/http/http.h>

struct nu_session;

struct nu_exchange {
    struct nu_session *session; /* NULL when the connection was hijacked */
    nng_http_handler *handler;  /* held */
    nng_http_req *req;          /* ours, until the handler hijacks the connection */
    struct nu_buf body;         /* collected so far; the request's own once complete */
    struct iovec iov;           /* where it is read to */
    nng_aio aio;
    struct nu_aio_args args;
};

/* For the handler and a parsed head, whose buffer is not needed afterwards. NULL: no memory. */
struct nu_exchange *nu_exchange_new(struct nu_session *session, nng_http_handler *handler,
                                    const struct nu_head *head);

/* Gives the collected body to the request, which then has a length and no chunks. NNG_ENOMEM. */
int nu_exchange_keep_body(struct nu_exchange *exchange);

/* Reads from the body that was not collected, for a begun aio with a vector; NNG_ECONNSHUT at its
 * end, NNG_EPROTO where its chunks are malformed, NNG_ECONNRESET where it is cut short. Any thread.
 */
void nu_exchange_read(nng_http_conn *conn, nng_aio *aio, enum nu_read kind);

/* Calls the handler, whose answer reaches the session by nu_session_answer(). The session may be
 * gone when this returns. */
void nu_exchange_call(struct nu_exchange *exchange);

/* Lets go of it; its memory goes when nothing uses the aio any more. */
void nu_exchange_end(struct nu_exchange *exchange);

#endif
