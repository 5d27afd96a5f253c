/* SPDX-License-Identifier: MIT */
/*
 * A request and its response as one operation. The write and the read are begun together: the
 * server may answer before it has read everything, and then it depends on us which side waits.
 */
#include "http/client.h"
#include "http/conn.h"
#include "http/response_reader.h"
#include "io/runtime.h"
#include "wire/message.h"

#include <stdlib.h>

/* The owner's alone, once the write and the read are begun; but for what the read's function uses,
 * which is under the connection's lock. */
struct transact {
    nng_aio *user;
    const struct nu_printed *printed; /* the request's */
    struct nu_response_reader in;
    uint64_t number;    /* among those of the connection */
    nng_http_conn *own; /* the connection, where it is made for this; NULL: it is not */
    bool dialing;       /* `write` is connecting as yet */
    unsigned open;      /* of `write` and `read`, those that have not ended */
    unsigned aios;      /* those that are not disposed of */
    int abort;          /* why it is to end; 0: it is not */
    int write_err, read_err;
    nng_aio write, read;
    struct nu_aio_args args; /* of `write`, when it connects */
};

/* ---- The end ------------------------------------------------------------------------------ */

static void transact_dispose(nng_aio *aio)
{
    struct transact *t = aio->arg;
    if (--t->aios == 0) {
        free(t);
    }
}

/* What a write says of it; of a close of ours, the read says it too. */
static bool transact_peer_gone(int write_err)
{
    return write_err == NNG_ECONNRESET || write_err == NNG_ECLOSED;
}

/*
 * A response that is there is success, also if the server did not want the rest of the request:
 * then it says that it closes the connection, or just does so. Only who says how long the response
 * is may do so by a reset, though: the kernel reports it once, and where it told the write, all
 * that the read sees is the end of the stream.
 */
static int transact_result(const struct transact *t)
{
    bool reset = transact_peer_gone(t->write_err);
    bool open = t->in.phase == NU_INCOMING_CLOSE;
    bool written = t->write_err == 0 || (reset && !open) || (!reset && t->in.last);
    if (t->read_err == 0 && written) {
        return 0;
    }
    if (t->abort != 0) {
        return t->abort;
    }
    if (t->read_err == 0 || (reset && t->read_err == NNG_ECONNSHUT)) {
        return t->write_err;
    }
    return t->read_err;
}

static void transact_end(struct transact *t)
{
    nng_aio *user = t->user;
    int err = transact_result(t);
    void *data = NULL;
    size_t count = 0;
    if (err == 0) {
        nng_http_res_get_data(t->in.res, &data, &count);
    } else {
        nu_body_drop(&t->in.res->body);
    }
    if (t->own != NULL) {
        nu_stream_close(t->own->stream, err != 0);
    }
    nu_response_reader_fini(&t->in);
    nng_aio_reap(&t->write);
    nng_aio_reap(&t->read);
    nu_aio_finish(user, err, count);
}

static void transact_part_ended(struct transact *t)
{
    if (--t->open == 0) {
        transact_end(t);
    }
}

/* The user aio's cancel function. Parts that have ended, or are not begun, are left alone. */
static void transact_cancel(nng_aio *user, void *arg, int err)
{
    struct transact *t = arg;
    (void) user;
    t->abort = err;
    nng_aio_abort(&t->write, err);
    nng_aio_abort(&t->read, err);
}

/* ---- The start ---------------------------------------------------------------------------- */

/* Begun parts can be aborted, so this comes before anybody could want to. */
static void transact_begin_parts(struct transact *t)
{
    t->open = 2;
    (void) nng_aio_begin(&t->write); /* not refused: nobody else knows them */
    (void) nng_aio_begin(&t->read);
}

static void transact_fail_parts(struct transact *t, struct nu_loop *loop, int err)
{
    t->write.loop = t->read.loop = loop;
    nu_aio_finish(&t->write, err, 0);
    nu_aio_finish(&t->read, err, 0);
}

/* Whether the next response on the connection belongs to the next request, as far as can be told
 * before those under way have ended. What has come while nothing was asked for is no response (RFC
 * 9112 9.2); while no read is queued, nobody is at work on rx. */
static int transact_standing(nng_http_conn *conn)
{
    struct nu_stream *stream = conn->stream;
    int err = 0;
    nu_lock(&stream->lock);
    nu_conn_catch_up(conn);
    if (conn->last) {
        err = NNG_ECONNSHUT;
    } else if (atomic_load_explicit(&stream->truncated, memory_order_relaxed) ||
               (nu_list_empty(&stream->reads) &&
                (conn->asked != conn->answered || nu_rx_len(&stream->rx) > 0))) {
        err = NNG_ESTATE;
    }
    nu_unlock(&stream->lock);
    int gone = err != NNG_ECONNSHUT ? nu_conn_gone(conn) : 0;
    return gone != 0 ? gone : err;
}

/* The read's function. The response that comes is another's where one before was given up. */
static int transact_take(nng_aio *aio, struct nu_stream *stream, int end)
{
    struct transact *t = aio->io.own[1].p;
    nng_http_conn *conn = stream->user;
    if (t->number != conn->answered) {
        return conn->last ? NNG_ECONNSHUT : NNG_ESTATE;
    }
    int err = nu_response_reader_take(&t->in, aio, stream, end);
    if (err == 0) {
        conn->last = t->in.last;
        conn->answered += !t->in.last;
    }
    return err;
}

/* The write and the read of a transact join their queues under one of these. There are a few, so
 * that connections seldom wait for each other, and none of them carries one. */
static struct nu_mutex orders[16];

/* Starts the begun parts. Whoever else does the same just now, the reads are queued in the order of
 * the writes. The transact may be gone when this returns. */
static void transact_start(struct transact *t, nng_http_conn *conn)
{
    struct nu_mutex *order = &orders[(uintptr_t) conn / sizeof *conn % 16];
    nu_lock(order);
    /* A server that refuses a new connection may not wait for what we ask. */
    int err = conn == t->own ? 0 : transact_standing(conn);
    if (err != 0) {
        transact_fail_parts(t, conn->stream->loop, err);
    } else {
        t->number = conn->asked++;
        t->write.io = (struct nu_aio_io){ .iov = t->printed->iov,
                                          .niov = t->printed->niov,
                                          .total = t->printed->total };
        nu_conn_write(conn, &t->write, NU_WRITE_MESSAGE);
        nu_stream_read_until(conn->stream, &t->read, transact_take, t);
    }
    nu_unlock(order);
}

static void transact_connected(struct transact *t)
{
    int err = nng_aio_result(&t->write);
    t->own = nng_aio_get_output(&t->write, 0);
    t->dialing = false;
    if (err != 0 || t->abort != 0) {
        t->read_err = err != 0 ? err : t->abort;
        transact_end(t);
        return;
    }
    transact_begin_parts(t);
    transact_start(t, t->own);
}

/* ---- What happens ------------------------------------------------------------------------- */

static void transact_wrote(void *arg)
{
    struct transact *t = arg;
    if (t->dialing) {
        transact_connected(t);
        return;
    }
    t->write_err = nng_aio_result(&t->write);
    /* A server that has reset the connection may have said why before. */
    if (t->write_err != 0 && !transact_peer_gone(t->write_err)) {
        nng_aio_abort(&t->read, t->write_err);
    }
    transact_part_ended(t);
}

static void transact_got(void *arg)
{
    struct transact *t = arg;
    t->read_err = nng_aio_result(&t->read);
    t->in.last = t->in.last || t->own != NULL; /* nobody asks for more */
    if (t->read_err != 0 || t->in.last) {
        nng_aio_abort(&t->write, t->read_err); /* what is left of it is of no use (RFC 9112 9.5) */
    }
    transact_part_ended(t);
}

/* ---- The public functions ----------------------------------------------------------------- */

static void transact_init_part(struct transact *t, nng_aio *aio, void (*cb)(void *))
{
    nu_aio_init(aio, cb, t);
    aio->dispose = transact_dispose;
    t->aios++;
}

/* For an aio that is begun, and finished when this returns NULL. */
static struct transact *transact_new_transact(nng_aio *user, struct nu_loop *loop,
                                              nng_http_req *req, nng_http_res *res)
{
    int err = nu_aio_expired(user) ? NNG_ETIMEDOUT : nu_req_finalize(req);
    user->loop = loop;
    nng_http_res_reset(res);
    struct transact *t = err == 0 ? calloc(1, sizeof *t) : NULL;
    if (t == NULL) {
        nu_aio_finish(user, err != 0 ? err : NNG_ENOMEM, 0);
        return NULL;
    }
    t->user = user;
    t->printed = &req->printed;
    nu_response_reader_init(&t->in, req, res);
    transact_init_part(t, &t->write, transact_wrote);
    t->write.args = &t->args;
    transact_init_part(t, &t->read, transact_got);
    return t;
}

void nng_http_conn_transact(nng_http_conn *conn, nng_http_req *req, nng_http_res *res, nng_aio *aio)
{
    if (!nng_aio_begin(aio) || nu_conn_refuse_lent(conn, aio)) {
        return;
    }
    struct nu_loop *loop = conn->stream->loop;
    struct transact *t = transact_new_transact(aio, loop, req, res);
    if (t == NULL) {
        return;
    }
    transact_begin_parts(t);
    int err = nu_aio_schedule(aio, loop, transact_cancel, t);
    if (err != 0) {
        transact_fail_parts(t, loop, err);
        return;
    }
    nu_aio_timer_start(aio);
    transact_start(t, conn);
}

/* What the request needs to be sent to the client's server and nothing after it. */
static int transact_complete(const nng_http_client *client, nng_http_req *req)
{
    int err = nng_http_req_set_header(req, "Connection", "close");
    if (err == 0 && nng_http_req_get_header(req, "Host") == NULL) {
        err = nu_req_set_host(req, client->url);
    }
    return err;
}

void nng_http_client_transact(nng_http_client *client, nng_http_req *req, nng_http_res *res,
                              nng_aio *aio)
{
    if (!nng_aio_begin(aio)) {
        return;
    }
    struct nu_loop *loop = nu_runtime_pick();
    struct transact *t;
    int err = loop == NULL ? NNG_ENOTSUP : transact_complete(client, req);
    if (err != 0) {
        nu_aio_finish(aio, err, 0);
        return;
    }
    t = transact_new_transact(aio, loop, req, res);
    if (t == NULL) {
        return;
    }
    t->dialing = true;
    (void) nng_aio_begin(&t->write);
    err = nu_aio_schedule(aio, loop, transact_cancel, t);
    if (err != 0) {
        t->write.loop = loop;
        nu_aio_finish(&t->write, err, 0);
        return;
    }
    nu_aio_timer_start(aio);
    nu_client_dial(client, &t->write, loop);
}
