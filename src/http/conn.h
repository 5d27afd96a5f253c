/* SPDX-License-Identifier: MIT */
/* An HTTP connection: a stream and what HTTP knows about it. */
#ifndef NU_HTTP_CONN_H
#define NU_HTTP_CONN_H

#include "net/stream.h"
#include "net/tcp.h"
#include "tls/tls.h"

#include <nng/supplemental/http/http.h>

/* What a session puts in place of reads, writes and the close while it has to do with a connection.
 * For begun aios, with a vector that is set up. Any thread. */
struct nu_conn_ops {
    bool lent; /* it serves it: the connection is not the caller's */
    void (*read)(nng_http_conn *conn, nng_aio *aio, enum nu_read kind);
    void (*write)(nng_http_conn *conn, nng_aio *aio, enum nu_write kind);
    void (*close)(nng_http_conn *conn); /* any number of times */
};

struct nu_session;
struct nu_source;

struct nng_http_conn {
    struct nu_stream *stream;                /* constant; what is read from and written to */
    struct nu_tcp tcp;                       /* what carries it, or is it */
    _Atomic(const struct nu_conn_ops *) ops; /* a session's; NULL: the caller owns it */
    struct nu_session *session; /* a server's; NULL: a client's, or it was shed (hijack.h) */

    /* Requests of transacts that were begun, and responses to them that were read. */
    uint64_t asked; /* under transact.c's lock */

    /* under the lock of the stream */
    uint64_t answered;
    bool last; /* the last response that was read was the last one there is */

    /* constant from its first request on */
    struct nu_source *source; /* a server's: that it is counted for; NULL: none */
    bool trusted;             /* a server's: who sends them is believed whom it speaks for */
};

/* For a connected socket, which it then owns; `gone` frees it, and its `user` is the connection.
 * Owner of `loop` only. */
void nu_conn_init(nng_http_conn *conn, struct nu_loop *loop, int fd,
                  void (*gone)(struct nu_stream *stream));

/* Its memory, when it is gone; NULL is allowed. */
void nu_conn_free(nng_http_conn *conn);

/* The `gone` of a connection that nothing else is to be freed with. */
void nu_conn_free_gone(struct nu_stream *stream);

/* Has what has come already in stream->rx or stream->end, while no read is under way. With the
 * stream's lock held; any thread. */
void nu_conn_catch_up(nng_http_conn *conn);

/* Whether a request can still be answered: 0, or what NNG says where the peer has closed or reset
 * the connection and nothing is asked any more. Any thread. */
int nu_conn_gone(nng_http_conn *conn);

/* For a begun aio that wants the stream for itself: true where a session serves the connection, and
 * the aio is then finished with NNG_ESTATE. Any thread. */
bool nu_conn_refuse_lent(nng_http_conn *conn, nng_aio *aio);

/* Writes. For a begun aio with a vector. Any thread. */
void nu_conn_write(nng_http_conn *conn, nng_aio *aio, enum nu_write kind);

/* Has a connection on which nothing has happened speak TLS. NNG_ENOMEM, NNG_ECRYPTO; then it is as
 * it was. Owner only. */
int nu_conn_secure(nng_http_conn *conn, const struct nu_tls_params *params);

/* Makes a client's connection of a connected socket, which it then owns; `params` NULL: without
 * TLS. On an error it is closed. Owner of `loop` only. */
int nu_conn_new(nng_http_conn **connp, struct nu_loop *loop, int fd,
                const struct nu_tls_params *params);

#endif
