/* SPDX-License-Identifier: MIT */
/* Handlers that are finished by other threads while the client, the server or the library goes. */
#include "http/exchange.h"
#include "support/peer.h"
#include "support/proc.h"
#include "support/random.h"
#include "support/scale.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(exchange_race, .timeout = 120);

static struct t_pending_queue desk = NU_DESK;
static atomic_int at_work; /* handlers that were called and are not finished */

static void keep(nng_aio *aio)
{
    atomic_fetch_add(&at_work, 1);
    t_pending_queue_put(&desk, aio);
}

/* Whoever works on it will be done soon. */
static void cancelled(nng_aio *aio, void *arg, int err)
{
    (void) aio;
    (void) arg;
    cr_assert_neq(err, 0);
}

static void defer(nng_aio *aio)
{
    nng_aio_defer(aio, cancelled, NULL);
    keep(aio);
}

struct reader {
    nng_aio *handlers, *own;
    char data[1000];
};

/* Whether the body has come or not, somebody else answers. */
static void have_read(void *arg)
{
    struct reader *r = arg;
    t_pending_queue_put(&desk, r->handlers);
    nng_aio_reap(r->own);
    free(r);
}

static void read_body(nng_aio *aio)
{
    struct reader *r = malloc(sizeof *r);
    cr_assert_not_null(r);
    r->handlers = aio;
    cr_assert_eq(nng_aio_alloc(&r->own, have_read, r), 0);
    cr_assert_eq(nng_aio_set_iov(r->own, 1, &(nng_iov){ r->data, sizeof r->data }), 0);
    atomic_fetch_add(&at_work, 1);
    nng_http_conn_read_all(nng_aio_get_input(aio, 2), r->own);
}

/* ---- Those who finish them ---------------------------------------------------------------- */

#define WORKERS 2

static pthread_t workers[WORKERS];

/* Until there is a NULL. */
static void *work(void *arg)
{
    unsigned seed = (unsigned) (uintptr_t) arg;
    nng_aio *aio;
    while ((aio = t_pending_queue_take(&desk)) != NULL) {
        usleep(t_random(&seed, 300));
        if (t_random(&seed, 4) == 0) {
            nng_aio_finish(aio, NNG_EINTERNAL);
        } else {
            t_answer(aio, "late", 4);
        }
        atomic_fetch_sub(&at_work, 1);
    }
    return NULL;
}

static void begin_work(void)
{
    for (int i = 0; i < WORKERS; i++) {
        cr_assert_eq(pthread_create(&workers[i], NULL, work, (void *) (uintptr_t) (i + 1)), 0);
    }
}

static void end_work(void)
{
    /* Callbacks of those that were reading, and handlers that a worker comes to only now. */
    while (t_proc_workers_busy() || atomic_load(&at_work) > 0) {
        usleep(100);
    }
    for (int i = 0; i < WORKERS; i++) {
        t_pending_queue_put(&desk, NULL);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(workers[i], NULL);
    }
}

static void open_site(struct t_web *web)
{
    nng_http_handler *h;
    t_web_open(web);
    t_web_static(web, "/", "home");
    t_web_callback(web, "/keep", keep);
    t_web_callback(web, "/defer", defer);
    cr_assert_eq(nng_http_handler_alloc(&h, "/read", read_body), 0);
    cr_assert_eq(nng_http_handler_set_method(h, NULL), 0);
    cr_assert_eq(nng_http_handler_collect_body(h, false, 0), 0);
    t_web_add(web, h);
    t_web_start(web);
}

static const char *const requests[] = {
    "GET /keep HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /defer HTTP/1.1\r\nHost: x\r\n\r\nGET /keep HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel",
    "POST /defer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\nhello",
    "POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "POST /read HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9999\r\n\r\n",
    "GET /read HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
};
#define REQUESTS (sizeof requests / sizeof *requests)

/* The desk is only so large, and handlers stay at work when their connection is gone. */
static void await_room(int more)
{
    while (atomic_load(&at_work) > NU_DESK_PLACES / 2 - more) {
        usleep(100);
    }
}

/* ---- What goes meanwhile ------------------------------------------------------------------ */

Test(exchange_race, clients_go)
{
    struct t_web web;
    unsigned seed = 7;
    open_site(&web);
    unsigned fds = t_proc_fds();
    begin_work();
    for (unsigned i = 0; i < NU_TIMES(1000); i++) {
        struct t_http_client b;
        t_http_client_open(&b, web.port);
        t_http_client_say(&b, requests[i % REQUESTS]);
        usleep(t_random(&seed, 400));
        if (t_random(&seed, 3) == 0) {
            shutdown(b.fd, SHUT_WR);
        }
        if (t_random(&seed, 2) == 0) {
            t_http_client_close(&b);
        } else {
            t_http_client_reset(&b);
        }
        await_room(2);
    }
    t_proc_await_fds(fds);
    end_work();
    t_web_assert(&web, "/", 200, "home");
    t_web_close(&web);
}

enum end { STOP, RELEASE, DRAIN, FINI };

/* All that is at work when the end comes ends, and nothing stays. */
static void end_with(enum end end, unsigned rounds)
{
    unsigned seed = 5;
    begin_work();
    for (unsigned round = 0; round < rounds; round++) {
        struct t_http_client b[3 * REQUESTS];
        struct t_web web;
        open_site(&web);
        for (unsigned i = 0; i < 3 * REQUESTS; i++) {
            t_http_client_open(&b[i], web.port);
            t_http_client_say(&b[i], requests[i % REQUESTS]);
        }
        usleep(t_random(&seed, 2000));
        if (end == STOP) {
            nng_http_server_stop(web.server);
        } else if (end == DRAIN) {
            int err = nng_uring_server_drain(web.server, (nng_duration) t_random(&seed, 20));
            cr_assert(err == 0 || err == NNG_ETIMEDOUT);
        } else if (end == FINI) {
            nng_fini();
        }
        nng_http_server_release(web.server);
        for (unsigned i = 0; i < 3 * REQUESTS; i++) {
            t_http_client_await_end(&b[i]);
            t_http_client_close(&b[i]);
        }
        t_proc_await_fds(web.fds);
        await_room(REQUESTS * 3);
    }
    end_work();
}

Test(exchange_race, server_stops)
{
    end_with(STOP, NU_TIMES(50));
}

Test(exchange_race, server_is_released)
{
    end_with(RELEASE, NU_TIMES(50));
}

Test(exchange_race, server_drains)
{
    end_with(DRAIN, NU_TIMES(50));
}

Test(exchange_race, library_goes)
{
    end_with(FINI, NU_TIMES(50));
}
