/* SPDX-License-Identifier: MIT */
#include "io/lock.h"

#include <criterion/criterion.h>
#include <nng/nng.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TestSuite(lock, .timeout = 60);

#define THREADS 4

static struct nu_mutex mutex;
static unsigned long sum; /* under mutex */
static atomic_bool inside;

static void *add_up(void *rounds)
{
    for (long i = 0; i < (long) rounds; i++) {
        nu_lock(&mutex);
        cr_assert(!atomic_exchange(&inside, true), "two are inside");
        sum++;
        if (i % 64 == 0) {
            sched_yield(); /* so that others find it taken, and sleep */
        }
        atomic_store(&inside, false);
        nu_unlock(&mutex);
    }
    return NULL;
}

Test(lock, one_at_a_time)
{
    const long rounds = 20000;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, add_up, (void *) rounds), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_eq(sum, THREADS * rounds);
    cr_assert_eq(mutex.state, NU_LOCK_FREE);
}

static double cpu_seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double) ts.tv_sec + (double) ts.tv_nsec * 1e-9;
}

/* Who waits sleeps: half a second of it costs no CPU time. */
Test(lock, sleeps)
{
    pthread_t threads[THREADS];
    nu_lock(&mutex);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, add_up, (void *) 1L), 0);
    }
    while (atomic_load(&mutex.state) != NU_LOCK_WANTED) {
        sched_yield();
    }
    double before = cpu_seconds();
    usleep(500000);
    cr_assert_lt(cpu_seconds() - before, 0.1);
    cr_assert_eq(sum, 0);
    nu_unlock(&mutex);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_eq(sum, THREADS);
}

/* A word that is not what it was when somebody decided to sleep keeps nobody. */
Test(lock, futex_looks_first)
{
    atomic_uint word = 1;
    nu_futex_wait(&word, 0);
    nu_futex_wake(&word); /* nobody */
}

/* A child that was forked while the loops ran is not kept out by threads that it does not have. */
Test(lock, forked)
{
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nu_lock(&mutex);
    pid_t child = fork();
    if (child == 0) {
        nu_lock(&mutex);
        nu_unlock(&mutex);
        _exit(atomic_load(&mutex.state) == NU_LOCK_HELD ? 0 : 1);
    }
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    nu_unlock(&mutex);
    nng_aio_free(aio);
}
