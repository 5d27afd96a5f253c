/* SPDX-License-Identifier: MIT */
/* Large sends of a server, which go out from where they lie: whose memory it is, and what counts.
 */
#include "support/peer.h"
#include "support/ws_peer.h"

#include <criterion/criterion.h>
#include <nng/stream.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

TestSuite(ws_lent, .timeout = 120);

#define SIZE 60000U
#define HEAD 4U    /* of its frame */
#define MOST 2000U /* messages, until nothing fits between us and the peer */
#define MARK 0xee

static struct t_ws_server server;
static nng_aio *aio;
static uint8_t room[SIZE];
static char expected[MOST * 16];

static void t_start(void)
{
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    t_ws_server_open(&server, 100000);
    expected[0] = '\0';
}

static void t_end(void)
{
    t_ws_server_close(&server);
    nng_aio_free(aio);
}

/* A message in three pieces of memory, a small one first. */
static void t_send(unsigned i)
{
    nng_iov iov[3] = { { room, 100 },
                       { room + 100, SIZE / 3 },
                       { room + 100 + SIZE / 3, SIZE - SIZE / 3 - 100 } };
    memset(room, 'a' + (int) (i % 26), SIZE);
    cr_assert_eq(nng_aio_set_iov(aio, 3, iov), 0);
    nng_uring_ws_send(server.stream, aio, NNG_URING_WS_BINARY, true);
}

/* One that counts, counts whole, for the peer will have it. Its memory is ours again. */
static void t_sent(unsigned i)
{
    nng_aio_wait(aio);
    memset(room, MARK, SIZE);
    if (nng_aio_count(aio) > 0) {
        cr_assert_eq(nng_aio_count(aio), SIZE, "%zu of message %u", nng_aio_count(aio), i);
        sprintf(expected + strlen(expected), " B*%u:%c", SIZE, 'a' + (int) (i % 26));
    }
}

/* Sends until one waits for room: the message that it is. */
static unsigned t_block(void)
{
    unsigned i = 0;
    for (;; i++) {
        cr_assert_lt(i, MOST, "there is room for everything");
        t_send(i);
        for (int waits = 0; nng_aio_busy(aio) && waits < 100; waits++) {
            nng_msleep(10);
        }
        if (nng_aio_busy(aio)) {
            return i;
        }
        t_sent(i);
        cr_assert_eq(nng_aio_result(aio), 0);
    }
}

/* What is owed of one that ends before its time goes out, and what follows comes behind it. */
Test(ws_lent, sends_that_are_late)
{
    t_start();
    for (int round = 0; round < 2; round++) {
        unsigned i = t_block();
        t_ws_peer_send(&server.peer, "P:ping");
        nng_aio_cancel(aio);
        t_sent(i);
        cr_assert_eq(nng_aio_result(aio), NNG_ECANCELED);
        cr_assert_eq(nng_aio_count(aio), SIZE);
        nng_aio_set_timeout(aio, 20);
        t_send(i + 1); /* behind what is owed there is no room either */
        t_sent(i + 1);
        cr_assert_eq(nng_aio_result(aio), NNG_ETIMEDOUT);
        cr_assert_eq(nng_aio_count(aio), 0);
        nng_aio_set_timeout(aio, NNG_DURATION_INFINITE);
        t_send(i + 2);
        t_ws_peer_expect(&server.peer, expected, "what counts");
        t_ws_peer_expect(&server.peer, "O:ping", "a ping");
        expected[0] = '\0';
        t_sent(i + 2);
        cr_assert_eq(nng_aio_result(aio), 0);
        t_ws_peer_expect(&server.peer, expected, "the next message");
        expected[0] = '\0';
    }
    t_end();
}

/* Its owner closes while one waits for room: that ends at once, and comes whole. */
Test(ws_lent, closes)
{
    t_start();
    unsigned i = t_block();
    nng_stream_close(server.stream);
    t_sent(i);
    cr_assert_eq(nng_aio_result(aio), NNG_ECLOSED);
    strcat(expected, " X:1001");
    t_ws_peer_expect(&server.peer, expected, "what counts, and the close");
    t_end();
}

/* The peer goes: what it can still receive counts, and nothing else. */
Test(ws_lent, ends)
{
    char piece[65536];
    t_start();
    size_t came = 0, i = t_block();
    shutdown(server.peer.fd, SHUT_WR);
    nng_aio_wait(aio);
    cr_assert_neq(nng_aio_result(aio), 0);
    memset(room, MARK, SIZE);
    for (ssize_t n; (n = recv(server.peer.fd, piece, sizeof piece, 0)) > 0;) {
        came += (size_t) n;
        cr_assert_null(memchr(piece, MARK, (size_t) n), "its owner's memory is read");
    }
    size_t rest = came - i * (SIZE + HEAD);
    cr_assert_eq(nng_aio_count(aio), rest > HEAD ? rest - HEAD : 0, "%zu came of it, %zu count",
                 rest, nng_aio_count(aio));
    t_end();
}

/* The library ends. */
Test(ws_lent, fini)
{
    t_start();
    (void) t_block();
    nng_fini();
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), NNG_ECLOSED);
    t_end();
}
