/* SPDX-License-Identifier: MIT */
#include "ws/ws_listener.h"

#include "base/list.h"
#include "http/server.h"
#include "io/runtime.h"
#include "net/aio_queue.h"
#include "wire/scheme.h"
#include "ws/ws_listener_options.h"
#include "ws/ws_upgrade.h"

#include <nng/uring.h>
#include <stdlib.h>

#define READY 128 /* WebSockets that wait to be accepted; more are told to come back (503) */

static struct nu_ws_listener *ws_listener_of(nng_stream_listener *listener)
{
    return nu_container(listener, struct nu_ws_listener, endpoint.base.listener);
}

/* ---- Life --------------------------------------------------------------------------------- */

static void ws_listener_drop(void *arg)
{
    struct nu_ws_listener *l = arg;
    if (atomic_fetch_sub(&l->holds, 1) == 1) {
        nng_http_server_release(l->server);
        nng_url_free(l->url);
        nu_ws_endpoint_fini(&l->endpoint);
        free(l->origins);
        free(l);
    }
}

/* ---- Streams and accepts find each other --------------------------------------------------- */

static void ws_listener_end_accept(nng_aio *aio, int err, nng_stream *stream)
{
    nu_list_remove(&aio->link);
    aio->args->output[0] = stream;
    nu_aio_finish(aio, err, 0);
}

/* With the lock held. */
static void ws_listener_match(struct nu_ws_listener *l)
{
    nng_aio *aio;
    while (!nu_list_empty(&l->ready) && (aio = nu_aio_queue_first(&l->accepts)) != NULL) {
        struct nu_ws *ws = nu_container(l->ready.next, struct nu_ws, link);
        nu_list_remove(&ws->link);
        l->nready--;
        ws_listener_end_accept(aio, 0, &ws->base);
    }
}

/* Whether requests become WebSockets. With the lock held. */
static bool ws_listener_takes(const struct nu_ws_listener *l)
{
    return l->state == NU_WS_LISTENER_STARTING || l->state == NU_WS_LISTENER_LISTENING;
}

static void ws_listener_upgraded(void *arg, nng_stream *stream)
{
    struct nu_ws_listener *l = arg;
    nu_lock(&l->endpoint.lock);
    bool kept = stream != NULL && ws_listener_takes(l);
    if (kept) {
        nu_list_append(&l->ready, &nu_ws_of(stream)->link);
        ws_listener_match(l);
    } else {
        l->nready--;
    }
    nu_unlock(&l->endpoint.lock);
    if (!kept) {
        nng_stream_free(stream);
    }
    ws_listener_drop(l);
}

/* The aio's cancel function. Somebody else may have ended it, and the aio be used again since. */
static void ws_listener_cancel(nng_aio *aio, void *arg, int err)
{
    struct nu_ws_listener *l = arg;
    nu_lock(&l->endpoint.lock);
    if (nu_list_linked(&aio->link) && nu_aio_is_cancelled(aio)) {
        ws_listener_end_accept(aio, err, NULL);
    }
    nu_unlock(&l->endpoint.lock);
}

static void ws_listener_accept(nng_stream_listener *base, nng_aio *aio)
{
    struct nu_ws_listener *l = ws_listener_of(base);
    struct nu_loop *loop = nu_runtime_pick();
    if (!nng_aio_begin(aio)) {
        return;
    }
    nu_lock(&l->endpoint.lock);
    int err = l->state < NU_WS_LISTENER_LISTENING ? NNG_ESTATE
              : l->state == NU_WS_LISTENER_CLOSED ? NNG_ECLOSED
              : loop == NULL                      ? NNG_ENOTSUP
                                                  : 0;
    if (err == 0) {
        nu_list_append(&l->accepts, &aio->link);
        nu_aio_defer(aio, loop, ws_listener_cancel, l);
        ws_listener_match(l);
    }
    nu_unlock(&l->endpoint.lock);
    if (err != 0) {
        nu_aio_finish(aio, err, 0);
    }
}

/* ---- Requests ----------------------------------------------------------------------------- */

/* False: there are too many already, or it is closed. */
static bool ws_listener_enter(struct nu_ws_listener *l, struct nu_ws_upgrade_params *params)
{
    nu_lock(&l->endpoint.lock);
    bool may = ws_listener_takes(l) && l->nready < READY;
    char *origins = may && l->origins != NULL ? strdup(l->origins) : NULL;
    may = may && (origins != NULL || l->origins == NULL);
    if (may) {
        l->nready++;
        atomic_fetch_add(&l->holds, 1);
    }
    *params = (struct nu_ws_upgrade_params){ .endpoint = &l->endpoint,
                                             .nodelay = l->nodelay,
                                             .keepalive = l->keepalive,
                                             .origins = origins,
                                             .check = l->check,
                                             .check_arg = l->check_arg,
                                             .upgraded = ws_listener_upgraded,
                                             .arg = l };
    nu_unlock(&l->endpoint.lock);
    return may;
}

/* The handler's callback. */
static void ws_listener_handle(nng_aio *aio)
{
    struct nu_ws_listener *l = nng_http_handler_get_data(nng_aio_get_input(aio, 1));
    struct nu_ws_upgrade_params params;
    if (!ws_listener_enter(l, &params)) {
        nu_ws_refuse(aio, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
        return;
    }
    if (!nu_ws_upgrade(aio, &params)) {
        ws_listener_upgraded(l, NULL);
    }
    free(params.origins);
}

/* ---- Listening and closing ---------------------------------------------------------------- */

static int ws_listener_make_handler(struct nu_ws_listener *l)
{
    int err = nng_http_handler_alloc(&l->handler, l->url->u_path, ws_listener_handle);
    if (err == 0) {
        err = nng_uring_handler_set_placement(l->handler, NNG_URING_PLACE_INLINE);
    }
    if (err == 0) {
        atomic_fetch_add(&l->holds, 1);
        err = nng_http_handler_set_data(l->handler, l, ws_listener_drop);
        if (err != 0) {
            atomic_fetch_sub(&l->holds, 1); /* the caller has one, too */
        }
    }
    return err;
}

/* For want of memory it may stay with the server, for that one's life, and hold the listener. */
static void ws_listener_take_handler(struct nu_ws_listener *l)
{
    l->stuck = nng_http_server_del_handler(l->server, l->handler) != 0;
    if (!l->stuck) {
        nng_http_handler_free(l->handler);
    }
    l->handler = NULL;
}

static int ws_listener_start(struct nu_ws_listener *l)
{
    int err = ws_listener_make_handler(l);
    if (err == 0) {
        err = nng_http_server_add_handler(l->server, l->handler);
    }
    if (err != 0) {
        nng_http_handler_free(l->handler);
        l->handler = NULL;
        return err;
    }
    err = nng_http_server_start(l->server);
    if (err != 0) {
        ws_listener_take_handler(l);
    }
    return err;
}

/* Everybody is sent home. With the lock held; who was not accepted is for the caller to free. */
static void ws_listener_send_home(struct nu_ws_listener *l, struct nu_list *streams)
{
    nng_aio *aio;
    while ((aio = nu_aio_queue_first(&l->accepts)) != NULL) {
        ws_listener_end_accept(aio, NNG_ECLOSED, NULL);
    }
    while (!nu_list_empty(&l->ready)) {
        struct nu_list *link = l->ready.next;
        nu_list_remove(link);
        nu_list_append(streams, link);
        l->nready--;
    }
}

static void ws_listener_free_streams(struct nu_list *streams)
{
    while (!nu_list_empty(streams)) {
        struct nu_ws *ws = nu_container(streams->next, struct nu_ws, link);
        nu_list_remove(&ws->link);
        nng_stream_free(&ws->base);
    }
}

/* What has become of it, when the server has been told: nobody is left that nobody would accept. */
static int ws_listener_started(struct nu_ws_listener *l, int err)
{
    struct nu_list streams;
    nu_list_init(&streams);
    nu_lock(&l->endpoint.lock);
    bool closed = l->state == NU_WS_LISTENER_CLOSED; /* meanwhile */
    if (err != 0) {
        l->listened = false;
        ws_listener_send_home(l, &streams);
    }
    if (!closed) {
        l->state = err != 0 ? NU_WS_LISTENER_NEW : NU_WS_LISTENER_LISTENING;
    }
    nu_unlock(&l->endpoint.lock);
    ws_listener_free_streams(&streams);
    if (err == 0 && closed) {
        ws_listener_take_handler(l);
        nng_http_server_stop(l->server);
        err = NNG_ECLOSED;
    }
    return err;
}

static int ws_listener_listen(nng_stream_listener *base)
{
    struct nu_ws_listener *l = ws_listener_of(base);
    nu_lock(&l->endpoint.lock);
    int err = l->listened ? NNG_ESTATE : l->state == NU_WS_LISTENER_CLOSED ? NNG_ECLOSED : 0;
    if (err ==
        0) { /* the server may be at work already, and has the handler before we hear of it */
        l->listened = true;
        l->state = NU_WS_LISTENER_STARTING;
    }
    nu_unlock(&l->endpoint.lock);
    return err != 0 ? err : ws_listener_started(l, ws_listener_start(l));
}

static void ws_listener_close(nng_stream_listener *base)
{
    struct nu_ws_listener *l = ws_listener_of(base);
    struct nu_list streams;
    nu_list_init(&streams);
    nu_lock(&l->endpoint.lock);
    bool tell = l->state == NU_WS_LISTENER_LISTENING;
    l->state = NU_WS_LISTENER_CLOSED;
    ws_listener_send_home(l, &streams);
    nu_unlock(&l->endpoint.lock);
    ws_listener_free_streams(&streams);
    if (tell) {
        ws_listener_take_handler(l);
        nng_http_server_stop(l->server);
    }
}

static void ws_listener_free(nng_stream_listener *base)
{
    struct nu_ws_listener *l = ws_listener_of(base);
    ws_listener_close(base);
    if (l->stuck) { /* the server is to end without waiting for the listener, which waits for it */
        nng_http_server_release(l->server);
        l->server = NULL;
    }
    ws_listener_drop(l);
}

int nng_uring_ws_listener_set_check(nng_stream_listener *base,
                                    uint16_t (*check)(void *arg, nng_http_req *req), void *arg)
{
    if (base->kind->listen != ws_listener_listen) {
        return NNG_ENOTSUP;
    }
    struct nu_ws_listener *l = ws_listener_of(base);
    nu_lock(&l->endpoint.lock);
    int err = l->listened ? NNG_EBUSY : 0;
    if (err == 0) {
        l->check = check;
        l->check_arg = arg;
    }
    nu_unlock(&l->endpoint.lock);
    return err;
}

/* ---- Making ------------------------------------------------------------------------------- */

static const struct nu_listener_kind ws_listener_kind = { nu_ws_listener_options,
                                                          ws_listener_listen, ws_listener_accept,
                                                          ws_listener_close, ws_listener_free };

int nu_ws_listener_new(nng_stream_listener **listenerp, const nng_url *url)
{
    if (!nu_scheme_find(url->u_scheme).http) {
        return NNG_ENOTSUP;
    }
    struct nu_ws_listener *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return NNG_ENOMEM;
    }
    nu_ws_endpoint_init(&l->endpoint);
    l->endpoint.base.listener.kind = &ws_listener_kind;
    l->nodelay = true; /* a message is to go when it is sent */
    atomic_init(&l->holds, 1);
    nu_list_init(&l->accepts);
    nu_list_init(&l->ready);
    int err = nng_url_clone(&l->url, url);
    if (err == 0) {
        err = nng_http_server_hold(&l->server, url);
    }
    if (err != 0) {
        ws_listener_drop(l);
        return err;
    }
    *listenerp = &l->endpoint.base.listener;
    return 0;
}
