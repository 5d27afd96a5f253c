/* SPDX-License-Identifier: MIT */
/*
 * An echo in both roles against what RFC 6455 prescribes, ordered as the Autobahn Testsuite's
 * groups are: each case whole, and byte by byte. Strict: where the RFC decides, one answer is
 * right.
 */
#include "base/check.h"
#include "support/peer.h"
#include "support/ws_echo.h"
#include "support/ws_peer.h"
#include "ws/conversation.h"

#include <criterion/criterion.h>
#include <linux/sockios.h>
#include <nng/uring.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

TestSuite(ws_conformance, .timeout = 300);

/* 1: messages come back as they were, at the borders of all forms of a length. */
static const struct t_ws_conversation messages[] = {
    { "1.1.1", "T: X:1000", "T: X:1000" },
    { "1.1.2", "T*125:* X:1000", "T*125:* X:1000" },
    { "1.1.3", "T*126:* X:1000", "T*126:* X:1000" },
    { "1.1.4", "T*127:* X:1000", "T*127:* X:1000" },
    { "1.1.5", "T*128:* X:1000", "T*128:* X:1000" },
    { "1.1.6", "T*65535:* X:1000", "T*65535:* X:1000" },
    { "1.1.7, 1.1.8", "T*65536:* X:1000", "T*65536:* X:1000" },
    { "1.2.1", "B: X:1000", "B: X:1000" },
    { "1.2.2", "B*125:%fe X:1000", "B*125:%fe X:1000" },
    { "1.2.3", "B*126:%fe X:1000", "B*126:%fe X:1000" },
    { "1.2.4", "B*127:%fe X:1000", "B*127:%fe X:1000" },
    { "1.2.5", "B*128:%fe X:1000", "B*128:%fe X:1000" },
    { "1.2.6", "B*65535:%fe X:1000", "B*65535:%fe X:1000" },
    { "1.2.7, 1.2.8", "B*65536:%fe X:1000", "B*65536:%fe X:1000" },
};

static const struct t_ws_conversation pings[] = {
    { "2.1", "P: X:1000", "O: X:1000" },
    { "2.2", "P:Hello,%20world! X:1000", "O:Hello,%20world! X:1000" },
    { "2.3", "P:%00%ff%fe%fd%fc%fb%00%ff X:1000", "O:%00%ff%fe%fd%fc%fb%00%ff X:1000" },
    { "2.4, 2.6", "P*125:%fe X:1000", "O*125:%fe X:1000" },
    { "2.5", "P*126:%fe", "X:1002" },
    { "2.7", "O: X:1000", "X:1000" },
    { "2.8", "O:unasked X:1000", "X:1000" },
    { "2.9", "O:unasked P:ping X:1000", "O:ping X:1000" },
    { "2.10, 2.11", "P:0 P:1 P:2 P:3 P:4 P:5 P:6 P:7 P:8 P:9 X:1000",
      "O:0 O:1 O:2 O:3 O:4 O:5 O:6 O:7 O:8 O:9 X:1000" },
};

static const struct t_ws_conversation reserved_bits[] = {
    { "3.1", "Fc1:hello T:no", "X:1002" },
    { "3.2", "T:yes Fa1:no P:no", "T:yes X:1002" },
    { "3.3", "T:yes F91:no P:no", "T:yes X:1002" },
    { "3.4", "T:yes Fb1:no", "T:yes X:1002" },
    { "3.5", "Fc2:no T:no", "X:1002" },
    { "3.6", "Fd9:no", "X:1002" },
    { "3.7", "Ff8:", "X:1002" },
    { "3.8 a continuation", "t:a Fc0:b", "X:1002" },
};

static const struct t_ws_conversation opcodes[] = {
    { "4.1.1", "F83: P:", "X:1002" },
    { "4.1.2", "F84:x P:", "X:1002" },
    { "4.1.3", "T:yes F85: P:", "T:yes X:1002" },
    { "4.1.4", "T:yes F86:x P:", "T:yes X:1002" },
    { "4.1.5", "T:yes F87:x P:", "T:yes X:1002" },
    { "4.2.1", "F8b: P:", "X:1002" },
    { "4.2.2", "F8c:x P:", "X:1002" },
    { "4.2.3", "T:yes F8d: P:", "T:yes X:1002" },
    { "4.2.4", "T:yes F8e:x P:", "T:yes X:1002" },
    { "4.2.5", "T:yes F8f:x P:", "T:yes X:1002" },
};

static const struct t_ws_conversation fragments[] = {
    { "5.1", "F09:a C:b", "X:1002" },
    { "5.2", "F0a:a C:b", "X:1002" },
    { "5.3, 5.4, 5.5", "t:frag C:ment X:1000", "T:fragment X:1000" },
    { "5.6, 5.7, 5.8", "t:frag P:ping C:ment X:1000", "O:ping T:fragment X:1000" },
    { "5.9, 5.10, 5.11", "C:non-continuation T:no", "X:1002" },
    { "5.10 alone", "C:non-continuation", "X:1002" },
    { "5.12, 5.13, 5.14", "c:non-continuation T:no", "X:1002" },
    { "5.15", "t:a C:b c:no T:no", "T:ab X:1002" },
    { "5.16", "c:a t:b C:c", "X:1002" },
    { "5.17", "C:a t:b C:c", "X:1002" },
    { "5.18", "t:a T:b", "X:1002" },
    { "5.18 binary", "t:a B:b", "X:1002" },
    { "5.19, 5.20", "t:1 c:2 P:x c:3 c:4 P:y C:5 X:1000", "O:x O:y T:12345 X:1000" },
    { "5 empty ones", "t: c: c: C: X:1000", "T: X:1000" },
    { "5 an empty end", "b:ab C: X:1000", "B:ab X:1000" },
    { "5 a pong between", "b:a O: C:b X:1000", "B:ab X:1000" },
};

static const struct t_ws_conversation closing[] = {
    { "7.1.1", "T:hello X:1000", "T:hello X:1000" },
    { "7.1.2", "X:1000 X:1000", "X:1000" },
    { "7.1.3", "X:1000 P:no", "X:1000" },
    { "7.1.4", "X:1000 T:no", "X:1000" },
    { "7.1.5", "t:a X:1000 C:b", "X:1000" },
    { "7.1.6", "T*262144:x X:1000 P:no", "T*262144:x X:1000" },
    { "7.3.1", "X:", "X:" },
    { "7.3.2", "x:a", "X:1002" },
    { "7.3.3", "X:1000", "X:1000" },
    { "7.3.4", "X:1000,bye", "X:1000" },
    { "7.3.5",
      "x:%03%e8123456789012345678901234567890123456789012345678901234567890123456789012"
      "34567890123456789012345678901234567890123456789012 T:no",
      "X:1000" },
    { "7.3.6", "x*126:a", "X:1002" },
    { "7.5.1", "X:1000,%ce%ba%ed%a0%80", "X:1007" },
    { "7.7.1", "X:1000", "X:1000" },
    { "7.7.2", "X:1001", "X:1001" },
    { "7.7.3", "X:1002", "X:1002" },
    { "7.7.4", "X:1003", "X:1003" },
    { "7.7.5", "X:1007", "X:1007" },
    { "7.7.6", "X:1008", "X:1008" },
    { "7.7.7", "X:1009", "X:1009" },
    { "7.7.8", "X:1010", "X:1010" },
    { "7.7.9", "X:1011", "X:1011" },
    { "7.7.10", "X:3000", "X:3000" },
    { "7.7.11", "X:3999", "X:3999" },
    { "7.7.12", "X:4000", "X:4000" },
    { "7.7.13", "X:4999", "X:4999" },
    { "7.9.1", "X:0", "X:1002" },
    { "7.9.2", "X:999", "X:1002" },
    { "7.9.3", "X:1004", "X:1002" },
    { "7.9.4", "X:1005", "X:1002" },
    { "7.9.5", "X:1006", "X:1002" },
    { "7.9.6", "X:1016", "X:1002" },
    { "7.9.7", "X:1100", "X:1002" },
    { "7.9.8", "X:2000", "X:1002" },
    { "7.9.9", "X:2999", "X:1002" },
    { "7.13.1", "X:5000", "X:1002" },
    { "7.13.2", "X:65535", "X:1002" },
};

#define TEXT "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789ABCDEF"

/* A message of so many times TEXT; in fragments of so many bytes; sent so many bytes at a time. */
#define WHOLE(name, kind, times)                                                                   \
    {                                                                                              \
        name, "@0 " kind "*" times ":" TEXT " X:1000", kind "*" times ":" TEXT " X:1000"           \
    }
#define FRAGMENTS(name, kind, times, cut)                                                          \
    {                                                                                              \
        name, "@0 " kind "/" cut "*" times ":" TEXT " X:1000", kind "*" times ":" TEXT " X:1000"   \
    }
#define PIECES(name, kind, piece)                                                                  \
    {                                                                                              \
        name, "@" piece " " kind "*4096:" TEXT " X:1000", kind "*4096:" TEXT " X:1000"             \
    }

/* So many times; ThreadSanitizer, which looks at each byte, is content with a quarter. */
#ifdef NU_TSAN
#define MIB_4 "16384"
#define MIB_8 "32768"
#define MIB_16 "65536"
#else
#define MIB_4 "65536"
#define MIB_8 "131072"
#define MIB_16 "262144"
#endif

/* 9: 64 KiB to 16 MiB; 256 KiB, where Autobahn has 4 MiB, in fragments of 64 bytes to all of it,
 * and where it has 1 MiB, in pieces. 10: as a sender would cut a message by itself. */
static const struct t_ws_conversation sizes[] = {
    WHOLE("9.1.1", "T", "1024"),
    WHOLE("9.1.2", "T", "4096"),
    WHOLE("9.1.3", "T", "16384"),
    WHOLE("9.1.4", "T", MIB_4),
    WHOLE("9.1.5", "T", MIB_8),
    WHOLE("9.1.6", "T", MIB_16),
    WHOLE("9.2.1", "B", "1024"),
    WHOLE("9.2.2", "B", "4096"),
    WHOLE("9.2.3", "B", "16384"),
    WHOLE("9.2.4", "B", MIB_4),
    WHOLE("9.2.5", "B", MIB_8),
    WHOLE("9.2.6", "B", MIB_16),
    FRAGMENTS("9.3.1", "T", "4096", "64"),
    FRAGMENTS("9.3.2", "T", "4096", "256"),
    FRAGMENTS("9.3.3", "T", "4096", "1024"),
    FRAGMENTS("9.3.4", "T", "4096", "4096"),
    FRAGMENTS("9.3.5", "T", "4096", "16384"),
    FRAGMENTS("9.3.6", "T", "4096", "65536"),
    FRAGMENTS("9.3.7", "T", "4096", "131072"),
    FRAGMENTS("9.3.8", "T", "4096", "196608"),
    FRAGMENTS("9.3.9", "T", "4096", "262144"),
    FRAGMENTS("9.4.1", "B", "4096", "64"),
    FRAGMENTS("9.4.2", "B", "4096", "256"),
    FRAGMENTS("9.4.3", "B", "4096", "1024"),
    FRAGMENTS("9.4.4", "B", "4096", "4096"),
    FRAGMENTS("9.4.5", "B", "4096", "16384"),
    FRAGMENTS("9.4.6", "B", "4096", "65536"),
    FRAGMENTS("9.4.7", "B", "4096", "131072"),
    FRAGMENTS("9.4.8", "B", "4096", "196608"),
    FRAGMENTS("9.4.9", "B", "4096", "262144"),
    PIECES("9.5.1", "T", "64"),
    PIECES("9.5.2", "T", "128"),
    PIECES("9.5.3", "T", "256"),
    PIECES("9.5.4", "T", "512"),
    PIECES("9.5.5", "T", "1024"),
    PIECES("9.5.6", "T", "2048"),
    PIECES("9.6.1", "B", "64"),
    PIECES("9.6.2", "B", "128"),
    PIECES("9.6.3", "B", "256"),
    PIECES("9.6.4", "B", "512"),
    PIECES("9.6.5", "B", "1024"),
    PIECES("9.6.6", "B", "2048"),
    FRAGMENTS("10.1.1", "T", "1024", "1300"),
};

/* What a WebSocket takes where nothing else is said. */
static const struct t_ws_conversation limits[] = {
    { "four fragments", "b*50000:x c*50000:x c*50000:x C*50000:x X:1000", "B*200000:x X:1000" },
    { "too much for a frame", "B*1048577:x", "X:1009" },
    { "too much for a message", "b*1000000:x C*48577:x", "X:1009" },
};

/* Lengths that must not be, and masks. */
static const struct t_ws_conversation server_lengths[] = {
    { "16 bits for 125", "R:81fe007d00000000", "X:1002" },
    { "64 bits for 65535", "R:81ff000000000000ffff00000000", "X:1002" },
    { "the top bit", "R:82ff800000000000000000000000", "X:1002" },
    { "no mask", "R:810161", "X:1002" },
    { "bad text within a frame", "R:81fe0fff00000000c0af", "X:1007" },
};
static const struct t_ws_conversation client_lengths[] = {
    { "16 bits for 125", "R:817e007d", "X:1002" },
    { "64 bits for 65535", "R:827f000000000000ffff", "X:1002" },
    { "the top bit", "R:827f8000000000000000", "X:1002" },
    { "a mask", "R:81810000000061", "X:1002" },
    { "bad text within a frame", "R:817e0fffc0af", "X:1007" },
};

/* What else would refuse the largest. */
static const char *const limiting[] = { NNG_OPT_RECVMAXSZ, NNG_OPT_WS_RECVMAXFRAME,
                                        NNG_URING_OPT_WS_MAX_FRAGMENTS };

/* ---- Both roles --------------------------------------------------------------------------- */

static int t_option(nng_aio **aio)
{
    int err = nng_aio_alloc(aio, NULL, NULL);
    nng_aio_set_timeout(*aio, 120000);
    return err;
}

static const struct t_ws_conversation many = {
    "9.7.1, 9.7.2, 9.7.3, 9.7.4, 9.7.5, 9.7.6, 9.8.1, 9.8.2, 9.8.3, 9.8.4, 9.8.5, 9.8.6", "@0", NULL
};

/* 9.7 and 9.8: a thousand messages of each size, ten at a time. */
static void t_many(struct t_ws_peer *peer, nng_stream *stream)
{
    static const unsigned lengths[] = { 0, 16, 64, 256, 1024, 4096 };
    struct t_ws_echo echo;
    t_ws_echo_start(&echo, stream, 4096);
    for (unsigned i = 0; i < 2 * sizeof lengths / sizeof lengths[0]; i++) {
        char words[256] = "";
        for (size_t n = 0, at = 0; n < 10; n++, at = strlen(words)) {
            snprintf(words + at, sizeof words - at,
                     lengths[i / 2] > 0 ? "%c*%u:x " : "%c: ", "TB"[i % 2], lengths[i / 2]);
        }
        for (unsigned n = 0; n < 100; n++) {
            t_ws_peer_send(peer, words);
            t_ws_peer_expect(peer, words, "many");
        }
    }
    t_ws_peer_send(peer, "X:1000");
    t_ws_peer_expect(peer, "X:1000", "many");
    t_ws_peer_close(peer);
    cr_assert_eq(t_ws_echo_finish(&echo), NNG_ECLOSED);
}

static void t_talk(struct t_ws_peer *peer, nng_stream *stream, const struct t_ws_conversation *c)
{
    struct t_ws_echo echo;
    if (c == &many) {
        t_many(peer, stream);
        return;
    }
    t_ws_echo_start(&echo, stream, (size_t) 16 << 20);
    t_ws_peer_send(peer, c->send[0] == '@' ? strchr(c->send, ' ') : c->send);
    t_ws_peer_expect(peer, c->expect, c->name);
    t_ws_peer_close(peer);
    int end = t_ws_echo_finish(&echo);
    cr_assert(end == NNG_ECLOSED || end == NNG_EPROTO || end == NNG_EMSGSIZE, "%s: %s", c->name,
              nng_strerror(end));
}

/* Bytes that are sent at a time, 0 for all: what is written before it, and that once; else all, and
 * then a byte, or 997 of what is long. */
static size_t t_piece(const struct t_ws_conversation *c, bool again)
{
    bool is_long = strstr(c->send, "*65") != NULL || strstr(c->send, "0000:") != NULL ||
                   strstr(c->send, "*1048577") != NULL || strstr(c->send, "*262144") != NULL;
    return c->send[0] == '@' ? strtoul(c->send + 1, NULL, 10) : !again ? 0 : is_long ? 997 : 1;
}

/* The library's server, and a client by hand. */
static void t_server(const struct t_ws_conversation *cases, size_t n, bool limited)
{
    nng_stream_listener *listener;
    nng_aio *aio;
    int port;
    cr_assert_eq(t_option(&aio), 0);
    cr_assert_eq(nng_stream_listener_alloc(&listener, "ws://127.0.0.1:0/echo"), 0);
    cr_assert_eq(nng_stream_listener_set_bool(listener, NNG_OPT_WS_RECV_TEXT, true), 0);
    /* From a peer's close to the end: all that it has sent before is to come back. */
    cr_assert_eq(nng_stream_listener_set_ms(listener, NNG_URING_OPT_WS_CLOSE_TIMEOUT, 100000), 0);
    for (unsigned i = 0; !limited && i < sizeof limiting / sizeof limiting[0]; i++) {
        cr_assert_eq(nng_stream_listener_set_size(listener, limiting[i], 0), 0);
    }
    cr_assert_eq(nng_stream_listener_listen(listener), 0);
    cr_assert_eq(nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    for (size_t i = 0; i < 2 * n; i++) {
        const struct t_ws_conversation *c = &cases[i / 2];
        struct t_ws_peer peer;
        if (i % 2 == 1 && c->send[0] == '@') {
            continue;
        }
        t_ws_peer_connect(&peer, (unsigned) port, "/echo", "");
        peer.piece = t_piece(c, i % 2 == 1);
        nng_stream_listener_accept(listener, aio);
        nng_aio_wait(aio);
        cr_assert_eq(nng_aio_result(aio), 0);
        t_talk(&peer, nng_aio_get_output(aio, 0), c);
    }
    nng_stream_listener_free(listener);
    nng_aio_free(aio);
}

/* The library's client, and a server by hand. */
static void t_client_role(const struct t_ws_conversation *cases, size_t n, bool limited)
{
    unsigned port;
    int fd = nu_listen(&port, 0);
    nng_stream_dialer *dialer;
    nng_aio *aio;
    char url[64];
    cr_assert_eq(t_option(&aio), 0);
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", port);
    cr_assert_eq(nng_stream_dialer_alloc(&dialer, url), 0);
    cr_assert_eq(nng_stream_dialer_set_bool(dialer, NNG_OPT_WS_RECV_TEXT, true), 0);
    /* From a peer's close to the end: all that it has sent before is to come back. */
    cr_assert_eq(nng_stream_dialer_set_ms(dialer, NNG_URING_OPT_WS_CLOSE_TIMEOUT, 100000), 0);
    for (unsigned i = 0; !limited && i < sizeof limiting / sizeof limiting[0]; i++) {
        cr_assert_eq(nng_stream_dialer_set_size(dialer, limiting[i], 0), 0);
    }
    for (size_t i = 0; i < 2 * n; i++) {
        const struct t_ws_conversation *c = &cases[i / 2];
        struct t_ws_peer peer;
        if (i % 2 == 1 && c->send[0] == '@') {
            continue;
        }
        nng_stream_dialer_dial(dialer, aio);
        t_ws_peer_accept(&peer, fd);
        peer.piece = t_piece(c, i % 2 == 1);
        nng_aio_wait(aio);
        cr_assert_eq(nng_aio_result(aio), 0, "%s", nng_strerror(nng_aio_result(aio)));
        t_talk(&peer, nng_aio_get_output(aio, 0), c);
    }
    nng_stream_dialer_free(dialer);
    nng_aio_free(aio);
    close(fd);
}

#define BOTH(group)                                                                                \
    Test(ws_conformance, group##_of_a_server)                                                      \
    {                                                                                              \
        t_server(group, sizeof group / sizeof group[0], true);                                     \
    }                                                                                              \
    Test(ws_conformance, group##_of_a_client)                                                      \
    {                                                                                              \
        t_client_role(group, sizeof group / sizeof group[0], true);                                \
    }

BOTH(messages)
BOTH(pings)
BOTH(reserved_bits)
BOTH(opcodes)
BOTH(fragments)
BOTH(closing)
BOTH(limits)

Test(ws_conformance, sizes_of_a_server)
{
    t_server(sizes, sizeof sizes / sizeof sizes[0], false);
}

Test(ws_conformance, sizes_of_a_client)
{
    t_client_role(sizes, sizeof sizes / sizeof sizes[0], false);
}

Test(ws_conformance, many_of_a_server)
{
    t_server(&many, 1, true);
}

Test(ws_conformance, many_of_a_client)
{
    t_client_role(&many, 1, true);
}

static size_t t_utf8_cases(void)
{
    size_t n = 0;
    while (t_ws_utf8[n].name != NULL) {
        n++;
    }
    return n;
}

Test(ws_conformance, utf8_of_a_server)
{
    t_server(t_ws_utf8, t_utf8_cases(), true);
}

Test(ws_conformance, utf8_of_a_client)
{
    t_client_role(t_ws_utf8, t_utf8_cases(), true);
}

/* What it still sends must not cost it our close frame, or make a reset of our end. */
Test(ws_conformance, a_client_goes_on_after_its_close)
{
    struct t_ws_echo echo;
    struct t_ws_peer peer;
    nng_stream_listener *listener;
    nng_aio *aio;
    int port, unsent = 1;
    cr_assert_eq(t_option(&aio), 0);
    cr_assert_eq(nng_stream_listener_alloc(&listener, "ws://127.0.0.1:0/echo"), 0);
    cr_assert_eq(nng_stream_listener_set_ms(listener, NNG_URING_OPT_WS_CLOSE_TIMEOUT, 100000), 0);
    cr_assert_eq(nng_stream_listener_listen(listener), 0);
    cr_assert_eq(nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    t_ws_peer_connect(&peer, (unsigned) port, "/echo", "");
    nng_stream_listener_accept(listener, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), 0);
    t_ws_echo_start(&echo, nng_aio_get_output(aio, 0), (size_t) 1 << 20);
    t_ws_peer_send(&peer, "X:1000");
    struct pollfd ended = { .fd = peer.fd, .events = POLLRDHUP };
    cr_assert_eq(poll(&ended, 1, 20000), 1, "our end is not told of");
    t_ws_peer_send(&peer, "T:no");
    for (int i = 0; unsent != 0 && i < 2000; i++) { /* no event tells what has been acknowledged */
        cr_assert_eq(ioctl(peer.fd, SIOCOUTQ, &unsent), 0);
        poll(NULL, 0, 10);
    }
    cr_assert_eq(unsent, 0);
    t_ws_peer_expect(&peer, "X:1000", "its close");
    t_ws_peer_close(&peer);
    cr_assert_eq(t_ws_echo_finish(&echo), NNG_ECLOSED);
    nng_stream_listener_free(listener);
    nng_aio_free(aio);
}

Test(ws_conformance, lengths_of_a_server)
{
    t_server(server_lengths, sizeof server_lengths / sizeof server_lengths[0], true);
}

Test(ws_conformance, lengths_of_a_client)
{
    t_client_role(client_lengths, sizeof client_lengths / sizeof client_lengths[0], true);
}
