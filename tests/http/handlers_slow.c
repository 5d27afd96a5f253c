/* SPDX-License-Identifier: MIT */
/*
 * Handlers that take their time delay nobody else; and what they may do on the thread that they are
 * called on then. They wait at a gate that the test opens, so nothing here depends on how fast it
 * goes: what would have to wait for them waits for ever.
 */
#include "io/loop.h"
#include "support/aio_probe.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WARM 300          /* requests after which a fast handler is called on its loop, */
#define WARM_SLOWLY 30000 /* or on a busy machine, where one may have been seen to wait */

TestSuite(handlers_slow, .timeout = 60);

static struct {
    pthread_mutex_t lock;
    pthread_cond_t cv;
    bool open;
    unsigned inside, most;
} gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0 };

static void pass_gate(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.inside++;
    gate.most = gate.inside > gate.most ? gate.inside : gate.most;
    pthread_cond_broadcast(&gate.cv);
    while (!gate.open) {
        pthread_cond_wait(&gate.cv, &gate.lock);
    }
    gate.inside--;
    pthread_mutex_unlock(&gate.lock);
}

static void await_inside(unsigned n)
{
    pthread_mutex_lock(&gate.lock);
    while (gate.inside < n) {
        pthread_cond_wait(&gate.cv, &gate.lock);
    }
    pthread_mutex_unlock(&gate.lock);
}

static void open_gate(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.cv);
    pthread_mutex_unlock(&gate.lock);
}

static void slow(nng_aio *aio)
{
    pass_gate();
    t_answer(aio, "slow", 4);
}

static atomic_bool was_inline;

static void fast(nng_aio *aio)
{
    atomic_store(&was_inline, nu_loop_self() != NULL);
    t_answer(aio, "fast", 4);
}

static void open_web(struct t_web *web, const char *loops)
{
    cr_assert_eq(setenv("NNG_URING_LOOPS", loops, 1), 0);
    t_web_open(web);
    t_web_callback(web, "/slow", slow);
    t_web_callback(web, "/fast", fast);
    t_web_callback(web, "/new", fast);
}

static void ask(struct t_http_client *b, const char *target, int times, const char *answer)
{
    for (int i = 0; i < times; i++) {
        t_http_client_get(b, target);
        t_http_client_assert(b, 200, answer);
    }
}

/* Until a fast handler is called on its loop. */
static void warm_up(struct t_http_client *b)
{
    ask(b, "/fast", WARM, "fast");
    for (int i = 0; i < WARM_SLOWLY && !atomic_load(&was_inline); i++) {
        ask(b, "/fast", 1, "fast");
    }
    cr_assert(atomic_load(&was_inline));
}

/* ---- Nobody else waits -------------------------------------------------------------------- */

/* With so many asleep, old connections and new ones get their answers, on a path that was called
 * before, and on one of which nothing is known. */
static void asleep(unsigned n, const char *loops)
{
    struct t_web web;
    struct t_http_client sleeper[64], old;
    open_web(&web, loops);
    t_web_start(&web);
    t_http_client_open(&old, web.port);
    warm_up(&old);
    for (unsigned i = 0; i < n; i++) {
        t_http_client_open(&sleeper[i], web.port);
        t_http_client_get(&sleeper[i], "/slow");
    }
    await_inside(n);
    for (int i = 0; i < 40; i++) {
        t_web_assert(&web, "/fast", 200, "fast");
        t_web_assert(&web, "/new", 200, "fast");
        ask(&old, "/fast", 1, "fast");
    }
    open_gate();
    for (unsigned i = 0; i < n; i++) {
        t_http_client_assert(&sleeper[i], 200, "slow");
        t_http_client_close(&sleeper[i]);
    }
    t_http_client_close(&old);
    t_web_close(&web);
    nng_fini();
}

Test(handlers_slow, one)
{
    asleep(1, "1");
}

Test(handlers_slow, four)
{
    asleep(4, "2");
}

Test(handlers_slow, sixteen)
{
    asleep(16, "1");
}

Test(handlers_slow, sixty_four)
{
    asleep(64, "2");
}

/* More than there are workers: as many at a time as there are, and the others after them. */
Test(handlers_slow, as_many_as_workers)
{
    enum { WORKERS = 6, REQUESTS = 40 };
    struct t_web web;
    struct t_http_client b[REQUESTS];
    cr_assert_eq(setenv("NNG_URING_WORKERS", "6", 1), 0);
    open_web(&web, "2");
    t_web_start(&web);
    for (int i = 0; i < REQUESTS; i++) {
        t_http_client_open(&b[i], web.port);
        t_http_client_get(&b[i], "/slow");
    }
    await_inside(WORKERS);
    t_web_assert(&web, "/fast", 200, "fast");
    open_gate();
    for (int i = 0; i < REQUESTS; i++) {
        t_http_client_assert(&b[i], 200, "slow");
        t_http_client_close(&b[i]);
    }
    t_web_close(&web);
    nng_fini();
    cr_assert_geq(gate.most, WORKERS);
    cr_assert_leq(gate.most, WORKERS + 4);
}

/* The result within a second. On a machine that is busy a request may take longer than that, but
 * not one after the other; what would have to wait for the gate never ends. */
static int ask_within_a_second(nng_http_client *client, nng_url *url, nng_aio *aio)
{
    int err = NNG_ETIMEDOUT;
    for (int tries = 0; tries < 5 && err == NNG_ETIMEDOUT; tries++) {
        nng_http_req *req;
        nng_http_res *res;
        cr_assert_eq(nng_http_req_alloc(&req, url), 0);
        cr_assert_eq(nng_http_res_alloc(&res), 0);
        nng_aio_set_timeout(aio, 1000);
        nng_http_client_transact(client, req, res, aio);
        nng_aio_wait(aio);
        err = nng_aio_result(aio);
        cr_assert(err != 0 || nng_http_res_get_status(res) == 200);
        nng_http_req_free(req);
        nng_http_res_free(res);
    }
    return err;
}

/* Requests, connects and timers of the same process. */
Test(handlers_slow, clients_of_the_process)
{
    struct t_web web;
    struct t_http_client sleeper;
    nng_http_client *client;
    nng_url *url;
    char text[64];
    open_web(&web, "1");
    t_web_start(&web);
    t_http_client_open(&sleeper, web.port);
    t_http_client_get(&sleeper, "/slow");
    await_inside(1);
    snprintf(text, sizeof text, "http://127.0.0.1:%u/fast", web.port);
    cr_assert_eq(nng_url_parse(&url, text), 0);
    cr_assert_eq(nng_http_client_alloc(&client, url), 0);
    for (int i = 0; i < 40; i++) {
        nng_aio *aio;
        cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
        int err = ask_within_a_second(client, url, aio);
        cr_assert_eq(err, 0, "%s", nng_strerror(err));
        nng_sleep_aio(1, aio);
        nng_aio_wait(aio);
        cr_assert_eq(nng_aio_result(aio), 0);
        nng_aio_free(aio);
    }
    open_gate();
    t_http_client_assert(&sleeper, 200, "slow");
    t_http_client_close(&sleeper);
    nng_http_client_free(client);
    nng_url_free(url);
    t_web_close(&web);
    nng_fini();
}

/* ---- One waits for another ---------------------------------------------------------------- */

static nng_mtx *mtx;
static nng_cv *cv;
static unsigned items;

static void get_item(nng_aio *aio)
{
    nng_mtx_lock(mtx);
    while (items == 0) {
        nng_cv_wait(cv);
    }
    items--;
    nng_mtx_unlock(mtx);
    t_answer(aio, "item", 4);
}

static void put_item(nng_aio *aio)
{
    nng_mtx_lock(mtx);
    items++;
    nng_cv_wake1(cv);
    nng_mtx_unlock(mtx);
    t_answer(aio, "put", 3);
}

/* On one loop: at first it finds what it wants, until it is called there; then it has to wait for
 * what another connection's request brings. */
Test(handlers_slow, waiting_for_another)
{
    struct t_web web;
    struct t_http_client get, put;
    cr_assert_eq(nng_mtx_alloc(&mtx), 0);
    cr_assert_eq(nng_cv_alloc(&cv, mtx), 0);
    open_web(&web, "1");
    t_web_callback(&web, "/get", get_item);
    t_web_callback(&web, "/put", put_item);
    t_web_start(&web);
    t_http_client_open(&get, web.port);
    t_http_client_open(&put, web.port);
    for (int i = 0; i < WARM; i++) {
        ask(&put, "/put", 1, "put");
        ask(&get, "/get", 1, "item");
    }
    for (int i = 0; i < 100; i++) {
        t_http_client_get(&get, "/get");
        usleep(i % 4 == 0 ? 2000 : 0);
        ask(&put, "/put", 1, "put");
        t_http_client_assert(&get, 200, "item");
    }
    t_http_client_close(&get);
    t_http_client_close(&put);
    t_web_close(&web);
    nng_cv_free(cv);
    nng_mtx_free(mtx);
    nng_fini();
}

static void wait_for_slow(nng_aio *aio)
{
    pthread_mutex_lock(&gate.lock);
    bool open = gate.open;
    pthread_mutex_unlock(&gate.lock);
    if (!open) {
        open_gate();
    }
    t_answer(aio, "opened", 6);
}

/* The same with the C library's means, and without a call that did not wait before. */
Test(handlers_slow, waiting_by_other_means)
{
    struct t_web web;
    struct t_http_client waiting;
    open_web(&web, "1");
    t_web_callback(&web, "/open", wait_for_slow);
    t_web_start(&web);
    t_http_client_open(&waiting, web.port);
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&gate.lock);
        gate.open = false;
        pthread_mutex_unlock(&gate.lock);
        t_http_client_get(&waiting, "/slow");
        await_inside(1);
        t_web_assert(&web, "/open", 200, "opened");
        t_http_client_assert(&waiting, 200, "slow");
    }
    t_http_client_close(&waiting);
    t_web_close(&web);
    nng_fini();
}

/* ---- What a handler may do there ---------------------------------------------------------- */

static nng_http_handler *on_worker(const char *uri, void (*cb)(nng_aio *))
{
    nng_http_handler *h;
    cr_assert_eq(nng_http_handler_alloc(&h, uri, cb), 0);
    cr_assert_eq(nng_uring_handler_set_placement(h, (enum nng_uring_placement) 3), NNG_EINVAL);
    cr_assert_eq(nng_uring_handler_set_placement(h, NNG_URING_PLACE_WORKERS), 0);
    return h;
}

static void transfer(nng_http_conn *conn, void *data, size_t n, bool writes)
{
    nng_aio *aio;
    nng_iov iov = { data, n };
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    cr_assert_eq(nng_aio_set_iov(aio, 1, &iov), 0);
    if (writes) {
        nng_http_conn_write_all(conn, aio);
    } else {
        nng_http_conn_read_all(conn, aio);
    }
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), 0, "%s", nng_strerror(nng_aio_result(aio)));
    nng_aio_free(aio);
}

static void hijack(nng_aio *aio)
{
    nng_http_req *req = nng_aio_get_input(aio, 0);
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    char byte;
    cr_assert_null(nu_loop_self());
    cr_assert_eq(nng_http_hijack(conn), 0);
    cr_assert_eq(nng_http_hijack(conn), NNG_EINVAL);
    nng_aio_finish(aio, 0);
    transfer(conn, "mine\n", 5, true);
    transfer(conn, &byte, 1, false);
    transfer(conn, &byte, 1, true);
    nng_http_req_free(req);
    nng_http_conn_close(conn);
}

Test(handlers_slow, hijack)
{
    struct t_web web;
    open_web(&web, "1");
    t_web_add(&web, on_worker("/hijack", hijack));
    t_web_start(&web);
    for (int i = 0; i < 50; i++) {
        struct t_http_client b;
        char got[7] = "";
        t_http_client_open(&b, web.port);
        t_http_client_say(&b, "GET /hijack HTTP/1.1\r\nHost: x\r\n\r\n!");
        for (size_t n = 0; n < 6;) {
            ssize_t k = read(b.fd, got + n, 6 - n);
            cr_assert_gt(k, 0);
            n += (size_t) k;
        }
        cr_assert_str_eq(got, "mine\n!");
        t_http_client_await_end(&b);
        t_http_client_close(&b);
    }
    t_web_close(&web);
    nng_fini();
}

/* Reads the request's body, in pieces, and writes its response itself. */
static void echo(nng_aio *aio)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    char body[10];
    cr_assert_null(nu_loop_self());
    transfer(conn, body, 3, false);
    transfer(conn, body + 3, 7, false);
    transfer(conn, (char *) head, sizeof head - 1, true);
    transfer(conn, body, 10, true);
    nng_aio_finish(aio, 0);
}

Test(handlers_slow, reads_and_writes)
{
    struct t_web web;
    struct t_http_client b;
    open_web(&web, "1");
    nng_http_handler *h = on_worker("/echo", echo);
    cr_assert_eq(nng_http_handler_set_method(h, "POST"), 0);
    cr_assert_eq(nng_http_handler_collect_body(h, false, 0), 0);
    t_web_add(&web, h);
    cr_assert_eq(nng_uring_handler_set_placement(h, NNG_URING_PLACE_AUTO), NNG_EBUSY);
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 50; i++) {
        t_http_client_say(&b, "GET /fast HTTP/1.1\r\nHost: x\r\n\r\n"
                              "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234");
        usleep(i % 3 == 0 ? 1000 : 0);
        t_http_client_say(&b, "56789GET /fast HTTP/1.1\r\nHost: x\r\n\r\n");
        t_http_client_assert(&b, 200, "fast");
        t_http_client_assert(&b, 200, "0123456789");
        t_http_client_assert(&b, 200, "fast");
    }
    t_http_client_close(&b);
    t_web_close(&web);
    nng_fini();
}

static nng_http_server *stopped;
static atomic_int drained;

static void stop(nng_aio *aio)
{
    atomic_store(&drained, nng_uring_server_drain(stopped, 1000));
    nng_http_server_stop(stopped);
    t_answer(aio, "into the void", 13);
}

/* A handler on a worker stops its own server, of which the test's is the only other hold. */
Test(handlers_slow, stops_its_server)
{
    struct t_web web;
    struct t_http_client b;
    open_web(&web, "1");
    t_web_add(&web, on_worker("/stop", stop));
    stopped = web.server;
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/stop");
    t_http_client_await_end(&b);
    cr_assert_eq(atomic_load(&drained), NNG_ESTATE);
    t_http_client_close(&b);
    t_web_close(&web);
    nng_fini();
}

static void fail(nng_aio *aio)
{
    nng_aio_finish(aio, NNG_EINTERNAL);
}

Test(handlers_slow, errors)
{
    struct t_web web;
    struct t_http_client b;
    open_web(&web, "1");
    cr_assert_eq(nng_http_server_set_error_page(web.server, 500, "sorry"), 0);
    t_web_add(&web, on_worker("/fail", fail));
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 20; i++) {
        t_http_client_get(&b, "/fail");
        t_http_client_assert(&b, 500, "sorry");
    }
    t_http_client_close(&b);
    t_web_close(&web);
    nng_fini();
}

/* The server is stopped, and clients leave, while handlers are at work; nng_fini() waits for them.
 */
Test(handlers_slow, ended_meanwhile)
{
    struct t_web web;
    struct t_http_client b[8];
    open_web(&web, "2");
    t_web_start(&web);
    for (int i = 0; i < 8; i++) {
        t_http_client_open(&b[i], web.port);
        t_http_client_get(&b[i], "/slow");
    }
    await_inside(8);
    for (int i = 0; i < 4; i++) {
        t_http_client_reset(&b[i]);
    }
    nng_http_server_stop(web.server);
    for (int i = 4; i < 8; i++) {
        t_http_client_await_end(&b[i]);
        t_http_client_close(&b[i]);
    }
    open_gate();
    t_web_close(&web);
    nng_fini();
    cr_assert_eq(gate.inside, 0);
}

/* ---- The log ------------------------------------------------------------------------------ */

static char logged[1000];
static atomic_int warnings;

static void logger(nng_log_level level, nng_log_facility facility, const char *msgid,
                   const char *msg)
{
    (void) level;
    (void) facility;
    if (strcmp(msgid, "NNG-URING-HELD") == 0) {
        snprintf(logged, sizeof logged, "%s", msg);
        atomic_fetch_add(&warnings, 1);
    }
}

static void hold(nng_aio *aio)
{
    usleep(80000);
    t_answer(aio, "held", 4);
}

Test(handlers_slow, one_that_holds_its_loop_is_named)
{
    struct t_web web;
    nng_http_handler *h;
    nng_log_set_logger(logger);
    open_web(&web, "1");
    cr_assert_eq(nng_http_handler_alloc(&h, "/api/hold", hold), 0);
    cr_assert_eq(nng_uring_handler_set_placement(h, NNG_URING_PLACE_INLINE), 0);
    t_web_add(&web, h);
    t_web_start(&web);
    for (int i = 0; i < 3; i++) {
        t_web_assert(&web, "/api/hold", 200, "held");
    }
    t_web_close(&web);
    nng_fini();
    cr_assert_eq(atomic_load(&warnings), 1);
    cr_assert_not_null(strstr(logged, "the handler of /api/hold has held a loop for "), "%s",
                       logged);
}
