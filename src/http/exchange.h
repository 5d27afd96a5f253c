/*
 * A request that a handler's callback works on, and the aio by which it answers. Owner thread only,
 * but for the aio itself.
 */
#ifndef NU_HTTP_EXCHANGE_H
#define NU_HTTP_EXCHANGE_H

#include "io/aio.h"
#include "wire/parse.h"

#include <nng/supplemental/http/http.h>

struct nu_session;

struct nu_exchange {
    struct nu_session *session; /* NULL when the connection was hijacked */
    nng_http_handler  *handler; /* held */
    nng_http_req      *req;     /* ours, until the handler hijacks the connection */
    uint8_t           *body;    /* collected so far; the request's own once complete */
    size_t             body_len;
    nng_aio            aio;
};

/* For the handler and a parsed head, whose buffer is not needed afterwards. NULL: no memory. */
struct nu_exchange *nu_exchange_new(struct nu_session *session, nng_http_handler *handler,
                                    const struct nu_head *head);

/* Calls the handler, whose answer reaches the session by nu_session_answer(). The session may be
 * gone when this returns. */
void nu_exchange_call(struct nu_exchange *exchange);

/* Lets go of it; its memory goes when nothing uses the aio any more. */
void nu_exchange_end(struct nu_exchange *exchange);

#endif
