/* SPDX-License-Identifier: MIT */
/* Streams of every kind: the same tests for each of the table's transports. */
#include "support/proc.h"
#include "support/stream_ends.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <nng/nng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(stream, .timeout = 120);

ParameterizedTestParameters(stream, bytes)
{
    return cr_make_param_array(enum t_stream_kind, t_stream_each, KINDS);
}

ParameterizedTest(enum t_stream_kind *kind, stream, bytes)
{
    struct t_ends pair;
    t_ends_open(&pair, *kind);
    t_ends_transfer(&pair, 0, "hello", 5);
    t_ends_transfer(&pair, 1, "hello, too", 10);
    t_ends_close(&pair);
}

ParameterizedTestParameters(stream, megabytes)
{
    return cr_make_param_array(enum t_stream_kind, t_stream_each, KINDS);
}

ParameterizedTest(enum t_stream_kind *kind, stream, megabytes)
{
    struct t_ends pair;
    size_t len = (size_t) 3 << 20;
    char *data = malloc(len);
    cr_assert_not_null(data);
    for (size_t i = 0; i < len; i++) {
        data[i] = (char) (i * 31 >> 3);
    }
    t_ends_open(&pair, *kind);
    for (int end = 0; end < 2; end++) {
        for (size_t at = 0; at < len; at += 65536) {
            t_ends_transfer(&pair, end, data + at, 65536);
        }
    }
    t_ends_close(&pair);
    free(data);
}

ParameterizedTestParameters(stream, a_timeout_takes_its_own_aio_only)
{
    return cr_make_param_array(enum t_stream_kind, t_stream_each, KINDS);
}

ParameterizedTest(enum t_stream_kind *kind, stream, a_timeout_takes_its_own_aio_only)
{
    struct t_ends pair;
    char text[8];
    t_ends_open(&pair, *kind);
    nng_aio_set_timeout(pair.aios[0], 20);
    t_ends_start(&pair, 0, false, text, sizeof text);
    cr_assert_eq(t_ends_wait(&pair, 0), NNG_ETIMEDOUT);
    nng_aio_set_timeout(pair.aios[0], T_STREAM_LIMIT);
    t_ends_start(&pair, 0, false, text, sizeof text);
    nng_aio_cancel(pair.aios[0]);
    cr_assert_eq(t_ends_wait(&pair, 0), NNG_ECANCELED);
    t_ends_transfer(&pair, 0, "hello", 5);
    t_ends_transfer(&pair, 1, "hello", 5);
    t_ends_close(&pair);
}

ParameterizedTestParameters(stream, close_ends_what_pends)
{
    return cr_make_param_array(enum t_stream_kind, t_stream_each, KINDS);
}

ParameterizedTest(enum t_stream_kind *kind, stream, close_ends_what_pends)
{
    struct t_ends pair;
    char text[8];
    t_ends_open(&pair, *kind);
    t_ends_transfer(&pair, 0, "hello", 5);
    t_ends_start(&pair, 1, false, text, sizeof text);
    t_ends_start(&pair, 0, false, text, sizeof text);
    nng_stream_close(pair.ends[0]);
    nng_stream_close(pair.ends[0]);
    cr_assert_eq(t_ends_wait(&pair, 0), NNG_ECLOSED);
    cr_assert_eq(t_ends_wait(&pair, 1), t_stream_kinds[*kind].ws ? NNG_ECLOSED : NNG_ECONNSHUT);
    t_ends_start(&pair, 0, true, text, 1);
    cr_assert_eq(t_ends_wait(&pair, 0), NNG_ECLOSED);
    t_ends_start(&pair, 0, false, text, 1);
    cr_assert_eq(t_ends_wait(&pair, 0), NNG_ECLOSED);
    t_ends_close(&pair);
}

ParameterizedTestParameters(stream, what_was_sent_arrives_after_a_close)
{
    return cr_make_param_array(enum t_stream_kind, t_stream_each, KINDS);
}

ParameterizedTest(enum t_stream_kind *kind, stream, what_was_sent_arrives_after_a_close)
{
    struct t_ends pair;
    char text[8] = "last";
    t_ends_open(&pair, *kind);
    t_ends_transfer(&pair, 1, "hello", 5);
    t_ends_start(&pair, 0, true, text, 4);
    cr_assert_eq(t_ends_wait(&pair, 0), 0);
    nng_stream_close(pair.ends[0]);
    t_ends_start(&pair, 1, false, text, sizeof text);
    cr_assert_eq(t_ends_wait(&pair, 1), 0);
    cr_assert_eq(nng_aio_count(pair.aios[1]), 4);
    t_ends_close(&pair);
}

/* ---- Dialers and listeners ----------------------------------------------------------------- */

ParameterizedTestParameters(stream, accepts_and_dials_in_any_order)
{
    return cr_make_param_array(enum t_stream_kind, t_stream_each, KINDS);
}

ParameterizedTest(enum t_stream_kind *kind, stream, accepts_and_dials_in_any_order)
{
    struct t_ends pair;
    nng_aio *dials[8], *accepts[8];
    t_ends_listen(&pair, *kind);
    t_ends_make_dialer(&pair);
    for (int i = 0; i < 8; i++) {
        dials[i] = t_ends_aio();
        accepts[i] = t_ends_aio();
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
    t_ends_close(&pair);
}

ParameterizedTestParameters(stream, closing_a_listener)
{
    return cr_make_param_array(enum t_stream_kind, t_stream_each, KINDS);
}

ParameterizedTest(enum t_stream_kind *kind, stream, closing_a_listener)
{
    struct t_ends pair;
    t_ends_open(&pair, *kind);
    nng_aio *accept = t_ends_aio();
    cr_assert_eq(nng_stream_listener_listen(pair.listener), NNG_ESTATE);
    nng_stream_listener_accept(pair.listener, accept);
    nng_stream_listener_close(pair.listener);
    nng_aio_wait(accept);
    cr_assert_eq(nng_aio_result(accept), NNG_ECLOSED);
    nng_stream_listener_accept(pair.listener, accept);
    nng_aio_wait(accept);
    cr_assert_eq(nng_aio_result(accept), NNG_ECLOSED);
    cr_assert_eq(nng_stream_listener_listen(pair.listener), NNG_ESTATE);
    t_ends_transfer(&pair, 0, "hello", 5); /* streams stay */
    nng_aio_free(accept);
    t_ends_close(&pair);
}

Test(stream, accepts_time_out_and_are_cancelled)
{
    struct t_ends pair;
    t_ends_listen(&pair, TCP);
    nng_aio_set_timeout(pair.aios[0], 20);
    nng_stream_listener_accept(pair.listener, pair.aios[0]);
    nng_stream_listener_accept(pair.listener, pair.aios[1]);
    cr_assert_eq(t_ends_wait(&pair, 0), NNG_ETIMEDOUT);
    nng_aio_cancel(pair.aios[1]);
    cr_assert_eq(t_ends_wait(&pair, 1), NNG_ECANCELED);
    t_ends_close(&pair);
}

Test(stream, whoever_was_not_accepted_is_sent_away)
{
    struct t_ends pair;
    char text[8];
    t_ends_listen(&pair, TCP);
    t_ends_make_dialer(&pair);
    nng_stream_dialer_dial(pair.dialer, pair.aios[0]);
    cr_assert_eq(t_ends_wait(&pair, 0), 0);
    pair.ends[0] = nng_aio_get_output(pair.aios[0], 0);
    nng_stream_listener_free(pair.listener);
    pair.listener = NULL;
    t_ends_start(&pair, 0, false, text, sizeof text);
    int err = t_ends_wait(&pair, 0);
    cr_assert(err == NNG_ECONNSHUT || err == NNG_ECONNRESET, "%d", err);
    t_ends_close(&pair);
}

Test(stream, before_it_listens)
{
    nng_stream_listener *listener;
    nng_aio *aio = t_ends_aio();
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
    nng_aio *aio = t_ends_aio();
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

/* ---- Nothing stays ------------------------------------------------------------------------ */

Test(stream, no_descriptor_is_left)
{
    struct t_ends pair;
    t_ends_open(&pair,
                TLS); /* OpenSSL keeps some for good, and this thread a ring for its writes */
    t_ends_transfer(&pair, 0, "hello", 5);
    t_ends_close(&pair);
    t_ends_open(&pair, TCP);
    t_ends_transfer(&pair, 0, "hello", 5);
    t_ends_close(&pair);
    nng_fini();
    unsigned before = t_proc_fds();
    for (enum t_stream_kind kind = 0; kind < KINDS; kind++) {
        t_ends_open(&pair, kind);
        t_ends_transfer(&pair, 0, "hello", 5);
        t_ends_close(&pair);
    }
    nng_fini();
    cr_assert_eq(t_proc_fds(), before, "%u, %u before", t_proc_fds(), before);
}

/* Streams, dialers and listeners that the library's end finds. */
Test(stream, the_librarys_end)
{
    struct t_ends pair;
    char text[8];
    t_ends_open(&pair, TCP);
    nng_aio *accept = t_ends_aio();
    nng_stream_listener_accept(pair.listener, accept);
    t_ends_start(&pair, 0, false, text, sizeof text);
    nng_fini();
    int err = t_ends_wait(&pair, 0);
    cr_assert(err == NNG_ECLOSED || err == NNG_ECONNSHUT, "%d",
              err); /* the other end may go first */
    nng_aio_wait(accept);
    cr_assert_eq(nng_aio_result(accept), NNG_ECLOSED);
    nng_aio_free(accept);
    t_ends_close(&pair);
}
