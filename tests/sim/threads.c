/* SPDX-License-Identifier: MIT */
/*
 * What the library and its users call of threads, clocks and sleep, as simulated threads know them
 * (ld --wrap). Who is none gets the real thing.
 */
#include "sim/faults.h"
#include "sim/sched.h"
#include "sim/seed.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EPOCH UINT64_C(1700000000000000000) /* of CLOCK_REALTIME; see machine.c */
#define SECOND UINT64_C(1000000000)
#define WAITERS 256U

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg);
int __real_pthread_join(pthread_t thread, void **result);
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __real_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __real_pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
                                  const struct timespec *until);
int __real_pthread_cond_signal(pthread_cond_t *cond);
int __real_pthread_cond_broadcast(pthread_cond_t *cond);
int __real_pthread_sigmask(int how, const sigset_t *set, sigset_t *old);
int __real_clock_nanosleep(clockid_t clock, int flags, const struct timespec *until,
                           struct timespec *left);
ssize_t __real_getrandom(void *buf, size_t len, unsigned flags);
long __real_syscall(long number, ...);

/* ---- Locks -------------------------------------------------------------------------------- */

static bool threads_unlocked(void *arg)
{
    return ((pthread_mutex_t *) arg)->__data.__lock == 0;
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (!sim_inside()) {
        return __real_pthread_mutex_lock(mutex);
    }
    sim_preempt();
    while (!threads_unlocked(mutex)) {
        (void) sim_wait(threads_unlocked, mutex, SIM_NEVER);
    }
    return __real_pthread_mutex_lock(mutex);
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    int err = __real_pthread_mutex_unlock(mutex);
    sim_preempt();
    return err;
}

/* ---- Those who wait to be told ------------------------------------------------------------ */

struct waiter {
    const void *on;
    struct sim_thread *who;
    bool told;
};

static struct waiter *waiters[WAITERS];
static unsigned nwaiters; /* the last of them is before this place */

static bool threads_wait_on(const void *on, uint64_t until)
{
    if (sim_chance(200)) {
        sim_yield(); /* spurious */
        return true;
    }
    struct waiter me = { .on = on, .who = sim_self() };
    unsigned i = 0;
    while (i < WAITERS && waiters[i] != NULL) {
        i++;
    }
    sim_check(i < WAITERS, "more than %u waiters", WAITERS);
    waiters[i] = &me;
    nwaiters = i < nwaiters ? nwaiters : i + 1;
    bool woken = sim_rest(until);
    waiters[i] = NULL;
    while (nwaiters > 0 && waiters[nwaiters - 1] == NULL) {
        nwaiters--;
    }
    return woken || me.told;
}

/* Up to n of them, whom chance finds first. */
static void threads_tell(const void *on, unsigned n)
{
    struct waiter *able[WAITERS];
    unsigned count = 0;
    for (unsigned i = 0; i < nwaiters; i++) {
        if (waiters[i] != NULL && waiters[i]->on == on && !waiters[i]->told) {
            able[count++] = waiters[i];
        }
    }
    for (; n > 0 && count > 0; n--) {
        unsigned i = n < count ? sim_pick(count) : 0;
        able[i]->told = true;
        sim_wake(able[i]->who);
        able[i] = able[--count];
    }
}

static uint64_t threads_until(const struct timespec *ts)
{
    uint64_t until = (uint64_t) ts->tv_sec * SECOND + (uint64_t) ts->tv_nsec;
    return until >= EPOCH ? until - EPOCH : until;
}

static int threads_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t until)
{
    sim_calm(true); /* nobody is to be told before we are here to hear it */
    __wrap_pthread_mutex_unlock(mutex);
    sim_calm(false);
    bool told = threads_wait_on(cond, until);
    __wrap_pthread_mutex_lock(mutex);
    return told ? 0 : ETIMEDOUT;
}

int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    return sim_inside() ? threads_cond_wait(cond, mutex, SIM_NEVER)
                        : __real_pthread_cond_wait(cond, mutex);
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until)
{
    return sim_inside() ? threads_cond_wait(cond, mutex, threads_until(until))
                        : __real_pthread_cond_timedwait(cond, mutex, until);
}

int __wrap_pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
                                  const struct timespec *until)
{
    return sim_inside() ? threads_cond_wait(cond, mutex, threads_until(until))
                        : __real_pthread_cond_clockwait(cond, mutex, clock, until);
}

int __wrap_pthread_cond_signal(pthread_cond_t *cond)
{
    if (!sim_inside()) {
        return __real_pthread_cond_signal(cond);
    }
    threads_tell(cond, 1);
    sim_preempt();
    return 0;
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *cond)
{
    if (!sim_inside()) {
        return __real_pthread_cond_broadcast(cond);
    }
    threads_tell(cond, WAITERS);
    sim_preempt();
    return 0;
}

static long threads_futex(atomic_uint *word, int command, unsigned value)
{
    if (command == FUTEX_WAKE_PRIVATE) {
        threads_tell(word, value);
        sim_preempt();
        return 0;
    }
    sim_check(command == FUTEX_WAIT_PRIVATE, "futex command %d", command);
    sim_preempt();
    if (atomic_load(word) != value) {
        errno = EAGAIN;
        return -1;
    }
    (void) threads_wait_on(word, SIM_NEVER);
    return 0;
}

long __wrap_syscall(long number, ...)
{
    long arg[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++) {
        arg[i] = va_arg(args, long);
    }
    va_end(args);
    if (sim_inside() && number == SYS_futex) {
        return threads_futex((atomic_uint *) arg[0], (int) arg[1], (unsigned) arg[2]);
    }
    if (sim_inside() && number == SYS_recvfrom) {
        extern long sim_discard(int fd);
        return sim_discard((int) arg[0]);
    }
    if (sim_inside() && number == SYS_cachestat) {
        extern long sim_cachestat(int fd, uint64_t from, uint64_t len, uint64_t *cached);
        const uint64_t *range = (const uint64_t *) arg[1];
        return sim_cachestat((int) arg[0], range[0], range[1], (uint64_t *) arg[2]);
    }
    return __real_syscall(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

/* ---- Threads, clocks and chance ----------------------------------------------------------- */

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg)
{
    if (!sim_inside()) {
        return __real_pthread_create(thread, attr, run, arg);
    }
    static const int errors[] = { EAGAIN, 0 };
    int fault = sim_fault("pthread_create", errors);
    if (fault != 0) {
        return fault;
    }
    *thread = (pthread_t) sim_spawn("a thread of the library", run, arg);
    sim_preempt();
    return 0;
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
    if (!sim_inside()) {
        return __real_pthread_join(thread, result);
    }
    void *got = sim_join((struct sim_thread *) thread);
    if (result != NULL) {
        *result = got;
    }
    return 0;
}

/* Signals are the process's, which has one true thread. */
int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    return sim_inside() ? 0 : __real_pthread_sigmask(how, set, old);
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *until,
                           struct timespec *left)
{
    if (!sim_inside()) {
        return __real_clock_nanosleep(clock, flags, until, left);
    }
    (void) sim_rest(threads_until(until)); /* TIMER_ABSTIME, as we use it */
    return 0;
}

ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags)
{
    if (!sim_inside()) {
        return __real_getrandom(buf, len, flags);
    }
    for (size_t i = 0; i < len; i++) {
        ((unsigned char *) buf)[i] = (unsigned char) sim_random();
    }
    return (ssize_t) len;
}
