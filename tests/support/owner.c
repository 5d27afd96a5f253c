/* SPDX-License-Identifier: MIT */
#include "support/owner.h"

#include "base/list.h"
#include "io/runtime.h"

#include <criterion/criterion.h>
#include <pthread.h>

struct job {
    struct nu_task task;
    void (*fn)(void *arg);
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t cv;
    bool done;
};

struct nu_loop *t_a_loop(unsigned i)
{
    cr_assert_eq(nu_runtime_start(), 0);
    return nu_runtime_loop(i % nu_runtime_count());
}

static void run(struct nu_task *task)
{
    struct job *job = nu_container(task, struct job, task);
    job->fn(job->arg);
    pthread_mutex_lock(&job->lock);
    job->done = true;
    pthread_cond_signal(&job->cv);
    pthread_mutex_unlock(&job->lock);
}

void t_run_on(struct nu_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct job job = { .task = { .run = run },
                       .fn = fn,
                       .arg = arg,
                       .lock = PTHREAD_MUTEX_INITIALIZER,
                       .cv = PTHREAD_COND_INITIALIZER };
    nu_loop_post(loop, &job.task);
    pthread_mutex_lock(&job.lock);
    while (!job.done) {
        pthread_cond_wait(&job.cv, &job.lock);
    }
    pthread_mutex_unlock(&job.lock);
    pthread_cond_destroy(&job.cv);
    pthread_mutex_destroy(&job.lock);
}
