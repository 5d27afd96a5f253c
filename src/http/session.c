/* SPDX-License-Identifier: MIT */
#include "http/session.h"

#include "base/clock.h"
#include "http/answer.h"
#include "http/dispatch.h"
#include "http/exchange.h"
#include "http/file.h"
#include "http/file_job.h"
#include "http/hijack.h"
#include "http/report.h"
#include "http/request_body.h"
#include "http/session_io.h"
#include "http/session_proxy.h"
#include "http/session_state.h"
#include "http/sources.h"
#include "io/counters.h"
#include "io/runtime.h"

#include <nng/uring.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NESTED 8U
#define TOO_MANY NNG_HTTP_STATUS_TOO_MANY_REQUESTS
#define LINGER_IDLE (2 * NU_SECOND) /* the peer is silent while it reads our last words */

static void session_run(struct nu_session *s, enum nu_step step);

/* ---- Life --------------------------------------------------------------------------------- */

static struct nu_session *session_of(struct nu_request *r)
{
    return nu_container(r, struct nu_session, request);
}

static void session_drop_batch(struct nu_session *s, struct nu_response_batch **batch)
{
    if (*batch != NULL && s->service != NULL) {
        nu_response_batch_give(&s->service->spare_batches, *batch);
    } else if (*batch != NULL) {
        nu_response_batch_free(*batch);
    }
    *batch = NULL;
}

/* The handler's lease of the connection is over. False: it has hijacked it. */
static bool session_take_back(struct nu_session *s)
{
    (void) nu_request_move_lease(&s->request, NU_LEASE_LENT, NU_LEASE_NONE);
    return !nu_hijack_settle(s);
}

/* Likewise before the handler is done, which hears that the connection is closed. */
static bool session_revoke(struct nu_session *s)
{
    (void) nu_request_move_lease(&s->request, NU_LEASE_LENT, NU_LEASE_CLOSED);
    return !nu_hijack_settle(s);
}

static void session_dispose(nng_aio *aio)
{
    struct nu_session *s = nu_container(aio, struct nu_session, aio);
    nu_conn_free(s->conn);
    nu_request_free(&s->request);
    free(s);
}

/* The connection is closed, the kernel has let go of everything: the memory, the session's too, may
 * go. A hijacked connection has left its service before. */
static void session_conn_gone(struct nu_stream *stream)
{
    nng_http_conn *conn = stream->user;
    struct nu_session *s = conn->session;
    session_drop_batch(s, &s->writing);
    session_drop_batch(s, &s->request.batch);
    if (s->request.file != NULL) {
        s->request.bytes -= nu_file_unread(s->request.file);
        nu_file_end(s->request.file);
    }
    if (s->request.exchange != NULL) {
        nu_exchange_end(s->request.exchange);
    }
    if (s->service != NULL) {
        nu_report_end(&s->request, false);
        nu_report_free(&s->request);
        s->service->session_ended(s->service);
    }
    nng_aio_reap(&s->aio);
}

/* While a handler has the connection, or a file is being opened or read, those who answer close it;
 * what a handler has hijacked is not ours to close. */
static void session_close(struct nu_session *s, bool abortive)
{
    bool lent = nu_session_is_lent(s);
    if (s->state == NU_SESSION_CLOSED || !session_revoke(s)) {
        return;
    }
    nu_session_leave(s);
    if (lent) {
        nu_stream_shut(s->conn->stream);
    } else {
        nu_stream_close(s->conn->stream, abortive);
    }
}

/* ---- Reading ------------------------------------------------------------------------------ */

/* What has come is no whole request. */
static enum nu_step session_await_request(struct nu_session *s)
{
    if (nu_session_gathers(s)) {
        return nu_session_flush(s, NU_STEP_NEXT);
    }
    if (nu_rx_len(&s->conn->stream->rx) == 0 && s->service->draining) {
        nu_session_allow_grace(s);
    } else if (nu_rx_len(&s->conn->stream->rx) == 0) {
        nu_session_rank(s);
        nu_session_allow(s, NNG_URING_IDLE_TIMEOUT);
    } else if (!s->begun) {
        s->begun = true;
        nu_session_allow(s, NNG_URING_HEAD_TIMEOUT);
    } else if (nu_session_head_is_late(s)) {
        return nu_dispatch_refuse(&s->request, NNG_HTTP_STATUS_REQUEST_TIMEOUT);
    }
    return nu_session_receive(s, NU_SESSION_READING);
}

/* A handler that waits turns the loop, and the handlers it calls then may wait as well. Beyond some
 * depth requests wait for the stack to unwind, or it might never do so. */
static enum nu_step session_defer(struct nu_session *s)
{
    if (nu_session_gathers(s)) {
        return nu_session_flush(s, NU_STEP_NEXT);
    }
    nu_session_set_state(s, NU_SESSION_DEFERRED);
    nu_loop_post_top_level(s->service->loop, &s->unpark);
    return NU_STEP_WAIT;
}

/* The results are for the parser to set. */
static void session_prepare_head(struct nu_session *s, struct nu_head *head)
{
    head->fields = s->service->fields;
    head->maxfields = (unsigned) s->service->limits[NNG_URING_HEAD_FIELDS];
    head->max_head = s->service->limits[NNG_URING_HEAD_BYTES];
    head->max_target = 0;
    head->memo = s->service->memos;
    head->progress = &s->progress;
}

static enum nu_step session_next(struct nu_session *s)
{
    struct nu_stream *stream = s->conn->stream;
    struct nu_head head;
    nng_sockaddr forwarded;
    size_t have = nu_rx_len(&stream->rx);
    if (s->proxy_due) {
        return nu_session_take_proxy(s);
    }
    if (s->request.batch != NULL && !nu_response_batch_has_room(s->request.batch)) {
        return nu_session_flush(s, NU_STEP_NEXT); /* whatever has led here */
    }
    if (have == 0) {
        return session_await_request(s);
    }
    if (stream->loop->depth > MAX_NESTED) {
        return session_defer(s);
    }
    session_prepare_head(s, &head);
    enum nu_parse result = nu_parse_request((const char *) nu_rx_data(&stream->rx), have, &head);
    if (result == NU_PARSE_MORE) {
        return session_await_request(s);
    }
    if (result == NU_PARSE_BAD) {
        return nu_dispatch_refuse(&s->request, (unsigned) head.bad_status);
    }
    s->begun = false;
    s->asked = true;
    const nng_sockaddr *client =
        s->conn->trusted ? nu_sources_client(s->service, &head, &forwarded) : NULL;
    if (s->service->hook != NULL) {
        nu_report_begin(&s->request, &head, (const char *) nu_rx_data(&stream->rx), client);
    }
    enum nu_step step = nu_source_may_ask(s->conn->source, s->service, client)
                            ? nu_dispatch(&s->request, &head, have == head.length)
                            : nu_dispatch_deny(&s->request, &head, have == head.length, TOO_MANY);
    nu_report_settle(&s->request, step == NU_STEP_ANSWERED);
    nu_stream_consume(stream, head.length);
    if (step == NU_STEP_WAIT) {
        nu_session_set_state(s, NU_SESSION_LOADING);
        nu_session_write_gathered(s);
    } else if (step == NU_STEP_COLLECT) {
        nu_session_begin_body(s);
    }
    return step;
}

/* A body for a handler: what has come of it, then the rest. */
static enum nu_step session_collect(struct nu_session *s)
{
    struct nu_rx *rx = &s->conn->stream->rx;
    struct nu_exchange *exchange = s->request.exchange;
    enum nu_step step;
    do {
        size_t have = nu_rx_len(rx), used;
        const char *bytes = have > 0 ? (const char *) nu_rx_data(rx) : "";
        step = nu_exchange_collect(exchange, bytes, have, &used);
        nu_stream_consume(s->conn->stream, used);
        s->body_bytes += used;
    } while (step == NU_STEP_COLLECT && nu_rx_len(rx) > 0);
    if (step != NU_STEP_COLLECT) {
        return step;
    }
    if (nu_session_gathers(s)) {
        return nu_session_flush(s, NU_STEP_COLLECT);
    }
    nu_request_body_continue(&s->request);
    if (!nu_session_allow_body(s)) {
        return nu_dispatch_refuse(&s->request, NNG_HTTP_STATUS_REQUEST_TIMEOUT);
    }
    if (s->request.body.chunked) {
        return nu_session_receive(s, NU_SESSION_COLLECTING);
    }
    return nu_session_read_all(s, NU_SESSION_COLLECTING, nu_exchange_rest(exchange));
}

/* ---- Handlers ----------------------------------------------------------------------------- */

/* The handler has finished its aio, and the session is gone meanwhile. */
static void session_answered_late(struct nu_session *s, struct nu_exchange *exchange)
{
    nu_exchange_drop_response(exchange);
    nu_stream_close(s->conn->stream, true);
}

/* Nobody is to hear its answer. */
static void session_forget_exchange(struct nu_exchange *exchange)
{
    nu_exchange_drop_response(exchange);
    nu_exchange_end(exchange);
}

/* Where the handler has closed the connection, what was written before is the last of it. What was
 * begun on another thread just when it did is to end, too. */
static enum nu_step session_answer(struct nu_session *s, struct nu_exchange *exchange)
{
    nu_session_set_state(s, NU_SESSION_RUNNING);
    if (atomic_load(&s->request.lease) != NU_LEASE_CLOSED) {
        return nu_exchange_answer(exchange);
    }
    nu_session_abort_lent(s);
    s->request.exchange = NULL;
    s->request.last = true;
    session_forget_exchange(exchange);
    return NU_STEP_ANSWERED;
}

/* Later than in its call. */
static void session_exchange_done(void *arg)
{
    struct nu_exchange *exchange = arg;
    if (exchange->request == NULL || !session_take_back(session_of(exchange->request))) {
        session_forget_exchange(exchange);
        return;
    }
    struct nu_session *s = session_of(exchange->request);
    if (s->state == NU_SESSION_CLOSED) {
        session_answered_late(s, exchange);
        return;
    }
    session_run(s, session_answer(s, exchange));
}

/* A handler may do anything in its call: wait, stop the server, hijack the connection and close it.
 * One on a worker may take its time, for which nothing that is gathered waits. */
static enum nu_step session_call(struct nu_session *s)
{
    struct nu_exchange *exchange = s->request.exchange;
    bool gate = s->request.batch != NULL;
    if (gate && (s->writing != NULL || nu_exchange_is_for_worker(exchange))) {
        return nu_session_flush(s, NU_STEP_CALL);
    }
    nu_session_set_state(s, NU_SESSION_HANDLING);
    atomic_store_explicit(&s->request.lease, NU_LEASE_LENT, memory_order_relaxed);
    if (gate) {
        nu_session_shut_gate(s);
    }
    bool finished = nu_exchange_call(exchange);
    if (exchange->request == NULL || (finished && !session_take_back(s))) {
        if (finished) {
            session_forget_exchange(exchange);
        }
        return NU_STEP_WAIT;
    }
    if (nu_gate_is_shut(&s->gate)) {
        nu_session_leave_gate(s, finished);
    }
    if (!finished) {
        nu_session_leave_to_handler(s);
        return NU_STEP_WAIT;
    }
    if (s->state == NU_SESSION_CLOSED) {
        session_answered_late(s, exchange);
        return NU_STEP_WAIT;
    }
    return session_answer(s, exchange);
}

/* ---- Files -------------------------------------------------------------------------------- */

static enum nu_step session_file_sent(struct nu_session *s)
{
    enum nu_step step = nu_file_written(s->request.file, s->aio.io.total - s->aio.io.done);
    if (step == NU_STEP_WAIT) {
        nu_session_set_state(s, NU_SESSION_LOADING);
    }
    return step;
}

static void session_file_done(struct nu_op *op, int res, uint32_t flags)
{
    struct nu_session *s = session_of(nu_file_request(op));
    (void) flags;
    if (s->state == NU_SESSION_CLOSED) {
        nu_file_drop(s->request.file, res);
        nu_stream_close(s->conn->stream, true);
        return;
    }
    enum nu_step step = nu_file_done(s->request.file, res);
    if (step != NU_STEP_WAIT) {
        nu_session_set_state(s, NU_SESSION_RUNNING);
        session_run(s, step);
    }
}

/* ---- After an answer ---------------------------------------------------------------------- */

/* A body that nobody wants must not run as the next request. */
static enum nu_step session_drain(struct nu_session *s)
{
    struct nu_rx *rx = &s->conn->stream->rx;
    enum nu_parse result = NU_PARSE_MORE;
    struct nu_slice data;
    size_t used;
    while (result == NU_PARSE_MORE && nu_rx_len(rx) > 0) {
        result = nu_body_reader_next(&s->request.body, (const char *) nu_rx_data(rx), nu_rx_len(rx),
                                     &used, &data);
        nu_stream_consume(s->conn->stream, used);
        s->thrown += used;
        s->body_bytes += used;
    }
    if (result == NU_PARSE_DONE) {
        return NU_STEP_NEXT;
    }
    if (result == NU_PARSE_BAD || s->thrown > s->service->limits[NNG_URING_DRAIN_BYTES]) {
        return nu_session_gathers(s) ? nu_session_flush(s, NU_STEP_LINGER) : NU_STEP_LINGER;
    }
    if (nu_session_gathers(s)) {
        return nu_session_flush(s, NU_STEP_DRAIN);
    }
    return nu_session_allow_body(s) ? nu_session_receive(s, NU_SESSION_DRAINING) : NU_STEP_LINGER;
}

/* Reads for a while: closing at once with bytes unread would make the kernel send a reset, which
 * can take our last response from the peer (RFC 9112 9.6). Who goes on sending has until a time and
 * a number of bytes that it cannot move; who does not has less. */
static enum nu_step session_linger_on(struct nu_session *s)
{
    struct nu_rx *rx = &s->conn->stream->rx;
    uint64_t now = nu_loop_now(s->service->loop), idle = now + LINGER_IDLE;
    s->thrown += nu_rx_len(rx);
    nu_rx_clear(rx, &s->conn->stream->loop->buffers);
    if (s->thrown > s->service->limits[NNG_URING_LINGER_BYTES] || now >= s->linger_until) {
        return NU_STEP_CLOSE;
    }
    nu_session_set_deadline(s, idle < s->linger_until ? idle : s->linger_until);
    return nu_session_receive(s, NU_SESSION_LINGERING);
}

static enum nu_step session_linger(struct nu_session *s)
{
    uint64_t ms = s->service->limits[NNG_URING_LINGER_TIMEOUT];
    nu_stream_shutdown_write(s->conn->stream);
    s->linger_until = ms > 0 ? nu_loop_now(s->service->loop) + ms * NU_MS : NU_NEVER;
    s->thrown = 0;
    return session_linger_on(s);
}

static enum nu_step session_answered(struct nu_session *s)
{
    s->thrown = 0;
    nu_report_end(&s->request, true);
    if (s->request.last) {
        return nu_session_gathers(s) ? nu_session_flush(s, NU_STEP_LINGER) : NU_STEP_LINGER;
    }
    if (!nu_body_reader_unread(&s->request.body)) {
        return NU_STEP_NEXT;
    }
    nu_session_begin_body(s);
    return NU_STEP_DRAIN;
}

static enum nu_step session_end(struct nu_session *s, bool abortive)
{
    session_close(s, abortive);
    return NU_STEP_WAIT;
}

/* ---- The driver --------------------------------------------------------------------------- */

static enum nu_step session_take(struct nu_session *s, enum nu_step step)
{
    switch (step) {
    case NU_STEP_NEXT:
        return session_next(s);
    case NU_STEP_ANSWERED:
        return session_answered(s);
    case NU_STEP_COLLECT:
        return session_collect(s);
    case NU_STEP_CALL:
        return session_call(s);
    case NU_STEP_SEND:
        return nu_session_send(s, nu_file_pages(s->request.file), nu_file_piece(s->request.file));
    case NU_STEP_DRAIN:
        return session_drain(s);
    case NU_STEP_LINGER:
        return session_linger(s);
    case NU_STEP_LINGER_ON:
        return session_linger_on(s);
    case NU_STEP_CLOSE:
        return session_end(s, false);
    default:
        return session_end(s, true);
    }
}

/* The session may be gone when this returns. */
static void session_run(struct nu_session *s, enum nu_step step)
{
    while (step != NU_STEP_WAIT) {
        step = session_take(s, step);
    }
}

/* An event has come that the session has waited for. */
static void session_resume(struct nu_session *s, enum nu_step step)
{
    nu_session_set_state(s, NU_SESSION_RUNNING);
    session_run(s, step);
}

static void session_undeferred(struct nu_task *task)
{
    struct nu_session *s = nu_container(task, struct nu_session, unpark);
    if (s->state == NU_SESSION_CLOSED) {
        nu_stream_close(s->conn->stream, true);
    } else {
        session_resume(s, NU_STEP_NEXT);
    }
}

static void session_failed(struct nu_session *s, int err, bool wrote)
{
    bool late = err == NNG_ETIMEDOUT;
    if (late) {
        nu_session_timed_out(s, wrote);
    }
    if (wrote) {
        session_close(s, true);
    } else if (late && (s->state == NU_SESSION_COLLECTING ||
                        (s->state == NU_SESSION_READING && s->begun))) {
        nu_session_set_state(s, NU_SESSION_RUNNING);
        session_run(s, nu_dispatch_refuse(&s->request, NNG_HTTP_STATUS_REQUEST_TIMEOUT));
    } else {
        session_close(s, !late && err != NNG_ECONNSHUT && s->state != NU_SESSION_LINGERING);
    }
}

/* The session's read or write has come well to its end. */
static void session_went_on(struct nu_session *s)
{
    switch (s->state) {
    case NU_SESSION_READING:
        session_resume(s, NU_STEP_NEXT);
        break;
    case NU_SESSION_COLLECTING:
        session_resume(s, s->request.body.chunked ? NU_STEP_COLLECT
                                                  : nu_exchange_collected(s->request.exchange));
        break;
    case NU_SESSION_WRITING:
        if (s->request.batch == NULL) {
            session_resume(s, s->after);
            break;
        }
        nu_session_write_gathered(s); /* it was behind this one */
        break;
    case NU_SESSION_SENDING:
        nu_session_set_state(s, NU_SESSION_RUNNING);
        session_run(s, session_file_sent(s));
        break;
    case NU_SESSION_DRAINING:
        session_resume(s, NU_STEP_DRAIN);
        break;
    case NU_SESSION_LINGERING:
        session_resume(s, NU_STEP_LINGER_ON);
        break;
    default: /* what was gathered is written while the handler or the file takes its time */
        nu_session_write_gathered(s);
        nu_session_leave_to_handler(s);
        break;
    }
}

/* The session's read or write has ended. */
static void session_finished(void *arg)
{
    struct nu_session *s = arg;
    int err = nng_aio_result(&s->aio);
    bool wrote = nu_session_is_writing(s);
    session_drop_batch(s, &s->writing);
    if (s->state == NU_SESSION_CLOSED) {
        nu_hijack_shed_written(s);
        return;
    }
    if (err != 0) {
        session_failed(s, err, wrote);
    } else {
        session_went_on(s);
    }
}

/* ---- Starting and stopping ---------------------------------------------------------------- */

int nu_session_start(struct nu_service *service, int fd, struct nu_source *source)
{
    struct nu_session *s = malloc(sizeof *s);
    nng_http_conn *conn = malloc(sizeof *conn);
    if (s == NULL || conn == NULL) {
        free(s);
        free(conn);
        return NNG_ENOMEM;
    }
    memset(s, 0, offsetof(struct nu_session, aio));
    s->service = service;
    s->request.service = service;
    s->conn = conn;
    s->request.conn = conn;
    s->request.exchange_done = session_exchange_done;
    s->request.file_done = session_file_done;
    nu_aio_init(&s->aio, session_finished, s);
    s->aio.dispose = session_dispose;
    s->aio.local = true;
    nu_task_init(&s->unpark, session_undeferred);
    nu_task_init(&s->hijacked, nu_hijack_run);
    s->timer.fire = nu_session_fired;
    nu_gate_init(&s->gate);
    nu_list_init(&s->hold.link);
    s->hold.let_go = nu_session_let_go;
    nu_conn_init(conn, service->loop, fd, session_conn_gone);
    conn->source = source;
    atomic_init(&conn->ops, &nu_session_conn_ops);
    conn->session = s;
    nu_list_init(&s->link);
    nu_session_rank(s);
    nu_count(NU_COUNT_SESSIONS_OPENED, 1);
    session_run(s, nu_session_begin(s));
    return 0;
}

bool nu_session_evict(struct nu_session *s)
{
    bool idle = nu_stream_unread(s->conn->stream) == 0;
    if (idle) {
        session_close(s, false);
    }
    return idle;
}

void nu_session_stop(struct nu_session *s)
{
    if (!session_revoke(s)) {
        return;
    }
    if (s->request.exchange != NULL) {
        nng_aio_abort(&s->request.exchange->aio, NNG_ECLOSED);
    }
    session_close(s, true);
}

void nu_session_drain(struct nu_session *s)
{
    if (s->state == NU_SESSION_READING && !s->begun) {
        nu_session_allow_grace(s);
    }
    nu_request_make_last(&s->request);
}
