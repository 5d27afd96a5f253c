/* SPDX-License-Identifier: MIT */
/*
 * permessage-deflate (RFC 7692) in both roles: an echo as the Autobahn Testsuite's groups 12 and 13
 * have it, what is malformed, and what the options say.
 */
#include "support/peer.h"
#include "support/ws_echo.h"
#include "support/ws_peer.h"

#include <criterion/criterion.h>
#include <nng/stream.h>
#include <nng/uring.h>
#include <stdio.h>
#include <unistd.h>

TestSuite(ws_deflate_echo, .timeout = 300);

/* ---- An end of the library's, and one by hand ---------------------------------------------- */

/* What both are made with. */
struct setting {
    const char *offer, *answer; /* of the one by hand, where it is client or server */
    int window;                 /* 0: as it is */
    bool no_context;
    size_t memory; /* 0: as it is */
    size_t message;
};

static const struct setting usual = { .offer = "permessage-deflate; client_max_window_bits",
                                      .answer = "permessage-deflate" };

#define CHECK(call) cr_assert_eq(call, 0)

static void t_set_listener(nng_stream_listener *l, const struct setting *s)
{
    CHECK(nng_stream_listener_set_ms(l, NNG_URING_OPT_WS_CLOSE_TIMEOUT, 30000));
    CHECK(nng_stream_listener_set_bool(l, NNG_OPT_WS_RECV_TEXT, true));
    CHECK(nng_stream_listener_set_bool(l, NNG_URING_OPT_WS_DEFLATE, true));
    CHECK(nng_stream_listener_set_bool(l, NNG_URING_OPT_WS_DEFLATE_CONTEXT, !s->no_context));
    if (s->window > 0) {
        CHECK(nng_stream_listener_set_int(l, NNG_URING_OPT_WS_DEFLATE_WINDOW, s->window));
    }
    if (s->memory > 0) {
        CHECK(nng_stream_listener_set_size(l, NNG_URING_OPT_WS_DEFLATE_MEMORY, s->memory));
    }
    if (s->message > 0) {
        CHECK(nng_stream_listener_set_size(l, NNG_OPT_RECVMAXSZ, s->message));
    }
}

static void t_set_dialer(nng_stream_dialer *d, const struct setting *s)
{
    CHECK(nng_stream_dialer_set_ms(d, NNG_URING_OPT_WS_CLOSE_TIMEOUT, 30000));
    CHECK(nng_stream_dialer_set_bool(d, NNG_OPT_WS_RECV_TEXT, true));
    CHECK(nng_stream_dialer_set_bool(d, NNG_URING_OPT_WS_DEFLATE, true));
    CHECK(nng_stream_dialer_set_bool(d, NNG_URING_OPT_WS_DEFLATE_CONTEXT, !s->no_context));
    if (s->window > 0) {
        CHECK(nng_stream_dialer_set_int(d, NNG_URING_OPT_WS_DEFLATE_WINDOW, s->window));
    }
    if (s->memory > 0) {
        CHECK(nng_stream_dialer_set_size(d, NNG_URING_OPT_WS_DEFLATE_MEMORY, s->memory));
    }
    if (s->message > 0) {
        CHECK(nng_stream_dialer_set_size(d, NNG_OPT_RECVMAXSZ, s->message));
    }
}

static nng_aio *t_aio(void)
{
    nng_aio *aio;
    CHECK(nng_aio_alloc(&aio, NULL, NULL));
    nng_aio_set_timeout(aio, 60000);
    return aio;
}

/* A WebSocket of a listener's. */
static nng_stream *t_serve(struct t_ws_peer *peer, const struct setting *s)
{
    nng_stream_listener *listener;
    nng_aio *aio = t_aio();
    char fields[256];
    int port;
    CHECK(nng_stream_listener_alloc(&listener, "ws://127.0.0.1:0/echo"));
    t_set_listener(listener, s);
    CHECK(nng_stream_listener_listen(listener));
    CHECK(nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port));
    snprintf(fields, sizeof fields, "Sec-WebSocket-Extensions: %s\r\n", s->offer);
    nng_stream_listener_accept(listener, aio);
    t_ws_peer_connect(peer, (unsigned) port, "/echo", fields);
    nng_aio_wait(aio);
    CHECK(nng_aio_result(aio));
    nng_stream *stream = nng_aio_get_output(aio, 0);
    nng_stream_listener_free(listener);
    nng_aio_free(aio);
    return stream;
}

/* One of a dialer's. */
static nng_stream *t_dial(struct t_ws_peer *peer, const struct setting *s)
{
    unsigned port;
    int fd = nu_listen(&port, 0);
    nng_stream_dialer *dialer;
    nng_aio *aio = t_aio();
    char url[64];
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", port);
    CHECK(nng_stream_dialer_alloc(&dialer, url));
    t_set_dialer(dialer, s);
    nng_stream_dialer_dial(dialer, aio);
    t_ws_peer_accept_with(peer, fd, s->answer);
    nng_aio_wait(aio);
    CHECK(nng_aio_result(aio));
    nng_stream *stream = nng_aio_get_output(aio, 0);
    nng_stream_dialer_free(dialer);
    nng_aio_free(aio);
    close(fd);
    return stream;
}

struct conversation {
    const char *name, *send, *expect;
    unsigned compressed; /* messages that come back so */
};

static void t_talk(struct t_ws_peer *peer, nng_stream *stream, const struct conversation *c,
                   bool bytewise)
{
    struct t_ws_echo echo;
    cr_assert_not_null(peer->deflate, "%s: nothing was agreed on", c->name);
    t_ws_echo_start(&echo, stream, (size_t) 2 << 20); /* more than a message may have */
    peer->piece = bytewise ? 1 : 0;
    t_ws_peer_send(peer, c->send);
    t_ws_peer_expect(peer, c->expect, c->name);
    cr_assert_eq(peer->compressed, c->compressed, "%s: %u compressed", c->name, peer->compressed);
    t_ws_peer_close(peer);
    int end = t_ws_echo_finish(&echo);
    cr_assert(end == NNG_ECLOSED || end == NNG_EPROTO || end == NNG_EMSGSIZE, "%s: %s", c->name,
              nng_strerror(end));
}

static void t_converse(const struct conversation *c, const struct setting *s, bool client,
                       bool bytewise)
{
    struct t_ws_peer peer;
    nng_stream *stream = client ? t_dial(&peer, s) : t_serve(&peer, s);
    t_talk(&peer, stream, c, bytewise);
}

/* ---- 12: messages of many sizes ------------------------------------------------------------ */

/* In one frame, and in frames of so many bytes. */
static const struct {
    unsigned size, cut;
} sizes[] = {
    { 16, 0 },        { 64, 0 },        { 256, 0 },        { 1024, 0 },    { 4096, 0 },
    { 8192, 0 },      { 16384, 0 },     { 32768, 0 },      { 65536, 0 },   { 131072, 0 },
    { 8192, 256 },    { 16384, 256 },   { 32768, 256 },    { 65536, 256 }, { 131072, 256 },
    { 131072, 1024 }, { 131072, 4096 }, { 131072, 32768 },
};

#define NSIZES (sizeof sizes / sizeof sizes[0])

/* Three messages of one size and kind, the last two of which meet a window that is not empty. */
static void t_sizes(const struct setting *s, int kind, bool client)
{
    for (size_t i = 0; i < NSIZES; i++) {
        char name[64], there[128], back[128], send[400], expect[400];
        const char *packed = kind == 2 ? "Y" : "Z", *plain = kind == 2 ? "B" : "T";
        snprintf(name, sizeof name, "kind %d, %u in %u", kind, sizes[i].size, sizes[i].cut);
        snprintf(there, sizeof there, "%s/%u$%u:%d", packed, sizes[i].cut, sizes[i].size, kind);
        snprintf(back, sizeof back, "%s$%u:%d", plain, sizes[i].size, kind);
        snprintf(send, sizeof send, "%s %s %s X:1000", there, there, there);
        snprintf(expect, sizeof expect, "%s %s %s X:1000", back, back, back);
        struct conversation c = { name, send, expect, sizes[i].size >= 32 ? 3 : 0 };
        t_converse(&c, s, client, false);
    }
}

#define GROUP_12(name, kind)                                                                       \
    Test(ws_deflate_echo, name##_of_a_server)                                                      \
    {                                                                                              \
        t_sizes(&usual, kind, false);                                                              \
    }                                                                                              \
    Test(ws_deflate_echo, name##_of_a_client)                                                      \
    {                                                                                              \
        t_sizes(&usual, kind, true);                                                               \
    }

GROUP_12(json, 1)
GROUP_12(noise, 2)
GROUP_12(prose, 3)
GROUP_12(markup, 4)
GROUP_12(zeros, 5)

/* ---- 13: what may be agreed on -------------------------------------------------------------- */

static const struct setting agreements[] = {
    { .offer = "permessage-deflate; client_max_window_bits", .answer = "permessage-deflate" },
    { .offer = "permessage-deflate; client_max_window_bits; server_no_context_takeover",
      .answer = "permessage-deflate; client_no_context_takeover" },
    { .offer = "permessage-deflate; client_max_window_bits; server_max_window_bits=9",
      .answer = "permessage-deflate; client_max_window_bits=9" },
    { .offer = "permessage-deflate; client_max_window_bits; server_max_window_bits=15",
      .answer = "permessage-deflate; client_max_window_bits=15" },
    { .offer = "permessage-deflate; client_max_window_bits; server_no_context_takeover; "
               "server_max_window_bits=9",
      .answer = "permessage-deflate; client_no_context_takeover; client_max_window_bits=9" },
    { .offer = "permessage-deflate; client_max_window_bits=9; server_no_context_takeover; "
               "server_max_window_bits=15",
      .answer = "permessage-deflate; server_no_context_takeover; server_max_window_bits=9" },
    { .offer = "permessage-deflate; server_max_window_bits=8, permessage-deflate; "
               "client_no_context_takeover; server_max_window_bits=9, permessage-deflate",
      .answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                "server_max_window_bits=10; client_max_window_bits=10" },
    /* Ours: what the options ask for. */
    { .offer = "permessage-deflate; client_max_window_bits",
      .answer = "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
      .window = 9,
      .no_context = true },
};

static void t_agreements(bool client)
{
    for (size_t i = 0; i < sizeof agreements / sizeof agreements[0]; i++) {
        t_sizes(&agreements[i], 1, client);
    }
}

Test(ws_deflate_echo, agreements_of_a_server)
{
    t_agreements(false);
}

Test(ws_deflate_echo, agreements_of_a_client)
{
    t_agreements(true);
}

/* ---- What is malformed, and what goes together ---------------------------------------------- */

#define LONG "0123456789012345678901234567890123456789"

static const struct conversation cases[] = {
    { "plain ones between", "Z:" LONG " T:" LONG " Z:" LONG " X:1000",
      "T:" LONG " T:" LONG " T:" LONG " X:1000", 3 },
    { "a ping between fragments", "F41:%f2%48 P:ping C:%cd%c9%c9%07%00 X:1000",
      "O:ping T:Hello X:1000", 0 },
    { "a fragment without a byte", "F41: c: c:%f2%48%cd%c9%c9%07 C:%00 X:1000", "T:Hello X:1000",
      0 },
    { "an empty one", "Fc1:%00 X:1000", "T: X:1000", 0 },
    { "one without a byte", "Fc1: Z:" LONG " X:1000", "T: T:" LONG " X:1000", 1 },
    { "a last block", "Fc1:%f3%48%cd%c9%c9%07%00%00 Fc1:%f2%00%11%00%00 X:1000",
      "T:Hello T:Hello X:1000", 0 },
    { "the bit on a continuation", "F41:%f2%48 Fc0:%cd%c9%c9%07%00", "X:1002", 0 },
    { "the bit on a ping", "Fc9:x", "X:1002", 0 },
    { "the bit on a close", "Fc8:", "X:1002", 0 },
    { "another bit", "Fe1:%f2%48%cd%c9%c9%07%00", "X:1002", 0 },
    { "a block of no type", "Z:" LONG " Fc1:%07 T:no", "T:" LONG " X:1007", 1 },
    { "cut", "Fc1:%f2%48%cd T:no", "X:1007", 0 },
    { "a window that is empty", "Fc1:%f2%00%11%00%00", "X:1007", 0 },
    { "no UTF-8", "Z:%ce%ba%ed%a0%80edited", "X:1007", 0 },
    { "UTF-8 that is cut", "Z:%ce%ba%e1%bd", "X:1007", 0 },
    { "bytes need not be text", "Y:%ff%fe X:1000", "B:%ff%fe X:1000", 0 },
};

static void t_cases(bool client)
{
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof cases[0]); i++) {
        t_converse(&cases[i / 2], &usual, client, i % 2 == 1);
    }
}

Test(ws_deflate_echo, cases_of_a_server)
{
    t_cases(false);
}

Test(ws_deflate_echo, cases_of_a_client)
{
    t_cases(true);
}

/* A message is refused at the byte it grows too long with, and nobody holds what it expands to. */
Test(ws_deflate_echo, a_bomb_is_refused)
{
    static const struct conversation bomb = { "a bomb", "Y*4000000:%00 T:no", "X:1009", 0 };
    struct setting little = usual;
    t_converse(&bomb, &usual, false, false);
    t_converse(&bomb, &usual, true, false);
    little.message = 100;
    t_converse(&(struct conversation){ "101 bytes", "Y*101:%00", "X:1009", 0 }, &little, false,
               false);
    t_converse(&(struct conversation){ "100 bytes", "Y*100:%00 X:1000", "B*100:%00 X:1000", 1 },
               &little, false, false);
}

/* ---- Memory and options --------------------------------------------------------------------- */

static size_t t_received(const struct setting *s, const char *send, const char *expect)
{
    struct t_ws_peer peer;
    struct t_ws_echo echo;
    nng_stream *stream = t_serve(&peer, s);
    t_ws_echo_start(&echo, stream, (size_t) 2 << 20); /* more than a message may have */
    t_ws_peer_send(&peer, send);
    t_ws_peer_expect(&peer, expect, "echo");
    size_t received = peer.received;
    t_ws_peer_close(&peer);
    t_ws_echo_finish(&echo);
    return received;
}

/* What was sent before helps only if its window is kept; without compression nothing does. */
Test(ws_deflate_echo, the_window_helps)
{
    static const char send[] = "T$4096:3 T$4096:3 X:1000";
    struct setting context = usual, none = usual, off = usual;
    none.no_context = true;
    off.memory = 10000; /* which is not enough for anything */
    size_t with = t_received(&context, send, send), without = t_received(&none, send, send);
    cr_assert_lt(with, without * 2 / 3, "%zu and %zu", with, without);
    cr_assert_lt(without, 2 * 4096 * 2 / 3);
    cr_assert_eq(t_received(&off, send, send), 2 * 4096);
}

/* The window of what the client sends counts as well, and who cannot limit it gets none. */
Test(ws_deflate_echo, memory_decides_on_windows)
{
    struct t_ws_peer peer;
    struct setting s = usual;
    char *text;
    s.memory = 100000;
    nng_stream *stream = t_serve(&peer, &s);
    CHECK(nng_stream_get_string(stream, NNG_OPT_WS_RESPONSE_HEADER "Sec-WebSocket-Extensions",
                                &text));
    cr_assert_str_eq(text, "permessage-deflate; server_max_window_bits=13; "
                           "client_max_window_bits=13");
    nng_strfree(text);
    nng_stream_free(stream);
    t_ws_peer_close(&peer);
    s.offer = "permessage-deflate";
    s.memory = 40000;
    stream = t_serve(&peer, &s);
    cr_assert_null(peer.deflate);
    nng_stream_free(stream);
    t_ws_peer_close(&peer);
}

/* It is off unless both want it. */
Test(ws_deflate_echo, off_at_first)
{
    nng_stream_listener *listener;
    bool on = true;
    size_t memory;
    int window;
    CHECK(nng_stream_listener_alloc(&listener, "ws://127.0.0.1:0/"));
    CHECK(nng_stream_listener_get_bool(listener, NNG_URING_OPT_WS_DEFLATE, &on));
    cr_assert_not(on);
    CHECK(nng_stream_listener_get_bool(listener, NNG_URING_OPT_WS_DEFLATE_CONTEXT, &on));
    cr_assert(on);
    CHECK(nng_stream_listener_get_int(listener, NNG_URING_OPT_WS_DEFLATE_WINDOW, &window));
    cr_assert_eq(window, 15);
    CHECK(nng_stream_listener_get_size(listener, NNG_URING_OPT_WS_DEFLATE_MEMORY, &memory));
    cr_assert_eq(memory, 384 * 1024);
    cr_assert_eq(nng_stream_listener_set_int(listener, NNG_URING_OPT_WS_DEFLATE_WINDOW, 8),
                 NNG_EINVAL);
    cr_assert_eq(nng_stream_listener_set_int(listener, NNG_URING_OPT_WS_DEFLATE_WINDOW, 16),
                 NNG_EINVAL);
    nng_stream_listener_free(listener);
}
