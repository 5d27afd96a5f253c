/* SPDX-License-Identifier: MIT */
#include "support/ws_peer.h"

#include "support/ws_deflate.h"
#include "wire/ws_frame.h"
#include "ws/ws_accept.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/tcp.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

/* ---- Words -------------------------------------------------------------------------------- */

struct word {
    uint8_t first; /* byte of the frame */
    bool raw;      /* there is no header */
    bool packed;   /* it is to be compressed */
    size_t cut;    /* bytes of its frames; 0: it is one */
    struct nu_buf payload;
};

static void add_payload(struct word *word, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned byte = (unsigned char) text[i];
        if (text[i] == '%') {
            cr_assert_eq(sscanf(text + i + 1, "%2x", &byte), 1);
            i += 2;
        }
        nu_buf_add(&word->payload, &(char){ (char) byte }, 1);
    }
}

static void add_hex(struct word *word, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i += 2) {
        unsigned byte;
        cr_assert_eq(sscanf(text + i, "%2x", &byte), 1);
        nu_buf_add(&word->payload, &(char){ (char) byte }, 1);
    }
}

static void add_close(struct word *word, const char *text, size_t n)
{
    if (n > 0) {
        unsigned code = (unsigned) strtoul(text, NULL, 10);
        char bytes[2] = { (char) (code >> 8), (char) code };
        const char *comma = memchr(text, ',', n);
        nu_buf_add(&word->payload, bytes, 2);
        if (comma != NULL) {
            add_payload(word, comma + 1, (size_t) (text + n - comma - 1));
        }
    }
}

/* Text of different kinds, the same each time. */
static void add_text(struct word *word, int kind, size_t n)
{
    static const char *const words[] = {
        "the ", "quick ", "brown ", "fox, ", "jumps\n", "over ", "\xc3\xbc\x62\x65r ", "dogs. ",
    };
    uint32_t seed = (uint32_t) n;
    size_t from = word->payload.len;
    while (word->payload.len - from < n) {
        char text[64];
        seed = seed * 1664525 + 1013904223;
        unsigned pick = seed >> 24;
        int len = kind == 1   ? snprintf(text, sizeof text, "{\"id\":%u,\"on\":true},", pick)
                  : kind == 2 ? snprintf(text, sizeof text, "%c", (int) pick)
                  : kind == 3 ? snprintf(text, sizeof text, "%s", words[pick % 8])
                  : kind == 4 ? snprintf(text, sizeof text, "<p class=a%u>%u</p>", pick % 4, seed)
                              : snprintf(text, sizeof text, "0");
        nu_buf_add(&word->payload, text, (size_t) len);
    }
    word->payload.len = from + n;
    for (char *last = word->payload.data + from + n - 1; kind == 3 && (*last & 0x80) != 0; last--) {
        *last = '.'; /* no part of a character */
    }
}

static uint8_t first_byte(const char *text)
{
    static const char letters[] = "TtBbCcPOXxZY";
    static const uint8_t bytes[] = { 0x81, 0x01, 0x82, 0x02, 0x80, 0x00,
                                     0x89, 0x8a, 0x88, 0x88, 0xc1, 0xc2 };
    if (*text == 'F') {
        return (uint8_t) strtoul(text + 1, NULL, 16);
    }
    const char *at = strchr(letters, *text);
    cr_assert_not_null(at, "%s", text);
    return bytes[at - letters];
}

/* The next word; false at the end. */
static bool next_word(const char **text, struct word *word)
{
    const char *p = *text + strspn(*text, " ");
    size_t n = strcspn(p, " ");
    const char *colon = memchr(p, ':', n), *star = memchr(p, '*', n);
    *word = (struct word){ .raw = *p == 'R', .packed = *p == 'Z' || *p == 'Y' };
    if (n == 0) {
        return false;
    }
    cr_assert_not_null(colon, "%s", p);
    size_t times = star != NULL && star < colon ? strtoul(star + 1, NULL, 10) : 1;
    size_t len = (size_t) (p + n - colon - 1);
    *text = p + n;
    word->first = word->raw ? 0 : first_byte(p);
    if (p[1] == '/') {
        word->cut = strtoul(p + 2, NULL, 10);
    }
    const char *dollar = memchr(p, '$', (size_t) (colon - p));
    if (dollar != NULL) {
        add_text(word, atoi(colon + 1), strtoul(dollar + 1, NULL, 10));
        return true;
    }
    for (size_t i = 0; i < times; i++) {
        (word->raw ? add_hex : *p == 'X' ? add_close : add_payload)(word, colon + 1, len);
    }
    return true;
}

/* ---- Bytes -------------------------------------------------------------------------------- */

static void send_bytes(struct t_ws_peer *peer, const char *data, size_t n)
{
    size_t piece = peer->piece > 0 ? peer->piece : n;
    for (size_t i = 0; i < n; i += piece) {
        size_t step = n - i < piece ? n - i : piece;
        if (send(peer->fd, data + i, step, MSG_NOSIGNAL) != (ssize_t) step) {
            return; /* it does not want it any more */
        }
    }
}

static bool receive(struct t_ws_peer *peer)
{
    char buf[65536];
    ssize_t n = recv(peer->fd, buf, sizeof buf, 0);
    cr_assert(n >= 0, "nothing came for too long, or a reset");
    nu_buf_add(&peer->in, buf, (size_t) n);
    return n > 0;
}

static void consume(struct t_ws_peer *peer, size_t n)
{
    peer->in.len -= n;
    memmove(peer->in.data, peer->in.data + n, peer->in.len);
}

static void put_frame(struct nu_buf *out, const struct t_ws_peer *peer, uint8_t first,
                      const char *data, size_t len)
{
    uint8_t head[NU_WS_HEAD_MAX];
    const uint8_t *with = peer->client ? mask : NULL;
    size_t n = nu_ws_frame_head(head, NU_WS_TEXT, true, false, len, with), at = out->len + n;
    head[0] = first;
    nu_buf_add(out, head, n);
    nu_buf_add(out, data, len);
    if (with != NULL && len > 0) {
        nu_ws_mask(out->data + at, out->data + at, len, mask, 0);
    }
}

static void put_word(struct nu_buf *out, struct t_ws_peer *peer, struct word *word)
{
    if (word->raw) {
        nu_buf_add(out, word->payload.data, word->payload.len);
        return;
    }
    if (word->packed) {
        t_ws_deflate_pack(peer->deflate, &word->payload);
    }
    size_t at = 0, n = word->payload.len, cut = word->cut > 0 ? word->cut : n;
    do {
        size_t piece = n - at < cut ? n - at : cut;
        uint8_t first = at == 0 ? word->first : (uint8_t) (0x80 | NU_WS_CONTINUATION);
        first = at + piece == n ? first : first & 0x7fU;
        put_frame(out, peer, first, n > 0 ? word->payload.data + at : NULL, piece);
        at += piece;
    } while (at < n);
}

/* In one piece, so that what is behind a violation is there when that is seen. */
void t_ws_peer_send(struct t_ws_peer *peer, const char *frames)
{
    struct nu_buf out = { 0 };
    struct word word;
    while (next_word(&frames, &word)) {
        put_word(&out, peer, &word);
        peer->said_bye = peer->said_bye || word.first == 0x88;
        nu_buf_free(&word.payload);
    }
    send_bytes(peer, out.data, out.len);
    nu_buf_free(&out);
}

/* ---- What comes back ---------------------------------------------------------------------- */

/* A message, its fragments joined, or a control frame; false: the connection has ended. */
static bool next_message(struct t_ws_peer *peer, struct word *word)
{
    struct nu_ws_reader reader = { .masked = !peer->client, .deflate = peer->deflate != NULL };
    struct nu_slice data;
    size_t used, at = 0;
    bool end;
    *word = (struct word){ .raw = false };
    for (;;) {
        switch (
            nu_ws_reader_next(&reader, peer->in.data + at, peer->in.len - at, &used, &data, &end)) {
        case NU_WS_BAD:
            cr_assert_fail("%s", reader.bad_reason);
        case NU_WS_CONTROL:
            word->first = (uint8_t) (0x80U | reader.opcode);
            nu_buf_add(&word->payload, data.p, data.n);
            nu_ws_reader_fini(&reader);
            consume(peer, at + used);
            return true;
        case NU_WS_DATA:
            nu_buf_add(&word->payload, data.p, data.n);
            at += used;
            if (end) {
                word->first = (uint8_t) (0x80U | reader.message);
                consume(peer, at);
                peer->received += word->payload.len;
                if (reader.compressed) {
                    peer->compressed++;
                    t_ws_deflate_unpack(peer->deflate, &word->payload);
                }
                return true;
            }
            break;
        case NU_WS_MORE:
            at += used;
            if (!receive(peer)) {
                cr_assert_eq(peer->in.len, 0, "the end comes within a frame");
                return false;
            }
            break;
        }
    }
}

static void answer_close(struct t_ws_peer *peer, const char *what)
{
    struct word word;
    if (!peer->said_bye) {
        t_ws_peer_send(peer, "X:1000");
    }
    if (!peer->client) { /* a server ends the connection */
        shutdown(peer->fd, SHUT_WR);
    }
    cr_assert_not(next_message(peer, &word), "%s: something follows its close frame", what);
}

/* Of a close frame only the code is compared where no reason is given. */
static bool same_payload(const struct word *want, const struct word *got)
{
    size_t n = want->payload.len;
    bool cut = want->first == 0x88 && n == 2 && got->payload.len > 2;
    return (cut || got->payload.len == n) && memcmp(want->payload.data, got->payload.data, n) == 0;
}

void t_ws_peer_expect(struct t_ws_peer *peer, const char *frames, const char *what)
{
    struct word want, got;
    while (next_word(&frames, &want)) {
        cr_assert(next_message(peer, &got), "%s: the connection has ended", what);
        cr_assert_eq(got.first, want.first, "%s: frame %02x instead of %02x (%.40s)", what,
                     got.first, want.first, got.payload.data != NULL ? got.payload.data + 2 : "");
        cr_assert(want.payload.len == 0 ? got.payload.len == 0 : same_payload(&want, &got),
                  "%s: another payload, of %zu bytes (%.20s)", what, got.payload.len,
                  got.payload.data != NULL ? got.payload.data : "");
        if (want.first == 0x88) {
            answer_close(peer, what);
        }
        nu_buf_free(&want.payload);
        nu_buf_free(&got.payload);
    }
}

unsigned t_ws_peer_peek(struct t_ws_peer *peer)
{
    while (peer->in.len == 0) {
        cr_assert(receive(peer), "the connection has ended");
    }
    return (unsigned char) peer->in.data[0];
}

/* ---- The upgrade -------------------------------------------------------------------------- */

static void set_up(struct t_ws_peer *peer, int fd, bool client)
{
    const struct timeval limit = { .tv_sec = 120 };
    const int on = 1;
    cr_assert(fd >= 0);
    *peer = (struct t_ws_peer){ .fd = fd, .client = client };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* The head that comes, in front of what follows it. */
static void receive_head(struct t_ws_peer *peer, char *head, size_t size)
{
    char *end;
    do {
        cr_assert(receive(peer), "no head");
        end = memmem(peer->in.data, peer->in.len, "\r\n\r\n", 4);
    } while (end == NULL);
    size_t n = (size_t) (end + 4 - peer->in.data);
    cr_assert_lt(n, size);
    memcpy(head, peer->in.data, n);
    head[n] = '\0';
    consume(peer, n);
}

void t_ws_peer_connect(struct t_ws_peer *peer, unsigned port, const char *path, const char *fields)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_port = htons((uint16_t) port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    char text[2048];
    set_up(peer, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), true);
    cr_assert_eq(connect(peer->fd, (struct sockaddr *) &sin, sizeof sin), 0);
    int n = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
                     "keep-alive,Upgrade\r\nSec-WebSocket-Key: " KEY
                     "\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                     path, fields);
    send_bytes(peer, text, (size_t) n);
    receive_head(peer, text, sizeof text);
    cr_assert_eq(strncmp(text, "HTTP/1.1 101 ", 13), 0, "%s", text);
    cr_assert_not_null(strstr(text, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    peer->deflate = t_ws_deflate_new(strstr(text, "\r\nSec-WebSocket-Extensions: "), true);
}

void t_ws_peer_accept(struct t_ws_peer *peer, int listener)
{
    t_ws_peer_accept_with(peer, listener, NULL);
}

void t_ws_peer_accept_with(struct t_ws_peer *peer, int listener, const char *extensions)
{
    static const char field[] = "\r\nSec-WebSocket-Key: ";
    char text[2048], key[NU_WS_KEY_LENGTH + 1] = "", accept_text[NU_WS_ACCEPT_LENGTH + 1];
    set_up(peer, accept4(listener, NULL, NULL, SOCK_CLOEXEC), false);
    receive_head(peer, text, sizeof text);
    const char *at = strstr(text, field);
    cr_assert_not_null(at, "%s", text);
    memcpy(key, at + strlen(field), NU_WS_KEY_LENGTH);
    cr_assert_eq(nu_ws_accept_text(key, accept_text), 0);
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: "
                     "upgrade\r\nSec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
                     accept_text, extensions != NULL ? "Sec-WebSocket-Extensions: " : "",
                     extensions != NULL ? extensions : "", extensions != NULL ? "\r\n" : "");
    peer->deflate = t_ws_deflate_new(extensions, false);
    send_bytes(peer, text, (size_t) n);
}

void t_ws_peer_close(struct t_ws_peer *peer)
{
    close(peer->fd);
    nu_buf_free(&peer->in);
    t_ws_deflate_free(peer->deflate);
}

void t_ws_server_open(struct t_ws_server *server, nng_duration close_timeout)
{
    nng_aio *aio;
    int port;
    nng_stream_listener **l = &server->listener;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    cr_assert_eq(nng_stream_listener_alloc(l, "ws://127.0.0.1:0/"), 0);
    cr_assert_eq(nng_stream_listener_set_ms(*l, NNG_URING_OPT_WS_CLOSE_TIMEOUT, close_timeout), 0);
    cr_assert_eq(nng_stream_listener_listen(*l), 0);
    cr_assert_eq(nng_stream_listener_get_int(*l, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    t_ws_peer_connect(&server->peer, (unsigned) port, "/", "");
    nng_stream_listener_accept(*l, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), 0);
    server->stream = nng_aio_get_output(aio, 0);
    nng_aio_free(aio);
}

void t_ws_server_close(struct t_ws_server *server)
{
    nng_stream_free(server->stream);
    nng_stream_listener_free(server->listener);
    t_ws_peer_close(&server->peer);
}
