/* SPDX-License-Identifier: MIT */
#include "http/session.h"

#include "base/clock.h"
#include "http/exchange.h"
#include "http/file.h"
#include "http/request.h"
#include "http/server_shard.h"
#include "io/runtime.h"

#include <stdlib.h>
#include <string.h>

#define LINGER_MS 2000                    /* how long the peer has to read our last words */
#define LINGER_MAX ((size_t) 1024 * 1024) /* and how much it may still send meanwhile */

static void session_finished(void *arg);
static void session_fired(struct nu_timer *timer);

/* ---- Life --------------------------------------------------------------------------------- */

void nu_session_set_state(struct nu_session *s, enum nu_session_state state)
{
    s->state = state;
}

static void session_drop_out(struct nu_session *s)
{
    if (s->lender != NULL) {
        nu_exchange_end(s->lender);
        s->lender = NULL;
    }
    if (s->out != NULL) {
        nu_response_batch_give(&s->shard->spare_batches, s->out);
        s->out = NULL;
    }
}

static void session_dispose(nng_aio *aio)
{
    struct nu_session *s = nu_container(aio, struct nu_session, aio);
    free(s);
}

/* The connection is closed, the kernel has let go of everything: the memory, which is the
 * session's, may go. A hijacked connection has left its shard before. */
static void session_conn_gone(struct nu_stream *stream)
{
    struct nu_session *s = nu_container(stream->user, struct nu_session, conn);
    if (s->shard != NULL) {
        session_drop_out(s);
        if (s->file != NULL) {
            nu_file_end(s->file);
        }
        if (s->exchange != NULL) {
            nu_exchange_end(s->exchange);
        }
        nu_server_shard_session_ended(s->shard);
    }
    nng_aio_reap(&s->aio);
}

static void session_close_now(struct nu_session *s, bool abortive);

/* What a client hears that speaks HTTP where it should have begun with a handshake. */
static const char no_plain_http[] =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 61\r\n"
    "Connection: close\r\n"
    "\r\n"
    "This port speaks https: put https:// in place of http:// ...\n";

static int session_secure(struct nu_session *s)
{
    struct nu_tls_params params = { .alpn = "http/1.1", .plain_reply = no_plain_http };
    int err = nng_http_server_get_tls(s->shard->server, &params.config);
    if (err == 0) {
        err = nu_conn_secure(&s->conn, &params);
        nng_tls_config_free(params.config);
    }
    return err;
}

int nu_session_start(struct nu_server_shard *shard, int fd)
{
    struct nu_session *s = malloc(sizeof *s);
    if (s == NULL) {
        return NNG_ENOMEM;
    }
    memset(s, 0, offsetof(struct nu_session, aio));
    s->shard = shard;
    nu_aio_init(&s->aio, session_finished, s);
    s->aio.dispose = session_dispose;
    s->aio.local = true;
    nu_task_init(&s->unpark, nu_request_undeferred);
    s->timer.fire = session_fired;
    nu_conn_init(&s->conn, shard->loop, fd, session_conn_gone);
    s->conn.session = s;
    s->conn.served = true;
    nu_list_append(&shard->sessions, &s->link);
    if (shard->secure && session_secure(s) != 0) {
        session_close_now(s, true);
        return 0;
    }
    nu_request_process(s);
    return 0;
}

/* From here on the session only waits for what it cannot interrupt. */
static void session_leave_port(struct nu_session *s)
{
    nu_session_set_state(s, NU_SESSION_CLOSED);
    nu_list_remove(&s->link);
    nu_timer_disarm(&s->shard->loop->timers, &s->timer);
    s->conn.session = NULL;
}

/* While a handler has the connection, or a file is being opened or read, those who answer give the
 * memory free. */
static void session_close_now(struct nu_session *s, bool abortive)
{
    enum nu_session_state state = s->state;
    if (state == NU_SESSION_CLOSED) {
        return;
    }
    session_leave_port(s);
    if (state == NU_SESSION_HANDLING || state == NU_SESSION_DEFERRED) {
        nu_stream_shut(s->conn.stream);
    } else {
        nu_stream_close(s->conn.stream, abortive);
    }
}

void nu_session_close_idle(struct nu_session *s)
{
    session_close_now(s, false);
}

void nu_session_close_late(struct nu_session *s)
{
    nu_stream_close(s->conn.stream, true);
}

void nu_session_give_up(struct nu_session *s)
{
    nu_session_set_state(s, NU_SESSION_WRITING);
    session_close_now(s, true);
}

bool nu_session_gone(const struct nu_session *s)
{
    return s->state == NU_SESSION_CLOSED;
}

/* ---- Time --------------------------------------------------------------------------------- */

/*
 * Nearly every step ends long before its deadline, and a later deadline takes its place. So the
 * timer is not moved with it: when it fires too early, it is armed again.
 */
static void session_set_deadline(struct nu_session *s, uint64_t when)
{
    struct nu_timers *timers = &s->shard->loop->timers;
    s->deadline = when;
    s->moved = 0;
    if (when == NU_NEVER || (s->timer.armed && s->timer.when <= when)) {
        return;
    }
    nu_timer_disarm(timers, &s->timer);
    nu_timer_arm(timers, &s->timer, when);
}

static void session_allow(struct nu_session *s, enum nng_uring_limit limit)
{
    uint64_t ms = s->shard->limits[limit];
    session_set_deadline(s, ms > 0 ? nu_loop_now(s->shard->loop) + ms * NU_MS : NU_NEVER);
}

/* Whether a read or write that takes its time has at least moved something since. For a write that
 * is what the peer has taken: the kernel asks for more only when much of its buffer is free. */
static bool session_progresses(struct nu_session *s)
{
    bool reads = s->state == NU_SESSION_COLLECTING;
    size_t moved = s->aio.io.done;
    if (!reads && s->state != NU_SESSION_WRITING && s->state != NU_SESSION_SENDING) {
        return false;
    }
    if (!reads) {
        moved -= nu_stream_unacked(s->conn.stream); /* only whether it changes counts */
    }
    if (moved == s->moved) {
        return false;
    }
    session_allow(s, reads ? NNG_URING_BODY_TIMEOUT : NNG_URING_WRITE_TIMEOUT);
    s->moved = moved;
    return true;
}

static void session_fired(struct nu_timer *timer)
{
    struct nu_session *s = nu_container(timer, struct nu_session, timer);
    struct nu_loop *loop = s->shard->loop;
    if (s->state == NU_SESSION_HANDLING || s->state == NU_SESSION_DEFERRED || loop->stopping) {
        return; /* the next step arms it again */
    }
    if (s->deadline > nu_now()) {
        session_set_deadline(s, s->deadline);
    } else if (!session_progresses(s)) {
        nng_aio_abort(&s->aio, NNG_ETIMEDOUT);
    }
}

/* ---- Reading and writing ------------------------------------------------------------------ */

/* The timer may have fired and been beaten by bytes that came at that moment. */
static void session_receive(struct nu_session *s)
{
    session_set_deadline(s, s->deadline);
    if (nng_aio_begin(&s->aio)) {
        nu_stream_read(s->conn.stream, &s->aio, NU_READ_FILL);
    }
}

void nu_session_receive(struct nu_session *s, enum nu_session_state state)
{
    nu_session_set_state(s, state);
    if (state != NU_SESSION_READING) {
        session_allow(s, NNG_URING_BODY_TIMEOUT);
    } else if (nu_rx_len(&s->conn.stream->rx) == 0) {
        session_allow(s, NNG_URING_IDLE_TIMEOUT);
    } else if (!s->begun) {
        s->begun = true;
        session_allow(s, NNG_URING_HEAD_TIMEOUT);
    } else if (s->deadline <= nu_loop_now(s->shard->loop)) {
        /* Its abort would be beaten again by the next byte, if one comes in every turn. */
        nu_request_refuse(s, NNG_HTTP_STATUS_REQUEST_TIMEOUT);
        return;
    }
    session_receive(s);
}

void nu_session_collect(struct nu_session *s, const struct iovec *iov)
{
    nu_session_set_state(s, NU_SESSION_COLLECTING);
    session_allow(s, NNG_URING_BODY_TIMEOUT);
    if (nng_aio_begin(&s->aio)) {
        s->aio.io = (struct nu_aio_io){ .iov = iov, .niov = 1, .total = iov->iov_len };
        nu_stream_read(s->conn.stream, &s->aio, NU_READ_ALL);
    }
}

static void session_write_vec(struct nu_session *s, const struct iovec *iov, unsigned niov,
                              size_t total)
{
    session_allow(s, NNG_URING_WRITE_TIMEOUT);
    if (nng_aio_begin(&s->aio)) {
        s->aio.io = (struct nu_aio_io){ .iov = iov, .niov = niov, .total = total };
        nu_stream_write(s->conn.stream, &s->aio, NU_WRITE_ALL);
    }
}

void nu_session_flush(struct nu_session *s)
{
    nu_session_set_state(s, NU_SESSION_WRITING);
    size_t total = nu_response_batch_finalize(s->out);
    session_write_vec(s, s->out->iov, s->out->n, total);
}

void nu_session_send_part(struct nu_session *s, const struct iovec *iov, unsigned niov,
                          size_t total)
{
    nu_session_set_state(s, NU_SESSION_SENDING);
    session_write_vec(s, iov, niov, total);
}

void nu_session_send_file(struct nu_session *s, const struct nu_stream_file *file)
{
    nu_session_set_state(s, NU_SESSION_SENDING);
    session_allow(s, NNG_URING_WRITE_TIMEOUT);
    if (nng_aio_begin(&s->aio)) {
        s->aio.io = (struct nu_aio_io){ .total = file->len, .own = { { .cp = file } } };
        if (s->out != NULL) {
            s->aio.io.total += nu_response_batch_finalize(s->out);
            s->aio.io.iov = s->out->iov;
            s->aio.io.niov = s->out->n;
        }
        nu_stream_write(s->conn.stream, &s->aio, NU_WRITE_FILE);
    }
}

/* Everything before it has been written, so there is room; where there is none, the client goes on
 * without being told, after a while of its own choice. It must not come in the midst of a response
 * that a handler has begun. */
void nu_session_continue(struct nu_session *s)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (s->expects && !atomic_load_explicit(&s->conn.written, memory_order_relaxed)) {
        s->expects = false;
        nu_stream_send_now(s->conn.stream, text, sizeof text - 1);
    }
}

/* Says good-bye, and keeps reading for a while: closing at once with bytes unread would make the
 * kernel send a reset, which can take our last response from the peer (RFC 9112 9.6). */
static void session_linger(struct nu_session *s)
{
    struct nu_rx *rx = &s->conn.stream->rx;
    if (s->state != NU_SESSION_LINGERING) {
        nu_session_set_state(s, NU_SESSION_LINGERING);
        nu_stream_shutdown_write(s->conn.stream);
        session_set_deadline(s, nu_loop_now(s->shard->loop) + LINGER_MS * NU_MS);
        s->thrown = 0;
    }
    s->thrown += nu_rx_len(rx);
    nu_rx_clear(rx, &s->conn.stream->loop->buffers);
    if (s->thrown > LINGER_MAX) {
        session_close_now(s, false);
        return;
    }
    session_receive(s);
}

/* A body that nobody wants must not run as the next request. */
static void session_drain(struct nu_session *s)
{
    struct nu_rx *rx = &s->conn.stream->rx;
    enum nu_parse result = NU_PARSE_MORE;
    struct nu_slice data;
    size_t used;
    while (result == NU_PARSE_MORE && nu_rx_len(rx) > 0) {
        result = nu_body_reader_next(&s->body, (const char *) nu_rx_data(rx), nu_rx_len(rx), &used,
                                     &data);
        nu_stream_consume(s->conn.stream, used);
        s->thrown += used;
    }
    if (result == NU_PARSE_DONE) {
        nu_request_process(s);
    } else if (result == NU_PARSE_BAD || s->thrown > s->shard->limits[NNG_URING_DRAIN_BYTES]) {
        session_linger(s);
    } else {
        nu_session_receive(s, NU_SESSION_DRAINING);
    }
}

void nu_session_answered(struct nu_session *s)
{
    session_drop_out(s);
    s->thrown = 0;
    if (s->last) {
        session_linger(s);
    } else if (nu_body_reader_unread(&s->body)) {
        session_drain(s);
    } else {
        nu_request_process(s);
    }
}

/* ---- The end of a step -------------------------------------------------------------------- */

static void session_failed(struct nu_session *s, int err)
{
    bool late = err == NNG_ETIMEDOUT;
    if (late &&
        (s->state == NU_SESSION_COLLECTING || (s->state == NU_SESSION_READING && s->begun))) {
        nu_request_refuse(s, NNG_HTTP_STATUS_REQUEST_TIMEOUT);
    } else if (s->state == NU_SESSION_WRITING || s->state == NU_SESSION_SENDING) {
        session_close_now(s, true);
    } else {
        session_close_now(s, !late && err != NNG_ECONNSHUT && s->state != NU_SESSION_LINGERING);
    }
}

/* The session's read or write has ended. */
static void session_finished(void *arg)
{
    struct nu_session *s = arg;
    int err = nng_aio_result(&s->aio);
    if (s->state == NU_SESSION_CLOSED) {
        return;
    }
    if (err != 0) {
        session_failed(s, err);
        return;
    }
    switch (s->state) {
    case NU_SESSION_READING:
        nu_request_process(s);
        break;
    case NU_SESSION_COLLECTING:
        nu_request_collect(s);
        break;
    case NU_SESSION_WRITING:
        nu_session_answered(s);
        break;
    case NU_SESSION_SENDING:
        session_drop_out(s);
        nu_session_set_state(s, NU_SESSION_HANDLING);
        nu_file_written(s->file);
        break;
    case NU_SESSION_DRAINING:
        session_drain(s);
        break;
    case NU_SESSION_LINGERING:
        session_linger(s);
        break;
    default:
        break;
    }
}

/* ---- Stopping ----------------------------------------------------------------------------- */

void nu_session_stop(struct nu_session *s)
{
    if (s->exchange != NULL) {
        nng_aio_abort(&s->exchange->aio, NNG_ECLOSED);
    }
    session_close_now(s, true);
}

void nu_session_drain(struct nu_session *s)
{
    if (s->state == NU_SESSION_READING) {
        session_close_now(s, false);
    }
    s->last = true;
}

int nng_http_hijack(nng_http_conn *conn)
{
    struct nu_session *s = conn->session;
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    if (s == NULL || s->exchange == NULL) {
        return NNG_EINVAL;
    }
    session_leave_port(s);
    nu_server_shard_session_ended(s->shard);
    conn->served = false;
    s->shard = NULL;
    s->exchange->req = NULL;
    s->exchange->session = NULL;
    s->exchange = NULL;
    return 0;
}
