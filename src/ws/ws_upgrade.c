/* SPDX-License-Identifier: MIT */
#include "ws/ws_upgrade.h"

#include "http/hijack.h"
#include "wire/chars.h"
#include "wire/field_list.h"
#include "wire/ws_deflate.h"
#include "ws/ws_accept.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#define PROTOCOL_MAX ((size_t) 256) /* bytes of a subprotocol's name, its NUL included */

/* An upgrade whose answer is being written. */
struct upgrade {
    nng_http_conn *conn;
    nng_http_req *req;
    nng_http_res *res;
    struct nu_ws_settings settings;
    struct nu_ws_deflate deflate; /* agreed upon */
    void (*upgraded)(void *arg, nng_stream *stream);
    void *arg;
    nng_aio aio;
};

/* ---- Refusals ----------------------------------------------------------------------------- */

void nu_ws_refuse(nng_aio *aio, uint16_t status)
{
    nng_http_res *res;
    int err = nng_http_res_alloc_error(&res, status);
    if (err == 0 && status == NNG_HTTP_STATUS_UPGRADE_REQUIRED) {
        err = nng_http_res_set_header(res, "Sec-WebSocket-Version", NU_WS_VERSION);
        if (err == 0) {
            err = nng_http_res_set_header(res, "Upgrade", "websocket");
        }
        if (err != 0) {
            nng_http_res_free(res);
        }
    }
    if (err == 0) {
        nng_aio_set_output(aio, 0, res);
    }
    nng_aio_finish(aio, err);
}

/* ---- The request -------------------------------------------------------------------------- */

/* An Origin comes from a browser, on behalf of a page (RFC 6454 7). */
static bool ws_upgrade_origin_allowed(const char *origins, const char *origin)
{
    struct nu_slice item;
    if (origins == NULL || origin == NULL) {
        return true;
    }
    const char *end = origins + strlen(origins);
    while (nu_field_list_next(&origins, end, ',', &item)) {
        if (item.n == strlen(origin) && nu_chars_same(item.p, origin, item.n)) {
            return true;
        }
    }
    return false;
}

/* 0, or the status to refuse it with. */
static unsigned ws_upgrade_check(nng_http_req *req, const struct nu_ws_upgrade_params *params)
{
    void *body;
    size_t size = 0;
    unsigned status = nu_ws_request_check(req);
    nng_http_req_get_data(req, &body, &size);
    if (status == 0 && size > 0) {
        status = NNG_HTTP_STATUS_BAD_REQUEST;
    }
    if (status == 0 &&
        !ws_upgrade_origin_allowed(params->origins, nng_http_req_get_header(req, "Origin"))) {
        status = NNG_HTTP_STATUS_FORBIDDEN;
    }
    if (status == 0 && params->check != NULL) {
        status = params->check(params->check_arg, req);
    }
    return status;
}

/* ---- The answer --------------------------------------------------------------------------- */

/* As in NNG: who has subprotocols wants one of them. */
static unsigned ws_upgrade_choose(nng_http_req *req, const char *ours, char chosen[PROTOCOL_MAX])
{
    bool any;
    struct nu_slice name =
        nu_ws_choose_protocol(nng_http_req_get_header(req, "Sec-WebSocket-Protocol"), ours, &any);
    if ((name.p == NULL && ours != NULL) || name.n >= PROTOCOL_MAX) {
        return NNG_HTTP_STATUS_BAD_REQUEST;
    }
    chosen[0] = '\0';
    if (name.p != NULL) {
        memcpy(chosen, name.p, name.n);
        chosen[name.n] = '\0';
    }
    return 0;
}

/* The client may not be able to limit its window, and so ours. */
static void ws_upgrade_agree(struct upgrade *up, nng_http_req *req)
{
    const struct nu_ws_deflate wish = nu_ws_deflate_wish(&up->settings);
    size_t memory = up->settings.deflate_memory;
    up->deflate =
        nu_ws_deflate_accept(nng_http_req_get_header(req, "Sec-WebSocket-Extensions"), &wish);
    up->deflate.on =
        up->deflate.on && (memory == 0 || nu_ws_deflate_memory(up->deflate.server_bits,
                                                               up->deflate.client_bits) <= memory);
}

static int ws_upgrade_set_header(void *res, const char *name, const char *value)
{
    return nng_http_res_set_header(res, name, value);
}

static int ws_upgrade_fill(struct upgrade *up, nng_http_req *req, const char *protocol,
                           struct nu_ws_endpoint *endpoint)
{
    char accept[NU_WS_ACCEPT_LENGTH + 1], extensions[NU_WS_DEFLATE_ROOM] = "";
    ws_upgrade_agree(up, req);
    if (up->deflate.on) {
        nu_ws_deflate_print_response(&up->deflate, extensions);
    }
    int err = nu_ws_accept_text(nng_http_req_get_header(req, "Sec-WebSocket-Key"), accept);
    const char *const headers[][2] = { { "Upgrade", "websocket" },
                                       { "Connection", "Upgrade" },
                                       { "Sec-WebSocket-Accept", accept },
                                       { "Sec-WebSocket-Protocol", protocol },
                                       { "Sec-WebSocket-Extensions", extensions } };
    if (err == 0) {
        err = nng_http_res_alloc(&up->res);
    }
    if (err == 0) {
        err = nng_http_res_set_status(up->res, NNG_HTTP_STATUS_SWITCHING);
    }
    for (unsigned i = 0; i < sizeof headers / sizeof headers[0] && err == 0; i++) {
        if (headers[i][1][0] != '\0') {
            err = nng_http_res_set_header(up->res, headers[i][0], headers[i][1]);
        }
    }
    return err != 0 ? err : nu_ws_endpoint_put_headers(endpoint, ws_upgrade_set_header, up->res);
}

/* ---- The change --------------------------------------------------------------------------- */

static void ws_upgrade_dispose(nng_aio *aio)
{
    free(aio->arg);
}

static void ws_upgrade_free(struct upgrade *up)
{
    nng_http_req_free(up->req);
    nng_http_res_free(up->res);
    nng_aio_reap(&up->aio); /* which frees it */
}

/* The answer is written. */
static void ws_upgrade_answered(void *arg)
{
    struct upgrade *up = arg;
    nng_stream *stream = NULL;
    int err = nng_aio_result(&up->aio);
    if (err == 0) {
        const struct nu_ws_params params = { .conn = up->conn,
                                             .req = up->req,
                                             .res = up->res,
                                             .settings = &up->settings,
                                             .deflate = &up->deflate };
        err = nu_ws_new(&stream, &params);
    }
    if (err != 0) {
        nng_http_conn_close(up->conn);
    }
    up->upgraded(up->arg, stream);
    ws_upgrade_free(up);
}

static void ws_upgrade_set_options(nng_http_conn *conn, const struct nu_ws_upgrade_params *params)
{
    int off = 0, on = 1;
    if (!params->nodelay) { /* which every connection begins with */
        (void) nu_tcp_set_option(&conn->tcp, IPPROTO_TCP, TCP_NODELAY, &off, sizeof off);
    }
    if (params->keepalive) {
        (void) nu_tcp_set_option(&conn->tcp, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
}

/* 0, or the status that says why not. */
static unsigned ws_upgrade_prepare(struct upgrade *up, nng_http_req *req,
                                   const struct nu_ws_upgrade_params *params)
{
    char protocol[PROTOCOL_MAX], *ours = NULL;
    int err = nu_ws_endpoint_look(params->endpoint, &up->settings, &ours);
    unsigned status =
        err != 0 ? NNG_HTTP_STATUS_INTERNAL_SERVER_ERROR : ws_upgrade_choose(req, ours, protocol);
    free(ours);
    if (status == 0 && ws_upgrade_fill(up, req, protocol, params->endpoint) != 0) {
        status = NNG_HTTP_STATUS_INTERNAL_SERVER_ERROR;
    }
    return status;
}

bool nu_ws_upgrade(nng_aio *aio, const struct nu_ws_upgrade_params *params)
{
    nng_http_req *req = nng_aio_get_input(aio, 0);
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    unsigned status = ws_upgrade_check(req, params);
    struct upgrade *up = status == 0 ? calloc(1, sizeof *up) : NULL;
    if (up == NULL) {
        nu_ws_refuse(aio,
                     (uint16_t) (status != 0 ? status : NNG_HTTP_STATUS_INTERNAL_SERVER_ERROR));
        return false;
    }
    nu_aio_init(&up->aio, ws_upgrade_answered, up);
    up->aio.dispose = ws_upgrade_dispose;
    status = ws_upgrade_prepare(up, req, params);
    if (status == 0 && nng_http_hijack(conn) != 0) {
        status = NNG_HTTP_STATUS_INTERNAL_SERVER_ERROR;
    }
    if (status != 0) {
        nu_ws_refuse(aio, (uint16_t) status);
        ws_upgrade_free(up);
        return false;
    }
    nu_hijack_shed(conn);
    up->conn = conn;
    up->req = req;
    up->upgraded = params->upgraded;
    up->arg = params->arg;
    nng_aio_finish(aio, 0);
    ws_upgrade_set_options(conn, params);
    nng_duration ms = up->settings.handshake;
    nng_aio_set_timeout(&up->aio, ms > 0 ? ms : NNG_DURATION_INFINITE);
    nng_http_conn_write_res(conn, up->res, &up->aio);
    return true;
}
