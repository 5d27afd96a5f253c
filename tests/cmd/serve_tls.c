/* SPDX-License-Identifier: MIT */
#include "support/child.h"
#include "support/pki.h"

#include <criterion/criterion.h>
#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/uring.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(serve_tls, .timeout = 60);

/* Where the child listens; the nth line of that kind. */
static void find_url(struct t_child *child, unsigned nth, char url[128])
{
    const char *p = child->out_text;
    for (unsigned i = 0; i < nth; i++) {
        p = strstr(p, "\nhttp");
        cr_assert_not_null(p);
        p++;
    }
    snprintf(url, 128, "%.*s", (int) strcspn(p, "\n"), p);
}

/* The result of asking for "/"; with `ca`, whoever that has signed. */
static int ask(const char *text, const char *ca)
{
    nng_url *url;
    nng_http_client *client;
    nng_http_req *req;
    nng_http_res *res;
    nng_aio *aio;
    nng_tls_config *config;
    cr_assert_eq(nng_url_parse(&url, text), 0);
    cr_assert_eq(nng_http_client_alloc(&client, url), 0);
    if (nng_http_client_get_tls(client, &config) == 0) {
        int err = ca != NULL ? nng_tls_config_ca_chain(config, ca, NULL)
                             : nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_NONE);
        cr_assert_eq(err, 0);
        nng_tls_config_free(config);
    }
    cr_assert_eq(nng_http_req_alloc(&req, url), 0);
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, 120000);
    nng_http_client_transact(client, req, res, aio);
    nng_aio_wait(aio);
    int err = nng_aio_result(aio);
    cr_assert(err != 0 || nng_http_res_get_status(res) == 200);
    nng_aio_free(aio);
    nng_http_req_free(req);
    nng_http_res_free(res);
    nng_http_client_free(client);
    nng_url_free(url);
    return err;
}

Test(serve_tls, self_signed_and_plain)
{
    static struct t_child child;
    char url[128];
    t_child_start(&child,
                  "serve --tls-self-signed --listen https://127.0.0.1:0 --listen "
                  "http://127.0.0.1:0 --listen 127.0.0.2:0",
                  NULL);
    t_child_await_out(&child, "serving");
    cr_assert_not_null(strstr(child.out_text, "fingerprint "));
    for (unsigned i = 0; i < 3; i++) {
        find_url(&child, i, url);
        cr_assert_eq(strncmp(url, "https", 5) == 0, i != 1, "%s", url);
        cr_assert_eq(ask(url, NULL), 0);
    }
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    cr_assert_eq(fclose(file), 0);
}

/* SIGHUP: a good pair is used from then on, a bad one is reported and changes nothing. */
Test(serve_tls, reload)
{
    static struct t_child child;
    char dir[] = "/tmp/nng-uring-serve-XXXXXX", cert[64], key[64], args[256], url[128];
    struct t_cert ca = { 0 }, other = { 0 }, a = { 0 }, b = { 0 };
    struct t_cert_params params = { .san = "IP:127.0.0.1" };
    cr_assert_not_null(mkdtemp(dir));
    snprintf(cert, sizeof cert, "%s/cert", dir);
    snprintf(key, sizeof key, "%s/key", dir);
    t_ca_make(&ca, "ca");
    t_ca_make(&other, "other");
    t_cert_make(&a, &ca, &params);
    t_cert_make(&b, &other, &params);
    write_file(cert, a.cert_pem);
    write_file(key, a.key_pem);
    snprintf(args, sizeof args, "serve --tls-cert %s --tls-key %s --listen 127.0.0.1:0", cert, key);
    t_child_start(&child, args, NULL);
    t_child_await_out(&child, "serving");
    find_url(&child, 0, url);
    cr_assert_eq(ask(url, ca.cert_pem), 0);
    cr_assert_eq(ask(url, other.cert_pem), NNG_EPEERAUTH);
    write_file(cert, b.cert_pem);
    kill(child.pid, SIGHUP);
    t_child_await_err(&child, "not reloaded");
    cr_assert_eq(ask(url, ca.cert_pem), 0);
    write_file(key, b.key_pem);
    kill(child.pid, SIGHUP);
    t_child_await_err(&child, "nng-uring: reloaded");
    cr_assert_eq(ask(url, other.cert_pem), 0);
    cr_assert_eq(ask(url, ca.cert_pem), NNG_EPEERAUTH);
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0);
    unlink(cert);
    unlink(key);
    rmdir(dir);
    t_cert_free(&a);
    t_cert_free(&b);
    t_cert_free(&ca);
    t_cert_free(&other);
}

Test(serve_tls, misused)
{
    static const struct {
        const char *args, *says;
        int status;
    } cases[] = {
        { "serve --tls-cert a", "go together", 2 },
        { "serve --tls-key a", "go together", 2 },
        { "serve --tls-self-signed --tls-cert a --tls-key b", "leave out", 2 },
        { "serve --tls-verify", "--tls-ca", 2 },
        { "serve --tls-ca a", "--tls-cert", 2 },
        { "serve --listen https://:0", "--tls-self-signed", 2 },
        { "serve --listen ftp://a:0 --tls-self-signed", "--listen takes", 2 },
        { "serve --tls-cert /none --tls-key /none", "cannot be read", 1 },
        { "serve --tls-self-signed --tls-ca /none --listen 127.0.0.1:0", "--tls-ca /none", 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct t_child child;
        memset(&child, 0, sizeof child);
        cr_assert_eq(t_child_run(&child, cases[i].args, NULL), cases[i].status, "%s",
                     cases[i].args);
        cr_assert_not_null(strstr(child.err_text, cases[i].says), "%s: %s", cases[i].args,
                           child.err_text);
    }
}
