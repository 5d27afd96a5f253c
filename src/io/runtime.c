/* SPDX-License-Identifier: MIT */
#include "io/runtime.h"

#include "io/counters.h"
#include "io/cpus.h"
#include "io/features.h"
#include "io/loop.h"
#include "io/ring_epoll.h"
#include "io/ring_uring.h"
#include "io/watchdog.h"
#include "io/workers.h"

#include <nng/nng.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* starting and stopping */
static struct nu_loop **loops;                           /* constant while `running` */
static atomic_uint running;                              /* loops there are */
static atomic_uint turn;                                 /* whose turn it is in nu_runtime_pick() */

static const struct nu_ring_kind *used; /* nu_runtime_use() */
static bool fell_back;                  /* under lock: there was no io_uring */

atomic_bool nu_runtime_child;
atomic_bool nu_runtime_ends;

static void runtime_in_parent(void)
{
    nu_counters_after_fork(false);
}

static void runtime_in_child(void)
{
    nu_counters_after_fork(true);
    if (atomic_load(&running) > 0) {
        atomic_store(&nu_runtime_child, true);
    }
}

static void runtime_watch_forks(void)
{
    pthread_atfork(nu_counters_before_fork, runtime_in_parent, runtime_in_child);
}

/* As many as were wanted, or as the limits allow: one is enough. */
static int runtime_start_on(const struct nu_ring_kind *kind)
{
    unsigned wanted = nu_cpus_wanted(), n = 0;
    int err = 0;
    loops = calloc(wanted, sizeof(struct nu_loop *));
    if (loops == NULL) {
        return NNG_ENOMEM;
    }
    while (n < wanted && (err = nu_loop_start(&loops[n], n, kind)) == 0) {
        n++;
    }
    if (n == 0) {
        free(loops);
        loops = NULL;
        return err;
    }
    atomic_store(&running, n);
    return 0;
}

static int runtime_start_uring(void)
{
    int err = nu_features_find();
    err = err == 0 ? runtime_start_on(&nu_ring_uring) : err;
    if (err == 0) {
        nu_features_refuse(0, NULL, NULL); /* fewer than wanted will do */
    }
    return err;
}

/* io_uring where it can be had, else epoll; or what NNG_URING_BACKEND asks for, and no other. */
static int runtime_start_loops(void)
{
    const char *wish = getenv("NNG_URING_BACKEND");
    if (used != NULL) {
        return runtime_start_on(used);
    }
    if (wish != NULL && strcmp(wish, nu_ring_uring.name) == 0) {
        return runtime_start_uring();
    }
    if (wish != NULL && strcmp(wish, nu_ring_epoll.name) == 0) {
        nu_features_find_without_ring();
        nu_features_refuse(0, "NNG_URING_BACKEND=epoll asks to do without", "unset it");
        return runtime_start_on(&nu_ring_epoll);
    }
    if (wish != NULL && wish[0] != '\0') {
        nu_features_refuse(0, "NNG_URING_BACKEND is neither io_uring nor epoll",
                           "set it to one of them, or unset it");
        return NNG_ENOTSUP;
    }
    int err = runtime_start_uring();
    if (err == NNG_ENOTSUP && (err = runtime_start_on(&nu_ring_epoll)) == 0) {
        fell_back = true;
    }
    return err;
}

void nu_runtime_use(const struct nu_ring_kind *kind)
{
    used = kind;
}

int nu_runtime_check_fork(void)
{
    if (!nu_runtime_forked()) {
        return 0;
    }
    nu_features_refuse(0, "the process forked while the library was running",
                       "start using the library after fork(), or exec() in the child");
    return NNG_ENOTSUP;
}

void nu_runtime_end_child(void)
{
    if (nu_runtime_forked() && (nu_loop_self() != NULL || nu_workers_self())) {
        _exit(0);
    }
}

int nu_runtime_start(void)
{
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    if (atomic_load(&running) > 0) {
        return 0;
    }
    static pthread_once_t watch = PTHREAD_ONCE_INIT;
    static atomic_bool told;
    pthread_once(&watch, runtime_watch_forks);
    pthread_mutex_lock(&lock);
    err = atomic_load(&running) > 0 ? 0 : runtime_start_loops();
    bool tell = err == 0 && fell_back && !atomic_exchange(&told, true);
    pthread_mutex_unlock(&lock);
    if (tell) {
        nng_log_warn("NNG-URING", "no io_uring, so epoll does its work: %s; remedy: %s",
                     nng_uring_reason(), nng_uring_remedy());
    }
    return err;
}

struct nu_loop *nu_runtime_pick(void)
{
    struct nu_loop *self = nu_loop_self();
    if (self != NULL) {
        return self;
    }
    if (nu_runtime_start() != 0) {
        return NULL;
    }
    return loops[atomic_fetch_add(&turn, 1) % atomic_load(&running)];
}

unsigned nu_runtime_count(void)
{
    return atomic_load(&running);
}

unsigned nu_runtime_wanted(void)
{
    unsigned n = nu_runtime_count();
    return n > 0 ? n : nu_cpus_wanted();
}

struct nu_loop *nu_runtime_loop(unsigned i)
{
    return loops[i];
}

void nu_runtime_wake(void)
{
    unsigned n = atomic_load(&running);
    for (unsigned i = 0; i < n; i++) {
        nu_loop_wake(loops[i]);
    }
}

static void (*_Atomic fini_stop)(void);
static void (*_Atomic fini_end)(void);
static void (*_Atomic fini_forget)(void);

void nu_runtime_at_fini(void (*stop)(void), void (*end)(void))
{
    atomic_store(&fini_stop, stop);
    atomic_store(&fini_end, end);
}

void nu_runtime_forget_with(void (*forget)(void))
{
    atomic_store(&fini_forget, forget);
}

static void runtime_tell(void (*whom)(void))
{
    if (whom != NULL && !nu_runtime_forked()) {
        whom();
    }
}

void nng_fini(void)
{
    if (nu_runtime_forked()) {
        return; /* all of it is the parent's */
    }
    runtime_tell(atomic_load(&fini_stop));
    pthread_mutex_lock(&lock);
    unsigned n = atomic_load(&running);
    if (n > 0) {
        nu_loop_stop(loops, n);
        nu_workers_stop();
        nu_watchdog_stop();
        atomic_store(&running, 0);
        for (unsigned i = 0; i < n; i++) {
            nu_loop_free(loops[i]);
        }
        free(loops);
        loops = NULL;
        atomic_store(&nu_runtime_ends, false);
    }
    nu_cpus_forget_parameters();
    runtime_tell(atomic_load(&fini_forget));
    pthread_mutex_unlock(&lock);
    runtime_tell(atomic_load(&fini_end));
}

unsigned nng_uring_loops(void)
{
    return nu_runtime_count();
}

const char *nng_uring_setup_flags(void)
{
    struct nu_ring *ring = nu_runtime_count() > 0 ? loops[0]->ring : NULL;
    return ring != NULL ? ring->kind->setup(ring) : "";
}

const char *nng_uring_backend(void)
{
    return nu_runtime_count() > 0 ? loops[0]->ring->kind->name : "";
}
