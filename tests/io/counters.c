/* SPDX-License-Identifier: MIT */
#include "io/counters.h"

#include "base/check.h"
#include "support/aio_probe.h"
#include "support/peer.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(counters, .timeout = 60);

static uint64_t value(const char *name)
{
    nng_uring_counter list[64];
    size_t n = nng_uring_counters(list, 64);
    cr_assert_leq(n, 64);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i].name, name) == 0) {
            cr_assert(list[i].what[0] != '\0');
            return list[i].value;
        }
    }
    cr_assert_fail("no counter %s", name);
    return 0;
}

Test(counters, short_of_room)
{
    nng_uring_counter list[2] = { { "none", "none", 1 }, { "none", "none", 1 } };
    size_t n = nng_uring_counters(NULL, 0);
    cr_assert_gt(n, 2);
    cr_assert_eq(nng_uring_counters(list, 1), n);
    cr_assert_str_neq(list[0].name, "none");
    cr_assert_str_eq(list[1].name, "none");
}

/* A thread's counts stay when it has gone: the owners are gone after nng_fini(). */
Test(counters, connections)
{
    struct t_web web;
    struct t_http_client b[5];
    uint64_t accepts = value("accepts");
    t_web_open(&web);
    t_web_static(&web, "/", "home");
    t_web_start(&web);
    for (int i = 0; i < 5; i++) {
        t_http_client_open(&b[i], web.port);
        t_http_client_get(&b[i], "/");
        t_http_client_assert(&b[i], 200, "home");
    }
    cr_assert_eq(value("accepts"), accepts + 5);
    cr_assert_eq(value("connections"), 5);
    for (int i = 0; i < 5; i++) {
        t_http_client_close(&b[i]);
    }
    t_web_close(&web);
    cr_assert_eq(value("connections"), 0);
    uint64_t enters = value("enters");
    nng_fini();
    cr_assert_geq(value("enters"), enters);
    cr_assert_eq(value("accepts"), accepts + 5);
}

static void *read_in_vain(void *arg)
{
    static char byte;
    struct nu_pair *pair = arg;
    struct t_aio_probe track;
    t_aio_probe_open(&track, 0);
    t_aio_probe_buffer(&track, &byte, 1);
    nng_aio_set_timeout(track.aio, 20);
    nng_http_conn_read(pair->conn, track.aio);
    t_aio_probe_assert(&track, 1, NNG_ETIMEDOUT);
    t_aio_probe_close(&track);
    return NULL;
}

/* None fires that was not armed, whichever thread begins the operation, and whatever it is. */
Test(counters, deadlines)
{
    struct nu_pair pair;
    pthread_t thread;
    nng_aio *aio;
    t_pair_open(&pair);
    uint64_t armed = value("deadlines_armed"), fired = value("deadlines_fired");
    cr_assert_eq(pthread_create(&thread, NULL, read_in_vain, &pair), 0);
    pthread_join(thread, NULL);
    cr_assert_eq(value("deadlines_armed"), armed + 1);
    cr_assert_eq(value("deadlines_fired"), fired + 1);

    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_sleep_aio(1, aio);
    nng_aio_wait(aio);
    cr_assert_eq(value("deadlines_armed"), armed + 2);
    cr_assert_eq(value("deadlines_fired"), fired + 2);
    nng_sleep_aio(NNG_DURATION_INFINITE, aio); /* has none */
    nng_aio_free(aio);
    cr_assert_eq(value("deadlines_armed"), armed + 2);
    t_pair_close(&pair);
}

static void *ask(void *arg)
{
    (void) value("enters");
    return arg;
}

/* A child has none of its parent's threads, and gives their memory to its own. */
Test(counters, fork)
{
#ifdef NU_TSAN
    cr_skip_test("ThreadSanitizer allows no threads after a fork");
#endif
    enum { THREADS = 4 };
    struct t_web web;
    struct t_http_client b;
    pthread_t threads[THREADS];
    int status;
    t_web_open(&web);
    t_web_static(&web, "/", "home");
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/");
    t_http_client_assert(&b, 200, "home");
    uint64_t accepts = value("accepts");
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        for (int i = 0; i < THREADS; i++) {
            if (pthread_create(&threads[i], NULL, ask, NULL) != 0) {
                _exit(1);
            }
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
        }
        _exit(value("accepts") == accepts ? 0 : 2);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "%x", (unsigned) status);
    t_http_client_close(&b);
    t_web_close(&web);
}

/* A write that an application thread does by itself is one call, one entry and one completion. */
Test(counters, attempt)
{
    static char byte;
    struct nu_pair pair;
    struct t_aio_probe track;
    t_pair_open(&pair);
    t_aio_probe_open(&track, 0);
    t_aio_probe_buffer(&track, &byte, 1);
    t_aio_probe_write(&track, pair.conn, 0, true); /* opens the thread's ring */
    t_aio_probe_assert(&track, 1, 0);
    uint64_t wake_ups = value("wake_ups"), sqes = value("sqes"), enters = value("enters");
    for (int i = 0; i < 100; i++) {
        t_aio_probe_write(&track, pair.conn, 0, true);
        t_aio_probe_assert(&track, 1, 0);
    }
    if (strcmp(nng_uring_backend(), "io_uring") == 0) { /* else it is a system call like others */
        cr_assert_geq(value("sqes"), sqes + 100);
        cr_assert_geq(value("enters"), enters + 100);
    }
    cr_assert_leq(value("wake_ups"), wake_ups + 10); /* nobody has to help */
    t_aio_probe_close(&track);
    t_pair_close(&pair);
}

/* A write_all that a full socket cuts short, and one that its deadline ends. */
Test(counters, writes_that_wait)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    uint64_t shorts = value("short_writes"), fired = value("deadlines_fired");
    t_pair_open(&pair);
    t_aio_probe_open(&track, NU_CALLED);
    t_aio_probe_buffer(&track, data, NU_PLENTY);
    nng_aio_set_timeout(track.aio, 100);
    nng_http_conn_write_all(pair.conn, track.aio);
    t_aio_probe_assert(&track, 1, NNG_ETIMEDOUT);
    cr_assert_geq(value("deadlines_armed"), 1);
    cr_assert_eq(value("deadlines_fired"), fired + 1);
    size_t count = nng_aio_count(track.aio);
    nng_aio_set_timeout(track.aio, 60000);
    nng_http_conn_write_all(pair.conn, track.aio);
    t_peer_read(pair.fd, 0, count, 1);
    struct t_drain drain = { .fd = pair.fd, .period = data, .period_size = NU_PLENTY };
    t_drain_start(&drain);
    t_aio_probe_assert(&track, 2, 0);
    cr_assert_gt(value("short_writes"), shorts);
    nng_http_conn_close(pair.conn);
    pair.conn = NULL;
    cr_assert_eq(t_drain_join(&drain), NU_PLENTY);
    t_aio_probe_close(&track);
    t_pair_close(&pair);
    free(data);
}

/* ---- Threads that count ------------------------------------------------------------------- */

/* An owner that writes to another loop's connection has a second ring, which joins as well. */
static void *join_twice(void *arg)
{
    (void) arg;
    nu_counters_join();
    nu_counters_join();
    nu_count(NU_COUNT_ACCEPTS, 1);
    nu_counters_leave();
    nu_count(NU_COUNT_ACCEPTS, 1);
    cr_assert_eq(value("accepts"), 2, "it has left");
    nu_counters_leave();
    return NULL;
}

Test(counters, joined_twice)
{
    pthread_t thread;
    cr_assert_eq(value("accepts"), 0);
    cr_assert_eq(pthread_create(&thread, NULL, join_twice, NULL), 0);
    pthread_join(thread, NULL);
    cr_assert_eq(value("accepts"), 2);
}
