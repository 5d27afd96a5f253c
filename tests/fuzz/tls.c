/* SPDX-License-Identifier: MIT */
/*
 * A TLS connection of ours, client or server, with a peer that is OpenSSL's and does what the input
 * says: the first byte is the role and the version, each two after it something that it says, or
 * something that happens to its records on the way. What either side reads is what the other has
 * written, and there is an end.
 */
#include "io/loop.h"
#include "io/runtime.h"
#include "stream/bytes.h"
#include "tls/config.h"

#include <errno.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/uring.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATIENCE 20 /* seconds */
#define MOMENT 3    /* milliseconds in which an answer should come */
#define MOST 65536

static nng_tls_config *configs[2]; /* as the client, as the server */
static SSL_CTX *ctxs[2];           /* the peer's, as the server, as the client */

static void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "tls: %s\n", what);
        abort();
    }
}

/* ---- What is said ------------------------------------------------------------------------- */

static uint8_t pattern(size_t i)
{
    return (uint8_t) (i * 7 + (i >> 8));
}

static void fill(uint8_t *p, size_t from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = pattern(from + i);
    }
}

static void verify(const uint8_t *p, size_t from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        require(p[i] == pattern(from + i), "other bytes than were written");
    }
}

/* ---- Our side ----------------------------------------------------------------------------- */

struct ours {
    struct nu_task task;
    nng_stream *stream;
    nng_aio *reading, *writing;
    sem_t opened, read_ended;
    int fd;
    bool server;
    uint8_t in[1000], out[MOST];
    atomic_size_t heard, said; /* bytes */
};

static void ours_open(struct nu_task *task)
{
    struct ours *o = nu_container(task, struct ours, task);
    struct nu_bytes_params params = { .tls = configs[o->server], .host = "localhost" };
    require(nu_bytes_new(&o->stream, nu_runtime_loop(0), o->fd, &params) == 0, "no stream");
    sem_post(&o->opened);
}

static void ours_read(void *arg)
{
    struct ours *o = arg;
    size_t n = nng_aio_count(o->reading);
    if (nng_aio_result(o->reading) != 0) {
        sem_post(&o->read_ended);
        return;
    }
    verify(o->in, atomic_fetch_add(&o->heard, n), n);
    nng_stream_recv(o->stream, o->reading);
}

static void ours_say(struct ours *o, size_t n)
{
    if (nng_aio_busy(o->writing)) {
        return;
    }
    o->said += nng_aio_count(o->writing);
    fill(o->out, o->said, n);
    nng_iov iov = { o->out, n };
    nng_aio_set_iov(o->writing, 1, &iov);
    nng_stream_send(o->stream, o->writing);
}

static void await(sem_t *sem)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE;
    int err;
    do {
        err = sem_timedwait(sem, &until);
    } while (err != 0 && errno == EINTR); /* libFuzzer's alarm */
    require(err == 0, "no end");
}

static void ours_start(struct ours *o, int fd, bool server)
{
    memset(o, 0, sizeof *o);
    o->task.run = ours_open;
    o->fd = fd;
    o->server = server;
    sem_init(&o->opened, 0, 0);
    sem_init(&o->read_ended, 0, 0);
    require(nng_aio_alloc(&o->reading, ours_read, o) == 0 &&
                nng_aio_alloc(&o->writing, NULL, NULL) == 0,
            "memory");
    nu_loop_post(nu_runtime_loop(0), &o->task);
    await(&o->opened);
    nng_iov iov = { o->in, sizeof o->in };
    nng_aio_set_iov(o->reading, 1, &iov);
    nng_stream_recv(o->stream, o->reading);
}

static void ours_end(struct ours *o)
{
    await(&o->read_ended);
    nng_stream_close(o->stream);
    nng_aio_wait(o->writing);
    nng_stream_free(o->stream);
    nng_aio_free(o->reading);
    nng_aio_free(o->writing);
    sem_destroy(&o->opened);
    sem_destroy(&o->read_ended);
}

/* ---- Theirs ------------------------------------------------------------------------------- */

struct theirs {
    SSL *ssl;
    BIO *in, *out; /* records from and to ours */
    int fd;
    size_t heard, said;
};

static void theirs_open(struct theirs *t, int fd, bool server, bool old)
{
    struct timeval tv = { .tv_sec = PATIENCE };
    memset(t, 0, sizeof *t);
    t->fd = fd;
    t->ssl = SSL_new(ctxs[server]);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    require(t->ssl != NULL && t->in != NULL && t->out != NULL, "memory");
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_max_proto_version(t->ssl, old ? TLS1_2_VERSION : TLS1_3_VERSION);
    if (server) {
        SSL_set_connect_state(t->ssl); /* ours is the server */
    } else {
        SSL_set_accept_state(t->ssl);
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
}

/* The socket has room for more than is ever sent, unless ours does not read any more. */
static void theirs_send(struct theirs *t, const void *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(t->fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return;
        }
        p = (const char *) p + sent;
        n -= (size_t) sent;
    }
}

/* Takes what it has to say. */
static size_t theirs_pending(struct theirs *t, uint8_t *p, size_t room)
{
    int n = BIO_read(t->out, p, (int) room);
    return n > 0 ? (size_t) n : 0;
}

static void theirs_flush(struct theirs *t)
{
    uint8_t p[16384];
    size_t n;
    while ((n = theirs_pending(t, p, sizeof p)) > 0) {
        theirs_send(t, p, n);
    }
}

/* What has come, if it comes soon. */
static void theirs_hear(struct theirs *t)
{
    uint8_t p[16384];
    struct pollfd pfd = { t->fd, POLLIN, 0 };
    ssize_t n;
    (void) poll(&pfd, 1, MOMENT);
    while ((n = recv(t->fd, p, sizeof p, MSG_DONTWAIT)) > 0) {
        BIO_write(t->in, p, (int) n);
    }
    while ((n = SSL_read(t->ssl, p, sizeof p)) > 0) {
        verify(p, t->heard, (size_t) n);
        t->heard += (size_t) n;
    }
}

static void theirs_say(struct theirs *t, size_t n)
{
    uint8_t p[4096];
    fill(p, t->said, n);
    int said = SSL_is_init_finished(t->ssl) ? SSL_write(t->ssl, p, (int) n) : 0;
    t->said += said > 0 ? (size_t) said : 0;
}

static void theirs_shake_hands(struct theirs *t)
{
    for (int i = 0; i < 4 && !SSL_is_init_finished(t->ssl); i++) {
        (void) SSL_do_handshake(t->ssl);
        theirs_flush(t);
        theirs_hear(t);
    }
    theirs_flush(t);
}

/* ---- What the input says ------------------------------------------------------------------ */

/* Records on their way are sent in pieces, changed, lost, or twice. */
static void mistreat(struct theirs *t, unsigned how, uint8_t arg)
{
    uint8_t p[4096];
    size_t n = theirs_pending(t, p, how == 0 ? 1U + arg : sizeof p);
    if (how == 1 && n > 0) {
        p[arg * n / 256] ^= (uint8_t) (1U << arg % 8);
    }
    if (how != 2) {
        theirs_send(t, p, n);
    }
    if (how == 3) {
        theirs_send(t, p, n);
    }
}

/* A whole record, of any type and content, that is not encrypted. */
static size_t forge(struct theirs *t, const uint8_t *p, size_t n)
{
    uint8_t record[5 + 255] = { p[0], 3, 3, 0, p[1] };
    size_t len = p[1] < n - 2 ? p[1] : n - 2;
    memcpy(record + 5, p + 2, len);
    theirs_send(t, record, 5 + len);
    return len;
}

/* Returns how many bytes more than two of the input it has used. */
static size_t act(struct ours *o, struct theirs *t, const uint8_t *p, size_t n)
{
    unsigned what = p[0] % 14;
    uint8_t arg = p[1];
    switch (what) {
    case 0:
        theirs_say(t, 1U + arg * 16U);
        break;
    case 1:
        (void) SSL_key_update(t->ssl, arg % 2);
        (void) SSL_do_handshake(t->ssl);
        break;
    case 2:
        (void) SSL_new_session_ticket(t->ssl);
        (void) SSL_do_handshake(t->ssl);
        break;
    case 3:
        (void) SSL_shutdown(t->ssl);
        break;
    case 4:
        theirs_hear(t);
        break;
    case 5:
        (void) SSL_do_handshake(t->ssl);
        theirs_flush(t);
        break;
    case 6:
        ours_say(o, 1U + arg * 256U);
        break;
    case 7:
        shutdown(t->fd, SHUT_WR);
        break;
    case 8:
        nng_stream_close(o->stream);
        break;
    case 9:
        return n > 2 ? forge(t, p, n) : 0;
    default:
        mistreat(t, what - 10, arg);
        break;
    }
    return 0;
}

/* The peer shows the certificate that ours has as the server. */
static void start(void)
{
    setenv("NNG_URING_LOOPS", "1", 1);
    require(nng_tls_config_alloc(&configs[0], NNG_TLS_MODE_CLIENT) == 0 &&
                nng_tls_config_auth_mode(configs[0], NNG_TLS_AUTH_MODE_NONE) == 0 &&
                nng_tls_config_alloc(&configs[1], NNG_TLS_MODE_SERVER) == 0 &&
                nng_uring_tls_config_self_signed(configs[1], "localhost") == 0,
            "configuration");
    ctxs[0] = SSL_CTX_new(TLS_server_method());
    ctxs[1] = SSL_CTX_new(TLS_client_method());
    require(ctxs[0] != NULL && ctxs[1] != NULL &&
                SSL_CTX_use_certificate(ctxs[0], configs[1]->cred->cert) == 1 &&
                SSL_CTX_use_PrivateKey(ctxs[0], configs[1]->cred->key) == 1 &&
                nu_runtime_start() == 0,
            "start");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ours o;
    struct theirs t;
    int fds[2];
    if (configs[0] == NULL) {
        start();
    }
    if (size == 0) {
        return 0;
    }
    bool server = data[0] & 1, old = data[0] & 2, at_once = data[0] & 4;
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
    theirs_open(&t, fds[0], server, old);
    ours_start(&o, fds[1], server);
    if (!at_once) {
        theirs_shake_hands(&t);
    }
    for (size_t i = 1; i + 1 < size && i < 200; i += 2) {
        i += act(&o, &t, data + i, size - i);
    }
    theirs_flush(&t);
    shutdown(t.fd, SHUT_WR);
    ours_end(&o);
    require(o.heard <= t.said, "more than was written");
    close(t.fd);
    SSL_free(t.ssl);
    return 0;
}
