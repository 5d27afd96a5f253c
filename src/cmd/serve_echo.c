/* SPDX-License-Identifier: MIT */
#include "cmd/serve_echo.h"

#include "cmd/serve_site.h"

#include <nng/nng.h>
#include <nng/stream.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t) 64 * 1024)
#define MESSAGE ((size_t) 64 * 1024 * 1024) /* bytes that it takes */
#define PAUSE_MS 100                        /* after an accept that failed, lest it spin */

struct serve_echo {
    nng_stream_listener *listener;
    nng_aio *aio; /* of the accept, or of the pause before it */
    bool pausing;
};

/* ---- One WebSocket: a receive and a send by turns ------------------------------------------ */

struct echo {
    nng_stream *stream;
    nng_aio *rx, *tx;
    char piece[PIECE];
};

/* In the callback of the one that is under way, or before. */
static void serve_echo_end(struct echo *e)
{
    nng_stream_free(e->stream);
    nng_aio_reap(e->rx);
    nng_aio_reap(e->tx);
    free(e);
}

static void serve_echo_ask(struct echo *e)
{
    nng_iov iov = { .iov_buf = e->piece, .iov_len = sizeof e->piece };
    (void) nng_aio_set_iov(e->rx, 1, &iov);
    nng_uring_ws_recv(e->stream, e->rx);
}

static void serve_echo_received(void *arg)
{
    struct echo *e = arg;
    nng_iov iov = { .iov_buf = e->piece, .iov_len = nng_aio_count(e->rx) };
    if (nng_aio_result(e->rx) != 0) {
        serve_echo_end(e);
        return;
    }
    (void) nng_aio_set_iov(e->tx, 1, &iov);
    nng_uring_ws_send(e->stream, e->tx, nng_uring_ws_type(e->rx), nng_uring_ws_ended(e->rx));
}

static void serve_echo_sent(void *arg)
{
    struct echo *e = arg;
    if (nng_aio_result(e->tx) != 0) {
        serve_echo_end(e);
        return;
    }
    serve_echo_ask(e);
}

static void serve_echo_begin(nng_stream *stream)
{
    struct echo *e = malloc(sizeof *e);
    if (e == NULL) {
        nng_stream_free(stream);
        return;
    }
    *e = (struct echo){ .stream = stream };
    if (nng_aio_alloc(&e->rx, serve_echo_received, e) != 0 ||
        nng_aio_alloc(&e->tx, serve_echo_sent, e) != 0) {
        serve_echo_end(e);
        return;
    }
    serve_echo_ask(e);
}

/* ---- All of them --------------------------------------------------------------------------- */

static void serve_echo_accepted(void *arg)
{
    struct serve_echo *echo = arg;
    int err = nng_aio_result(echo->aio);
    bool paused = echo->pausing;
    echo->pausing = false;
    if (err == 0 && !paused) {
        serve_echo_begin(nng_aio_get_output(echo->aio, 0));
    }
    if (err == 0) {
        nng_stream_listener_accept(echo->listener, echo->aio);
    } else if (!paused && err != NNG_ECLOSED && err != NNG_ECANCELED) {
        echo->pausing = true;
        nng_sleep_aio(PAUSE_MS, echo->aio);
    }
}

/* It is listened to at the same place by the same server. */
static int serve_echo_listener(const struct serve_options *options, const char *where,
                               nng_stream_listener **listenerp)
{
    nng_url *url;
    char text[1024];
    if (serve_site_url(options, where, &url) != 0) {
        return NNG_EINVAL;
    }
    bool v6 = strchr(url->u_hostname, ':') != NULL;
    int n = snprintf(text, sizeof text, "ws%s://%s%s%s:%s%s", url->u_scheme + strlen("http"),
                     v6 ? "[" : "", url->u_hostname, v6 ? "]" : "", url->u_port, options->ws_echo);
    nng_url_free(url);
    return n >= (int) sizeof text ? NNG_EINVAL : nng_stream_listener_alloc(listenerp, text);
}

static int serve_echo_listen(nng_stream_listener *listener)
{
    static const char *const sizes[] = { NNG_OPT_RECVMAXSZ, NNG_OPT_WS_RECVMAXFRAME };
    static const char *const flags[] = { NNG_OPT_WS_RECV_TEXT, NNG_URING_OPT_WS_DEFLATE };
    int err = 0;
    for (int i = 0; i < 2 && err == 0; i++) {
        err = nng_stream_listener_set_size(listener, sizes[i], MESSAGE);
        if (err == 0) {
            err = nng_stream_listener_set_bool(listener, flags[i], true);
        }
    }
    return err != 0 ? err : nng_stream_listener_listen(listener);
}

int serve_echo_start(const struct serve_options *options, const char *where,
                     struct serve_echo **echop)
{
    *echop = NULL;
    if (options->ws_echo == NULL) {
        return 0;
    }
    struct serve_echo *echo = calloc(1, sizeof *echo);
    if (echo == NULL) {
        return NNG_ENOMEM;
    }
    int err = serve_echo_listener(options, where, &echo->listener);
    if (err == 0) {
        err = nng_aio_alloc(&echo->aio, serve_echo_accepted, echo);
    }
    if (err == 0) {
        err = serve_echo_listen(echo->listener);
    }
    if (err != 0) {
        serve_echo_stop(echo);
        return err;
    }
    nng_stream_listener_accept(echo->listener, echo->aio);
    *echop = echo;
    return 0;
}

void serve_echo_stop(struct serve_echo *echo)
{
    if (echo != NULL) {
        nng_stream_listener_close(echo->listener);
        nng_aio_free(echo->aio);
        nng_stream_listener_free(echo->listener);
        free(echo);
    }
}
