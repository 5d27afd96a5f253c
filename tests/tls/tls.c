/* SPDX-License-Identifier: MIT */
/* Our client and our server with each other. */
#include "tls/tls.h"

#include "support/aio_probe.h"
#include "support/pki.h"
#include "support/tls_relay.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(tls, .timeout = 60);

#define SIZE ((size_t) 3 << 20)

struct setting {
    struct t_cert ca, cert;
    nng_http_server *server;
    nng_http_client *client;
    nng_tls_config *server_config, *client_config;
    unsigned port;
    uint8_t *data;
};

static void answer_info(nng_aio *aio)
{
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_uring_tls_info *info;
    nng_http_res *res;
    char text[256];
    cr_assert_eq(nng_uring_conn_tls_info(conn, &info), 0);
    int n = snprintf(text, sizeof text, "%s %s %s %s %d", info->version, info->alpn,
                     info->server_name != NULL ? info->server_name : "-",
                     info->peer_cn != NULL ? info->peer_cn : "-", info->verified);
    nng_uring_tls_info_free(info);
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_http_res_copy_data(res, text, (size_t) n), 0);
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

static void add(struct setting *s, nng_http_handler *handler)
{
    cr_assert_eq(nng_http_server_add_handler(s->server, handler), 0);
}

/* A server whose certificate says `san`; its configuration may still be changed. */
static void set_up(struct setting *s, const char *san)
{
    nng_http_handler *handler;
    nng_url *url;
    memset(s, 0, sizeof *s);
    t_ca_make(&s->ca, "ca");
    t_cert_make(&s->cert, &s->ca, &(struct t_cert_params){ .san = san, .usage = "serverAuth" });
    cr_assert_eq(nng_url_parse(&url, "https://127.0.0.1:0"), 0);
    cr_assert_eq(nng_http_server_hold(&s->server, url), 0);
    nng_url_free(url);
    cr_assert_eq(nng_http_server_get_tls(s->server, &s->server_config), 0);
    cr_assert_eq(nng_tls_config_own_cert(s->server_config, s->cert.cert_pem, s->cert.key_pem, NULL),
                 0);
    s->data = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        s->data[i] = (uint8_t) (i * 7 + (i >> 8));
    }
    cr_assert_eq(nng_http_handler_alloc_static(&handler, "/big", s->data, SIZE, "a/b"), 0);
    add(s, handler);
    cr_assert_eq(nng_http_handler_alloc(&handler, "/info", answer_info), 0);
    add(s, handler);
}

/* Starts it, and makes a client for `host` that trusts its CA. */
static void start(struct setting *s, const char *host)
{
    char text[128];
    nng_url *url;
    nng_sockaddr addr;
    cr_assert_eq(nng_http_server_start(s->server), 0);
    cr_assert_eq(nng_http_server_get_addr(s->server, &addr), 0);
    s->port = ntohs(addr.s_in.sa_port);
    snprintf(text, sizeof text, "https://%s:%u", host, s->port);
    cr_assert_eq(nng_url_parse(&url, text), 0);
    cr_assert_eq(nng_http_client_alloc(&s->client, url), 0);
    nng_url_free(url);
    cr_assert_eq(nng_http_client_get_tls(s->client, &s->client_config), 0);
    cr_assert_eq(nng_tls_config_ca_chain(s->client_config, s->ca.cert_pem, NULL), 0);
}

static void tear_down(struct setting *s)
{
    nng_http_client_free(s->client);
    nng_tls_config_free(s->client_config);
    nng_http_server_release(s->server);
    nng_tls_config_free(s->server_config);
    t_cert_free(&s->cert);
    t_cert_free(&s->ca);
    free(s->data);
}

/* Asks; the result, and the body for free(). */
static int ask(struct setting *s, const char *path, char **body, size_t *size)
{
    nng_http_req *req;
    nng_http_res *res;
    nng_aio *aio;
    void *data;
    cr_assert_eq(nng_http_req_alloc(&req, NULL), 0);
    cr_assert_eq(nng_http_req_set_uri(req, path), 0);
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, 120000);
    nng_http_client_transact(s->client, req, res, aio);
    nng_aio_wait(aio);
    int err = nng_aio_result(aio);
    if (err == 0 && body != NULL) {
        nng_http_res_get_data(res, &data, size);
        *body = calloc(1, *size + 1);
        memcpy(*body, data, *size);
    }
    nng_aio_free(aio);
    nng_http_req_free(req);
    nng_http_res_free(res);
    return err;
}

static void assert_info(struct setting *s, const char *expected)
{
    char *body;
    size_t size;
    cr_assert_eq(ask(s, "/info", &body, &size), 0);
    cr_assert_str_eq(body, expected);
    free(body);
}

/* ---- What goes through -------------------------------------------------------------------- */

Test(tls, both_versions)
{
    for (int version = NNG_TLS_1_2; version <= NNG_TLS_1_3; version++) {
        struct setting s;
        char *body;
        size_t size;
        set_up(&s, "DNS:localhost");
        start(&s, "localhost");
        cr_assert_eq(nng_tls_config_version(s.client_config, (nng_tls_version) version,
                                            (nng_tls_version) version),
                     0);
        assert_info(&s, version == NNG_TLS_1_2 ? "TLSv1.2 http/1.1 localhost - 0"
                                               : "TLSv1.3 http/1.1 localhost - 0");
        cr_assert_eq(ask(&s, "/big", &body, &size), 0);
        cr_assert_eq(size, SIZE);
        cr_assert_eq(memcmp(body, s.data, SIZE), 0);
        free(body);
        tear_down(&s);
    }
}

Test(tls, used_configurations_stay)
{
    struct setting s;
    set_up(&s, "DNS:localhost");
    start(&s, "localhost");
    cr_assert_eq(ask(&s, "/info", NULL, NULL), 0);
    cr_assert_eq(nng_tls_config_server_name(s.client_config, "x"), NNG_EBUSY);
    cr_assert_eq(nng_tls_config_ca_chain(s.client_config, s.ca.cert_pem, NULL), NNG_EBUSY);
    cr_assert_eq(nng_tls_config_auth_mode(s.server_config, NNG_TLS_AUTH_MODE_NONE), NNG_EBUSY);
    cr_assert_eq(nng_tls_config_own_cert(s.server_config, s.cert.cert_pem, s.cert.key_pem, NULL),
                 NNG_EBUSY);
    tear_down(&s);
}

/* ---- Who the server is -------------------------------------------------------------------- */

static void names(const char *san, const char *host, int err)
{
    struct setting s;
    set_up(&s, san);
    start(&s, host);
    cr_assert_eq(ask(&s, "/info", NULL, NULL), err, "%s for %s", san, host);
    tear_down(&s);
}

Test(tls, names)
{
    names("DNS:localhost", "localhost", 0);
    names("DNS:other", "localhost", NNG_EPEERAUTH);
    names("IP:127.0.0.1", "127.0.0.1", 0); /* an address is one, and no name */
    names("DNS:127.0.0.1", "127.0.0.1", NNG_EPEERAUTH);
    names("IP:127.0.0.2", "127.0.0.1", NNG_EPEERAUTH);
}

static void server_cert(const struct t_cert_params *params, bool known, int err)
{
    struct setting s;
    nng_tls_config *config;
    struct t_cert cert = { 0 };
    set_up(&s, "DNS:localhost");
    t_cert_make(&cert, known ? &s.ca : NULL, params);
    cr_assert_eq(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), 0);
    cr_assert_eq(nng_tls_config_own_cert(config, cert.cert_pem, cert.key_pem, NULL), 0);
    cr_assert_eq(nng_http_server_set_tls(s.server, config), 0);
    start(&s, "localhost");
    cr_assert_eq(ask(&s, "/info", NULL, NULL), err);
    nng_tls_config_free(config);
    t_cert_free(&cert);
    tear_down(&s);
}

Test(tls, certificates_that_are_not_good)
{
    const char *san = "DNS:localhost";
    server_cert(&(struct t_cert_params){ .san = san }, true, 0);
    server_cert(&(struct t_cert_params){ .san = san }, false, NNG_EPEERAUTH);
    server_cert(&(struct t_cert_params){ .san = san, .from = -7200, .to = -3600 }, true,
                NNG_EPEERAUTH);
    server_cert(&(struct t_cert_params){ .san = san, .from = 3600, .to = 7200 }, true,
                NNG_EPEERAUTH);
    server_cert(&(struct t_cert_params){ .san = san, .usage = "clientAuth" }, true, NNG_EPEERAUTH);
    server_cert(&(struct t_cert_params){ .san = san, .rsa = 1 }, true, 0);
}

Test(tls, revoked)
{
    struct setting s;
    set_up(&s, "DNS:localhost");
    char *crl = t_crl_make(&s.ca, &s.cert);
    start(&s, "localhost");
    cr_assert_eq(nng_tls_config_ca_chain(s.client_config, s.ca.cert_pem, crl), 0);
    cr_assert_eq(ask(&s, "/info", NULL, NULL), NNG_EPEERAUTH);
    free(crl);
    tear_down(&s);
}

/* A bad certificate passes, and is not called good. */
Test(tls, optional_client)
{
    struct setting s;
    set_up(&s, "DNS:other");
    start(&s, "localhost");
    cr_assert_eq(nng_tls_config_auth_mode(s.client_config, NNG_TLS_AUTH_MODE_OPTIONAL), 0);
    cr_assert_eq(ask(&s, "/info", NULL, NULL), 0);
    tear_down(&s);
}

/* ---- Who the client is -------------------------------------------------------------------- */

static void client_cert(nng_tls_auth_mode mode, bool has, bool known, int err, const char *info)
{
    struct setting s;
    struct t_cert cert = { 0 };
    set_up(&s, "DNS:localhost");
    t_cert_make(&cert, known ? &s.ca : NULL,
                &(struct t_cert_params){ .cn = "me", .usage = "clientAuth" });
    cr_assert_eq(nng_tls_config_auth_mode(s.server_config, mode), 0);
    cr_assert_eq(nng_tls_config_ca_chain(s.server_config, s.ca.cert_pem, NULL), 0);
    start(&s, "localhost");
    if (has) {
        cr_assert_eq(nng_tls_config_own_cert(s.client_config, cert.cert_pem, cert.key_pem, NULL),
                     0);
    }
    if (err == 0) {
        assert_info(&s, info);
    } else {
        int is = ask(&s, "/info", NULL, NULL);
        cr_assert(is == err || is == NNG_ECONNRESET, "%d", is);
    }
    t_cert_free(&cert);
    tear_down(&s);
}

Test(tls, client_certificates)
{
    const char *none = "TLSv1.3 http/1.1 localhost - 0";
    client_cert(NNG_TLS_AUTH_MODE_NONE, true, true, 0, none);
    client_cert(NNG_TLS_AUTH_MODE_OPTIONAL, false, false, 0, none);
    client_cert(NNG_TLS_AUTH_MODE_OPTIONAL, true, true, 0, "TLSv1.3 http/1.1 localhost me 1");
    client_cert(NNG_TLS_AUTH_MODE_OPTIONAL, true, false, 0, "TLSv1.3 http/1.1 localhost me 0");
    client_cert(NNG_TLS_AUTH_MODE_REQUIRED, true, true, 0, "TLSv1.3 http/1.1 localhost me 1");
    client_cert(NNG_TLS_AUTH_MODE_REQUIRED, false, false, NNG_ECRYPTO, NULL);
    client_cert(NNG_TLS_AUTH_MODE_REQUIRED, true, false, NNG_ECRYPTO, NULL);
}

Test(tls, psk)
{
    static const uint8_t key[32] = "0123456789abcdef0123456789abcde";
    for (int version = NNG_TLS_1_2; version <= NNG_TLS_1_3; version++) {
        struct setting s;
        set_up(&s, "DNS:other");
        cr_assert_eq(nng_tls_config_psk(s.server_config, "them", key, 8), 0);
        cr_assert_eq(nng_tls_config_psk(s.server_config, "me", key, sizeof key), 0);
        start(&s, "localhost");
        cr_assert_eq(nng_tls_config_psk(s.client_config, "me", key, sizeof key), 0);
        cr_assert_eq(nng_tls_config_version(s.client_config, (nng_tls_version) version,
                                            (nng_tls_version) version),
                     0);
        int err = ask(&s, "/info", NULL, NULL);
        cr_assert_eq(err, 0, "%x: %s", version, nng_strerror(err));
        tear_down(&s);
    }
}

/* ---- New certificates --------------------------------------------------------------------- */

/* The next connection has it, and the server was never stopped. */
Test(tls, reload)
{
    struct setting s;
    nng_tls_config *config;
    struct t_cert cert = { 0 };
    set_up(&s, "DNS:other");
    start(&s, "localhost");
    cr_assert_eq(ask(&s, "/info", NULL, NULL), NNG_EPEERAUTH);
    t_cert_make(&cert, &s.ca, &(struct t_cert_params){ .san = "DNS:localhost" });
    cr_assert_eq(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), 0);
    cr_assert_eq(nng_tls_config_own_cert(config, cert.cert_pem, cert.key_pem, NULL), 0);
    cr_assert_eq(nng_http_server_set_tls(s.server, config), 0);
    nng_tls_config_free(config);
    cr_assert_eq(ask(&s, "/info", NULL, NULL), 0);
    t_cert_free(&cert);
    tear_down(&s);
}

Test(tls, set_tls_refused)
{
    struct setting s;
    nng_tls_config *config = t_tls_client_config(), *got;
    nng_http_server *plain;
    nng_url *url;
    set_up(&s, "DNS:localhost");
    start(&s, "localhost");
    cr_assert_eq(nng_http_server_set_tls(s.server, NULL), NNG_EINVAL);
    cr_assert_eq(nng_http_server_set_tls(s.server, config), NNG_EINVAL);
    cr_assert_eq(nng_http_client_set_tls(s.client, NULL), NNG_EINVAL);
    cr_assert_eq(nng_http_client_set_tls(s.client, s.server_config), NNG_EINVAL);
    cr_assert_eq(nng_url_parse(&url, "http://127.0.0.1:0"), 0);
    cr_assert_eq(nng_http_server_hold(&plain, url), 0);
    cr_assert_eq(nng_http_server_set_tls(plain, s.server_config), NNG_ENOTSUP);
    cr_assert_eq(nng_http_server_get_tls(plain, &got), NNG_ENOTSUP);
    nng_http_server_release(plain);
    nng_url_free(url);
    nng_tls_config_free(config);
    tear_down(&s);
}

/* Several certificates: the client's name chooses. */
Test(tls, chosen_by_name)
{
    struct setting s;
    struct t_cert cert = { 0 };
    set_up(&s, "DNS:first.example");
    t_cert_make(&cert, &s.ca, &(struct t_cert_params){ .san = "DNS:localhost" });
    cr_assert_eq(nng_tls_config_own_cert(s.server_config, cert.cert_pem, cert.key_pem, NULL), 0);
    start(&s, "localhost");
    cr_assert_eq(ask(&s, "/info", NULL, NULL), 0);
    tear_down(&s);
    t_cert_free(&cert);
}

/* A handler closes the connection it was lent: that ends as it does without TLS. */
static void close_lent(nng_aio *aio)
{
    char byte;
    nng_iov iov = { &byte, 1 };
    nng_aio *own;
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_http_res *res;
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    cr_assert_eq(nng_aio_set_iov(own, 1, &iov), 0);
    nng_http_conn_close(conn);
    nng_http_conn_read(conn, own);
    nng_aio_wait(own);
    cr_assert_eq(nng_aio_result(own), NNG_ECLOSED);
    nng_aio_reap(own);
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

Test(tls, handler_closes)
{
    struct setting s;
    nng_http_handler *handler;
    set_up(&s, "IP:127.0.0.1");
    cr_assert_eq(nng_http_handler_alloc(&handler, "/close", close_lent), 0);
    add(&s, handler);
    start(&s, "127.0.0.1");
    cr_assert_eq(ask(&s, "/close", NULL, NULL), NNG_ECONNSHUT);
    cr_assert_eq(ask(&s, "/info", NULL, NULL), 0);
    tear_down(&s);
}
