/* SPDX-License-Identifier: MIT */
/* What a WebSocket puts up with in time and in memory. */
#include "support/peer.h"
#include "support/ws_peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <nng/nng.h>
#include <nng/stream.h>
#include <nng/uring.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(ws_limits, .timeout = 120);

#define MS(name, value) nng_stream_dialer_set_ms(d, NNG_URING_OPT_WS_##name, value)

struct link {
    nng_stream_dialer *dialer;
    nng_stream *stream;
    nng_aio *aio;
    int listening;
    struct t_ws_peer peer;
};

static nng_stream_dialer *t_open(struct link *link)
{
    char url[64];
    unsigned port;
    link->listening = nu_listen(&port, 0);
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", port);
    cr_assert_eq(nng_stream_dialer_alloc(&link->dialer, url), 0);
    cr_assert_eq(nng_aio_alloc(&link->aio, NULL, NULL), 0);
    nng_aio_set_timeout(link->aio, 60000);
    return link->dialer;
}

static void t_dial(struct link *link)
{
    nng_stream_dialer_dial(link->dialer, link->aio);
    t_ws_peer_accept(&link->peer, link->listening);
    nng_aio_wait(link->aio);
    cr_assert_eq(nng_aio_result(link->aio), 0);
    link->stream = nng_aio_get_output(link->aio, 0);
}

static void t_receive(struct link *link, char *to, size_t size)
{
    nng_iov iov = { .iov_buf = to, .iov_len = size };
    cr_assert_eq(nng_aio_set_iov(link->aio, 1, &iov), 0);
    nng_uring_ws_recv(link->stream, link->aio);
}

static void t_close(struct link *link)
{
    nng_stream_free(link->stream);
    nng_stream_dialer_free(link->dialer);
    nng_aio_free(link->aio);
    close(link->listening);
}

/* A silent peer is pinged, and one that answers stays. */
Test(ws_limits, pings_keep_it)
{
    struct link link;
    char got[8];
    nng_stream_dialer *d = t_open(&link);
    cr_assert_eq(MS(PING_INTERVAL, 20), 0);
    cr_assert_eq(MS(PONG_TIMEOUT, 30000), 0);
    t_dial(&link);
    t_receive(&link, got, sizeof got);
    for (int i = 0; i < 5; i++) {
        t_ws_peer_expect(&link.peer, "P:", "a ping");
        t_ws_peer_send(&link.peer, "O:");
    }
    t_ws_peer_send(&link.peer, "B:here");
    nng_aio_wait(link.aio);
    cr_assert_eq(nng_aio_result(link.aio), 0);
    t_ws_peer_close(&link.peer);
    t_close(&link);
}

/* One that does not answer is given up. */
Test(ws_limits, no_pong_is_the_end)
{
    struct link link;
    char got[8];
    int code;
    nng_stream_dialer *d = t_open(&link);
    cr_assert_eq(MS(PING_INTERVAL, 20), 0);
    cr_assert_eq(MS(PONG_TIMEOUT, 100), 0);
    t_dial(&link);
    t_receive(&link, got, sizeof got);
    nng_aio_wait(link.aio);
    cr_assert_eq(nng_aio_result(link.aio), NNG_ETIMEDOUT);
    cr_assert_eq(nng_stream_get_int(link.stream, NNG_URING_OPT_WS_CLOSE_CODE, &code), 0);
    cr_assert_eq(code, 1006);
    t_ws_peer_close(&link.peer);
    t_close(&link);
}

/* Pings are no messages: one on which there are none is closed, though they come on and on. */
Test(ws_limits, idle)
{
    struct link link;
    char got[8];
    nng_stream_dialer *d = t_open(&link);
    cr_assert_eq(MS(IDLE_TIMEOUT, 500), 0);
    t_dial(&link);
    t_receive(&link, got, sizeof got);
    for (bool open = true; open;) {
        t_ws_peer_send(&link.peer, "P:a");
        open = t_ws_peer_peek(&link.peer) == 0x8a;
        t_ws_peer_expect(&link.peer, open ? "O:a" : "", "a pong");
    }
    t_ws_peer_expect(&link.peer, "X:1001", "idle");
    nng_aio_wait(link.aio);
    cr_assert_eq(nng_aio_result(link.aio), NNG_ETIMEDOUT);
    t_ws_peer_close(&link.peer);
    t_close(&link);
}

/* One that its user has finished; the peer has heard of it. */
static struct pollfd t_finish(struct link *link, nng_duration idle, nng_duration close)
{
    nng_stream_dialer *d = t_open(link);
    cr_assert_eq(MS(IDLE_TIMEOUT, idle), 0);
    cr_assert_eq(MS(CLOSE_TIMEOUT, close), 0);
    t_dial(link);
    cr_assert_eq(nng_uring_ws_finish(link->stream, 1000, NULL), 0);
    cr_assert_eq(t_ws_peer_peek(&link->peer), 0x88);
    return (struct pollfd){ .fd = link->peer.fd, .events = POLLIN };
}

/* Pings are no messages: they do not keep a connection that its user has finished. */
Test(ws_limits, idle_when_finished)
{
    struct link link;
    struct pollfd p = t_finish(&link, 300, 2000);
    do {
        t_ws_peer_send(&link.peer, "P:a");
    } while (poll(&p, 1, 20) == 0);
    t_ws_peer_close(&link.peer);
    t_close(&link);
}

/* But messages do, whenever they come within the limit. */
Test(ws_limits, messages_when_finished)
{
    struct link link;
    char got[8];
    struct pollfd p = t_finish(&link, 5000, 0);
    for (int i = 0; i < 2; i++) { /* the second is later than the limit was at first */
        t_receive(&link, got, sizeof got);
        cr_assert_eq(poll(&p, 1, 3000), 0);
        t_ws_peer_send(&link.peer, "B:ab");
        nng_aio_wait(link.aio);
        cr_assert_eq(nng_aio_result(link.aio), 0);
    }
    t_receive(&link, got, sizeof got);
    nng_aio_wait(link.aio); /* a silent peer has no more time than one that pings */
    cr_assert_eq(nng_aio_result(link.aio), NNG_ECLOSED);
    t_ws_peer_close(&link.peer);
    t_close(&link);
}

/* A server that accepts and says nothing. */
Test(ws_limits, handshake)
{
    struct link link = { .stream = NULL };
    nng_stream_dialer *d = t_open(&link);
    cr_assert_eq(MS(HANDSHAKE_TIMEOUT, 100), 0);
    nng_stream_dialer_dial(d, link.aio);
    nng_aio_wait(link.aio);
    cr_assert_eq(nng_aio_result(link.aio), NNG_ETIMEDOUT);
    t_close(&link);
}

/* What nobody asks for is not taken without end: the peer has to wait, and nothing is lost. */
Test(ws_limits, queued)
{
    const size_t frame = 60000, most = (size_t) 256 << 20;
    struct link link;
    char *piece = malloc(frame);
    size_t sent = 0, came = 0;
    nng_stream_dialer *d = t_open(&link);
    cr_assert_eq(nng_stream_dialer_set_size(d, NNG_URING_OPT_WS_MAX_QUEUED, 100000), 0);
    t_dial(&link);
    struct pollfd p = { .fd = link.peer.fd, .events = POLLOUT };
    memset(piece, 'x', frame);
    memcpy(piece, "\x82\x7e\xea\x5c", 4); /* 59996 bytes */
    size_t at = 0;
    while (sent < most && poll(&p, 1, 1000) == 1) { /* which an idle reader never makes longer */
        ssize_t n = send(link.peer.fd, piece + at, frame - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        cr_assert(n > 0 || errno == EAGAIN);
        sent += n > 0 ? (size_t) n : 0;
        at = (at + (n > 0 ? (size_t) n : 0)) % frame;
    }
    cr_assert_lt(sent, most);
    while (came < sent / frame * (frame - 4)) {
        t_receive(&link, piece, frame);
        nng_aio_wait(link.aio);
        cr_assert_eq(nng_aio_result(link.aio), 0);
        came += nng_aio_count(link.aio);
    }
    t_ws_peer_close(&link.peer);
    t_close(&link);
    free(piece);
}
