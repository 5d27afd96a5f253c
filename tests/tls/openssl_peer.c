/* SPDX-License-Identifier: MIT */
/* Peers that speak TLS by OpenSSL itself, and do with it what ours never do. */
#include "support/pki.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/uring.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static void no_signal(void)
{
    signal(SIGPIPE, SIG_IGN);
}

TestSuite(tls_openssl_peer, .timeout = 60, .init = no_signal);

/* ---- Our server, their client ------------------------------------------------------------- */

struct site {
    nng_http_server *server;
    nng_tls_config *config;
    unsigned port;
};

static nng_tls_config *server_config(const struct t_cert *cert)
{
    nng_tls_config *config;
    cr_assert_eq(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), 0);
    if (cert != NULL) {
        cr_assert_eq(nng_tls_config_own_cert(config, cert->cert_pem, cert->key_pem, NULL), 0);
    }
    return config;
}

/* Takes over the configuration. Two at a time are of different addresses, or they are one. */
static void site_open(struct site *site, const char *address, nng_tls_config *config)
{
    nng_http_handler *handler;
    nng_sockaddr addr;
    nng_url *url;
    site->config = config;
    cr_assert_eq(nng_url_parse(&url, address), 0);
    cr_assert_eq(nng_http_server_hold(&site->server, url), 0);
    nng_url_free(url);
    cr_assert_eq(nng_http_server_set_tls(site->server, config), 0);
    cr_assert_eq(nng_http_handler_alloc_static(&handler, "/", "hello", 5, "a/b"), 0);
    cr_assert_eq(nng_http_server_add_handler(site->server, handler), 0);
    cr_assert_eq(nng_http_server_start(site->server), 0);
    cr_assert_eq(nng_http_server_get_addr(site->server, &addr), 0);
    site->port = ntohs(addr.s_in.sa_port);
}

static void site_close(struct site *site)
{
    nng_http_server_release(site->server);
    nng_tls_config_free(site->config);
}

static void limit(int fd)
{
    struct timeval most = { .tv_sec = 120 };
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most), 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most), 0);
}

static int connect_to(unsigned port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_geq(fd, 0);
    limit(fd);
    cr_assert_eq(connect(fd, (struct sockaddr *) &addr, sizeof addr), 0);
    return fd;
}

/* The suite whose hash is that of keys known beforehand, too. */
static SSL_CTX *client_ctx(const struct t_cert *cert)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    cr_assert_not_null(ctx);
    cr_assert_eq(SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256"), 1);
    if (cert != NULL) {
        cr_assert_eq(SSL_CTX_use_certificate(ctx, cert->cert), 1);
        cr_assert_eq(SSL_CTX_use_PrivateKey(ctx, cert->key), 1);
    }
    return ctx;
}

/* Asks, by way of *session if there is one, and stores the new one. Whether there was an answer. */
static bool ask(SSL_CTX *ctx, unsigned port, SSL_SESSION **session, bool *resumed)
{
    static const char req[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    char text[1024];
    size_t n = 0;
    int fd = connect_to(port), got;
    SSL *ssl = SSL_new(ctx);
    cr_assert(ssl != NULL && SSL_set_fd(ssl, fd) == 1);
    cr_assert(*session == NULL || SSL_set_session(ssl, *session) == 1);
    if (SSL_connect(ssl) == 1 && SSL_write(ssl, req, sizeof req - 1) > 0) {
        while ((got = SSL_read(ssl, text + n, (int) (sizeof text - 1 - n))) > 0) {
            n += (size_t) got;
        }
    }
    text[n] = '\0';
    *resumed = SSL_session_reused(ssl) == 1;
    SSL_SESSION_free(*session);
    *session = SSL_get1_session(ssl);
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN); /* or the session is taken for a bad one */
    SSL_free(ssl);
    close(fd);
    return strstr(text, "200 OK") != NULL && strstr(text, "hello") != NULL;
}

/* ---- Tickets ------------------------------------------------------------------------------ */

/* Whoever has a key has to show it: a ticket of another server is none. */
Test(tls_openssl_peer, a_ticket_is_not_a_key)
{
    struct t_cert ca = { 0 }, cert = { 0 };
    struct site open, closed;
    bool resumed;
    SSL_SESSION *session = NULL;
    SSL_CTX *ctx = client_ctx(NULL);
    t_ca_make(&ca, "ca");
    t_cert_make(&cert, &ca, &(struct t_cert_params){ 0 });
    nng_tls_config *config = server_config(NULL);
    cr_assert_eq(nng_tls_config_psk(config, "me", (const uint8_t *) "0123456789abcdef", 16), 0);
    site_open(&open, "https://127.0.0.1:0", server_config(&cert));
    site_open(&closed, "https://0.0.0.0:0", config);
    cr_assert(ask(ctx, open.port, &session, &resumed));
    cr_assert_not(resumed);
    cr_assert(ask(ctx, open.port, &session, &resumed));
    cr_assert(resumed);
    cr_assert_not(ask(ctx, closed.port, &session, &resumed));
    SSL_SESSION_free(session);
    SSL_CTX_free(ctx);
    site_close(&open);
    site_close(&closed);
    t_cert_free(&cert);
    t_cert_free(&ca);
}

/* A client that is revoked after it was given a ticket. */
Test(tls_openssl_peer, a_ticket_does_not_outlive_its_certificate)
{
    struct t_cert ca = { 0 }, cert = { 0 };
    struct site site;
    bool resumed;
    SSL_SESSION *session = NULL;
    t_ca_make(&ca, "ca");
    t_cert_make(&cert, &ca, &(struct t_cert_params){ 0 });
    char *crl = t_crl_make(&ca, &cert);
    SSL_CTX *ctx = client_ctx(&cert);
    nng_tls_config *before = server_config(&cert), *after = server_config(&cert);
    cr_assert_eq(nng_tls_config_auth_mode(before, NNG_TLS_AUTH_MODE_REQUIRED), 0);
    cr_assert_eq(nng_tls_config_auth_mode(after, NNG_TLS_AUTH_MODE_REQUIRED), 0);
    cr_assert_eq(nng_tls_config_ca_chain(before, ca.cert_pem, NULL), 0);
    cr_assert_eq(nng_tls_config_ca_chain(after, ca.cert_pem, crl), 0);
    site_open(&site, "https://127.0.0.1:0", before);
    cr_assert(ask(ctx, site.port, &session, &resumed));
    cr_assert(ask(ctx, site.port, &session, &resumed));
    cr_assert(resumed);
    cr_assert_eq(nng_http_server_set_tls(site.server, after), 0);
    cr_assert_not(ask(ctx, site.port, &session, &resumed));
    SSL_SESSION_free(session);
    SSL_CTX_free(ctx);
    site_close(&site);
    nng_tls_config_free(after);
    free(crl);
    t_cert_free(&cert);
    t_cert_free(&ca);
}

/* ---- ALPN --------------------------------------------------------------------------------- */

Test(tls_openssl_peer, no_protocol_in_common)
{
    static const unsigned char list[] = "\2h2";
    struct t_cert cert = { 0 };
    struct site site;
    bool resumed;
    SSL_SESSION *session = NULL;
    SSL_CTX *ctx = client_ctx(NULL);
    t_cert_make(&cert, NULL, &(struct t_cert_params){ 0 });
    cr_assert_eq(SSL_CTX_set_alpn_protos(ctx, list, sizeof list - 1), 0);
    site_open(&site, "https://127.0.0.1:0", server_config(&cert));
    cr_assert(ask(ctx, site.port, &session, &resumed));
    SSL_SESSION_free(session);
    SSL_CTX_free(ctx);
    site_close(&site);
    t_cert_free(&cert);
}

/* ---- Messages after the handshake --------------------------------------------------------- */

/* Our stream, and theirs. */
struct link {
    nng_stream_listener *listener;
    nng_stream_dialer *dialer;
    nng_stream *ours;
    nng_aio *aio, *other;
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    size_t heard;
};

static nng_aio *new_aio(void)
{
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, 120000);
    return aio;
}

static void set_buffer(nng_aio *aio, void *p, size_t n)
{
    nng_iov iov = { .iov_buf = p, .iov_len = n };
    cr_assert_eq(nng_aio_set_iov(aio, 1, &iov), 0);
}

static int result(nng_aio *aio)
{
    nng_aio_wait(aio);
    return nng_aio_result(aio);
}

/* Their client, which has shaken hands with our server. */
static void link_to_server(struct link *link)
{
    int port;
    nng_tls_config *config = server_config(NULL);
    memset(link, 0, sizeof *link);
    cr_assert_eq(nng_uring_tls_config_self_signed(config, "127.0.0.1"), 0);
    cr_assert_eq(nng_stream_listener_alloc(&link->listener, "tls+tcp://127.0.0.1:0"), 0);
    cr_assert_eq(nng_stream_listener_set_ptr(link->listener, NNG_OPT_TLS_CONFIG, config), 0);
    nng_tls_config_free(config);
    cr_assert_eq(nng_stream_listener_listen(link->listener), 0);
    cr_assert_eq(nng_stream_listener_get_int(link->listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    link->aio = new_aio();
    link->other = new_aio();
    link->ctx = client_ctx(NULL);
    link->ssl = SSL_new(link->ctx);
    link->fd = connect_to((unsigned) port);
    nng_stream_listener_accept(link->listener, link->aio);
    cr_assert_eq(result(link->aio), 0);
    link->ours = nng_aio_get_output(link->aio, 0);
    cr_assert_eq(SSL_set_fd(link->ssl, link->fd), 1);
    cr_assert_eq(SSL_connect(link->ssl), 1);
}

static void link_close(struct link *link)
{
    SSL_free(link->ssl);
    SSL_CTX_free(link->ctx);
    close(link->fd);
    nng_stream_free(link->ours);
    nng_aio_free(link->aio);
    nng_aio_free(link->other);
    nng_stream_dialer_free(link->dialer);
    nng_stream_listener_free(link->listener);
}

static void read_again(void *arg)
{
    struct link *link = arg;
    if (nng_aio_result(link->other) == 0) {
        nng_stream_recv(link->ours, link->other);
    }
}

static void write_again(void *arg)
{
    struct link *link = arg;
    if (nng_aio_result(link->aio) == 0) {
        nng_stream_send(link->ours, link->aio);
    }
}

/* It asks for answers, and takes none: sooner or later it is not listened to either. What we write
 * ourselves fills the kernel's buffers first. */
Test(tls_openssl_peer, answers_that_nobody_takes)
{
    enum { MOST = 8 << 20 };
    static char text[16], data[65536];
    struct link link;
    struct timeval patience = { .tv_sec = 2 };
    int small = 4096;
    link_to_server(&link);
    BIO *bio = SSL_get_wbio(link.ssl);
    cr_assert_eq(setsockopt(link.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    cr_assert_eq(setsockopt(link.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    cr_assert_eq(setsockopt(link.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    nng_aio_free(link.aio);
    nng_aio_free(link.other);
    cr_assert_eq(nng_aio_alloc(&link.aio, write_again, &link), 0);
    cr_assert_eq(nng_aio_alloc(&link.other, read_again, &link), 0);
    set_buffer(link.aio, data, sizeof data);
    set_buffer(link.other, text, sizeof text);
    nng_stream_send(link.ours, link.aio);
    nng_stream_recv(link.ours, link.other);
    while (BIO_number_written(bio) < MOST &&
           SSL_key_update(link.ssl, SSL_KEY_UPDATE_REQUESTED) == 1 &&
           SSL_write(link.ssl, "x", 1) == 1) {
    }
    cr_assert_lt(BIO_number_written(bio), MOST, "%lu", (unsigned long) BIO_number_written(bio));
    nng_aio_stop(link.aio); /* a cancelled write that was encrypted ends well, and would go on */
    nng_aio_stop(link.other);
    link_close(&link);
}

/* Enough of it that one record does not hold the ticket. */
static int pad_ticket(SSL *ssl, void *arg)
{
    static const char pad[2000];
    (void) arg;
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), pad, sizeof pad);
}

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

/* Their server takes the client that comes, and shakes hands. Closes the listening socket. */
static void accept_at(struct link *link, int fd, const struct t_cert *cert)
{
    link->fd = accept(fd, NULL, NULL);
    cr_assert_geq(link->fd, 0);
    close(fd);
    limit(link->fd);
    link->ctx = SSL_CTX_new(TLS_server_method());
    cr_assert_eq(SSL_CTX_use_certificate(link->ctx, cert->cert), 1);
    cr_assert_eq(SSL_CTX_use_PrivateKey(link->ctx, cert->key), 1);
    cr_assert_eq(SSL_CTX_set_num_tickets(link->ctx, 0), 1);
    cr_assert_eq(SSL_CTX_set_session_ticket_cb(link->ctx, pad_ticket, NULL, NULL), 1);
    link->ssl = SSL_new(link->ctx);
    cr_assert_eq(SSL_set_fd(link->ssl, link->fd), 1);
    cr_assert_eq(SSL_accept(link->ssl), 1);
}

static void link_to_client(struct link *link, const struct t_cert *cert)
{
    char url[64];
    unsigned port;
    int fd = listen_at(&port);
    memset(link, 0, sizeof *link);
    snprintf(url, sizeof url, "tls+tcp://127.0.0.1:%u", port);
    cr_assert_eq(nng_stream_dialer_alloc(&link->dialer, url), 0);
    cr_assert_eq(
        nng_stream_dialer_set_int(link->dialer, NNG_OPT_TLS_AUTH_MODE, NNG_TLS_AUTH_MODE_NONE), 0);
    link->aio = new_aio();
    link->other = new_aio();
    nng_stream_dialer_dial(link->dialer, link->aio);
    accept_at(link, fd, cert);
    cr_assert_eq(result(link->aio), 0);
    link->ours = nng_aio_get_output(link->aio, 0);
}

/* Its length, with its header. */
static size_t record_len(const char *p)
{
    return 5 + ((size_t) (unsigned char) p[3] << 8 | (unsigned char) p[4]);
}

/* A byte, and the first record of a ticket of several; *rest is what follows of it. Ours has read
 * all of what was sent, and reads on. */
static void send_half_a_ticket(struct link *link, char **rest, size_t *n)
{
    static char text[16];
    char *data;
    BIO *mem = BIO_new(BIO_s_mem());
    SSL_set0_wbio(link->ssl, mem);
    cr_assert_eq(SSL_set_max_send_fragment(link->ssl, 512), 1);
    cr_assert_eq(SSL_write(link->ssl, "x", 1), 1);
    cr_assert_eq(SSL_new_session_ticket(link->ssl), 1);
    cr_assert_eq(SSL_do_handshake(link->ssl), 1);
    size_t all = (size_t) BIO_get_mem_data(mem, &data), first = record_len(data);
    first += record_len(data + first);
    cr_assert_lt(first, all);
    *rest = data + first;
    *n = all - first;
    set_buffer(link->other, text, sizeof text);
    nng_stream_recv(link->ours, link->other);
    cr_assert_eq(send(link->fd, data, first, 0), (ssize_t) first);
    cr_assert_eq(result(link->other), 0);
    cr_assert_eq(nng_aio_count(link->other), 1);
    nng_stream_recv(link->ours, link->other);
    nng_msleep(20);
}

/* What we write meanwhile waits for the rest. */
Test(tls_openssl_peer, half_a_ticket)
{
    struct link link;
    struct t_cert cert = { 0 };
    char text[16], *rest;
    size_t n;
    t_cert_make(&cert, NULL, &(struct t_cert_params){ 0 });
    link_to_client(&link, &cert);
    send_half_a_ticket(&link, &rest, &n);
    set_buffer(link.aio, "z", 1);
    nng_stream_send(link.ours, link.aio);
    cr_assert_eq(send(link.fd, rest, n, 0), (ssize_t) n);
    cr_assert_eq(result(link.aio), 0);
    cr_assert_eq(SSL_read(link.ssl, text, sizeof text), 1);
    cr_assert_eq(text[0], 'z');
    link_close(&link);
    t_cert_free(&cert);
}

/* A close does, too: the peer is told that it was no accident. */
Test(tls_openssl_peer, a_close_amid_a_ticket)
{
    struct link link;
    struct t_cert cert = { 0 };
    char text[16], *rest;
    size_t n;
    t_cert_make(&cert, NULL, &(struct t_cert_params){ 0 });
    link_to_client(&link, &cert);
    send_half_a_ticket(&link, &rest, &n);
    nng_stream_close(link.ours);
    cr_assert_eq(result(link.other), NNG_ECLOSED);
    cr_assert_eq(send(link.fd, rest, n, 0), (ssize_t) n);
    int got = SSL_read(link.ssl, text, sizeof text);
    cr_assert_eq(SSL_get_error(link.ssl, got), SSL_ERROR_ZERO_RETURN);
    link_close(&link);
    t_cert_free(&cert);
}

/* ---- The end ------------------------------------------------------------------------------ */

static nng_http_client *https_client(unsigned port)
{
    char text[64];
    nng_url *url;
    nng_http_client *client;
    nng_tls_config *config;
    snprintf(text, sizeof text, "https://127.0.0.1:%u", port);
    cr_assert_eq(nng_url_parse(&url, text), 0);
    cr_assert_eq(nng_http_client_alloc(&client, url), 0);
    nng_url_free(url);
    cr_assert_eq(nng_http_client_get_tls(client, &config), 0);
    cr_assert_eq(nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_NONE), 0);
    nng_tls_config_free(config);
    return client;
}

#define WRITES 300U
#define SIZE 40000U /* three records, so that a few of two writes fly together */

static void reset_amid_writes(const struct t_cert *cert)
{
    static char data[SIZE];
    struct link link = { 0 };
    struct linger none = { .l_onoff = 1 };
    nng_aio *aios[WRITES];
    bool cut = false;
    char byte;
    unsigned port;
    int fd = listen_at(&port);
    nng_http_client *client = https_client(port);
    link.aio = new_aio();
    nng_http_client_connect(client, link.aio);
    accept_at(&link, fd, cert);
    cr_assert_eq(result(link.aio), 0);
    nng_http_conn *conn = nng_aio_get_output(link.aio, 0);
    for (unsigned i = 0; i < WRITES; i++) {
        aios[i] = new_aio();
        set_buffer(aios[i], data, sizeof data);
        nng_http_conn_write_all(conn, aios[i]);
    }
    cr_assert_eq(SSL_read(link.ssl, &byte, 1), 1);
    cr_assert_eq(setsockopt(link.fd, SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
    close(link.fd);
    for (unsigned i = 0; i < WRITES; i++) {
        bool ok = result(aios[i]) == 0;
        size_t n = nng_aio_count(aios[i]);
        cr_assert(ok ? !cut && n == SIZE : n < SIZE && (!cut || n == 0), "%u: %zu", i, n);
        cut = cut || !ok;
        nng_aio_free(aios[i]);
    }
    nng_http_conn_close(conn);
    nng_http_client_free(client);
    link.fd = -1;
    link_close(&link);
}

/* Reads all there is, and takes it apart. */
static void *read_all(void *arg)
{
    struct link *link = arg;
    char data[65536];
    int n;
    while ((n = SSL_read(link->ssl, data, sizeof data)) > 0) {
        link->heard += (size_t) n;
    }
    return NULL;
}

static void close_conn(void *arg)
{
    nng_http_conn_close(*(nng_http_conn **) arg);
}

/* Whoever waits to read closes the connection when the library's end wakes it. */
static void end_amid_writes(const struct t_cert *cert)
{
    static char data[SIZE];
    struct link link = { 0 };
    nng_aio *aios[WRITES];
    nng_http_conn *conn;
    pthread_t reader;
    char byte;
    unsigned port;
    size_t counted = 0;
    int fd = listen_at(&port);
    nng_http_client *client = https_client(port);
    link.aio = new_aio();
    nng_http_client_connect(client, link.aio);
    accept_at(&link, fd, cert);
    cr_assert_eq(result(link.aio), 0);
    conn = nng_aio_get_output(link.aio, 0);
    cr_assert_eq(nng_aio_alloc(&link.other, close_conn, &conn), 0);
    set_buffer(link.other, &byte, 1);
    nng_http_conn_read(conn, link.other);
    cr_assert_eq(pthread_create(&reader, NULL, read_all, &link), 0);
    for (unsigned i = 0; i < WRITES; i++) {
        aios[i] = new_aio();
        set_buffer(aios[i], data, sizeof data);
        nng_http_conn_write_all(conn, aios[i]);
    }
    nng_aio_wait(aios[0]);
    nng_fini();
    for (unsigned i = 0; i < WRITES; i++) {
        (void) result(aios[i]);
        counted += nng_aio_count(aios[i]);
        nng_aio_free(aios[i]);
    }
    nng_aio_wait(link.other);
    nng_http_client_free(client);
    pthread_join(reader, NULL);
    cr_assert_eq(counted, link.heard, "%zu counted, %zu heard", counted, link.heard);
    link_close(&link);
}

/* What the kernel has taken by then counts, and nothing else does. */
Test(tls_openssl_peer, the_librarys_end_amid_writes)
{
    struct t_cert cert = { 0 };
    t_cert_make(&cert, NULL, &(struct t_cert_params){ 0 });
    for (unsigned round = 0; round < 20; round++) {
        end_amid_writes(&cert);
    }
    t_cert_free(&cert);
}

/* Of the writes that a reset ends, one may have gone in part, and nothing of those behind it. */
Test(tls_openssl_peer, a_reset_amid_writes)
{
    struct t_cert cert = { 0 };
    t_cert_make(&cert, NULL, &(struct t_cert_params){ 0 });
    for (unsigned round = 0; round < 20; round++) {
        reset_amid_writes(&cert);
    }
    t_cert_free(&cert);
}
