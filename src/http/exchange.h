/* SPDX-License-Identifier: MIT */
/*
 * A request that a handler's callback works on, and the aio by which it answers. Owner thread only,
 * but for the aio itself.
 */
#ifndef NU_HTTP_EXCHANGE_H
#define NU_HTTP_EXCHANGE_H

#include "base/buf.h"
#include "http/request.h"
#include "http/step.h"
#include "io/aio.h"

struct nu_exchange {
    struct nu_request *request; /* whose `exchange` it is; NULL: the connection was hijacked */
    nng_http_handler *handler;  /* held */
    nng_http_req *req;          /* ours, until the handler hijacks the connection */
    struct nu_buf body;         /* collected so far; the request's own once complete */
    struct iovec iov;           /* where it is read to */
    size_t claimed;             /* bytes of the server's memory for bodies; given back at the end */
    atomic_uint_least64_t *collected; /* where they count */
    enum nu_early early;              /* how the thread that has finished the aio may answer, */
    bool answered;  /* by the thread that has finished the aio, and this came of it: */
    int err;        /* 0; NU_PENDING: the rest is the owner's; or an error */
    size_t written; /* bytes of the answer, which is request->batch but for 0 */
    struct nu_aio_args args;
    nng_aio aio;
    struct nu_task call; /* of the handler, on a worker; set up then */
};

/* For the request in hand, the handler and a parsed head, whose buffer is not needed afterwards.
 * NULL: no memory. */
struct nu_exchange *nu_exchange_new(struct nu_request *request, nng_http_handler *handler,
                                    const struct nu_head *head);

/* Takes bytes of a body that is to be collected. NU_STEP_COLLECT: it needs more; NU_STEP_CALL: it
 * is complete; else the client has got an error. */
enum nu_step nu_exchange_collect(struct nu_exchange *exchange, const char *bytes, size_t n,
                                 size_t *used);

/* Where the rest of a body by length is to be read to. */
const struct iovec *nu_exchange_rest(struct nu_exchange *exchange);

/* That is read. NU_STEP_CALL. */
enum nu_step nu_exchange_collected(struct nu_exchange *exchange);

/* Whether its handler is to be called on a worker, so that others write meanwhile. */
bool nu_exchange_is_for_worker(const struct nu_exchange *exchange);

/*
 * Calls the handler, here or on a worker: it has finished its aio, and its
 * response is there. False: it will, and request->exchange_done(exchange) is called then. The
 * connection may have been hijacked, stopped and closed meanwhile; the exchange is there still.
 */
bool nu_exchange_call(struct nu_exchange *exchange);

/* It has none any more: the connection was hijacked. */
void nu_exchange_leave(struct nu_exchange *exchange);

/* The aio is finished: answers the request, unless who has finished it has done so already
 * (request->early). */
enum nu_step nu_exchange_answer(struct nu_exchange *exchange);

/* It is, but there is nobody to send it to: drops the response. */
void nu_exchange_drop_response(struct nu_exchange *exchange);

/* Its body is somebody else's now. */
void nu_exchange_unclaim(struct nu_exchange *exchange);

/* Lets go of it; its memory goes when nothing uses the aio any more. */
void nu_exchange_end(struct nu_exchange *exchange);

#endif
