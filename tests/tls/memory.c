/* SPDX-License-Identifier: MIT */
/* What an idle TLS connection costs a server. */
#include "base/check.h"
#include "support/pki.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <malloc.h>
#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/uring.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(tls_memory, .timeout = 60);

#define FIRST                                                                                      \
    16 /* clients, which every loop has some of: what it keeps is there once and for all */
#define CLIENTS 64

/* 13,600 bytes of it are OpenSSL's 3.0, which has no buffers then; it is another matter how much
 * those take that come after it. */
#define MOST (OPENSSL_VERSION_NUMBER < 0x30100000L ? 16384U : 32768U)

#if !defined(NU_ASAN) && !defined(NU_TSAN) /* they have a malloc() of their own */

/* Asks, and keeps the connection. Whether it got an answer. */
static bool come(SSL_CTX *ctx, uint16_t port)
{
    static const char req[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
    char text[1024];
    int fd = socket(AF_INET, SOCK_STREAM, 0), got = 0, n = 1;
    SSL *ssl = SSL_new(ctx);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (ssl == NULL || connect(fd, (struct sockaddr *) &addr, sizeof addr) != 0 ||
        SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1 ||
        SSL_write(ssl, req, sizeof req - 1) <= 0) {
        return false;
    }
    while (n > 0 && (got < 5 || memcmp(text + got - 5, "hello", 5) != 0)) {
        n = SSL_read(ssl, text + got, (int) sizeof text - got);
        got += n > 0 ? n : 0;
    }
    return n > 0;
}

static bool all_come(SSL_CTX *ctx, uint16_t port, unsigned n)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < n; i++) {
        ok = come(ctx, port);
    }
    return ok;
}

/* Clients, in a process of their own: says when the first have been there, and when all have; goes
 * on when it is told to, each time. */
static void play_clients(int fd)
{
    uint16_t port;
    bool ok = read(fd, &port, sizeof port) == sizeof port;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    ok = ok && all_come(ctx, port, FIRST);
    (void) !write(fd, &ok, sizeof ok);
    ok = ok && read(fd, &ok, sizeof ok) == sizeof ok && all_come(ctx, port, CLIENTS);
    (void) !write(fd, &ok, sizeof ok);
    (void) !read(fd, &ok, sizeof ok);
    _exit(0);
}

static void await(int fd)
{
    bool ok = false;
    cr_assert_eq(read(fd, &ok, sizeof ok), (ssize_t) sizeof ok);
    cr_assert(ok);
}

/* What there is now more than before, for each of them; once what was said is forgotten. */
static size_t take_each(size_t before)
{
    size_t each = SIZE_MAX;
    for (unsigned i = 0; i < 200 && each > MOST; i++) {
        nng_msleep(50);
        each = (mallinfo2().uordblks - before) / CLIENTS;
    }
    return each;
}

static nng_http_server *start_server(uint16_t *port)
{
    nng_http_handler *handler;
    nng_http_server *server;
    nng_tls_config *config;
    nng_sockaddr addr;
    nng_url *url;
    cr_assert_eq(nng_url_parse(&url, "https://127.0.0.1:0"), 0);
    cr_assert_eq(nng_http_server_hold(&server, url), 0);
    nng_url_free(url);
    cr_assert_eq(nng_http_server_get_tls(server, &config), 0);
    cr_assert_eq(nng_uring_tls_config_self_signed(config, "127.0.0.1"), 0);
    nng_tls_config_free(config);
    cr_assert_eq(nng_http_handler_alloc_static(&handler, "/", "hello", 5, "a/b"), 0);
    cr_assert_eq(nng_http_server_add_handler(server, handler), 0);
    cr_assert_eq(nng_http_server_start(server), 0);
    cr_assert_eq(nng_http_server_get_addr(server, &addr), 0);
    *port = ntohs(addr.s_in.sa_port);
    return server;
}

Test(tls_memory, an_idle_connection)
{
    bool go = true;
    int fds[2];
    uint16_t port;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    pid_t child = fork();
    if (child == 0) {
        close(fds[0]); /* or the end of its parent is not one to it */
        play_clients(fds[1]);
    }
    close(fds[1]);
    setenv("NNG_URING_LOOPS", "1", 1);
    nng_http_server *server = start_server(&port);
    cr_assert_eq(write(fds[0], &port, sizeof port), (ssize_t) sizeof port);
    await(fds[0]);
    nng_msleep(50);
    size_t before = mallinfo2().uordblks;
    cr_assert_eq(write(fds[0], &go, sizeof go), (ssize_t) sizeof go);
    await(fds[0]);
    size_t each = take_each(before);
    cr_assert_leq(each, MOST, "%zu bytes", each);
    cr_assert_eq(write(fds[0], &go, sizeof go), (ssize_t) sizeof go);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    close(fds[0]);
    nng_http_server_release(server);
}

#endif
