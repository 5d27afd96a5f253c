/* SPDX-License-Identifier: MIT */
/* Servers that have much to do, or too little to do it with. */
#include "http/server.h"
#include "support/peer.h"
#include "support/proc.h"
#include "support/scale.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <nng/uring.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct t_pending_queue desk = NU_DESK;

/* ---- Loops -------------------------------------------------------------------------------- */

static void say_thread(nng_aio *aio)
{
    char text[32];
    sprintf(text, "%lx", (unsigned long) pthread_self());
    t_answer(aio, text, strlen(text));
}

Test(server_load, connections_are_spread, .timeout = 60)
{
    struct t_web web;
    struct t_http_client b[64];
    char first[32] = "";
    unsigned others = 0;
    setenv("NNG_URING_LOOPS", "2", 1);
    t_web_open(&web);
    t_web_callback(&web, "/", say_thread);
    t_web_start(&web);
    cr_assert_eq(nng_uring_loops(), 2);
    for (int i = 0; i < 64; i++) {
        t_http_client_open(&b[i], web.port);
        t_http_client_get(&b[i], "/");
        t_http_client_assert(&b[i], 200, NULL);
        if (i == 0) {
            memcpy(first, b[i].body, b[i].size);
        }
        others += strlen(first) != b[i].size || memcmp(first, b[i].body, b[i].size) != 0;
    }
    cr_assert(others >= 8 && others <= 56, "%u of 64 on the other loop", others);
    for (int i = 0; i < 64; i++) {
        t_http_client_close(&b[i]);
    }
    t_web_close(&web);
}

/* ---- Handlers that come and go ------------------------------------------------------------ */

static atomic_bool over;
static atomic_uint destroyed;

static void destroy(void *data)
{
    (void) data;
    atomic_fetch_add(&destroyed, 1);
}

static void *hammer(void *arg)
{
    const struct t_web *web = arg;
    struct t_http_client b;
    t_http_client_open(&b, web->port);
    while (!atomic_load(&over)) {
        for (int i = 0; i < 20; i++) {
            t_http_client_get(&b, i % 2 == 0 ? "/x" : "/x/y");
        }
        for (int i = 0; i < 20; i++) {
            t_http_client_hear(&b);
            cr_assert(b.status == 404 || (b.status == 200 && b.size == 4096 && b.body[0] == 'x'));
        }
    }
    t_http_client_close(&b);
    return NULL;
}

static void answer_x(nng_aio *aio)
{
    char text[4096];
    memset(text, 'x', sizeof text);
    t_answer(aio, text, sizeof text);
}

static nng_http_handler *make_x(int i)
{
    char text[4096];
    nng_http_handler *h;
    memset(text, 'x', sizeof text);
    if (i % 2 == 0) {
        cr_assert_eq(nng_http_handler_alloc_static(&h, "/x", text, sizeof text, NULL), 0);
    } else {
        cr_assert_eq(nng_http_handler_alloc(&h, "/x", answer_x), 0);
    }
    if (i % 3 == 0) {
        cr_assert_eq(nng_http_handler_set_tree(h), 0);
    }
    cr_assert_eq(nng_http_handler_set_data(h, NULL, destroy), 0);
    return h;
}

Test(server_load, handlers_come_and_go, .timeout = 120)
{
    struct t_web web;
    pthread_t threads[4];
    t_web_open(&web);
    t_web_start(&web);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, hammer, &web), 0);
    }
    unsigned n = NU_TIMES(1000);
    for (unsigned i = 0; i < n; i++) {
        nng_http_handler *h = make_x((int) i);
        t_web_add(&web, h);
        usleep(i % 5 * 100);
        cr_assert_eq(nng_http_server_del_handler(web.server, h), 0);
        cr_assert_eq(nng_http_server_del_handler(web.server, h), NNG_ENOENT);
        nng_http_handler_free(h);
    }
    t_web_add(&web, make_x(0)); /* one goes with the server */
    atomic_store(&over, true);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    t_web_close(&web);
    nng_fini();
    cr_assert_eq(atomic_load(&destroyed), n + 1);
}

static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

/* A handler that is taken out while it works goes when the work is done. */
Test(server_load, taken_out_while_it_works, .timeout = 60)
{
    struct t_web web;
    struct t_http_client b;
    nng_http_handler *h;
    t_web_open(&web);
    cr_assert_eq(nng_http_handler_alloc(&h, "/", keep), 0);
    cr_assert_eq(nng_http_handler_set_data(h, NULL, destroy), 0);
    t_web_add(&web, h);
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/");
    nng_aio *aio = t_pending_queue_take(&desk);
    cr_assert_eq(nng_http_server_del_handler(web.server, h), 0);
    nng_http_handler_free(h);
    t_http_client_get(&b, "/");
    t_web_assert(&web, "/", 404, NULL);
    cr_assert_eq(atomic_load(&destroyed), 0);
    t_answer(aio, "done", 4);
    t_http_client_assert(&b, 200, "done");
    t_http_client_assert(&b, 404, NULL);
    t_http_client_close(&b);
    t_web_close(&web);
    nng_fini();
    cr_assert_eq(atomic_load(&destroyed), 1);
}

/* ---- No descriptors left ------------------------------------------------------------------ */

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

Test(server_load, out_of_descriptors, .timeout = 60)
{
    struct t_web web;
    struct t_http_client b[20];
    struct rlimit limit, tight;
    t_web_open(&web);
    t_web_static(&web, "/", "home");
    t_web_directory(&web, "/files", "/");
    t_web_start(&web);
    t_http_client_open(&b[19], web.port); /* has got in */
    t_http_client_get(&b[19], "/");
    t_http_client_assert(&b[19], 200, "home");
    for (int i = 0; i < 19; i++) {
        t_http_client_open_later(&b[i]);
    }
    int next = dup(0);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    tight = limit;
    tight.rlim_cur = (rlim_t) next + 1;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    for (int i = 0; i < 19; i++) {
        t_http_client_connect(&b[i], web.port);
        t_http_client_get(&b[i], "/");
    }
    double before = cpu_seconds();
    usleep(500000);
    cr_assert_lt(cpu_seconds() - before, 0.15);
    t_http_client_get(&b[19], "/files/etc/passwd");
    t_http_client_assert(&b[19], 503, NULL);
    t_http_client_get(&b[19], "/");
    t_http_client_assert(&b[19], 200, "home");
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    close(next);
    for (int i = 0; i < 20; i++) {
        if (i < 19) {
            t_http_client_assert(&b[i], 200, "home");
        }
        t_http_client_close(&b[i]);
    }
    t_web_close(&web);
}

/* ---- The end of everything ---------------------------------------------------------------- */

static int ended_with;

static void ended(nng_aio *aio, void *arg, int err)
{
    (void) arg;
    ended_with = err;
    nng_aio_finish(aio, err);
}

static void defer(nng_aio *aio)
{
    nng_aio_defer(aio, ended, NULL);
    t_pending_queue_put(&desk, aio);
}

Test(server_load, fini_while_it_runs, .timeout = 60)
{
    unsigned before = t_proc_fds();
    for (int round = 0; round < 5; round++) {
        struct t_web web;
        struct t_http_client b[3];
        t_web_open(&web);
        t_web_static(&web, "/", "home");
        t_web_callback(&web, "/defer", defer);
        t_web_start(&web);
        for (int i = 0; i < 3; i++) {
            t_http_client_open(&b[i], web.port);
            t_http_client_get(&b[i], "/");
            t_http_client_assert(&b[i], 200, "home");
        }
        t_http_client_say(&b[1], "GET / HT");
        t_http_client_get(&b[2], "/defer");
        t_pending_queue_take(&desk);
        if (round % 2 == 0) {
            nng_fini();
            cr_assert_eq(ended_with, NNG_ECLOSED);
        }
        nng_http_server_release(web.server);
        nng_fini();
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(t_http_client_await_end(&b[i]), 0);
            t_http_client_close(&b[i]);
        }
        t_proc_await_fds(before);
    }
}

static void *start_and_stop(void *arg)
{
    const struct t_web *web = arg;
    for (int i = 0; i < NU_TIMES(200); i++) {
        cr_assert_eq(nng_http_server_start(web->server), 0);
        nng_http_server_stop(web->server);
    }
    return NULL;
}

/* Many start and stop one server, while many connect. */
Test(server_load, starts_and_stops, .timeout = 120)
{
    struct t_web web;
    pthread_t threads[3];
    char text[64];
    nng_url *url;
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0); /* starts the library */
    nng_aio_free(aio);
    web.fds = t_proc_fds();
    sprintf(text, "http://127.0.0.1:%u", t_port());
    cr_assert_eq(nng_url_parse(&url, text), 0);
    cr_assert_eq(nng_http_server_hold(&web.server, url), 0);
    nng_url_free(url);
    t_web_static(&web, "/", "home");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, start_and_stop, &web), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    t_web_start(&web);
    t_web_assert(&web, "/", 200, "home");
    t_web_close(&web);
}
