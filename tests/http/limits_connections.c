/* SPDX-License-Identifier: MIT */
/* A server's limit on connections. */
#include "io/runtime.h"
#include "support/owner.h"
#include "support/proc.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(limits_connections, .timeout = 120);

static struct t_pending_queue desk = NU_DESK;

static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

static void open_site(struct t_web *web, const char *loops, unsigned connections)
{
    setenv("NNG_URING_LOOPS", loops, 1);
    t_web_open(web);
    t_web_static(web, "/", "home");
    t_web_callback(web, "/keep", keep);
    cr_assert_eq(nng_uring_server_set_limit(web->server, NNG_URING_CONNECTIONS, connections), 0);
    t_web_start(web);
}

/* Asks until it is answered; at the limit a client may be closed at once. */
static void get_served(struct t_http_client *b, unsigned port)
{
    char byte;
    for (int i = 0; i < 400; i++) {
        t_http_client_open(b, port);
        (void) send(b->fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, MSG_NOSIGNAL);
        ssize_t n = recv(b->fd, &byte, 1, MSG_PEEK);
        if (n > 0) {
            t_http_client_assert(b, 200, "home");
            return;
        }
        cr_assert(n == 0 || errno != EAGAIN, "it waits for too long");
        t_http_client_close(b);
        usleep(50000);
    }
    cr_assert_fail("it is never served");
}

static uint64_t cpu_ms(void)
{
    struct rusage usage;
    cr_assert_eq(getrusage(RUSAGE_SELF, &usage), 0);
    return (uint64_t) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (uint64_t) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static void run(const char *loops)
{
    struct t_web web;
    struct t_http_client in[3], waits[4];
    nng_aio *kept[3];
    open_site(&web, loops, 3);
    for (int i = 0; i < 3; i++) { /* nobody is idle, who would have to make room */
        t_http_client_open(&in[i], web.port);
        t_http_client_get(&in[i], "/keep");
        kept[i] = t_pending_queue_take(&desk);
    }
    for (int i = 0; i < 4; i++) { /* they are connected, as far as the kernel is concerned */
        t_http_client_open(&waits[i], web.port);
        (void) send(waits[i].fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, MSG_NOSIGNAL);
    }
    for (int i = 0; i < 4; i++) {
        char byte;
        cr_assert_leq(recv(waits[i].fd, &byte, 1, MSG_DONTWAIT), 0, "it is one too many");
    }
    uint64_t before = cpu_ms();
    sleep(1);
    cr_assert_lt(cpu_ms() - before, 50);
    for (int i = 0; i < 4; i++) {
        t_http_client_close(&waits[i]);
    }
    for (int i = 0; i < 3; i++) { /* those who are in are served */
        t_answer(kept[i], "kept", 4);
        t_http_client_assert(&in[i], 200, "kept");
    }
    for (int i = 0; i < 20; i++) { /* one goes, another comes */
        t_http_client_close(&in[i % 3]);
        get_served(&in[i % 3], web.port);
    }
    for (int i = 0; i < 3; i++) {
        t_http_client_close(&in[i]);
    }
    t_web_close(&web);
}

Test(limits_connections, one_loop)
{
    run("1");
}

Test(limits_connections, several_loops)
{
    run("4");
}

/* The first of those who wait is served when there is room; the others may be closed. */
Test(limits_connections, waiting)
{
    struct t_web web;
    struct t_http_client b[10];
    open_site(&web, "1", 1);
    t_http_client_open(&b[0], web.port);
    t_http_client_get(&b[0], "/keep");
    nng_aio *aio = t_pending_queue_take(&desk);
    for (int i = 1; i < 10; i++) {
        t_http_client_open(&b[i], web.port);
        t_http_client_get(&b[i], "/");
    }
    t_http_client_assert_silent(&b[1]);
    t_http_client_close(&b[0]);
    t_answer(aio, "kept", 4);
    t_http_client_assert(&b[1], 200, "home");
    for (int i = 1; i < 10; i++) {
        t_http_client_close(&b[i]);
    }
    t_web_close(&web);
}

/* The limit ends neither a stop nor a drain. */
Test(limits_connections, stops_at_the_limit)
{
    struct t_web web;
    struct t_http_client in, waits;
    for (int i = 0; i < 4; i++) {
        open_site(&web, "2", 1);
        get_served(&in, web.port);
        t_http_client_open(&waits, web.port);
        usleep(i * 20000);
        if (i % 2 == 0) {
            nng_http_server_stop(web.server);
        } else {
            cr_assert_eq(nng_uring_server_drain(web.server, 120000), 0);
        }
        cr_assert_eq(t_http_client_await_end(&in), 0);
        cr_assert_eq(t_http_client_await_end(&waits), 0);
        t_http_client_close(&in);
        t_http_client_close(&waits);
        t_web_close(&web);
    }
}

/* ---- Who is idle makes room ---------------------------------------------------------------- */

static uint64_t accepts(void)
{
    nng_uring_counter list[32];
    size_t n = nng_uring_counters(list, 32);
    for (size_t i = 0; i < n; i++) {
        if (strstr(list[i].name, "accept") != NULL) {
            return list[i].value;
        }
    }
    cr_assert_fail("nobody counts what is accepted");
    return 0;
}

/* Says nothing, and is accepted when this returns. */
static void open_silent(struct t_http_client *b, unsigned port)
{
    uint64_t before = accepts();
    t_http_client_open(b, port);
    while (accepts() == before) {
        usleep(200);
    }
}

static void close_all(struct t_http_client *b, int n)
{
    for (int i = 0; i < n; i++) {
        t_http_client_close(&b[i]);
    }
}

/* Each that comes is served long before an idle timeout, in place of the one that was silent for
 * longest. */
static void silent(const char *loops)
{
    struct t_web web;
    struct t_http_client b[12];
    char byte;
    open_site(&web, loops, 6);
    for (int i = 0; i < 6; i++) {
        open_silent(&b[i], web.port);
    }
    for (int i = 6; i < 12; i++) {
        t_http_client_open(&b[i], web.port);
        t_http_client_get(&b[i], "/");
        t_http_client_assert(&b[i], 200, "home");
        t_http_client_assert_end(&b[i - 6]);
        cr_assert_lt(recv(b[i - 5].fd, &byte, 1, MSG_DONTWAIT), 0, "%d, too", i - 5);
    }
    close_all(b, 12);
    t_web_close(&web);
}

Test(limits_connections, silent_ones_make_room)
{
    silent("1");
}

Test(limits_connections, silent_ones_make_room_on_other_loops)
{
    silent("4");
}

static void nothing(void *arg)
{
    (void) arg;
}

/* A loop learns that what its client has read was written in the turn that collects the completion,
 * and its session is idle in the turn after that. */
static void let_loops_note(void)
{
    for (unsigned turns = 0; turns < 3; turns++) {
        for (unsigned i = 0; i < nu_runtime_count(); i++) {
            t_run_on(nu_runtime_loop(i), nothing, NULL);
        }
    }
}

/* Between requests counts like before the first. */
Test(limits_connections, longest_idle_makes_room)
{
    struct t_web web;
    struct t_http_client b[5];
    open_site(&web, "4", 4);
    for (int i = 0; i < 4; i++) {
        open_silent(&b[i], web.port);
    }
    for (int i = 1; i < 6; i++) { /* the order is 2, 3, 0, 1 now */
        t_http_client_get(&b[i % 4], "/");
        t_http_client_assert(&b[i % 4], 200, "home");
        let_loops_note();
    }
    t_http_client_open(&b[4], web.port);
    t_http_client_get(&b[4], "/");
    t_http_client_assert(&b[4], 200, "home");
    t_http_client_assert_end(&b[2]);
    for (int i = 0; i < 5; i++) {
        if (i != 2) {
            t_http_client_get(&b[i], "/");
            t_http_client_assert(&b[i], 200, "home");
        }
    }
    close_all(b, 5);
    t_web_close(&web);
}

/* A request in hand keeps its place, whatever is left to do for it. */
static void busy(const char *loops)
{
    static const char *const begun[] = {
        "GET / HT",
        "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n1",
    };
    static const char *const rest[] = { "TP/1.1\r\nHost: x\r\n\r\n", "2" };
    struct t_web web;
    struct t_http_client b[4];
    open_site(&web, loops, 3);
    for (int i = 0; i < 2; i++) {
        open_silent(&b[i], web.port);
        t_http_client_say(&b[i], begun[i]);
        t_http_client_assert_silent(&b[i]); /* it has come there */
    }
    open_silent(&b[2], web.port);
    t_http_client_get(&b[2], "/keep");
    nng_aio *aio = t_pending_queue_take(&desk);
    t_http_client_open(&b[3], web.port);
    t_http_client_get(&b[3], "/");
    t_http_client_assert_silent(&b[3]);
    t_answer(aio, "kept", 4);
    t_http_client_assert(&b[2], 200, "kept");
    t_http_client_assert(&b[3], 200, "home"); /* in its place */
    t_http_client_assert_end(&b[2]);
    for (int i = 0; i < 2; i++) {
        t_http_client_say(&b[i], rest[i]);
    }
    t_http_client_assert(&b[0], 200, "home");
    t_answer(t_pending_queue_take(&desk), "kept", 4);
    t_http_client_assert(&b[1], 200, "kept");
    close_all(b, 4);
    t_web_close(&web);
}

Test(limits_connections, busy_ones_do_not)
{
    busy("1");
}

Test(limits_connections, busy_ones_do_not_on_other_loops)
{
    busy("4");
}

#define GRACE 250 /* ms, in which who says nothing is not yet idle */

/* False: the machine was too busy for all to ask in time. */
static bool come_and_ask(const struct t_web *web)
{
    struct t_http_client b[24];
    nng_time began = nng_clock();
    for (int i = 0; i < 24; i++) {
        t_http_client_open(&b[i], web->port);
    }
    for (int i = 0; i < 24; i++) {
        t_http_client_get(&b[i], "/");
    }
    bool in_time = nng_clock() < began + GRACE;
    for (int i = 0; i < 24 && in_time; i++) {
        t_http_client_assert(&b[i], 200, "home");
    }
    close_all(b, 24);
    return in_time;
}

/* A crowd, three for each place: all are served, in whatever order, also those whose request comes
 * a little later than they. */
Test(limits_connections, crowd)
{
    struct t_web web;
    open_site(&web, "2", 8);
    while (!come_and_ask(&web)) {
    }
    t_web_close(&web);
}

/* ---- Many at once ------------------------------------------------------------------------- */

static atomic_uint inside, most;

/* Counts those that are being served, and keeps them for a while. */
static void count(nng_aio *aio)
{
    unsigned now = atomic_fetch_add(&inside, 1) + 1, old = atomic_load(&most);
    while (now > old && !atomic_compare_exchange_weak(&most, &old, now)) {
    }
    nng_aio *own;
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    nng_sleep_aio(20, own);
    nng_aio_wait(own);
    nng_aio_free(own);
    atomic_fetch_sub(&inside, 1);
    t_answer(aio, "", 0);
}

static atomic_bool go;

/* Connects without a check: it may be closed at once. */
static void *visit(void *arg)
{
    const struct t_web *web = arg;
    struct t_http_client b;
    char byte;
    while (!atomic_load(&go)) {
    }
    for (int i = 0; i < 10; i++) {
        t_http_client_open(&b, web->port);
        (void) send(b.fd, "GET /count HTTP/1.0\r\n\r\n", 23, MSG_NOSIGNAL);
        (void) recv(b.fd, &byte, 1, 0);
        t_http_client_close(&b);
    }
    return NULL;
}

Test(limits_connections, never_more)
{
    struct t_web web;
    pthread_t threads[8];
    setenv("NNG_URING_LOOPS", "8", 1);
    t_web_open(&web);
    t_web_callback(&web, "/count", count);
    cr_assert_eq(nng_uring_server_set_limit(web.server, NNG_URING_CONNECTIONS, 2), 0);
    t_web_start(&web);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, visit, &web), 0);
    }
    atomic_store(&go, true);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert(atomic_load(&most) > 0 && atomic_load(&most) <= 2, "%u", atomic_load(&most));
    t_web_close(&web);
}
