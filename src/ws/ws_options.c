/* SPDX-License-Identifier: MIT */
#include "ws/ws_options.h"

#include "stream/tls_facts.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

/* With the lock held for as long as somebody looks at the connection, it stays. */
static int ws_options_enter(struct nu_ws *ws)
{
    nu_lock(&ws->lock);
    if (ws->conn != NULL && !ws->closed) {
        return 0;
    }
    nu_unlock(&ws->lock);
    return NNG_ECLOSED;
}

/* ---- The connection ----------------------------------------------------------------------- */

static int ws_options_get_local(void *object, union nu_option_value *value)
{
    struct nu_ws *ws = object;
    int err = ws_options_enter(ws);
    if (err == 0) {
        err = nu_stream_local_addr(nu_ws_carrier(ws), &value->addr);
        nu_unlock(&ws->lock);
    }
    return err;
}

static int ws_options_get_remote(void *object, union nu_option_value *value)
{
    struct nu_ws *ws = object;
    int err = ws_options_enter(ws);
    if (err == 0) {
        err = nu_stream_remote_addr(nu_ws_carrier(ws), &value->addr);
        nu_unlock(&ws->lock);
    }
    return err;
}

static int ws_options_get_flag(struct nu_ws *ws, int level, int name, bool *on)
{
    int flag = 0;
    socklen_t len = sizeof flag;
    int err = ws_options_enter(ws);
    if (err == 0) {
        err = nu_tcp_get_option(&ws->conn->tcp, level, name, &flag, &len);
        nu_unlock(&ws->lock);
    }
    *on = flag != 0;
    return err;
}

static int ws_options_set_flag(struct nu_ws *ws, int level, int name, bool on)
{
    int flag = on;
    int err = ws_options_enter(ws);
    if (err == 0) {
        err = nu_tcp_set_option(&ws->conn->tcp, level, name, &flag, sizeof flag);
        nu_unlock(&ws->lock);
    }
    return err;
}

static int ws_options_get_nodelay(void *object, union nu_option_value *value)
{
    return ws_options_get_flag(object, IPPROTO_TCP, TCP_NODELAY, &value->b);
}

static int ws_options_set_nodelay(void *object, const union nu_option_value *value)
{
    return ws_options_set_flag(object, IPPROTO_TCP, TCP_NODELAY, value->b);
}

static int ws_options_get_keepalive(void *object, union nu_option_value *value)
{
    return ws_options_get_flag(object, SOL_SOCKET, SO_KEEPALIVE, &value->b);
}

static int ws_options_set_keepalive(void *object, const union nu_option_value *value)
{
    return ws_options_set_flag(object, SOL_SOCKET, SO_KEEPALIVE, value->b);
}

/* ---- The peer in TLS ---------------------------------------------------------------------- */

static int ws_options_get_info(void *object, nng_uring_tls_info **infop)
{
    struct nu_ws *ws = object;
    int err = ws_options_enter(ws);
    if (err == 0) {
        err = nu_tls_info(nu_ws_carrier(ws), infop);
        nu_unlock(&ws->lock);
    }
    return err;
}

static int ws_options_get_verified(void *object, union nu_option_value *value)
{
    return nu_tls_facts_verified(ws_options_get_info, object, value);
}

static int ws_options_get_peer_cn(void *object, union nu_option_value *value)
{
    return nu_tls_facts_peer_cn(ws_options_get_info, object, value);
}

static int ws_options_get_peer_alt_names(void *object, union nu_option_value *value)
{
    return nu_tls_facts_peer_alt_names(ws_options_get_info, object, value);
}

/* ---- The upgrade -------------------------------------------------------------------------- */

static int ws_options_copy(const char *text, union nu_option_value *value)
{
    if (text == NULL) {
        return NNG_ENOENT;
    }
    value->text = nng_strdup(text);
    return value->text != NULL ? 0 : NNG_ENOMEM;
}

static int ws_options_get_request_header(void *object, union nu_option_value *value)
{
    struct nu_ws *ws = object;
    return nu_ws_heads_get(ws->heads->request, value->part, value);
}

static int ws_options_get_response_header(void *object, union nu_option_value *value)
{
    struct nu_ws *ws = object;
    return nu_ws_heads_get(ws->heads->response, value->part, value);
}

static int ws_options_get_request_headers(void *object, union nu_option_value *value)
{
    struct nu_ws *ws = object;
    return ws_options_copy(ws->heads->request, value);
}

static int ws_options_get_response_headers(void *object, union nu_option_value *value)
{
    struct nu_ws *ws = object;
    return ws_options_copy(ws->heads->response, value);
}

static int ws_options_get_uri(void *object, union nu_option_value *value)
{
    struct nu_ws *ws = object;
    return ws_options_copy(ws->heads->uri, value);
}

static int ws_options_get_protocol(void *object, union nu_option_value *value)
{
    struct nu_ws *ws = object;
    return nu_ws_heads_get(ws->heads->response, "Sec-WebSocket-Protocol", value);
}

/* ---- How it works ------------------------------------------------------------------------- */

static int ws_options_get_send_text(void *object, union nu_option_value *value)
{
    value->b = ((struct nu_ws *) object)->settings.send_text;
    return 0;
}

static int ws_options_get_recv_text(void *object, union nu_option_value *value)
{
    value->b = ((struct nu_ws *) object)->settings.recv_text;
    return 0;
}

/* Those that say how it has ended are there when it has. */
static int ws_options_get_code(void *object, union nu_option_value *value)
{
    struct nu_ws *ws = object;
    nu_lock(&ws->lock);
    value->i = ws->peer_code;
    nu_unlock(&ws->lock);
    return value->i != 0 ? 0 : NNG_ESTATE;
}

static int ws_options_get_reason(void *object, union nu_option_value *value)
{
    struct nu_ws *ws = object;
    nu_lock(&ws->lock);
    int err = ws->peer_code != 0 ? ws_options_copy(ws->peer_reason, value) : NNG_ESTATE;
    nu_unlock(&ws->lock);
    return err;
}

const struct nu_option nu_ws_options[] = {
    { NNG_OPT_LOCADDR, NU_OPTION_ADDR, ws_options_get_local, NULL },
    { NNG_OPT_REMADDR, NU_OPTION_ADDR, ws_options_get_remote, NULL },
    { NNG_OPT_TCP_NODELAY, NU_OPTION_BOOL, ws_options_get_nodelay, ws_options_set_nodelay },
    { NNG_OPT_TCP_KEEPALIVE, NU_OPTION_BOOL, ws_options_get_keepalive, ws_options_set_keepalive },
    { NNG_OPT_TLS_VERIFIED, NU_OPTION_BOOL, ws_options_get_verified, NULL },
    { NNG_OPT_TLS_PEER_CN, NU_OPTION_STRING, ws_options_get_peer_cn, NULL },
    { NNG_OPT_TLS_PEER_ALT_NAMES, NU_OPTION_PTR, ws_options_get_peer_alt_names, NULL },
    { NNG_OPT_WS_REQUEST_HEADERS, NU_OPTION_STRING, ws_options_get_request_headers, NULL },
    { NNG_OPT_WS_RESPONSE_HEADERS, NU_OPTION_STRING, ws_options_get_response_headers, NULL },
    { NNG_OPT_WS_REQUEST_HEADER, NU_OPTION_STRING, ws_options_get_request_header, NULL },
    { NNG_OPT_WS_RESPONSE_HEADER, NU_OPTION_STRING, ws_options_get_response_header, NULL },
    { NNG_OPT_WS_REQUEST_URI, NU_OPTION_STRING, ws_options_get_uri, NULL },
    { NNG_OPT_WS_PROTOCOL, NU_OPTION_STRING, ws_options_get_protocol, NULL },
    { NNG_OPT_WS_SEND_TEXT, NU_OPTION_BOOL, ws_options_get_send_text, NULL },
    { NNG_OPT_WS_RECV_TEXT, NU_OPTION_BOOL, ws_options_get_recv_text, NULL },
    { NNG_URING_OPT_WS_CLOSE_CODE, NU_OPTION_INT, ws_options_get_code, NULL },
    { NNG_URING_OPT_WS_CLOSE_REASON, NU_OPTION_STRING, ws_options_get_reason, NULL },
    { .name = NULL },
};
