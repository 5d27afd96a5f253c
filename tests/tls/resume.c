/* SPDX-License-Identifier: MIT */
/* Our client comes back to a server. */
#include "support/pki.h"
#include "tls/config.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/uring.h>
#include <stdio.h>
#include <string.h>

TestSuite(tls_resume, .timeout = 60);

struct setting {
    struct t_cert ca, cert;
    nng_http_server *server;
    nng_http_client *client;
    nng_tls_config *server_config, *client_config;
    nng_aio *aio;
};

static void listen_on(struct setting *s)
{
    nng_http_handler *handler;
    nng_url *url;
    t_ca_make(&s->ca, "ca");
    t_cert_make(&s->cert, &s->ca, &(struct t_cert_params){ .san = "IP:127.0.0.1" });
    cr_assert_eq(nng_url_parse(&url, "https://127.0.0.1:0"), 0);
    cr_assert_eq(nng_http_server_hold(&s->server, url), 0);
    nng_url_free(url);
    cr_assert_eq(nng_http_server_get_tls(s->server, &s->server_config), 0);
    cr_assert_eq(nng_tls_config_own_cert(s->server_config, s->cert.cert_pem, s->cert.key_pem, NULL),
                 0);
    cr_assert_eq(nng_http_handler_alloc_static(&handler, "/", "hello", 5, "a/b"), 0);
    cr_assert_eq(nng_http_server_add_handler(s->server, handler), 0);
    cr_assert_eq(nng_http_server_start(s->server), 0);
}

/* A server, and a client that speaks that version with it. */
static void set_up(struct setting *s, nng_tls_version version)
{
    char text[64];
    nng_sockaddr addr;
    nng_url *url;
    listen_on(s);
    cr_assert_eq(nng_http_server_get_addr(s->server, &addr), 0);
    snprintf(text, sizeof text, "https://127.0.0.1:%u", ntohs(addr.s_in.sa_port));
    cr_assert_eq(nng_url_parse(&url, text), 0);
    cr_assert_eq(nng_http_client_alloc(&s->client, url), 0);
    nng_url_free(url);
    cr_assert_eq(nng_http_client_get_tls(s->client, &s->client_config), 0);
    cr_assert_eq(nng_tls_config_ca_chain(s->client_config, s->ca.cert_pem, NULL), 0);
    cr_assert_eq(nng_tls_config_version(s->client_config, version, version), 0);
    cr_assert_eq(nng_aio_alloc(&s->aio, NULL, NULL), 0);
    nng_aio_set_timeout(s->aio, 120000);
}

static void tear_down(struct setting *s)
{
    nng_aio_free(s->aio);
    nng_http_client_free(s->client);
    nng_tls_config_free(s->client_config);
    nng_http_server_release(s->server);
    nng_tls_config_free(s->server_config);
    t_cert_free(&s->cert);
    t_cert_free(&s->ca);
}

static nng_http_conn *connect_to(struct setting *s)
{
    nng_http_client_connect(s->client, s->aio);
    nng_aio_wait(s->aio);
    cr_assert_eq(nng_aio_result(s->aio), 0, "%s", nng_strerror(nng_aio_result(s->aio)));
    return nng_aio_get_output(s->aio, 0);
}

/* Asks, by which the tickets come, and closes. Whether it was a session from before. */
static bool talk(struct setting *s, nng_http_conn *conn)
{
    nng_uring_tls_info *info;
    nng_http_req *req;
    nng_http_res *res;
    cr_assert_eq(nng_http_req_alloc(&req, NULL), 0);
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_http_req_set_uri(req, "/"), 0);
    nng_http_conn_transact(conn, req, res, s->aio);
    nng_aio_wait(s->aio);
    cr_assert_eq(nng_aio_result(s->aio), 0, "%s", nng_strerror(nng_aio_result(s->aio)));
    cr_assert_eq(nng_uring_conn_tls_info(conn, &info), 0);
    bool resumed = info->resumed;
    cr_assert(info->verified);
    cr_assert_not_null(info->peer_cn); /* still known */
    nng_uring_tls_info_free(info);
    nng_http_req_free(req);
    nng_http_res_free(res);
    nng_http_conn_close(conn);
    return resumed;
}

Test(tls_resume, each_time)
{
    static const nng_tls_version versions[] = { NNG_TLS_1_2, NNG_TLS_1_3 };
    for (unsigned v = 0; v < 2; v++) {
        struct setting s = { 0 };
        set_up(&s, versions[v]);
        for (unsigned i = 0; i < 4; i++) {
            bool resumed = talk(&s, connect_to(&s));
            cr_assert_eq(resumed, i > 0, "%x: %u", versions[v], i);
        }
        tear_down(&s);
    }
}

/* Two that have one ticket between them, and get no more. */
Test(tls_resume, a_ticket_is_used_once)
{
    struct setting s = { 0 };
    set_up(&s, NNG_TLS_1_3);
    cr_assert_not(talk(&s, connect_to(&s)));
    cr_assert_eq(SSL_CTX_set_num_tickets(s.server_config->ctx, 0), 1); /* behind its back */
    nng_http_conn *first = connect_to(&s), *second = connect_to(&s);
    cr_assert(talk(&s, first));
    cr_assert_not(talk(&s, second));
    tear_down(&s);
}

Test(tls_resume, not_if_switched_off)
{
    struct setting s = { 0 };
    set_up(&s, NNG_TLS_1_3);
    cr_assert_eq(nng_uring_tls_config_resumption(s.client_config, false), 0);
    cr_assert_not(talk(&s, connect_to(&s)));
    cr_assert_not(talk(&s, connect_to(&s)));
    tear_down(&s);
}

/* Of other certificates than those that made the session: a full handshake, and no harm. */
Test(tls_resume, a_server_that_does_not_know_it)
{
    struct setting s = { 0 };
    nng_tls_config *other;
    set_up(&s, NNG_TLS_1_3);
    cr_assert_eq(nng_tls_config_alloc(&other, NNG_TLS_MODE_SERVER), 0);
    cr_assert_eq(nng_tls_config_own_cert(other, s.cert.cert_pem, s.cert.key_pem, NULL), 0);
    cr_assert_eq(nng_uring_tls_config_resumption(other, false), 0);
    cr_assert_not(talk(&s, connect_to(&s)));
    cr_assert_eq(nng_http_server_set_tls(s.server, other), 0);
    cr_assert_not(talk(&s, connect_to(&s)));
    cr_assert_not(talk(&s, connect_to(&s)));
    nng_tls_config_free(other);
    tear_down(&s);
}

/* Tickets of the certificate before are not those of the one that follows it. */
Test(tls_resume, a_server_with_another_certificate)
{
    static const nng_tls_version versions[] = { NNG_TLS_1_2, NNG_TLS_1_3 };
    for (unsigned v = 0; v < 2; v++) {
        struct setting s = { 0 };
        struct t_cert cert;
        nng_tls_config *other;
        set_up(&s, versions[v]);
        t_cert_make(&cert, &s.ca, &(struct t_cert_params){ .san = "IP:127.0.0.1" });
        cr_assert_eq(nng_tls_config_alloc(&other, NNG_TLS_MODE_SERVER), 0);
        cr_assert_eq(nng_tls_config_own_cert(other, cert.cert_pem, cert.key_pem, NULL), 0);
        cr_assert_not(talk(&s, connect_to(&s)));
        cr_assert_eq(nng_http_server_set_tls(s.server, other), 0);
        cr_assert_not(talk(&s, connect_to(&s)), "%x", versions[v]);
        cr_assert(talk(&s, connect_to(&s)), "%x", versions[v]);
        nng_tls_config_free(other);
        t_cert_free(&cert);
        tear_down(&s);
    }
}

/* With all the tickets that a server likes to give there are no more than 64. */
Test(tls_resume, no_more_than_are_bounded)
{
    struct setting s = { 0 };
    nng_tls_config *generous;
    unsigned n = 0;
    set_up(&s, NNG_TLS_1_3);
    cr_assert_eq(nng_tls_config_alloc(&generous, NNG_TLS_MODE_SERVER), 0);
    cr_assert_eq(nng_tls_config_own_cert(generous, s.cert.cert_pem, s.cert.key_pem, NULL), 0);
    cr_assert_eq(nng_http_server_set_tls(s.server, generous), 0);
    cr_assert_not(talk(&s, connect_to(&s)));
    cr_assert_eq(SSL_CTX_set_num_tickets(generous->ctx, 30), 1); /* behind its back */
    for (unsigned i = 0; i < 4; i++) {
        (void) SSL_CTX_set_session_id_context(generous->ctx, (const unsigned char *) &i, sizeof i);
        cr_assert_not(talk(&s, connect_to(&s))); /* one resumed gets a single one */
    }
    for (const struct nu_kept_session *kept = s.client_config->resume.kept; kept != NULL; n++) {
        kept = kept->next;
    }
    cr_assert_eq(n, NU_RESUME_MOST, "%u", n);
    nng_tls_config_free(generous);
    tear_down(&s);
}
