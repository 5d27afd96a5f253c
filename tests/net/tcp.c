/* SPDX-License-Identifier: MIT */
#include "net/tcp.h"

#include "http/conn.h"
#include "support/aio_probe.h"
#include "support/owner.h"
#include "support/peer.h"
#include "support/proc.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(tcp, .timeout = 30);

Test(tcp, options)
{
    struct nu_pair pair;
    int value;
    socklen_t len = sizeof value;
    t_pair_open(&pair);
    cr_assert_eq(getsockopt(pair.conn->tcp.fd, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
    cr_assert_eq(value, 1);
    cr_assert_eq(getsockopt(pair.conn->tcp.fd, SOL_SOCKET, SO_KEEPALIVE, &value, &len), 0);
    cr_assert_eq(value, 0);
    t_pair_close(&pair);
}

/* What the peer has sent and we have not read must not cost it what we have written. */
Test(tcp, close_with_unread_bytes)
{
    uint8_t *data = t_pattern_new(200000, 1);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct nu_pair pair;
        struct t_aio_probe track;
        t_pair_open(&pair);
        t_aio_probe_open(&track, mode);
        t_aio_probe_buffer(&track, data, 200000);
        cr_assert_eq(send(pair.fd, data, 50000, 0), 50000);
        t_aio_probe_write(&track, pair.conn, mode, true);
        t_aio_probe_assert(&track, 1, 0);
        t_pair_assert_rest(&pair, 0, 200000, 1);
        t_aio_probe_close(&track);
        t_pair_close(&pair);
    }
    free(data);
}

/* Abortive: the peer is reset, and what it had not received is thrown away. */
Test(tcp, abortive_close)
{
    struct nu_pair pair;
    char byte;
    t_pair_open(&pair);
    unsigned fds = t_proc_fds();
    t_pair_fill(&pair, 0, 1);
    nu_stream_close(pair.conn->stream, true);
    pair.conn = NULL;
    t_proc_await_fds(fds - 1);
    ssize_t n;
    while ((n = recv(pair.fd, &byte, 1, 0)) > 0) {
    }
    cr_assert(n < 0 && errno == ECONNRESET);
    t_pair_close(&pair);
}

static void shut(void *arg)
{
    nu_stream_shutdown_write(arg);
}

/* The peer sees the end, and what it sends still arrives. */
Test(tcp, shutdown_write)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    char byte = 0;
    t_pair_open(&pair);
    t_aio_probe_open(&track, 0);
    t_aio_probe_buffer(&track, &byte, 1);
    nng_http_conn_read(pair.conn, track.aio);
    t_run_on(pair.conn->stream->loop, shut, pair.conn->stream);
    cr_assert_eq(t_peer_rest(pair.fd, 0, 0), 0);
    cr_assert_eq(send(pair.fd, "x", 1, 0), 1);
    t_aio_probe_assert(&track, 0, 0);
    cr_assert_eq(byte, 'x');
    t_aio_probe_close(&track);
    t_pair_close(&pair);
}

static void close_and_write(struct t_aio_probe *track)
{
    struct nu_pair *pair = track->arg;
    nng_http_conn *conn = pair->conn;
    if (track->calls == 1) {
        nng_http_conn_write(conn, track->aio);
        nng_http_conn_close(conn);
        pair->conn = NULL;
    }
}

/* Started just before the close, it ends with the bytes it wrote counted, or none. */
Test(tcp, write_just_before_close)
{
    static char data[100];
    for (int i = 0; i < 50; i++) {
        struct nu_pair pair;
        struct t_aio_probe track;
        t_pair_open(&pair);
        t_aio_probe_open(&track, NU_CALLED);
        track.then = close_and_write;
        track.arg = &pair;
        t_aio_probe_buffer(&track, data, sizeof data);
        nng_http_conn_write(pair.conn, track.aio);
        t_aio_probe_await(&track, 2);
        nng_aio_wait(track.aio);
        cr_assert(track.result == 0 || track.result == NNG_ECLOSED);
        char buffer[400];
        size_t sum = 0;
        for (ssize_t n; (n = recv(pair.fd, buffer, sizeof buffer, 0)) > 0;) {
            sum += (size_t) n;
        }
        cr_assert_eq(sum, 100 + track.count);
        t_aio_probe_close(&track);
        t_pair_close(&pair);
    }
}
