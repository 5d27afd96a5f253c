/* SPDX-License-Identifier: MIT */
/* How messages and frames go together where a limit comes between. */
#include "support/peer.h"
#include "support/ws_peer.h"

#include <criterion/criterion.h>
#include <nng/nng.h>
#include <nng/stream.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(ws_frames, .timeout = 60);

/* A dialer's stream, and its server by hand. */
static nng_stream *dial(struct t_ws_peer *peer, const char *option, size_t value, bool text)
{
    unsigned port;
    int fd = nu_listen(&port, 0);
    char url[64];
    nng_stream_dialer *dialer;
    nng_aio *aio;
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", port);
    cr_assert_eq(nng_stream_dialer_alloc(&dialer, url), 0);
    cr_assert_eq(nng_stream_dialer_set_size(dialer, option, value), 0);
    cr_assert_eq(nng_stream_dialer_set_bool(dialer, NNG_OPT_WS_SEND_TEXT, text), 0);
    cr_assert_eq(nng_stream_dialer_set_ms(dialer, NNG_URING_OPT_WS_CLOSE_TIMEOUT, 30000), 0);
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_stream_dialer_dial(dialer, aio);
    t_ws_peer_accept(peer, fd);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), 0);
    nng_stream *stream = nng_aio_get_output(aio, 0);
    nng_aio_free(aio);
    nng_stream_dialer_free(dialer);
    close(fd);
    return stream;
}

/* Sends all of it, as a loop over short counts does. */
static void send_in_parts(nng_stream *stream, char *text, size_t n, unsigned parts)
{
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    for (size_t at = 0; at < n; parts--) {
        nng_iov iov[2] = { { text + at, 1 }, { text + at + 1, n - at - 1 } };
        cr_assert_eq(nng_aio_set_iov(aio, 2, iov), 0);
        nng_stream_send(stream, aio);
        nng_aio_wait(aio);
        cr_assert_eq(nng_aio_result(aio), 0, "%s", nng_strerror(nng_aio_result(aio)));
        at += nng_aio_count(aio);
    }
    cr_assert_eq(parts, 0);
    nng_aio_free(aio);
}

/* Text is cut between characters. */
Test(ws_frames, text_is_cut_between_characters)
{
    struct t_ws_peer peer;
    char text[] = "a\xc3\xa9\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    nng_stream *stream = dial(&peer, NNG_OPT_WS_SENDMAXFRAME, 4, true);
    send_in_parts(stream, text, strlen(text), 4);
    t_ws_peer_expect(&peer, "T:a%c3%a9 T:%c3%a9 T:%e2%82%ac T:%f0%9f%98%80", "four messages");
    nng_stream_free(stream);
    t_ws_peer_close(&peer);
}

/* Bytes are cut at the limit. */
Test(ws_frames, bytes_are_cut_anywhere)
{
    struct t_ws_peer peer;
    char text[] = "a\xc3\xa9\xc3\xa9";
    nng_stream *stream = dial(&peer, NNG_OPT_WS_SENDMAXFRAME, 4, false);
    send_in_parts(stream, text, strlen(text), 2);
    t_ws_peer_expect(&peer, "B:a%c3%a9%c3 B:%a9", "two messages");
    nng_stream_free(stream);
    t_ws_peer_close(&peer);
}

/* Who has finished sending still gets what the peer has to say. */
Test(ws_frames, finished_and_still_listening)
{
    struct t_ws_peer peer;
    char text[] = "a", got[16] = "";
    nng_stream *stream = dial(&peer, NNG_OPT_WS_SENDMAXFRAME, 4, false);
    nng_iov iov = { got, sizeof got };
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    send_in_parts(stream, text, 1, 1);
    cr_assert_eq(nng_uring_ws_finish(stream, 4000, "that is all"), 0);
    cr_assert_eq(nng_uring_ws_finish(stream, 5000, NULL), NNG_EINVAL);
    t_ws_peer_expect(&peer, "B:a", "the message");
    t_ws_peer_send(&peer, "b:last C:word X:4001");
    cr_assert_eq(nng_aio_set_iov(aio, 1, &iov), 0);
    nng_uring_ws_recv(stream, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), 0);
    cr_assert_str_eq(got, "lastword");
    nng_uring_ws_send(stream, aio, NNG_URING_WS_BINARY, true);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), NNG_ECLOSED);
    nng_uring_ws_recv(stream, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), NNG_ECLOSED);
    t_ws_peer_expect(&peer, "X:4000,that%20is%20all", "the close");
    nng_stream_free(stream);
    nng_aio_free(aio);
    t_ws_peer_close(&peer);
}

/* A large send that has ended before its time is not copied: what counts goes out, and that is all.
 */
Test(ws_frames, a_large_send_is_cut)
{
    struct t_ws_peer peer;
    const size_t n = (size_t) 64 << 20;
    char *data = calloc(1, n), piece[65536];
    nng_stream *stream = dial(&peer, NNG_OPT_WS_SENDMAXFRAME, 0, false);
    nng_iov iov = { data, n };
    nng_aio *aio, *next;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    cr_assert_eq(nng_aio_alloc(&next, NULL, NULL), 0);
    cr_assert_eq(nng_aio_set_iov(aio, 1, &iov), 0);
    nng_aio_set_timeout(aio, 2000);
    nng_uring_ws_send(stream, aio, NNG_URING_WS_BINARY, true);
    nng_uring_ws_send(stream, next, NNG_URING_WS_PING, true);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), NNG_ETIMEDOUT);
    size_t count = nng_aio_count(aio), came = 0;
    cr_assert(count > 0 && count < n / 2);
    for (ssize_t got; (got = read(peer.fd, piece, sizeof piece)) > 0;) {
        came += (size_t) got;
    }
    cr_assert_eq(came, count + 14); /* with the header of a frame of 64 bits, and its mask */
    nng_aio_wait(next);
    cr_assert_eq(nng_aio_result(next), NNG_ECLOSED);
    nng_stream_free(stream);
    nng_aio_free(aio);
    nng_aio_free(next);
    t_ws_peer_close(&peer);
    free(data);
}

/* The peer goes while a send waits for room: what it can still receive counts, and nothing else. */
Test(ws_frames, a_send_counts_when_the_peer_goes)
{
    struct t_ws_peer peer;
    const size_t n = (size_t) 64 << 20;
    char *data = calloc(1, n), piece[65536];
    nng_stream *stream = dial(&peer, NNG_OPT_WS_SENDMAXFRAME, 0, false);
    nng_iov iov = { data, n };
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    cr_assert_eq(nng_aio_set_iov(aio, 1, &iov), 0);
    nng_uring_ws_send(stream, aio, NNG_URING_WS_BINARY, true);
    cr_assert_eq(recv(peer.fd, piece, sizeof piece, MSG_PEEK | MSG_WAITALL), sizeof piece);
    cr_assert_eq(shutdown(peer.fd, SHUT_WR), 0);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), NNG_ECONNRESET, "%s", nng_strerror(nng_aio_result(aio)));
    size_t came = 0;
    for (ssize_t got; (got = read(peer.fd, piece, sizeof piece)) > 0;) {
        came += (size_t) got;
    }
    cr_assert_eq(came, nng_aio_count(aio) + 14, "%zu bytes with a header of 14, and %zu counted",
                 came, nng_aio_count(aio));
    nng_stream_free(stream);
    nng_aio_free(aio);
    t_ws_peer_close(&peer);
    free(data);
}

/* Fragments count even where they bring nothing. */
Test(ws_frames, empty_fragments_have_an_end)
{
    struct t_ws_peer peer;
    nng_stream *stream = dial(&peer, NNG_URING_OPT_WS_MAX_FRAGMENTS, 3, false);
    t_ws_peer_send(&peer, "b: c: c: c:");
    t_ws_peer_expect(&peer, "X:1009", "too many fragments");
    nng_stream_free(stream);
    t_ws_peer_close(&peer);
}
