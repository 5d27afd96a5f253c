/* SPDX-License-Identifier: MIT */
#include "http/server.h"

#include "net/address.h"
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

/* The outcome of holding the server for that URL. */
static int hold(nng_http_server **server, const char *text)
{
    nng_url *url;
    cr_assert_eq(nng_url_parse(&url, text), 0, "%s", text);
    int err = nng_http_server_hold(server, url);
    nng_url_free(url);
    return err;
}

static void hold_port(nng_http_server **server, const char *host, unsigned port)
{
    char text[64];
    snprintf(text, sizeof text, "http://%s:%u", host, port);
    cr_assert_eq(hold(server, text), 0);
}

/* ---- Holding ------------------------------------------------------------------------------ */

Test(server, hold_twice, .timeout = 60)
{
    nng_http_server *a, *b, *c;
    cr_assert_eq(hold(&a, "http://LOCALHOST:0/x"), 0);
    cr_assert_eq(hold(&b, "http://localhost:0/y"), 0);
    cr_assert_eq(hold(&c, "http://localhost:1"), 0);
    cr_assert_eq(a, b);
    cr_assert_neq(a, c);
    nng_http_server_release(a);
    cr_assert_eq(nng_http_server_start(b), 0);
    nng_http_server_release(b);
    nng_http_server_release(c);
    nng_http_server_release(NULL);
}

Test(server, hold_refused, .timeout = 60)
{
    nng_http_server *server;
    cr_assert_eq(hold(&server, "tcp://127.0.0.1:1"), NNG_EADDRINVAL);
    cr_assert_eq(hold(&server, "httpfoo://127.0.0.1:1"), NNG_EADDRINVAL);
    cr_assert_eq(hold(&server, "wsx://127.0.0.1:1"), NNG_EADDRINVAL);
    cr_assert_eq(hold(&server, "https6://127.0.0.1:1"), NNG_EADDRINVAL);
    cr_assert_eq(hold(&server, "http6://127.0.0.1:1"), NNG_EADDRINVAL);
    cr_assert_eq(hold(&server, "http://no.such.name.invalid:1"), NNG_EADDRINVAL);
}

Test(server, addresses, .timeout = 60)
{
    static const char *const urls[] = { "http://127.0.0.1:0", "http4://:0", "http://localhost:0" };
    for (int i = 0; i < 3; i++) {
        struct t_web web = { NULL, 0, 0 };
        cr_assert_eq(hold(&web.server, urls[i]), 0);
        t_web_static(&web, "/", "home");
        t_web_start(&web);
        t_web_assert(&web, "/", 200, "home");
        nng_http_server_release(web.server);
    }
}

/* One that is bound to all addresses of both families. */
Test(server, all_addresses, .timeout = 60)
{
    nng_sockaddr addr;
    struct t_web web;
    cr_assert_eq(hold(&web.server, "http://:0"), 0);
    t_web_static(&web, "/", "home");
    int err = nng_http_server_start(web.server);
    if (err == NNG_ENOTSUP || err == NNG_EADDRINVAL) {
        nng_http_server_release(web.server);
        cr_skip_test("no IPv6 here");
    }
    cr_assert_eq(err, 0);
    cr_assert_eq(nng_http_server_get_addr(web.server, &addr), 0);
    cr_assert_eq(addr.s_family, NNG_AF_INET6);
    web.port = (unsigned) (addr.s_in6.sa_port >> 8 | (addr.s_in6.sa_port & 255) << 8);
    t_web_assert(&web, "/", 200, "home");
    nng_http_server_release(web.server);
}

/* Whether somebody listens there. */
static bool connects(const char *host, unsigned port)
{
    struct sockaddr_storage ss;
    socklen_t len;
    char text[8];
    snprintf(text, sizeof text, "%u", port);
    cr_assert_eq(nu_address_parse(host, text, AF_UNSPEC, &ss, &len), 0);
    int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    bool ok = connect(fd, (struct sockaddr *) &ss, len) == 0;
    close(fd);
    return ok;
}

/* A name with two addresses, or several times the same one, is listened on at all of them. */
Test(server, names_of_several_addresses, .timeout = 60)
{
    static const char *const urls[] = { "http://localhost.test:0", "http4://localhost.test:0",
                                        "http6://localhost.test:0" };
    if (!t_ipv6_here()) {
        cr_skip_test("no IPv6 here");
    }
    for (unsigned i = 0; i < 3; i++) {
        struct t_web web = { NULL, 0, 0 };
        unsigned fds = t_proc_fds();
        cr_assert_eq(hold(&web.server, urls[i]), 0);
        t_web_static(&web, "/", "home");
        t_web_start(&web);
        if (i == 0) { /* the loops are there now */
            fds = t_proc_fds() - 2 * nng_uring_loops();
        }
        cr_assert_eq(t_proc_fds() - fds, (i == 0 ? 2 : 1) * nng_uring_loops());
        cr_assert_eq(connects("127.0.0.1", web.port), i != 2);
        cr_assert_eq(connects("::1", web.port), i != 1);
        if (i != 2) {
            t_web_assert(&web, "/", 200, "home");
        }
        nng_http_server_stop(web.server);
        cr_assert(!connects("127.0.0.1", web.port) && !connects("::1", web.port));
        nng_http_server_release(web.server);
        t_proc_await_fds(fds);
    }
}

/* An address of the name that this machine has not does not keep the others from being served. */
Test(server, names_of_addresses_that_are_not_here, .timeout = 60)
{
    struct t_web web = { NULL, 0, 0 };
    cr_assert_eq(hold(&web.server, "http://elsewhere.test:0"), 0);
    t_web_static(&web, "/", "home");
    t_web_start(&web);
    t_web_assert(&web, "/", 200, "home");
    nng_http_server_release(web.server);
    cr_assert_eq(hold(&web.server, "http6://elsewhere.test:0"), 0);
    cr_assert_eq(nng_http_server_start(web.server), NNG_EADDRINVAL);
    nng_http_server_release(web.server);
}

/* ---- Starting and stopping ---------------------------------------------------------------- */

Test(server, starts_are_counted, .timeout = 60)
{
    nng_sockaddr addr;
    struct t_web web;
    t_web_open(&web);
    t_web_static(&web, "/", "home");
    cr_assert_eq(nng_http_server_get_addr(web.server, &addr), NNG_ESTATE);
    nng_http_server_stop(web.server); /* harmless */
    t_web_start(&web);
    cr_assert_eq(nng_http_server_start(web.server), 0);
    nng_http_server_stop(web.server);
    t_web_assert(&web, "/", 200, "home");
    nng_http_server_stop(web.server);
    cr_assert_eq(nng_http_server_get_addr(web.server, &addr), NNG_ESTATE);
    t_proc_await_fds(web.fds);
    nng_http_server_stop(web.server);
    t_web_close(&web);
}

Test(server, port_in_use, .timeout = 60)
{
    unsigned port;
    int listener = nu_listen(&port, 0);
    nng_http_server *server;
    hold_port(&server, "127.0.0.1", port);
    cr_assert_eq(nng_http_server_start(server), NNG_EADDRINUSE);
    unsigned fds = t_proc_fds(); /* the library has started */
    cr_assert_eq(nng_http_server_start(server), NNG_EADDRINUSE);
    cr_assert_eq(t_proc_fds(), fds);
    close(listener);
    cr_assert_eq(nng_http_server_start(server), 0);
    nng_http_server_release(server);
}

/* Those of this library share ports among themselves, but only within one server. */
Test(server, port_in_use_by_another_server, .timeout = 60)
{
    struct t_web web;
    nng_http_server *other;
    t_web_open(&web);
    t_web_static(&web, "/", "home");
    t_web_start(&web);
    hold_port(&other, "localhost", web.port);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(nng_http_server_start(other), NNG_EADDRINUSE);
    }
    t_web_assert(&web, "/", 200, "home");
    nng_http_server_stop(web.server);
    cr_assert_eq(nng_http_server_start(other), 0);
    cr_assert_eq(nng_http_server_get_addr(web.server, &(nng_sockaddr){ 0 }), NNG_ESTATE);
    nng_http_server_release(other);
    t_web_close(&web);
}

struct late_start {
    nng_http_server *server;
    atomic_bool over;
    int err;
};

static void *start_late(void *arg)
{
    struct late_start *late = arg;
    late->err = nng_http_server_start(late->server);
    atomic_store(&late->over, true);
    return NULL;
}

/* An address that becomes free in time is taken; until then the server can be worked with, and a
 * loop does not wait for it. */
Test(server, port_in_use_for_a_while, .timeout = 60)
{
    unsigned port;
    int listener = nu_listen(&port, 0);
    struct late_start late = { .over = false };
    struct t_web web = { NULL, port, 0 };
    pthread_t thread;
    hold_port(&late.server, "127.0.0.1", port);
    web.server = late.server;
    cr_assert_eq(pthread_create(&thread, NULL, start_late, &late), 0);
    usleep(50000);
    t_web_static(&web, "/", "home"); /* takes the server's lock */
    cr_assert_not(atomic_load(&late.over));
    close(listener);
    pthread_join(thread, NULL);
    cr_assert_eq(late.err, 0, "%s", nng_strerror(late.err));
    t_web_assert(&web, "/", 200, "home");
    nng_http_server_release(late.server);
}

static void start_here(void *arg)
{
    struct late_start *late = arg;
    nng_time begun = nng_clock();
    late->err = nng_http_server_start(late->server);
    atomic_store(&late->over, nng_clock() - begun < 900);
}

Test(server, port_in_use_on_a_loop, .timeout = 60)
{
    unsigned port;
    int listener = nu_listen(&port, 0);
    struct late_start late = { .over = false };
    hold_port(&late.server, "127.0.0.1", port);
    t_run_on(t_a_loop(0), start_here, &late);
    cr_assert_eq(late.err, NNG_EADDRINUSE);
    cr_assert(atomic_load(&late.over));
    close(listener);
    nng_http_server_release(late.server);
}

Test(server, several_at_once, .timeout = 60)
{
    struct t_web web[5];
    unsigned fds[5];
    for (int i = 0; i < 5; i++) {
        char host[32], text[8];
        snprintf(host, sizeof host, "http://127.0.0.%d:0", i + 1);
        snprintf(text, sizeof text, "home %d", i);
        t_web_open(&web[i]);
        nng_http_server_release(web[i].server);
        fds[i] = t_proc_fds();
        cr_assert_eq(hold(&web[i].server, host), 0);
        t_web_static(&web[i], "/", text);
        t_web_start(&web[i]);
    }
    for (int i = 4; i >= 0; i--) {
        struct t_http_client b;
        char text[64];
        snprintf(text, sizeof text, "http://127.0.0.%d:%u", i + 1, web[i].port);
        nng_http_server *same;
        cr_assert_eq(hold(&same, text), 0); /* of that number, not of port 0 */
        cr_assert_neq(same, web[i].server);
        nng_http_server_release(same);
        if (i == 0) {
            t_http_client_open(&b, web[i].port);
            t_http_client_get(&b, "/");
            t_http_client_assert(&b, 200, "home 0");
            t_http_client_close(&b);
        }
        nng_http_server_release(web[i].server);
        t_proc_await_fds(fds[i]);
    }
}

Test(server, start_again_on_the_same_port, .timeout = 60)
{
    struct t_web web;
    struct t_http_client b;
    t_web_open(&web);
    t_web_start(&web);
    unsigned port = web.port;
    nng_http_server_release(web.server);
    hold_port(&web.server, "127.0.0.1", port);
    t_web_static(&web, "/", "home");
    for (int i = 0; i < 50; i++) {
        t_web_start(&web);
        cr_assert_eq(web.port, port);
        t_http_client_open(&b, port);
        t_http_client_get(&b, "/");
        t_http_client_assert(&b, 200, "home");
        nng_http_server_stop(web.server); /* this side closes: TIME_WAIT, or a reset */
        if (i % 2 == 0) {
            t_http_client_await_end(&b);
        }
        t_http_client_close(&b);
    }
    t_web_close(&web);
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

Test(server, stop_in_every_state, .timeout = 60)
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
Test(server, release_in_every_state, .timeout = 60)
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

/* A handler that goes on writing hears that the connection is closed. */
Test(server, stop_ends_a_handlers_writes, .timeout = 60)
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

Test(server, stop_tells_a_deferred_handler, .timeout = 60)
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

Test(server, drain, .timeout = 60)
{
    struct busy busy;
    struct drain drain = { .ms = 20000 };
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
    nng_msleep(100); /* it is posted, and finds them there */
}

Test(server, drain_with_requests_in_sockets, .timeout = 60)
{
    struct t_web web;
    struct drain drain = { .ms = 20000 };
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

/* For ever, and two at a time: the server is draining until the last of them has returned. */
Test(server, drain_without_limit, .timeout = 60)
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

Test(server, drain_in_vain, .timeout = 60)
{
    struct busy busy;
    open_busy(&busy);
    nng_time began = nng_clock();
    cr_assert_eq(nng_uring_server_drain(busy.web.server, 200), NNG_ETIMEDOUT);
    cr_assert_geq(nng_clock(), began + 190);
    cr_assert_lt(nng_clock(), began + 10000);
    for (int i = 0; i < STATES; i++) {
        t_http_client_await_end(&busy.b[i]);
    }
    t_answer(busy.aio, "late", 4);
    cr_assert_eq(nng_uring_server_drain(busy.web.server, 20000), 0);
    close_busy(&busy);
}

/* The numbers of what is closed by then may be in use again. */
Test(server, drain_in_vain_touches_no_other_descriptor, .timeout = 60)
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

Test(server, drain_from_many_threads, .timeout = 60)
{
    struct busy busy;
    struct drain drains[4];
    open_busy(&busy);
    for (int i = 0; i < 4; i++) {
        drains[i] = (struct drain){ .server = busy.web.server, .ms = 500 };
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

Test(server, drain_in_callback, .timeout = 60)
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
    cr_assert_eq(nng_uring_server_drain(web.server, 20000), 0);
    cr_assert_eq(nng_uring_server_drain(web.server, 0), 0);
    t_web_close(&web);
}
