/* SPDX-License-Identifier: MIT */
#include "stream/stream_listener.h"

#include "base/clock.h"
#include "io/lock.h"
#include "io/loop.h"
#include "io/runtime.h"
#include "net/address.h"
#include "net/listen_addrs.h"
#include "net/listener.h"
#include "net/unix_bind.h"
#include "stream/acceptor.h"
#include "stream/bytes.h"
#include "stream/place.h"
#include "stream/stream.h"
#include "stream/tls_settings.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum listener_state {
    LISTENER_NEW,       /* it is being set up */
    LISTENER_LISTENING, /* the acceptor is there */
    LISTENER_CLOSED,    /* for good */
};

struct stream_listener {
    nng_stream_listener base;
    atomic_uint holds;            /* the user's, and the acceptor's while it is there */
    struct nu_place place;        /* its address is what was bound to, once it listens */
    struct nu_listen_addrs addrs; /* TCP; constant */
    struct nu_tls_settings tls;
    struct nu_mutex lock;

    /* under lock */
    enum listener_state state;
    bool listened; /* it was LISTENING once; then the acceptor may be told */
    bool nodelay, keepalive;
    int permissions; /* -1: as the umask has it */
    nng_sockaddr local;
    struct stat file; /* that was made, if the place is a path */
    struct nu_acceptor acceptor;
};

static struct stream_listener *stream_listener_of(nng_stream_listener *listener)
{
    return nu_container(listener, struct stream_listener, base);
}

/* ---- Life --------------------------------------------------------------------------------- */

static void stream_listener_drop(struct stream_listener *listener)
{
    if (atomic_fetch_sub(&listener->holds, 1) == 1) {
        nu_tls_settings_free(&listener->tls);
        nu_place_free(&listener->place);
        free(listener);
    }
}

static void stream_listener_gone(void *user)
{
    stream_listener_drop(user);
}

static void stream_listener_close(nng_stream_listener *base)
{
    struct stream_listener *listener = stream_listener_of(base);
    nu_lock(&listener->lock);
    bool tell = listener->state == LISTENER_LISTENING;
    listener->state = LISTENER_CLOSED;
    nu_unlock(&listener->lock);
    if (!tell) {
        return;
    }
    if (listener->place.kind == NU_PLACE_PATH && !nu_runtime_forked()) {
        nu_unix_remove(&listener->place.un, &listener->file);
    }
    nu_acceptor_close(&listener->acceptor);
}

static void stream_listener_free(nng_stream_listener *base)
{
    stream_listener_close(base);
    stream_listener_drop(stream_listener_of(base));
}

/* ---- Listening ---------------------------------------------------------------------------- */

/* What a stream that comes in is to be. */
static void stream_listener_params(void *user, struct nu_bytes_params *params)
{
    struct stream_listener *listener = user;
    *params = (struct nu_bytes_params){ 0 };
    nu_lock(&listener->lock);
    params->nodelay = listener->nodelay;
    params->keepalive = listener->keepalive;
    params->local = params->remote = listener->local; /* counts for UNIX sockets alone */
    nu_unlock(&listener->lock);
    if (listener->place.tls) {
        nu_tls_settings_hold(&listener->tls, &params->tls);
    }
}

static int stream_listener_bind_tcp(struct stream_listener *listener, int *fds, unsigned *n)
{
    unsigned i = 0;
    *n = listener->addrs.n;
    int err = nu_listen_addrs_bind(&listener->addrs, fds, 1);
    if (err != 0) {
        return err;
    }
    while (fds[i] < 0) {
        i++; /* one is there */
    }
    err = nu_address_of_socket(fds[i], false, &listener->local);
    for (i = 0; err != 0 && i < *n; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    return err;
}

/* With the lock held. */
static int stream_listener_bind(struct stream_listener *listener, int *fds, unsigned *n)
{
    struct nu_place *place = &listener->place;
    if (place->kind == NU_PLACE_TCP) {
        return stream_listener_bind_tcp(listener, fds, n);
    }
    *n = 0;
    if (place->kind == NU_PLACE_HANDED) {
        return 0;
    }
    int err =
        nu_unix_bind(&fds[0], &place->un, &place->len, listener->permissions, &listener->file);
    if (err == 0) {
        nu_address_unix_to_nng(&place->un, place->len, &listener->local);
        *n = 1;
    }
    return err;
}

static int stream_listener_try(struct stream_listener *listener, struct nu_loop *loop)
{
    int fds[NU_LISTEN_ADDRS];
    unsigned n;
    nu_lock(&listener->lock);
    int err = listener->listened                   ? NNG_ESTATE
              : listener->state == LISTENER_CLOSED ? NNG_ECLOSED
                                                   : stream_listener_bind(listener, fds, &n);
    if (err == 0) {
        listener->state = LISTENER_LISTENING;
        listener->listened = true;
        atomic_fetch_add(&listener->holds, 1);
        nu_acceptor_start(&listener->acceptor, loop, fds, n);
    }
    nu_unlock(&listener->lock);
    return err;
}

/* As nng_http_server_start(): the sockets of a process that was killed go a little after it. */
static int stream_listener_listen(nng_stream_listener *base)
{
    struct nu_loop *loop = nu_runtime_pick();
    if (loop == NULL) {
        return NNG_ENOTSUP;
    }
    uint64_t until = nu_now() + NU_IN_USE_WAIT;
    int err;
    while ((err = stream_listener_try(stream_listener_of(base), loop)) == NNG_EADDRINUSE &&
           nu_loop_self() == NULL && nu_now() < until) {
        nu_nap(10);
    }
    return err;
}

static void stream_listener_accept(nng_stream_listener *base, nng_aio *aio)
{
    struct stream_listener *listener = stream_listener_of(base);
    if (!nng_aio_begin(aio)) {
        return;
    }
    nu_lock(&listener->lock);
    enum listener_state state = listener->state;
    nu_unlock(&listener->lock);
    if (state != LISTENER_LISTENING) {
        nu_aio_finish(aio, state == LISTENER_NEW ? NNG_ESTATE : NNG_ECLOSED, 0);
        return;
    }
    nu_acceptor_accept(&listener->acceptor, aio);
}

/* ---- Options ------------------------------------------------------------------------------ */

static int stream_listener_get_local(void *object, union nu_option_value *value)
{
    struct stream_listener *listener = object;
    nu_lock(&listener->lock);
    value->addr = listener->local;
    nu_unlock(&listener->lock);
    return 0;
}

static int stream_listener_get_port(void *object, union nu_option_value *value)
{
    struct stream_listener *listener = object;
    nu_lock(&listener->lock);
    int err = listener->state == LISTENER_LISTENING ? 0 : NNG_ESTATE;
    const nng_sockaddr *local = &listener->local;
    value->i = ntohs(local->s_family == NNG_AF_INET ? local->s_in.sa_port : local->s_in6.sa_port);
    nu_unlock(&listener->lock);
    return err;
}

static int stream_listener_set_permissions(void *object, const union nu_option_value *value)
{
    struct stream_listener *listener = object;
    if ((value->i & ~07777) != 0) {
        return NNG_EINVAL;
    }
    nu_lock(&listener->lock);
    int err = listener->state == LISTENER_NEW ? 0 : NNG_EBUSY;
    if (err == 0) {
        listener->permissions = value->i;
    }
    nu_unlock(&listener->lock);
    return err;
}

static int stream_listener_ignore_permissions(void *object, const union nu_option_value *value)
{
    (void) object; /* an abstract socket has none */
    return (value->i & ~07777) != 0 ? NNG_EINVAL : 0;
}

static int stream_listener_hand(void *object, const union nu_option_value *value)
{
    struct stream_listener *listener = object;
    int type = 0;
    socklen_t len = sizeof type;
    if (getsockopt(value->i, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_STREAM) {
        return NNG_EINVAL;
    }
    nu_lock(&listener->lock);
    enum listener_state state = listener->state;
    nu_unlock(&listener->lock);
    return state == LISTENER_LISTENING ? nu_acceptor_hand(&listener->acceptor, value->i)
           : state == LISTENER_NEW     ? NNG_ESTATE
                                       : NNG_ECLOSED;
}

static int stream_listener_get_nodelay(void *object, union nu_option_value *value)
{
    struct stream_listener *listener = object;
    nu_lock(&listener->lock);
    value->b = listener->nodelay;
    nu_unlock(&listener->lock);
    return 0;
}

static int stream_listener_set_nodelay(void *object, const union nu_option_value *value)
{
    struct stream_listener *listener = object;
    nu_lock(&listener->lock);
    listener->nodelay = value->b;
    nu_unlock(&listener->lock);
    return 0;
}

static int stream_listener_get_keepalive(void *object, union nu_option_value *value)
{
    struct stream_listener *listener = object;
    nu_lock(&listener->lock);
    value->b = listener->keepalive;
    nu_unlock(&listener->lock);
    return 0;
}

static int stream_listener_set_keepalive(void *object, const union nu_option_value *value)
{
    struct stream_listener *listener = object;
    nu_lock(&listener->lock);
    listener->keepalive = value->b;
    nu_unlock(&listener->lock);
    return 0;
}

static int stream_listener_get_config(void *object, union nu_option_value *value)
{
    struct stream_listener *listener = object;
    return nu_tls_settings_get(&listener->tls, value);
}

static int stream_listener_set_config(void *object, const union nu_option_value *value)
{
    struct stream_listener *listener = object;
    return nu_tls_settings_set(&listener->tls, value);
}

static int stream_listener_set_auth(void *object, const union nu_option_value *value)
{
    struct stream_listener *listener = object;
    return nu_tls_settings_set_auth(&listener->tls, value);
}

static int stream_listener_set_cert(void *object, const union nu_option_value *value)
{
    struct stream_listener *listener = object;
    return nu_tls_settings_set_cert(&listener->tls, value);
}

static int stream_listener_set_ca(void *object, const union nu_option_value *value)
{
    struct stream_listener *listener = object;
    return nu_tls_settings_set_ca(&listener->tls, value);
}

#define TCP_OPTIONS                                                                                \
    { NNG_OPT_LOCADDR, NU_OPTION_ADDR, stream_listener_get_local, NULL },                          \
        { NNG_OPT_TCP_BOUND_PORT, NU_OPTION_INT, stream_listener_get_port, NULL },                 \
        { NNG_OPT_TCP_NODELAY, NU_OPTION_BOOL, stream_listener_get_nodelay,                        \
          stream_listener_set_nodelay },                                                           \
    {                                                                                              \
        NNG_OPT_TCP_KEEPALIVE, NU_OPTION_BOOL, stream_listener_get_keepalive,                      \
            stream_listener_set_keepalive                                                          \
    }

static const struct nu_option stream_listener_tcp_options[] = { TCP_OPTIONS, { .name = NULL } };

static const struct nu_option stream_listener_tls_options[] = {
    TCP_OPTIONS,
    { NNG_OPT_TLS_CONFIG, NU_OPTION_PTR, stream_listener_get_config, stream_listener_set_config },
    { NNG_OPT_TLS_AUTH_MODE, NU_OPTION_INT, NULL, stream_listener_set_auth },
    { NNG_OPT_TLS_CERT_KEY_FILE, NU_OPTION_STRING, NULL, stream_listener_set_cert },
    { NNG_OPT_TLS_CA_FILE, NU_OPTION_STRING, NULL, stream_listener_set_ca },
    { .name = NULL },
};

static const struct nu_option stream_listener_path_options[] = {
    { NNG_OPT_LOCADDR, NU_OPTION_ADDR, stream_listener_get_local, NULL },
    { NNG_OPT_IPC_PERMISSIONS, NU_OPTION_INT, NULL, stream_listener_set_permissions },
    { .name = NULL },
};

static const struct nu_option stream_listener_abstract_options[] = {
    { NNG_OPT_LOCADDR, NU_OPTION_ADDR, stream_listener_get_local, NULL },
    { NNG_OPT_IPC_PERMISSIONS, NU_OPTION_INT, NULL, stream_listener_ignore_permissions },
    { .name = NULL },
};

static const struct nu_option stream_listener_handed_options[] = {
    { NNG_OPT_LOCADDR, NU_OPTION_ADDR, stream_listener_get_local, NULL },
    { NNG_OPT_SOCKET_FD, NU_OPTION_INT, NULL, stream_listener_hand },
    { .name = NULL },
};

#define KIND(options)                                                                              \
    {                                                                                              \
        options, stream_listener_listen, stream_listener_accept, stream_listener_close,            \
            stream_listener_free                                                                   \
    }

static const struct nu_listener_kind stream_listener_tcp_kind = KIND(stream_listener_tcp_options);
static const struct nu_listener_kind stream_listener_tls_kind = KIND(stream_listener_tls_options);
static const struct nu_listener_kind stream_listener_kinds[] = {
    [NU_PLACE_PATH] = KIND(stream_listener_path_options),
    [NU_PLACE_ABSTRACT] = KIND(stream_listener_abstract_options),
    [NU_PLACE_HANDED] = KIND(stream_listener_handed_options),
};

/* ---- Making ------------------------------------------------------------------------------- */

static int stream_listener_find_addrs(struct stream_listener *listener)
{
    const struct nu_place *place = &listener->place;
    int err = nu_listen_addrs_find(&listener->addrs, place->host, place->port, place->family);
    if (err == 0) {
        err = nu_address_to_nng((struct sockaddr *) &listener->addrs.ss[0], &listener->local);
    }
    if (err == 0 && place->tls) {
        err = nu_tls_settings_init(&listener->tls, NNG_TLS_MODE_SERVER);
    }
    return err;
}

static int stream_listener_set_up(struct stream_listener *listener)
{
    const struct nu_place *place = &listener->place;
    atomic_init(&listener->holds, 1);
    listener->permissions = -1;
    listener->acceptor.params = stream_listener_params;
    listener->acceptor.gone = stream_listener_gone;
    listener->acceptor.user = listener;
    listener->base.kind = place->kind != NU_PLACE_TCP ? &stream_listener_kinds[place->kind]
                          : place->tls                ? &stream_listener_tls_kind
                                                      : &stream_listener_tcp_kind;
    if (place->kind == NU_PLACE_TCP) {
        return stream_listener_find_addrs(listener);
    }
    if (place->kind != NU_PLACE_HANDED) {
        nu_address_unix_to_nng(&place->un, place->len, &listener->local);
    }
    return 0;
}

int nu_stream_listener_new(nng_stream_listener **listenerp, const nng_url *url)
{
    struct nu_place place;
    int err = nu_runtime_start();
    if (err == 0) {
        err = nu_place_parse(&place, url);
    }
    if (err != 0) {
        return err;
    }
    struct stream_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        nu_place_free(&place);
        return NNG_ENOMEM;
    }
    listener->place = place;
    err = stream_listener_set_up(listener);
    if (err != 0) {
        stream_listener_drop(listener);
        return err;
    }
    *listenerp = &listener->base;
    return 0;
}
