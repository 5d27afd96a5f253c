// SPDX-License-Identifier: MIT
#include "io/workers.h"

#include "base/clock.h"
#include "io/counters.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DEFAULT_MAX 64U
#define LIMIT 4096
#define IDLE_FOR (10 * NU_SECOND)

struct queue {
    struct nu_task *first;
    struct nu_task **tail;
    unsigned n;
};

struct worker {
    pthread_t thread;
};

static _Thread_local bool workers_self;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work;  /* a task for one who waits; or the end */
    pthread_cond_t ended; /* a thread has */
    bool ready;           /* `work` and `max` are set */
    unsigned max;         /* slow tasks at a time */
    unsigned threads;
    unsigned idle;         /* threads that wait for work, and were not woken for any */
    unsigned slow_running; /* slow tasks under way */
    bool stopping;
    struct queue fresh, slow;
    struct worker *left; /* the last one that has ended, after it had joined the one before */
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER };

/* Under the lock. */
static void workers_set_threads(unsigned n)
{
    pool.threads = n;
    atomic_store_explicit(&nu_gauges.workers, n, memory_order_relaxed);
}

static void workers_set_idle(unsigned n)
{
    pool.idle = n;
    atomic_store_explicit(&nu_gauges.workers_idle, n, memory_order_relaxed);
}

/* ---- Settings ----------------------------------------------------------------------------- */

unsigned nu_workers_parse(const char *value)
{
    char *end;
    errno = 0;
    long n = strtol(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || n < 1 || n > LIMIT) {
        fprintf(stderr, "nng-uring: NNG_URING_WORKERS=%s is not a number from 1 to %d; using %u\n",
                value, LIMIT, DEFAULT_MAX);
        return 0;
    }
    return (unsigned) n;
}

/* With the lock held. */
static void workers_get_ready(void)
{
    if (pool.ready) {
        return;
    }
    const char *value = getenv("NNG_URING_WORKERS");
    unsigned max = value != NULL ? nu_workers_parse(value) : 0;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&pool.work, &attr);
    pthread_condattr_destroy(&attr);
    pool.max = max > 0 ? max : DEFAULT_MAX;
    pool.fresh.tail = &pool.fresh.first;
    pool.slow.tail = &pool.slow.first;
    pool.ready = true;
}

/* ---- Queues, with the lock held ----------------------------------------------------------- */

static void workers_put(struct queue *queue, struct nu_task *task)
{
    task->next = NULL;
    *queue->tail = task;
    queue->tail = &task->next;
    queue->n++;
}

static struct nu_task *workers_take(struct queue *queue)
{
    struct nu_task *task = queue->first;
    queue->first = task->next;
    if (queue->first == NULL) {
        queue->tail = &queue->first;
    }
    queue->n--;
    return task;
}

/* Tasks that may begin now. */
static unsigned workers_due(void)
{
    unsigned room = pool.max - pool.slow_running;
    return pool.fresh.n + (pool.slow.n < room ? pool.slow.n : room);
}

/* ---- Threads ------------------------------------------------------------------------------ */

/* False: there has been nothing to do for too long, or there never will be. With the lock held. */
static bool workers_wait(void)
{
    uint64_t until = nu_now() + IDLE_FOR;
    struct timespec ts = { (time_t) (until / NU_SECOND), (long) (until % NU_SECOND) };
    int err = 0;
    while (workers_due() == 0 && !pool.stopping && err != ETIMEDOUT) {
        workers_set_idle(pool.idle + 1);
        err = pthread_cond_timedwait(&pool.work, &pool.lock, &ts);
        workers_set_idle(pool.idle - 1);
    }
    return workers_due() > 0;
}

/* With the lock held, but for the task. */
static void workers_run_next(void)
{
    bool slow = pool.fresh.n == 0;
    struct nu_task *task = workers_take(slow ? &pool.slow : &pool.fresh);
    pool.slow_running += slow;
    pthread_mutex_unlock(&pool.lock);
    task->run(task);
    pthread_mutex_lock(&pool.lock);
    pool.slow_running -= slow;
}

/* One that has nothing left to do but to return. */
static void workers_join(struct worker *worker)
{
    if (worker != NULL) {
        pthread_join(worker->thread, NULL);
        free(worker);
    }
}

static void *workers_main(void *arg)
{
    struct worker *self = arg;
    workers_self = true;
    pthread_setname_np(pthread_self(), "nng-worker");
    pthread_mutex_lock(&pool.lock);
    while (workers_wait()) {
        workers_run_next();
    }
    struct worker *before = pool.left;
    workers_set_threads(pool.threads - 1);
    pool.left = self;
    pthread_cond_signal(&pool.ended);
    pthread_mutex_unlock(&pool.lock);
    workers_join(before);
    return NULL;
}

/* With the lock held, without which a new thread does nothing. */
static bool workers_start_one(void)
{
    struct worker *worker = calloc(1, sizeof *worker);
    sigset_t all, old;
    if (worker == NULL) {
        return false;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = pthread_create(&worker->thread, NULL, workers_main, worker);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err != 0) {
        free(worker);
        return false;
    }
    workers_set_threads(pool.threads + 1);
    return true;
}

bool nu_workers_post(struct nu_loop *loop, struct nu_task *task, bool slow)
{
    pthread_mutex_lock(&pool.lock);
    workers_get_ready();
    if (workers_due() >= pool.idle && pool.threads < pool.max + NU_WORKERS_SPARE) {
        (void) workers_start_one(); /* else one of those there are will see to it */
    }
    bool posted = pool.threads > 0;
    if (posted) {
        nu_loop_external_begin(loop);
        workers_put(slow ? &pool.slow : &pool.fresh, task);
        pthread_cond_signal(&pool.work);
    }
    pthread_mutex_unlock(&pool.lock);
    return posted;
}

void nu_workers_stop(void)
{
    pthread_mutex_lock(&pool.lock);
    if (pool.ready) {
        pool.stopping = true;
        pthread_cond_broadcast(&pool.work);
        while (pool.threads > 0) {
            pthread_cond_wait(&pool.ended, &pool.lock);
        }
        workers_join(pool.left);
        pool.left = NULL;
        pthread_cond_destroy(&pool.work);
        pool.stopping = false;
        pool.ready = false;
    }
    pthread_mutex_unlock(&pool.lock);
}

bool nu_workers_self(void)
{
    return workers_self;
}

unsigned nu_workers_count(void)
{
    pthread_mutex_lock(&pool.lock);
    unsigned n = pool.threads;
    pthread_mutex_unlock(&pool.lock);
    return n;
}

unsigned nu_workers_idle(void)
{
    pthread_mutex_lock(&pool.lock);
    unsigned n = pool.idle;
    pthread_mutex_unlock(&pool.lock);
    return n;
}

unsigned nu_workers_max(void)
{
    pthread_mutex_lock(&pool.lock);
    workers_get_ready();
    unsigned n = pool.max;
    pthread_mutex_unlock(&pool.lock);
    return n;
}
