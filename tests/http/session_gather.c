/* SPDX-License-Identifier: MIT */
/* Pipelined requests: what is answered at once is gathered, in order, and nothing waits for it. */
#include "http/session.h"

#include "support/counted.h"
#include "support/proc.h"
#include "support/site.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NBATCH 16

static struct t_pending_queue desk = NU_DESK;
static char big[5000]; /* is pointed at, not copied */

/* ---- Handlers ----------------------------------------------------------------------------- */

/* With what is behind the '?' of its URI, which is borrowed. */
static void answer_query(nng_aio *aio)
{
    const char *uri = nng_http_req_get_uri(nng_aio_get_input(aio, 0));
    nng_http_res *res;
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_http_res_set_data(res, strchr(uri, '?') + 1, strlen(strchr(uri, '?') + 1)), 0);
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

static void answer_big(nng_aio *aio)
{
    t_answer(aio, big, sizeof big - 1);
}

static void echo(nng_aio *aio)
{
    void *data;
    size_t size;
    nng_http_req_get_data(nng_aio_get_input(aio, 0), &data, &size);
    t_answer(aio, data, size);
}

static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

static void fail_at_once(nng_aio *aio)
{
    nng_aio_finish(aio, NNG_EINTERNAL);
}

static const char by_hand[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

static int write_by_hand(nng_http_conn *conn)
{
    nng_iov iov = { (void *) (uintptr_t) by_hand, sizeof by_hand - 1 };
    nng_aio *own;
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    cr_assert_eq(nng_aio_set_iov(own, 1, &iov), 0);
    nng_http_conn_write_all(conn, own);
    nng_aio_wait(own);
    int err = nng_aio_result(own);
    nng_aio_free(own);
    return err;
}

/* Its own response, in its call. */
static void write_here(nng_aio *aio)
{
    nng_aio_finish(aio, write_by_hand(nng_aio_get_input(aio, 2)));
}

static void *begin_there(void *arg)
{
    nng_iov iov = { (void *) (uintptr_t) by_hand, sizeof by_hand - 1 };
    nng_aio **aios = arg;
    cr_assert_eq(nng_aio_set_iov(aios[1], 1, &iov), 0);
    nng_http_conn_write_all(nng_aio_get_input(aios[0], 2), aios[1]);
    return NULL;
}

static void written_there(void *arg)
{
    nng_aio **aios = arg;
    int err = nng_aio_result(aios[1]);
    nng_aio *aio = aios[0];
    nng_aio_reap(aios[1]);
    free(aios);
    nng_aio_finish(aio, err);
}

/* Another thread has begun it before the call returns. */
static void write_from_thread(nng_aio *aio)
{
    pthread_t thread;
    nng_aio **aios = malloc(2 * sizeof(nng_aio *));
    cr_assert_not_null(aios);
    aios[0] = aio;
    cr_assert_eq(nng_aio_alloc(&aios[1], written_there, aios), 0);
    cr_assert_eq(pthread_create(&thread, NULL, begin_there, aios), 0);
    pthread_join(thread, NULL);
}

/* Its loop turns until the client has got what was gathered, and has said so. */
static void wait_for_desk(nng_aio *aio)
{
    nng_aio *own;
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    nng_sleep_aio(20000, own);
    t_pending_queue_put(&desk, own);
    nng_aio_wait(own);
    nng_aio_free(own);
    t_answer(aio, "waited", 6);
}

/* ---- The server --------------------------------------------------------------------------- */

static struct t_site site;

static void open_site(void)
{
    struct t_web *web = &site.web;
    nng_http_handler *h;
    memset(big, 'b', sizeof big - 1);
    setenv("NNG_URING_LOOPS", "1", 1);
    t_site_open(&site);
    t_site_text(&site, "root/small.txt", "a small file");
    t_site_make(&site, "root/big.txt", big, sizeof big - 1);
    t_web_callback(web, "/q", answer_query);
    t_web_callback(web, "/big", answer_big);
    t_web_callback(web, "/echo", echo);
    t_web_callback(web, "/keep", keep);
    t_web_callback(web, "/fail", fail_at_once);
    t_web_callback(web, "/here", write_here);
    t_web_callback(web, "/there", write_from_thread);
    t_web_callback(web, "/wait", wait_for_desk);
    cr_assert_eq(nng_http_handler_alloc_redirect(&h, "/moved", 302, "/"), 0);
    t_web_add(web, h);
}

/* ---- Together ----------------------------------------------------------------------------- */

/* The answers to one packet of requests leave in one write: the library submits a receive, and that
 * write. */
Test(session_gather, callbacks_in_one_write, .timeout = 60)
{
    struct t_http_client b;
    char text[4096], *p = text;
    cr_assert_eq(setenv("NNG_URING_CALLBACKS", "inline", 1), 0); /* on workers, each has its own */
    open_site();
    t_http_client_open(&b, site.web.port);
    t_http_client_get(&b, "/q?first");
    t_http_client_assert(&b, 200, "first");
    for (int i = 0; i < NBATCH; i++) {
        p += sprintf(p, "GET /q?%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
    }
    uint64_t before = t_counted("sqes");
    t_http_client_say(&b, text);
    for (int i = 0; i < NBATCH; i++) {
        char number[8];
        sprintf(number, "%d", i);
        t_http_client_assert(&b, 200, number);
    }
    cr_assert_leq(t_counted("sqes") - before, 4);
    t_http_client_close(&b);
    t_site_close(&site);
}

/* One request, and what comes of it. */
static const struct {
    const char *request; /* from the target on; begins with its method if that is not GET */
    unsigned status;
    const char *body; /* NULL: whatever it is */
} mix[] = {
    { "GET /q?callback", 200, "callback" },
    { "GET /static", 200, "home" },
    { "GET /moved", 302, NULL },
    { "GET /small.txt", 200, "a small file" },
    { "GET /nowhere", 404, NULL },
    { "DELETE /static", 405, NULL },
    { "GET /fail", 500, NULL },
    { "GET /big", 200, big },
    { "GET /big.txt", 200, big },
    { "GET /here", 200, "hi" },
    { "GET /there", 200, "hi" },
    { "GET /none.txt", 404, NULL },
    { "GET /keep", 200, "late" },
    { "POST /echo", 200, "four" },
};

#define NMIX (sizeof mix / sizeof *mix)

static void say_mix(struct t_http_client *b, size_t i, bool last)
{
    char text[256];
    bool post = strncmp(mix[i].request, "POST", 4) == 0;
    snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\n%s%s\r\n%s", mix[i].request,
             post ? "Content-Length: 4\r\n" : "", last ? "Connection: close\r\n" : "",
             post ? "four" : "");
    t_http_client_say(b, text);
}

/* Every kind of answer behind every other one, in one go and in many. */
Test(session_gather, mixed, .timeout = 120)
{
    open_site();
    for (size_t first = 0; first < NMIX; first++) {
        for (size_t then = 0; then < NMIX; then++) {
            const size_t order[] = { 0, first, then, first, 1, then };
            struct t_http_client b;
            t_http_client_open(&b, site.web.port);
            for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
                say_mix(&b, order[i], false);
            }
            for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
                if (strcmp(mix[order[i]].request, "GET /keep") == 0) {
                    t_answer(t_pending_queue_take(&desk), "late", 4);
                }
                t_http_client_assert(&b, mix[order[i]].status, mix[order[i]].body);
            }
            t_http_client_close(&b);
        }
    }
    t_site_close(&site);
}

/* Far more than a batch holds, answered in order; the client reads when all is asked. */
Test(session_gather, many, .timeout = 60)
{
    struct t_http_client b;
    open_site();
    t_http_client_open(&b, site.web.port);
    for (size_t i = 0; i < 1000; i++) {
        size_t one = i % 9; /* those that answer at once, and files */
        say_mix(&b, one, i == 999);
    }
    for (size_t i = 0; i < 1000; i++) {
        t_http_client_assert(&b, mix[i % 9].status, mix[i % 9].body);
    }
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    t_site_close(&site);
}

/* ---- Nothing waits for it ----------------------------------------------------------------- */

/* A handler that defers, and one that waits in its call, have what was before them written. */
Test(session_gather, not_late, .timeout = 60)
{
    struct t_http_client b;
    open_site();
    t_http_client_open(&b, site.web.port);
    for (int i = 0; i < 10; i++) {
        t_http_client_say(&b,
                          "GET /q?a HTTP/1.1\r\nHost: x\r\n\r\nGET /keep HTTP/1.1\r\nHost: x\r\n"
                          "\r\nGET /q?b HTTP/1.1\r\nHost: x\r\n\r\n");
        t_http_client_assert(&b, 200, "a");
        t_answer(t_pending_queue_take(&desk), "late", 4);
        t_http_client_assert(&b, 200, "late");
        t_http_client_assert(&b, 200, "b");
        t_http_client_say(
            &b, "GET /q?a HTTP/1.1\r\nHost: x\r\n\r\nGET /static HTTP/1.1\r\nHost: x\r\n\r\n"
                "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
        t_http_client_assert(&b, 200, "a");
        t_http_client_assert(&b, 200, "home");
        nng_aio_cancel(t_pending_queue_take(&desk));
        t_http_client_assert(&b, 200, "waited");
    }
    t_http_client_close(&b);
    t_site_close(&site);
}

/* A client that sends no more before it has its answers gets them. */
Test(session_gather, half_a_request_behind, .timeout = 60)
{
    struct t_http_client b;
    open_site();
    t_http_client_open(&b, site.web.port);
    t_http_client_say(&b, "GET /q?a HTTP/1.1\r\nHost: x\r\n\r\nGET /q?b HTTP/1.1\r\nHo");
    t_http_client_assert(&b, 200, "a");
    t_http_client_say(&b,
                      "st: x\r\n\r\nPOST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nfo");
    t_http_client_assert(&b, 200, "b");
    t_http_client_say(&b, "ur");
    t_http_client_assert(&b, 200, "four");
    t_http_client_say(&b, "GET /q?c HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo HTTP/1.1\r\nHost: x\r\n"
                          "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    t_http_client_assert(&b, 200, "c");
    t_http_client_head(&b);
    cr_assert_eq(b.status, 100);
    t_http_client_say(&b, "four");
    t_http_client_assert(&b, 200, "four");
    t_http_client_say(&b, "GET /q?d HTTP/1.1\r\nHost: x\r\n\r\n\1");
    t_http_client_assert(&b, 200, "d");
    t_http_client_assert(&b, 400, NULL);
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    t_site_close(&site);
}

/* ---- The end in the midst of it ----------------------------------------------------------- */

static nng_http_server *to_stop;

static void stop_server(nng_aio *aio)
{
    nng_http_server_stop(to_stop);
    t_answer(aio, "stopped", 7);
}

static void stop_and_wait(nng_aio *aio)
{
    nng_aio *own;
    nng_http_server_stop(to_stop);
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    nng_sleep_aio(20, own);
    nng_aio_wait(own);
    nng_aio_free(own);
    t_answer(aio, "stopped", 7);
}

/* The connection is gone, with or without what was gathered; nothing of it is left. */
static void stop_inside(void (*cb)(nng_aio *))
{
    struct t_http_client b;
    open_site();
    to_stop = site.web.server;
    t_web_callback(&site.web, "/stop", cb);
    t_http_client_open(&b, site.web.port);
    t_http_client_say(&b,
                      "GET /big HTTP/1.1\r\nHost: x\r\n\r\nGET /stop HTTP/1.1\r\nHost: x\r\n\r\n"
                      "GET /q?never HTTP/1.1\r\nHost: x\r\n\r\n");
    t_http_client_await_end(&b);
    t_http_client_close(&b);
    t_site_close(&site);
}

Test(session_gather, stopped_inside, .timeout = 60)
{
    stop_inside(stop_server);
    stop_inside(stop_and_wait);
}

/* Clients that ask much, and go away. */
Test(session_gather, gone, .timeout = 60)
{
    open_site();
    for (size_t i = 0; i < 20 * NMIX; i++) {
        struct t_http_client b;
        t_http_client_open_small(&b, site.web.port);
        for (size_t j = 0; j < 40; j++) {
            say_mix(&b, j % 20 == 19 ? i % NMIX : j % 9, false);
        }
        nng_msleep((nng_duration) (i % 3));
        t_http_client_reset(&b);
        while (i % NMIX == 12 && t_pending_queue_count(&desk) > 0) {
            t_answer(t_pending_queue_take(&desk), "late", 4);
        }
    }
    nng_http_server_stop(site.web.server);
    /* A worker may come to its handler only now, and what that defers holds the server, whose
     * directory stays open until then. */
    bool busy = true;
    for (int i = 0; i < 60000 && busy; i++) {
        busy = t_proc_workers_busy() || t_proc_fds() > site.web.fds + 1;
        while (t_pending_queue_count(&desk) > 0) {
            t_answer(t_pending_queue_take(&desk), "late", 4);
        }
        nng_msleep(1);
    }
    t_site_close(&site);
}

static void answer_one(nng_aio *aio)
{
    t_answer(aio, "one", 3);
}

static void answer_two(nng_aio *aio)
{
    t_answer(aio, "two", 3);
}

/* The same request again and again, while who answers it changes, and others come in between. */
Test(session_gather, same_request, .timeout = 60)
{
    struct t_web *web = &site.web;
    open_site();
    for (int i = 0; i < 10; i++) {
        t_web_assert(web, "/known?x", 404, NULL);
        nng_http_handler *h = t_web_callback(web, "/known", i % 2 == 0 ? answer_one : answer_two);
        for (int j = 0; j < 3; j++) {
            t_web_assert(web, "/known?x", 200, i % 2 == 0 ? "one" : "two");
            t_web_assert(web, "/q?first", 200, "first");
            t_web_assert(web, "/q?first", 200, "first");
            t_web_assert(web, "/q?second", 200, "second");
        }
        t_web_assert(web, "/known?x", 200, i % 2 == 0 ? "one" : "two");
        cr_assert_eq(nng_http_server_del_handler(web->server, h), 0);
        nng_http_handler_free(h);
    }
    t_site_close(&site);
}
