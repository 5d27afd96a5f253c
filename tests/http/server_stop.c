/* SPDX-License-Identifier: MIT */
/* Servers that are stopped, released and drained with connections in every state. */
#include "http/server.h"

#include "io/loop.h"
#include "support/owner.h"
#include "support/peer.h"
#include "support/proc.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct t_pending_queue desk = NU_DESK;

static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

/* ---- Connections in every state ----------------------------------------------------------- */

enum { IDLE, IN_HEAD, IN_BODY, IN_HANDLER, SENDING, SENDING_FILE, LINGERING, STATES };

struct busy {
    struct t_web web;
    struct t_http_client b[STATES];
    nng_aio *aio; /* of the one in a handler */
    char path[32];
};

static void make_big_file(struct busy *busy)
{
    strcpy(busy->path, "/tmp/nu-server-XXXXXX");
    int fd = mkostemp(busy->path, O_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(ftruncate(fd, 64 << 20), 0);
    close(fd);
}

/* The answer tells that the connection is being served. */
#define HELLO "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static void open_busy(struct busy *busy)
{
    static const char *const texts[] = {
        HELLO,
        HELLO "GET / HT",
        HELLO "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nbod",
        HELLO "POST /keep HTTP/1.1\r\nHost: x\r\n\r\n",
        HELLO "GET /big HTTP/1.1\r\nHost: x\r\n\r\n",
        HELLO "GET /file HTTP/1.1\r\nHost: x\r\n\r\n",
        HELLO "GET / HTTP/1.0\r\n\r\n",
    };
    nng_http_handler *h;
    uint8_t *data = t_pattern_new((size_t) 32 << 20, 3);
    t_web_open(&busy->web);
    t_web_static(&busy->web, "/", "home");
    t_web_callback(&busy->web, "/keep", keep);
    cr_assert_eq(nng_http_handler_alloc_static(&h, "/big", data, (size_t) 32 << 20, NULL), 0);
    t_web_add(&busy->web, h);
    free(data);
    make_big_file(busy);
    cr_assert_eq(nng_http_handler_alloc_file(&h, "/file", busy->path), 0);
    t_web_add(&busy->web, h);
    t_web_start(&busy->web);
    for (int i = 0; i < STATES; i++) {
        t_http_client_open_small(&busy->b[i], busy->web.port);
        t_http_client_say(&busy->b[i], texts[i]);
        t_http_client_assert(&busy->b[i], 200, "home");
    }
    t_http_client_head(&busy->b[SENDING]);
    t_http_client_head(&busy->b[SENDING_FILE]);
    t_http_client_assert(&busy->b[LINGERING], 200, "home");
    busy->aio = t_pending_queue_take(&desk);
}

static void close_busy(struct busy *busy)
{
    for (int i = 0; i < STATES; i++) {
        t_http_client_close(&busy->b[i]);
    }
    unlink(busy->path);
    t_web_close(&busy->web);
}

Test(server_stop, stop_in_every_state, .timeout = 60)
{
    struct busy busy;
    open_busy(&busy);
    nng_http_server_stop(busy.web.server);
    for (int i = 0; i < STATES; i++) {
        t_http_client_await_end(&busy.b[i]);
    }
    t_proc_await_fds(busy.web.fds + STATES); /* our ends alone */
    t_answer(busy.aio, "late", 4);
    close_busy(&busy);
}

/* The handler's answer comes when not even the server is there any more. */
Test(server_stop, release_in_every_state, .timeout = 60)
{
    struct busy busy;
    open_busy(&busy);
    nng_http_server_release(busy.web.server);
    busy.web.server = NULL;
    for (int i = 0; i < STATES; i++) {
        t_http_client_await_end(&busy.b[i]);
    }
    nng_aio_finish(busy.aio, NNG_EINTERNAL);
    close_busy(&busy);
}

/* A handler that goes on writing hears that the connection is closed, and so does one that wants it
 * for itself. */
Test(server_stop, stop_ends_a_handlers_writes, .timeout = 60)
{
    struct busy busy;
    open_busy(&busy);
    busy.web.fds++; /* this thread makes a ring of its own, to write with */
    uint8_t *data = t_pattern_new((size_t) 32 << 20, 3);
    nng_iov iov = { data, (size_t) 32 << 20 };
    nng_aio *own;
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    cr_assert_eq(nng_aio_set_iov(own, 1, &iov), 0);
    nng_http_conn *conn = nng_aio_get_input(busy.aio, 2);
    nng_http_conn_write_all(conn, own);
    nng_http_server_stop(busy.web.server);
    nng_aio_wait(own);
    cr_assert_eq(nng_aio_result(own), NNG_ECLOSED, "%s", nng_strerror(nng_aio_result(own)));
    nng_http_conn_write_all(conn, own);
    nng_aio_wait(own);
    cr_assert_eq(nng_aio_result(own), NNG_ECLOSED);
    cr_assert_eq(nng_http_hijack(conn), NNG_ECLOSED);
    nng_aio_free(own);
    free(data);
    nng_aio_finish(busy.aio, 0);
    close_busy(&busy);
}

/* A deferred one is told, and its answer has nowhere to go. */
static void ended(nng_aio *aio, void *arg, int err)
{
    *(atomic_int *) arg = err;
    t_answer(aio, "too late", 8);
}

static atomic_int ended_with;

static void defer(nng_aio *aio)
{
    nng_aio_defer(aio, ended, &ended_with);
    t_pending_queue_put(&desk, aio);
}

Test(server_stop, stop_tells_a_deferred_handler, .timeout = 60)
{
    struct t_web web;
    struct t_http_client b;
    t_web_open(&web);
    t_web_callback(&web, "/", defer);
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/");
    t_pending_queue_take(&desk);
    nng_http_server_stop(web.server);
    cr_assert_eq(t_http_client_await_end(&b), 0);
    t_http_client_close(&b);
    t_web_close(&web);
    nng_fini(); /* waits for the callback */
    cr_assert_eq(ended_with, NNG_ECLOSED);
}

/* ---- Draining ----------------------------------------------------------------------------- */

struct drain {
    nng_http_server *server;
    nng_duration ms;
    int result;
    pthread_t thread;
    void *arg;
};

static void *run_drain(void *arg)
{
    struct drain *drain = arg;
    drain->result = nng_uring_server_drain(drain->server, drain->ms);
    return NULL;
}

Test(server_stop, drain, .timeout = 60)
{
    struct busy busy;
    struct drain drain = { .ms = 120000 };
    open_busy(&busy);
    drain.server = busy.web.server;
    cr_assert_eq(pthread_create(&drain.thread, NULL, run_drain, &drain), 0);
    cr_assert_eq(t_http_client_await_end(&busy.b[IDLE]), 0);
    t_http_client_assert_silent(&busy.b[IN_HANDLER]);
    cr_assert_eq(nng_http_server_start(busy.web.server), NNG_EBUSY);
    t_http_client_say(&busy.b[IN_HEAD], "TP/1.1\r\nHost: x\r\n\r\n"); /* it has begun */
    t_http_client_assert(&busy.b[IN_HEAD], 200, "home");
    cr_assert(t_http_client_line(&busy.b[IN_HEAD], "Connection: close"));
    t_http_client_assert_end(&busy.b[IN_HEAD]);
    t_answer(busy.aio, "late", 4);
    t_http_client_say(&busy.b[IN_BODY], "y of it");
    nng_aio *aio = t_pending_queue_take(&desk);
    t_answer(aio, "late", 4);
    for (int i = IN_BODY; i <= IN_HANDLER; i++) {
        t_http_client_assert(&busy.b[i], 200, "late");
        cr_assert(t_http_client_line(&busy.b[i], "Connection: close"));
        t_http_client_assert_end(&busy.b[i]);
    }
    cr_assert_eq(t_http_client_await_end(&busy.b[SENDING]), (size_t) 32 << 20);
    cr_assert_eq(t_http_client_await_end(&busy.b[SENDING_FILE]), (size_t) 64 << 20);
    for (int i = 0; i < STATES; i++) {
        shutdown(busy.b[i].fd, SHUT_RDWR);
    }
    pthread_join(drain.thread, NULL);
    cr_assert_eq(drain.result, 0);
    t_proc_await_fds(busy.web.fds + STATES);
    t_web_start(&busy.web); /* it counted as the last stop */
    t_web_assert(&busy.web, "/", 200, "home");
    close_busy(&busy);
}

#define WAITING 20

static struct t_http_client waiting[WAITING];

/* On the owner, so that nobody accepts: connections in the queue, requests in their sockets. */
static void drain_with_a_full_queue(void *arg)
{
    struct drain *drain = arg;
    for (int i = 0; i < WAITING; i++) {
        t_http_client_open(&waiting[i], *(unsigned *) drain->arg);
        t_http_client_get(&waiting[i], "/");
    }
    cr_assert_eq(pthread_create(&drain->thread, NULL, run_drain, drain), 0);
    while (atomic_load(&nu_loop_self()->inbox) == NULL) { /* it is posted, and finds them there */
        usleep(100);
    }
}

Test(server_stop, drain_with_requests_in_sockets, .timeout = 60)
{
    struct t_web web;
    struct drain drain = { .ms = 120000 };
    setenv("NNG_URING_LOOPS", "1", 1);
    for (int i = 0; i < 5; i++) {
        t_web_open(&web);
        t_web_static(&web, "/", "home");
        t_web_start(&web);
        drain.server = web.server;
        drain.arg = &web.port;
        t_run_on(t_a_loop(0), drain_with_a_full_queue, &drain);
        for (int k = 0; k < WAITING; k++) {
            t_http_client_assert(&waiting[k], 200, "home");
            cr_assert(t_http_client_line(&waiting[k], "Connection: close"));
            t_http_client_assert_end(&waiting[k]);
            t_http_client_close(&waiting[k]);
        }
        pthread_join(drain.thread, NULL);
        cr_assert_eq(drain.result, 0);
        t_web_close(&web);
    }
}

/* Who has connected and is about to ask is waited for longer than one whose request was answered.
 * On a machine that stands still for a second it may be too late, so there are several attempts. */
Test(server_stop, drain_with_a_first_request_on_its_way, .timeout = 120)
{
    static const char get[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    struct t_web web;
    struct drain drain = { .ms = 120000 };
    struct t_http_client b;
    char answer[512];
    ssize_t n = 0;
    for (int i = 0; i < 20 && n <= 0; i++) {
        t_web_open(&web);
        t_web_static(&web, "/", "home");
        t_web_start(&web);
        t_http_client_open(&b, web.port);
        drain.server = web.server;
        cr_assert_eq(pthread_create(&drain.thread, NULL, run_drain, &drain), 0);
        usleep(300000);
        (void) send(b.fd, get, strlen(get), MSG_NOSIGNAL);
        n = recv(b.fd, answer, sizeof answer, 0);
        t_http_client_close(&b);
        pthread_join(drain.thread, NULL);
        cr_assert_eq(drain.result, 0);
        t_web_close(&web);
    }
    cr_assert_gt(n, 15);
    cr_assert_eq(memcmp(answer, "HTTP/1.1 200 OK", 15), 0);
}

/* For ever, and two at a time: the server is draining until the last of them has returned. */
Test(server_stop, drain_without_limit, .timeout = 60)
{
    struct busy busy;
    struct drain drains[] = { { .ms = NNG_DURATION_INFINITE },
                              { .ms = NNG_DURATION_INFINITE },
                              { .ms = NNG_DURATION_DEFAULT } };
    open_busy(&busy);
    for (int i = 0; i < 3; i++) {
        drains[i].server = busy.web.server;
        cr_assert_eq(pthread_create(&drains[i].thread, NULL, run_drain, &drains[i]), 0);
    }
    cr_assert_eq(t_http_client_await_end(&busy.b[IDLE]), 0);
    t_http_client_assert_silent(&busy.b[IN_HANDLER]);
    cr_assert_eq(nng_http_server_start(busy.web.server), NNG_EBUSY);
    t_answer(busy.aio, "late", 4);
    t_http_client_assert(&busy.b[IN_HANDLER], 200, "late");
    t_http_client_say(&busy.b[IN_BODY], "y of it");
    t_answer(t_pending_queue_take(&desk), "late", 4);
    t_http_client_await_end(&busy.b[SENDING]);
    t_http_client_await_end(&busy.b[SENDING_FILE]);
    for (int i = 0; i < STATES; i++) {
        shutdown(busy.b[i].fd, SHUT_RDWR);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(drains[i].thread, NULL);
        cr_assert_eq(drains[i].result, 0);
    }
    t_web_start(&busy.web);
    t_web_assert(&busy.web, "/", 200, "home");
    close_busy(&busy);
}

Test(server_stop, drain_in_vain, .timeout = 60)
{
    struct busy busy;
    open_busy(&busy);
    nng_time began = nng_clock();
    cr_assert_eq(nng_uring_server_drain(busy.web.server, 200), NNG_ETIMEDOUT);
    cr_assert_geq(nng_clock(), began + 190);
    cr_assert_lt(nng_clock(), began + 60000);
    for (int i = 0; i < STATES; i++) {
        t_http_client_await_end(&busy.b[i]);
    }
    t_answer(busy.aio, "late", 4);
    cr_assert_eq(nng_uring_server_drain(busy.web.server, 120000), 0);
    close_busy(&busy);
}

/* The numbers of what is closed by then may be in use again. */
Test(server_stop, drain_in_vain_touches_no_other_descriptor, .timeout = 60)
{
    struct busy busy;
    struct drain drain = { .ms = 500 };
    int fds[64][2];
    char byte;
    open_busy(&busy);
    drain.server = busy.web.server;
    cr_assert_eq(pthread_create(&drain.thread, NULL, run_drain, &drain), 0);
    t_http_client_await_end(&busy.b[IDLE]);
    usleep(100000); /* the listeners are closed, and their numbers free */
    for (int i = 0; i < 64; i++) {
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[i]), 0);
    }
    pthread_join(drain.thread, NULL);
    cr_assert_eq(drain.result, NNG_ETIMEDOUT);
    for (int i = 0; i < 64; i++) {
        cr_assert_eq(recv(fds[i][0], &byte, 1, MSG_DONTWAIT), -1, "it was shut down");
        cr_assert_eq(recv(fds[i][1], &byte, 1, MSG_DONTWAIT), -1, "it was shut down");
        close(fds[i][0]);
        close(fds[i][1]);
    }
    nng_aio_finish(busy.aio, 0);
    close_busy(&busy);
}

Test(server_stop, drain_from_many_threads, .timeout = 60)
{
    struct busy busy;
    struct drain drains[4];
    open_busy(&busy);
    for (int i = 0; i < 4; i++) {
        drains[i] = (struct drain){ .server = busy.web.server, .ms = 2000 };
        cr_assert_eq(pthread_create(&drains[i].thread, NULL, run_drain, &drains[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(drains[i].thread, NULL);
        cr_assert_eq(drains[i].result, NNG_ETIMEDOUT);
    }
    nng_aio_finish(busy.aio, 0);
    close_busy(&busy);
}

static atomic_int drained_with;

static void drain_in_callback(nng_aio *aio)
{
    drained_with = nng_uring_server_drain(nng_http_handler_get_data(nng_aio_get_input(aio, 1)), 9);
    t_answer(aio, "", 0);
}

Test(server_stop, drain_in_callback, .timeout = 60)
{
    struct t_web web;
    nng_http_handler *h;
    t_web_open(&web);
    cr_assert_eq(nng_http_handler_alloc(&h, "/", drain_in_callback), 0);
    cr_assert_eq(nng_http_handler_set_data(h, web.server, NULL), 0);
    t_web_add(&web, h);
    t_web_start(&web);
    t_web_assert(&web, "/", 200, "");
    cr_assert_eq(drained_with, NNG_ESTATE);
    cr_assert_eq(nng_uring_server_drain(web.server, 120000), 0);
    cr_assert_eq(nng_uring_server_drain(web.server, 0), 0);
    t_web_close(&web);
}
