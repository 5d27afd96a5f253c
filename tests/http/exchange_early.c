/* SPDX-License-Identifier: MIT */
/*
 * Handlers that are finished later, by other threads, which write the answers themselves: that the
 * loop has nothing to do with it shows where the loop is held.
 */
#include "http/exchange.h"
#include "support/peer.h"
#include "support/proc.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(exchange_early, .timeout = 60);

#define LARGE ((size_t) 16 << 20)

static struct t_pending_queue desk = NU_DESK;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t cv;
    bool inside, open;
} gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false };

static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

/* Holds the loop until the test lets it go. */
static void hold(nng_aio *aio)
{
    pthread_mutex_lock(&gate.lock);
    gate.inside = true;
    pthread_cond_broadcast(&gate.cv);
    while (!gate.open) {
        pthread_cond_wait(&gate.cv, &gate.lock);
    }
    gate.open = gate.inside = false;
    pthread_mutex_unlock(&gate.lock);
    t_answer(aio, "held", 4);
}

static void hold_loop(struct t_http_client *b, const struct t_web *web)
{
    t_http_client_open(b, web->port);
    t_http_client_get(b, "/hold");
    pthread_mutex_lock(&gate.lock);
    while (!gate.inside) {
        pthread_cond_wait(&gate.cv, &gate.lock);
    }
    pthread_mutex_unlock(&gate.lock);
}

static void let_loop_go(struct t_http_client *b)
{
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.cv);
    pthread_mutex_unlock(&gate.lock);
    t_http_client_assert(b, 200, "held");
    t_http_client_close(b);
}

static void add(struct t_web *web, const char *uri, void (*cb)(nng_aio *))
{
    nng_http_handler *h;
    cr_assert_eq(nng_http_handler_alloc(&h, uri, cb), 0);
    cr_assert_eq(nng_uring_handler_set_placement(h, NNG_URING_PLACE_INLINE), 0);
    t_web_add(web, h);
}

/* One loop, on which all is. */
static void open_web(struct t_web *web)
{
    cr_assert_eq(setenv("NNG_URING_LOOPS", "1", 1), 0);
    t_web_open(web);
    t_web_static(web, "/", "home");
    add(web, "/keep", keep);
    add(web, "/hold", hold);
    t_web_start(web);
}

/* The handler was called, and its loop has turned since: it waits for whoever finishes it. */
static nng_aio *take(const struct t_web *web)
{
    nng_aio *aio = t_pending_queue_take(&desk);
    t_web_assert(web, "/", 200, "home");
    return aio;
}

/* ---- Without the loop --------------------------------------------------------------------- */

Test(exchange_early, written_while_the_loop_is_held)
{
    struct t_web web;
    struct t_http_client b, holder;
    open_web(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 3; i++) {
        t_http_client_get(&b, "/keep");
        nng_aio *aio = take(&web);
        hold_loop(&holder, &web);
        t_answer(aio, "early", 5);
        t_http_client_assert(&b, 200, "early");
        cr_assert(t_http_client_line(&b, "Content-Length: 5"));
        cr_assert_not_null(strstr(b.head, "Date: "));
        let_loop_go(&holder);
    }
    t_http_client_get(&b, "/");
    t_http_client_assert(&b, 200, "home");
    t_http_client_close(&b);
    t_web_close(&web);
}

static void never(nng_aio *aio, void *arg, int err)
{
    (void) aio;
    (void) arg;
    cr_assert_fail("what was finished is cancelled: %d", err);
}

/* On a worker. */
static void keep_and_defer(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
    pthread_mutex_lock(&gate.lock);
    while (!gate.open) {
        pthread_cond_wait(&gate.cv, &gate.lock);
    }
    pthread_mutex_unlock(&gate.lock);
    nng_aio_defer(aio, never, NULL);
}

/* Who has the aio may finish it before its handler says that it is deferred. */
Test(exchange_early, before_it_is_deferred)
{
    struct t_web web;
    struct t_http_client b;
    nng_http_handler *h;
    t_web_open(&web);
    t_web_static(&web, "/", "home");
    cr_assert_eq(nng_http_handler_alloc(&h, "/late", keep_and_defer), 0);
    cr_assert_eq(nng_uring_handler_set_placement(h, NNG_URING_PLACE_WORKERS), 0);
    t_web_add(&web, h);
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/late");
    t_answer(t_pending_queue_take(&desk), "early", 5);
    t_http_client_assert(&b, 200, "early");
    t_http_client_get(&b, "/"); /* by now nothing is left of the one before */
    t_http_client_assert(&b, 200, "home");
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.cv);
    pthread_mutex_unlock(&gate.lock);
    t_http_client_close(&b);
    t_web_close(&web);
}

/* What was sent behind it meanwhile comes next. */
Test(exchange_early, with_a_request_behind_it)
{
    struct t_web web;
    struct t_http_client b, holder;
    open_web(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/keep");
    nng_aio *aio = take(&web);
    t_http_client_get(&b, "/");
    t_http_client_get(&b, "/keep");
    hold_loop(&holder, &web);
    t_answer(aio, "early", 5);
    t_http_client_assert(&b, 200, "early");
    let_loop_go(&holder);
    t_http_client_assert(&b, 200, "home");
    t_answer(take(&web), "next", 4);
    t_http_client_assert(&b, 200, "next");
    t_http_client_close(&b);
    t_web_close(&web);
}

/* The owner hears of it without another event, too: the connection's time as an idle one begins. */
Test(exchange_early, then_it_is_idle)
{
    struct t_web web;
    struct t_http_client b;
    cr_assert_eq(setenv("NNG_URING_LIMITS", "idle-timeout=50", 1), 0);
    open_web(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/keep");
    t_answer(t_pending_queue_take(&desk), "early", 5);
    t_http_client_assert(&b, 200, "early");
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    t_web_close(&web);
}

/* ---- What is left to the loop ------------------------------------------------------------- */

Test(exchange_early, the_last_one)
{
    struct t_web web;
    struct t_http_client b;
    open_web(&web);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, "GET /keep HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    t_answer(take(&web), "early", 5);
    t_http_client_assert(&b, 200, "early");
    cr_assert(t_http_client_line(&b, "Connection: close"));
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    t_web_close(&web);
}

/* Only a part of it finds room. */
Test(exchange_early, a_large_one)
{
    struct t_web web;
    struct t_http_client b;
    uint8_t *data = t_pattern_new(LARGE, 3);
    open_web(&web);
    t_http_client_open_small(&b, web.port);
    t_http_client_get(&b, "/keep");
    nng_aio *aio = take(&web);
    t_http_client_get(&b, "/");
    t_answer(aio, data, LARGE);
    t_http_client_hear(&b);
    cr_assert_eq(b.size, LARGE);
    cr_assert_arr_eq(b.body, data, LARGE);
    t_http_client_assert(&b, 200, "home");
    free(data);
    t_http_client_close(&b);
    t_web_close(&web);
}

Test(exchange_early, to_nobody)
{
    struct t_web web;
    struct t_http_client b;
    open_web(&web);
    unsigned fds = t_proc_fds();
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/keep");
    nng_aio *aio = take(&web);
    t_http_client_reset(&b);
    t_answer(aio, "early", 5);
    t_proc_await_fds(fds);
    t_web_assert(&web, "/", 200, "home");
    t_web_close(&web);
}

static void *drain(void *server)
{
    cr_assert_eq(nng_uring_server_drain(server, 30000), 0);
    return NULL;
}

/* It is the last of its connection then. */
Test(exchange_early, in_a_drain)
{
    struct t_web web;
    struct t_http_client b, idle;
    pthread_t drainer;
    open_web(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/keep");
    nng_aio *aio = take(&web);
    t_http_client_open(&idle, web.port);
    t_http_client_get(&idle, "/");
    t_http_client_assert(&idle, 200, "home");
    cr_assert_eq(pthread_create(&drainer, NULL, drain, web.server), 0);
    t_http_client_assert_end(&idle);
    t_answer(aio, "early", 5);
    t_http_client_assert(&b, 200, "early");
    cr_assert(t_http_client_line(&b, "Connection: close"));
    t_http_client_assert_end(&b);
    pthread_join(drainer, NULL);
    t_http_client_close(&idle);
    t_http_client_close(&b);
    t_web_close(&web);
}

/* Who hijacks the connection has it, whatever was begun ahead on it. */
Test(exchange_early, not_of_a_hijacked_one)
{
    struct t_web web;
    struct t_http_client b;
    char got[64];
    open_web(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/keep");
    nng_aio *aio = take(&web), *own;
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_http_req *req = nng_aio_get_input(aio, 0);
    cr_assert_eq(nng_http_hijack(conn), 0);
    nng_aio_finish(aio, 0);
    nng_http_req_free(req);
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    t_http_client_say(&b, "hello");
    cr_assert_eq(nng_aio_set_iov(own, 1, &(nng_iov){ got, 5 }), 0);
    nng_http_conn_read_all(conn, own);
    nng_aio_wait(own);
    cr_assert_eq(nng_aio_result(own), 0);
    cr_assert_arr_eq(got, "hello", 5);
    nng_http_conn_close(conn);
    t_http_client_assert_end(&b);
    nng_aio_free(own);
    t_http_client_close(&b);
    t_web_close(&web);
}

/* ---- Who must not write ------------------------------------------------------------------- */

/* The connection is the parent's. */
Test(exchange_early, not_by_a_forked_child)
{
    struct t_web web;
    struct t_http_client b;
    int status;
    open_web(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/keep");
    nng_aio *aio = take(&web);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        t_answer(aio, "child", 5);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "%x", (unsigned) status);
    t_http_client_assert_silent(&b);
    t_answer(aio, "parent", 6);
    t_http_client_assert(&b, 200, "parent");
    t_http_client_get(&b, "/");
    t_http_client_assert(&b, 200, "home");
    t_http_client_close(&b);
    t_web_close(&web);
}

/* What the handler writes itself is cut short while the answer waits behind it. */
Test(exchange_early, not_behind_what_is_torn)
{
    struct t_web web;
    struct t_http_client b, holder;
    static char got[65536];
    char *data = malloc(LARGE);
    ssize_t n;
    cr_assert_not_null(data);
    memset(data, 'x', LARGE);
    open_web(&web);
    web.fds++; /* this thread may make a ring of its own, to write with */
    t_http_client_open_small(&b, web.port);
    t_http_client_get(&b, "/keep");
    nng_aio *aio = take(&web), *own;
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    nng_aio_set_timeout(own, 500);
    cr_assert_eq(nng_aio_set_iov(own, 1, &(nng_iov){ data, LARGE }), 0);
    nng_http_conn_write_all(nng_aio_get_input(aio, 2), own);
    hold_loop(&holder, &web); /* which has begun that */
    t_answer(aio, "early", 5);
    nng_msleep(600); /* its time passes before the loop hears of the answer */
    let_loop_go(&holder);
    nng_aio_wait(own);
    cr_assert_eq(nng_aio_result(own), NNG_ETIMEDOUT);
    while ((n = recv(b.fd, got, sizeof got, 0)) > 0) {
        cr_assert_null(memchr(got, 'H', (size_t) n), "an answer follows");
    }
    nng_aio_free(own);
    free(data);
    t_http_client_close(&b);
    t_web_close(&web);
}

/* ---- The thread, and the end of all -------------------------------------------------------- */

static void *answer(void *aio)
{
    t_answer(aio, "early", 5);
    return NULL;
}

/* It may be at its last steps still. */
Test(exchange_early, then_the_library_goes)
{
    for (int i = 0; i < 10; i++) {
        struct t_web web;
        struct t_http_client b;
        pthread_t thread;
        open_web(&web);
        t_http_client_open(&b, web.port);
        t_http_client_get(&b, "/keep");
        cr_assert_eq(pthread_create(&thread, NULL, answer, take(&web)), 0);
        t_http_client_assert(&b, 200, "early");
        t_http_client_close(&b);
        nng_http_server_release(web.server);
        nng_fini();
        pthread_join(thread, NULL);
    }
}

static void *answer_cancelled(void *aio)
{
    pthread_cancel(pthread_self());
    return answer(aio);
}

/* To finish an aio is no cancellation point. */
Test(exchange_early, its_thread_is_cancelled)
{
    struct t_web web;
    struct t_http_client b;
    pthread_t thread;
    if (dlopen("libgcc_s.so.1", RTLD_NOW) == NULL) {
        cr_skip_test("glibc's pthread_cancel() needs it");
    }
    open_web(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 2; i++) {
        t_http_client_get(&b, "/keep");
        cr_assert_eq(pthread_create(&thread, NULL, answer_cancelled, take(&web)), 0);
        t_http_client_assert(&b, 200, "early");
        pthread_join(thread, NULL);
    }
    t_http_client_close(&b);
    t_web_close(&web);
}
