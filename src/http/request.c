/* SPDX-License-Identifier: MIT */
#include "http/request.h"

#include "http/answer.h"
#include "http/exchange.h"
#include "http/file.h"
#include "http/handler.h"
#include "http/router.h"
#include "http/server_shard.h"
#include "http/session.h"
#include "wire/message.h"
#include "wire/url.h"

#include <string.h>

#define MAX_NESTED 8U
#define ALLOW_ROOM 512

enum progress {
    NEXT,      /* it is answered; the next request may be looked at */
    FLUSH,     /* what is gathered has to be written first */
    UNDER_WAY, /* something else goes on from here */
};

static void request_consume(struct nu_session *s, size_t n)
{
    nu_stream_consume(s->conn.stream, n);
}

/* ---- Bodies for handlers ------------------------------------------------------------------ */

static void request_call(struct nu_session *s)
{
    struct nu_exchange *exchange = s->exchange;
    if (nu_exchange_keep_body(exchange) != 0) {
        nu_session_give_up(s); /* the exchange goes with the connection */
        return;
    }
    nu_session_set_state(s, NU_SESSION_HANDLING);
    nu_exchange_call(exchange);
}

static void request_collect_chunks(struct nu_session *s)
{
    struct nu_rx *rx = &s->conn.stream->rx;
    struct nu_buf *body = &s->exchange->body;
    size_t max = s->exchange->handler->collect_max, used;
    enum nu_parse result = NU_PARSE_MORE;
    struct nu_slice data;
    while (result == NU_PARSE_MORE && nu_rx_len(rx) > 0 && body->len <= max) {
        result = nu_body_reader_next(&s->body, (const char *) nu_rx_data(rx), nu_rx_len(rx), &used,
                                     &data);
        nu_buf_add(body, data.p, data.n);
        request_consume(s, used);
    }
    if (result == NU_PARSE_BAD) {
        nu_request_refuse(s, NNG_HTTP_STATUS_BAD_REQUEST);
    } else if (body->len > max) {
        nu_request_refuse(s, NNG_HTTP_STATUS_PAYLOAD_TOO_LARGE);
    } else if (nu_buf_error(body) != 0) {
        nu_request_refuse(s, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
    } else if (result == NU_PARSE_DONE) {
        request_call(s);
    } else {
        nu_session_receive(s, NU_SESSION_COLLECTING);
    }
}

void nu_request_collect(struct nu_session *s)
{
    if (s->body.chunked) {
        request_collect_chunks(s);
        return;
    }
    s->body.left = 0;
    request_call(s);
}

/* Reads the body, then calls the handler. Part or all of it may have arrived already. */
static void request_collect(struct nu_session *s)
{
    struct nu_exchange *exchange = s->exchange;
    size_t length = (size_t) s->body.left;
    nu_session_continue(s);
    if (s->body.chunked) {
        request_collect_chunks(s);
        return;
    }
    if (nu_buf_reserve(&exchange->body, length) != 0) {
        nu_request_refuse(s, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
        return;
    }
    exchange->body.len = length;
    exchange->iov = (struct iovec){ exchange->body.data, length };
    nu_session_collect(s, &exchange->iov);
}

/* A handler's callback may do anything, so nothing may follow it here. */
static void request_call_handler(struct nu_session *s, nng_http_handler *h,
                                 const struct nu_head *head)
{
    bool wanted = h->collect && nu_body_reader_unread(&s->body);
    if (wanted && !s->body.chunked && s->body.left > h->collect_max) {
        request_consume(s, head->length);
        nu_session_answer_error(s, NNG_HTTP_STATUS_PAYLOAD_TOO_LARGE);
        return;
    }
    s->exchange = nu_exchange_new(s, h, head);
    request_consume(s, head->length);
    if (s->exchange == NULL) {
        nu_session_answer_error(s, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
    } else if (wanted) {
        request_collect(s);
    } else {
        nu_session_set_state(s, NU_SESSION_HANDLING);
        nu_exchange_call(s->exchange);
    }
}

/* ---- Finding who answers ------------------------------------------------------------------ */

static bool request_is(struct nu_slice slice, const char *text)
{
    return slice.n == strlen(text) && memcmp(slice.p, text, slice.n) == 0;
}

/* Nobody answers this; the response says why, and what would have been answered. */
static void request_answer_nobody(struct nu_session *s, const struct nu_head *head, unsigned status)
{
    const struct nu_router *router = nu_server_shard_router(s->shard);
    char allow[ALLOW_ROOM];
    nng_http_res *res;
    if (status != NNG_HTTP_STATUS_BAD_REQUEST && !head->known &&
        !nu_router_knows(router, head->method)) {
        status = NNG_HTTP_STATUS_NOT_IMPLEMENTED; /* RFC 9110 9.1 */
    }
    int err = nng_http_res_alloc_error(&res, (uint16_t) status);
    if (err == 0 && status == NNG_HTTP_STATUS_METHOD_NOT_ALLOWED) {
        nu_router_allow(router, head->host, s->shard->path, allow, sizeof allow);
        err = nng_http_res_set_header(res, "Allow", allow); /* RFC 9110 15.5.6 */
        if (err != 0) {
            nng_http_res_free(res);
        }
    }
    request_consume(s, head->length);
    s->last = s->last || status == NNG_HTTP_STATUS_BAD_REQUEST;
    if (err != 0) {
        nu_session_abandon(s);
        return;
    }
    nu_session_answer(s, res);
}

/* What the target means to us, to shard->path and shard->query. 0, or the status to answer with. */
static unsigned request_find_path(const struct nu_session *s, const struct nu_head *head)
{
    size_t len;
    if (request_is(head->method, "CONNECT") || request_is(head->target, "*")) {
        return NNG_HTTP_STATUS_NOT_IMPLEMENTED; /* no proxy is here, and * is no resource */
    }
    return nu_target_decode(head->target.p, head->target.n, s->shard->path, sizeof s->shard->path,
                            &len, &s->shard->query) == 0
               ? 0
               : NNG_HTTP_STATUS_BAD_REQUEST;
}

/* Requests that cannot be answered on the spot wait until the answers before them are written. */
static bool request_must_flush(const struct nu_session *s, const nng_http_handler *h)
{
    return s->out != NULL && (h == NULL || h->kind != NU_HANDLER_STATIC);
}

/* What has to be known of a request until it is answered. */
static void request_begin(struct nu_session *s, const struct nu_head *head)
{
    bool all = nu_rx_len(&s->conn.stream->rx) == head->length;
    s->begun = false;
    s->last = !head->keep_alive || s->shard->draining;
    s->http10 = head->minor == 0;
    s->bodiless = request_is(head->method, "HEAD");
    nu_body_reader_begin(&s->body, head);
    s->expects = head->expect_continue && all && nu_body_reader_unread(&s->body);
    atomic_store_explicit(&s->conn.written, false, memory_order_relaxed);
}

static enum progress request_answer_static(struct nu_session *s, nng_http_handler *h, size_t length)
{
    if (!nu_session_answer_static(s, h)) {
        return UNDER_WAY;
    }
    request_consume(s, length);
    return s->last || nu_body_reader_unread(&s->body) || !nu_response_batch_has_room(s->out) ? FLUSH
                                                                                             : NEXT;
}

static void request_answer_file(struct nu_session *s, nng_http_handler *h,
                                const struct nu_head *head)
{
    struct nu_file_job *job = nu_file_prepare(s, h, s->shard->path, head);
    nu_session_set_state(s, NU_SESSION_HANDLING);
    request_consume(s, head->length);
    if (job == NULL) {
        nu_session_answer_error(s, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
    } else {
        nu_file_start(job);
    }
}

static void request_answer_redirect(struct nu_session *s, nng_http_handler *h,
                                    const struct nu_head *head)
{
    nng_http_res *res = nu_redirect_res(h, s->shard->path, s->shard->query);
    request_consume(s, head->length);
    if (res == NULL) {
        nu_session_abandon(s);
    } else {
        nu_session_answer(s, res);
    }
}

/* Answers one request. The session may be gone afterwards, unless there is more to say about it. */
static enum progress request_answer(struct nu_session *s, const struct nu_head *head)
{
    unsigned status = request_find_path(s, head);
    nng_http_handler *h = NULL;
    if (status == 0) {
        h = nu_router_find(nu_server_shard_router(s->shard), head->method, head->host,
                           s->shard->path, &status);
    }
    if (request_must_flush(s, h)) {
        return FLUSH;
    }
    request_begin(s, head);
    if (h == NULL) {
        request_answer_nobody(s, head, status);
        return UNDER_WAY;
    }
    switch (h->kind) {
    case NU_HANDLER_STATIC:
        return request_answer_static(s, h, head->length);
    case NU_HANDLER_CALLBACK:
        request_call_handler(s, h, head);
        break;
    case NU_HANDLER_REDIRECT:
        request_answer_redirect(s, h, head);
        break;
    default:
        request_answer_file(s, h, head);
        break;
    }
    return UNDER_WAY;
}

/* ---- One after the other ------------------------------------------------------------------ */

/* The answers before it come first; then the bad request is looked at again. */
void nu_request_refuse(struct nu_session *s, int status)
{
    if (s->out != NULL) {
        nu_session_flush(s);
        return;
    }
    if (s->exchange != NULL) {
        nu_exchange_end(s->exchange);
        s->exchange = NULL;
    } else {
        s->http10 = false;
        s->bodiless = false;
    }
    s->last = true;
    nu_session_answer_error(s, (unsigned) status);
}

/* A handler that waits turns the loop, and the handlers it calls then may wait as well. Beyond some
 * depth requests wait for the stack to unwind, or it might never do so. */
static bool request_park(struct nu_session *s)
{
    struct nu_loop *loop = s->conn.stream->loop;
    if (loop->depth <= MAX_NESTED) {
        return false;
    }
    nu_session_set_state(s, NU_SESSION_DEFERRED);
    nu_loop_post_top_level(loop, &s->unpark);
    return true;
}

void nu_request_undeferred(struct nu_task *task)
{
    struct nu_session *s = nu_container(task, struct nu_session, unpark);
    if (nu_session_gone(s)) {
        nu_session_close_late(s);
    } else {
        nu_request_process(s);
    }
}

void nu_request_process(struct nu_session *s)
{
    const struct nu_rx *rx = &s->conn.stream->rx;
    struct nu_head head = {
        .fields = s->shard->fields,
        .maxfields = (unsigned) s->shard->limits[NNG_URING_HEAD_FIELDS],
        .max_head = s->shard->limits[NNG_URING_HEAD_BYTES],
        .memo = &s->shard->memo,
    };
    while (nu_rx_len(rx) > 0) {
        if (s->out == NULL && request_park(s)) {
            return;
        }
        enum nu_parse result =
            nu_parse_request((const char *) nu_rx_data(rx), nu_rx_len(rx), &head);
        if (result == NU_PARSE_MORE) {
            break;
        }
        if (result == NU_PARSE_BAD) {
            nu_request_refuse(s, head.bad_status);
            return;
        }
        enum progress progress = request_answer(s, &head);
        if (progress == FLUSH) {
            nu_session_flush(s);
        }
        if (progress != NEXT) {
            return;
        }
    }
    if (s->out != NULL) {
        nu_session_flush(s);
    } else if (s->shard->draining) {
        nu_session_close_idle(s);
    } else {
        nu_session_receive(s, NU_SESSION_READING);
    }
}
