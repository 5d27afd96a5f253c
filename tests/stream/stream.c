/* SPDX-License-Identifier: MIT */
/* Streams of every kind: the same tests for each of the table's transports. */
#include "support/pki.h"
#include "support/proc.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/uring.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(stream, .timeout = 120);

#define LIMIT 20000 /* ms; nothing takes as long */

enum kind { TCP, TCP6, TLS, IPC, UNIX, ABSTRACT, WS, WS6, WSS, KINDS };

static const struct {
    const char *name, *listen; /* "%d" in an address is replaced by our pid */
    bool host;                 /* the address is a host and port */
    bool tls;
    bool ws;
} kinds[KINDS] = {
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

/* Two ends, and what has made them. */
struct pair {
    enum kind kind;
    nng_stream_listener *listener;
    nng_stream_dialer *dialer;
    nng_stream *ends[2];
    nng_aio *aios[2];
};

static nng_aio *new_aio(void)
{
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, LIMIT);
    return aio;
}

static void address_of(const struct pair *pair, char *text, size_t size)
{
    int port;
    if (!kinds[pair->kind].host) {
        snprintf(text, size, kinds[pair->kind].listen, (int) getpid());
        return;
    }
    cr_assert_eq(nng_stream_listener_get_int(pair->listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    const char *path = strrchr(kinds[pair->kind].listen, ':') + 2; /* behind the port */
    snprintf(text, size, "%s://%s:%d%s", kinds[pair->kind].name,
             pair->kind == TCP6 || pair->kind == WS6 ? "[::1]" : "127.0.0.1", port, path);
}

static void listen_on(struct pair *pair, enum kind kind)
{
    char text[128];
    *pair = (struct pair){ .kind = kind };
    snprintf(text, sizeof text, kinds[kind].listen, (int) getpid());
    cr_assert_eq(nng_stream_listener_alloc(&pair->listener, text), 0);
    if (kinds[kind].tls) {
        nng_tls_config *config;
        cr_assert_eq(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), 0);
        cr_assert_eq(nng_uring_tls_config_self_signed(config, "127.0.0.1"), 0);
        cr_assert_eq(nng_stream_listener_set_ptr(pair->listener, NNG_OPT_TLS_CONFIG, config), 0);
        nng_tls_config_free(config);
    }
    cr_assert_eq(nng_stream_listener_listen(pair->listener), 0);
    for (int i = 0; i < 2; i++) {
        pair->aios[i] = new_aio();
    }
}

static void make_dialer(struct pair *pair)
{
    char text[128];
    address_of(pair, text, sizeof text);
    cr_assert_eq(nng_stream_dialer_alloc(&pair->dialer, text), 0);
    if (kinds[pair->kind].tls) {
        cr_assert_eq(
            nng_stream_dialer_set_int(pair->dialer, NNG_OPT_TLS_AUTH_MODE, NNG_TLS_AUTH_MODE_NONE),
            0);
    }
}

static void open_pair(struct pair *pair, enum kind kind)
{
    listen_on(pair, kind);
    make_dialer(pair);
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

static void close_pair(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        nng_stream_free(pair->ends[i]);
        nng_aio_free(pair->aios[i]);
    }
    nng_stream_dialer_free(pair->dialer);
    nng_stream_listener_free(pair->listener);
}

static void start(struct pair *pair, int end, bool send, void *buf, size_t len)
{
    nng_iov iov = { .iov_buf = buf, .iov_len = len };
    cr_assert_eq(nng_aio_set_iov(pair->aios[end], 1, &iov), 0);
    if (send) {
        nng_stream_send(pair->ends[end], pair->aios[end]);
    } else {
        nng_stream_recv(pair->ends[end], pair->aios[end]);
    }
}

static int wait_for(struct pair *pair, int end)
{
    nng_aio_wait(pair->aios[end]);
    return nng_aio_result(pair->aios[end]);
}

/* Sends all of it from one end, receives it at the other. */
static void transfer(struct pair *pair, int from, const char *data, size_t len)
{
    char *copy = malloc(len), *got = malloc(len);
    size_t sent = 0, received = 0;
    cr_assert(copy != NULL && got != NULL);
    memcpy(copy, data, len);
    start(pair, from, true, copy, len);
    bool sending = true;
    while (received < len) {
        start(pair, !from, false, got + received, len - received);
        if (sending && !nng_aio_busy(pair->aios[from])) {
            cr_assert_eq(nng_aio_result(pair->aios[from]), 0);
            sent += nng_aio_count(pair->aios[from]);
            sending = sent < len;
            if (sending) {
                start(pair, from, true, copy + sent, len - sent);
            }
        }
        cr_assert_eq(wait_for(pair, !from), 0);
        cr_assert_gt(nng_aio_count(pair->aios[!from]), 0);
        received += nng_aio_count(pair->aios[!from]);
    }
    if (sending) {
        cr_assert_eq(wait_for(pair, from), 0);
        sent += nng_aio_count(pair->aios[from]);
    }
    cr_assert_eq(sent, len);
    cr_assert_arr_eq(got, data, len);
    free(copy);
    free(got);
}

ParameterizedTestParameters(stream, bytes)
{
    static enum kind all[] = { TCP, TCP6, TLS, IPC, UNIX, ABSTRACT, WS, WS6, WSS };
    return cr_make_param_array(enum kind, all, KINDS);
}

ParameterizedTest(enum kind *kind, stream, bytes)
{
    struct pair pair;
    open_pair(&pair, *kind);
    transfer(&pair, 0, "hello", 5);
    transfer(&pair, 1, "hello, too", 10);
    close_pair(&pair);
}

ParameterizedTestParameters(stream, megabytes)
{
    static enum kind all[] = { TCP, TCP6, TLS, IPC, UNIX, ABSTRACT, WS, WS6, WSS };
    return cr_make_param_array(enum kind, all, KINDS);
}

ParameterizedTest(enum kind *kind, stream, megabytes)
{
    struct pair pair;
    size_t len = (size_t) 3 << 20;
    char *data = malloc(len);
    cr_assert_not_null(data);
    for (size_t i = 0; i < len; i++) {
        data[i] = (char) (i * 31 >> 3);
    }
    open_pair(&pair, *kind);
    for (int end = 0; end < 2; end++) {
        for (size_t at = 0; at < len; at += 65536) {
            transfer(&pair, end, data + at, 65536);
        }
    }
    close_pair(&pair);
    free(data);
}

ParameterizedTestParameters(stream, a_timeout_takes_its_own_aio_only)
{
    static enum kind all[] = { TCP, TCP6, TLS, IPC, UNIX, ABSTRACT, WS, WS6, WSS };
    return cr_make_param_array(enum kind, all, KINDS);
}

ParameterizedTest(enum kind *kind, stream, a_timeout_takes_its_own_aio_only)
{
    struct pair pair;
    char text[8];
    open_pair(&pair, *kind);
    nng_aio_set_timeout(pair.aios[0], 20);
    start(&pair, 0, false, text, sizeof text);
    cr_assert_eq(wait_for(&pair, 0), NNG_ETIMEDOUT);
    nng_aio_set_timeout(pair.aios[0], LIMIT);
    start(&pair, 0, false, text, sizeof text);
    nng_aio_cancel(pair.aios[0]);
    cr_assert_eq(wait_for(&pair, 0), NNG_ECANCELED);
    transfer(&pair, 0, "hello", 5);
    transfer(&pair, 1, "hello", 5);
    close_pair(&pair);
}

ParameterizedTestParameters(stream, close_ends_what_pends)
{
    static enum kind all[] = { TCP, TCP6, TLS, IPC, UNIX, ABSTRACT, WS, WS6, WSS };
    return cr_make_param_array(enum kind, all, KINDS);
}

ParameterizedTest(enum kind *kind, stream, close_ends_what_pends)
{
    struct pair pair;
    char text[8];
    open_pair(&pair, *kind);
    transfer(&pair, 0, "hello", 5);
    start(&pair, 1, false, text, sizeof text);
    start(&pair, 0, false, text, sizeof text);
    nng_stream_close(pair.ends[0]);
    nng_stream_close(pair.ends[0]);
    cr_assert_eq(wait_for(&pair, 0), NNG_ECLOSED);
    cr_assert_eq(wait_for(&pair, 1), kinds[*kind].ws ? NNG_ECLOSED : NNG_ECONNSHUT);
    start(&pair, 0, true, text, 1);
    cr_assert_eq(wait_for(&pair, 0), NNG_ECLOSED);
    start(&pair, 0, false, text, 1);
    cr_assert_eq(wait_for(&pair, 0), NNG_ECLOSED);
    close_pair(&pair);
}

ParameterizedTestParameters(stream, what_was_sent_arrives_after_a_close)
{
    static enum kind all[] = { TCP, TCP6, TLS, IPC, UNIX, ABSTRACT, WS, WS6, WSS };
    return cr_make_param_array(enum kind, all, KINDS);
}

ParameterizedTest(enum kind *kind, stream, what_was_sent_arrives_after_a_close)
{
    struct pair pair;
    char text[8] = "last";
    open_pair(&pair, *kind);
    transfer(&pair, 1, "hello", 5);
    start(&pair, 0, true, text, 4);
    cr_assert_eq(wait_for(&pair, 0), 0);
    nng_stream_close(pair.ends[0]);
    start(&pair, 1, false, text, sizeof text);
    cr_assert_eq(wait_for(&pair, 1), 0);
    cr_assert_eq(nng_aio_count(pair.aios[1]), 4);
    close_pair(&pair);
}

/* ---- Dialers and listeners ----------------------------------------------------------------- */

ParameterizedTestParameters(stream, accepts_and_dials_in_any_order)
{
    static enum kind all[] = { TCP, TCP6, TLS, IPC, UNIX, ABSTRACT, WS, WS6, WSS };
    return cr_make_param_array(enum kind, all, KINDS);
}

ParameterizedTest(enum kind *kind, stream, accepts_and_dials_in_any_order)
{
    struct pair pair;
    nng_aio *dials[8], *accepts[8];
    listen_on(&pair, *kind);
    make_dialer(&pair);
    for (int i = 0; i < 8; i++) {
        dials[i] = new_aio();
        accepts[i] = new_aio();
        if (i % 2 == 0) {
            nng_stream_listener_accept(pair.listener, accepts[i]);
            nng_stream_dialer_dial(pair.dialer, dials[i]);
        } else {
            nng_stream_dialer_dial(pair.dialer, dials[i]);
            nng_stream_listener_accept(pair.listener, accepts[i]);
        }
    }
    for (int i = 0; i < 8; i++) {
        nng_aio_wait(dials[i]);
        nng_aio_wait(accepts[i]);
        cr_assert_eq(nng_aio_result(dials[i]), 0);
        cr_assert_eq(nng_aio_result(accepts[i]), 0);
        nng_stream_free(nng_aio_get_output(dials[i], 0));
        nng_stream_free(nng_aio_get_output(accepts[i], 0));
        nng_aio_free(dials[i]);
        nng_aio_free(accepts[i]);
    }
    close_pair(&pair);
}

ParameterizedTestParameters(stream, closing_a_listener)
{
    static enum kind all[] = { TCP, TCP6, TLS, IPC, UNIX, ABSTRACT, WS, WS6, WSS };
    return cr_make_param_array(enum kind, all, KINDS);
}

ParameterizedTest(enum kind *kind, stream, closing_a_listener)
{
    struct pair pair;
    open_pair(&pair, *kind);
    nng_aio *accept = new_aio();
    cr_assert_eq(nng_stream_listener_listen(pair.listener), NNG_ESTATE);
    nng_stream_listener_accept(pair.listener, accept);
    nng_stream_listener_close(pair.listener);
    nng_aio_wait(accept);
    cr_assert_eq(nng_aio_result(accept), NNG_ECLOSED);
    nng_stream_listener_accept(pair.listener, accept);
    nng_aio_wait(accept);
    cr_assert_eq(nng_aio_result(accept), NNG_ECLOSED);
    cr_assert_eq(nng_stream_listener_listen(pair.listener), NNG_ESTATE);
    transfer(&pair, 0, "hello", 5); /* streams stay */
    nng_aio_free(accept);
    close_pair(&pair);
}

Test(stream, accepts_time_out_and_are_cancelled)
{
    struct pair pair;
    listen_on(&pair, TCP);
    nng_aio_set_timeout(pair.aios[0], 20);
    nng_stream_listener_accept(pair.listener, pair.aios[0]);
    nng_stream_listener_accept(pair.listener, pair.aios[1]);
    cr_assert_eq(wait_for(&pair, 0), NNG_ETIMEDOUT);
    nng_aio_cancel(pair.aios[1]);
    cr_assert_eq(wait_for(&pair, 1), NNG_ECANCELED);
    close_pair(&pair);
}

Test(stream, whoever_was_not_accepted_is_sent_away)
{
    struct pair pair;
    char text[8];
    listen_on(&pair, TCP);
    make_dialer(&pair);
    nng_stream_dialer_dial(pair.dialer, pair.aios[0]);
    cr_assert_eq(wait_for(&pair, 0), 0);
    pair.ends[0] = nng_aio_get_output(pair.aios[0], 0);
    nng_stream_listener_free(pair.listener);
    pair.listener = NULL;
    start(&pair, 0, false, text, sizeof text);
    int err = wait_for(&pair, 0);
    cr_assert(err == NNG_ECONNSHUT || err == NNG_ECONNRESET, "%d", err);
    close_pair(&pair);
}

Test(stream, before_it_listens)
{
    nng_stream_listener *listener;
    nng_aio *aio = new_aio();
    int port;
    cr_assert_eq(nng_stream_listener_alloc(&listener, "tcp://127.0.0.1:0"), 0);
    cr_assert_eq(nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), NNG_ESTATE);
    nng_stream_listener_accept(listener, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), NNG_ESTATE);
    nng_stream_listener_close(listener);
    cr_assert_eq(nng_stream_listener_listen(listener), NNG_ECLOSED);
    nng_stream_listener_free(listener);
    nng_aio_free(aio);
}

Test(stream, addresses_that_are_none)
{
    static const struct {
        const char *url;
        int dialer, listener;
    } table[] = {
        { "nothing://x", NNG_ENOTSUP, NNG_ENOTSUP },
        { "http://127.0.0.1:80", NNG_ENOTSUP, NNG_ENOTSUP },
        { "tcp://127.0.0.1", NNG_EADDRINVAL, 0 },
        { "tcp://:80", NNG_EADDRINVAL, 0 },
        { "socket://", NNG_ENOTSUP, 0 },
        { "ipc://", NNG_EADDRINVAL, NNG_EADDRINVAL },
        { "abstract://%zz", NNG_EADDRINVAL, NNG_EADDRINVAL },
        { "abstract://%4", NNG_EADDRINVAL, NNG_EADDRINVAL },
        { "tcp", NNG_EINVAL, NNG_EINVAL },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        nng_stream_dialer *dialer = NULL;
        nng_stream_listener *listener = NULL;
        int err = nng_stream_dialer_alloc(&dialer, table[i].url);
        cr_expect_eq(err, table[i].dialer, "%s: %d", table[i].url, err);
        err = nng_stream_listener_alloc(&listener, table[i].url);
        cr_expect_eq(err, table[i].listener, "%s: %d", table[i].url, err);
        nng_stream_dialer_free(dialer);
        nng_stream_listener_free(listener);
    }
}

Test(stream, a_path_that_is_too_long)
{
    char url[256] = "ipc:///tmp/";
    nng_stream_dialer *dialer;
    memset(url + strlen(url), 'x', 120);
    cr_assert_eq(nng_stream_dialer_alloc(&dialer, url), NNG_EADDRINVAL);
}

Test(stream, nobody_is_there)
{
    nng_stream_dialer *dialer;
    nng_aio *aio = new_aio();
    static const char *const urls[] = { "tcp://127.0.0.1:1", "ipc:///tmp/nng-uring-nobody",
                                        "abstract://nng-uring-nobody" };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        cr_assert_eq(nng_stream_dialer_alloc(&dialer, urls[i]), 0);
        nng_stream_dialer_dial(dialer, aio);
        nng_aio_wait(aio);
        int err = nng_aio_result(aio);
        cr_expect(err == NNG_ECONNREFUSED || (i == 1 && err == NNG_ENOENT), "%s: %d", urls[i], err);
        cr_expect_null(nng_aio_get_output(aio, 0));
        nng_stream_dialer_close(dialer);
        nng_stream_dialer_dial(dialer, aio);
        nng_aio_wait(aio);
        cr_expect_eq(nng_aio_result(aio), NNG_ECLOSED);
        nng_stream_dialer_free(dialer);
    }
    nng_aio_free(aio);
}

/* ---- Options ------------------------------------------------------------------------------ */

Test(stream, options_have_types)
{
    struct pair pair;
    nng_sockaddr addr;
    bool on = true;
    int number;
    size_t size = sizeof on;
    char *text;
    open_pair(&pair, TCP);
    nng_stream *end = pair.ends[0];
    cr_assert_eq(nng_stream_get_bool(end, NNG_OPT_TCP_NODELAY, &on), 0);
    cr_assert_not(on); /* NNG's default */
    cr_assert_eq(nng_stream_set_bool(end, NNG_OPT_TCP_NODELAY, true), 0);
    cr_assert_eq(nng_stream_get(end, NNG_OPT_TCP_NODELAY, &on, &size), 0);
    cr_assert(on);
    size = 0;
    cr_assert_eq(nng_stream_get(end, NNG_OPT_TCP_NODELAY, &on, &size), NNG_EINVAL);
    cr_assert_eq(size, sizeof on);
    cr_assert_eq(nng_stream_set(end, NNG_OPT_TCP_NODELAY, &number, sizeof number), NNG_EINVAL);
    cr_assert_eq(nng_stream_get_int(end, NNG_OPT_TCP_NODELAY, &number), NNG_EBADTYPE);
    cr_assert_eq(nng_stream_get_bool(end, "no-such-option", &on), NNG_ENOTSUP);
    cr_assert_eq(nng_stream_get_string(end, NNG_OPT_TLS_PEER_CN, &text), NNG_ENOTSUP);
    cr_assert_eq(nng_stream_get_addr(end, NNG_OPT_REMADDR, &addr), 0);
    cr_assert_eq(nng_stream_set_addr(end, NNG_OPT_REMADDR, &addr), NNG_EREADONLY);
    cr_assert_eq(addr.s_family, NNG_AF_INET);
    nng_stream_close(end);
    cr_assert_eq(nng_stream_get_bool(end, NNG_OPT_TCP_NODELAY, &on), NNG_ECLOSED);
    close_pair(&pair);
}

Test(stream, a_dialers_options_are_its_streams)
{
    struct pair pair;
    bool on = false;
    nng_sockaddr local = { .s_in = { .sa_family = NNG_AF_INET, .sa_addr = htonl(0x7f000002) } };
    listen_on(&pair, TCP);
    make_dialer(&pair);
    cr_assert_eq(nng_stream_dialer_set_bool(pair.dialer, NNG_OPT_TCP_NODELAY, true), 0);
    cr_assert_eq(nng_stream_dialer_set_addr(pair.dialer, NNG_OPT_LOCADDR, &local), 0);
    nng_stream_dialer_dial(pair.dialer, pair.aios[0]);
    cr_assert_eq(wait_for(&pair, 0), 0);
    pair.ends[0] = nng_aio_get_output(pair.aios[0], 0);
    cr_assert_eq(nng_stream_get_bool(pair.ends[0], NNG_OPT_TCP_NODELAY, &on), 0);
    cr_assert(on);
    cr_assert_eq(nng_stream_get_addr(pair.ends[0], NNG_OPT_LOCADDR, &local), 0);
    cr_assert_eq(local.s_in.sa_addr, htonl(0x7f000002));
    local.s_in.sa_port = htons(1234);
    cr_assert_eq(nng_stream_dialer_set_addr(pair.dialer, NNG_OPT_LOCADDR, &local), NNG_EADDRINVAL);
    close_pair(&pair);
}

Test(stream, the_peer_of_a_unix_socket)
{
    struct pair pair;
    uint64_t id = 12345;
    nng_sockaddr addr;
    char path[64];
    open_pair(&pair, IPC);
    snprintf(path, sizeof path, "/tmp/nng-uring-ipc-%d", (int) getpid());
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(nng_stream_get_uint64(pair.ends[i], NNG_OPT_PEER_UID, &id), 0);
        cr_assert_eq(id, getuid());
        cr_assert_eq(nng_stream_get_uint64(pair.ends[i], NNG_OPT_PEER_PID, &id), 0);
        cr_assert_eq(id, (uint64_t) getpid());
        cr_assert_eq(nng_stream_get_addr(pair.ends[i], NNG_OPT_LOCADDR, &addr), 0);
        cr_assert_eq(addr.s_family, NNG_AF_IPC);
        cr_assert_str_eq(addr.s_ipc.sa_path, path);
    }
    close_pair(&pair);
}

Test(stream, an_abstract_name_of_the_kernels_choice)
{
    nng_stream_listener *listener;
    nng_sockaddr addr;
    cr_assert_eq(nng_stream_listener_alloc(&listener, "abstract://"), 0);
    cr_assert_eq(nng_stream_listener_listen(listener), 0);
    cr_assert_eq(nng_stream_listener_get_addr(listener, NNG_OPT_LOCADDR, &addr), 0);
    cr_assert_eq(addr.s_family, NNG_AF_ABSTRACT);
    cr_assert_eq(addr.s_abstract.sa_len, 5);
    nng_stream_listener_free(listener);
}

/* ---- The files of UNIX sockets ------------------------------------------------------------- */

Test(stream, permissions_and_the_end_of_a_file)
{
    nng_stream_listener *listener;
    struct stat st;
    char path[64], url[80];
    snprintf(path, sizeof path, "/tmp/nng-uring-mode-%d", (int) getpid());
    snprintf(url, sizeof url, "ipc://%s", path);
    cr_assert_eq(nng_stream_listener_alloc(&listener, url), 0);
    cr_assert_eq(nng_stream_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 010000),
                 NNG_EINVAL);
    cr_assert_eq(nng_stream_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0622), 0);
    cr_assert_eq(nng_stream_listener_listen(listener), 0);
    cr_assert_eq(nng_stream_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600), NNG_EBUSY);
    cr_assert_eq(lstat(path, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0622);
    nng_stream_listener_free(listener);
    cr_assert_neq(lstat(path, &st), 0);
}

Test(stream, a_file_that_is_no_socket_stays)
{
    nng_stream_listener *listener;
    char path[64], url[80];
    struct stat st;
    snprintf(path, sizeof path, "/tmp/nng-uring-file-%d", (int) getpid());
    snprintf(url, sizeof url, "ipc://%s", path);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs("precious", file);
    fclose(file);
    cr_assert_eq(nng_stream_listener_alloc(&listener, url), 0);
    cr_assert_eq(nng_stream_listener_listen(listener), NNG_EADDRINUSE);
    nng_stream_listener_free(listener);
    cr_assert_eq(lstat(path, &st), 0);
    cr_assert_eq(st.st_size, 8);
    unlink(path);
}

Test(stream, a_socket_whose_server_is_gone_gives_way_and_a_live_one_does_not)
{
    nng_stream_listener *first, *second;
    char path[64], url[80];
    struct sockaddr_storage ss = { .ss_family = AF_UNIX };
    snprintf(path, sizeof path, "/tmp/nng-uring-stale-%d", (int) getpid());
    snprintf(url, sizeof url, "ipc://%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy((char *) &ss + sizeof(sa_family_t), path);
    cr_assert_eq(bind(fd, (struct sockaddr *) &ss, 110), 0);
    close(fd);
    cr_assert_eq(nng_stream_listener_alloc(&first, url), 0);
    cr_assert_eq(nng_stream_listener_alloc(&second, url), 0);
    cr_assert_eq(nng_stream_listener_listen(first), 0);
    cr_assert_eq(nng_stream_listener_listen(second), NNG_EADDRINUSE);
    nng_stream_listener_free(second);
    cr_assert_eq(access(path, F_OK), 0);
    nng_stream_listener_free(first);
    cr_assert_neq(access(path, F_OK), 0);
}

/* ---- Sockets that are handed over ---------------------------------------------------------- */

Test(stream, sockets_that_are_handed_over)
{
    struct pair pair = { .kind = UNIX };
    int fds[2], file = open("/dev/null", O_RDWR);
    cr_assert_eq(nng_stream_listener_alloc(&pair.listener, "socket://"), 0);
    cr_assert_eq(nng_stream_listener_listen(pair.listener), 0);
    cr_assert_eq(nng_stream_listener_set_int(pair.listener, NNG_OPT_SOCKET_FD, file), NNG_EINVAL);
    cr_assert_eq(nng_stream_listener_set_int(pair.listener, NNG_OPT_SOCKET_FD, -1), NNG_EINVAL);
    close(file);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    for (int i = 0; i < 2; i++) {
        pair.aios[i] = new_aio();
        cr_assert_eq(nng_stream_listener_set_int(pair.listener, NNG_OPT_SOCKET_FD, fds[i]), 0);
        nng_stream_listener_accept(pair.listener, pair.aios[i]);
        cr_assert_eq(wait_for(&pair, i), 0);
        pair.ends[i] = nng_aio_get_output(pair.aios[i], 0);
    }
    transfer(&pair, 0, "hello", 5);
    close_pair(&pair);
}

Test(stream, no_more_than_sixteen_wait)
{
    nng_stream_listener *listener;
    int fds[17][2];
    cr_assert_eq(nng_stream_listener_alloc(&listener, "socket://"), 0);
    cr_assert_eq(nng_stream_listener_listen(listener), 0);
    for (int i = 0; i < 17; i++) {
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]), 0);
        cr_assert_eq(nng_stream_listener_set_int(listener, NNG_OPT_SOCKET_FD, fds[i][0]),
                     i < 16 ? 0 : NNG_ENOSPC);
    }
    close(fds[16][0]);
    nng_stream_listener_free(listener);
    for (int i = 0; i < 17; i++) {
        char byte;
        cr_assert_eq(read(fds[i][1], &byte, 1), 0); /* they are closed with it */
        close(fds[i][1]);
    }
}

/* More than are kept ready: the kernel keeps the others. */
Test(stream, many_dial_before_anybody_accepts)
{
    enum { MANY = 300 };
    struct pair pair;
    nng_aio *dials[MANY];
    listen_on(&pair, TCP);
    make_dialer(&pair);
    for (int i = 0; i < MANY; i++) {
        dials[i] = new_aio();
        nng_stream_dialer_dial(pair.dialer, dials[i]);
    }
    for (int i = 0; i < MANY; i++) {
        nng_aio_wait(dials[i]);
        cr_assert_eq(nng_aio_result(dials[i]), 0);
    }
    for (int i = 0; i < MANY; i++) {
        char byte = 'x';
        pair.ends[0] = nng_aio_get_output(dials[i], 0);
        start(&pair, 0, true, &byte, 1);
        cr_assert_eq(wait_for(&pair, 0), 0);
        nng_stream_listener_accept(pair.listener, pair.aios[1]);
        cr_assert_eq(wait_for(&pair, 1), 0);
        pair.ends[1] = nng_aio_get_output(pair.aios[1], 0);
        start(&pair, 1, false, &byte, 1); /* each is a live one, whichever it is */
        nng_aio_set_timeout(pair.aios[1], LIMIT);
        nng_stream_free(pair.ends[1]);
        pair.ends[1] = NULL;
        nng_aio_wait(pair.aios[1]);
        nng_stream_free(pair.ends[0]);
        pair.ends[0] = NULL;
        nng_aio_free(dials[i]);
    }
    close_pair(&pair);
}

/* ---- TLS ---------------------------------------------------------------------------------- */

Test(stream, a_certificate_that_nobody_vouches_for)
{
    struct pair pair;
    char text[8] = "hello";
    listen_on(&pair, TLS);
    make_dialer(&pair);
    cr_assert_eq(
        nng_stream_dialer_set_int(pair.dialer, NNG_OPT_TLS_AUTH_MODE, NNG_TLS_AUTH_MODE_REQUIRED),
        0);
    nng_stream_dialer_dial(pair.dialer, pair.aios[0]);
    cr_assert_eq(wait_for(&pair, 0), 0); /* the handshake's error is the first operation's */
    pair.ends[0] = nng_aio_get_output(pair.aios[0], 0);
    start(&pair, 0, true, text, 5);
    cr_assert_eq(wait_for(&pair, 0), NNG_EPEERAUTH);
    close_pair(&pair);
}

/* A listener with a certificate for `san`, and a dialer that trusts its authority; how the first
 * send of a dial to 127.0.0.1 ends. */
static int dial_named(const char *san)
{
    struct pair pair;
    struct t_cert ca, cert;
    struct t_cert_params params = { .san = san };
    nng_tls_config *config;
    char text[8] = "hello", path[] = "/tmp/nng-uring-ca-XXXXXX";
    t_ca_make(&ca, "authority");
    t_cert_make(&cert, &ca, &params);
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, ca.cert_pem, strlen(ca.cert_pem)), (ssize_t) strlen(ca.cert_pem));
    close(fd);
    listen_on(&pair, TLS);
    cr_assert_eq(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), 0);
    cr_assert_eq(nng_tls_config_own_cert(config, cert.cert_pem, cert.key_pem, NULL), 0);
    cr_assert_eq(nng_stream_listener_set_ptr(pair.listener, NNG_OPT_TLS_CONFIG, config), 0);
    nng_tls_config_free(config);
    make_dialer(&pair);
    nng_stream_dialer_set_int(pair.dialer, NNG_OPT_TLS_AUTH_MODE, NNG_TLS_AUTH_MODE_REQUIRED);
    cr_assert_eq(nng_stream_dialer_set_string(pair.dialer, NNG_OPT_TLS_CA_FILE, path), 0);
    nng_stream_dialer_dial(pair.dialer, pair.aios[0]);
    cr_assert_eq(wait_for(&pair, 0), 0);
    pair.ends[0] = nng_aio_get_output(pair.aios[0], 0);
    start(&pair, 0, true, text, 5);
    int err = wait_for(&pair, 0);
    close_pair(&pair);
    unlink(path);
    t_cert_free(&cert);
    t_cert_free(&ca);
    return err;
}

/* The name is that of the URL, also where the authority is trusted. */
Test(stream, a_certificate_for_another_name)
{
    cr_assert_eq(dial_named("IP:127.0.0.1"), 0);
    cr_assert_eq(dial_named("IP:127.0.0.2"), NNG_EPEERAUTH);
    cr_assert_eq(dial_named("DNS:localhost"), NNG_EPEERAUTH);
}

Test(stream, what_is_known_of_the_peer)
{
    struct pair pair;
    bool verified = true;
    char *name;
    void *names;
    open_pair(&pair, TLS);
    transfer(&pair, 0, "hello", 5);
    transfer(&pair, 1, "hello", 5);
    cr_assert_eq(nng_stream_get_bool(pair.ends[0], NNG_OPT_TLS_VERIFIED, &verified), 0);
    cr_assert_not(verified); /* nobody asked for it */
    cr_assert_eq(nng_stream_get_ptr(pair.ends[0], NNG_OPT_TLS_PEER_ALT_NAMES, &names), 0);
    cr_assert_str_eq(((char **) names)[0], "127.0.0.1");
    for (char **at = names; *at != NULL; at++) {
        free(*at);
    }
    free(names);
    /* The dialer has no certificate. */
    cr_assert_eq(nng_stream_get_string(pair.ends[1], NNG_OPT_TLS_PEER_CN, &name), NNG_ENOENT);
    close_pair(&pair);
}

/* ---- Nothing stays ------------------------------------------------------------------------ */

Test(stream, no_descriptor_is_left)
{
    struct pair pair;
    open_pair(&pair, TLS); /* OpenSSL keeps some for good, and this thread a ring for its writes */
    transfer(&pair, 0, "hello", 5);
    close_pair(&pair);
    open_pair(&pair, TCP);
    transfer(&pair, 0, "hello", 5);
    close_pair(&pair);
    nng_fini();
    unsigned before = t_proc_fds();
    for (enum kind kind = 0; kind < KINDS; kind++) {
        open_pair(&pair, kind);
        transfer(&pair, 0, "hello", 5);
        close_pair(&pair);
    }
    nng_fini();
    cr_assert_eq(t_proc_fds(), before, "%u, %u before", t_proc_fds(), before);
}

/* Streams, dialers and listeners that the library's end finds. */
Test(stream, the_librarys_end)
{
    struct pair pair;
    char text[8];
    open_pair(&pair, TCP);
    nng_aio *accept = new_aio();
    nng_stream_listener_accept(pair.listener, accept);
    start(&pair, 0, false, text, sizeof text);
    nng_fini();
    int err = wait_for(&pair, 0);
    cr_assert(err == NNG_ECLOSED || err == NNG_ECONNSHUT, "%d",
              err); /* the other end may go first */
    nng_aio_wait(accept);
    cr_assert_eq(nng_aio_result(accept), NNG_ECLOSED);
    nng_aio_free(accept);
    close_pair(&pair);
}
