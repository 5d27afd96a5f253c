/* SPDX-License-Identifier: MIT */
#include "wire/ws_upgrade.h"

#include <criterion/criterion.h>
#include <nng/nng.h>
#include <stdio.h>
#include <string.h>

TestSuite(ws_upgrade, .timeout = 30);

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

/* ---- Requests ----------------------------------------------------------------------------- */

/* What differs from a good request; NULL: nothing. "" takes the field away. */
static const struct {
    const char *version, *method, *name, *value;
    unsigned status;
} requests[] = {
    { NULL, NULL, NULL, NULL, 0 },
    { NULL, NULL, "Connection", "keep-alive,Upgrade", 0 },
    { NULL, NULL, "Connection", "upgrade", 0 },
    { NULL, NULL, "Upgrade", "WebSocket", 0 },
    { NULL, NULL, "Upgrade", "h2c, websocket", 0 },
    { "HTTP/1.0", NULL, NULL, NULL, 505 },
    { NULL, "POST", NULL, NULL, 405 },
    { NULL, NULL, "Sec-WebSocket-Version", "8", 426 },
    { NULL, NULL, "Sec-WebSocket-Version", "13, 8", 426 },
    { NULL, NULL, "Sec-WebSocket-Version", "", 400 },
    { NULL, NULL, "Connection", "", 400 },
    { NULL, NULL, "Connection", "upgrades", 400 },
    { NULL, NULL, "Upgrade", "", 400 },
    { NULL, NULL, "Upgrade", "websockets", 400 },
    { NULL, NULL, "Sec-WebSocket-Key", "", 400 },
    { NULL, NULL, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=", 400 },
    { NULL, NULL, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZR==", 400 },
    { NULL, NULL, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j!Q==", 400 },
    { NULL, NULL, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQAA", 400 },
    { NULL, NULL, "Sec-WebSocket-Key", KEY ", " KEY, 400 },
};

static void set_field(nng_http_req *req, const char *name, const char *value)
{
    if (value[0] == '\0') {
        cr_assert_eq(nng_http_req_del_header(req, name), 0);
    } else {
        cr_assert_eq(nng_http_req_set_header(req, name, value), 0);
    }
}

Test(ws_upgrade, requests)
{
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        nng_http_req *req;
        cr_assert_eq(nng_http_req_alloc(&req, NULL), 0);
        set_field(req, "Upgrade", "websocket");
        set_field(req, "Connection", "Upgrade");
        set_field(req, "Sec-WebSocket-Key", KEY);
        set_field(req, "Sec-WebSocket-Version", "13");
        if (requests[i].version != NULL) {
            cr_assert_eq(nng_http_req_set_version(req, requests[i].version), 0);
        }
        if (requests[i].method != NULL) {
            cr_assert_eq(nng_http_req_set_method(req, requests[i].method), 0);
        }
        if (requests[i].name != NULL) {
            set_field(req, requests[i].name, requests[i].value);
        }
        cr_assert_eq(nu_ws_request_check(req), requests[i].status, "%zu: %u", i,
                     nu_ws_request_check(req));
        nng_http_req_free(req);
    }
}

/* ---- Subprotocols ------------------------------------------------------------------------- */

static void assert_protocol(const char *offered, const char *ours, const char *chosen, bool some)
{
    bool any;
    struct nu_slice name = nu_ws_choose_protocol(offered, ours, &any);
    cr_assert_eq(any, some);
    cr_assert_eq(name.p == NULL, chosen == NULL);
    cr_assert(chosen == NULL || (name.n == strlen(chosen) && memcmp(name.p, chosen, name.n) == 0));
}

Test(ws_upgrade, protocols)
{
    assert_protocol(NULL, "a", NULL, false);
    assert_protocol(NULL, NULL, NULL, false);
    assert_protocol("a", NULL, NULL, true);
    assert_protocol("a, b", "b", "b", true);
    assert_protocol("b, a", "a, b", "b", true); /* the client's order counts */
    assert_protocol("A", "a", NULL, true);
    assert_protocol("aa", "a", NULL, true);
}

/* ---- permessage-deflate ------------------------------------------------------------------- */

static const struct {
    const char *offers;
    const char *response; /* NULL: not agreed upon */
} offers[] = {
    { NULL, NULL },
    { "", NULL },
    { "x-webkit-deflate-frame", NULL },
    { "permessage-deflate", "permessage-deflate" },
    { "Permessage-Deflate", "permessage-deflate" },
    { "permessage-deflate; client_max_window_bits", "permessage-deflate" },
    { "permessage-deflate; client_max_window_bits=10",
      "permessage-deflate; client_max_window_bits=10" },
    { "permessage-deflate; client_max_window_bits=8",
      "permessage-deflate; client_max_window_bits=8" },
    { "permessage-deflate; server_max_window_bits=15",
      "permessage-deflate; server_max_window_bits=15" }, /* accepted by naming it (7.1.2.1) */
    { "permessage-deflate; server_max_window_bits=\"9\"",
      "permessage-deflate; server_max_window_bits=9" },
    { "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover" },
    { "permessage-deflate; server_max_window_bits=8", NULL },
    { "permessage-deflate; server_max_window_bits=8, permessage-deflate", "permessage-deflate" },
    { "permessage-deflate; server_max_window_bits", NULL },
    { "permessage-deflate; server_max_window_bits=16", NULL },
    { "permessage-deflate; server_max_window_bits=08", NULL },
    { "permessage-deflate; client_max_window_bits=7", NULL },
    { "permessage-deflate; client_max_window_bits=", NULL },
    { "permessage-deflate; server_no_context_takeover=1", NULL },
    { "permessage-deflate; server_no_context_takeover; server_no_context_takeover", NULL },
    { "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", NULL },
    { "permessage-deflate; unknown", NULL },
    { "permessage-deflate; unknown, permessage-deflate; client_no_context_takeover",
      "permessage-deflate; client_no_context_takeover" },
    { "foo; permessage-deflate", NULL },
    { "foo; x=\"permessage-deflate, \", permessage-deflate", "permessage-deflate" },
};

Test(ws_upgrade, deflate_offers)
{
    struct nu_ws_deflate wish = { .on = true, .server_bits = 15, .client_bits = 15 };
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        char text[NU_WS_DEFLATE_ROOM];
        struct nu_ws_deflate agreed = nu_ws_deflate_accept(offers[i].offers, &wish);
        cr_assert_eq(agreed.on, offers[i].response != NULL, "%zu", i);
        if (agreed.on) {
            nu_ws_deflate_print_response(&agreed, text);
            cr_assert_str_eq(text, offers[i].response);
        }
    }
    wish.on = false;
    cr_assert_not(nu_ws_deflate_accept("permessage-deflate", &wish).on);
}

Test(ws_upgrade, deflate_wishes_of_a_server)
{
    char text[NU_WS_DEFLATE_ROOM];
    struct nu_ws_deflate wish = {
        .on = true, .server_no_context = true, .server_bits = 11, .client_bits = 10
    };
    struct nu_ws_deflate agreed = nu_ws_deflate_accept("permessage-deflate", &wish);
    nu_ws_deflate_print_response(&agreed, text);
    cr_assert_str_eq(text,
                     "permessage-deflate; server_no_context_takeover; server_max_window_bits=11");
    cr_assert_eq(agreed.client_bits, 15); /* it has not said that it could keep to less */
    agreed = nu_ws_deflate_accept("permessage-deflate; client_max_window_bits", &wish);
    nu_ws_deflate_print_response(&agreed, text);
    cr_assert_str_eq(text, "permessage-deflate; server_no_context_takeover; "
                           "server_max_window_bits=11; client_max_window_bits=10");
}

/* ---- Responses ---------------------------------------------------------------------------- */

static const struct {
    uint16_t status;
    const char *name, *value; /* what differs from a good response */
    int err;
} responses[] = {
    { 101, NULL, NULL, 0 },
    { 101, "Upgrade", "WebSocket", 0 },
    { 101, "Connection", "keep-alive, upgrade", 0 },
    { 101, "Sec-WebSocket-Protocol", "chat", 0 },
    { 101, "Sec-WebSocket-Protocol", "Chat", NNG_EPROTO },
    { 101, "Sec-WebSocket-Protocol", "chat, news", NNG_EPROTO },
    { 101, "Sec-WebSocket-Protocol", "other", NNG_EPROTO },
    { 101, "Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOO=", NNG_EPROTO },
    { 101, "Sec-WebSocket-Accept", "", NNG_EPROTO },
    { 101, "Upgrade", "", NNG_EPROTO },
    { 101, "Connection", "close", NNG_EPROTO },
    { 101, "Sec-WebSocket-Extensions", "permessage-deflate", 0 },
    { 101, "Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=8", 0 },
    { 101, "Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits=9", 0 },
    { 101, "Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits=8", NNG_EPROTO },
    { 101, "Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits", NNG_EPROTO },
    { 101, "Sec-WebSocket-Extensions", "permessage-deflate, permessage-deflate", NNG_EPROTO },
    { 101, "Sec-WebSocket-Extensions", "permessage-bzip2", NNG_EPROTO },
    { 200, NULL, NULL, NNG_EPROTO },
    { 401, NULL, NULL, NNG_EPERM },
    { 403, NULL, NULL, NNG_EPERM },
    { 404, NULL, NULL, NNG_ECONNREFUSED },
    { 405, NULL, NULL, NNG_ECONNREFUSED },
    { 503, NULL, NULL, NNG_EPROTO },
};

static nng_http_res *response(size_t i)
{
    nng_http_res *res;
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_http_res_set_status(res, responses[i].status), 0);
    cr_assert_eq(nng_http_res_set_header(res, "Upgrade", "websocket"), 0);
    cr_assert_eq(nng_http_res_set_header(res, "Connection", "Upgrade"), 0);
    cr_assert_eq(nng_http_res_set_header(res, "Sec-WebSocket-Accept", ACCEPT), 0);
    if (responses[i].name != NULL && responses[i].value[0] == '\0') {
        cr_assert_eq(nng_http_res_del_header(res, responses[i].name), 0);
    } else if (responses[i].name != NULL) {
        cr_assert_eq(nng_http_res_set_header(res, responses[i].name, responses[i].value), 0);
    }
    return res;
}

Test(ws_upgrade, responses)
{
    struct nu_ws_deflate agreed, wish = { .on = true, .server_bits = 15, .client_bits = 15 };
    for (size_t i = 0; i < sizeof responses / sizeof responses[0]; i++) {
        nng_http_res *res = response(i);
        int err = nu_ws_response_check(res, ACCEPT, "news, chat", &wish, &agreed);
        cr_assert_eq(err, responses[i].err, "%zu: %d", i, err);
        nng_http_res_free(res);
    }
}

Test(ws_upgrade, what_was_not_offered_is_refused)
{
    struct nu_ws_deflate agreed, wish = { .on = false };
    nng_http_res *res = response(0);
    cr_assert_eq(nu_ws_response_check(res, ACCEPT, NULL, &wish, &agreed), 0);
    cr_assert_not(agreed.on);
    cr_assert_eq(nng_http_res_set_header(res, "Sec-WebSocket-Extensions", "permessage-deflate"), 0);
    cr_assert_eq(nu_ws_response_check(res, ACCEPT, NULL, &wish, &agreed), NNG_EPROTO);
    wish = (struct nu_ws_deflate){ .on = true, .server_bits = 11, .client_bits = 12 };
    /* The server may not have a larger window than we wish for. */
    cr_assert_eq(nu_ws_response_check(res, ACCEPT, NULL, &wish, &agreed), NNG_EPROTO);
    cr_assert_eq(nng_http_res_set_header(res, "Sec-WebSocket-Extensions",
                                         "permessage-deflate; server_max_window_bits=10"),
                 0);
    cr_assert_eq(nu_ws_response_check(res, ACCEPT, NULL, &wish, &agreed), 0);
    cr_assert(agreed.on && agreed.server_bits == 10 && agreed.client_bits == 12);
    cr_assert_eq(nng_http_res_set_header(res, "Sec-WebSocket-Protocol", "chat"), 0);
    cr_assert_eq(nu_ws_response_check(res, ACCEPT, NULL, &wish, &agreed), NNG_EPROTO);
    nng_http_res_free(res);
}

Test(ws_upgrade, the_offer)
{
    char text[NU_WS_DEFLATE_ROOM];
    struct nu_ws_deflate wish = { .on = true,
                                  .server_no_context = true,
                                  .client_no_context = true,
                                  .server_bits = 10,
                                  .client_bits = 15 };
    nu_ws_deflate_print_offer(&wish, text);
    cr_assert_str_eq(text, "permessage-deflate; server_no_context_takeover; "
                           "client_no_context_takeover; server_max_window_bits=10; "
                           "client_max_window_bits=15");
}
