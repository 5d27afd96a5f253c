/* SPDX-License-Identifier: MIT */
#include "wire/ws_upgrade.h"

#include "wire/chars.h"
#include "wire/field_list.h"

#include <stdio.h>
#include <string.h>

#define MIN_BITS 8
#define MAX_BITS 15
#define DEFLATE "permessage-deflate"

/* ---- Requests ----------------------------------------------------------------------------- */

/* 16 bytes in base64: 22 characters, the last of which has four bits, and padding. */
static bool ws_upgrade_key_valid(const char *key)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (key == NULL || strlen(key) != NU_WS_KEY_LENGTH || strspn(key, digits) != 22) {
        return false;
    }
    return strchr("AQgw", key[21]) != NULL && strcmp(key + 22, "==") == 0;
}

unsigned nu_ws_request_check(nng_http_req *req)
{
    const char *version = nng_http_req_get_header(req, "Sec-WebSocket-Version");
    if (strcmp(nng_http_req_get_version(req), "HTTP/1.1") != 0) {
        return NNG_HTTP_STATUS_HTTP_VERSION_NOT_SUPP;
    }
    if (strcmp(nng_http_req_get_method(req), "GET") != 0) {
        return NNG_HTTP_STATUS_METHOD_NOT_ALLOWED;
    }
    if (!nu_field_list_has(nng_http_req_get_header(req, "Upgrade"), "websocket") ||
        !nu_field_list_has(nng_http_req_get_header(req, "Connection"), "upgrade")) {
        return NNG_HTTP_STATUS_BAD_REQUEST;
    }
    if (version != NULL && strcmp(version, NU_WS_VERSION) != 0) {
        return NNG_HTTP_STATUS_UPGRADE_REQUIRED;
    }
    if (version == NULL ||
        !ws_upgrade_key_valid(nng_http_req_get_header(req, "Sec-WebSocket-Key"))) {
        return NNG_HTTP_STATUS_BAD_REQUEST;
    }
    return 0;
}

/* ---- Subprotocols ------------------------------------------------------------------------- */

static bool ws_upgrade_same(struct nu_slice a, struct nu_slice b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* Names of subprotocols are compared as they are (11.3.4 has tokens, and 4.2.2 one of those sent).
 */
static bool ws_upgrade_among(struct nu_slice name, const char *list)
{
    struct nu_slice item;
    const char *end = list + strlen(list);
    while (nu_field_list_next(&list, end, ',', &item)) {
        if (ws_upgrade_same(item, name)) {
            return true;
        }
    }
    return false;
}

struct nu_slice nu_ws_choose_protocol(const char *offered, const char *ours, bool *any)
{
    struct nu_slice item;
    *any = false;
    if (offered != NULL) {
        const char *end = offered + strlen(offered);
        while (nu_field_list_next(&offered, end, ',', &item)) {
            *any = true;
            if (ours != NULL && ws_upgrade_among(item, ours)) {
                return item;
            }
        }
    }
    return (struct nu_slice){ NULL, 0 };
}

/* ---- permessage-deflate ------------------------------------------------------------------- */

/* 8 to 15 without a leading zero (RFC 7692 7.1.2.1), or 0. */
static int ws_upgrade_bits(struct nu_slice value)
{
    int bits = 0;
    if (value.n == 1 && value.p[0] >= '8' && value.p[0] <= '9') {
        bits = value.p[0] - '0';
    } else if (value.n == 2 && value.p[0] == '1' && value.p[1] >= '0' && value.p[1] <= '5') {
        bits = 10 + value.p[1] - '0';
    }
    return bits;
}

static bool ws_upgrade_named(struct nu_slice name, const char *text)
{
    return name.n == strlen(text) && nu_chars_same(name.p, text, name.n);
}

/* Takes a flag, which may be there once and has no value. */
static bool ws_upgrade_flag(bool *flag, struct nu_slice value)
{
    bool good = !*flag && value.p == NULL;
    *flag = true;
    return good;
}

/* Takes one parameter; `seen` has a bit for each that was there. False: the whole offer or answer
 * is void. */
static bool ws_upgrade_parameter(struct nu_ws_deflate *d, struct nu_slice item, bool offer,
                                 bool seen[2])
{
    struct nu_slice name, value;
    if (!nu_field_list_parameter(item, &name, &value)) {
        return false;
    }
    if (ws_upgrade_named(name, "server_no_context_takeover")) {
        return ws_upgrade_flag(&d->server_no_context, value);
    }
    if (ws_upgrade_named(name, "client_no_context_takeover")) {
        return ws_upgrade_flag(&d->client_no_context, value);
    }
    int bits = ws_upgrade_bits(value);
    if (ws_upgrade_named(name, "server_max_window_bits") && !seen[0]) {
        seen[0] = true;
        d->server_bits = bits;
        d->server_bits_offered = offer;
        return bits > 0;
    }
    if (ws_upgrade_named(name, "client_max_window_bits") && !seen[1]) {
        seen[1] = true;
        d->client_bits_offered = true;
        d->client_bits = bits;
        if (offer && value.p == NULL) { /* only an offer may leave it open */
            d->client_bits = MAX_BITS;
        }
        return d->client_bits > 0;
    }
    return false;
}

/* One element of Sec-WebSocket-Extensions. False: another extension, or a malformed one. */
static bool ws_upgrade_extension(struct nu_slice element, bool offer, struct nu_ws_deflate *d)
{
    const char *at = element.p;
    const char *end = element.p + element.n;
    struct nu_slice item;
    bool seen[2] = { false, false };
    *d = (struct nu_ws_deflate){ .on = true, .server_bits = MAX_BITS, .client_bits = MAX_BITS };
    if (!nu_field_list_next(&at, end, ';', &item) || !ws_upgrade_named(item, DEFLATE)) {
        return false;
    }
    while (nu_field_list_next(&at, end, ';', &item)) {
        if (!ws_upgrade_parameter(d, item, offer, seen)) {
            return false;
        }
    }
    return true;
}

static int ws_upgrade_least(int a, int b)
{
    return a < b ? a : b;
}

struct nu_ws_deflate nu_ws_deflate_accept(const char *offers, const struct nu_ws_deflate *wish)
{
    struct nu_ws_deflate none = { .on = false }, d;
    struct nu_slice element;
    if (offers == NULL || !wish->on) {
        return none;
    }
    const char *end = offers + strlen(offers);
    while (nu_field_list_next(&offers, end, ',', &element)) {
        /* zlib has no raw window of 256 bytes, so we cannot promise to keep to one. */
        if (!ws_upgrade_extension(element, true, &d) || d.server_bits == MIN_BITS) {
            continue;
        }
        d.server_no_context = d.server_no_context || wish->server_no_context;
        d.client_no_context = d.client_no_context || wish->client_no_context;
        d.server_bits = ws_upgrade_least(d.server_bits, wish->server_bits);
        d.client_bits =
            d.client_bits_offered ? ws_upgrade_least(d.client_bits, wish->client_bits) : MAX_BITS;
        return d;
    }
    return none;
}

static void ws_upgrade_print(const struct nu_ws_deflate *d, bool client_bits, char *text)
{
    int n = snprintf(text, NU_WS_DEFLATE_ROOM, "%s%s%s", DEFLATE,
                     d->server_no_context ? "; server_no_context_takeover" : "",
                     d->client_no_context ? "; client_no_context_takeover" : "");
    if (d->server_bits < MAX_BITS || d->server_bits_offered) {
        n += snprintf(text + n, NU_WS_DEFLATE_ROOM - (size_t) n, "; server_max_window_bits=%d",
                      d->server_bits);
    }
    if (client_bits) {
        (void) snprintf(text + n, NU_WS_DEFLATE_ROOM - (size_t) n, "; client_max_window_bits=%d",
                        d->client_bits);
    }
}

void nu_ws_deflate_print_response(const struct nu_ws_deflate *agreed, char text[NU_WS_DEFLATE_ROOM])
{
    ws_upgrade_print(agreed, agreed->client_bits_offered && agreed->client_bits < MAX_BITS, text);
}

void nu_ws_deflate_print_offer(const struct nu_ws_deflate *wish, char text[NU_WS_DEFLATE_ROOM])
{
    ws_upgrade_print(wish, true, text);
}

/* ---- Responses ---------------------------------------------------------------------------- */

/* An answer may only narrow down what was offered (RFC 7692 7.1). */
static bool ws_upgrade_within(const struct nu_ws_deflate *d, const struct nu_ws_deflate *wish)
{
    return (d->server_no_context || !wish->server_no_context) &&
           d->server_bits <= wish->server_bits && d->client_bits != MIN_BITS;
}

static bool ws_upgrade_confirm(const char *extensions, const struct nu_ws_deflate *wish,
                               struct nu_ws_deflate *agreed)
{
    struct nu_slice element;
    *agreed = (struct nu_ws_deflate){ .on = false };
    if (extensions == NULL) {
        return true;
    }
    const char *end = extensions + strlen(extensions);
    while (nu_field_list_next(&extensions, end, ',', &element)) {
        if (agreed->on || !wish->on || !ws_upgrade_extension(element, false, agreed) ||
            !ws_upgrade_within(agreed, wish)) {
            return false;
        }
        agreed->client_no_context = agreed->client_no_context || wish->client_no_context;
        agreed->client_bits = ws_upgrade_least(agreed->client_bits, wish->client_bits);
    }
    return true;
}

static int ws_upgrade_refused(uint16_t status)
{
    switch (status) {
    case NNG_HTTP_STATUS_SWITCHING:
        return 0;
    case NNG_HTTP_STATUS_UNAUTHORIZED:
    case NNG_HTTP_STATUS_FORBIDDEN:
        return NNG_EPERM;
    case NNG_HTTP_STATUS_NOT_FOUND:
    case NNG_HTTP_STATUS_METHOD_NOT_ALLOWED:
        return NNG_ECONNREFUSED;
    default:
        return NNG_EPROTO;
    }
}

int nu_ws_response_check(nng_http_res *res, const char *accept, const char *protocols,
                         const struct nu_ws_deflate *wish, struct nu_ws_deflate *agreed)
{
    const char *accepted = nng_http_res_get_header(res, "Sec-WebSocket-Accept");
    const char *protocol = nng_http_res_get_header(res, "Sec-WebSocket-Protocol");
    int err = ws_upgrade_refused(nng_http_res_get_status(res));
    if (err != 0) {
        return err;
    }
    if (!nu_field_list_has(nng_http_res_get_header(res, "Upgrade"), "websocket") ||
        !nu_field_list_has(nng_http_res_get_header(res, "Connection"), "upgrade") ||
        accepted == NULL || strcmp(accepted, accept) != 0) {
        return NNG_EPROTO;
    }
    if (protocol != NULL &&
        (protocols == NULL ||
         !ws_upgrade_among((struct nu_slice){ protocol, strlen(protocol) }, protocols))) {
        return NNG_EPROTO;
    }
    return ws_upgrade_confirm(nng_http_res_get_header(res, "Sec-WebSocket-Extensions"), wish,
                              agreed)
               ? 0
               : NNG_EPROTO;
}
