#include "io/counters.h"

#include "base/check.h"
#include "support/peer.h"
#include "support/track.h"
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
    size_t            n = nng_uring_counters(list, 64);
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
    size_t            n       = nng_uring_counters(NULL, 0);
    cr_assert_gt(n, 2);
    cr_assert_eq(nng_uring_counters(list, 1), n);
    cr_assert_str_neq(list[0].name, "none");
    cr_assert_str_eq(list[1].name, "none");
}

/* A thread's counts stay when it has gone: the owners are gone after nng_fini(). */
Test(counters, connections)
{
    struct nu_web     web;
    struct nu_browser b[5];
    uint64_t          accepts = value("accepts");
    nu_web_open(&web);
    nu_web_static(&web, "/", "home");
    nu_web_start(&web);
    for (int i = 0; i < 5; i++) {
        nu_browser_open(&b[i], web.port);
        nu_browser_get(&b[i], "/");
        nu_browser_assert(&b[i], 200, "home");
    }
    cr_assert_eq(value("accepts"), accepts + 5);
    cr_assert_eq(value("connections"), 5);
    for (int i = 0; i < 5; i++) {
        nu_browser_close(&b[i]);
    }
    nu_web_close(&web);
    cr_assert_eq(value("connections"), 0);
    uint64_t enters = value("enters");
    nng_fini();
    cr_assert_geq(value("enters"), enters);
    cr_assert_eq(value("accepts"), accepts + 5);
}

static void *read_in_vain(void *arg)
{
    static char     byte;
    struct nu_pair *pair = arg;
    struct nu_track track;
    nu_track_open(&track, 0);
    nu_track_buffer(&track, &byte, 1);
    nng_aio_set_timeout(track.aio, 20);
    nng_http_conn_read(pair->conn, track.aio);
    nu_track_assert(&track, 1, NNG_ETIMEDOUT);
    nu_track_close(&track);
    return NULL;
}

/* None fires that was not armed, whichever thread begins the operation, and whatever it is. */
Test(counters, deadlines)
{
    struct nu_pair pair;
    pthread_t      thread;
    nng_aio       *aio;
    nu_pair_open(&pair);
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
    nu_pair_close(&pair);
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
    struct nu_web     web;
    struct nu_browser b;
    pthread_t         threads[THREADS];
    int               status;
    nu_web_open(&web);
    nu_web_static(&web, "/", "home");
    nu_web_start(&web);
    nu_browser_open(&b, web.port);
    nu_browser_get(&b, "/");
    nu_browser_assert(&b, 200, "home");
    uint64_t accepts = value("accepts");
    pid_t    child   = fork();
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
    nu_browser_close(&b);
    nu_web_close(&web);
}

/* A write that an application thread does by itself is one call, one entry and one completion. */
Test(counters, attempt)
{
    static char     byte;
    struct nu_pair  pair;
    struct nu_track track;
    nu_pair_open(&pair);
    nu_track_open(&track, 0);
    nu_track_buffer(&track, &byte, 1);
    nu_track_write(&track, pair.conn, 0, true); /* opens the thread's ring */
    nu_track_assert(&track, 1, 0);
    uint64_t wake_ups = value("wake_ups"), sqes = value("sqes"), enters = value("enters");
    for (int i = 0; i < 100; i++) {
        nu_track_write(&track, pair.conn, 0, true);
        nu_track_assert(&track, 1, 0);
    }
    cr_assert_geq(value("sqes"), sqes + 100);
    cr_assert_geq(value("enters"), enters + 100);
    cr_assert_leq(value("wake_ups"), wake_ups + 10); /* nobody has to help */
    nu_track_close(&track);
    nu_pair_close(&pair);
}

/* A write_all that a full socket cuts short, and one that its deadline ends. */
Test(counters, writes_that_wait)
{
    struct nu_pair  pair;
    struct nu_track track;
    uint8_t        *data   = nu_pattern_new(NU_PLENTY, 1);
    uint64_t        shorts = value("short_writes"), fired = value("deadlines_fired");
    nu_pair_open(&pair);
    nu_track_open(&track, NU_CALLED);
    nu_track_buffer(&track, data, NU_PLENTY);
    nng_aio_set_timeout(track.aio, 100);
    nng_http_conn_write_all(pair.conn, track.aio);
    nu_track_assert(&track, 1, NNG_ETIMEDOUT);
    cr_assert_geq(value("deadlines_armed"), 1);
    cr_assert_eq(value("deadlines_fired"), fired + 1);
    size_t count = nng_aio_count(track.aio);
    nng_aio_set_timeout(track.aio, 60000);
    nng_http_conn_write_all(pair.conn, track.aio);
    nu_peer_read(pair.fd, 0, count, 1);
    struct nu_drain drain = { .fd = pair.fd, .period = data, .period_size = NU_PLENTY };
    nu_drain_start(&drain);
    nu_track_assert(&track, 2, 0);
    cr_assert_gt(value("short_writes"), shorts);
    nng_http_conn_close(pair.conn);
    pair.conn = NULL;
    cr_assert_eq(nu_drain_join(&drain), NU_PLENTY);
    nu_track_close(&track);
    nu_pair_close(&pair);
    free(data);
}
