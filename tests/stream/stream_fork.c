/* SPDX-License-Identifier: MIT */
/* A child that was forked while streams were open: what it calls of theirs returns, or says so, and
 * changes nothing of the parent's: no end of a connection, no alert of TLS, no file of a socket. */
#include <criterion/criterion.h>
#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(stream_fork, .timeout = 60);

static nng_stream_listener *listener;
static nng_stream_dialer *dialer;
static nng_stream *ends[2];
static nng_aio *aios[2], *idle;

/* ---- The parent's -------------------------------------------------------------------------- */

static void connect_ends(const char *behind)
{
    nng_stream_dialer_dial(dialer, aios[0]);
    nng_stream_listener_accept(listener, aios[1]);
    for (int i = 0; i < 2; i++) {
        nng_aio_wait(aios[i]);
        cr_assert_eq(nng_aio_result(aios[i]), 0, "behind %s: %s", behind,
                     nng_strerror(nng_aio_result(aios[i])));
        ends[i] = nng_aio_get_output(aios[i], 0);
    }
}

static void open_all(const char *place)
{
    char url[128];
    int port, secure = strncmp(place, "tls", 3) == 0 || strncmp(place, "wss", 3) == 0;
    cr_assert_eq(nng_stream_listener_alloc(&listener, place), 0);
    if (secure) {
        nng_tls_config *config;
        cr_assert_eq(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), 0);
        cr_assert_eq(nng_uring_tls_config_self_signed(config, "127.0.0.1"), 0);
        cr_assert_eq(nng_stream_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, config), 0);
        nng_tls_config_free(config);
    }
    cr_assert_eq(nng_stream_listener_listen(listener), 0);
    snprintf(url, sizeof url, "%s", place);
    if (nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port) == 0) {
        const char *path = strrchr(place, ':') + 2;
        snprintf(url, sizeof url, "%.*s%d%s", (int) (path - 1 - place), place, port, path);
    }
    cr_assert_eq(nng_stream_dialer_alloc(&dialer, url), 0);
    if (secure) {
        cr_assert_eq(
            nng_stream_dialer_set_int(dialer, NNG_OPT_TLS_AUTH_MODE, NNG_TLS_AUTH_MODE_NONE), 0);
    }
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(nng_aio_alloc(&aios[i], NULL, NULL), 0);
        nng_aio_set_timeout(aios[i], 120000);
    }
    cr_assert_eq(nng_aio_alloc(&idle, NULL, NULL), 0);
    connect_ends(place);
}

static void close_ends(void)
{
    nng_stream_free(ends[0]);
    nng_stream_free(ends[1]);
}

static void close_all(void)
{
    close_ends();
    nng_stream_dialer_free(dialer);
    nng_stream_listener_free(listener);
    nng_aio_free(aios[0]);
    nng_aio_free(aios[1]);
    nng_aio_free(idle);
}

/* A byte each way. */
static void assert_goes_on(const char *what)
{
    for (int i = 0; i < 2; i++) {
        char sent = 'a', got = 0;
        nng_iov out = { &sent, 1 }, in = { &got, 1 };
        nng_aio_set_iov(aios[i], 1, &out);
        nng_aio_set_iov(aios[1 - i], 1, &in);
        nng_stream_send(ends[i], aios[i]);
        nng_stream_recv(ends[1 - i], aios[1 - i]);
        for (int k = 0; k < 2; k++) {
            nng_aio_wait(aios[k]);
            cr_assert_eq(nng_aio_result(aios[k]), 0, "%s: %s", what,
                         nng_strerror(nng_aio_result(aios[k])));
        }
        cr_assert_eq(got, sent, "%s", what);
    }
}

/* ---- The child's: 0 when each call was answered as it should be ----------------------------- */

static int refused(void)
{
    nng_aio_wait(idle);
    return nng_aio_result(idle) == NNG_ENOTSUP ? 0 : 1;
}

static int transfers(void)
{
    char byte = 'x';
    nng_iov iov = { &byte, 1 };
    int wrong = 0;
    for (int i = 0; i < 2; i++) {
        nng_aio_set_iov(idle, 1, &iov);
        nng_stream_send(ends[i], idle);
        wrong += refused();
        nng_aio_set_iov(idle, 1, &iov);
        nng_stream_recv(ends[i], idle);
        wrong += refused();
    }
    return wrong;
}

static int dials(void)
{
    nng_stream_dialer_dial(dialer, idle);
    return refused();
}

static int accepts(void)
{
    nng_stream_listener_accept(listener, idle);
    return refused();
}

static int closes(void)
{
    nng_stream_close(ends[0]);
    nng_stream_close(ends[1]);
    nng_stream_dialer_close(dialer);
    nng_stream_listener_close(listener);
    return 0;
}

static int frees(void)
{
    nng_stream_free(ends[0]);
    nng_stream_free(ends[1]);
    nng_stream_dialer_free(dialer);
    nng_stream_listener_free(listener);
    return 0;
}

static int all_of_it(void)
{
    int wrong = transfers() + dials() + accepts() + closes() + frees();
    nng_fini();
    return wrong;
}

static const struct row {
    const char *name;
    int (*call)(void);
} table[] = {
    { "nng_stream_send, _recv", transfers },
    { "nng_stream_dialer_dial", dials },
    { "nng_stream_listener_accept", accepts },
    { "nng_stream_close", closes },
    { "nng_stream_free", frees },
    { "all", all_of_it },
};

static void in_a_child(const struct row *row)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        alarm(10); /* a hang is an end, too */
        _exit(row->call());
    }
    cr_assert_gt(child, 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "%s: %x", row->name, (unsigned) status);
}

static void every_call(const char *place)
{
    open_all(place);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        in_a_child(&table[i]);
        assert_goes_on(table[i].name);
        close_ends();
        connect_ends(table[i].name);
    }
    close_all();
}

Test(stream_fork, tcp)
{
    every_call("tcp://127.0.0.1:0");
}

Test(stream_fork, tls)
{
    every_call("tls+tcp://127.0.0.1:0");
}

Test(stream_fork, ws)
{
    every_call("ws://127.0.0.1:0/");
}

Test(stream_fork, wss)
{
    every_call("wss://127.0.0.1:0/");
}

Test(stream_fork, ipc)
{
    char place[64];
    snprintf(place, sizeof place, "ipc:///tmp/nng-uring-fork-%d", (int) getpid());
    every_call(place);
}

Test(stream_fork, abstract)
{
    char place[64];
    snprintf(place, sizeof place, "abstract://nng-uring-fork-%d", (int) getpid());
    every_call(place);
}
