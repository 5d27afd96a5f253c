/* SPDX-License-Identifier: MIT */
#include "http/conn.h"

#include "support/aio_probe.h"
#include "support/peer.h"
#include "support/proc.h"
#include "support/scale.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <nng/uring.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef void (*operation)(nng_http_conn *conn, nng_aio *aio);

static const operation operations[] = { nng_http_conn_write, nng_http_conn_write_all,
                                        nng_http_conn_read, nng_http_conn_read_all };

#define OPERATIONS (sizeof operations / sizeof operations[0])

/* ---- The vector --------------------------------------------------------------------------- */

static void assert_invalid(nng_http_conn *conn, unsigned niov, const nng_iov *iov)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        for (size_t i = 0; i < OPERATIONS; i++) {
            struct t_aio_probe track;
            t_aio_probe_open(&track, mode);
            if (iov != NULL) {
                cr_assert_eq(nng_aio_set_iov(track.aio, niov, iov), 0);
            }
            operations[i](conn, track.aio);
            t_aio_probe_assert(&track, 1, NNG_EINVAL);
            cr_assert_eq(nng_aio_count(track.aio), 0);
            t_aio_probe_close(&track);
        }
    }
}

Test(conn, invalid_vectors, .timeout = 60)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    uint8_t data[8] = { 0 };
    nng_iov iov[9];
    t_pair_open(&pair);
    assert_invalid(pair.conn, 0, NULL); /* none was ever set */
    for (int i = 0; i < 9; i++) {
        iov[i] = (nng_iov){ data, 0 };
    }
    assert_invalid(pair.conn, 0, iov);
    assert_invalid(pair.conn, 1, iov);
    assert_invalid(pair.conn, 8, iov);
    iov[7] = (nng_iov){ NULL, 1 };
    assert_invalid(pair.conn, 8, iov);
    iov[0].iov_len = sizeof data;
    assert_invalid(pair.conn, 8, iov);

    t_aio_probe_open(&track, 0);
    cr_assert_eq(nng_aio_set_iov(track.aio, 9, iov), NNG_EINVAL);
    cr_assert_eq(nng_aio_set_iov(track.aio, 1, NULL), NNG_EINVAL);
    nng_iov past[] = { { data, 1 }, { data, SIZE_MAX } };
    cr_assert_eq(nng_aio_set_iov(track.aio, 2, past), NNG_EINVAL);
    t_pair_assert_rest(&pair, 0, 0, 0); /* nothing went out */
    t_aio_probe_close(&track);
    t_pair_close(&pair);
}

/* ---- Closing ------------------------------------------------------------------------------ */

Test(conn, close_idle, .timeout = 60)
{
    nng_http_conn_close(NULL);
    struct nu_pair pair;
    t_pair_open(&pair);
    t_pair_close(&pair);
    unsigned fds = t_proc_fds();
    for (int i = 0; i < NU_TIMES(200); i++) {
        t_pair_open(&pair);
        t_pair_close(&pair);
    }
    t_proc_await_fds(fds);
}

/* Both directions, in flight and queued. */
Test(conn, close_with_everything_pending, .timeout = 60)
{
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct nu_pair pair;
        struct t_aio_probe track[8];
        t_pair_open(&pair);
        for (size_t i = 0; i < 8; i++) {
            t_aio_probe_open(&track[i], mode);
            t_aio_probe_buffer(&track[i], data, NU_PLENTY);
            operations[i % 2 == 0 ? 1 : 2 + i / 2 % 2](pair.conn, track[i].aio);
        }
        t_peer_read(pair.fd, 0, 1, 1);
        nng_http_conn_close(pair.conn);
        pair.conn = NULL;
        size_t sum = 0;
        for (size_t i = 0; i < 8; i++) {
            t_aio_probe_assert(&track[i], 1, NNG_ECLOSED);
            sum += nng_aio_count(track[i].aio);
        }
        t_pair_assert_rest(&pair, 1, sum - 1, 1);
        for (size_t i = 0; i < 8; i++) {
            t_aio_probe_close(&track[i]);
        }
        t_pair_close(&pair);
    }
    free(data);
}

static void close_in_callback(struct t_aio_probe *track)
{
    struct nu_pair *pair = track->arg;
    nng_http_conn_close(pair->conn);
    pair->conn = NULL;
}

/* In the callback of a write, of a read, and of something that has nothing to do with it. */
Test(conn, close_in_callbacks, .timeout = 60)
{
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    uint8_t byte;
    for (int i = 0; i < 6; i++) {
        struct nu_pair pair;
        struct t_aio_probe write, closer;
        t_pair_open(&pair);
        t_aio_probe_open(&write, NU_CALLED);
        t_aio_probe_open(&closer, NU_CALLED);
        t_aio_probe_buffer(&write, data, NU_PLENTY);
        nng_http_conn_write_all(pair.conn, write.aio);
        t_peer_read(pair.fd, 0, 1, 1);
        closer.then = close_in_callback;
        closer.arg = &pair;
        t_aio_probe_buffer(&closer, &byte, 1);
        switch (i % 3) {
        case 0:
            nng_http_conn_read(pair.conn, closer.aio);
            cr_assert_eq(send(pair.fd, "x", 1, 0), 1);
            break;
        case 1:
            nng_http_conn_write(pair.conn, closer.aio);
            nng_aio_cancel(closer.aio);
            break;
        default:
            nng_sleep_aio(1, closer.aio);
            break;
        }
        t_aio_probe_assert(&write, 1, NNG_ECLOSED);
        nng_aio_wait(closer.aio);
        cr_assert_eq(t_aio_probe_calls(&closer), 1);
        t_pair_assert_rest(&pair, 1, nng_aio_count(write.aio) - 1, 1);
        t_aio_probe_close(&write);
        t_aio_probe_close(&closer);
        t_pair_close(&pair);
    }
    free(data);
}

/* What a finished write counted arrives although we close at once and the peer is slow to read. */
Test(conn, close_is_graceful, .timeout = 60)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    t_pair_open(&pair);
    t_aio_probe_open(&track, NU_CALLED);
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    t_aio_probe_buffer(&track, data, NU_PLENTY);
    track.then = close_in_callback;
    track.arg = &pair;
    nng_http_conn_write(pair.conn, track.aio);
    t_aio_probe_await(&track, 1);
    nng_aio_wait(track.aio);
    usleep(20000);
    cr_assert_eq(t_peer_rest(pair.fd, 0, 1), track.count);
    t_aio_probe_close(&track);
    t_pair_close(&pair);
    free(data);
}

/* ---- Facts -------------------------------------------------------------------------------- */

Test(conn, addresses_and_options, .timeout = 60)
{
    struct nu_pair pair;
    struct sockaddr_in sin;
    socklen_t len = sizeof sin;
    nng_sockaddr addr;
    int value;
    t_pair_open(&pair);
    cr_assert_eq(nng_uring_conn_local_addr(pair.conn, &addr), 0);
    cr_assert_eq(getpeername(pair.fd, (struct sockaddr *) &sin, &len), 0);
    cr_assert_eq(addr.s_family, NNG_AF_INET);
    cr_assert_eq(addr.s_in.sa_port, sin.sin_port);
    cr_assert_eq(addr.s_in.sa_addr, sin.sin_addr.s_addr);
    cr_assert_eq(nng_uring_conn_remote_addr(pair.conn, &addr), 0);
    cr_assert_eq(getsockname(pair.fd, (struct sockaddr *) &sin, &len), 0);
    cr_assert_eq(addr.s_in.sa_port, sin.sin_port);
    for (int on = 1; on >= 0; on--) {
        cr_assert_eq(nng_uring_conn_set_keepalive(pair.conn, on), 0);
        len = sizeof value;
        cr_assert_eq(getsockopt(pair.conn->tcp.fd, SOL_SOCKET, SO_KEEPALIVE, &value, &len), 0);
        cr_assert_eq(value, on);
    }
    t_pair_close(&pair);
}

/* ---- SIGPIPE ------------------------------------------------------------------------------ */

/* A dead peer is an error, never a signal that nobody handles. */
Test(conn, no_sigpipe, .timeout = 60)
{
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    cr_assert_neq(signal(SIGPIPE, SIG_DFL), SIG_ERR);
    cr_assert_eq(pthread_sigmask(SIG_UNBLOCK, &pipe, NULL), 0);
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        for (int all = 0; all < 2; all++) {
            struct nu_pair pair;
            struct t_aio_probe track;
            t_pair_open(&pair);
            t_aio_probe_open(&track, mode);
            t_aio_probe_buffer(&track, data, NU_PLENTY);
            t_pair_reset(&pair);
            for (int i = 1; i <= 3; i++) { /* ECONNRESET, and from then on EPIPE */
                t_aio_probe_write(&track, pair.conn, mode, all);
                t_aio_probe_assert(&track, i, NNG_ECONNRESET);
                cr_assert_eq(nng_aio_count(track.aio), 0);
            }
            t_aio_probe_close(&track);
            t_pair_close(&pair);
        }
    }
    free(data);
}

/* ---- Growth ------------------------------------------------------------------------------- */

static void *swallow(void *arg)
{
    static char buffer[64 << 10];
    int fd = *(int *) arg;
    while (recv(fd, buffer, sizeof buffer, 0) > 0) {
    }
    return NULL;
}

struct chain {
    nng_http_conn *conn;
    int left;
};

static void write_on(struct t_aio_probe *track)
{
    struct chain *chain = track->arg;
    if (track->result == 0 && --chain->left > 0) {
        nng_http_conn_write_all(chain->conn, track->aio);
    }
}

/* `times` writes, each with a time limit, from this thread and from one callback to the next. */
static void write_timed(struct nu_pair *pair, int times)
{
    struct t_aio_probe track;
    struct chain chain = { pair->conn, times };
    char data[64] = { 0 };
    t_aio_probe_open(&track, NU_TIMED);
    t_aio_probe_buffer(&track, data, sizeof data);
    for (int i = 0; i < times; i++) {
        nng_http_conn_write_all(pair->conn, track.aio);
        nng_aio_wait(track.aio);
        cr_assert_eq(nng_aio_result(track.aio), 0);
    }
    t_aio_probe_close(&track);
    t_aio_probe_open(&track, NU_TIMED | NU_CALLED);
    t_aio_probe_buffer(&track, data, sizeof data);
    track.then = write_on;
    track.arg = &chain;
    nng_http_conn_write_all(pair->conn, track.aio);
    t_aio_probe_await(&track, times);
    nng_aio_wait(track.aio);
    cr_assert_eq(nng_aio_result(track.aio), 0);
    t_aio_probe_close(&track);
}

Test(conn, no_growth, .timeout = 120)
{
    struct nu_pair pair;
    pthread_t thread;
    t_pair_open(&pair);
    cr_assert_eq(pthread_create(&thread, NULL, swallow, &pair.fd), 0);
    write_timed(&pair, NU_TIMES(5000));
    size_t rss = t_proc_rss();
    unsigned fds = t_proc_fds(), threads = t_proc_threads();
    write_timed(&pair, NU_TIMES(50000));
    t_proc_await_fds(fds);
    t_proc_await_threads(threads);
#ifndef NU_SANITIZED
    cr_assert_lt(t_proc_rss(), rss + (1 << 20), "%zu bytes more", t_proc_rss() - rss);
#else
    (void) rss;
#endif
    nng_http_conn_close(pair.conn);
    pthread_join(thread, NULL);
    close(pair.fd);
    nng_fini(); /* joins the worker that has ended last, which ThreadSanitizer misses otherwise */
}
