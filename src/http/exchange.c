/* SPDX-License-Identifier: MIT */
#include "http/exchange.h"

#include "base/freelist.h"
#include "http/answer.h"
#include "http/handler.h"
#include "http/session.h"
#include "io/vec.h"
#include "wire/message.h"

#include <string.h>

/* The handler has finished its aio. */
static void exchange_answered(void *arg)
{
    struct nu_exchange *exchange = arg;
    struct nu_session *session = exchange->session;
    nng_http_res *res = nng_aio_get_output(&exchange->aio, 0);
    int err = nng_aio_result(&exchange->aio);
    if (session == NULL) {
        nu_exchange_end(exchange);
        nng_http_res_free(res); /* hijacked: there is nobody to send it */
        return;
    }
    session->exchange = NULL;
    session->lender = exchange; /* until the response is written */
    if (err != 0) {
        nng_http_res_free(res);
        nu_session_answer_error(session, NNG_HTTP_STATUS_INTERNAL_SERVER_ERROR);
        return;
    }
    nu_session_answer(session, res);
}

static void exchange_dispose(nng_aio *aio)
{
    struct nu_exchange *exchange = nu_container(aio, struct nu_exchange, aio);
    nu_freelist_give(exchange, sizeof *exchange);
}

struct nu_exchange *nu_exchange_new(struct nu_session *session, nng_http_handler *handler,
                                    const struct nu_head *head)
{
    struct nu_exchange *exchange = nu_freelist_take(sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    memset(exchange, 0, offsetof(struct nu_exchange, aio));
    memset(&exchange->args, 0, sizeof exchange->args);
    exchange->session = session;
    exchange->handler = handler;
    nu_aio_init(&exchange->aio, exchange_answered, exchange);
    exchange->aio.args = &exchange->args;
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

int nu_exchange_keep_body(struct nu_exchange *exchange)
{
    struct nu_buf body = exchange->body;
    exchange->body = (struct nu_buf){ 0 };
    (void) nng_http_req_del_header(exchange->req, "Transfer-Encoding");
    return nu_req_give_data(exchange->req, body.data, body.len);
}

void nu_exchange_call(struct nu_exchange *exchange)
{
    nng_aio *aio = &exchange->aio;
    if (!nng_aio_begin(aio)) {
        return; /* not for an aio that nobody has seen yet */
    }
    nu_aio_external_pending(aio, exchange->session->conn.stream->loop);
    nng_aio_set_input(aio, 0, exchange->req);
    nng_aio_set_input(aio, 1, exchange->handler);
    nng_aio_set_input(aio, 2, &exchange->session->conn);
    aio->local = false;
    struct nu_loop *loop = exchange->session->conn.stream->loop;
    exchange->handler->cb(aio);
    nu_runtime_end_child();
    loop->now = 0; /* nobody knows how long it has taken */
}

void nu_exchange_end(struct nu_exchange *exchange)
{
    nng_http_req_free(exchange->req);
    nu_buf_free(&exchange->body);
    nu_handler_drop(exchange->handler);
    nng_aio_reap(&exchange->aio);
}

/* ---- A handler reads the body itself ------------------------------------------------------ */

static size_t exchange_room_in(const struct nu_aio_args *args)
{
    size_t room = 0;
    for (unsigned i = 0; i < args->niov; i++) {
        room += args->iov[i].iov_len;
    }
    return room;
}

/* Moves what has come of the body, and nothing that lies behind it. */
static int exchange_take(nng_aio *aio, struct nu_stream *stream, bool all)
{
    struct nu_session *s = nu_container(stream->user, struct nu_session, conn);
    struct nu_rx *rx = &stream->rx;
    size_t want = exchange_room_in(aio->args), used;
    enum nu_parse result = NU_PARSE_MORE;
    struct nu_slice data;
    while (nu_body_reader_unread(&s->body) && aio->io.done < want && nu_rx_len(rx) > 0) {
        size_t have = nu_rx_len(rx), room = want - aio->io.done;
        result = nu_body_reader_next(&s->body, (const char *) nu_rx_data(rx),
                                     have < room ? have : room, &used, &data);
        aio->io.done += nu_vec_put(aio->args->iov, aio->args->niov, aio->io.done, data.p, data.n);
        nu_stream_consume(stream, used);
    }
    if (result == NU_PARSE_BAD) {
        s->last = true;
        return NNG_EPROTO;
    }
    if (aio->io.done == want || (!all && aio->io.done > 0)) {
        return 0;
    }
    if (!nu_body_reader_unread(&s->body)) {
        return NNG_ECONNSHUT;
    }
    nu_session_continue(s);
    return NU_PENDING;
}

/* The peer has sent its last, and the body is not complete. */
static int exchange_cut_short(struct nu_stream *stream, int end)
{
    nu_container(stream->user, struct nu_session, conn)->last = true;
    return end == NNG_ECONNSHUT ? NNG_ECONNRESET : end;
}

static int exchange_take_some(nng_aio *aio, struct nu_stream *stream, int end)
{
    return end != 0 ? exchange_cut_short(stream, end) : exchange_take(aio, stream, false);
}

static int exchange_take_all(nng_aio *aio, struct nu_stream *stream, int end)
{
    return end != 0 ? exchange_cut_short(stream, end) : exchange_take(aio, stream, true);
}

void nu_exchange_read(nng_http_conn *conn, nng_aio *aio, enum nu_read kind)
{
    nu_stream_read_until(conn->stream, aio,
                         kind == NU_READ_ALL ? exchange_take_all : exchange_take_some, NULL);
}
