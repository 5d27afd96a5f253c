/* SPDX-License-Identifier: MIT */
#include "ws/ws_listener.h"

#include "base/list.h"
#include "http/server.h"
#include "io/runtime.h"
#include "net/address.h"
#include "net/aio_queue.h"
#include "wire/scheme.h"
#include "ws/ws_upgrade.h"

#include <netinet/in.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>

#define READY 128 /* WebSockets that wait to be accepted; more are told to come back (503) */

enum listener_state {
    LISTENER_NEW,       /* it is being set up */
    LISTENER_LISTENING, /* its handler is the server's */
    LISTENER_CLOSED,    /* for good */
};

struct ws_listener {
    struct nu_ws_endpoint endpoint; /* first: its options take one for the other */
    atomic_uint holds;         /* the user's, the handler's, and one of each upgrade in progress */
    nng_http_server *server;   /* constant; held until it is closed */
    nng_url *url;              /* constant */
    nng_http_handler *handler; /* constant once it listens */
    bool stuck;                /* that could not be taken from the server */

    /* under the endpoint's lock */
    enum listener_state state;
    bool listened; /* it was LISTENING once */
    bool nodelay, keepalive;
    char *origins;
    uint16_t (*check)(void *arg, nng_http_req *req);
    void *check_arg;
    struct nu_list accepts; /* aios */
    struct nu_list ready;   /* nu_ws */
    unsigned nready;        /* of these, and upgrades in progress */
};

static struct ws_listener *ws_listener_of(nng_stream_listener *listener)
{
    return nu_container(listener, struct ws_listener, endpoint.base.listener);
}

/* ---- Life --------------------------------------------------------------------------------- */

static void ws_listener_drop(void *arg)
{
    struct ws_listener *l = arg;
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
static void ws_listener_match(struct ws_listener *l)
{
    nng_aio *aio;
    while (!nu_list_empty(&l->ready) && (aio = nu_aio_queue_first(&l->accepts)) != NULL) {
        struct nu_ws *ws = nu_container(l->ready.next, struct nu_ws, link);
        nu_list_remove(&ws->link);
        l->nready--;
        ws_listener_end_accept(aio, 0, &ws->base);
    }
}

static void ws_listener_upgraded(void *arg, nng_stream *stream)
{
    struct ws_listener *l = arg;
    nu_lock(&l->endpoint.lock);
    bool kept = stream != NULL && l->state == LISTENER_LISTENING;
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

/* The aio's cancel function. Somebody else may have ended it. */
static void ws_listener_cancel(nng_aio *aio, void *arg, int err)
{
    struct ws_listener *l = arg;
    nu_lock(&l->endpoint.lock);
    if (nu_list_linked(&aio->link)) {
        ws_listener_end_accept(aio, err, NULL);
    }
    nu_unlock(&l->endpoint.lock);
}

static void ws_listener_accept(nng_stream_listener *base, nng_aio *aio)
{
    struct ws_listener *l = ws_listener_of(base);
    struct nu_loop *loop = nu_runtime_pick();
    if (!nng_aio_begin(aio)) {
        return;
    }
    nu_lock(&l->endpoint.lock);
    int err = l->state == LISTENER_NEW      ? NNG_ESTATE
              : l->state == LISTENER_CLOSED ? NNG_ECLOSED
              : loop == NULL                ? NNG_ENOTSUP
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
static bool ws_listener_enter(struct ws_listener *l, struct nu_ws_upgrade_params *params)
{
    nu_lock(&l->endpoint.lock);
    bool may = l->state == LISTENER_LISTENING && l->nready < READY;
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
    struct ws_listener *l = nng_http_handler_get_data(nng_aio_get_input(aio, 1));
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

static int ws_listener_make_handler(struct ws_listener *l)
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
static void ws_listener_take_handler(struct ws_listener *l)
{
    l->stuck = nng_http_server_del_handler(l->server, l->handler) != 0;
    if (!l->stuck) {
        nng_http_handler_free(l->handler);
    }
    l->handler = NULL;
}

static int ws_listener_start(struct ws_listener *l)
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

static int ws_listener_listen(nng_stream_listener *base)
{
    struct ws_listener *l = ws_listener_of(base);
    nu_lock(&l->endpoint.lock);
    int err = l->listened ? NNG_ESTATE : l->state == LISTENER_CLOSED ? NNG_ECLOSED : 0;
    l->listened = l->listened || err == 0;
    nu_unlock(&l->endpoint.lock);
    if (err != 0) {
        return err;
    }
    err = ws_listener_start(l);
    nu_lock(&l->endpoint.lock);
    bool closed = l->state == LISTENER_CLOSED; /* meanwhile */
    if (err != 0) {
        l->listened = false;
    } else if (!closed) {
        l->state = LISTENER_LISTENING;
    }
    nu_unlock(&l->endpoint.lock);
    if (err == 0 && closed) {
        ws_listener_take_handler(l);
        nng_http_server_stop(l->server);
        err = NNG_ECLOSED;
    }
    return err;
}

/* Everybody is sent home. With the lock held; who was not accepted is for the caller to free. */
static void ws_listener_send_home(struct ws_listener *l, struct nu_list *streams)
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

static void ws_listener_close(nng_stream_listener *base)
{
    struct ws_listener *l = ws_listener_of(base);
    struct nu_list streams;
    nu_list_init(&streams);
    nu_lock(&l->endpoint.lock);
    bool tell = l->state == LISTENER_LISTENING;
    l->state = LISTENER_CLOSED;
    ws_listener_send_home(l, &streams);
    nu_unlock(&l->endpoint.lock);
    while (!nu_list_empty(&streams)) {
        struct nu_ws *ws = nu_container(streams.next, struct nu_ws, link);
        nu_list_remove(&ws->link);
        nng_stream_free(&ws->base);
    }
    if (tell) {
        ws_listener_take_handler(l);
        nng_http_server_stop(l->server);
    }
}

static void ws_listener_free(nng_stream_listener *base)
{
    struct ws_listener *l = ws_listener_of(base);
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
    struct ws_listener *l = ws_listener_of(base);
    nu_lock(&l->endpoint.lock);
    int err = l->listened ? NNG_EBUSY : 0;
    if (err == 0) {
        l->check = check;
        l->check_arg = arg;
    }
    nu_unlock(&l->endpoint.lock);
    return err;
}

/* ---- Options ------------------------------------------------------------------------------ */

static int ws_listener_get_local(void *object, union nu_option_value *value)
{
    struct ws_listener *l = object;
    int err = nng_http_server_get_addr(l->server, &value->addr);
    return err != NNG_ESTATE
               ? err
               : nu_address_to_nng((struct sockaddr *) &l->server->addrs.ss[0], &value->addr);
}

static int ws_listener_get_port(void *object, union nu_option_value *value)
{
    struct ws_listener *l = object;
    nng_sockaddr addr;
    int err = nng_http_server_get_addr(l->server, &addr);
    if (err == 0) {
        uint16_t port = addr.s_family == NNG_AF_INET ? addr.s_in.sa_port : addr.s_in6.sa_port;
        value->i = ntohs(port);
    }
    return err;
}

/* With the port that it has. */
static int ws_listener_get_url(void *object, union nu_option_value *value)
{
    struct ws_listener *l = object;
    const nng_url *url = l->url;
    union nu_option_value port;
    bool v6 = strchr(url->u_hostname, ':') != NULL;
    char *text;
    if (strcmp(url->u_port, "0") != 0 || ws_listener_get_port(l, &port) != 0) {
        value->text = nng_strdup(url->u_rawurl);
        return value->text != NULL ? 0 : NNG_ENOMEM;
    }
    if (asprintf(&text, "%s://%s%s%s:%d%s", url->u_scheme, v6 ? "[" : "", url->u_hostname,
                 v6 ? "]" : "", port.i, url->u_requri) < 0) {
        return NNG_ENOMEM;
    }
    value->text = nng_strdup(text);
    free(text);
    return value->text != NULL ? 0 : NNG_ENOMEM;
}

static int ws_listener_get_flag(struct ws_listener *l, const bool *flag,
                                union nu_option_value *value)
{
    nu_lock(&l->endpoint.lock);
    value->b = *flag;
    nu_unlock(&l->endpoint.lock);
    return 0;
}

static int ws_listener_set_flag(struct ws_listener *l, bool *flag,
                                const union nu_option_value *value)
{
    nu_lock(&l->endpoint.lock);
    *flag = value->b;
    nu_unlock(&l->endpoint.lock);
    return 0;
}

static int ws_listener_get_nodelay(void *object, union nu_option_value *value)
{
    struct ws_listener *l = object;
    return ws_listener_get_flag(l, &l->nodelay, value);
}

static int ws_listener_set_nodelay(void *object, const union nu_option_value *value)
{
    struct ws_listener *l = object;
    return ws_listener_set_flag(l, &l->nodelay, value);
}

static int ws_listener_get_keepalive(void *object, union nu_option_value *value)
{
    struct ws_listener *l = object;
    return ws_listener_get_flag(l, &l->keepalive, value);
}

static int ws_listener_set_keepalive(void *object, const union nu_option_value *value)
{
    struct ws_listener *l = object;
    return ws_listener_set_flag(l, &l->keepalive, value);
}

static int ws_listener_set_origins(void *object, const union nu_option_value *value)
{
    struct ws_listener *l = object;
    char *copy = strdup(value->text);
    if (copy == NULL) {
        return NNG_ENOMEM;
    }
    nu_lock(&l->endpoint.lock);
    char *old = l->origins;
    l->origins = copy;
    nu_unlock(&l->endpoint.lock);
    free(old);
    return 0;
}

/* ---- The server's TLS --------------------------------------------------------------------- */

static int ws_listener_get_config(void *object, union nu_option_value *value)
{
    nng_tls_config *config;
    int err = nng_http_server_get_tls(((struct ws_listener *) object)->server, &config);
    if (err == 0) {
        value->ptr = config;
    }
    return err;
}

static int ws_listener_set_config(void *object, const union nu_option_value *value)
{
    return nng_http_server_set_tls(((struct ws_listener *) object)->server, value->ptr);
}

/* Changes the server's configuration. */
static int ws_listener_configure(void *object, const union nu_option_value *value,
                                 int (*set)(nng_tls_config *config,
                                            const union nu_option_value *value))
{
    union nu_option_value config;
    int err = ws_listener_get_config(object, &config);
    if (err == 0) {
        err = set(config.ptr, value);
        nng_tls_config_free(config.ptr);
    }
    return err;
}

static int ws_listener_auth(nng_tls_config *config, const union nu_option_value *value)
{
    return nng_tls_config_auth_mode(config, (nng_tls_auth_mode) value->i);
}

static int ws_listener_cert(nng_tls_config *config, const union nu_option_value *value)
{
    return nng_tls_config_cert_key_file(config, value->text, NULL);
}

static int ws_listener_ca(nng_tls_config *config, const union nu_option_value *value)
{
    return nng_tls_config_ca_file(config, value->text);
}

static int ws_listener_set_auth(void *object, const union nu_option_value *value)
{
    return ws_listener_configure(object, value, ws_listener_auth);
}

static int ws_listener_set_cert(void *object, const union nu_option_value *value)
{
    return ws_listener_configure(object, value, ws_listener_cert);
}

static int ws_listener_set_ca(void *object, const union nu_option_value *value)
{
    return ws_listener_configure(object, value, ws_listener_ca);
}

static const struct nu_option ws_listener_options[] = {
    NU_WS_ENDPOINT_OPTIONS,
    { NNG_OPT_WS_RESPONSE_HEADERS, NU_OPTION_STRING, NULL, nu_ws_set_headers },
    { NNG_OPT_WS_RESPONSE_HEADER, NU_OPTION_STRING, NULL, nu_ws_set_header },
    { NNG_URING_OPT_WS_ORIGINS, NU_OPTION_STRING, NULL, ws_listener_set_origins },
    { NNG_OPT_URL, NU_OPTION_STRING, ws_listener_get_url, NULL },
    { NNG_OPT_LOCADDR, NU_OPTION_ADDR, ws_listener_get_local, NULL },
    { NNG_OPT_TCP_BOUND_PORT, NU_OPTION_INT, ws_listener_get_port, NULL },
    { NNG_OPT_TCP_NODELAY, NU_OPTION_BOOL, ws_listener_get_nodelay, ws_listener_set_nodelay },
    { NNG_OPT_TCP_KEEPALIVE, NU_OPTION_BOOL, ws_listener_get_keepalive, ws_listener_set_keepalive },
    { NNG_OPT_TLS_CONFIG, NU_OPTION_PTR, ws_listener_get_config, ws_listener_set_config },
    { NNG_OPT_TLS_AUTH_MODE, NU_OPTION_INT, NULL, ws_listener_set_auth },
    { NNG_OPT_TLS_CERT_KEY_FILE, NU_OPTION_STRING, NULL, ws_listener_set_cert },
    { NNG_OPT_TLS_CA_FILE, NU_OPTION_STRING, NULL, ws_listener_set_ca },
    { .name = NULL },
};

static const struct nu_listener_kind ws_listener_kind = { ws_listener_options, ws_listener_listen,
                                                          ws_listener_accept, ws_listener_close,
                                                          ws_listener_free };

/* ---- Making ------------------------------------------------------------------------------- */

int nu_ws_listener_new(nng_stream_listener **listenerp, const nng_url *url)
{
    if (!nu_scheme_find(url->u_scheme).http) {
        return NNG_ENOTSUP;
    }
    struct ws_listener *l = calloc(1, sizeof *l);
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
