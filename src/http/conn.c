/* SPDX-License-Identifier: MIT */
#include "http/conn.h"

#include "http/sources.h"
#include "io/aio_data.h"
#include "io/runtime.h"
#include "net/tcp_read.h"

#include <nng/uring.h>
#include <stdlib.h>
#include <unistd.h>

void nu_conn_init(nng_http_conn *conn, struct nu_loop *loop, int fd,
                  void (*gone)(struct nu_stream *stream))
{
    nu_tcp_init(&conn->tcp, loop, fd, gone, conn);
    conn->stream = &conn->tcp.stream;
    atomic_init(&conn->ops, NULL);
    conn->session = NULL;
    conn->asked = 0;
    conn->answered = 0;
    conn->last = false;
    conn->trusted = false;
    conn->source = NULL;
}

void nu_conn_free(nng_http_conn *conn)
{
    if (conn != NULL) {
        nu_source_leave(conn->source);
        free(conn->tcp.client);
        free(conn);
    }
}

void nu_conn_free_gone(struct nu_stream *stream)
{
    nu_conn_free(stream->user);
}

int nu_conn_secure(nng_http_conn *conn, const struct nu_tls_params *params)
{
    return nu_tls_open(&conn->stream, &conn->tcp.stream, params);
}

int nu_conn_new(nng_http_conn **connp, struct nu_loop *loop, int fd,
                const struct nu_tls_params *params)
{
    nng_http_conn *conn = malloc(sizeof *conn);
    if (conn == NULL) {
        close(fd);
        return NNG_ENOMEM;
    }
    nu_conn_init(conn, loop, fd, nu_conn_free_gone);
    if (params == NULL) {
        nu_tcp_read_ahead(&conn->tcp);
    } else {
        int err = nu_conn_secure(conn, params);
        if (err != 0) {
            nu_stream_close(conn->stream, true); /* which frees it */
            return err;
        }
    }
    *connp = conn;
    return 0;
}

void nu_conn_catch_up(nng_http_conn *conn)
{
    if (conn->stream == &conn->tcp.stream) {
        nu_tcp_read_catch_up(&conn->tcp);
    }
}

int nu_conn_gone(nng_http_conn *conn)
{
    struct nu_stream *stream = conn->stream;
    int err = 0;
    nu_lock(&stream->lock);
    nu_conn_catch_up(conn);
    if (stream->end != 0 && stream->end != NNG_ENOMEM && nu_list_empty(&stream->reads)) {
        err = nu_stream_gone(stream, NNG_ECONNRESET);
    }
    nu_unlock(&stream->lock);
    return err;
}

static const struct nu_conn_ops *conn_ops(const nng_http_conn *conn)
{
    return atomic_load_explicit(&conn->ops, memory_order_acquire);
}

void nng_http_conn_close(nng_http_conn *conn)
{
    const struct nu_conn_ops *ops = conn != NULL ? conn_ops(conn) : NULL;
    if (ops != NULL) {
        ops->close(conn);
    } else if (conn != NULL) {
        nu_stream_close(conn->stream, false);
    }
}

bool nu_conn_refuse_lent(nng_http_conn *conn, nng_aio *aio)
{
    const struct nu_conn_ops *ops = conn_ops(conn);
    bool lent = ops != NULL && ops->lent;
    if (lent) {
        aio->loop = conn->stream->loop;
        nu_aio_finish(aio, NNG_ESTATE, 0);
    }
    return lent;
}

/* Begins the aio and checks its vector. False: there is nothing more to do about it. */
static bool conn_begin_vec(nng_http_conn *conn, nng_aio *aio)
{
    if (!nng_aio_begin(aio)) {
        return false;
    }
    aio->loop = conn->stream->loop;
    int err = nu_aio_take_vec(aio);
    if (err != 0) {
        nu_aio_finish(aio, err, 0);
    }
    return err == 0;
}

void nu_conn_write(nng_http_conn *conn, nng_aio *aio, enum nu_write kind)
{
    const struct nu_conn_ops *ops = conn_ops(conn);
    if (ops != NULL) {
        ops->write(conn, aio, kind);
    } else {
        nu_stream_write(conn->stream, aio, kind);
    }
}

void nng_http_conn_write(nng_http_conn *conn, nng_aio *aio)
{
    if (conn_begin_vec(conn, aio)) {
        nu_conn_write(conn, aio, NU_WRITE_SOME);
    }
}

void nng_http_conn_write_all(nng_http_conn *conn, nng_aio *aio)
{
    if (conn_begin_vec(conn, aio)) {
        nu_conn_write(conn, aio, NU_WRITE_ALL);
    }
}

static void conn_read_vec(nng_http_conn *conn, nng_aio *aio, enum nu_read kind)
{
    if (!conn_begin_vec(conn, aio)) {
        return;
    }
    const struct nu_conn_ops *ops = conn_ops(conn);
    if (ops != NULL) {
        ops->read(conn, aio, kind);
    } else {
        nu_stream_read(conn->stream, aio, kind);
    }
}

void nng_http_conn_read(nng_http_conn *conn, nng_aio *aio)
{
    conn_read_vec(conn, aio, NU_READ_SOME);
}

void nng_http_conn_read_all(nng_http_conn *conn, nng_aio *aio)
{
    conn_read_vec(conn, aio, NU_READ_ALL);
}

int nng_uring_conn_local_addr(nng_http_conn *conn, nng_sockaddr *addr)
{
    return nu_stream_local_addr(conn->stream, addr);
}

int nng_uring_conn_remote_addr(nng_http_conn *conn, nng_sockaddr *addr)
{
    return nu_stream_remote_addr(conn->stream, addr);
}

int nng_uring_conn_tls_info(nng_http_conn *conn, nng_uring_tls_info **infop)
{
    return nu_tls_info(conn->stream, infop);
}

int nng_uring_conn_set_keepalive(nng_http_conn *conn, bool on)
{
    int err = nu_runtime_check_fork(); /* the socket is the parent's, too */
    return err != 0 ? err : nu_stream_set_keepalive(conn->stream, on);
}
