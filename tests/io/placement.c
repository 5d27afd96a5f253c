/* SPDX-License-Identifier: MIT */
/* Where callbacks run, by what they were seen to do. One loop, so that all of them share it. */
#include "io/placement.h"

#include "support/calls.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void one_loop(void)
{
    cr_assert_eq(setenv("NNG_URING_LOOPS", "1", 1), 0);
}

static void fini(void)
{
    nng_fini();
}

TestSuite(placement, .timeout = 60, .init = one_loop, .fini = fini);

/* ---- What it was seen to do --------------------------------------------------------------- */

Test(placement, fast_ones_come_to_the_loop)
{
    struct t_calls c;
    t_calls_open(&c, 0, NULL);
    t_calls_make(&c, 1);
    cr_assert_eq(atomic_load(&c.on_loop), 0, "nothing is known of it yet");
    t_calls_until_inline(&c);
    nng_aio_free(c.aio);
}

static void sleep_in_libc(void)
{
    usleep(2000);
}

static void sleep_a_moment(void)
{
    usleep(1);
}

static void burn(void)
{
    struct timespec from, now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    do {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    } while ((now.tv_sec - from.tv_sec) * 1000000000 + now.tv_nsec - from.tv_nsec < 2000000);
}

/* Whether it sleeps, however shortly, or computes: all the time, or now and then. */
static void never_on_the_loop(unsigned slow_at, void (*slow)(void), unsigned times)
{
    struct t_calls c;
    t_calls_open(&c, slow_at, slow);
    t_calls_make(&c, times);
    cr_assert_eq(atomic_load(&c.n), times);
    cr_assert_eq(atomic_load(&c.on_loop), 0);
    nng_aio_free(c.aio);
}

Test(placement, one_that_sleeps_stays)
{
    never_on_the_loop(1, sleep_in_libc, 100);
}

Test(placement, one_that_sleeps_shortly_stays)
{
    never_on_the_loop(1, sleep_a_moment, 500);
}

Test(placement, one_that_computes_stays)
{
    never_on_the_loop(1, burn, 100);
}

Test(placement, one_that_sleeps_now_and_then_stays)
{
    never_on_the_loop(20, sleep_in_libc, 500);
}

/* As if another library had to wait for one of its own locks. */
static void sleep_excused(void)
{
    struct nu_usage then;
    nu_call_excuse_begin(&then);
    usleep(1);
    nu_call_excuse_end(&then);
}

Test(placement, what_others_locks_take_is_excused)
{
    struct t_calls c;
    t_calls_open(&c, 1, sleep_excused);
    for (int i = 0; i < 40 && atomic_load(&c.on_loop) == 0; i++) {
        t_calls_make(&c, 500);
    }
    cr_assert_gt(atomic_load(&c.on_loop), 0);
    nng_aio_free(c.aio);
}

/* ---- One that was fast -------------------------------------------------------------------- */

static atomic_bool other_called;

/* Until the other was called, for which the loop has to turn. */
static void sleep_of_ours(void)
{
    nng_time begin = nng_clock();
    for (int i = 0; i < 1000 && (i < 3 || !atomic_load(&other_called)); i++) {
        nng_msleep(100);
    }
    cr_assert_geq(nng_clock() - begin, 300);
}

static void other(void *arg)
{
    atomic_store((atomic_bool *) arg, true);
}

/* It is on the loop when it sleeps by nng_msleep(): the loop goes on, and it is not called there
 * again for long. */
Test(placement, sleeping_turns_the_loop)
{
    struct t_calls c;
    nng_aio *aio;
    t_calls_open(&c, 0, NULL);
    cr_assert_eq(nng_aio_alloc(&aio, other, &other_called), 0);
    c.slow = sleep_of_ours;
    t_calls_until_inline(&c);
    nng_sleep_aio(0, c.aio);
    while (atomic_load(&c.n) < c.slow_at) {
        usleep(100);
    }
    nng_sleep_aio(0, aio);
    nng_aio_wait(c.aio);
    cr_assert(atomic_load(&other_called), "the loop does not turn");
    nng_aio_wait(aio);
    t_calls_make(&c, T_CALLS_MANY);
    cr_assert_not(atomic_load(&c.last_inline));
    nng_aio_free(aio);
    nng_aio_free(c.aio);
}

static nng_mtx *mtx;
static nng_cv *cv;
static bool signalled;

static void wait_for_signal(void)
{
    nng_mtx_lock(mtx);
    while (!signalled) {
        nng_cv_wait(cv);
    }
    signalled = false;
    nng_mtx_unlock(mtx);
}

static void give_signal(void *arg)
{
    (void) arg;
    nng_mtx_lock(mtx);
    signalled = true;
    nng_cv_wake(cv);
    nng_mtx_unlock(mtx);
}

/* One callback waits on the only loop for what another one does, which comes there too. */
Test(placement, waiting_for_another)
{
    struct t_calls c;
    nng_aio *aio;
    cr_assert_eq(nng_mtx_alloc(&mtx), 0);
    cr_assert_eq(nng_cv_alloc(&cv, mtx), 0);
    t_calls_open(&c, 0, NULL);
    t_calls_make(&c, T_CALLS_MANY);
    cr_assert_eq(nng_aio_alloc(&aio, give_signal, NULL), 0);
    for (int i = 0; i < 100; i++) {
        nng_sleep_aio(0, aio); /* until it is on the loop as well */
        nng_aio_wait(aio);
    }
    signalled = false;
    c.slow_at = T_CALLS_MANY + 1;
    c.slow = wait_for_signal;
    nng_sleep_aio(0, c.aio);
    nng_sleep_aio(20, aio);
    nng_aio_wait(c.aio);
    cr_assert_eq(atomic_load(&c.n), T_CALLS_MANY + 1);
    nng_aio_wait(aio);
    nng_aio_free(aio);
    nng_aio_free(c.aio);
    nng_cv_free(cv);
    nng_mtx_free(mtx);
}

static nng_time woken_at;

static void wait_in_vain(void)
{
    nng_mtx_lock(mtx);
    cr_assert_eq(nng_cv_until(cv, nng_clock() + 50), NNG_ETIMEDOUT);
    woken_at = nng_clock();
    nng_mtx_unlock(mtx);
}

Test(placement, waiting_in_vain)
{
    struct t_calls c;
    cr_assert_eq(nng_mtx_alloc(&mtx), 0);
    cr_assert_eq(nng_cv_alloc(&cv, mtx), 0);
    t_calls_open(&c, 0, NULL);
    t_calls_make(&c, T_CALLS_MANY);
    c.slow_at = T_CALLS_MANY + 1;
    c.slow = wait_in_vain;
    nng_time begin = nng_clock();
    t_calls_make(&c, 1);
    cr_assert_geq(woken_at - begin, 49);
    nng_aio_free(c.aio);
    nng_cv_free(cv);
    nng_mtx_free(mtx);
}

static void take_lock(void)
{
    nng_mtx_lock(mtx);
    nng_mtx_unlock(mtx);
}

static atomic_bool locked;

/* Has the lock as long as it takes the loop to run something else. */
static void hold_lock(void *arg)
{
    nng_aio *aio = arg;
    nng_mtx_lock(mtx);
    atomic_store(&locked, true);
    nng_msleep(20);
    nng_sleep_aio(0, aio);
    nng_aio_wait(aio);
    nng_mtx_unlock(mtx);
}

/* A lock that is taken keeps neither the loop nor what its holder waits for. */
Test(placement, lock_that_is_taken)
{
    struct t_calls c;
    nng_aio *aio;
    nng_thread *thread;
    atomic_bool done = false;
    cr_assert_eq(nng_mtx_alloc(&mtx), 0);
    t_calls_open(&c, 0, NULL);
    t_calls_make(&c, T_CALLS_MANY);
    c.slow_at = T_CALLS_MANY + 1;
    c.slow = take_lock;
    cr_assert_eq(nng_aio_alloc(&aio, other, &done), 0);
    cr_assert_eq(nng_thread_create(&thread, hold_lock, aio), 0);
    while (!atomic_load(&locked)) {
        usleep(100);
    }
    t_calls_make(&c, 1);
    nng_thread_destroy(thread);
    cr_assert(atomic_load(&done));
    nng_aio_free(aio);
    nng_aio_free(c.aio);
    nng_mtx_free(mtx);
}

/* ---- One that held its loop --------------------------------------------------------------- */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char logged[1000];
static int warnings;

static void logger(nng_log_level level, nng_log_facility facility, const char *msgid,
                   const char *msg)
{
    (void) facility;
    pthread_mutex_lock(&log_lock);
    if (level == NNG_LOG_WARN && strcmp(msgid, "NNG-URING-HELD") == 0) {
        snprintf(logged, sizeof logged, "%s", msg);
        warnings++;
    }
    pthread_mutex_unlock(&log_lock);
}

static int count_warnings(void)
{
    pthread_mutex_lock(&log_lock);
    int n = warnings;
    pthread_mutex_unlock(&log_lock);
    return n;
}

static void sleep_long_in_libc(void)
{
    usleep(80000);
}

Test(placement, one_that_held_the_loop_leaves_it)
{
    struct t_calls c;
    nng_log_set_logger(logger);
    t_calls_open(&c, 0, NULL);
    c.slow = sleep_long_in_libc;
    for (int i = 0; i < 20 && count_warnings() == 0;
         i++) { /* the last of the others may have waited, too */
        t_calls_until_inline(&c);
        t_calls_make(&c, 1);
    }
    cr_assert(atomic_load(&c.last_inline), "where it was, when it slept");
    t_calls_make(&c, T_CALLS_MANY);
    cr_assert_not(atomic_load(&c.last_inline));
    cr_assert_eq(count_warnings(), 1);
    pthread_mutex_lock(&log_lock);
    cr_assert_not_null(strstr(logged, "has held a loop for "), "%s", logged);
    pthread_mutex_unlock(&log_lock);
    nng_aio_free(c.aio);
}

/* The log is told while the call still has its loop, which it keeps until then. */
static atomic_int told_within;

static void hold_until_told(void)
{
    for (int i = 0; i < 20000 && atomic_load(&told_within) == 0; i++) {
        usleep(1000);
        pthread_mutex_lock(&log_lock);
        atomic_store(&told_within, warnings);
        pthread_mutex_unlock(&log_lock);
    }
}

Test(placement, one_that_holds_the_loop_is_named_meanwhile)
{
    struct t_calls c;
    cr_assert_eq(setenv("NNG_URING_CALLBACKS", "inline", 1), 0);
    nng_log_set_logger(logger);
    t_calls_open(&c, 3, hold_until_told);
    t_calls_make(&c, 3);
    cr_assert_eq(atomic_load(&told_within), 1);
    t_calls_make(&c, 3);
    cr_assert_eq(count_warnings(), 1, "said once");
    nng_aio_free(c.aio);
}

/* ---- What the user wants ------------------------------------------------------------------ */

Test(placement, inline_for_all)
{
    struct t_calls c;
    cr_assert_eq(setenv("NNG_URING_CALLBACKS", "inline", 1), 0);
    nng_log_set_logger(logger);
    t_calls_open(&c, 10, sleep_long_in_libc);
    t_calls_make(&c, 30);
    cr_assert_eq(atomic_load(&c.on_loop), 30);
    cr_assert_eq(count_warnings(), 1);
    nng_aio_free(c.aio);
}

Test(placement, workers_for_all)
{
    struct t_calls c;
    cr_assert_eq(setenv("NNG_URING_CALLBACKS", "workers", 1), 0);
    t_calls_open(&c, 0, NULL);
    t_calls_make(&c, T_CALLS_MANY);
    cr_assert_eq(atomic_load(&c.on_loop), 0);
    nng_aio_free(c.aio);
}

/* As if the library had never been used: neither what the environment said, nor what was seen. */
Test(placement, forgotten_by_fini)
{
    struct t_calls c;
    cr_assert_eq(setenv("NNG_URING_CALLBACKS", "inline", 1), 0);
    t_calls_open(&c, 0, NULL);
    t_calls_make(&c, T_CALLS_MANY);
    cr_assert(atomic_load(&c.last_inline));
    nng_aio_free(c.aio);
    nng_fini();
    cr_assert_eq(setenv("NNG_URING_CALLBACKS", "auto", 1), 0);
    t_calls_open(&c, 0, NULL);
    t_calls_make(&c, 1);
    cr_assert_not(atomic_load(&c.last_inline));
    nng_aio_free(c.aio);
}

Test(placement, nonsense_in_the_environment)
{
    struct t_calls c;
    cr_assert_eq(setenv("NNG_URING_CALLBACKS", "everywhere", 1), 0);
    t_calls_open(&c, 0, NULL);
    t_calls_make(&c, T_CALLS_MANY);
    cr_assert(atomic_load(&c.last_inline));
    nng_aio_free(c.aio);
}

/* ---- The table ---------------------------------------------------------------------------- */

/* A function's place is its own, as long as there is one; beyond that there is some. */
Test(placement, table)
{
    struct nu_placement *first = nu_placement_of(t_calls_callback);
    cr_assert_eq(nu_placement_of(t_calls_callback), first);
    cr_assert_neq(nu_placement_of(other), first);
    for (uintptr_t i = 1; i < 5000; i++) {
        cr_assert_not_null(nu_placement_of((void (*)(void *))(i << 4)));
    }
    cr_assert_eq(nu_placement_of(t_calls_callback), first);
}
