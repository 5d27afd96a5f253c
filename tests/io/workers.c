/* SPDX-License-Identifier: MIT */
/* The pool: how many threads there are, which tasks they take, and when they end. */
#include "io/workers.h"

#include "support/aio_probe.h"
#include "support/owner.h"
#include "support/proc.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(workers, .timeout = 60);

struct job {
    struct nu_task task;
    struct nu_loop *loop;
    struct gate *gate;
    bool slow;
    bool posted;
};

/* What jobs wait at, until it is opened. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t cv;
    unsigned waiting, most, left;
    bool open;
};

static void gate_init(struct gate *gate)
{
    *gate = (struct gate){ .lock = PTHREAD_MUTEX_INITIALIZER, .cv = PTHREAD_COND_INITIALIZER };
}

static void run(struct nu_task *task)
{
    struct job *job = nu_container(task, struct job, task);
    struct nu_loop *loop = job->loop;
    struct gate *gate = job->gate;
    pthread_mutex_lock(&gate->lock);
    gate->waiting++;
    gate->most = gate->waiting > gate->most ? gate->waiting : gate->most;
    pthread_cond_broadcast(&gate->cv);
    while (!gate->open) {
        pthread_cond_wait(&gate->cv, &gate->lock);
    }
    gate->waiting--;
    gate->left++;
    pthread_cond_broadcast(&gate->cv);
    pthread_mutex_unlock(&gate->lock);
    nu_loop_external_end(loop);
}

static void post(void *arg)
{
    struct job *job = arg;
    nu_task_init(&job->task, run);
    job->posted = nu_workers_post(job->loop, &job->task, job->slow);
}

static void start(struct job *job, struct gate *gate, bool slow)
{
    *job = (struct job){ .loop = t_a_loop(0), .gate = gate, .slow = slow };
    t_run_on(job->loop, post, job);
    cr_assert(job->posted);
}

static void await_waiting(struct gate *gate, unsigned n)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->waiting < n) {
        pthread_cond_wait(&gate->cv, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}

static void open_and_await(struct gate *gate, unsigned n)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->cv);
    while (gate->left < n) {
        pthread_cond_wait(&gate->cv, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}

/* Slow tasks at a time: as many as are allowed, and the rest after them. A fresh one does not wait
 * for them. */
Test(workers, limit)
{
    enum { MAX = 5, TASKS = 20 };
    struct gate gate, door;
    struct job jobs[TASKS], fresh;
    cr_assert_eq(setenv("NNG_URING_WORKERS", "5", 1), 0);
    gate_init(&gate);
    gate_init(&door);
    for (int i = 0; i < TASKS; i++) {
        start(&jobs[i], &gate, true);
    }
    await_waiting(&gate, MAX);
    cr_assert_eq(nu_workers_max(), MAX);
    start(&fresh, &door, false);
    await_waiting(&door, 1);
    open_and_await(&door, 1);
    cr_assert_leq(nu_workers_count(), MAX + NU_WORKERS_SPARE);
    open_and_await(&gate, TASKS);
    cr_assert_eq(gate.most, MAX);
    nng_fini();
    cr_assert_eq(nu_workers_count(), 0);
}

static int threads(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/task");
    cr_assert_not_null(dir);
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        n += d->d_name[0] != '.';
    }
    closedir(dir);
    return n;
}

/* Until all there are wait for work. */
static void await_idle(void)
{
    while (nu_workers_idle() < nu_workers_count()) {
        usleep(100);
    }
}

/* None before there is something to do, few for one task after the other, none after the end; and
 * again. */
Test(workers, come_and_go)
{
    int before = threads();
    for (int round = 0; round < 3; round++) {
        cr_assert_not_null(t_a_loop(0));
        int with_loops = threads();
        cr_assert_eq(nu_workers_count(), 0);
        for (int i = 0; i < 50; i++) {
            struct gate gate;
            struct job job;
            gate_init(&gate);
            gate.open = true;
            start(&job, &gate, i % 2);
            open_and_await(&gate, 1);
            await_idle();
        }
        cr_assert_leq(nu_workers_count(), 3);
        cr_assert_leq(threads(), with_loops + 3);
        nng_fini();
        t_proc_await_threads(
            (unsigned) before); /* one that was joined is still listed for a moment */
    }
}

/* After ten idle seconds. */
Test(workers, idle_ones_end)
{
    struct gate gate;
    struct job jobs[10];
    gate_init(&gate);
    for (int i = 0; i < 10; i++) {
        start(&jobs[i], &gate, false);
    }
    await_waiting(&gate, 10);
    cr_assert_eq(nu_workers_count(), 10);
    open_and_await(&gate, 10);
    sleep(5);
    cr_assert_eq(nu_workers_count(), 10);
    while (nu_workers_count() > 0) {
        usleep(10000);
    }
    nng_fini();
}

static void look_at_signals(void *arg)
{
    sigset_t *set = arg;
    pthread_sigmask(SIG_SETMASK, NULL, set);
}

/* SIGKILL and SIGSTOP cannot be blocked, and two belong to the C library. */
Test(workers, take_no_signals)
{
    sigset_t set;
    nng_aio *aio;
    sigemptyset(&set);
    cr_assert_eq(setenv("NNG_URING_CALLBACKS", "workers", 1), 0);
    cr_assert_eq(nng_aio_alloc(&aio, look_at_signals, &set), 0);
    nng_sleep_aio(0, aio);
    nng_aio_wait(aio);
    for (int i = 1; i < 32; i++) {
        cr_assert(i == SIGKILL || i == SIGSTOP || sigismember(&set, i) == 1, "signal %d", i);
    }
    nng_aio_free(aio);
    nng_fini();
}

Test(workers, what_the_environment_says)
{
    cr_assert_eq(nu_workers_parse("1"), 1);
    cr_assert_eq(nu_workers_parse("4096"), 4096);
    static const char *const bad[] = { "", "0", "-1", "4097", "5x", "many" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(nu_workers_parse(bad[i]), 0, "%s", bad[i]);
    }
}

/* ---- Callbacks on them -------------------------------------------------------------------- */

struct overlap {
    nng_aio *aio;
    atomic_uint inside, most, calls;
};

/* The next operation finishes while this runs. */
static void start_anew(void *arg)
{
    struct overlap *o = arg;
    unsigned inside = atomic_fetch_add(&o->inside, 1) + 1;
    if (inside > atomic_load(&o->most)) {
        atomic_store(&o->most, inside);
    }
    if (atomic_fetch_add(&o->calls, 1) < 50) {
        nng_sleep_aio(0, o->aio);
        usleep(3000);
    }
    atomic_fetch_sub(&o->inside, 1);
}

Test(workers, callbacks_of_an_aio_do_not_overlap)
{
    struct overlap o = { .aio = NULL };
    cr_assert_eq(setenv("NNG_URING_LOOPS", "2", 1), 0);
    cr_assert_eq(nng_aio_alloc(&o.aio, start_anew, &o), 0);
    nng_sleep_aio(0, o.aio);
    nng_aio_wait(o.aio);
    cr_assert_eq(atomic_load(&o.calls), 51);
    cr_assert_eq(atomic_load(&o.most), 1);
    nng_aio_free(o.aio);
    nng_fini();
}

/* Waits in the callback for the same aio's next operation, whose callback is then called within. */
static void wait_within(void *arg)
{
    struct overlap *o = arg;
    if (atomic_fetch_add(&o->calls, 1) < 3) {
        nng_sleep_aio(1, o->aio);
        nng_aio_wait(o->aio);
        cr_assert_eq(atomic_load(&o->calls), 4);
    }
}

Test(workers, waiting_for_itself)
{
    struct overlap o = { .aio = NULL };
    cr_assert_eq(nng_aio_alloc(&o.aio, wait_within, &o), 0);
    nng_sleep_aio(0, o.aio);
    nng_aio_wait(o.aio);
    cr_assert_eq(atomic_load(&o.calls), 4);
    nng_aio_free(o.aio);
    nng_fini();
}

static void free_itself(struct t_aio_probe *track)
{
    nng_aio *aio = track->aio;
    track->aio = NULL;
    usleep(1000);
    nng_aio_free(aio);
}

static void stop_itself(struct t_aio_probe *track)
{
    nng_aio_stop(track->aio);
    nng_sleep_aio(0, track->aio); /* does nothing */
}

Test(workers, stopping_and_freeing_in_the_callback)
{
    for (int i = 0; i < 60; i++) {
        struct t_aio_probe track;
        t_aio_probe_open(&track, NU_CALLED);
        track.then = i % 2 ? free_itself : stop_itself;
        nng_sleep_aio(0, track.aio);
        t_aio_probe_await(&track, 1);
        if (i % 2 == 0) {
            nng_aio_wait(track.aio);
            cr_assert_eq(t_aio_probe_calls(&track), 1);
        }
        nng_fini(); /* whatever is under way */
        t_aio_probe_close(&track);
    }
}

/* More callbacks wait at once than there are loops, each for a further one. */
static void wait_for_next(struct t_aio_probe *track)
{
    struct t_aio_probe *next = track->arg;
    if (next != NULL) {
        nng_sleep_aio(0, next->aio);
        nng_aio_wait(next->aio);
    }
}

Test(workers, a_chain_that_waits)
{
    enum { LONG = 60 };
    struct t_aio_probe chain[LONG];
    for (int i = 0; i < LONG; i++) {
        t_aio_probe_open(&chain[i], NU_CALLED);
        chain[i].then = wait_for_next;
        chain[i].arg = i + 1 < LONG ? &chain[i + 1] : NULL;
    }
    nng_sleep_aio(0, chain[0].aio);
    nng_aio_wait(chain[0].aio);
    for (int i = 0; i < LONG; i++) {
        cr_assert_eq(t_aio_probe_calls(&chain[i]), 1);
        t_aio_probe_close(&chain[i]);
    }
    nng_fini();
}

static void fork_here(void *arg)
{
    pid_t child = fork();
    if (child == 0) {
        nng_aio *aio;
        _exit(nng_aio_alloc(&aio, NULL, NULL) == NNG_ENOTSUP ? 0 : 1);
    }
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    *(int *) arg = status;
}

/* A child, of a worker or while one is at work, has none. */
Test(workers, forked)
{
    int status = -1;
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, fork_here, &status), 0);
    nng_sleep_aio(0, aio);
    nng_aio_wait(aio);
    cr_assert_eq(status, 0);
    fork_here(&status);
    cr_assert_eq(status, 0);
    nng_aio_free(aio);
    nng_fini();
}
