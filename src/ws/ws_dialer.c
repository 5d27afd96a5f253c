/* SPDX-License-Identifier: MIT */
#include "ws/ws_dialer.h"

#include "base/list.h"
#include "http/conn.h"
#include "io/runtime.h"
#include "stream/stream_dialer.h"
#include "wire/message.h"
#include "wire/scheme.h"
#include "ws/ws.h"
#include "ws/ws_accept.h"
#include "ws/ws_endpoint.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

struct ws_dialer {
    struct nu_ws_endpoint endpoint; /* first: its options take one for the other */
    atomic_uint holds;              /* the user's, and one of each dial in progress */
    nng_stream_dialer *lower;       /* constant: makes connections */
    nng_url *url;                   /* constant */

    /* under the endpoint's lock */
    bool closed;
    struct nu_list dials; /* in progress */
};

enum dial_state {
    DIAL_CONNECTING,
    DIAL_ASKING,   /* the request is written */
    DIAL_AWAITING, /* the answer is */
};

/* One dial. The owner's of its loop, but for the dialer's list. */
struct dial {
    struct ws_dialer *dialer; /* constant */
    struct nu_list link;
    nng_aio *user; /* constant */
    enum dial_state state;
    int abort; /* why it is to end; 0: it is not */
    nng_time until;
    struct nu_ws_settings settings;
    char *protocols;
    char accept[NU_WS_ACCEPT_LENGTH + 1]; /* what the server has to say */
    nng_http_req *req;
    nng_http_res *res;
    nng_http_conn *conn;
    nng_aio aio; /* of the step in hand */
    struct nu_aio_args args;
};

static struct ws_dialer *ws_dialer_of(nng_stream_dialer *dialer)
{
    return nu_container(dialer, struct ws_dialer, endpoint.base.dialer);
}

/* ---- Life --------------------------------------------------------------------------------- */

static void ws_dialer_drop(struct ws_dialer *dialer)
{
    if (atomic_fetch_sub(&dialer->holds, 1) == 1) {
        nng_stream_dialer_free(dialer->lower);
        nng_url_free(dialer->url);
        nu_ws_endpoint_fini(&dialer->endpoint);
        free(dialer);
    }
}

/* The aios in the list have not finished: a dial leaves it first. */
static void ws_dialer_close(nng_stream_dialer *base)
{
    struct ws_dialer *dialer = ws_dialer_of(base);
    nu_lock(&dialer->endpoint.lock);
    dialer->closed = true;
    for (struct nu_list *n = dialer->dials.next; n != &dialer->dials; n = n->next) {
        nng_aio_abort(nu_container(n, struct dial, link)->user, NNG_ECLOSED);
    }
    nu_unlock(&dialer->endpoint.lock);
}

static void ws_dialer_free(nng_stream_dialer *base)
{
    ws_dialer_close(base);
    ws_dialer_drop(ws_dialer_of(base));
}

/* ---- One dial ----------------------------------------------------------------------------- */

static void ws_dialer_dispose(nng_aio *aio)
{
    free(aio->arg);
}

/* It has ended, or was not begun. */
static void ws_dialer_free_dial(struct dial *dial)
{
    nng_http_req_free(dial->req);
    nng_http_res_free(dial->res);
    free(dial->protocols);
    nng_aio_reap(&dial->aio); /* which frees it */
}

static void ws_dialer_end(struct dial *dial, int err, nng_stream *stream)
{
    struct ws_dialer *dialer = dial->dialer;
    nng_aio *user = dial->user;
    nu_lock(&dialer->endpoint.lock);
    nu_list_remove(&dial->link);
    nu_unlock(&dialer->endpoint.lock);
    if (dial->conn != NULL) {
        nng_http_conn_close(dial->conn);
    }
    ws_dialer_free_dial(dial);
    ws_dialer_drop(dialer);
    user->args->output[0] = stream;
    nu_aio_end(user, err, 0);
}

static void ws_dialer_upgrade(struct dial *dial)
{
    const struct nu_ws_deflate wish = nu_ws_deflate_wish(&dial->settings);
    struct nu_ws_deflate agreed;
    nng_stream *stream = NULL;
    int err = nu_ws_response_check(dial->res, dial->accept, dial->protocols, &wish, &agreed);
    if (err == 0) {
        const struct nu_ws_params params = { .conn = dial->conn,
                                             .req = dial->req,
                                             .res = dial->res,
                                             .settings = &dial->settings,
                                             .deflate = &agreed,
                                             .client = true };
        err = nu_ws_new(&stream, &params);
    }
    if (err == 0) {
        dial->conn = NULL;
    }
    ws_dialer_end(dial, err, stream);
}

static void ws_dialer_await(struct dial *dial)
{
    dial->state = DIAL_AWAITING;
    nng_aio_set_expire(&dial->aio, dial->until);
    nng_http_conn_read_res(dial->conn, dial->res, &dial->aio);
}

/* There may be others before the answer (RFC 9110 15.2). */
static bool ws_dialer_is_interim(struct dial *dial)
{
    uint16_t status = nng_http_res_get_status(dial->res);
    return status >= 100 && status < 200 && status != NNG_HTTP_STATUS_SWITCHING;
}

static void ws_dialer_stepped(void *arg)
{
    struct dial *dial = arg;
    int err = nng_aio_result(&dial->aio);
    if (dial->state == DIAL_CONNECTING) {
        dial->conn = nng_aio_get_output(&dial->aio, 0);
    }
    err = dial->abort != 0 ? dial->abort : err;
    if (err != 0) {
        ws_dialer_end(dial, err, NULL);
    } else if (dial->state == DIAL_CONNECTING) {
        dial->state = DIAL_ASKING;
        nng_aio_set_expire(&dial->aio, dial->until);
        nng_http_conn_write_req(dial->conn, dial->req, &dial->aio);
    } else if (dial->state == DIAL_ASKING || ws_dialer_is_interim(dial)) {
        ws_dialer_await(dial);
    } else {
        ws_dialer_upgrade(dial);
    }
}

/* The user aio's cancel function. */
static void ws_dialer_cancel(nng_aio *user, void *arg, int err)
{
    struct dial *dial = arg;
    (void) user;
    dial->abort = err;
    nng_aio_abort(&dial->aio, err);
}

/* ---- The request -------------------------------------------------------------------------- */

static int ws_dialer_set_header(void *req, const char *name, const char *value)
{
    return nng_http_req_set_header(req, name, value);
}

static int ws_dialer_fill_request(struct dial *dial)
{
    struct ws_dialer *dialer = dial->dialer;
    const struct nu_ws_deflate wish = nu_ws_deflate_wish(&dial->settings);
    char key[NU_WS_KEY_LENGTH + 1], extensions[NU_WS_DEFLATE_ROOM];
    nu_ws_new_key(key);
    nu_ws_deflate_print_offer(&wish, extensions);
    const char *const headers[][2] = { { "Upgrade", "websocket" },
                                       { "Connection", "Upgrade" },
                                       { "Sec-WebSocket-Key", key },
                                       { "Sec-WebSocket-Version", NU_WS_VERSION },
                                       { "Sec-WebSocket-Protocol", dial->protocols },
                                       { "Sec-WebSocket-Extensions",
                                         wish.on ? extensions : NULL } };
    int err = nu_ws_accept_text(key, dial->accept);
    if (err == 0) {
        err = nu_req_set_host(dial->req, dialer->url);
    }
    for (unsigned i = 0; i < sizeof headers / sizeof headers[0] && err == 0; i++) {
        if (headers[i][1] != NULL) {
            err = nng_http_req_set_header(dial->req, headers[i][0], headers[i][1]);
        }
    }
    return err != 0
               ? err
               : nu_ws_endpoint_put_headers(&dialer->endpoint, ws_dialer_set_header, dial->req);
}

static int ws_dialer_prepare(struct dial *dial)
{
    struct nu_ws_endpoint *endpoint = &dial->dialer->endpoint;
    int err = nu_ws_endpoint_look(endpoint, &dial->settings, &dial->protocols);
    if (err == 0) {
        err = nng_http_req_alloc(&dial->req, dial->dialer->url);
    }
    if (err == 0) {
        err = nng_http_res_alloc(&dial->res);
    }
    if (err == 0) {
        err = ws_dialer_fill_request(dial);
    }
    nng_duration ms = dial->settings.handshake;
    dial->until = ms > 0 ? nng_clock() + (nng_time) ms : UINT64_MAX;
    return err;
}

/* ---- Dialing ------------------------------------------------------------------------------ */

/* Of a begun aio. */
static int ws_dialer_new_dial(struct dial **dialp, struct ws_dialer *dialer, nng_aio *user)
{
    struct dial *dial = calloc(1, sizeof *dial);
    if (dial == NULL) {
        return NNG_ENOMEM;
    }
    dial->dialer = dialer;
    dial->user = user;
    nu_list_init(&dial->link);
    nu_aio_init(&dial->aio, ws_dialer_stepped, dial);
    dial->aio.dispose = ws_dialer_dispose;
    dial->aio.args = &dial->args;
    int err = ws_dialer_prepare(dial);
    if (err != 0) {
        ws_dialer_free_dial(dial);
        return err;
    }
    *dialp = dial;
    return 0;
}

/* It can be aborted from here on, and so its step is begun. */
static int ws_dialer_schedule(struct dial *dial, struct nu_loop *loop)
{
    struct ws_dialer *dialer = dial->dialer;
    nng_aio_set_expire(&dial->aio, dial->until);
    (void) nng_aio_begin(&dial->aio);
    nu_lock(&dialer->endpoint.lock);
    int err =
        dialer->closed ? NNG_ECLOSED : nu_aio_schedule(dial->user, loop, ws_dialer_cancel, dial);
    if (err == 0) {
        nu_list_append(&dialer->dials, &dial->link);
        atomic_fetch_add(&dialer->holds, 1);
    }
    nu_unlock(&dialer->endpoint.lock);
    return err;
}

static void ws_dialer_dial(nng_stream_dialer *base, nng_aio *aio)
{
    struct ws_dialer *dialer = ws_dialer_of(base);
    struct dial *dial = NULL;
    if (!nng_aio_begin(aio)) {
        return;
    }
    struct nu_loop *loop = nu_runtime_pick();
    int err = loop == NULL ? NNG_ENOTSUP : ws_dialer_new_dial(&dial, dialer, aio);
    aio->loop = loop;
    if (err == 0) {
        err = ws_dialer_schedule(dial, loop);
        if (err != 0) {
            dial->aio.cb = NULL; /* its step ends without a beginning */
            nu_aio_finish(&dial->aio, err, 0);
            ws_dialer_free_dial(dial);
        }
    }
    if (err != 0) {
        nu_aio_finish(aio, err, 0);
        return;
    }
    nu_aio_timer_start(aio);
    nu_stream_dialer_dial(dialer->lower, &dial->aio, loop);
}

/* ---- Options ------------------------------------------------------------------------------ */

/* What the connections' dialer has; not everything, if there is no TLS. */
#define PASS(field, option, type)                                                                  \
    static int ws_dialer_get_##field(void *object, union nu_option_value *value)                   \
    {                                                                                              \
        nng_stream_dialer *lower = ((struct ws_dialer *) object)->lower;                           \
        return nu_option_get(lower->kind->options, lower, option, type, value);                    \
    }                                                                                              \
    static int ws_dialer_set_##field(void *object, const union nu_option_value *value)             \
    {                                                                                              \
        nng_stream_dialer *lower = ((struct ws_dialer *) object)->lower;                           \
        return nu_option_set(lower->kind->options, lower, option, type, value);                    \
    }

PASS(local, NNG_OPT_LOCADDR, NU_OPTION_ADDR)
PASS(nodelay, NNG_OPT_TCP_NODELAY, NU_OPTION_BOOL)
PASS(keepalive, NNG_OPT_TCP_KEEPALIVE, NU_OPTION_BOOL)
PASS(config, NNG_OPT_TLS_CONFIG, NU_OPTION_PTR)
PASS(auth, NNG_OPT_TLS_AUTH_MODE, NU_OPTION_INT)
PASS(cert, NNG_OPT_TLS_CERT_KEY_FILE, NU_OPTION_STRING)
PASS(ca, NNG_OPT_TLS_CA_FILE, NU_OPTION_STRING)
PASS(name, NNG_OPT_TLS_SERVER_NAME, NU_OPTION_STRING)

static const struct nu_option ws_dialer_options[] = {
    NU_WS_ENDPOINT_OPTIONS,
    { NNG_OPT_WS_REQUEST_HEADERS, NU_OPTION_STRING, NULL, nu_ws_set_headers },
    { NNG_OPT_WS_REQUEST_HEADER, NU_OPTION_STRING, NULL, nu_ws_set_header },
    { NNG_OPT_LOCADDR, NU_OPTION_ADDR, ws_dialer_get_local, ws_dialer_set_local },
    { NNG_OPT_TCP_NODELAY, NU_OPTION_BOOL, ws_dialer_get_nodelay, ws_dialer_set_nodelay },
    { NNG_OPT_TCP_KEEPALIVE, NU_OPTION_BOOL, ws_dialer_get_keepalive, ws_dialer_set_keepalive },
    { NNG_OPT_TLS_CONFIG, NU_OPTION_PTR, ws_dialer_get_config, ws_dialer_set_config },
    { NNG_OPT_TLS_AUTH_MODE, NU_OPTION_INT, ws_dialer_get_auth, ws_dialer_set_auth },
    { NNG_OPT_TLS_CERT_KEY_FILE, NU_OPTION_STRING, ws_dialer_get_cert, ws_dialer_set_cert },
    { NNG_OPT_TLS_CA_FILE, NU_OPTION_STRING, ws_dialer_get_ca, ws_dialer_set_ca },
    { NNG_OPT_TLS_SERVER_NAME, NU_OPTION_STRING, ws_dialer_get_name, ws_dialer_set_name },
    { .name = NULL },
};

static const struct nu_dialer_kind ws_dialer_kind = { ws_dialer_options, ws_dialer_dial,
                                                      ws_dialer_close, ws_dialer_free };

/* ---- Making ------------------------------------------------------------------------------- */

static int ws_dialer_make(void **made, struct nu_loop *loop, int fd,
                          const struct nu_bytes_params *params)
{
    const struct nu_tls_params tls = {
        .config = params->tls,
        .host = params->host,
        .alpn = "http/1.1",
        .read_ahead = true,
    };
    nng_http_conn *conn;
    int off = 0, on = 1;
    int err = nu_conn_new(&conn, loop, fd, params->tls != NULL ? &tls : NULL);
    if (err != 0) {
        return err;
    }
    if (!params->nodelay) { /* which every connection begins with */
        (void) nu_tcp_set_option(&conn->tcp, IPPROTO_TCP, TCP_NODELAY, &off, sizeof off);
    }
    if (params->keepalive) {
        (void) nu_tcp_set_option(&conn->tcp, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    *made = conn;
    return 0;
}

/* The connections' part of the URL. */
static int ws_dialer_new_lower(nng_stream_dialer **lowerp, const nng_url *url)
{
    static char schemes[2][3][sizeof "tls+tcp4"] = { { "tcp", "tcp4", "tcp6" },
                                                     { "tls+tcp", "tls+tcp4", "tls+tcp6" } };
    struct nu_scheme scheme = nu_scheme_find(url->u_scheme);
    nng_url tcp = *url;
    tcp.u_scheme = schemes[scheme.secure][scheme.family == AF_INET    ? 1
                                          : scheme.family == AF_INET6 ? 2
                                                                      : 0];
    return nu_stream_dialer_new(lowerp, &tcp, ws_dialer_make);
}

int nu_ws_dialer_new(nng_stream_dialer **dialerp, const nng_url *url)
{
    if (!nu_scheme_find(url->u_scheme).http) {
        return NNG_ENOTSUP;
    }
    struct ws_dialer *dialer = calloc(1, sizeof *dialer);
    if (dialer == NULL) {
        return NNG_ENOMEM;
    }
    nu_ws_endpoint_init(&dialer->endpoint);
    dialer->endpoint.base.dialer.kind = &ws_dialer_kind;
    atomic_init(&dialer->holds, 1);
    nu_list_init(&dialer->dials);
    int err = nng_url_clone(&dialer->url, url);
    if (err == 0) {
        err = ws_dialer_new_lower(&dialer->lower, url);
    }
    if (err == 0) { /* a message is to go when it is sent */
        err = nng_stream_dialer_set_bool(dialer->lower, NNG_OPT_TCP_NODELAY, true);
    }
    if (err != 0) {
        ws_dialer_drop(dialer);
        return err;
    }
    *dialerp = &dialer->endpoint.base.dialer;
    return 0;
}
