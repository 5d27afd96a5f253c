/* SPDX-License-Identifier: MIT */
/* A handler that takes its time hears of its client's end, by its aio's cancel function; on both
 * backends, called on its loop or on a worker. */
#include "net/tcp_hangup.h"

#include "support/tls_relay.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(handler_gone, .timeout = 60);

#define LONGER_THAN_THE_WATCH_TAKES 100000 /* microseconds */

static struct t_pending_queue desk = NU_DESK, cancelled = NU_DESK;
static atomic_int why; /* the code that the last cancel function was given */

static void cancel(nng_aio *aio, void *arg, int err)
{
    cr_assert_eq(arg, (void *) &why);
    atomic_store(&why, err);
    t_pending_queue_put(&cancelled, aio);
}

static void defer(nng_aio *aio)
{
    nng_aio_defer(aio, cancel, &why);
    t_pending_queue_put(&desk, aio);
}

/* Without a word of how it could be ended. */
static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

static void fast(nng_aio *aio)
{
    t_answer(aio, "fast", 4);
}

static void open_web(struct t_web *web, const char *backend, const char *callbacks)
{
    cr_assert_eq(setenv("NNG_URING_BACKEND", backend, 1), 0);
    cr_assert_eq(setenv("NNG_URING_CALLBACKS", callbacks, 1), 0);
    t_web_open(web);
    t_web_callback(web, "/defer", defer);
    t_web_callback(web, "/keep", keep);
    t_web_callback(web, "/fast", fast);
    t_web_start(web);
}

static void close_web(struct t_web *web)
{
    t_web_assert(web, "/fast", 200, "fast");
    t_web_close(web);
    nng_fini();
}

static void on_all(void (*test)(struct t_web *web))
{
    static const char *const backends[] = { "io_uring", "epoll" };
    static const char *const callbacks[] = { "inline", "workers" };
    for (int i = 0; i < 4; i++) {
        struct t_web web;
        open_web(&web, backends[i / 2], callbacks[i % 2]);
        test(&web);
        close_web(&web);
    }
}

static nng_aio *ask(const struct t_web *web, struct t_http_client *b, const char *target)
{
    t_http_client_open(b, web->port);
    t_http_client_get(b, target);
    return t_pending_queue_take(&desk);
}

static void await_cancelled(nng_aio *aio)
{
    cr_assert_eq(t_pending_queue_take(&cancelled), aio);
    cr_assert_eq(atomic_load(&why), NNG_ECONNRESET, "%s", nng_strerror(atomic_load(&why)));
    nng_aio_finish(aio, NNG_ECONNRESET);
}

static void reset(struct t_web *web)
{
    struct t_http_client b;
    nng_aio *aio = ask(web, &b, "/defer");
    t_http_client_reset(&b);
    await_cancelled(aio);
}

Test(handler_gone, reset)
{
    on_all(reset);
}

/* When it is watched already, and not for the first time. */
static void reset_later(struct t_web *web)
{
    struct t_http_client b;
    t_http_client_open(&b, web->port);
    for (int i = 0; i < 3; i++) {
        t_http_client_get(&b, "/defer");
        usleep(LONGER_THAN_THE_WATCH_TAKES);
        t_answer(t_pending_queue_take(&desk), "late", 4);
        t_http_client_assert(&b, 200, "late");
        t_http_client_get(&b, "/fast");
        t_http_client_assert(&b, 200, "fast");
    }
    t_http_client_get(&b, "/defer");
    nng_aio *aio = t_pending_queue_take(&desk);
    usleep(LONGER_THAN_THE_WATCH_TAKES);
    t_http_client_reset(&b);
    await_cancelled(aio);
}

Test(handler_gone, reset_later)
{
    on_all(reset_later);
}

/* Bytes that nobody has read yet do not hide it. */
static void reset_behind_a_request(struct t_web *web)
{
    struct t_http_client b;
    nng_aio *aio = ask(web, &b, "/defer");
    t_http_client_get(&b, "/fast");
    usleep(LONGER_THAN_THE_WATCH_TAKES);
    t_http_client_get(&b, "/fast");
    t_http_client_reset(&b);
    await_cancelled(aio);
}

Test(handler_gone, reset_behind_a_request)
{
    on_all(reset_behind_a_request);
}

static void half_closed(struct t_web *web)
{
    struct t_http_client b;
    nng_aio *aio = ask(web, &b, "/defer");
    cr_assert_eq(shutdown(b.fd, SHUT_WR), 0);
    usleep(LONGER_THAN_THE_WATCH_TAKES);
    atomic_store(&why, 0);
    t_answer(aio, "served", 6);
    t_http_client_assert(&b, 200, "served");
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    cr_assert_eq(atomic_load(&why), 0);
}

Test(handler_gone, half_closed)
{
    on_all(half_closed);
}

static void half_closed_first(struct t_web *web)
{
    struct t_http_client b;
    nng_aio *aio = ask(web, &b, "/defer");
    cr_assert_eq(shutdown(b.fd, SHUT_WR), 0);
    usleep(LONGER_THAN_THE_WATCH_TAKES);
    t_http_client_reset(&b);
    await_cancelled(aio);
}

Test(handler_gone, half_closed_first)
{
    if (!t_tls_wanted()) { /* the relay hears no more of a side that has sent its last */
        on_all(half_closed_first);
    }
}

/* It says how it can be ended when that is due. */
static void deferred_too_late(struct t_web *web)
{
    struct t_http_client b;
    nng_aio *aio = ask(web, &b, "/keep");
    t_http_client_reset(&b);
    usleep(LONGER_THAN_THE_WATCH_TAKES);
    nng_aio_defer(aio, cancel, &why);
    await_cancelled(aio);
}

Test(handler_gone, deferred_too_late)
{
    on_all(deferred_too_late);
}

/* Who does not say it is let alone. */
static void never_deferred(struct t_web *web)
{
    struct t_http_client b;
    nng_aio *aio = ask(web, &b, "/keep");
    t_http_client_reset(&b);
    usleep(LONGER_THAN_THE_WATCH_TAKES);
    t_answer(aio, "for nobody", 10);
}

Test(handler_gone, never_deferred)
{
    on_all(never_deferred);
}

/* ---- Work that stops ---------------------------------------------------------------------- */

/* A handler whose work is an operation of its own. */
struct work {
    nng_aio *handlers, *own;
};

static void work_is_over(void *arg)
{
    struct work *work = arg;
    atomic_store(&why, nng_aio_result(work->own));
    nng_aio_finish(work->handlers, nng_aio_result(work->own));
    t_pending_queue_put(&cancelled, work->own);
}

static void stop_work(nng_aio *aio, void *arg, int err)
{
    struct work *work = arg;
    cr_assert_eq(work->handlers, aio);
    nng_aio_abort(work->own, err);
}

static struct work sleeper;

static void sleep_for_long(nng_aio *aio)
{
    sleeper.handlers = aio;
    nng_aio_defer(aio, stop_work, &sleeper);
    nng_sleep_aio(1000000, sleeper.own);
    t_pending_queue_put(&desk, aio);
}

static void cancel_own(nng_aio *aio, void *arg, int err)
{
    (void) arg;
    nng_aio_finish(aio, err);
}

/* And one that nobody but the handler provides. */
static void begin_for_long(nng_aio *aio)
{
    sleeper.handlers = aio;
    cr_assert(nng_aio_begin(sleeper.own));
    nng_aio_defer(sleeper.own, cancel_own, NULL);
    nng_aio_defer(aio, stop_work, &sleeper);
    t_pending_queue_put(&desk, aio);
}

Test(handler_gone, work_for_nobody_stops)
{
    static const char *const backends[] = { "io_uring", "epoll" };
    for (int i = 0; i < 4; i++) {
        struct t_web web;
        struct t_http_client b;
        cr_assert_eq(setenv("NNG_URING_BACKEND", backends[i / 2], 1), 0);
        t_web_open(&web);
        cr_assert_eq(nng_aio_alloc(&sleeper.own, work_is_over, &sleeper), 0);
        t_web_callback(&web, "/work", i % 2 == 0 ? sleep_for_long : begin_for_long);
        t_web_start(&web);
        (void) ask(&web, &b, "/work");
        t_http_client_reset(&b);
        cr_assert_eq(t_pending_queue_take(&cancelled), sleeper.own);
        cr_assert_eq(atomic_load(&why), NNG_ECONNRESET);
        nng_aio_free(sleeper.own);
        t_web_close(&web);
        nng_fini();
    }
}

/* A connection that is watched is closed as any other: when it is hijacked, stopped, or left. */
static void ends_of_a_watched_one(struct t_web *web)
{
    struct t_http_client b;
    nng_aio *aio = ask(web, &b, "/defer");
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_http_req *req = nng_aio_get_input(aio, 0);
    usleep(LONGER_THAN_THE_WATCH_TAKES);
    cr_assert_eq(nng_http_hijack(conn), 0);
    nng_aio_finish(aio, 0);
    nng_http_req_free(req);
    nng_http_conn_close(conn);
    t_http_client_assert_end(&b);
    t_http_client_close(&b);

    aio = ask(web, &b, "/keep");
    usleep(LONGER_THAN_THE_WATCH_TAKES);
    nng_http_conn_close(nng_aio_get_input(aio, 2));
    nng_aio_finish(aio, 0);
    t_http_client_await_end(&b);
    t_http_client_close(&b);

    aio = ask(web, &b, "/defer");
    usleep(LONGER_THAN_THE_WATCH_TAKES);
    nng_http_server_stop(web->server);
    cr_assert_eq(t_pending_queue_take(&cancelled), aio);
    cr_assert_eq(atomic_load(&why), NNG_ECLOSED);
    nng_aio_finish(aio, 0);
    t_http_client_await_end(&b);
    t_http_client_close(&b);
}

Test(handler_gone, ends_of_a_watched_one)
{
    static const char *const backends[] = { "io_uring", "epoll" };
    for (int i = 0; i < 2; i++) {
        struct t_web web;
        open_web(&web, backends[i], "auto");
        ends_of_a_watched_one(&web);
        t_web_close(&web);
        nng_fini();
    }
}
