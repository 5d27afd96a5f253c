/* SPDX-License-Identifier: MIT */
#include "net/resolve.h"

#include "io/runtime.h"
#include "support/names.h"
#include "support/proc.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <nng/nng.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Help ---------------------------------------------------------------------------------- */

struct query {
    struct nu_task task; /* runs `step` on the loop */
    struct nu_loop *loop;
    const char *host, *port;
    int family;
    struct nu_lookup *lookup;
    int started;      /* what nu_resolve() said */
    atomic_int calls; /* of the callback */
    int err;
    unsigned found; /* addresses */
    sem_t stepped, done;
};

static void setup(void)
{
    setenv("RES_OPTIONS", "timeout:1 attempts:1", 1); /* there may be no name server */
    cr_assert_eq(nu_runtime_start(), 0);
}

TestSuite(resolve, .init = setup, .fini = nng_fini, .timeout = 60);

static void resolved(void *arg, int err, const struct addrinfo *list)
{
    struct query *q = arg;
    cr_assert_eq(nu_loop_self(), q->loop);
    cr_assert_eq(err == 0, list != NULL);
    for (; list != NULL; list = list->ai_next) {
        const struct sockaddr_in *in = (const struct sockaddr_in *) list->ai_addr;
        cr_assert_eq(list->ai_socktype, SOCK_STREAM);
        cr_assert_eq(ntohs(in->sin_port), atoi(q->port)); /* where sin6_port is, too */
        q->found++;
    }
    q->err = err;
    atomic_fetch_add(&q->calls, 1);
    sem_post(&q->done);
}

static void start_step(struct nu_task *task)
{
    struct query *q = nu_container(task, struct query, task);
    q->started = nu_resolve(&q->lookup, q->loop, q->host, q->port, q->family, resolved, q);
    sem_post(&q->stepped);
}

static void drop_step(struct nu_task *task)
{
    struct query *q = nu_container(task, struct query, task);
    nu_resolve_drop(q->lookup);
    sem_post(&q->stepped);
}

static void start_and_drop_step(struct nu_task *task)
{
    struct query *q = nu_container(task, struct query, task);
    q->started = nu_resolve(&q->lookup, q->loop, q->host, q->port, q->family, resolved, q);
    nu_resolve_drop(q->lookup);
    sem_post(&q->stepped);
}

static void step(struct query *q, void (*run)(struct nu_task *task))
{
    q->task.run = run;
    nu_loop_post(q->loop, &q->task);
    sem_wait(&q->stepped);
}

static void prepare(struct query *q, const char *host, const char *port, int family)
{
    *q = (struct query){ .host = host, .port = port, .family = family };
    q->loop = nu_runtime_pick();
    sem_init(&q->stepped, 0, 0);
    sem_init(&q->done, 0, 0);
}

static void start(struct query *q, const char *host)
{
    prepare(q, host, "80", AF_UNSPEC);
    step(q, start_step);
    cr_assert_eq(q->started, 0);
}

static int ask(const char *host, const char *port, int family)
{
    struct query q;
    prepare(&q, host, port, family);
    step(&q, start_step);
    cr_assert_eq(q.started, 0);
    sem_wait(&q.done);
    cr_assert_eq(q.calls, 1);
    return q.err;
}

static unsigned count_threads(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        n += entry->d_name[0] != '.';
    }
    closedir(dir);
    return n;
}

/* ---- Answers ------------------------------------------------------------------------------- */

Test(resolve, names_and_literals)
{
    cr_assert_eq(ask("localhost", "80", AF_UNSPEC), 0);
    cr_assert_eq(ask("localhost", "80", AF_INET), 0);
    cr_assert_eq(ask("127.0.0.1", "0", AF_UNSPEC), 0);
    cr_assert_eq(ask("127.1", "80", AF_UNSPEC), 0);
    cr_assert_eq(ask("::1", "65535", AF_INET6), 0);
}

Test(resolve, errors)
{
    cr_assert_neq(ask("name.invalid", "80", AF_UNSPEC), 0);
    cr_assert_eq(ask("", "80", AF_UNSPEC), NNG_EADDRINVAL);
    cr_assert_eq(ask("127.0.0.1", "80", AF_INET6), NNG_EADDRINVAL);
    cr_assert_eq(ask("::1", "80", AF_INET), NNG_EADDRINVAL);
    cr_assert_eq(ask("localhost", "65536", AF_UNSPEC), NNG_EADDRINVAL);
    cr_assert_eq(ask("localhost", "http", AF_UNSPEC), NNG_EADDRINVAL);
    cr_assert_eq(ask("localhost", "", AF_UNSPEC), NNG_EADDRINVAL);
    char name[2000];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_assert_neq(ask(name, "80", AF_UNSPEC), 0);
}

Test(resolve, many_at_once)
{
    enum { N = 500 };
    struct query *q = calloc(N, sizeof *q);
    unsigned before = count_threads();
    for (unsigned i = 0; i < N; i++) {
        start(&q[i], i % 2 == 0 ? "localhost" : "127.0.0.1");
    }
    cr_assert_leq(count_threads(), before + NU_RESOLVE_THREADS);
    for (unsigned i = 0; i < N; i++) {
        sem_wait(&q[i].done);
        cr_assert_eq(q[i].calls, 1);
        cr_assert_eq(q[i].err, 0);
        cr_assert_gt(q[i].found, 0);
    }
    free(q);
}

Test(resolve, a_slow_name_delays_no_other)
{
    struct query slow[NU_RESOLVE_THREADS - 1];
    for (unsigned i = 0; i < NU_RESOLVE_THREADS - 1; i++) {
        start(&slow[i], "held");
        sem_wait(&t_names_held);
    }
    cr_assert_eq(ask("127.0.0.1", "80", AF_UNSPEC), 0);
    cr_assert_eq(ask("127.0.0.1", "80", AF_UNSPEC), 0);
    for (unsigned i = 0; i < NU_RESOLVE_THREADS - 1; i++) {
        cr_assert_eq(slow[i].calls, 0);
        sem_post(&t_names_released);
    }
    for (unsigned i = 0; i < NU_RESOLVE_THREADS - 1; i++) {
        sem_wait(&slow[i].done);
        cr_assert_eq(slow[i].err, 0);
    }
}

/* ---- Dropping and stopping ----------------------------------------------------------------- */

/* All threads busy with `slow`, and `queued` behind them. */
static void occupy(struct query slow[NU_RESOLVE_THREADS], struct query *queued)
{
    for (unsigned i = 0; i < NU_RESOLVE_THREADS; i++) {
        start(&slow[i], "held");
        sem_wait(&t_names_held);
    }
    start(queued, "127.0.0.1");
}

static void release_all(void)
{
    for (unsigned i = 0; i < NU_RESOLVE_THREADS; i++) {
        sem_post(&t_names_released);
    }
}

Test(resolve, drop_when_queued_and_when_running)
{
    struct query slow[NU_RESOLVE_THREADS], queued;
    occupy(slow, &queued);
    step(&queued, drop_step);
    step(&slow[0], drop_step);
    release_all();
    for (unsigned i = 1; i < NU_RESOLVE_THREADS; i++) {
        sem_wait(&slow[i].done);
    }
    cr_assert_eq(ask("127.0.0.1", "80", AF_UNSPEC), 0);
    cr_assert_eq(slow[0].calls, 0);
    cr_assert_eq(queued.calls, 0);
}

/* Callers that gave up are in nobody's way, whether their lookups were queued or hang; */
Test(resolve, given_up_ones_delay_no_other)
{
    struct query slow[2 * NU_RESOLVE_THREADS];
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 2 * NU_RESOLVE_THREADS; i++) {
            start(&slow[i], "held");
        }
        for (unsigned i = 0; i < 2 * NU_RESOLVE_THREADS; i++) {
            step(&slow[i], drop_step);
        }
        cr_assert_eq(ask("localhost", "80", AF_UNSPEC), 0);
    }
    int begun = 0;
    cr_assert_eq(sem_getvalue(&t_names_held, &begun), 0);
    for (int i = 0; i < begun; i++) {
        sem_post(&t_names_released);
    }
    cr_assert_eq(ask("localhost", "80", AF_UNSPEC), 0);
}

/* but they do not get a thread each, for ever more of them; */
Test(resolve, given_up_ones_have_a_bound)
{
    enum { N = NU_RESOLVE_MOST + 20 };
    static struct query slow[N];
    unsigned before = t_proc_threads();
    for (unsigned i = 0; i < N; i++) {
        start(&slow[i], "held");
        if (i < NU_RESOLVE_MOST) {
            sem_wait(&t_names_held);
        }
        step(&slow[i], drop_step);
    }
    cr_assert_leq(t_proc_threads(), before + NU_RESOLVE_MOST);
    struct query last;
    start(&last, "localhost");
    for (unsigned i = 0; i < NU_RESOLVE_MOST; i++) {
        sem_post(&t_names_released);
    }
    sem_wait(&last.done);
    cr_assert_eq(last.err, 0);
    /* and those that were one too many go at once, not only when nothing has come for a while */
    t_proc_await_threads(before + NU_RESOLVE_THREADS);
}

/* Holds the loop until the answer is in its inbox, then drops: `done` must not be called. */
static void drop_answered_step(struct nu_task *task)
{
    struct query *q = nu_container(task, struct query, task);
    sem_post(&t_names_released);
    while (atomic_load(&q->loop->inbox) == NULL) {
        usleep(1000);
    }
    drop_step(task);
}

Test(resolve, drop_when_answered)
{
    struct query q;
    start(&q, "held");
    sem_wait(&t_names_held);
    step(&q, drop_answered_step);
    nng_fini();
    cr_assert_eq(q.calls, 0);
}

Test(resolve, drop_at_any_time)
{
    enum { N = 2000 };
    struct query *q = calloc(N, sizeof *q);
    for (unsigned i = 0; i < N; i++) {
        prepare(&q[i], "127.0.0.1", "80", AF_UNSPEC);
        step(&q[i], start_and_drop_step);
        cr_assert_eq(q[i].started, 0);
    }
    cr_assert_eq(ask("127.0.0.1", "80", AF_UNSPEC), 0);
    nng_fini();
    for (unsigned i = 0; i < N; i++) {
        cr_assert_eq(q[i].calls, 0);
    }
    free(q);
}

Test(resolve, fini_ends_what_is_queued_and_running)
{
    struct query slow[NU_RESOLVE_THREADS], queued;
    occupy(slow, &queued);
    nng_fini();
    for (unsigned i = 0; i < NU_RESOLVE_THREADS; i++) {
        cr_assert_eq(slow[i].calls, 1);
        cr_assert_eq(slow[i].err, NNG_ECLOSED);
    }
    cr_assert_eq(queued.calls, 1);
    cr_assert_eq(queued.err, NNG_ECLOSED);
    release_all();
    cr_assert_eq(ask("127.0.0.1", "80", AF_UNSPEC), 0); /* the same threads, a new loop */
}

/* ---- Threads ------------------------------------------------------------------------------- */

Test(resolve, threads_go)
{
    unsigned before = count_threads();
    for (unsigned i = 0; i < 50; i++) {
        cr_assert_eq(ask("127.0.0.1", "80", AF_UNSPEC), 0);
    }
    cr_assert_leq(count_threads(), before + 2); /* one after the other needs no more */
    while (count_threads() > before) {
        usleep(100000);
    }
    cr_assert_eq(ask("127.0.0.1", "80", AF_UNSPEC), 0);
}

#if defined(__SANITIZE_THREAD__)
#define NU_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NU_TSAN 1
#endif
#endif

#ifndef NU_TSAN /* which cannot start threads in a child of a process that had some */
Test(resolve, in_a_child_forked_after_fini)
{
    cr_assert_eq(ask("127.0.0.1", "80", AF_UNSPEC), 0);
    nng_fini();
    pid_t child = fork();
    if (child == 0) {
        alarm(30);
        int err = ask("127.0.0.1", "80", AF_UNSPEC);
        nng_fini();
        _exit(err);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
}
#endif
