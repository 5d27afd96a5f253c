/* SPDX-License-Identifier: MIT */
/* What no honest peer says: each ends the connection with its error, and nothing else. */
#include "support/pki.h"
#include "support/proc.h"
#include "support/tls_relay.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE 20 /* seconds */

static void set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    setenv("NNG_URING_TLS_TIMEOUT", "1000", 1);
}

TestSuite(tls_bad_input, .timeout = 120, .init = set_up);

/* ---- Sockets ------------------------------------------------------------------------------ */

static void limit(int fd)
{
    struct timeval most = { .tv_sec = PATIENCE };
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most), 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most), 0);
}

static int connect_to(unsigned port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    limit(fd);
    cr_assert_eq(connect(fd, (struct sockaddr *) &addr, sizeof addr), 0);
    return fd;
}

/* All that comes until the end, which there has to be. */
static size_t read_to_end(int fd, char *text, size_t room)
{
    size_t n = 0;
    ssize_t got;
    while ((got = recv(fd, text + n, room - 1 - n, 0)) > 0) {
        n += (size_t) got;
    }
    cr_assert(got == 0 || errno == ECONNRESET || errno == EPIPE, "%s", strerror(errno));
    text[n] = '\0';
    return n;
}

/* ---- Our server --------------------------------------------------------------------------- */

struct site {
    nng_http_server *server;
    unsigned port;
    unsigned fds;
};

static void site_open(struct site *site)
{
    nng_tls_config *config = t_tls_server_config();
    nng_http_handler *handler;
    nng_sockaddr addr;
    nng_url *url;
    cr_assert_eq(nng_url_parse(&url, "https://127.0.0.1:0"), 0);
    cr_assert_eq(nng_http_server_hold(&site->server, url), 0);
    nng_url_free(url);
    cr_assert_eq(nng_http_server_set_tls(site->server, config), 0);
    nng_tls_config_free(config);
    cr_assert_eq(nng_http_handler_alloc_static(&handler, "/", "hello", 5, "a/b"), 0);
    cr_assert_eq(nng_http_server_add_handler(site->server, handler), 0);
    cr_assert_eq(nng_http_server_start(site->server), 0);
    cr_assert_eq(nng_http_server_get_addr(site->server, &addr), 0);
    site->port = ntohs(addr.s_in.sa_port);
    site->fds = t_proc_fds();
}

/* Whatever was said to it, it serves others, and has nothing left of it. */
static void site_close(struct site *site)
{
    static const char req[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    char text[1024];
    size_t n = 0;
    t_proc_await_fds(site->fds);
    int fd = connect_to(site->port), got;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    cr_assert_eq(SSL_set_fd(ssl, fd), 1);
    cr_assert_eq(SSL_connect(ssl), 1);
    cr_assert_gt(SSL_write(ssl, req, sizeof req - 1), 0);
    while ((got = SSL_read(ssl, text + n, (int) (sizeof text - 1 - n))) > 0) {
        n += (size_t) got;
    }
    text[n] = '\0';
    cr_assert_not_null(strstr(text, "hello"));
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    nng_http_server_release(site->server);
}

/* What comes before a handshake, and what is answered: the number of an alert, a text, nothing. */
#define NOTHING (-1)
#define TEXT (-2)

static const struct {
    const char *what, *bytes;
    size_t n;
    int alert;
} openings[] = {
#define BYTES(text) text, sizeof text - 1
    { "plain HTTP", BYTES("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), TEXT },
    { "HTTP/2", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), TEXT },
    { "zeros", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), NOTHING },
    { "SSL 2", BYTES("\x80\x0c\x01\x00\x02\x00\x03\x00\x00\x00\x00\x00\x00\x00"), NOTHING },
    { "a record that is too long", BYTES("\x16\x03\x01\xff\xff\x01\x00\xff\xff\x03\x03"),
      SSL_AD_RECORD_OVERFLOW },
    { "data first", BYTES("\x17\x03\x03\x00\x05hello"), SSL_AD_UNEXPECTED_MESSAGE },
    { "an alert", BYTES("\x15\x03\x03\x00\x02\x02\x28"), NOTHING },
    { "a closing alert", BYTES("\x15\x03\x03\x00\x02\x01\x00"), NOTHING },
    { "a Finished first", BYTES("\x16\x03\x03\x00\x04\x14\x00\x00\x00"),
      SSL_AD_UNEXPECTED_MESSAGE },
    { "a hello with nothing in it", BYTES("\x16\x03\x01\x00\x04\x01\x00\x00\x00"),
      SSL_AD_DECODE_ERROR },
};

static void assert_answer(const char *what, const char *text, size_t n, int alert)
{
    if (alert == TEXT) {
        cr_assert_eq(strncmp(text, "HTTP/1.1 400 ", 13), 0, "%s: %s", what, text);
        cr_assert_not_null(strstr(text, "https"), "%s: %s", what, text);
    } else if (alert != NOTHING) {
        cr_assert_eq(n, 7, "%s: %zu bytes", what, n);
        cr_assert_eq(text[0], '\x15', "%s", what);
        cr_assert_eq(text[6], alert, "%s: alert %d", what, text[6]);
    }
}

Test(tls_bad_input, openings)
{
    struct site site;
    site_open(&site);
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
        char text[2048];
        int fd = connect_to(site.port);
        cr_assert_eq(send(fd, openings[i].bytes, openings[i].n, 0), (ssize_t) openings[i].n);
        size_t n = read_to_end(fd, text, sizeof text);
        assert_answer(openings[i].what, text, n, openings[i].alert);
        close(fd);
    }
    site_close(&site);
}

/* A good hello, in memory. */
static size_t hello(char *bytes, size_t room)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    BIO *out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
    cr_assert_eq(SSL_connect(ssl), -1);
    int n = BIO_read(out, bytes, (int) room);
    cr_assert_gt(n, 0);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return (size_t) n;
}

/* Part of a hello: then an end, an alert, noise, or silence, which lasts as long as a handshake
 * may take. */
Test(tls_bad_input, parts_of_a_hello)
{
    static const char alert[] = "\x15\x03\x03\x00\x02\x02\x28", noise[] = "\xff\xff\xff\xff\xff";
    struct site site;
    char bytes[2048], text[2048];
    size_t n = hello(bytes, sizeof bytes);
    site_open(&site);
    for (size_t i = 0; i < n; i += 13) {
        for (int how = 0; how < 3; how++) {
            int fd = connect_to(site.port);
            cr_assert_eq(send(fd, bytes, i, 0), (ssize_t) i);
            if (how > 0) {
                cr_assert_gt(send(fd, how == 1 ? alert : noise, 5, 0), 0);
            }
            shutdown(fd, SHUT_WR);
            read_to_end(fd, text, sizeof text);
            close(fd);
        }
    }
    int fd = connect_to(site.port);
    cr_assert_eq(send(fd, bytes, n / 2, 0), (ssize_t) n / 2);
    read_to_end(fd, text, sizeof text);
    close(fd);
    site_close(&site);
}

/* A good hello whose bytes come one by one, some of them letters, as those of plain HTTP are. */
Test(tls_bad_input, hello_byte_by_byte)
{
    struct site site;
    char bytes[2048];
    size_t n = hello(bytes, sizeof bytes);
    int on = 1, left;
    site_open(&site);
    int fd = connect_to(site.port);
    cr_assert_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(send(fd, bytes + i, 1, 0), 1);
        do {
            cr_assert_eq(ioctl(fd, SIOCOUTQ, &left), 0);
        } while (left > 0);
    }
    cr_assert_eq(recv(fd, bytes, 1, 0), 1);
    cr_assert_eq(bytes[0], '\x16', "a handshake record, not %02x", (unsigned char) bytes[0]);
    close(fd);
    site_close(&site);
}

/* Records after the handshake that are none. */
static const struct {
    const char *what, *bytes;
    size_t n;
} records[] = {
    { "noise", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff") },
    { "a record that is too long", BYTES("\x17\x03\x03\xff\xff\x00\x00\x00\x00\x00\x00\x00") },
    { "one that is not encrypted", BYTES("\x17\x03\x03\x00\x20"
                                         "01234567890123456789012345678901") },
    { "an empty one", BYTES("\x17\x03\x03\x00\x00") },
    { "an alert in the clear", BYTES("\x15\x03\x03\x00\x02\x02\x28") },
    { "plain HTTP", BYTES("GET / HTTP/1.1\r\nHost: a\r\n\r\n") },
};

/* Nothing of it is answered as if it were a request. */
static void say_after_handshake(unsigned port, int version, size_t which)
{
    char text[1024];
    int fd = connect_to(port);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    cr_assert_eq(SSL_CTX_set_max_proto_version(ctx, version), 1);
    SSL *ssl = SSL_new(ctx);
    cr_assert_eq(SSL_set_fd(ssl, fd), 1);
    cr_assert_eq(SSL_connect(ssl), 1);
    cr_assert_gt(send(fd, records[which].bytes, records[which].n, MSG_NOSIGNAL), 0);
    cr_assert_leq(SSL_read(ssl, text, sizeof text), 0, "%s", records[which].what);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
}

Test(tls_bad_input, records)
{
    struct site site;
    site_open(&site);
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        say_after_handshake(site.port, TLS1_2_VERSION, i);
        say_after_handshake(site.port, TLS1_3_VERSION, i);
    }
    site_close(&site);
}

/* A peer that has nothing to say but that its keys are new. */
Test(tls_bad_input, flood_of_key_updates)
{
    struct site site;
    site_open(&site);
    int fd = connect_to(site.port), sent = 0;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    cr_assert_eq(SSL_set_fd(ssl, fd), 1);
    cr_assert_eq(SSL_connect(ssl), 1);
    while (sent < 1000000 && SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
           SSL_do_handshake(ssl) == 1) {
        sent++;
    }
    cr_assert_lt(sent, 1000000);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    site_close(&site);
}

/* ---- Our client --------------------------------------------------------------------------- */

static const struct {
    const char *what, *bytes;
    size_t n;
    bool ends; /* and nothing follows */
    int err;
} answers[] = {
    { "plain HTTP", BYTES("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), false, NNG_ECRYPTO },
    { "zeros", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), false, NNG_ECRYPTO },
    { "a record that is too long", BYTES("\x16\x03\x03\xff\xff\x02\x00\xff\xff\x03\x03"), false,
      NNG_ECRYPTO },
    { "an alert", BYTES("\x15\x03\x03\x00\x02\x02\x28"), false, NNG_ECRYPTO },
    { "data first", BYTES("\x17\x03\x03\x00\x05hello"), false, NNG_ECRYPTO },
    { "a hello with nothing in it", BYTES("\x16\x03\x03\x00\x04\x02\x00\x00\x00"), false,
      NNG_ECRYPTO },
    { "its end", BYTES(""), true, NNG_ECONNRESET },
    { "its end in a record", BYTES("\x16\x03\x03\x00"), true, NNG_ECONNRESET },
    { "silence", BYTES(""), false, NNG_ETIMEDOUT },
    { "half a record", BYTES("\x16\x03\x03\x00\x30\x02"), false, NNG_ETIMEDOUT },
};

static int listen_at(unsigned *port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(fd, (struct sockaddr *) &addr, sizeof addr), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *) &addr, &len), 0);
    *port = ntohs(addr.sin_port);
    return fd;
}

static nng_http_client *client_for(unsigned port)
{
    char text[64];
    nng_url *url;
    nng_http_client *client;
    nng_tls_config *config = t_tls_client_config();
    snprintf(text, sizeof text, "https://127.0.0.1:%u/", port);
    cr_assert_eq(nng_url_parse(&url, text), 0);
    cr_assert_eq(nng_http_client_alloc(&client, url), 0);
    nng_url_free(url);
    cr_assert_eq(nng_http_client_set_tls(client, config), 0);
    nng_tls_config_free(config);
    return client;
}

static void answer_with(size_t which)
{
    unsigned port;
    nng_aio *aio;
    nng_http_req *req;
    nng_http_res *res;
    char byte;
    int listener = listen_at(&port);
    nng_http_client *client = client_for(port);
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    cr_assert_eq(nng_http_req_alloc(&req, NULL), 0);
    cr_assert_eq(nng_http_req_set_uri(req, "/"), 0);
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    nng_http_client_transact(client, req, res, aio);
    int fd = accept(listener, NULL, NULL);
    cr_assert_geq(fd, 0);
    limit(fd);
    cr_assert_eq(recv(fd, &byte, 1, 0), 1); /* its hello */
    cr_assert_eq(send(fd, answers[which].bytes, answers[which].n, MSG_NOSIGNAL),
                 (ssize_t) answers[which].n);
    if (answers[which].ends) {
        shutdown(fd, SHUT_WR);
    }
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), answers[which].err, "%s: %s", answers[which].what,
                 nng_strerror(nng_aio_result(aio)));
    close(fd);
    close(listener);
    nng_http_res_free(res);
    nng_http_req_free(req);
    nng_http_client_free(client);
    nng_aio_free(aio);
}

Test(tls_bad_input, answers)
{
    answer_with(0); /* all that there is once */
    unsigned fds = t_proc_fds();
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        answer_with(i);
    }
    t_proc_await_fds(fds);
}
