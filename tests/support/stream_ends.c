/* SPDX-License-Identifier: MIT */
#include "support/stream_ends.h"

#include <criterion/criterion.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct t_stream_kind_facts t_stream_kinds[KINDS] = {
    [TCP] = { "tcp", "tcp://127.0.0.1:0", true, false, false },
    [TCP6] = { "tcp6", "tcp6://[::1]:0", true, false, false },
    [TLS] = { "tls+tcp", "tls+tcp://127.0.0.1:0", true, true, false },
    [IPC] = { "ipc", "ipc:///tmp/nng-uring-ipc-%d", false, false, false },
    [UNIX] = { "unix", "unix:///tmp/nng-uring-unix-%d", false, false, false },
    [ABSTRACT] = { "abstract", "abstract://nng-uring%%20%d", false, false, false },
    [WS] = { "ws", "ws://127.0.0.1:0/", true, false, true },
    [WS6] = { "ws6", "ws6://[::1]:0/a/path", true, false, true },
    [WSS] = { "wss", "wss://127.0.0.1:0/", true, true, true },
};

enum t_stream_kind t_stream_each[KINDS] = { TCP, TCP6, TLS, IPC, UNIX, ABSTRACT, WS, WS6, WSS };

nng_aio *t_ends_aio(void)
{
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, T_STREAM_LIMIT);
    return aio;
}

static void ends_address(const struct t_ends *pair, char *text, size_t size)
{
    int port;
    if (!t_stream_kinds[pair->kind].host) {
        snprintf(text, size, t_stream_kinds[pair->kind].listen, (int) getpid());
        return;
    }
    cr_assert_eq(nng_stream_listener_get_int(pair->listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    const char *path = strrchr(t_stream_kinds[pair->kind].listen, ':') + 2; /* behind the port */
    snprintf(text, size, "%s://%s:%d%s", t_stream_kinds[pair->kind].name,
             pair->kind == TCP6 || pair->kind == WS6 ? "[::1]" : "127.0.0.1", port, path);
}

void t_ends_listen(struct t_ends *pair, enum t_stream_kind kind)
{
    char text[128];
    *pair = (struct t_ends){ .kind = kind };
    snprintf(text, sizeof text, t_stream_kinds[kind].listen, (int) getpid());
    cr_assert_eq(nng_stream_listener_alloc(&pair->listener, text), 0);
    if (t_stream_kinds[kind].tls) {
        nng_tls_config *config;
        cr_assert_eq(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), 0);
        cr_assert_eq(nng_uring_tls_config_self_signed(config, "127.0.0.1"), 0);
        cr_assert_eq(nng_stream_listener_set_ptr(pair->listener, NNG_OPT_TLS_CONFIG, config), 0);
        nng_tls_config_free(config);
    }
    cr_assert_eq(nng_stream_listener_listen(pair->listener), 0);
    for (int i = 0; i < 2; i++) {
        pair->aios[i] = t_ends_aio();
    }
}

void t_ends_make_dialer(struct t_ends *pair)
{
    char text[128];
    ends_address(pair, text, sizeof text);
    cr_assert_eq(nng_stream_dialer_alloc(&pair->dialer, text), 0);
    if (t_stream_kinds[pair->kind].tls) {
        cr_assert_eq(
            nng_stream_dialer_set_int(pair->dialer, NNG_OPT_TLS_AUTH_MODE, NNG_TLS_AUTH_MODE_NONE),
            0);
    }
}

void t_ends_open(struct t_ends *pair, enum t_stream_kind kind)
{
    t_ends_listen(pair, kind);
    t_ends_make_dialer(pair);
    nng_stream_dialer_dial(pair->dialer, pair->aios[0]);
    nng_aio_wait(pair->aios[0]); /* before anybody accepts */
    cr_assert_eq(nng_aio_result(pair->aios[0]), 0);
    nng_stream_listener_accept(pair->listener, pair->aios[1]);
    nng_aio_wait(pair->aios[1]);
    cr_assert_eq(nng_aio_result(pair->aios[1]), 0);
    for (int i = 0; i < 2; i++) {
        pair->ends[i] = nng_aio_get_output(pair->aios[i], 0);
        cr_assert_not_null(pair->ends[i]);
    }
}

void t_ends_close(struct t_ends *pair)
{
    for (int i = 0; i < 2; i++) {
        nng_stream_free(pair->ends[i]);
        nng_aio_free(pair->aios[i]);
    }
    nng_stream_dialer_free(pair->dialer);
    nng_stream_listener_free(pair->listener);
}

void t_ends_start(struct t_ends *pair, int end, bool send, void *buf, size_t len)
{
    nng_iov iov = { .iov_buf = buf, .iov_len = len };
    cr_assert_eq(nng_aio_set_iov(pair->aios[end], 1, &iov), 0);
    if (send) {
        nng_stream_send(pair->ends[end], pair->aios[end]);
    } else {
        nng_stream_recv(pair->ends[end], pair->aios[end]);
    }
}

int t_ends_wait(struct t_ends *pair, int end)
{
    nng_aio_wait(pair->aios[end]);
    return nng_aio_result(pair->aios[end]);
}

/* Goes on with a send that has ended short. Whether all of it is sent. */
static bool ends_send_on(struct t_ends *pair, int from, char *data, size_t len, size_t *sent)
{
    if (nng_aio_busy(pair->aios[from])) {
        return false;
    }
    cr_assert_eq(t_ends_wait(pair, from), 0);
    *sent += nng_aio_count(pair->aios[from]);
    if (*sent < len) {
        t_ends_start(pair, from, true, data + *sent, len - *sent);
    }
    return *sent == len;
}

void t_ends_transfer(struct t_ends *pair, int from, const char *data, size_t len)
{
    char *copy = malloc(len), *got = malloc(len);
    size_t sent = 0, received = 0;
    bool over = false;
    cr_assert(copy != NULL && got != NULL);
    memcpy(copy, data, len);
    t_ends_start(pair, from, true, copy, len);
    while (received < len) {
        t_ends_start(pair, !from, false, got + received, len - received);
        while (!over && nng_aio_busy(pair->aios[!from])) {
            over = ends_send_on(pair, from, copy, len, &sent);
            nng_msleep(over ? 0 : 1);
        }
        cr_assert_eq(t_ends_wait(pair, !from), 0);
        cr_assert_gt(nng_aio_count(pair->aios[!from]), 0);
        received += nng_aio_count(pair->aios[!from]);
    }
    while (!over) {
        nng_aio_wait(pair->aios[from]);
        over = ends_send_on(pair, from, copy, len, &sent);
    }
    cr_assert_eq(sent, len);
    cr_assert_arr_eq(got, data, len);
    free(copy);
    free(got);
}
