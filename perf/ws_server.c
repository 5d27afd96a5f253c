/* SPDX-License-Identifier: MIT */
/* The WebSocket that `make bench` measures: at /echo each message comes back. */
#include <nng/nng.h>
#include <nng/uring.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define ROOM 65536 /* of a connection: a message that is longer goes back in pieces */

struct echo {
    nng_stream *stream;
    nng_aio *rx, *tx;
    size_t have;
    char room[ROOM];
};

static nng_stream_listener *listener;
static nng_aio *accepts;

static void check(int err, const char *what)
{
    if (err != 0) {
        fprintf(stderr, "ws_server: %s: %s\n", what, nng_strerror(err));
        exit(1);
    }
}

static void ask(struct echo *echo)
{
    nng_iov iov = { echo->room + echo->have, ROOM - echo->have };
    (void) nng_aio_set_iov(echo->rx, 1, &iov);
    nng_uring_ws_recv(echo->stream, echo->rx);
}

static void received(void *arg)
{
    struct echo *echo = arg;
    if (nng_aio_result(echo->rx) != 0) {
        nng_stream_close(echo->stream); /* what is left of it goes with the process */
        return;
    }
    echo->have += nng_aio_count(echo->rx);
    if (!nng_uring_ws_ended(echo->rx) && echo->have < ROOM) {
        ask(echo);
        return;
    }
    nng_iov iov = { echo->room, echo->have };
    echo->have = 0;
    (void) nng_aio_set_iov(echo->tx, 1, &iov);
    nng_uring_ws_send(echo->stream, echo->tx, nng_uring_ws_type(echo->rx),
                      nng_uring_ws_ended(echo->rx));
}

static void sent(void *arg)
{
    struct echo *echo = arg;
    if (nng_aio_result(echo->tx) == 0) {
        ask(echo);
    }
}

static void accepted(void *arg)
{
    (void) arg;
    if (nng_aio_result(accepts) == NNG_ECLOSED) {
        return;
    }
    if (nng_aio_result(accepts) == 0) {
        struct echo *echo = calloc(1, sizeof *echo);
        check(echo == NULL ? NNG_ENOMEM : 0, "a connection");
        echo->stream = nng_aio_get_output(accepts, 0);
        check(nng_aio_alloc(&echo->rx, received, echo), "a connection");
        check(nng_aio_alloc(&echo->tx, sent, echo), "a connection");
        ask(echo);
    }
    nng_stream_listener_accept(listener, accepts);
}

int main(int argc, char **argv)
{
    sigset_t set;
    char text[64];
    int sig;
    if (argc != 2) {
        fputs("usage: ws_server PORT\n", stderr);
        return 2;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL); /* for the library's threads, too */
    snprintf(text, sizeof text, "ws://127.0.0.1:%s/echo", argv[1]);
    check(nng_stream_listener_alloc(&listener, text), text);
    check(nng_aio_alloc(&accepts, accepted, NULL), "accepting");
    check(nng_stream_listener_listen(listener), text);
    nng_stream_listener_accept(listener, accepts);
    puts(argv[1]);
    fflush(stdout);
    sigwait(&set, &sig);
    nng_stream_listener_close(listener);
    nng_fini();
    return 0;
}
