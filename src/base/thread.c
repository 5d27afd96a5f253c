/* SPDX-License-Identifier: MIT */
#include "base/blocking.h"
#include "base/clock.h"
#include "base/list.h"

#include <nng/nng.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_MAX_KERNEL 16  /* with its NUL */
#define LOCK_PATIENCE NU_MS /* of one who must not sleep */

struct nng_thread {
    pthread_t id;
    void (*run)(void *);
    void *arg;
};

struct nng_mtx {
    pthread_mutex_t mutex;
};

/* Somebody who waits but must not sleep; on his stack. */
struct turner {
    struct turner *next;
    atomic_bool woken;
    const struct nu_blocking *blocking;
    void *self;
};

struct nng_cv {
    pthread_cond_t cond;
    pthread_mutex_t *mutex;
    pthread_mutex_t lock; /* guards the list; innermost */
    struct turner *turners;
};

/* ---- Threads ------------------------------------------------------------------------------ */

static void *thread_run(void *arg)
{
    nng_thread *thread = arg;
    sigset_t pipe;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    if (thread->run != NULL) {
        thread->run(thread->arg);
    }
    return NULL;
}

int nng_thread_create(nng_thread **threadp, void (*fn)(void *), void *arg)
{
    nng_thread *thread = malloc(sizeof(*thread));

    if (thread == NULL) {
        return NNG_ENOMEM;
    }
    thread->run = fn;
    thread->arg = arg;
    *threadp = thread; /* before the thread runs, which may look for itself there */
    if (pthread_create(&thread->id, NULL, thread_run, thread) != 0) {
        *threadp = NULL;
        free(thread);
        return NNG_ENOMEM;
    }
    return 0;
}

void nng_thread_set_name(nng_thread *thread, const char *name)
{
    char cut[NAME_MAX_KERNEL] = "";

    memcpy(cut, name, strnlen(name, sizeof(cut) - 1));
    pthread_setname_np(thread == NULL ? pthread_self() : thread->id, cut);
}

void nng_thread_destroy(nng_thread *thread)
{
    if (thread != NULL) {
        pthread_join(thread->id, NULL);
        free(thread);
    }
}

/* ---- Mutexes ------------------------------------------------------------------------------ */

/* Misuse would end in silence, or in two owners; there is no other way to say so. */
static void thread_check(int err)
{
    if (err != 0) {
        fprintf(stderr, "nng-uring: mutex misused: %s\n", strerrordesc_np(err));
        abort();
    }
}

int nng_mtx_alloc(nng_mtx **mtxp)
{
    pthread_mutexattr_t attr;
    nng_mtx *mtx = malloc(sizeof(*mtx));

    if (mtx == NULL) {
        return NNG_ENOMEM;
    }
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mtx->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    *mtxp = mtx;
    return 0;
}

void nng_mtx_free(nng_mtx *mtx)
{
    if (mtx != NULL) {
        pthread_mutex_destroy(&mtx->mutex);
        free(mtx);
    }
}

/* Mostly it is free, or will be before long. Else whoever has it may be waiting for something that
 * only this thread's other work brings about. Unlocking wakes no turner, so he looks again. */
static void thread_lock_turning(nng_mtx *mtx)
{
    void *busy = NULL;
    int err = EBUSY;
    for (;;) {
        struct timespec
            ts; /* of a clock that may be set, but ThreadSanitizer knows no other call */
        clock_gettime(CLOCK_REALTIME, &ts);
        uint64_t until = (uint64_t) ts.tv_sec * NU_SECOND + (uint64_t) ts.tv_nsec + LOCK_PATIENCE;
        ts = (struct timespec){ (time_t) (until / NU_SECOND), (long) (until % NU_SECOND) };
        err = pthread_mutex_timedlock(&mtx->mutex, &ts);
        if (err != ETIMEDOUT) {
            break;
        }
        busy = busy != NULL ? busy : nu_blocking_begin();
        if (busy == NULL) {
            err = pthread_mutex_lock(&mtx->mutex);
            break;
        }
        nu_blocking_mine->turn(busy, 0);
    }
    thread_check(err);
}

void nng_mtx_lock(nng_mtx *mtx)
{
    if (nu_blocking_mine == NULL) {
        thread_check(pthread_mutex_lock(&mtx->mutex));
    } else if (pthread_mutex_trylock(&mtx->mutex) != 0) {
        thread_lock_turning(mtx);
    }
}

void nng_mtx_unlock(nng_mtx *mtx)
{
    thread_check(pthread_mutex_unlock(&mtx->mutex));
}

/* ---- Condition variables ------------------------------------------------------------------ */

int nng_cv_alloc(nng_cv **cvp, nng_mtx *mtx)
{
    pthread_condattr_t attr;
    nng_cv *cv = malloc(sizeof(*cv));

    if (cv == NULL) {
        return NNG_ENOMEM;
    }
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&cv->cond, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&cv->lock, NULL);
    cv->turners = NULL;
    cv->mutex = &mtx->mutex;
    *cvp = cv;
    return 0;
}

void nng_cv_free(nng_cv *cv)
{
    if (cv != NULL) {
        pthread_cond_destroy(&cv->cond);
        pthread_mutex_destroy(&cv->lock);
        free(cv);
    }
}

static void thread_turn_until(struct turner *turner, uint64_t until)
{
    while (!atomic_load(&turner->woken) && nu_now() < until) {
        turner->blocking->turn(turner->self, until);
    }
}

/* Waits without sleeping. As long as the caller holds the lock, nobody can change what he waits
 * for: so a wake-up that counts comes when he is in the list. */
static int thread_wait_turning(nng_cv *cv, void *busy, uint64_t until)
{
    struct turner turner = { .blocking = nu_blocking_mine, .self = busy };
    struct turner **link;
    pthread_mutex_lock(&cv->lock);
    turner.next = cv->turners;
    /* cppcheck-suppress autoVariables ; it is taken out again below */
    cv->turners = &turner;
    pthread_mutex_unlock(&cv->lock);
    thread_check(pthread_mutex_unlock(cv->mutex));
    thread_turn_until(&turner, until);
    pthread_mutex_lock(&cv->lock);
    for (link = &cv->turners; *link != &turner; link = &(*link)->next) {
    }
    *link = turner.next;
    pthread_mutex_unlock(&cv->lock);
    nng_mtx_lock(nu_container(cv->mutex, nng_mtx, mutex));
    return atomic_load(&turner.woken) ? 0 : NNG_ETIMEDOUT;
}

/* Whoever waits may be gone, and the cv with him, as soon as he was woken, unless he turns: then he
 * cannot leave before the list is unlocked. */
static void thread_wake(nng_cv *cv, int (*wake)(pthread_cond_t *))
{
    pthread_mutex_lock(&cv->lock);
    if (cv->turners == NULL) {
        pthread_mutex_unlock(&cv->lock);
        wake(&cv->cond);
        return;
    }
    wake(&cv->cond);
    for (struct turner *turner = cv->turners; turner != NULL; turner = turner->next) {
        atomic_store(&turner->woken, true); /* also one who is not meant: he looks, and waits on */
        turner->blocking->wake(turner->self);
    }
    pthread_mutex_unlock(&cv->lock);
}

void nng_cv_wait(nng_cv *cv)
{
    void *busy = nu_blocking_begin();
    if (busy != NULL) {
        (void) thread_wait_turning(cv, busy, NU_NEVER);
        return;
    }
    thread_check(pthread_cond_wait(&cv->cond, cv->mutex));
}

int nng_cv_until(nng_cv *cv, nng_time when)
{
    struct timespec ts;

    if (when == 0) {
        return NNG_EAGAIN;
    }
    if (when > (nng_time) INT64_MAX / 1000) {
        nng_cv_wait(cv); /* no clock gets there */
        return 0;
    }
    void *busy = nu_blocking_begin();
    if (busy != NULL) {
        return thread_wait_turning(cv, busy, when * NU_MS);
    }
    ts.tv_sec = (time_t) (when / 1000);
    ts.tv_nsec = (long) (when % 1000 * NU_MS);
    int err = pthread_cond_timedwait(&cv->cond, cv->mutex, &ts);
    if (err == ETIMEDOUT) {
        return NNG_ETIMEDOUT;
    }
    thread_check(err);
    return 0;
}

void nng_cv_wake(nng_cv *cv)
{
    thread_wake(cv, pthread_cond_broadcast);
}

void nng_cv_wake1(nng_cv *cv)
{
    thread_wake(cv, pthread_cond_signal);
}
