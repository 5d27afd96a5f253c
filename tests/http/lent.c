/* SPDX-License-Identifier: MIT */
/* What a handler may do with the connection it was lent, short of hijacking it. */
#include "http/session.h"
#include "io/loop.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BIG ((size_t) 32 << 20) /* more than sockets hold */

TestSuite(lent, .timeout = 60);

/* Each test runs with handlers called on the loop, and on workers. */
#define BOTH(name)                                                                                 \
    static void name(void);                                                                        \
    Test(lent, name##_inline)                                                                      \
    {                                                                                              \
        cr_assert_eq(setenv("NNG_URING_CALLBACKS", "inline", 1), 0);                               \
        name();                                                                                    \
    }                                                                                              \
    Test(lent, name##_on_workers)                                                                  \
    {                                                                                              \
        cr_assert_eq(setenv("NNG_URING_CALLBACKS", "workers", 1), 0);                              \
        name();                                                                                    \
    }                                                                                              \
    static void name(void)

static struct t_pending_queue desk = NU_DESK;
static atomic_int calls;

static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

static void count_call(nng_aio *aio)
{
    atomic_fetch_add(&calls, 1);
    t_answer(aio, "next", 4);
}

/* ---- A site, and somebody who asks -------------------------------------------------------- */

struct site {
    struct t_web web;
    struct t_http_client b;
};

/* Asks for what was answered before, for what `cb` does, and for more behind it. */
static void open_site(struct site *site, void (*cb)(nng_aio *))
{
    nng_http_handler *h;
    t_web_open(&site->web);
    site->web.fds++; /* this thread may make a ring of its own, to write with */
    t_web_static(&site->web, "/", "home");
    t_web_callback(&site->web, "/next", count_call);
    cr_assert_eq(nng_http_handler_alloc(&h, "/lent", cb), 0);
    cr_assert_eq(nng_http_handler_set_method(h, "POST"), 0);
    cr_assert_eq(nng_http_handler_collect_body(h, false, 0), 0);
    t_web_add(&site->web, h);
    t_web_start(&site->web);
    t_http_client_open(&site->b, site->web.port);
}

static void ask(struct site *site)
{
    t_http_client_say(&site->b, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
                                "POST /lent HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
                                "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
}

static void close_site(struct site *site)
{
    t_http_client_close(&site->b);
    t_web_close(&site->web);
}

/* The answer before is heard, then the connection ends, and nothing behind it is answered. */
static void assert_ends(struct site *site)
{
    t_http_client_assert(&site->b, 200, "home");
    t_http_client_assert_end(&site->b);
    cr_assert_eq(atomic_load(&calls), 0);
    t_web_assert(&site->web, "/", 200, "home");
    close_site(site);
}

typedef void (*transfer)(nng_http_conn *conn, nng_aio *aio);

static nng_aio *begin(transfer op, nng_http_conn *conn, void *p, size_t n)
{
    nng_iov iov = { p, n };
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    cr_assert_eq(nng_aio_set_iov(aio, 1, &iov), 0);
    op(conn, aio);
    return aio;
}

static void assert_over(nng_aio *aio, int result)
{
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), result, "%s", nng_strerror(nng_aio_result(aio)));
    nng_aio_reap(aio);
}

/* ---- Close -------------------------------------------------------------------------------- */

static void close_answer(nng_aio *aio)
{
    nng_http_conn_close(nng_aio_get_input(aio, 2));
    t_answer(aio, "nobody", 6);
}

static void close_twice_finish(nng_aio *aio)
{
    nng_http_conn_close(nng_aio_get_input(aio, 2));
    nng_http_conn_close(nng_aio_get_input(aio, 2));
    nng_aio_finish(aio, 0);
}

static void close_fail(nng_aio *aio)
{
    nng_http_conn_close(nng_aio_get_input(aio, 2));
    nng_aio_finish(aio, NNG_EINTERNAL);
}

static void close_hijack(nng_aio *aio)
{
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_http_conn_close(conn);
    cr_assert_eq(nng_http_hijack(conn), NNG_ECLOSED);
    nng_http_conn_close(conn);
    nng_aio_finish(aio, 0);
}

BOTH(close_in_the_call)
{
    void (*const cbs[])(nng_aio *) = { close_answer, close_twice_finish, close_fail, close_hijack };
    for (size_t i = 0; i < sizeof cbs / sizeof *cbs; i++) {
        struct site site;
        open_site(&site, cbs[i]);
        ask(&site);
        assert_ends(&site);
    }
}

BOTH(close_later_and_elsewhere)
{
    struct site site;
    open_site(&site, keep);
    ask(&site);
    nng_aio *aio = t_pending_queue_take(&desk);
    nng_http_conn_close(nng_aio_get_input(aio, 2));
    nng_http_conn_close(nng_aio_get_input(aio, 2));
    cr_assert_str_eq(nng_http_req_get_uri(nng_aio_get_input(aio, 0)), "/lent");
    t_answer(aio, "nobody", 6);
    assert_ends(&site);
}

/* What is left of it is for the server to end. */
BOTH(close_then_the_server_stops)
{
    struct site site;
    open_site(&site, keep);
    ask(&site);
    nng_aio *aio = t_pending_queue_take(&desk);
    nng_http_conn_close(nng_aio_get_input(aio, 2));
    nng_http_server_stop(site.web.server);
    t_http_client_await_end(&site.b);
    nng_http_conn_close(nng_aio_get_input(aio, 2));
    t_answer(aio, "nobody", 6);
    close_site(&site);
}

/* The peer sends no more of the body. */
BOTH(close_ends_a_read)
{
    const transfer reads[] = { nng_http_conn_read, nng_http_conn_read_all };
    for (size_t i = 0; i < 2; i++) {
        char bytes[64];
        struct site site;
        open_site(&site, keep);
        t_http_client_say(&site.b, "GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST /lent HTTP/1.1\r\n"
                                   "Host: x\r\nContent-Length: 100\r\n\r\n");
        nng_aio *aio = t_pending_queue_take(&desk);
        nng_http_conn *conn = nng_aio_get_input(aio, 2);
        nng_aio *pending = begin(reads[i], conn, bytes, sizeof bytes);
        nng_aio *queued = begin(reads[i], conn, bytes, sizeof bytes);
        nng_http_conn_close(conn);
        assert_over(pending, NNG_ECLOSED);
        assert_over(queued, NNG_ECLOSED);
        assert_over(begin(reads[i], conn, bytes, sizeof bytes), NNG_ECLOSED);
        assert_over(begin(nng_http_conn_write, conn, bytes, sizeof bytes), NNG_ECLOSED);
        t_answer(aio, "nobody", 6);
        assert_ends(&site);
    }
}

/* The body is here, and is no longer read. */
BOTH(close_comes_before_the_body)
{
    char bytes[4];
    struct site site;
    open_site(&site, keep);
    ask(&site);
    nng_aio *aio = t_pending_queue_take(&desk);
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_http_conn_close(conn);
    assert_over(begin(nng_http_conn_read_all, conn, bytes, sizeof bytes), NNG_ECLOSED);
    nng_aio_finish(aio, 0);
    assert_ends(&site);
}

/* The peer reads nothing. */
BOTH(close_ends_writes)
{
    struct site site;
    char *big = calloc(1, BIG);
    cr_assert_not_null(big);
    open_site(&site, keep);
    ask(&site);
    nng_aio *aio = t_pending_queue_take(&desk);
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_aio *pending = begin(nng_http_conn_write_all, conn, big, BIG);
    nng_aio *queued = begin(nng_http_conn_write_all, conn, big, BIG);
    nng_http_conn_close(conn);
    assert_over(pending, NNG_ECLOSED);
    assert_over(queued, NNG_ECLOSED);
    t_answer(aio, "nobody", 6);
    t_http_client_assert(&site.b, 200, "home");
    cr_assert_lt(t_http_client_await_end(&site.b), BIG);
    close_site(&site);
    free(big);
}

static void say_close(nng_aio *aio)
{
    static char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    assert_over(begin(nng_http_conn_write_all, conn, text, sizeof text - 1), 0);
    nng_http_conn_close(conn);
    nng_aio_finish(aio, 0);
}

BOTH(what_was_written_before_is_heard)
{
    struct site site;
    open_site(&site, say_close);
    ask(&site);
    t_http_client_assert(&site.b, 200, "home");
    t_http_client_assert(&site.b, 200, "hi");
    t_http_client_assert_end(&site.b);
    close_site(&site);
}

/* A write that another thread has begun behind responses that are gathered yet, while the handler
 * is on the stack. */
static nng_aio *behind;

static void *write_elsewhere(void *conn)
{
    static char text[] = "unheard of";
    behind = begin(nng_http_conn_write_all, conn, text, sizeof text - 1);
    return NULL;
}

static void close_behind(nng_aio *aio)
{
    pthread_t thread;
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    cr_assert_not_null(nu_loop_self());
    cr_assert_eq(pthread_create(&thread, NULL, write_elsewhere, conn), 0);
    pthread_join(thread, NULL);
    nng_http_conn_close(conn);
    t_answer(aio, "nobody", 6);
}

Test(lent, close_ends_a_write_at_the_gate)
{
    struct site site;
    cr_assert_eq(setenv("NNG_URING_CALLBACKS", "inline", 1), 0);
    open_site(&site, close_behind);
    ask(&site);
    assert_ends(&site);
    assert_over(behind, NNG_ECLOSED);
}

/* ---- Whole messages ----------------------------------------------------------------------- */

/* The request in hand is the message, for it is to be left alone. */
static void assert_refused(nng_http_conn *conn, nng_http_req *req)
{
    nng_http_res *res;
    nng_aio *aio;
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_http_res_set_status(res, 299), 0);
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    for (int i = 0; i < 3; i++) {
        if (i == 0) {
            nng_http_conn_read_req(conn, req, aio);
        } else if (i == 1) {
            nng_http_conn_read_res(conn, res, aio);
        } else {
            nng_http_conn_transact(conn, req, res, aio);
        }
        nng_aio_wait(aio);
        cr_assert_eq(nng_aio_result(aio), NNG_ESTATE, "%d: %s", i,
                     nng_strerror(nng_aio_result(aio)));
    }
    cr_assert_str_eq(nng_http_req_get_uri(req), "/lent");
    cr_assert_eq(nng_http_res_get_status(res), 299);
    nng_http_res_free(res);
    nng_aio_reap(aio);
}

static void refused(nng_aio *aio)
{
    char body[4];
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    assert_refused(conn, nng_aio_get_input(aio, 0));
    assert_over(begin(nng_http_conn_read_all, conn, body, sizeof body), 0);
    t_answer(aio, body, sizeof body);
}

static void assert_all_answered(struct site *site, const char *answer)
{
    t_http_client_assert(&site->b, 200, "home");
    t_http_client_assert(&site->b, 200, answer);
    t_http_client_assert(&site->b, 200, "next");
    close_site(site);
}

BOTH(whole_messages_are_refused)
{
    struct site site;
    open_site(&site, refused);
    ask(&site);
    assert_all_answered(&site, "body");
}

/* The body is not read, either: nothing of it is taken for the next request. */
BOTH(whole_messages_are_refused_later)
{
    struct site site;
    open_site(&site, keep);
    ask(&site);
    nng_aio *aio = t_pending_queue_take(&desk);
    assert_refused(nng_aio_get_input(aio, 2), nng_aio_get_input(aio, 0));
    t_answer(aio, "late", 4);
    assert_all_answered(&site, "late");
}
