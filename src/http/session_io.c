/* SPDX-License-Identifier: MIT */
#include "http/session_io.h"

#include "http/request_body.h"
#include "net/aio_queue.h"
#include "net/tcp_read.h"

/* ---- Writing ------------------------------------------------------------------------------ */

/* Writes what aio.io says. */
static void session_write_vec(struct nu_session *s, enum nu_write kind)
{
    nu_session_allow_still(s, NNG_URING_WRITE_TIMEOUT);
    if (nu_aio_begin_local(&s->aio)) {
        nu_stream_write(s->conn->stream, &s->aio, kind);
    }
}

/* The gathered responses, as a vector. */
static void session_take_batch(struct nu_session *s)
{
    struct nu_response_batch *batch = s->request.batch;
    s->request.batch = NULL;
    s->writing = batch;
    s->aio.io = (struct nu_aio_io){
        .iov = batch->iov,
        .niov = batch->n,
        .total = nu_response_batch_finalize(batch),
    };
}

/* Writes what is gathered, in whatever state, unless a write is under way: its end does. */
void nu_session_write_gathered(struct nu_session *s)
{
    if (s->request.batch != NULL && s->writing == NULL && s->state != NU_SESSION_CLOSED) {
        session_take_batch(s);
        session_write_vec(s, NU_WRITE_ALL);
    }
}

/* Goes on when all that is gathered is written. */
enum nu_step nu_session_flush(struct nu_session *s, enum nu_step after)
{
    s->after = after;
    nu_session_set_state(s, NU_SESSION_WRITING);
    nu_session_write_gathered(s);
    return NU_STEP_WAIT;
}

enum nu_step nu_session_send(struct nu_session *s, const struct nu_stream_file *pages,
                             const struct iovec *piece)
{
    struct nu_aio_io *io = &s->aio.io;
    if (s->writing != NULL) {
        return nu_session_flush(s, NU_STEP_SEND);
    }
    nu_session_set_state(s, NU_SESSION_SENDING);
    *io = (struct nu_aio_io){ .niov = 0 };
    if (pages == NULL && s->request.batch == NULL) {
        *io = (struct nu_aio_io){ .iov = piece, .niov = 1, .total = piece->iov_len };
    } else if (pages == NULL) {
        nu_response_batch_add(s->request.batch, piece->iov_base, piece->iov_len);
    }
    if (s->request.batch != NULL) {
        session_take_batch(s);
    }
    if (pages != NULL) {
        io->total += pages->len;
        io->own[0].cp = pages;
    }
    session_write_vec(s, pages != NULL ? NU_WRITE_FILE : NU_WRITE_ALL);
    return NU_STEP_WAIT;
}

/* ---- Reading ------------------------------------------------------------------------------ */

enum nu_step nu_session_receive(struct nu_session *s, enum nu_session_state state)
{
    nu_session_set_state(s, state);
    nu_session_arm(s);
    if (nu_aio_begin_local(&s->aio)) {
        nu_stream_read(s->conn->stream, &s->aio, NU_READ_FILL);
    }
    return NU_STEP_WAIT;
}

enum nu_step nu_session_read_all(struct nu_session *s, enum nu_session_state state,
                                 const struct iovec *iov)
{
    nu_session_set_state(s, state);
    if (nu_aio_begin_local(&s->aio)) {
        s->aio.io = (struct nu_aio_io){ .iov = iov, .niov = 1, .total = iov->iov_len };
        nu_stream_read(s->conn->stream, &s->aio, NU_READ_ALL);
    }
    return NU_STEP_WAIT;
}

/* ---- A handler has the connection --------------------------------------------------------- */

/* What is gathered is queued, and then come the handler's own bytes. */
void nu_session_open_gate(struct nu_session *s)
{
    nu_list_remove(&s->hold.link);
    nu_session_write_gathered(s);
    nu_gate_open(&s->gate, s->conn->stream);
}

/* The handler waits: what is gathered does not. */
void nu_session_let_go(struct nu_loop_hold *hold)
{
    nu_session_open_gate(nu_container(hold, struct nu_session, hold));
}

void nu_session_shut_gate(struct nu_session *s)
{
    nu_gate_shut(&s->gate);
    nu_list_append(&s->service->loop->holds, &s->hold.link);
}

/* The handler has returned. */
void nu_session_leave_gate(struct nu_session *s, bool finished)
{
    if (finished && nu_gate_open_if_idle(&s->gate)) {
        nu_list_remove(&s->hold.link);
    } else {
        nu_session_open_gate(s);
    }
}

static bool session_may_answer_early(const struct nu_session *s)
{
    return s->state == NU_SESSION_HANDLING && !nu_session_gathers(s) && s->service->hook == NULL &&
           s->conn->stream == &s->conn->tcp.stream && !nu_body_reader_unread(&s->request.body);
}

void nu_session_leave_to_handler(struct nu_session *s)
{
    nu_session_await_handler(s);
    if (atomic_load(&s->request.early) == NU_EARLY_NOT && session_may_answer_early(s)) {
        bool later = s->conn->tcp.hangup == NULL && nu_tcp_read_begin(&s->conn->tcp);
        atomic_store(&s->request.early, later ? NU_EARLY_LATER : NU_EARLY_SOON);
    }
}

/* Any thread. */
static void session_conn_write(nng_http_conn *conn, nng_aio *aio, enum nu_write kind)
{
    struct nu_session *s = conn->session;
    if (atomic_load(&s->request.lease) == NU_LEASE_CLOSED) {
        aio->loop = conn->stream->loop;
        nu_aio_finish(aio, NNG_ECLOSED, 0);
        return;
    }
    atomic_store_explicit(&s->request.written, true, memory_order_relaxed);
    if (nu_loop_self() != conn->stream->loop) {
        nu_gate_write(&s->gate, conn->stream, aio, kind);
        return;
    }
    if (nu_gate_is_shut(&s->gate)) {
        nu_session_open_gate(s);
    }
    nu_stream_write(conn->stream, aio, kind);
}

/* The body, and nothing behind it. Any thread. */
static void session_conn_read(nng_http_conn *conn, nng_aio *aio, enum nu_read kind)
{
    struct nu_session *s = conn->session;
    if (nu_loop_self() == conn->stream->loop && nu_gate_is_shut(&s->gate)) {
        nu_session_open_gate(s); /* the client may wait for an answer before it sends more */
    }
    nu_request_body_read(&s->request, aio, kind);
}

/* Any thread. */
void nu_session_abort_lent(struct nu_session *s)
{
    struct nu_stream *stream = s->conn->stream;
    nu_gate_abort(&s->gate, NNG_ECLOSED);
    nu_lock(&stream->lock);
    nu_aio_queue_abort_all(&stream->reads, &s->aio, NNG_ECLOSED);
    nu_aio_queue_abort_all(&stream->writes, &s->aio, NNG_ECLOSED);
    nu_unlock(&stream->lock);
}

/* The session goes on until the handler has finished its aio, and then ends the connection. Any
 * thread. */
static void session_conn_close(nng_http_conn *conn)
{
    struct nu_session *s = conn->session;
    enum nu_lease was = nu_request_move_lease(&s->request, NU_LEASE_LENT, NU_LEASE_CLOSED);
    if (was == NU_LEASE_LENT || was == NU_LEASE_CLOSED) {
        nu_session_abort_lent(s);
    }
}

const struct nu_conn_ops nu_session_conn_ops = {
    .lent = true,
    .read = session_conn_read,
    .write = session_conn_write,
    .close = session_conn_close,
};
