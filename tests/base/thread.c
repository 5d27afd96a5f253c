/* SPDX-License-Identifier: MIT */
#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>

#include <criterion/criterion.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

TestSuite(thread, .timeout = 30);

/* ---- Threads ------------------------------------------------------------------------------ */

static void set_late(void *arg)
{
    nng_msleep(50);
    *(int *) arg = 1; /* not atomic: destroy is to come after it */
}

Test(thread, destroy_waits_for_the_end)
{
    nng_thread *thread;
    int done = 0;

    cr_assert_eq(nng_thread_create(&thread, set_late, &done), 0);
    nng_thread_destroy(thread);
    cr_assert_eq(done, 1);
    nng_thread_destroy(NULL);
}

Test(thread, nothing_to_run)
{
    nng_thread *thread;

    cr_assert_eq(nng_thread_create(&thread, NULL, NULL), 0);
    nng_thread_destroy(thread);
}

static void get_mask(void *arg)
{
    pthread_sigmask(SIG_BLOCK, NULL, arg);
}

Test(thread, sigpipe_is_blocked_and_other_signals_are_as_before)
{
    nng_thread *thread;
    sigset_t mask, blocked;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &blocked, NULL);
    cr_assert_eq(nng_thread_create(&thread, get_mask, &mask), 0);
    nng_thread_destroy(thread);
    for (int i = 1; i < 32; i++) {
        cr_assert_eq(sigismember(&mask, i), i == SIGPIPE || i == SIGUSR2, "%d", i);
    }
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    cr_assert_not(sigismember(&mask, SIGPIPE));
}

struct named {
    nng_thread *thread;
    char name[16];
    char renamed[16];
};

static void name_itself(void *arg)
{
    struct named *named = arg;

    nng_thread_set_name(named->thread, "first");
    pthread_getname_np(pthread_self(), named->name, sizeof(named->name));
    nng_thread_set_name(NULL, "a name that is too long");
    pthread_getname_np(pthread_self(), named->renamed, sizeof(named->renamed));
}

Test(thread, names)
{
    struct named named;
    char before[16], after[16];

    pthread_getname_np(pthread_self(), before, sizeof(before));
    cr_assert_eq(nng_thread_create(&named.thread, name_itself, &named), 0);
    nng_thread_destroy(named.thread);
    cr_assert_str_eq(named.name, "first");
    cr_assert_str_eq(named.renamed, "a name that is ");
    pthread_getname_np(pthread_self(), after, sizeof(after));
    cr_assert_str_eq(before, after);
}

/* ---- Mutexes ------------------------------------------------------------------------------ */

#define THREADS 4
#define ROUNDS 10000

struct counter {
    nng_mtx *mtx;
    int value;
};

static void count(void *arg)
{
    struct counter *counter = arg;

    for (int i = 0; i < ROUNDS; i++) {
        nng_mtx_lock(counter->mtx);
        counter->value++;
        nng_mtx_unlock(counter->mtx);
    }
}

Test(thread, a_mutex_has_one_owner)
{
    struct counter counter = { 0 };
    nng_thread *threads[THREADS];

    cr_assert_eq(nng_mtx_alloc(&counter.mtx), 0);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(nng_thread_create(&threads[i], count, &counter), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        nng_thread_destroy(threads[i]);
    }
    cr_assert_eq(counter.value, THREADS * ROUNDS);
    nng_mtx_free(counter.mtx);
    nng_mtx_free(NULL);
}

Test(thread, locking_twice_ends_the_process, .signal = SIGABRT)
{
    nng_mtx *mtx;

    cr_assert_eq(nng_mtx_alloc(&mtx), 0);
    nng_mtx_lock(mtx);
    nng_mtx_lock(mtx);
}

Test(thread, unlocking_what_is_not_locked_ends_the_process, .signal = SIGABRT)
{
    nng_mtx *mtx;

    cr_assert_eq(nng_mtx_alloc(&mtx), 0);
    nng_mtx_unlock(mtx);
}

/* ---- Condition variables ------------------------------------------------------------------ */

/* Waiters take tickets; each ticket lets one of them go. */
struct queue {
    nng_mtx *mtx;
    nng_cv *cv;   /* there are tickets */
    nng_cv *back; /* a waiter came or went */
    int waiting;
    int tickets;
    int gone;
    nng_time until; /* UINT64_MAX: without a limit */
    int results[THREADS];
};

static void wait_for_ticket(void *arg)
{
    struct queue *queue = arg;

    nng_mtx_lock(queue->mtx);
    queue->waiting++;
    nng_cv_wake(queue->back);
    while (queue->tickets == 0) {
        if (queue->until == UINT64_MAX) {
            queue->results[queue->gone] = nng_cv_until(queue->cv, queue->until);
        } else {
            nng_cv_wait(queue->cv);
        }
    }
    queue->tickets--;
    queue->gone++;
    nng_cv_wake(queue->back);
    nng_mtx_unlock(queue->mtx);
}

static void start_waiters(struct queue *queue, nng_thread *threads[THREADS])
{
    cr_assert_eq(nng_mtx_alloc(&queue->mtx), 0);
    cr_assert_eq(nng_cv_alloc(&queue->cv, queue->mtx), 0);
    cr_assert_eq(nng_cv_alloc(&queue->back, queue->mtx), 0);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(nng_thread_create(&threads[i], wait_for_ticket, queue), 0);
    }
    nng_mtx_lock(queue->mtx);
    while (queue->waiting < THREADS) {
        nng_cv_wait(queue->back);
    }
    nng_mtx_unlock(queue->mtx);
}

static void end_waiters(struct queue *queue, nng_thread *threads[THREADS])
{
    for (int i = 0; i < THREADS; i++) {
        nng_thread_destroy(threads[i]);
    }
    cr_assert_eq(queue->gone, THREADS);
    nng_cv_free(queue->cv);
    nng_cv_free(queue->back);
    nng_cv_free(NULL);
    nng_mtx_free(queue->mtx);
}

Test(thread, wake_wakes_all)
{
    struct queue queue = { 0 };
    nng_thread *threads[THREADS];

    start_waiters(&queue, threads);
    nng_mtx_lock(queue.mtx);
    queue.tickets = THREADS;
    nng_cv_wake(queue.cv);
    nng_mtx_unlock(queue.mtx);
    end_waiters(&queue, threads);
}

Test(thread, wake1_wakes_at_least_one)
{
    struct queue queue = { 0 };
    nng_thread *threads[THREADS];

    start_waiters(&queue, threads);
    for (int i = 1; i <= THREADS; i++) {
        nng_mtx_lock(queue.mtx);
        queue.tickets++;
        nng_cv_wake1(queue.cv);
        while (queue.gone < i) {
            nng_cv_wait(queue.back);
        }
        nng_mtx_unlock(queue.mtx);
    }
    end_waiters(&queue, threads);
}

Test(thread, a_limit_that_never_comes)
{
    struct queue queue = { .until = UINT64_MAX };
    nng_thread *threads[THREADS];

    start_waiters(&queue, threads);
    nng_mtx_lock(queue.mtx);
    queue.tickets = THREADS;
    nng_cv_wake(queue.cv);
    nng_mtx_unlock(queue.mtx);
    end_waiters(&queue, threads);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(queue.results[i], 0);
    }
}

Test(thread, until_waits_so_long_and_no_longer)
{
    nng_mtx *mtx;
    nng_cv *cv;

    cr_assert_eq(nng_mtx_alloc(&mtx), 0);
    cr_assert_eq(nng_cv_alloc(&cv, mtx), 0);
    nng_mtx_lock(mtx);
    nng_time until = nng_clock() + 60;
    int err;
    while ((err = nng_cv_until(cv, until)) == 0) {
    }
    cr_assert_eq(err, NNG_ETIMEDOUT);
    cr_assert_geq(nng_clock(), until);
    cr_assert_eq(nng_cv_until(cv, 1), NNG_ETIMEDOUT);
    cr_assert_eq(nng_cv_until(cv, 0), NNG_EAGAIN);
    nng_mtx_unlock(mtx); /* aborts if it is not locked again */
    nng_cv_free(cv);
    nng_mtx_free(mtx);
}

Test(thread, waiting_without_the_lock_ends_the_process, .signal = SIGABRT)
{
    nng_mtx *mtx;
    nng_cv *cv;

    cr_assert_eq(nng_mtx_alloc(&mtx), 0);
    cr_assert_eq(nng_cv_alloc(&cv, mtx), 0);
    nng_cv_wait(cv);
}
