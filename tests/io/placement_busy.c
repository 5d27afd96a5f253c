/* SPDX-License-Identifier: MIT */
/* Where callbacks run on a machine that is not ours alone: what others take is not theirs. One
 * loop, so that all of them share it. */
#include "io/placement.h"

#include "base/schedstat.h"
#include "support/calls.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void one_loop(void)
{
    cr_assert_eq(setenv("NNG_URING_LOOPS", "1", 1), 0);
}

TestSuite(placement_busy, .timeout = 60, .init = one_loop, .fini = nng_fini);

#define HOGS 8

static atomic_bool hogs_end;

static void *hog(void *arg)
{
    (void) arg;
    while (!atomic_load_explicit(&hogs_end, memory_order_relaxed)) {
    }
    return NULL;
}

static void start_hogs(pthread_t hogs[HOGS])
{
    atomic_store(&hogs_end, false);
    for (int i = 0; i < HOGS; i++) {
        cr_assert_eq(pthread_create(&hogs[i], NULL, hog, NULL), 0);
    }
}

static void end_hogs(pthread_t hogs[HOGS])
{
    atomic_store(&hogs_end, true);
    for (int i = 0; i < HOGS; i++) {
        pthread_join(hogs[i], NULL);
    }
}

/* Returns the processor time that it really took, in nanoseconds. */
static long compute(long ns)
{
    struct timespec from, now;
    long took;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    do {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        took = (now.tv_sec - from.tv_sec) * 1000000000 + now.tv_nsec - from.tv_nsec;
    } while (took < ns);
    return took;
}

static atomic_uint overran; /* calls that interrupts, or the machine below this one, made slow */

/* Long enough to be preempted in it now and then; what a slow one takes is more. */
static void compute_a_little(void)
{
    atomic_fetch_add(&overran, compute(200000) > 500000);
}

/* False: some of the calls really took as long as slow ones do. */
static bool call_among_hogs(void)
{
    struct t_calls c[4];
    pthread_t hogs[HOGS];
    unsigned n = 0, on_loop = 0;
    atomic_store(&overran, 0);
    for (unsigned i = 0; i < 4; i++) {
        t_calls_open(&c[i], 1, compute_a_little);
    }
    start_hogs(hogs);
    for (unsigned round = 0; round < 1000; round++) {
        for (unsigned i = 0; i < 4; i++) {
            nng_sleep_aio(0, c[i].aio);
        }
        for (unsigned i = 0; i < 4; i++) {
            nng_aio_wait(c[i].aio);
        }
    }
    end_hogs(hogs);
    for (unsigned i = 0; i < 4; i++) {
        n += atomic_load(&c[i].n);
        on_loop += atomic_load(&c[i].on_loop);
        nng_aio_free(c[i].aio);
    }
    nng_fini(); /* what was seen is forgotten */
    if (atomic_load(&overran) > 0) {
        return false;
    }
    cr_assert_geq(on_loop, n / 100 * 95, "%u of %u calls were made on the loop", on_loop, n);
    return true;
}

/* Who is preempted has not held its loop: it comes there, and stays. */
Test(placement_busy, preemption_is_not_held_against_it)
{
    bool told = false;
    nng_time until = nng_clock() + 60000;
    while (!told && nng_clock() < until) {
        told = call_among_hogs();
    }
    if (!told) {
        cr_skip_test("this machine does not say what a thread computes");
    }
}

/* Slow, but far from what is very slow. */
static void compute_for_long(void)
{
    atomic_fetch_add(&overran, compute(8000000) > 15000000);
}

/* Whether the kernel says that this thread had to wait for a processor. */
static bool is_preempted(void)
{
    for (int i = 0; i < 200 && nu_schedstat_queued(0) == 0; i++) {
        (void) compute(1000000);
    }
    return nu_schedstat_queued(0) > 0;
}

static atomic_uint held_warnings;

static void note_held(nng_log_level level, nng_log_facility facility, const char *msgid,
                      const char *msg)
{
    (void) level, (void) facility, (void) msg;
    atomic_fetch_add(&held_warnings, strcmp(msgid, "NNG-URING-HELD") == 0);
}

/* One that is slow has not held it for the time that others ran, either; nor is that said. */
Test(placement_busy, preemption_makes_no_slow_one_worse)
{
    struct t_calls c;
    pthread_t hogs[HOGS];
    const struct nu_placement *placement = nu_placement_of(t_calls_callback);
    nng_log_set_logger(note_held);
    t_calls_open(&c, 0, NULL);
    c.slow = compute_for_long;
    t_calls_until_inline(&c);
    start_hogs(hogs);
    bool preempted = is_preempted();
    unsigned wanted = atomic_load(&placement->wanted);
    t_calls_make(&c, 1);
    end_hogs(hogs);
    cr_assert(!preempted || atomic_load(&overran) > 0 ||
              (atomic_load(&placement->wanted) <= 4 * wanted && atomic_load(&held_warnings) == 0));
    nng_aio_free(c.aio);
}

static void sleep_a_moment_longer(void)
{
    usleep(5000);
}

/* Nor does that save one that sleeps. */
Test(placement_busy, one_that_sleeps_leaves_a_busy_machine)
{
    struct t_calls c;
    pthread_t hogs[HOGS];
    t_calls_open(&c, 0, NULL);
    t_calls_make(&c, T_CALLS_MANY);
    start_hogs(hogs);
    c.slow_at = 1;
    c.slow = sleep_a_moment_longer;
    t_calls_make(&c, 100);
    unsigned before = atomic_load(&c.on_loop);
    t_calls_make(&c, 100);
    end_hogs(hogs);
    cr_assert_eq(atomic_load(&c.on_loop), before);
    nng_aio_free(c.aio);
}
