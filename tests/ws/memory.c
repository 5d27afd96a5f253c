/* SPDX-License-Identifier: MIT */
/* What an idle WebSocket costs a server. */
#include "base/check.h"
#include "support/peer.h"
#include "support/ws_peer.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <nng/uring.h>
#include <stdlib.h>

TestSuite(ws_memory, .timeout = 60);

#define FIRST 8 /* with what is made once */
#define MORE 64
#define MOST 2048U /* bytes, with what either backend keeps of it */

#if !defined(NU_ASAN) && !defined(NU_TSAN) /* they have a malloc() of their own */

static nng_stream_listener *listener;
static nng_aio *accepts, *recvs[FIRST + MORE];
static nng_stream *streams[FIRST + MORE];
static struct t_ws_peer peers[FIRST + MORE];
static char room[FIRST + MORE];

/* One that has sent a message, and is asked for the next. */
static void t_come(unsigned i, int port)
{
    nng_iov iov = { &room[i], 1 };
    t_ws_peer_connect(&peers[i], (unsigned) port, "/", "");
    nng_stream_listener_accept(listener, accepts);
    nng_aio_wait(accepts);
    cr_assert_eq(nng_aio_result(accepts), 0);
    streams[i] = nng_aio_get_output(accepts, 0);
    for (int n = 0; n < 2; n++) {
        nng_aio_set_iov(recvs[i], 1, &iov);
        nng_uring_ws_recv(streams[i], recvs[i]);
        if (n == 0) {
            t_ws_peer_send(&peers[i], "B:x P:x");
            t_ws_peer_expect(&peers[i], "O:x", "a ping");
            nng_aio_wait(recvs[i]);
            cr_assert_eq(nng_aio_result(recvs[i]), 0);
        }
    }
    nu_buf_free(&peers[i].in); /* the test's own */
}

Test(ws_memory, an_idle_one)
{
    int port;
    size_t before = 0, each;
    setenv("NNG_URING_LOOPS", "1", 1); /* what a loop has once is not counted */
    cr_assert_eq(nng_aio_alloc(&accepts, NULL, NULL), 0);
    cr_assert_eq(nng_stream_listener_alloc(&listener, "ws://127.0.0.1:0/"), 0);
    cr_assert_eq(nng_stream_listener_listen(listener), 0);
    cr_assert_eq(nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    for (unsigned i = 0; i < FIRST + MORE; i++) {
        cr_assert_eq(nng_aio_alloc(&recvs[i], NULL, NULL), 0);
    }
    for (unsigned i = 0; i < FIRST + MORE; i++) {
        if (i == FIRST) {
            before = mallinfo2().uordblks;
        }
        t_come(i, port);
    }
    for (int tries = 0; (each = (mallinfo2().uordblks - before) / MORE) > MOST && tries < 500;
         tries++) {
        nng_msleep(10); /* what was written is let go of a moment later */
    }
    cr_assert_leq(each, MOST, "%zu bytes", each);
    for (unsigned i = 0; i < FIRST + MORE; i++) {
        nng_stream_free(streams[i]);
        nng_aio_free(recvs[i]);
        t_ws_peer_close(&peers[i]);
    }
    nng_stream_listener_free(listener);
    nng_aio_free(accepts);
}

#endif
