/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <nng/nng.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_MAX_KERNEL 16 /* with its NUL */

struct nng_thread {
    pthread_t id;
    void (*run)(void *);
    void *arg;
};

struct nng_mtx {
    pthread_mutex_t mutex;
};

struct nng_cv {
    pthread_cond_t cond;
    pthread_mutex_t *mutex;
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

void nng_mtx_lock(nng_mtx *mtx)
{
    thread_check(pthread_mutex_lock(&mtx->mutex));
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
    cv->mutex = &mtx->mutex;
    *cvp = cv;
    return 0;
}

void nng_cv_free(nng_cv *cv)
{
    if (cv != NULL) {
        pthread_cond_destroy(&cv->cond);
        free(cv);
    }
}

void nng_cv_wait(nng_cv *cv)
{
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
    pthread_cond_broadcast(&cv->cond);
}

void nng_cv_wake1(nng_cv *cv)
{
    pthread_cond_signal(&cv->cond);
}
