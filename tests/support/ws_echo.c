/* SPDX-License-Identifier: MIT */
#include "support/ws_echo.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <stdlib.h>

static void ask(struct t_ws_echo *echo)
{
    nng_iov iov = { .iov_buf = echo->buf, .iov_len = echo->size };
    nng_aio_set_iov(echo->rx, 1, &iov);
    nng_uring_ws_recv(echo->stream, echo->rx);
}

static void got(void *arg)
{
    struct t_ws_echo *echo = arg;
    nng_iov iov = { .iov_buf = echo->buf, .iov_len = nng_aio_count(echo->rx) };
    if (nng_aio_result(echo->rx) != 0) {
        atomic_store(&echo->end, nng_aio_result(echo->rx));
        return;
    }
    nng_aio_set_iov(echo->tx, 1, &iov);
    nng_uring_ws_send(echo->stream, echo->tx, nng_uring_ws_type(echo->rx),
                      nng_uring_ws_ended(echo->rx));
}

static void sent(void *arg)
{
    struct t_ws_echo *echo = arg;
    if (nng_aio_result(echo->tx) == 0) {
        ask(echo);
    } else {
        atomic_store(&echo->end, nng_aio_result(echo->tx));
    }
}

void t_ws_echo_start(struct t_ws_echo *echo, nng_stream *stream, size_t size)
{
    *echo = (struct t_ws_echo){ .stream = stream, .buf = malloc(size), .size = size };
    cr_assert_not_null(echo->buf);
    cr_assert_eq(nng_aio_alloc(&echo->rx, got, echo), 0);
    cr_assert_eq(nng_aio_alloc(&echo->tx, sent, echo), 0);
    ask(echo);
}

int t_ws_echo_finish(struct t_ws_echo *echo)
{
    for (int i = 0; i < 60000 && atomic_load(&echo->end) == 0; i++) {
        nng_msleep(2);
    }
    int end = atomic_load(&echo->end);
    nng_aio_free(echo->rx);
    nng_aio_free(echo->tx);
    nng_stream_free(echo->stream);
    free(echo->buf);
    return end;
}
