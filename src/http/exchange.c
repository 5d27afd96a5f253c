#include "http/exchange.h"

#include "http/handler.h"
#include "http/session.h"
#include "wire/message.h"

#include <stdlib.h>

/* The handler has finished its aio. */
static void answered(void *arg)
{
    struct nu_exchange *exchange = arg;
    struct nu_session  *session  = exchange->session;
    nng_http_res       *res      = nng_aio_get_output(&exchange->aio, 0);
    int                 err      = nng_aio_result(&exchange->aio);
    nu_exchange_end(exchange);
    if (session == NULL) {
        nng_http_res_free(res); /* hijacked: there is nobody to send it */
        return;
    }
    session->exchange = NULL;
    if (err != 0) {
        nng_http_res_free(res);
        nu_session_answer_error(session, NNG_HTTP_STATUS_INTERNAL_SERVER_ERROR);
        return;
    }
    nu_session_answer(session, res);
}

static void dispose(nng_aio *aio)
{
    struct nu_exchange *exchange = nu_container(aio, struct nu_exchange, aio);
    nu_aio_fini(aio);
    free(exchange);
}

struct nu_exchange *nu_exchange_new(struct nu_session *session, nng_http_handler *handler,
                                    const struct nu_head *head)
{
    struct nu_exchange *exchange = malloc(sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->body     = NULL;
    exchange->body_len = 0;
    exchange->session  = session;
    exchange->handler  = handler;
    nu_aio_init(&exchange->aio, answered, exchange);
    exchange->aio.dispose = dispose;
    nu_handler_hold(handler);
    if (nng_http_req_alloc(&exchange->req, NULL) != 0) {
        exchange->req = NULL;
        nu_exchange_end(exchange);
        return NULL;
    }
    if (nu_req_load(exchange->req, head) != 0) {
        nu_exchange_end(exchange);
        return NULL;
    }
    return exchange;
}

void nu_exchange_call(struct nu_exchange *exchange)
{
    nng_aio *aio = &exchange->aio;
    if (!nng_aio_begin(aio)) {
        return; /* not for an aio that nobody has seen yet */
    }
    nu_aio_owe(aio, exchange->session->conn.tcp.loop);
    nng_aio_set_input(aio, 0, exchange->req);
    nng_aio_set_input(aio, 1, exchange->handler);
    nng_aio_set_input(aio, 2, &exchange->session->conn);
    exchange->handler->cb(aio);
}

void nu_exchange_end(struct nu_exchange *exchange)
{
    nng_http_req_free(exchange->req);
    free(exchange->body);
    nu_handler_drop(exchange->handler);
    nng_aio_reap(&exchange->aio);
}
