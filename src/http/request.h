/* SPDX-License-Identifier: MIT */
/*
 * The request that a session has in hand, and where its answer goes. The session's; owner thread
 * only, but for what is atomic and for the reading of its body (request_body.h).
 */
#ifndef NU_HTTP_REQUEST_H
#define NU_HTTP_REQUEST_H

#include "http/body_reader.h"
#include "http/conn.h"
#include "http/response_batch.h"
#include "http/service.h"
#include "io/op.h"

#include <stdatomic.h>

struct nu_exchange;
struct nu_file_job;
struct nu_report;

/* Whose the connection is while a handler works. Set by any thread: from LENT, whoever is first. */
enum nu_lease {
    NU_LEASE_NONE,   /* the session's: no handler works, or its answer is being given */
    NU_LEASE_LENT,   /* the handler's, until it has finished its aio */
    NU_LEASE_CLOSED, /* it or the server has closed it: the session ends with the request in hand */
    NU_LEASE_HIJACKED, /* its own: the session's owner has not let go of it yet (hijack.h) */
    NU_LEASE_RETURNED, /* likewise, and it has closed it meanwhile */
    NU_LEASE_OVER,     /* its own, and no session's any more */
};

/* Whether the thread that finishes the handler's aio writes the answer itself. */
enum nu_early {
    NU_EARLY_NOT,
    NU_EARLY_SOON,  /* it does, and tells the session's owner */
    NU_EARLY_LATER, /* likewise, when it comes by: the next bytes of the client wake it, or its
                       timer */
    NU_EARLY_TAKEN, /* it is at it, or has done it: until the owner hears of it the request is its
                     */
};

struct nu_request {
    /* constant */
    struct nu_service *service; /* NULL once the connection was hijacked */
    nng_http_conn *conn;
    void (*exchange_done)(void *exchange); /* the handler has finished its aio, not in its call */
    void (*file_done)(struct nu_op *op, int res, uint32_t flags); /* the file's operation has */

    struct nu_response_batch *batch; /* responses gathered so far, this one's too; or NULL */
    struct nu_exchange *exchange;    /* what a handler's callback works on, or NULL */
    struct nu_file_job *file;        /* a file on its way out, or NULL */
    struct nu_report *report;        /* for the service's hook, or NULL */
    uint16_t status;                 /* of its answer; 0: it has none, or a handler wrote that */
    uint64_t bytes;                  /* of its answer's body */
    bool last;                       /* close the connection after the response in hand */
    bool http10;                     /* it is HTTP/1.0 */
    bool bodiless;                   /* it is a HEAD: the answer has no body */
    bool expects;                    /* its body comes after a 100 (Continue), which was not sent */
    atomic_bool written;             /* its handler has written to the connection */
    atomic_uint lease;               /* enum nu_lease */
    atomic_uint early;               /* enum nu_early; but for TAKEN the owner's to set */
    struct nu_body_reader body;      /* as far as it is not read */
    size_t taken;                    /* bytes of the handler's read in hand, taken off the body */
    struct iovec *iov; /* where that goes: its vector, up to the body's end; NULL: no handler has
                        * read one yet */
};

/* The one whose head was just parsed; `alone`: nothing has come behind it. */
void nu_request_begin(struct nu_request *request, const struct nu_head *head, bool alone);

/* Moves the lease on from one state, if it is in that. Returns what it was. Any thread. */
static inline enum nu_lease nu_request_move_lease(struct nu_request *request, enum nu_lease from,
                                                  enum nu_lease to)
{
    unsigned was = from;
    (void) atomic_compare_exchange_strong(&request->lease, &was, to);
    return (enum nu_lease) was;
}

/* Frees what it keeps for the next one. */
void nu_request_free(struct nu_request *request);

/* Has the owner told at once, or (NU_EARLY_NOT) give the answer itself. False: that is under way.
 */
bool nu_request_restrain(struct nu_request *request, enum nu_early to);

/* Has the answer in hand be the last, if it is not under way. */
void nu_request_make_last(struct nu_request *request);

/* For the thread that has finished the handler's aio: the answer is its to write, with what the
 * owner allows; else NU_EARLY_NOT. Any thread. */
enum nu_early nu_request_take(struct nu_request *request);

/* The batch for its response; NULL: no memory. */
static inline struct nu_response_batch *nu_request_batch(struct nu_request *request)
{
    if (request->batch == NULL) {
        request->batch = nu_response_batch_take(&request->service->spare_batches);
    }
    return request->batch;
}

/* A body that the client holds back, or that is too long to throw away, ends the connection. */
static inline void nu_request_decide_last(struct nu_request *request)
{
    const struct nu_body_reader *body = &request->body;
    if (nu_body_reader_unread(body) &&
        (request->expects || body->left > request->service->limits[NNG_URING_DRAIN_BYTES])) {
        request->last = true;
    }
}

#endif
