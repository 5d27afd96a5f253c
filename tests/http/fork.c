/* SPDX-License-Identifier: MIT */
/* A child that was forked while the library runs: what it calls returns or says so, and changes
 * nothing of the parent's. */
#include "support/owner.h"
#include "support/peer.h"
#include "support/running.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <nng/nng.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(fork, .timeout = 120);

static struct t_web web;
static struct nu_pair pair; /* a client's connection, with a read that waits */
static nng_aio *pending, *idle;
static nng_http_client *client;
static nng_http_handler *handler, *other;
static nng_http_res *res;
static nng_url *url;

/* ---- What a child calls: each returns 0 when that was answered as it should be ------------- */

#define refused(call) ((call) == NNG_ENOTSUP ? 0 : 1)

static int stop_server(void)
{
    nng_http_server_stop(web.server);
    return 0;
}

static int release_server(void)
{
    nng_http_server_release(web.server);
    return 0;
}

static int drain(void)
{
    return refused(nng_uring_server_drain(web.server, 5000));
}

static int start_server(void)
{
    return refused(nng_http_server_start(web.server));
}

static int hold(void)
{
    nng_http_server *server;
    return refused(nng_http_server_hold(&server, url));
}

static int get_addr(void)
{
    nng_sockaddr addr;
    return refused(nng_http_server_get_addr(web.server, &addr));
}

static int add_handler(void)
{
    return refused(nng_http_server_add_handler(web.server, other));
}

static int del_handler(void)
{
    return refused(nng_http_server_del_handler(web.server, handler));
}

static int free_handler(void)
{
    nng_http_handler_free(other);
    return 0;
}

static int limits(void)
{
    uint64_t value;
    return refused(nng_uring_server_get_limit(web.server, NNG_URING_HEAD_BYTES, &value)) +
           refused(nng_uring_server_set_limit(web.server, NNG_URING_HEAD_BYTES, 1000)) +
           refused(nng_uring_server_change_limit(web.server, NNG_URING_HEAD_BYTES, 1000)) +
           refused(nng_uring_server_set_trusted(web.server, "::1", true));
}

static int error_pages(void)
{
    return refused(nng_http_server_set_error_page(web.server, 404, "x")) +
           refused(nng_http_server_res_error(web.server, res));
}

static int close_conn(void)
{
    nng_http_conn_close(pair.conn);
    return 0;
}

static int keepalive(void)
{
    return refused(nng_uring_conn_set_keepalive(pair.conn, true));
}

static int hijack(void)
{
    return nng_http_hijack(pair.conn) == 0;
}

static int operate(void (*start)(nng_http_conn *conn, nng_aio *aio))
{
    char byte = 'x';
    nng_iov iov = { &byte, 1 };
    nng_aio_set_iov(idle, 1, &iov);
    start(pair.conn, idle);
    nng_aio_wait(idle);
    return refused(nng_aio_result(idle));
}

static int reads_and_writes(void)
{
    return operate(nng_http_conn_read) + operate(nng_http_conn_read_all) +
           operate(nng_http_conn_write) + operate(nng_http_conn_write_all);
}

static int client_calls(void)
{
    nng_http_client_connect(client, idle);
    nng_aio_wait(idle);
    int err = refused(nng_aio_result(idle));
    nng_http_client_free(client);
    return err;
}

static int sleeping(void)
{
    nng_sleep_aio(1, idle);
    nng_aio_wait(idle);
    return refused(nng_aio_result(idle));
}

static int abort_aio(void)
{
    nng_aio_abort(pending, NNG_EINTR);
    nng_aio_cancel(pending);
    nng_aio_wait(pending);
    return 0;
}

static int stop_aio(void)
{
    nng_aio_stop(pending);
    return 0;
}

static int free_aio(void)
{
    nng_aio_free(pending);
    nng_aio_reap(idle);
    return 0;
}

static int alloc_aio(void)
{
    nng_aio *aio;
    return refused(nng_aio_alloc(&aio, NULL, NULL));
}

static int counters(void)
{
    nng_uring_counter list[32];
    return nng_uring_counters(list, 32) == 0;
}

static int fini(void)
{
    nng_fini();
    return 0;
}

/* What an atexit() handler or a destructor does. */
static int all_of_it(void)
{
    int wrong = drain() + stop_server() + release_server() + close_conn() + stop_aio();
    wrong += client_calls();
    wrong += free_aio(); /* the aio of client_calls(), too */
    return wrong + free_handler() + fini();
}

static const struct row {
    const char *name;
    int (*call)(void);
} table[] = {
    { "nng_http_server_stop", stop_server },
    { "nng_http_server_release", release_server },
    { "nng_uring_server_drain", drain },
    { "nng_http_server_start", start_server },
    { "nng_http_server_hold", hold },
    { "nng_http_server_get_addr", get_addr },
    { "nng_http_server_add_handler", add_handler },
    { "nng_http_server_del_handler", del_handler },
    { "nng_http_handler_free", free_handler },
    { "nng_uring_server_set_limit", limits },
    { "nng_http_server_set_error_page", error_pages },
    { "nng_http_conn_close", close_conn },
    { "nng_uring_conn_set_keepalive", keepalive },
    { "nng_http_hijack", hijack },
    { "nng_http_conn_read", reads_and_writes },
    { "nng_http_client", client_calls },
    { "nng_sleep_aio", sleeping },
    { "nng_aio_abort", abort_aio },
    { "nng_aio_stop", stop_aio },
    { "nng_aio_free", free_aio },
    { "nng_aio_alloc", alloc_aio },
    { "nng_uring_counters", counters },
    { "nng_fini", fini },
    { "all", all_of_it },
};

/* ---- The parent ---------------------------------------------------------------------------- */

static char byte;

static void setup(void)
{
    nng_iov iov = { &byte, 1 };
    char text[64];
    t_web_open(&web);
    t_web_static(&web, "/", "here");
    cr_assert_eq(nng_http_handler_alloc_static(&handler, "/a", "a", 1, "text/plain"), 0);
    cr_assert_eq(nng_http_handler_alloc_static(&other, "/b", "b", 1, "text/plain"), 0);
    t_web_add(&web, handler);
    t_web_start(&web);
    snprintf(text, sizeof text, "http://127.0.0.1:%u", web.port);
    cr_assert_eq(nng_url_parse(&url, text), 0);
    cr_assert_eq(nng_http_client_alloc(&client, url), 0);
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_aio_alloc(&pending, NULL, NULL), 0);
    cr_assert_eq(nng_aio_alloc(&idle, NULL, NULL), 0);
    t_pair_open(&pair);
    nng_aio_set_iov(pending, 1, &iov);
    nng_http_conn_read(pair.conn, pending);
}

static void teardown(void)
{
    cr_assert_eq(send(pair.fd, "z", 1, 0), 1);
    nng_aio_wait(pending);
    cr_assert_eq(nng_aio_result(pending), 0);
    cr_assert_eq(byte, 'z');
    t_pair_close(&pair);
    nng_aio_free(pending);
    nng_aio_free(idle);
    nng_http_res_free(res);
    nng_http_client_free(client);
    nng_http_handler_free(other);
    nng_url_free(url);
    t_web_close(&web);
}

static void run_child(void *arg)
{
    const struct row *row = arg;
    int status;
    pid_t child = fork();
    if (child == 0) {
        alarm(20); /* a hang is an end, too */
        _exit(row->call());
    }
    cr_assert_gt(child, 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "%s: %x", row->name, (unsigned) status);
}

static uint64_t count_enters(void)
{
    nng_uring_counter list[32];
    size_t n = nng_uring_counters(list, 32);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i].name, "enters") == 0) {
            return list[i].value;
        }
    }
    cr_assert_fail("enters are not counted");
    return 0;
}

/* Until the loops have gone to sleep: none is about to do what it only has no processor for. */
static uint64_t settled_enters(void)
{
    uint64_t before, now = count_enters();
    do {
        before = now;
        nng_msleep(20);
        now = count_enters();
    } while (t_threads_running() > 1 || now != before || count_enters() != before);
    return now;
}

/* Nobody woke a loop, the connections go on, and so does the server. */
Test(fork, of_an_application)
{
    setup();
    struct t_http_client kept;
    t_http_client_open(&kept, web.port);
    t_http_client_get(&kept, "/");
    t_http_client_assert(&kept, 200, "here");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint64_t before = settled_enters();
        run_child((void *) &table[i]);
        cr_assert_eq(settled_enters(), before, "%s entered a ring", table[i].name);
        cr_assert(nng_aio_busy(pending), "%s", table[i].name);
        t_http_client_get(&kept, "/a");
        t_http_client_assert(&kept, 200, "a");
        t_web_assert(&web, "/", 200, "here");
    }
    t_http_client_close(&kept);
    teardown();
}

/* Its thread is a loop's owner. */
Test(fork, of_a_callback)
{
    setup();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        t_run_on(t_a_loop(i % nng_uring_loops()), run_child, (void *) &table[i]);
        cr_assert(nng_aio_busy(pending), "%s", table[i].name);
        t_web_assert(&web, "/", 200, "here");
    }
    teardown();
}

/* ---- Locks that others held ---------------------------------------------------------------- */

static atomic_bool enough;

static void *use_server(void *arg)
{
    nng_sockaddr addr;
    while (!atomic_load(&enough)) {
        nng_http_server_get_addr(web.server, &addr);
        nng_http_server_set_error_page(web.server, 404, "x");
    }
    return arg;
}

Test(fork, while_others_are_at_it)
{
    pthread_t thread;
    static const struct row row = { "all", all_of_it };
    setup();
    cr_assert_eq(pthread_create(&thread, NULL, use_server, NULL), 0);
    for (int i = 0; i < 100; i++) {
        run_child((void *) &row);
    }
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    teardown();
}

/* ---- A child that comes back from a callback ----------------------------------------------- */

static _Atomic pid_t child; /* handlers run on workers, too */

static void forks(nng_aio *aio)
{
    child = fork();
    if (child != 0) {
        t_answer(aio, "parent", 6);
    } else {
        alarm(20);
        t_answer(aio, "child!", 6);
    }
}

/* There is nothing for it to go on with: it ends, and only the parent answers. */
Test(fork, that_returns)
{
    int status;
    setup();
    t_web_callback(&web, "/fork", forks);
    for (int i = 0; i < 5; i++) {
        t_web_assert(&web, "/fork", 200, "parent");
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert_eq(status, 0, "%x", (unsigned) status);
    }
    t_web_assert(&web, "/", 200, "here");
    teardown();
}
