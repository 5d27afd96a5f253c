/* SPDX-License-Identifier: MIT */
/*
 * TLS with everything that OpenSSL is asked for failing in turn: its allocations, and the calls of
 * it. No crash, no hang, no leak; and the error says what it was.
 */
#include "base/clock.h"
#include "fault/openssl.h"
#include "fault/wrap.h"
#include "support/pki.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(tls_fault, .timeout = 120);

#define SIZE 40000 /* three records */
#define TIME (5 * NU_SECOND)
#define STRIDE 16U

static struct t_cert ca, cert;
static char *crl;
static char body[SIZE];

static bool known(int err, const int *allowed)
{
    while (*allowed >= 0 && *allowed != err) {
        allowed++;
    }
    return *allowed >= 0;
}

/*
 * Lets each call of `which` that `once` makes fail, one after the other. On a slow machine there is
 * no time for all of them: those that are tried are then spread evenly. `once` returns 0 or its
 * first error; before() is called first, in which nothing fails.
 */
static void each(enum t_fault which, void (*before)(void), int (*once)(void), const int *allowed)
{
    unsigned total = STRIDE, tried = 0;
    before();
    cr_assert_eq(once(), 0); /* with all that is made once */
    uint64_t end = nu_now() + TIME;
    for (unsigned first = 1; first <= STRIDE && nu_now() < end; first++) {
        for (unsigned nth = first; nu_now() < end; nth += STRIDE) {
            before();
            t_fault_arm(which, (int) nth);
            int err = once();
            t_fault_disarm();
            cr_assert(known(err, allowed), "call %u: %s", nth, nng_strerror(err));
            if (t_fault_hits() == 0) {
                cr_assert_eq(err, 0, "after call %u: %s", nth, nng_strerror(err));
                break;
            }
            total = nth > total ? nth : total;
            tried++;
        }
    }
    cr_log_info("%u of %u", tried, total);
    cr_assert_gt(tried, 0);
}

/* ---- Configurations ----------------------------------------------------------------------- */

/* 0, and the configuration is the caller's. */
static int make_server(nng_tls_config **configp)
{
    int err = nng_tls_config_alloc(configp, NNG_TLS_MODE_SERVER);
    for (int i = 0; i < 2 && err == 0; i++) { /* or there would be no choice by name */
        err = nng_tls_config_own_cert(*configp, cert.cert_pem, cert.key_pem, NULL);
    }
    return err;
}

static int make_client(nng_tls_config **configp)
{
    int err = nng_tls_config_alloc(configp, NNG_TLS_MODE_CLIENT);
    if (err == 0) {
        err = nng_tls_config_ca_chain(*configp, ca.cert_pem, NULL);
    }
    if (err == 0) {
        err = nng_tls_config_server_name(*configp, "localhost");
    }
    return err;
}

static void nothing(void)
{
}

static int configure(void)
{
    nng_tls_config *configs[2] = { NULL, NULL };
    int err;
    (void) ((err = make_server(&configs[0])) != 0 || (err = make_client(&configs[1])) != 0);
    nng_tls_config_free(configs[0]);
    nng_tls_config_free(configs[1]);
    return err;
}

/* What fewer programs ask for. */
static int configure_more(void)
{
    static const uint8_t key[16] = { 1 };
    nng_tls_config *config;
    int err = nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER);
    if (err != 0) {
        return err;
    }
    (void) ((err = nng_uring_tls_config_self_signed(config, "localhost,127.0.0.1")) != 0 ||
            (err = nng_tls_config_psk(config, "somebody", key, sizeof key)) != 0 ||
            (err = nng_tls_config_ca_chain(config, ca.cert_pem, crl)) != 0);
    nng_tls_config_free(config);
    return err;
}

/* ---- A request ---------------------------------------------------------------------------- */

static nng_http_server *server;
static nng_http_client *clients[2];
static nng_aio *aio;
static char address[64];

static void start_server(void)
{
    nng_http_handler *handler;
    nng_sockaddr addr;
    nng_url *url;
    cr_assert_eq(nng_url_parse(&url, "https://127.0.0.1:0"), 0);
    cr_assert_eq(nng_http_server_hold(&server, url), 0);
    nng_url_free(url);
    cr_assert_eq(nng_http_handler_alloc_static(&handler, "/", body, SIZE, "a/b"), 0);
    cr_assert_eq(nng_http_server_add_handler(server, handler), 0);
    nng_tls_config *config;
    cr_assert_eq(make_server(&config), 0);
    cr_assert_eq(nng_http_server_set_tls(server, config), 0);
    nng_tls_config_free(config);
    cr_assert_eq(nng_http_server_start(server), 0);
    cr_assert_eq(nng_http_server_get_addr(server, &addr), 0);
    snprintf(address, sizeof address, "https://localhost:%u", ntohs(addr.s_in.sa_port));
}

/* Of an answer: one that says that it could not be given is an error, too. */
static int heard(nng_http_res *res)
{
    void *data;
    size_t size;
    if (nng_http_res_get_status(res) >= NNG_HTTP_STATUS_INTERNAL_SERVER_ERROR) {
        return NNG_ENOMEM;
    }
    nng_http_res_get_data(res, &data, &size);
    cr_assert(size == SIZE && memcmp(data, body, SIZE) == 0);
    return 0;
}

static int ask(nng_http_client *client)
{
    nng_http_req *req = NULL;
    nng_http_res *res = NULL;
    int err;
    (void) ((err = nng_http_req_alloc(&req, NULL)) != 0 || (err = nng_http_res_alloc(&res)) != 0 ||
            (err = nng_http_req_set_uri(req, "/")) != 0);
    if (err == 0) {
        nng_http_client_transact(client, req, res, aio);
        nng_aio_wait(aio);
        err = nng_aio_result(aio);
        err = err == 0 ? heard(res) : err;
    }
    nng_http_req_free(req);
    nng_http_res_free(res);
    return err;
}

static nng_http_client *new_client(bool resumes)
{
    nng_http_client *made;
    nng_tls_config *config;
    nng_url *url;
    cr_assert_eq(nng_url_parse(&url, address), 0);
    cr_assert_eq(nng_http_client_alloc(&made, url), 0);
    nng_url_free(url);
    cr_assert_eq(make_client(&config), 0);
    cr_assert_eq(nng_uring_tls_config_resumption(config, resumes), 0);
    cr_assert_eq(nng_http_client_set_tls(made, config), 0);
    nng_tls_config_free(config);
    return made;
}

static void free_clients(void)
{
    nng_http_client_free(clients[0]);
    nng_http_client_free(clients[1]);
    nng_aio_free(aio);
}

/* Clients that have not spoken yet. */
static void renew_clients(void)
{
    free_clients();
    clients[0] = new_client(false);
    clients[1] = new_client(true);
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, 120000);
}

/* Full handshakes and one that is resumed, with a request each, and the end. */
static int come(void)
{
    int err;
    (void) ((err = ask(clients[0])) != 0 || (err = ask(clients[1])) != 0 ||
            (err = ask(clients[1])) != 0);
    return err;
}

static void make_certificates(void)
{
    for (size_t i = 0; i < SIZE; i++) {
        body[i] = (char) (i * 7 + i / 256);
    }
    t_ca_make(&ca, "ca");
    t_cert_make(&cert, &ca, &(struct t_cert_params){ .san = "DNS:localhost" });
    crl = t_crl_make(&ca, &cert);
}

static void free_certificates(void)
{
    free(crl);
    t_cert_free(&cert);
    t_cert_free(&ca);
}

/* ---- The tests ---------------------------------------------------------------------------- */

/* A call that says that there is no memory is understood. Not all of them say so. */
Test(tls_fault, configurations)
{
    static const int memory[] = { 0, NNG_ENOMEM, -1 };
    static const int allowed[] = { 0, NNG_ENOMEM, NNG_ECRYPTO, -1 };
    make_certificates();
    each(NU_FAULT_OPENSSL, nothing, configure, memory);
    each(NU_FAULT_OPENSSL_MEMORY, nothing, configure, allowed);
    each(NU_FAULT_OPENSSL, nothing, configure_more, memory);
    each(NU_FAULT_OPENSSL_MEMORY, nothing, configure_more, allowed);
    free_certificates();
}

/* The peer of whoever has no memory learns no more than that it is over. */
static const int over[] = { 0,           NNG_ENOMEM, NNG_ECRYPTO, NNG_ECONNRESET, NNG_ECONNSHUT,
                            NNG_ECLOSED, -1 };

/* OpenSSL does not always say that it was for want of memory that it did not find the CA. */
static const int over_or_refused[] = {
    0, NNG_ENOMEM, NNG_ECRYPTO, NNG_ECONNRESET, NNG_ECONNSHUT, NNG_ECLOSED, NNG_EPEERAUTH, -1
};

/* Blocks are counted when nothing is left of the connections. */
static long settled_blocks(void)
{
    long blocks = t_openssl_blocks();
    for (int quiet = 0; quiet < 10; quiet++) {
        nng_msleep(5);
        long now = t_openssl_blocks();
        quiet = now == blocks ? quiet : 0;
        blocks = now;
    }
    return blocks;
}

static void requests(enum t_fault which, void (*before)(void), const int *allowed)
{
    cr_assert_eq(setenv("NNG_URING_LOOPS", "1", 1), 0);
    make_certificates();
    start_server();
    renew_clients();
    cr_assert_eq(come(), 0);
    long blocks = settled_blocks();
    each(which, before, come, allowed);
    renew_clients();
    cr_assert_eq(come(), 0); /* and all is well */
    long left = settled_blocks();
    for (int i = 0; i < 400 && left >= blocks + 100; i++) { /* one that is slow to go */
        left = settled_blocks();
    }
    cr_log_info("%ld blocks, then %ld", blocks, left);
    cr_assert_geq(blocks, 0);
    cr_assert_lt(left, blocks + 100, "%ld blocks, then %ld", blocks, left);
    free_clients();
    nng_http_server_release(server);
    nng_fini();
    free_certificates();
}

/* Those that are made when a configuration is used first, too. */
Test(tls_fault, calls)
{
    requests(NU_FAULT_OPENSSL, renew_clients, over);
}

Test(tls_fault, memory)
{
    requests(NU_FAULT_OPENSSL_MEMORY, nothing, over_or_refused);
}

/* Not OpenSSL's but ours, for what is on its way above all. */
Test(tls_fault, memory_of_ours)
{
    requests(NU_FAULT_ALLOC, nothing, over);
}

/* ---- A word in between -------------------------------------------------------------------- */

static void answer(nng_aio *call)
{
    nng_http_res *res;
    if (nng_http_res_alloc(&res) != 0) {
        nng_aio_finish(call, NNG_ENOMEM);
        return;
    }
    (void) nng_http_res_copy_data(res, "good", 4);
    nng_aio_set_output(call, 0, res);
    nng_aio_finish(call, 0);
}

static void add_answer(void)
{
    nng_http_handler *handler;
    cr_assert_eq(nng_http_handler_alloc(&handler, "/in", answer), 0);
    cr_assert_eq(nng_http_handler_set_method(handler, "POST"), 0);
    cr_assert_eq(nng_http_server_add_handler(server, handler), 0);
}

static int pass(nng_http_conn *conn, void (*how)(nng_http_conn *, nng_aio *), void *p, size_t n)
{
    nng_iov iov = { p, n };
    cr_assert_eq(nng_aio_set_iov(aio, 1, &iov), 0);
    how(conn, aio);
    nng_aio_wait(aio);
    return nng_aio_result(aio);
}

/* Asks for leave to send a body, which comes with what is armed, and sends it. What is heard then
 * are answers, or nothing. */
static void ask_for_leave(nng_http_client *client, int nth, int n)
{
    static char head[] = "POST /in HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                         "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    static char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char text[4096] = "";
    size_t have = 0;
    nng_http_client_connect(client, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), 0);
    nng_http_conn *conn = nng_aio_get_output(aio, 0);
    nng_msleep(20); /* a server's tickets are on their way, or this is about them */
    t_fault_arm_run(NU_FAULT_ALLOC, nth, n);
    int err = pass(conn, nng_http_conn_write_all, head, sizeof head - 1);
    nng_aio_set_timeout(aio, 30);
    while (err == 0 && have < sizeof text - 1) { /* it may say nothing */
        err = pass(conn, nng_http_conn_read, text + have, sizeof text - 1 - have);
        have += nng_aio_count(aio);
    }
    t_fault_disarm();
    nng_aio_set_timeout(aio, 120000);
    err = err == NNG_ETIMEDOUT ? pass(conn, nng_http_conn_write_all, "good", 4) : err;
    while (err == 0 && have < sizeof text - 1) {
        err = pass(conn, nng_http_conn_read, text + have, sizeof text - 1 - have);
        have += nng_aio_count(aio);
    }
    nng_http_conn_close(conn);
    const char *p = strncmp(text, go_on, strlen(go_on)) == 0 ? text + strlen(go_on) : text;
    cr_assert(*p == '\0' || strncmp(p, "HTTP/1.1 ", 9) == 0, "%d of %d: %s", nth, n, text);
}

/* "100 Continue" for which there is no memory is not said, or the connection ends; but the answer
 * is not cut for it. */
Test(tls_fault, a_word_in_between)
{
    cr_assert_eq(setenv("NNG_URING_LOOPS", "1", 1), 0);
    make_certificates();
    start_server();
    add_answer();
    renew_clients();
    for (int n = 1; n <= 3; n++) {
        for (int nth = 1; nth <= 9; nth++) {
            ask_for_leave(clients[0], nth, n);
        }
    }
    free_clients();
    nng_http_server_release(server);
    nng_fini();
    free_certificates();
}
