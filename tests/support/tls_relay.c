/* SPDX-License-Identifier: MIT */
#include "support/tls_relay.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <nng/uring.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/pki.h"

#define SIZE 16384

bool t_tls_wanted(void)
{
    return getenv("NU_TESTS_TLS") != NULL;
}

static atomic_uint open_fds, handshakes;

void t_tls_relay_await_handshakes(void)
{
    while (atomic_load(&handshakes) > 0) {
        usleep(100);
    }
}

unsigned t_tls_relay_fds(void)
{
    return atomic_load(&open_fds);
}

/* One way: what was read and is not written yet. */
struct way {
    char data[SIZE];
    size_t from, to;
    bool ended; /* nothing more is read */
    bool told;  /* and the other side knows */
};

struct relay {
    int plain, secure;
    bool gone;   /* the plain side has been reset */
    bool shakes; /* hands, still */
    SSL_CTX *ctx;
    SSL *ssl;
    struct way in, out;        /* to the plain side, and from it */
    short in_wants, out_wants; /* what the secure socket has to be ready for, for these */
};

static bool full(const struct way *way)
{
    return way->to > way->from;
}

/* Secure to plain. False: it has been reset. */
static bool decrypt(struct relay *r)
{
    r->in_wants = 0;
    if (full(&r->in) || r->in.ended) {
        return true;
    }
    ERR_clear_error();
    errno = 0;
    int n = SSL_read(r->ssl, r->in.data, SIZE);
    if (n > 0) {
        r->in.from = 0;
        r->in.to = (size_t) n;
        return true;
    }
    switch (SSL_get_error(r->ssl, n)) {
    case SSL_ERROR_WANT_READ:
        r->in_wants = POLLIN;
        return true;
    case SSL_ERROR_WANT_WRITE:
        r->in_wants = POLLOUT;
        return true;
    case SSL_ERROR_ZERO_RETURN:
        r->in.ended = true;
        return true;
    default:
        if (SSL_is_init_finished(r->ssl) || errno == ECONNRESET) {
            return false;
        }
        r->in.ended = r->out.ended = r->out.told = true; /* given up before anything was said */
        return true;
    }
}

static bool encrypt(struct relay *r)
{
    r->out_wants = 0;
    if (!full(&r->out)) {
        if (r->out.ended && !r->out.told) {
            ERR_clear_error();
            bool busy = SSL_in_init(r->ssl);
            int n = busy ? 0 : SSL_shutdown(r->ssl);
            r->out.told = !busy && (n >= 0 || SSL_get_error(r->ssl, n) != SSL_ERROR_WANT_WRITE);
            r->out_wants = r->out.told ? 0 : busy ? POLLIN : POLLOUT;
            if (r->out.told) {
                shutdown(r->secure, SHUT_WR);
            }
        }
        return true;
    }
    ERR_clear_error();
    int n = SSL_write(r->ssl, r->out.data + r->out.from, (int) (r->out.to - r->out.from));
    if (n > 0) {
        r->out.from += (size_t) n;
        return true;
    }
    int err = SSL_get_error(r->ssl, n);
    if (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE) {
        r->out_wants = err == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        return true;
    }
    r->out.from = r->out.to = 0; /* it is closed there; what was sent from there is still here */
    r->out.ended = r->out.told = true;
    return true;
}

/* The plain side, as far as it goes. False: it has been reset. */
static bool serve_plain(struct relay *r)
{
    ssize_t n;
    if (full(&r->in)) {
        n = send(r->plain, r->in.data + r->in.from, r->in.to - r->in.from,
                 MSG_DONTWAIT | MSG_NOSIGNAL);
        r->in.from += n > 0 ? (size_t) n : 0;
        if (n < 0 && errno != EAGAIN) {
            r->in.from = r->in.to = 0; /* nobody is there to take it; what they have said counts */
            r->gone = true;
        }
    }
    if (!full(&r->in) && r->in.ended && !r->in.told) {
        r->in.told = true;
        shutdown(r->plain, SHUT_WR);
    }
    if (!full(&r->out) && !r->out.ended) {
        n = recv(r->plain, r->out.data, SIZE, MSG_DONTWAIT);
        r->out.from = 0;
        r->out.to = n > 0 ? (size_t) n : 0;
        r->out.ended = n == 0;
        return n > 0 || (!r->gone && (n == 0 || errno == EAGAIN));
    }
    return !r->gone || full(&r->out);
}

static void wait_for_something(const struct relay *r)
{
    struct pollfd fds[2] = {
        { .fd = r->secure, .events = (short) (r->in_wants | r->out_wants) },
        { .fd = r->plain,
          .events = (short) ((full(&r->in) ? POLLOUT : 0) |
                             (!full(&r->out) && !r->out.ended ? POLLIN : 0)) },
    };
    bool reads = !full(&r->in) && !r->in.ended && r->in_wants == 0; /* there may be more */
    if (reads || (full(&r->out) && r->out_wants == 0)) {
        return;
    }
    (void) poll(fds, 2, 10000);
}

static void close_hard(int fd)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fd);
}

static void note_handshake(struct relay *r, bool over)
{
    if (r->shakes && (over || SSL_is_init_finished(r->ssl))) {
        r->shakes = false;
        atomic_fetch_sub(&handshakes, 1);
    }
}

static void *relay_run(void *arg)
{
    struct relay *r = arg;
    bool ok = true;
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL); /* OpenSSL writes without MSG_NOSIGNAL */
    while (ok && !(r->in.told && r->out.told)) {
        ok = serve_plain(r) && decrypt(r) && serve_plain(r) && encrypt(r);
        note_handshake(r, !ok);
        if (ok) {
            wait_for_something(r);
        }
    }
    note_handshake(r, true);
    atomic_fetch_sub(&open_fds, 2); /* before they go: nobody is to see too few */
    if (ok) {
        close(r->plain);
        close(r->secure);
    } else {
        close_hard(r->plain);
        for (int n = 1, i = 0; i < 100 && ioctl(r->secure, SIOCOUTQNSD, &n) == 0 && n > 0; i++) {
            usleep(1000); /* what was said before goes first */
        }
        close_hard(r->secure);
    }
    SSL_free(r->ssl);
    SSL_CTX_free(r->ctx);
    free(r);
    return NULL;
}

static void set_nodelay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void set_buffers(int fd, int buffer)
{
    set_nodelay(fd);
    if (buffer > 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    }
}

/* Two ends of a connection over loopback: resets pass through it, as they do not through AF_UNIX.
 */
static void connect_pair(int fds[2], int buffer)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof sin;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    set_buffers(listener, buffer);
    cr_assert_eq(bind(listener, (struct sockaddr *) &sin, len), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *) &sin, &len), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    set_buffers(fds[0], buffer);
    cr_assert_eq(connect(fds[0], (struct sockaddr *) &sin, len), 0);
    fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    cr_assert_geq(fds[1], 0);
    set_buffers(fds[1], buffer);
    close(listener);
}

static struct t_cert own;

static void make_own_cert(void)
{
    t_cert_make(&own, NULL, &(struct t_cert_params){ .san = "DNS:localhost,IP:127.0.0.1" });
}

static void use_own_cert(SSL_CTX *ctx)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_own_cert);
    cr_assert_eq(SSL_CTX_use_certificate(ctx, own.cert), 1);
    cr_assert_eq(SSL_CTX_use_PrivateKey(ctx, own.key), 1);
}

int t_tls_relay(int fd, bool server, int buffer)
{
    struct relay *r = calloc(1, sizeof *r);
    int fds[2];
    pthread_t thread;
    connect_pair(fds, buffer);
    r->shakes = true;
    atomic_fetch_add(&handshakes, 1);
    atomic_fetch_add(&open_fds, 2); /* that of the caller is one of them */
    set_nodelay(fd);
    r->plain = fds[0];
    r->secure = fd;
    r->ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (server) {
        use_own_cert(r->ctx);
    }
    SSL_CTX_set_mode(r->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    r->ssl = SSL_new(r->ctx);
    if (server) {
        SSL_set_accept_state(r->ssl);
    } else {
        SSL_set_connect_state(r->ssl);
    }
    SSL_set_fd(r->ssl, fd);
    cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    cr_assert_eq(pthread_create(&thread, NULL, relay_run, r), 0);
    pthread_detach(thread);
    return fds[1];
}

nng_tls_config *t_tls_server_config(void)
{
    nng_tls_config *config;
    cr_assert_eq(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), 0);
    cr_assert_eq(nng_uring_tls_config_self_signed(config, "localhost,127.0.0.1"), 0);
    return config;
}

nng_tls_config *t_tls_client_config(void)
{
    nng_tls_config *config;
    cr_assert_eq(nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT), 0);
    cr_assert_eq(nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_NONE), 0);
    return config;
}
