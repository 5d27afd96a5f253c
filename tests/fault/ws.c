/* SPDX-License-Identifier: MIT */
/* A WebSocket of a server with no memory for what is left of a write that was told to end. */
#include "fault/wrap.h"
#include "support/ws_peer.h"

#include <criterion/criterion.h>
#include <nng/stream.h>
#include <nng/uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

TestSuite(ws_fault, .timeout = 120);

#define SIZE 60000U
#define HEAD 4U    /* of its frame */
#define MOST 2000U /* messages, until nothing fits between us and the peer */

static char message[SIZE];
static nng_aio *aio;

static void t_send(nng_stream *stream)
{
    nng_iov iov = { message, SIZE };
    cr_assert_eq(nng_aio_set_iov(aio, 1, &iov), 0);
    nng_uring_ws_send(stream, aio, NNG_URING_WS_BINARY, true);
}

/* Until one waits for room. */
static void t_block(nng_stream *stream)
{
    bool busy = false;
    for (unsigned i = 0; !busy; i++) {
        cr_assert_lt(i, MOST, "there is room for everything");
        t_send(stream);
        busy = true;
        for (int waits = 0; busy && waits < 200; waits++) {
            nng_msleep(5);
            busy = nng_aio_busy(aio);
        }
        cr_assert(busy || nng_aio_result(aio) == 0);
    }
}

/* All that comes is messages, whole but for the last, and then perhaps a close frame; until the
 * end, which is a reset where that has taken long. */
static void t_hear(int fd)
{
    static uint8_t text[SIZE + HEAD];
    ssize_t n;
    while ((n = recv(fd, text, sizeof text, MSG_WAITALL)) == (ssize_t) sizeof text) {
        cr_assert(text[0] == 0x82 && text[HEAD] == 'm' &&
                  memcmp(text + HEAD, text + HEAD + 1, SIZE - 1) == 0);
    }
    for (ssize_t i = HEAD; text[0] != 0x88 && i < n; i++) {
        cr_assert_eq(text[i], 'm', "byte %zd of %zd is no part of the message", i, n);
    }
}

/* It breaks the rules, and is refused once it has had time to take what was sent before. */
static void refuse(int nth)
{
    struct t_ws_server server;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    t_ws_server_open(&server, 1000);
    t_block(server.stream);
    t_ws_peer_send(&server.peer, "Ff2:x");
    t_fault_arm(NU_FAULT_ALLOC, nth);
    nng_aio_wait(aio);
    t_fault_disarm();
    t_hear(server.peer.fd);
    t_ws_server_close(&server);
    nng_aio_free(aio);
}

/* What follows a hole is not written. */
Test(ws_fault, what_is_owed)
{
    int hits = 0;
    memset(message, 'm', SIZE);
    for (int nth = 1; nth <= 4; nth++) {
        refuse(nth);
        hits += t_fault_hits();
    }
    cr_assert_gt(hits, 0);
}
