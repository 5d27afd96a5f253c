/* SPDX-License-Identifier: MIT */
/* Large frames, which go straight to the receive that waits for them: whose memory it is. */
#include "support/peer.h"
#include "support/ws_peer.h"
#include "wire/ws_frame.h"

#include <criterion/criterion.h>
#include <nng/stream.h>
#include <nng/uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

TestSuite(ws_direct, .timeout = 120);

#define SIZE 60000U
#define ROUNDS 40
#define MARK 0xee

static struct t_ws_server server;
static nng_aio *aio;
static uint8_t frame[NU_WS_HEAD_MAX + SIZE], room[SIZE], spare[SIZE];
static size_t frame_length;

static uint8_t t_byte(unsigned round, size_t at)
{
    return (uint8_t) (round * 31 + at * 7 + (at >> 8));
}

static void t_start(void)
{
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    t_ws_server_open(&server, 100000);
}

static void t_end(void)
{
    t_ws_server_close(&server);
    nng_aio_free(aio);
}

/* A message of one frame, as a client sends it. */
static void t_make_frame(unsigned round)
{
    static const uint8_t mask[4] = { 0x12, 0xf3, 0x56, 0x80 };
    frame_length = nu_ws_frame_head(frame, NU_WS_BINARY, true, false, SIZE, mask);
    for (size_t i = 0; i < SIZE; i++) {
        frame[frame_length + i] = t_byte(round, i);
    }
    nu_ws_mask(frame + frame_length, frame + frame_length, SIZE, mask, 0);
    frame_length += SIZE;
}

static void t_send(size_t from, size_t to)
{
    while (from < to) {
        ssize_t n = send(server.peer.fd, frame + from, to - from, MSG_NOSIGNAL);
        cr_assert_gt(n, 0);
        from += (size_t) n;
    }
}

/* In two pieces of memory. */
static void t_receive(uint8_t *to, size_t n)
{
    nng_iov iov[2] = { { to, n / 3 }, { to + n / 3, n - n / 3 } };
    cr_assert_eq(nng_aio_set_iov(aio, 2, iov), 0);
    nng_uring_ws_recv(server.stream, aio);
}

static void t_check(const uint8_t *p, unsigned round, size_t from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(p[i], t_byte(round, from + i), "round %u, byte %zu", round, from + i);
    }
}

/* One that ends before its time has what its count says, its memory is its owner's again, and the
 * next receive goes on from there. */
Test(ws_direct, receives_that_are_cancelled)
{
    t_start();
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t cut = 5000 + (size_t) round * 1000;
        bool late = round % 2 == 0;
        t_make_frame(round);
        memset(room, MARK, SIZE);
        nng_aio_set_timeout(aio, late ? 1 + (nng_duration) round / 8 : NNG_DURATION_INFINITE);
        t_receive(room, SIZE);
        t_send(0, cut);
        if (!late) {
            nng_msleep(round / 8); /* any moment will do */
            nng_aio_cancel(aio);
        }
        nng_aio_wait(aio);
        cr_assert_eq(nng_aio_result(aio), late ? NNG_ETIMEDOUT : NNG_ECANCELED);
        size_t have = nng_aio_count(aio);
        cr_assert_leq(have, cut);
        nng_aio_set_timeout(aio, NNG_DURATION_INFINITE);
        t_receive(spare, SIZE - have);
        t_send(cut, frame_length);
        nng_aio_wait(aio);
        cr_assert_eq(nng_aio_result(aio), 0);
        cr_assert_eq(nng_aio_count(aio), SIZE - have);
        cr_assert(nng_uring_ws_ended(aio));
        t_check(room, round, 0, have);
        t_check(spare, round, have, SIZE - have);
        for (size_t i = have; i < SIZE; i++) {
            cr_assert_eq(room[i], MARK, "round %u: it is written to behind its end", round);
        }
    }
    t_end();
}

/* A receive into less than the frame ends when that is full. */
Test(ws_direct, rooms_that_are_too_small)
{
    t_start();
    t_make_frame(1);
    t_send(0, 4000);
    for (size_t at = 0; at < SIZE; at += SIZE / 4) {
        t_receive(room + at, SIZE / 4);
        if (at == 0) {
            t_send(4000, frame_length);
        }
        nng_aio_wait(aio);
        cr_assert_eq(nng_aio_result(aio), 0);
        cr_assert_eq(nng_aio_count(aio), SIZE / 4);
        cr_assert_eq(nng_uring_ws_ended(aio), at + SIZE / 4 == SIZE);
    }
    t_check(room, 1, 0, SIZE);
    t_ws_peer_send(&server.peer, "B:next");
    t_receive(room, SIZE);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_count(aio), 4);
    t_end();
}

/* Its owner closes: a receive that has a part of a frame need not wait for the peer. */
Test(ws_direct, closes)
{
    t_start();
    t_make_frame(2);
    t_receive(room, SIZE);
    t_send(0, 10000);
    nng_msleep(20); /* any moment will do */
    nng_stream_close(server.stream);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), NNG_ECLOSED);
    memset(room, MARK, SIZE);
    t_send(10000, frame_length);
    t_ws_peer_send(&server.peer, "X:1001");
    t_ws_peer_expect(&server.peer, "X:1001", "the close frame");
    for (size_t i = 0; i < SIZE; i++) {
        cr_assert_eq(room[i], MARK);
    }
    t_end();
}

/* The peer ends within the frame. */
Test(ws_direct, ends)
{
    t_start();
    t_make_frame(3);
    t_receive(room, SIZE);
    t_send(0, 20000);
    shutdown(server.peer.fd, SHUT_WR);
    nng_aio_wait(aio);
    cr_assert_neq(nng_aio_result(aio), 0);
    t_check(room, 3, 0, nng_aio_count(aio));
    t_end();
}

/* The library ends. */
Test(ws_direct, fini)
{
    t_start();
    t_make_frame(4);
    t_receive(room, SIZE);
    t_send(0, 20000);
    nng_msleep(20); /* any moment will do */
    nng_fini();
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), NNG_ECLOSED);
    t_end();
}

static void t_nothing(void *arg)
{
    (void) arg;
}

/* More of the frame has come, and the loop looks at that and at the close in one turn: for one that
 * is called back first, the close waits until then. */
static void t_close_behind_its_back(void *arg)
{
    t_send(30000, 50000);
    nng_aio_cancel(arg);
    nng_stream_close(server.stream);
}

/* Its owner closes just when more of the frame has come: the peer's close frame is found behind it.
 */
Test(ws_direct, closes_while_it_comes)
{
    nng_aio *sends, *next;
    char bytes[1];
    t_start();
    cr_assert_eq(nng_aio_alloc(&next, t_nothing, NULL), 0);
    cr_assert_eq(nng_aio_alloc(&sends, t_close_behind_its_back, next), 0);
    t_make_frame(5);
    t_receive(room, SIZE);
    nng_aio_set_iov(next, 1, &(nng_iov){ spare, SIZE });
    nng_stream_recv(server.stream, next);
    t_send(0, 30000);
    nng_msleep(20); /* any moment will do */
    nng_aio_set_iov(sends, 1, &(nng_iov){ "now", 3 });
    nng_stream_send(server.stream, sends);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), NNG_ECLOSED);
    t_send(50000, frame_length);
    t_ws_peer_expect(&server.peer, "B:now X:1001", "what it sends");
    t_ws_peer_send(&server.peer, "X:1001");
    cr_assert_eq(recv(server.peer.fd, bytes, 1, 0), 0, "the connection is not closed");
    nng_aio_free(sends);
    nng_aio_free(next);
    t_end();
}
