/* SPDX-License-Identifier: MIT */
#include "http/exchange.h"

#include "base/freelist.h"
#include "base/seldom.h"
#include "base/zero.h"
#include "http/answer.h"
#include "http/handler.h"
#include "io/placement.h"
#include "io/ring.h"
#include "io/runtime.h"
#include "io/workers.h"
#include "net/tcp_read.h"
#include "net/tcp_write.h"
#include "wire/message.h"

#include <string.h>

#define SMALL 1024U /* bytes of a body that are copied, not kept where they were collected */
#define SPARE 4096U

/* ---- Life --------------------------------------------------------------------------------- */

static void exchange_dispose(nng_aio *aio)
{
    struct nu_exchange *exchange = nu_container(aio, struct nu_exchange, aio);
    nu_freelist_give(exchange, sizeof *exchange);
}

static bool exchange_claim_answer(nng_aio *aio);
static bool exchange_answer_early(nng_aio *aio, unsigned *stirred);

static const struct nu_aio_ending exchange_ending = { exchange_claim_answer,
                                                      exchange_answer_early };

struct nu_exchange *nu_exchange_new(struct nu_request *r, nng_http_handler *handler,
                                    const struct nu_head *head)
{
    struct nu_exchange *exchange = nu_freelist_take(sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    nu_zero(exchange, offsetof(struct nu_exchange, call));
    exchange->request = r;
    exchange->handler = handler;
    nu_aio_init_zeroed(&exchange->aio, r->exchange_done, exchange);
    exchange->aio.args = &exchange->args;
    exchange->args.ending = &exchange_ending;
    exchange->aio.dispose = exchange_dispose;
    exchange->aio.local = true; /* until the handler has it */
    exchange->aio.finish.prompt = true;
    nu_handler_hold(handler);
    if (nng_http_req_alloc(&exchange->req, NULL) != 0 || nu_req_load(exchange->req, head) != 0) {
        nu_exchange_end(exchange);
        return NULL;
    }
    return exchange;
}

void nu_exchange_unclaim(struct nu_exchange *exchange)
{
    if (exchange->claimed > 0) {
        atomic_fetch_sub_explicit(exchange->collected, exchange->claimed, memory_order_relaxed);
        exchange->claimed = 0;
    }
}

void nu_exchange_end(struct nu_exchange *exchange)
{
    nu_exchange_unclaim(exchange);
    nng_http_req_free(exchange->req);
    nu_buf_free(&exchange->body);
    nu_handler_drop(exchange->handler);
    nng_aio_reap(&exchange->aio);
}

static void exchange_release(void *exchange)
{
    nu_exchange_end(exchange);
}

/* ---- Its body ----------------------------------------------------------------------------- */

/* A small one is copied to memory that the loop has at hand. */
static enum nu_step exchange_copy_body(struct nu_exchange *exchange, const char *data, size_t size)
{
    return nng_http_req_copy_data(exchange->req, data, size) == 0 ? NU_STEP_CALL : NU_STEP_GIVE_UP;
}

/* What does not come at once is put together in the service's memory, as far as it is small. */
static void exchange_borrow_spare(struct nu_exchange *exchange)
{
    struct nu_buf *spare = &exchange->request->service->spare_body;
    if (exchange->body.data == NULL) {
        exchange->body = *spare;
        *spare = (struct nu_buf){ 0 };
    }
}

static void exchange_return_spare(struct nu_exchange *exchange)
{
    struct nu_buf *spare = &exchange->request->service->spare_body;
    if (spare->data == NULL) {
        *spare = exchange->body;
        nu_buf_reset(spare);
        exchange->body = (struct nu_buf){ 0 };
    }
}

/* Gives the collected body to the request, which then has a length and no chunks. */
static enum nu_step exchange_keep_body(struct nu_exchange *exchange)
{
    struct nu_buf body = exchange->body;
    (void) nng_http_req_del_header(exchange->req, "Transfer-Encoding");
    enum nu_step step;
    if (body.len <= SMALL && body.cap <= SPARE) {
        step = exchange_copy_body(exchange, body.data, body.len);
        exchange_return_spare(exchange);
    } else {
        exchange->body = (struct nu_buf){ 0 };
        step = nu_req_give_data(exchange->req, body.data, body.len) == 0 ? NU_STEP_CALL
                                                                         : NU_STEP_GIVE_UP;
    }
    (void) nng_http_req_get_header(exchange->req,
                                   "Content-Length"); /* so that no later look adds it */
    return step;
}

/* In place of what the handler would have answered. */
static enum nu_step exchange_refuse(struct nu_exchange *exchange, unsigned status)
{
    struct nu_request *r = exchange->request;
    nu_exchange_end(exchange);
    r->exchange = NULL;
    r->last = true;
    return nu_answer_error(r, status);
}

/* Counts so many bytes of the body. The status to refuse it with, or 0. */
static unsigned exchange_claim(struct nu_exchange *exchange, size_t n)
{
    const struct nu_service *service = exchange->request->service;
    uint64_t max = service->limits[NNG_URING_COLLECT_BYTES];
    if (exchange->claimed + n > max) {
        return NNG_HTTP_STATUS_PAYLOAD_TOO_LARGE;
    }
    exchange->collected = service->collected;
    uint64_t others = atomic_fetch_add_explicit(exchange->collected, n, memory_order_relaxed);
    exchange->claimed += n;
    if (others + n > max) {
        static struct nu_seldom full;
        nu_warn_seldom(&full, "requests' bodies take all the memory that they may "
                              "(--collect-bytes): 503");
        return NNG_HTTP_STATUS_SERVICE_UNAVAILABLE;
    }
    return 0;
}

static enum nu_step exchange_collect_chunks(struct nu_exchange *exchange, const char *bytes,
                                            size_t n, size_t *used)
{
    struct nu_buf *body = &exchange->body;
    size_t max = atomic_load_explicit(&exchange->handler->collect_max, memory_order_relaxed);
    enum nu_parse result = NU_PARSE_MORE;
    exchange_borrow_spare(exchange);
    while (result == NU_PARSE_MORE && *used < n && body->len <= max) {
        struct nu_slice data;
        size_t taken;
        result =
            nu_body_reader_next(&exchange->request->body, bytes + *used, n - *used, &taken, &data);
        nu_buf_add(body, data.p, data.n);
        *used += taken;
    }
    if (result == NU_PARSE_BAD) {
        return exchange_refuse(exchange, NNG_HTTP_STATUS_BAD_REQUEST);
    }
    if (body->len > max) {
        return exchange_refuse(exchange, NNG_HTTP_STATUS_PAYLOAD_TOO_LARGE);
    }
    if (nu_buf_error(body) != 0) {
        return exchange_refuse(exchange, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
    }
    if (result == NU_PARSE_DONE) {
        return exchange_keep_body(exchange);
    }
    unsigned status =
        body->cap > exchange->claimed ? exchange_claim(exchange, body->cap - exchange->claimed) : 0;
    return status == 0 ? NU_STEP_COLLECT : exchange_refuse(exchange, status);
}

enum nu_step nu_exchange_collect(struct nu_exchange *exchange, const char *bytes, size_t n,
                                 size_t *used)
{
    struct nu_body_reader *reader = &exchange->request->body;
    struct nu_buf *body = &exchange->body;
    *used = 0;
    if (reader->chunked) {
        return exchange_collect_chunks(exchange, bytes, n, used);
    }
    if (body->len == 0 && n >= reader->left && reader->left <= SMALL) {
        *used = (size_t) reader->left;
        reader->left = 0;
        return exchange_copy_body(exchange, bytes, *used);
    }
    if (reader->left <= SMALL) {
        exchange_borrow_spare(exchange);
    }
    unsigned status = n < reader->left && exchange->claimed == 0
                          ? exchange_claim(exchange, (size_t) reader->left)
                          : 0;
    if (status != 0) {
        return exchange_refuse(exchange, status);
    }
    if (nu_buf_reserve(body, (size_t) reader->left) != 0) {
        return exchange_refuse(exchange, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
    }
    *used = n < reader->left ? n : (size_t) reader->left;
    nu_buf_add(body, bytes, *used);
    reader->left -= *used;
    return reader->left > 0 ? NU_STEP_COLLECT : exchange_keep_body(exchange);
}

const struct iovec *nu_exchange_rest(struct nu_exchange *exchange)
{
    const struct nu_buf *body = &exchange->body;
    exchange->iov = (struct iovec){ body->data + body->len, (size_t) exchange->request->body.left };
    return &exchange->iov;
}

enum nu_step nu_exchange_collected(struct nu_exchange *exchange)
{
    exchange->body.len += exchange->iov.iov_len;
    exchange->request->body.left = 0;
    return exchange_keep_body(exchange);
}

/* ---- The handler -------------------------------------------------------------------------- */

static void exchange_begin(struct nu_exchange *exchange)
{
    nng_aio *aio = &exchange->aio;
    (void) nu_aio_begin_local(aio); /* nobody has seen it yet, so there is nothing against it */
    exchange->args.input[0] = exchange->req;
    exchange->args.input[1] = exchange->handler;
    exchange->args.input[2] = exchange->request->conn;
    aio->local = false;
}

static void exchange_call_handler(nng_http_handler *handler, nng_aio *aio)
{
    struct nu_call call;
    nu_call_begin(&call, &handler->placement, aio);
    handler->cb(aio);
    nu_runtime_end_child();
    nu_call_end(&call);
}

/* On a worker. When the aio is finished, also by another thread within the call, the connection may
 * be gone, and all that others had of the handler; what the handler still says of its aio is heard
 * by nobody. */
static void exchange_run_on_worker(struct nu_task *task)
{
    struct nu_exchange *exchange = nu_container(task, struct nu_exchange, call);
    nng_http_handler *handler = exchange->handler;
    struct nu_loop *loop = exchange->aio.loop;
    nu_handler_hold(handler);
    nu_aio_hold(&exchange->aio);
    exchange_call_handler(handler, &exchange->aio);
    nu_aio_drop(&exchange->aio);
    nu_placement_done(&handler->placement);
    nu_handler_drop(handler);
    nu_loop_external_end(loop);
}

bool nu_exchange_is_for_worker(const struct nu_exchange *exchange)
{
    return !nu_placement_here(&exchange->handler->placement);
}

bool nu_exchange_call(struct nu_exchange *exchange)
{
    struct nu_placement *placement = &exchange->handler->placement;
    struct nu_loop *loop = exchange->request->service->loop;
    exchange_begin(exchange);
    if (!nu_placement_here(placement)) {
        nu_aio_external_pending(&exchange->aio, loop);
        nu_task_init(&exchange->call, exchange_run_on_worker);
        if (nu_workers_post(loop, &exchange->call, nu_placement_queued(placement))) {
            return false;
        }
        nu_placement_done(placement);
    }
    nu_aio_hold_finish(&exchange->aio, loop);
    exchange_call_handler(exchange->handler, &exchange->aio);
    return nu_aio_let_finish(&exchange->aio);
}

/* Whether the handler has left a response of its own that is not whole: nothing can follow it. */
static bool exchange_is_torn(struct nu_exchange *exchange)
{
    const struct nu_request *r = exchange->request;
    struct nu_stream *stream = r->conn->stream;
    return atomic_load_explicit(&stream->truncated, memory_order_relaxed) ||
           (nng_aio_result(&exchange->aio) != 0 &&
            atomic_load_explicit(&r->written, memory_order_relaxed));
}

/* ---- On the thread that has finished the aio ---------------------------------------------- */

/*
 * What a handler finishes later, on a thread of somebody else's, is written by that thread where
 * the session's owner allows it: the owner need not wake for it. The request is that thread's until
 * the owner is told; what closes the connection meanwhile leaves its memory to the owner's end.
 */
static bool exchange_claim_answer(nng_aio *aio)
{
    struct nu_exchange *exchange = nu_container(aio, struct nu_exchange, aio);
    struct nu_request *r = exchange->request;
    if (r == NULL || nng_aio_result(aio) != 0 || exchange->args.output[0] == NULL ||
        exchange_is_torn(exchange)) {
        return false;
    }
    exchange->early = nu_request_take(r);
    return exchange->early != NU_EARLY_NOT;
}

static bool exchange_answer_early(nng_aio *aio, unsigned *stirred)
{
    struct nu_exchange *exchange = nu_container(aio, struct nu_exchange, aio);
    struct nu_request *r = exchange->request;
    struct nu_list none;
    nu_list_init(&none);
    r->batch = nu_response_batch_take(&none);
    if (r->batch == NULL) {
        return false;
    }
    nu_exchange_unclaim(exchange); /* before the client can know */
    exchange->answered = true;
    _Static_assert(NU_BATCH_RESPONSE <= NU_TRY_IOVS, "what nu_tcp_write_now() takes");
    if (nu_answer(r, exchange->args.output[0], NULL, NULL) != NU_STEP_ANSWERED) {
        exchange->err = NNG_ENOMEM;
    } else {
        size_t total = nu_response_batch_finalize(r->batch);
        exchange->err =
            nu_tcp_write_now(&r->conn->tcp, r->batch->iov, r->batch->n, total, &exchange->written);
    }
    exchange->args.output[0] = NULL;
    if (exchange->err == 0) {
        nu_response_batch_free(r->batch);
        r->batch = NULL;
    }
    return exchange->err == 0 && exchange->early == NU_EARLY_LATER && !r->last &&
           nu_tcp_read_is_begun(&r->conn->tcp, stirred);
}

/* What of that is left to the owner. What was before it may have been cut short meanwhile. */
static enum nu_step exchange_end_early(struct nu_exchange *exchange)
{
    struct nu_request *r = exchange->request;
    if (exchange->err == NU_PENDING && !exchange_is_torn(exchange)) {
        nu_response_batch_skip(r->batch, exchange->written);
        nu_response_batch_hold(r->batch, exchange_release, exchange);
        return NU_STEP_ANSWERED;
    }
    enum nu_step step = exchange->err == 0 ? NU_STEP_ANSWERED : NU_STEP_GIVE_UP;
    nu_exchange_end(exchange);
    return step;
}

enum nu_step nu_exchange_answer(struct nu_exchange *exchange)
{
    struct nu_request *r = exchange->request;
    nng_http_res *res = nng_aio_get_output(&exchange->aio, 0);
    r->exchange = NULL;
    atomic_store_explicit(&r->early, NU_EARLY_NOT, memory_order_relaxed);
    if (exchange->answered) {
        return exchange_end_early(exchange);
    }
    if (exchange_is_torn(exchange)) {
        nng_http_res_free(res);
        nu_exchange_end(exchange);
        return NU_STEP_GIVE_UP;
    }
    if (nng_aio_result(&exchange->aio) != 0) {
        nng_http_res_free(res);
        nu_exchange_end(exchange);
        return nu_answer_error(r, NNG_HTTP_STATUS_INTERNAL_SERVER_ERROR);
    }
    if (res != NULL) {
        nu_exchange_unclaim(
            exchange); /* the answer may outlive the server, on a hijacked connection */
        return nu_answer(r, res, exchange_release, exchange);
    }
    nu_exchange_end(exchange); /* it has written its response itself */
    nu_request_decide_last(r);
    return NU_STEP_ANSWERED;
}

void nu_exchange_leave(struct nu_exchange *exchange)
{
    nu_exchange_unclaim(exchange);
    nu_aio_lock(&exchange->aio);
    exchange->request = NULL;
    nu_aio_unlock(&exchange->aio);
}

void nu_exchange_drop_response(struct nu_exchange *exchange)
{
    nng_http_res_free(nng_aio_get_output(&exchange->aio, 0));
    nng_aio_set_output(&exchange->aio, 0, NULL);
}
