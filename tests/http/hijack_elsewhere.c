/* SPDX-License-Identifier: MIT */
/* Connections that are hijacked on other threads than that of their loop. */
#include "http/hijack.h"

#include "io/loop.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(hijack_elsewhere, .timeout = 60);

static struct t_pending_queue desk = NU_DESK;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t holds, wants;

static void write_text(nng_http_conn *conn, const char *text, int result)
{
    nng_iov iov = { (void *) (uintptr_t) text, strlen(text) };
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    cr_assert_eq(nng_aio_set_iov(aio, 1, &iov), 0);
    nng_http_conn_write_all(conn, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), result, "%s", nng_strerror(nng_aio_result(aio)));
    nng_aio_free(aio);
}

static void add(struct t_web *web, const char *uri, void (*cb)(nng_aio *),
                enum nng_uring_placement where)
{
    nng_http_handler *h;
    cr_assert_eq(nng_http_handler_alloc(&h, uri, cb), 0);
    cr_assert_eq(nng_uring_handler_set_placement(h, where), 0);
    t_web_add(web, h);
}

/* ---- A lock is held ----------------------------------------------------------------------- */

/* Wants the mutex, on the loop, which goes no further before it has it. */
static void take_mutex(nng_aio *aio)
{
    cr_assert_not_null(nu_loop_self());
    sem_post(&wants);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    t_answer(aio, "had it", 6);
}

/* Returns only with the connection, whose loop waits for the mutex meanwhile. */
static void hijack_holding_mutex(nng_aio *aio)
{
    nng_http_req *req = nng_aio_get_input(aio, 0);
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    cr_assert_null(nu_loop_self());
    pthread_mutex_lock(&mutex);
    sem_post(&holds);
    sem_wait(&wants);
    usleep(1000); /* it is about to block */
    cr_assert_eq(nng_http_hijack(conn), 0);
    cr_assert_eq(nng_http_hijack(conn), NNG_EINVAL);
    nng_aio_finish(aio, 0);
    pthread_mutex_unlock(&mutex);
    write_text(conn, "mine\n", 0);
    nng_http_req_free(req);
    nng_http_conn_close(conn);
}

static void assert_hears(struct t_http_client *b, const char *text)
{
    char got[64] = "";
    size_t want = strlen(text);
    for (size_t n = 0; n < want;) {
        ssize_t k = read(b->fd, got + n, want - n);
        cr_assert_gt(k, 0);
        n += (size_t) k;
    }
    cr_assert_str_eq(got, text);
}

Test(hijack_elsewhere, holding_a_lock_that_the_loop_wants)
{
    struct t_web web;
    struct t_http_client taken, other;
    cr_assert_eq(setenv("NNG_URING_LOOPS", "1", 1), 0);
    sem_init(&holds, 0, 0);
    sem_init(&wants, 0, 0);
    t_web_open(&web);
    add(&web, "/take", hijack_holding_mutex, NNG_URING_PLACE_WORKERS);
    add(&web, "/mutex", take_mutex, NNG_URING_PLACE_INLINE);
    t_web_start(&web);
    for (int i = 0; i < 20; i++) {
        t_http_client_open(&taken, web.port);
        t_http_client_open(&other, web.port);
        t_http_client_get(&taken, "/take");
        sem_wait(&holds);
        t_http_client_get(&other, "/mutex");
        assert_hears(&taken, "mine\n");
        t_http_client_await_end(&taken);
        t_http_client_assert(&other, 200, "had it");
        t_http_client_close(&taken);
        t_http_client_close(&other);
    }
    t_web_close(&web);
}

/* ---- Before the owner knows --------------------------------------------------------------- */

static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

/* The loop is held while somebody does all that can be done with a hijacked connection. */
static void hold(nng_aio *aio)
{
    sem_post(&holds);
    sem_wait(&wants);
    t_answer(aio, "held", 4);
}

enum { FINISH = 1, WRITE = 2, CLOSE = 4, STOP = 8, ALL = 16 };

struct held {
    struct t_web web;
    unsigned what;
};

/* On a thread of its own, since it may make a ring to write with. */
static void *hijack_while_held(void *arg)
{
    struct held *held = arg;
    struct t_web *web = &held->web;
    unsigned what = held->what;
    struct t_http_client taken, other;
    t_http_client_open(&taken, web->port);
    t_http_client_open(&other, web->port);
    t_http_client_say(&taken, "GET /keep HTTP/1.1\r\nHost: x\r\n\r\nraw");
    nng_aio *aio = t_pending_queue_take(&desk);
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_http_req *req = nng_aio_get_input(aio, 0);
    t_http_client_get(&other, "/hold");
    sem_wait(&holds);
    if ((what & STOP) != 0) {
        nng_http_server_stop(web->server); /* the owner hears of this first */
    }
    cr_assert_eq(nng_http_hijack(conn), 0);
    cr_assert_eq(nng_http_hijack(conn), NNG_EINVAL);
    if ((what & FINISH) != 0) {
        nng_aio_finish(aio, 0);
    }
    if ((what & WRITE) != 0) {
        write_text(conn, "before\n", 0);
    }
    if ((what & CLOSE) != 0) {
        nng_http_conn_close(conn);
    }
    sem_post(&wants);
    if ((what & STOP) == 0) {
        t_http_client_assert(&other, 200, "held");
    } else {
        t_http_client_await_end(&other);
    }
    if ((what & CLOSE) == 0) {
        write_text(conn, "after\n", 0);
        nng_http_conn_close(conn);
    }
    assert_hears(&taken, (what & (WRITE | CLOSE)) == WRITE             ? "before\nafter\n"
                         : (what & (WRITE | CLOSE)) == (WRITE | CLOSE) ? "before\n"
                         : (what & CLOSE) == 0                         ? "after\n"
                                                                       : "");
    t_http_client_await_end(&taken);
    if ((what & FINISH) == 0) {
        nng_aio_finish(aio, 0);
    }
    nng_http_req_free(req);
    t_http_client_close(&taken);
    t_http_client_close(&other);
    return NULL;
}

Test(hijack_elsewhere, while_the_loop_is_held)
{
    static const char *const backends[] = { "io_uring", "epoll" };
    cr_assert_eq(setenv("NNG_URING_LOOPS", "1", 1), 0);
    for (unsigned what = 0; what < 2 * ALL; what++) {
        struct held held = { .what = what % ALL };
        pthread_t thread;
        cr_assert_eq(setenv("NNG_URING_BACKEND", backends[what / ALL], 1), 0);
        sem_init(&holds, 0, 0);
        sem_init(&wants, 0, 0);
        t_web_open(&held.web);
        add(&held.web, "/keep", keep, NNG_URING_PLACE_AUTO);
        add(&held.web, "/hold", hold, NNG_URING_PLACE_INLINE);
        t_web_start(&held.web);
        cr_assert_eq(pthread_create(&thread, NULL, hijack_while_held, &held), 0);
        pthread_join(thread, NULL);
        t_web_close(&held.web);
        nng_fini();
    }
}

/* ---- In order ----------------------------------------------------------------------------- */

static sem_t taken_over;

static void *take_over(void *arg)
{
    nng_http_conn *conn = arg;
    cr_assert_eq(nng_http_hijack(conn), 0);
    sem_post(&taken_over);
    write_text(conn, "mine\n", 0);
    nng_http_conn_close(conn);
    return NULL;
}

/* Another thread hijacks, and writes, while answers before are gathered on the loop. */
static void let_take(nng_aio *aio)
{
    pthread_t thread;
    nng_http_req *req = nng_aio_get_input(aio, 0);
    cr_assert_not_null(nu_loop_self());
    cr_assert_eq(pthread_create(&thread, NULL, take_over, nng_aio_get_input(aio, 2)), 0);
    pthread_detach(thread);
    sem_wait(&taken_over);
    usleep(10000); /* it has begun to write */
    nng_http_req_free(req);
    nng_aio_finish(aio, 0);
}

static void hello(nng_aio *aio)
{
    t_answer(aio, "hello", 5);
}

/* Behind the last response. */
static void assert_follows(struct t_http_client *b, const char *text)
{
    size_t have = b->len - b->used;
    cr_assert_leq(have, strlen(text));
    cr_assert_arr_eq(b->buf + b->used, text, have);
    assert_hears(b, text + have);
}

Test(hijack_elsewhere, behind_what_is_gathered)
{
    struct t_web web;
    cr_assert_eq(setenv("NNG_URING_LOOPS", "1", 1), 0);
    sem_init(&taken_over, 0, 0);
    t_web_open(&web);
    add(&web, "/hello", hello, NNG_URING_PLACE_INLINE);
    add(&web, "/take", let_take, NNG_URING_PLACE_INLINE);
    t_web_start(&web);
    for (int i = 0; i < 20; i++) {
        struct t_http_client b;
        t_http_client_open(&b, web.port);
        t_http_client_say(&b, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
                              "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
                              "GET /take HTTP/1.1\r\nHost: x\r\n\r\n");
        t_http_client_assert(&b, 200, "hello");
        t_http_client_assert(&b, 200, "hello");
        assert_follows(&b, "mine\n");
        t_http_client_close(&b);
    }
    t_web_close(&web);
}
