/* SPDX-License-Identifier: MIT */
#include "stream/stream_dialer.h"

#include "base/error.h"
#include "base/list.h"
#include "io/aio.h"
#include "io/lock.h"
#include "io/runtime.h"
#include "net/address.h"
#include "net/dialer.h"
#include "stream/bytes.h"
#include "stream/place.h"
#include "stream/stream.h"
#include "stream/tls_settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct stream_dialer {
    nng_stream_dialer base;
    atomic_uint holds;     /* the user's, and one of each dial in progress */
    struct nu_place place; /* constant */
    nu_dialer_make make;   /* constant */
    struct nu_mutex lock;

    /* under lock */
    bool closed;
    bool nodelay, keepalive;
    nng_sockaddr local;         /* NNG_AF_UNSPEC: any */
    struct nu_tls_settings tls; /* if the place has TLS */
    struct nu_list dials;       /* in progress */
};

/* One dial. It ends before its aio does. */
struct dial {
    struct stream_dialer *dialer;
    struct nu_list link; /* in the dialer's dials */
    nng_aio *aio;
    struct nu_bytes_params params;
    nng_sockaddr local;
};

static struct stream_dialer *stream_dialer_of(nng_stream_dialer *dialer)
{
    return nu_container(dialer, struct stream_dialer, base);
}

/* ---- Life --------------------------------------------------------------------------------- */

static void stream_dialer_drop(struct stream_dialer *dialer)
{
    if (atomic_fetch_sub(&dialer->holds, 1) == 1) {
        nu_tls_settings_free(&dialer->tls);
        nu_place_free(&dialer->place);
        free(dialer);
    }
}

/* The aios in the list have not finished: a dial leaves it first. */
static void stream_dialer_close(nng_stream_dialer *base)
{
    struct stream_dialer *dialer = stream_dialer_of(base);
    nu_lock(&dialer->lock);
    dialer->closed = true;
    for (struct nu_list *n = dialer->dials.next; n != &dialer->dials; n = n->next) {
        nng_aio_abort(nu_container(n, struct dial, link)->aio, NNG_ECLOSED);
    }
    nu_unlock(&dialer->lock);
}

static void stream_dialer_free(nng_stream_dialer *base)
{
    stream_dialer_close(base);
    stream_dialer_drop(stream_dialer_of(base));
}

/* ---- Dialing ------------------------------------------------------------------------------ */

static void stream_dialer_dial_drop(void *arg)
{
    struct dial *dial = arg;
    nu_lock(&dial->dialer->lock);
    nu_list_remove(&dial->link);
    nu_unlock(&dial->dialer->lock);
    nng_tls_config_free(dial->params.tls);
    stream_dialer_drop(dial->dialer);
    free(dial);
}

static int stream_dialer_dial_bind(void *arg, int fd)
{
    struct dial *dial = arg;
    struct sockaddr_storage ss;
    socklen_t len;
    if (dial->local.s_family == NNG_AF_UNSPEC) {
        return 0;
    }
    int err = nu_address_from_nng(&dial->local, &ss, &len);
    if (err == 0 && bind(fd, (struct sockaddr *) &ss, len) != 0) {
        err = nu_error_from_errno(errno);
    }
    return err;
}

static int stream_dialer_dial_connected(void *arg, struct nu_loop *loop, int fd, void **made)
{
    const struct dial *dial = arg;
    return dial->dialer->make(made, loop, fd, &dial->params);
}

/* What a dial needs of its dialer, which may be set up anew meanwhile. With the lock held. */
static int stream_dialer_dial_set_up(struct dial *dial, nng_aio *aio)
{
    struct stream_dialer *dialer = dial->dialer;
    const struct nu_place *place = &dialer->place;
    int err = dialer->closed ? NNG_ECLOSED : 0;
    dial->aio = aio;
    dial->local = dialer->local;
    dial->params = (struct nu_bytes_params){ .nodelay = dialer->nodelay,
                                             .keepalive = dialer->keepalive,
                                             .host = place->host };
    if (err == 0 && place->tls) {
        nu_tls_settings_hold(&dialer->tls, &dial->params.tls);
    }
    if (place->kind != NU_PLACE_TCP) {
        nu_address_unix_to_nng(&place->un, place->len, &dial->params.remote);
        dial->params.local = dial->params.remote; /* as NNG has it */
    }
    if (err == 0) {
        nu_list_append(&dialer->dials, &dial->link);
    }
    return err;
}

static int stream_dialer_dial_new(struct dial **dialp, struct stream_dialer *dialer, nng_aio *aio)
{
    struct dial *dial = calloc(1, sizeof *dial);
    if (dial == NULL) {
        return NNG_ENOMEM;
    }
    dial->dialer = dialer;
    nu_lock(&dialer->lock);
    int err = stream_dialer_dial_set_up(dial, aio);
    nu_unlock(&dialer->lock);
    if (err != 0) {
        free(dial);
        return err;
    }
    atomic_fetch_add(&dialer->holds, 1);
    *dialp = dial;
    return 0;
}

void nu_stream_dialer_dial(nng_stream_dialer *base, nng_aio *aio, struct nu_loop *loop)
{
    struct stream_dialer *dialer = stream_dialer_of(base);
    const struct nu_place *place = &dialer->place;
    struct dial *dial;
    int err = stream_dialer_dial_new(&dial, dialer, aio);
    aio->loop = loop;
    if (err != 0) {
        nu_aio_finish(aio, err, 0);
        return;
    }
    struct nu_dial_user user = { .dialed = stream_dialer_dial_connected,
                                 .prepare = stream_dialer_dial_bind,
                                 .drop = stream_dialer_dial_drop,
                                 .arg = dial };
    if (place->kind == NU_PLACE_TCP) {
        nu_dial(aio, loop, place->host, place->port, place->family, &user);
    } else {
        nu_dial_address(aio, loop, (const struct sockaddr *) &place->un, place->len, &user);
    }
}

static void stream_dialer_dial(nng_stream_dialer *base, nng_aio *aio)
{
    if (!nng_aio_begin(aio)) {
        return;
    }
    struct nu_loop *loop = nu_runtime_pick();
    if (loop == NULL) {
        nu_aio_finish(aio, NNG_ENOTSUP, 0);
        return;
    }
    nu_stream_dialer_dial(base, aio, loop);
}

/* ---- Options ------------------------------------------------------------------------------ */

static int stream_dialer_get_local(void *object, union nu_option_value *value)
{
    struct stream_dialer *dialer = object;
    nu_lock(&dialer->lock);
    value->addr = dialer->local;
    nu_unlock(&dialer->lock);
    return 0;
}

/* A port would have to be free each time. */
static int stream_dialer_set_local(void *object, const union nu_option_value *value)
{
    struct stream_dialer *dialer = object;
    struct sockaddr_storage ss;
    socklen_t len;
    nng_sockaddr local = value->addr;
    if (local.s_family != NNG_AF_UNSPEC) {
        int err = nu_address_from_nng(&local, &ss, &len);
        uint16_t port = local.s_family == NNG_AF_INET ? local.s_in.sa_port : local.s_in6.sa_port;
        if (err != 0 || port != 0) {
            return NNG_EADDRINVAL;
        }
    }
    nu_lock(&dialer->lock);
    dialer->local = local;
    nu_unlock(&dialer->lock);
    return 0;
}

static int stream_dialer_get_flag(struct stream_dialer *dialer, const bool *flag,
                                  union nu_option_value *value)
{
    nu_lock(&dialer->lock);
    value->b = *flag;
    nu_unlock(&dialer->lock);
    return 0;
}

static int stream_dialer_set_flag(struct stream_dialer *dialer, bool *flag,
                                  const union nu_option_value *value)
{
    nu_lock(&dialer->lock);
    *flag = value->b;
    nu_unlock(&dialer->lock);
    return 0;
}

static int stream_dialer_get_nodelay(void *object, union nu_option_value *value)
{
    struct stream_dialer *dialer = object;
    return stream_dialer_get_flag(dialer, &dialer->nodelay, value);
}

static int stream_dialer_set_nodelay(void *object, const union nu_option_value *value)
{
    struct stream_dialer *dialer = object;
    return stream_dialer_set_flag(dialer, &dialer->nodelay, value);
}

static int stream_dialer_get_keepalive(void *object, union nu_option_value *value)
{
    struct stream_dialer *dialer = object;
    return stream_dialer_get_flag(dialer, &dialer->keepalive, value);
}

static int stream_dialer_set_keepalive(void *object, const union nu_option_value *value)
{
    struct stream_dialer *dialer = object;
    return stream_dialer_set_flag(dialer, &dialer->keepalive, value);
}

static struct nu_tls_settings *stream_dialer_tls(void *object)
{
    return &((struct stream_dialer *) object)->tls;
}

static int stream_dialer_get_config(void *object, union nu_option_value *value)
{
    return nu_tls_settings_get(stream_dialer_tls(object), value);
}

static int stream_dialer_set_config(void *object, const union nu_option_value *value)
{
    return nu_tls_settings_set(stream_dialer_tls(object), value);
}

static int stream_dialer_set_auth(void *object, const union nu_option_value *value)
{
    return nu_tls_settings_set_auth(stream_dialer_tls(object), value);
}

static int stream_dialer_set_cert(void *object, const union nu_option_value *value)
{
    return nu_tls_settings_set_cert(stream_dialer_tls(object), value);
}

static int stream_dialer_set_ca(void *object, const union nu_option_value *value)
{
    return nu_tls_settings_set_ca(stream_dialer_tls(object), value);
}

static int stream_dialer_set_name(void *object, const union nu_option_value *value)
{
    return nu_tls_settings_set_name(stream_dialer_tls(object), value);
}

static const struct nu_option stream_dialer_tcp_options[] = {
    { NNG_OPT_LOCADDR, NU_OPTION_ADDR, stream_dialer_get_local, stream_dialer_set_local },
    { NNG_OPT_TCP_NODELAY, NU_OPTION_BOOL, stream_dialer_get_nodelay, stream_dialer_set_nodelay },
    { NNG_OPT_TCP_KEEPALIVE, NU_OPTION_BOOL, stream_dialer_get_keepalive,
      stream_dialer_set_keepalive },
    { .name = NULL },
};

static const struct nu_option stream_dialer_tls_options[] = {
    { NNG_OPT_LOCADDR, NU_OPTION_ADDR, stream_dialer_get_local, stream_dialer_set_local },
    { NNG_OPT_TCP_NODELAY, NU_OPTION_BOOL, stream_dialer_get_nodelay, stream_dialer_set_nodelay },
    { NNG_OPT_TCP_KEEPALIVE, NU_OPTION_BOOL, stream_dialer_get_keepalive,
      stream_dialer_set_keepalive },
    { NNG_OPT_TLS_CONFIG, NU_OPTION_PTR, stream_dialer_get_config, stream_dialer_set_config },
    { NNG_OPT_TLS_AUTH_MODE, NU_OPTION_INT, NULL, stream_dialer_set_auth },
    { NNG_OPT_TLS_CERT_KEY_FILE, NU_OPTION_STRING, NULL, stream_dialer_set_cert },
    { NNG_OPT_TLS_CA_FILE, NU_OPTION_STRING, NULL, stream_dialer_set_ca },
    { NNG_OPT_TLS_SERVER_NAME, NU_OPTION_STRING, NULL, stream_dialer_set_name },
    { .name = NULL },
};

static const struct nu_option stream_dialer_unix_options[] = { { .name = NULL } };

static const struct nu_dialer_kind stream_dialer_tcp_kind = {
    stream_dialer_tcp_options, stream_dialer_dial, stream_dialer_close, stream_dialer_free
};
static const struct nu_dialer_kind stream_dialer_tls_kind = {
    stream_dialer_tls_options, stream_dialer_dial, stream_dialer_close, stream_dialer_free
};
static const struct nu_dialer_kind stream_dialer_unix_kind = {
    stream_dialer_unix_options, stream_dialer_dial, stream_dialer_close, stream_dialer_free
};

/* ---- Making ------------------------------------------------------------------------------- */

static int stream_dialer_check_place(const struct nu_place *place)
{
    switch (place->kind) {
    case NU_PLACE_TCP:
        return place->host[0] == '\0' || strcmp(place->port, "0") == 0 ? NNG_EADDRINVAL : 0;
    case NU_PLACE_HANDED:
        return NNG_ENOTSUP;
    default:
        return 0;
    }
}

static int stream_dialer_make_bytes(void **made, struct nu_loop *loop, int fd,
                                    const struct nu_bytes_params *params)
{
    return nu_bytes_new((nng_stream **) made, loop, fd, params);
}

static int stream_dialer_set_up(struct stream_dialer *dialer, const struct nu_place *place)
{
    int err = stream_dialer_check_place(place);
    if (err == 0 && place->tls) {
        err = nu_tls_settings_init(&dialer->tls, NNG_TLS_MODE_CLIENT);
    }
    if (err == 0 && place->tls) {
        err = nng_tls_config_server_name(dialer->tls.config, place->host);
    }
    return err;
}

int nu_stream_dialer_new(nng_stream_dialer **dialerp, const nng_url *url, nu_dialer_make make)
{
    struct nu_place place;
    int err = nu_runtime_start();
    if (err == 0) {
        err = nu_place_parse(&place, url);
    }
    if (err != 0) {
        return err;
    }
    struct stream_dialer *dialer = calloc(1, sizeof *dialer);
    err = dialer == NULL ? NNG_ENOMEM : stream_dialer_set_up(dialer, &place);
    if (err != 0) {
        nu_place_free(&place);
        if (dialer != NULL) {
            nu_tls_settings_free(&dialer->tls);
        }
        free(dialer);
        return err;
    }
    dialer->base.kind = place.kind != NU_PLACE_TCP ? &stream_dialer_unix_kind
                        : place.tls                ? &stream_dialer_tls_kind
                                                   : &stream_dialer_tcp_kind;
    dialer->place = place;
    dialer->make = make != NULL ? make : stream_dialer_make_bytes;
    atomic_init(&dialer->holds, 1);
    nu_list_init(&dialer->dials);
    *dialerp = &dialer->base;
    return 0;
}
