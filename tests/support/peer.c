/* SPDX-License-Identifier: MIT */
#include "support/peer.h"

#include "http/conn.h"
#include "support/owner.h"
#include "support/running.h"
#include "support/tls_relay.h"
#include "support/unix_place.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nng/uring.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BUFFER (128 << 10) /* of each side; the kernel doubles it */

/* ---- Connecting --------------------------------------------------------------------------- */

static void set_buffer(int fd, int option, int size)
{
    if (size > 0) {
        cr_assert_eq(setsockopt(fd, SOL_SOCKET, option, &size, sizeof size), 0);
    }
}

static int listen_unix(unsigned *port)
{
    *port = t_unix_port();
    struct sockaddr_un un = t_unix_address(*port);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *) &un, sizeof un), 0, "%s", un.sun_path);
    cr_assert_eq(listen(fd, 128), 0);
    return fd;
}

int nu_listen(unsigned *port, int buffer)
{
    if (t_unix_wanted()) {
        return listen_unix(port);
    }
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    set_buffer(fd, SO_RCVBUF, buffer);
    cr_assert_eq(bind(fd, (struct sockaddr *) &sin, len), 0);
    cr_assert_eq(listen(fd, 128), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *) &sin, &len), 0);
    *port = ntohs(sin.sin_port);
    return fd;
}

int t_connect(unsigned port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t) port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const struct timeval most = { .tv_sec = 120 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most), 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *) &to, sizeof to), 0);
    return fd;
}

unsigned t_port(void)
{
    static atomic_uint calls;
    struct sockaddr_in sin = { .sin_family = AF_INET };
    bool ours = false;
    unsigned port = 0;
    while (!ours) {
        port = 10240 + ((unsigned) getpid() * 8 + atomic_fetch_add(&calls, 1)) % 20480;
        sin.sin_port = htons((uint16_t) port);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_geq(fd, 0);
        ours = bind(fd, (struct sockaddr *) &sin, sizeof sin) == 0;
        close(fd);
    }
    return port;
}

bool t_ipv6_here(void)
{
    struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool here = fd >= 0 && bind(fd, (struct sockaddr *) &sin6, sizeof sin6) == 0;
    close(fd);
    return here;
}

nng_url *t_url(unsigned port)
{
    char text[64];
    nng_url *url;
    if (t_unix_wanted()) {
        return t_unix_url(port);
    }
    snprintf(text, sizeof text, "%s://127.0.0.1:%u", t_tls_wanted() ? "https" : "http", port);
    cr_assert_eq(nng_url_parse(&url, text), 0);
    return url;
}

nng_http_client *t_client(unsigned port)
{
    nng_url *url = t_url(port);
    nng_http_client *client;
    cr_assert_eq(nng_http_client_alloc(&client, url), 0);
    nng_url_free(url);
    if (t_tls_wanted()) {
        nng_tls_config *config = t_tls_client_config();
        cr_assert_eq(nng_http_client_set_tls(client, config), 0);
        nng_tls_config_free(config);
    }
    return client;
}

/* What a test looks at begins with an open connection, over TLS as over TCP. */
static void await_handshake(nng_http_conn *conn)
{
    nng_uring_tls_info *info;
    int err;
    while ((err = nng_uring_conn_tls_info(conn, &info)) == NNG_EAGAIN) {
        usleep(100);
    }
    cr_assert_eq(err, 0, "handshake: %s", nng_strerror(err));
    nng_uring_tls_info_free(info);
    t_tls_relay_await_handshakes();
}

void t_pair_connect(struct nu_pair *pair, int listener, nng_http_client *client)
{
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_http_client_connect(client, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), 0, "connect: %s", nng_strerror(nng_aio_result(aio)));
    pair->conn = nng_aio_get_output(aio, 0);
    nng_aio_free(aio);
    pair->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    cr_assert_geq(pair->fd, 0);
    if (t_tls_wanted()) {
        int size;
        socklen_t len = sizeof size;
        cr_assert_eq(getsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, &len), 0);
        pair->fd = t_tls_relay(pair->fd, true, size == 2 * BUFFER ? BUFFER : 0);
        await_handshake(pair->conn);
    }
}

static void open_pair(struct nu_pair *pair, int buffer)
{
    unsigned port;
    int listener = nu_listen(&port, buffer);
    nng_http_client *client = t_client(port);
    t_pair_connect(pair, listener, client);
    set_buffer(pair->conn->tcp.fd, SO_SNDBUF, buffer);
    nng_http_client_free(client);
    close(listener);
}

void t_pair_open(struct nu_pair *pair)
{
    open_pair(pair, BUFFER);
}

void t_pair_open_wide(struct nu_pair *pair)
{
    open_pair(pair, 0);
}

/* Whether all that was sent is acknowledged, which makes room; the peer's kernel is asked to hurry.
 */
static bool settled(const struct nu_pair *pair)
{
    int on = 1;
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (t_unix_wanted()) {
        return true; /* what is sent is with the peer */
    }
    cr_assert_eq(setsockopt(pair->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on), 0);
    cr_assert_eq(getsockopt(pair->conn->tcp.fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_unacked == 0;
}

/* Over TLS nobody can write past the connection. It is full when a write has to wait, and nobody
 * would make room if only he had a processor. */
static size_t fill_by_writing(struct nu_pair *pair, size_t from, unsigned seed)
{
    uint8_t *data = t_pattern_new(from + NU_PLENTY, seed);
    size_t sum = 0;
    bool full = false;
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, 200);
    while (!full) {
        nng_iov iov = { data + from + sum, NU_PLENTY - sum };
        cr_assert_eq(nng_aio_set_iov(aio, 1, &iov), 0);
        nng_http_conn_write(pair->conn, aio);
        nng_aio_wait(aio);
        int err = nng_aio_result(aio);
        cr_assert(err == 0 || err == NNG_ETIMEDOUT, "%s", nng_strerror(err));
        sum += nng_aio_count(aio);
        cr_assert_lt(sum, NU_PLENTY);
        full = err != 0 && nng_aio_count(aio) == 0 && t_threads_running() == 1;
    }
    nng_aio_free(aio);
    free(data);
    return sum;
}

size_t t_pair_fill(struct nu_pair *pair, size_t from, unsigned seed)
{
    if (t_tls_wanted()) {
        return fill_by_writing(pair, from, seed);
    }
    uint8_t *data = t_pattern_new(from + NU_PLENTY, seed);
    size_t sum = 0;
    for (bool full = false; !full;) {
        bool quiet = settled(pair);
        int fd = pair->conn->tcp.fd;
        ssize_t n = send(fd, data + from + sum, NU_PLENTY - sum, MSG_DONTWAIT | MSG_NOSIGNAL);
        cr_assert(n > 0 || errno == EAGAIN);
        full = n < 0 && quiet;
        sum += n > 0 ? (size_t) n : 0;
    }
    free(data);
    cr_assert_lt(sum, NU_PLENTY);
    return sum;
}

void t_pair_close(struct nu_pair *pair)
{
    nng_http_conn_close(pair->conn);
    if (pair->fd >= 0) {
        close(pair->fd);
    }
    *pair = (struct nu_pair){ .fd = -1 };
}

/* Over TLS it takes its time to come by, and on a busy machine over TCP. */
static void await_reset(const struct nu_pair *pair)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;
    bool waits = !t_unix_wanted() && pair->conn != NULL;
    for (int i = 0; i < 100000 && waits && info.tcpi_state != TCP_CLOSE; i++) {
        usleep(i > 0 ? 100 : 0);
        if (getsockopt(pair->conn->tcp.fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0) {
            return; /* closed here, too */
        }
    }
}

void t_pair_reset_now(struct nu_pair *pair)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };
    cr_assert_eq(setsockopt(pair->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    close(pair->fd);
    pair->fd = -1;
}

void t_pair_reset(struct nu_pair *pair)
{
    t_pair_reset_now(pair);
    await_reset(pair);
}

void t_pair_abort(struct nu_pair *pair)
{
    struct sockaddr none = { .sa_family = AF_UNSPEC };
    /* not connect(): that makes another descriptor of it, to ThreadSanitizer */
    cr_assert_eq(syscall(SYS_connect, pair->fd, &none, sizeof none), 0);
}

void t_on_owner(nng_http_conn *conn, void (*fn)(void *arg), void *arg)
{
    t_run_on(conn->stream->loop, fn, arg);
}

/* ---- Patterns ----------------------------------------------------------------------------- */

/* Not for sanitizers to look at every byte of. */
#define BULK __attribute__((no_sanitize("thread", "address")))

BULK uint8_t *t_pattern_new(size_t size, unsigned seed)
{
    uint8_t *p = malloc(size);
    cr_assert_not_null(p);
    for (size_t i = 0; i < size; i++) {
        p[i] = t_pattern(i, seed);
    }
    return p;
}

BULK void t_pattern_assert(const uint8_t *p, size_t from, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != t_pattern(from + i, seed)) {
            cr_assert_fail("byte %zu is %u, not %u", from + i, p[i], t_pattern(from + i, seed));
        }
    }
}

/* ---- Reading ------------------------------------------------------------------------------ */

/* Bytes read, 0 at the end of the stream, -errno. */
static ssize_t read_some(int fd, uint8_t *p, size_t n)
{
    ssize_t got;
    do {
        got = recv(fd, p, n, 0);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

void t_peer_read(int fd, size_t from, size_t n, unsigned seed)
{
    static _Thread_local uint8_t buffer[64 << 10];
    while (n > 0) {
        ssize_t got = read_some(fd, buffer, n < sizeof buffer ? n : sizeof buffer);
        cr_assert_gt(got, 0, "%zu bytes did not arrive: %zd", n, got);
        t_pattern_assert(buffer, from, (size_t) got, seed);
        from += (size_t) got;
        n -= (size_t) got;
    }
}

size_t t_peer_rest(int fd, size_t from, unsigned seed)
{
    static _Thread_local uint8_t buffer[64 << 10];
    size_t n = 0;
    ssize_t got;
    while ((got = read_some(fd, buffer, sizeof buffer)) > 0) {
        t_pattern_assert(buffer, from + n, (size_t) got, seed);
        n += (size_t) got;
    }
    cr_assert_eq(got, 0, "after %zu bytes: %s", n, strerror((int) -got));
    return n;
}

void t_pair_assert_rest(struct nu_pair *pair, size_t from, size_t n, unsigned seed)
{
    nng_http_conn_close(pair->conn);
    pair->conn = NULL;
    size_t really = t_peer_rest(pair->fd, from, seed);
    cr_assert_eq(really, n, "%zu bytes were counted, %zu arrived", n, really);
}

/* The n bytes at p are those from `at` on of what repeats. */
static void assert_period(const struct t_drain *d, const uint8_t *p, size_t at, size_t n)
{
    while (n > 0) {
        size_t from = at % d->period_size, part = d->period_size - from;
        part = part < n ? part : n;
        cr_assert_eq(memcmp(p, d->period + from, part), 0, "wrong bytes behind %zu", at);
        p += part;
        at += part;
        n -= part;
    }
}

static void *drain(void *arg)
{
    struct t_drain *d = arg;
    uint8_t *p = malloc(d->chunk);
    cr_assert_not_null(p);
    for (ssize_t got; (got = read_some(d->fd, p, d->chunk)) > 0;) {
        size_t at = atomic_load(&d->bytes);
        if (d->period != NULL) {
            assert_period(d, p, at, (size_t) got);
        } else {
            t_pattern_assert(p, at, (size_t) got, d->seed);
        }
        atomic_fetch_add(&d->bytes, (size_t) got);
        usleep(atomic_load(&d->pause_us));
    }
    free(p);
    return NULL;
}

void t_drain_start(struct t_drain *d)
{
    atomic_init(&d->bytes, 0);
    if (d->chunk == 0) {
        d->chunk = 256 << 10;
    }
    cr_assert_eq(pthread_create(&d->thread, NULL, drain, d), 0);
}

size_t t_drain_join(struct t_drain *d)
{
    cr_assert_eq(pthread_join(d->thread, NULL), 0);
    return atomic_load(&d->bytes);
}
