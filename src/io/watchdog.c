/* SPDX-License-Identifier: MIT */
#include "io/watchdog.h"

#include "base/clock.h"
#include "base/schedstat.h"
#include "io/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOPS 64U /* that are watched; who has more has enough of them */
#define LOOK_EVERY (25 * NU_MS)
#define HELD_LONG (50 * NU_MS)
#define TEXT 512 /* as much as the log takes */

/* A loop's. The owner says what it calls, and the watchdog has its own word there while it looks.
 */
static struct watch {
    _Atomic(void *) what; /* NULL: nothing */
    atomic_uint calls;    /* begun so far */
    atomic_int tid;       /* the owner's; 0: not known yet */
    char pad[48];         /* each has a cache line of its own */
} watches[LOOPS];

/* Its address stands in for `what` while the watchdog holds the lock and looks at that. */
static pthread_mutex_t looked_at = PTHREAD_MUTEX_INITIALIZER;

/* What the watchdog has seen of a loop. */
struct seen {
    bool busy;
    bool told;
    unsigned calls;
    uint64_t since;  /* when it first saw this call */
    uint64_t queued; /* what the owner had waited for a processor then, */
    uint64_t used;   /* and for how long it had had one */
};

atomic_uint nu_watchdog_state;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t turn; /* there is something to look at; or the end */
    bool started;
    bool stopping;
    pthread_t thread;
    nu_watchdog_describe describe;
} dog = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- The watchdog's thread ---------------------------------------------------------------- */

/* The owner keeps `what` as long as it finds our word in its place. */
static void watchdog_tell(struct watch *watch, void *what, uint64_t held)
{
    char text[TEXT];
    bool say = false;
    void *expected = what;
    pthread_mutex_lock(&looked_at);
    if (atomic_compare_exchange_strong(&watch->what, &expected, &looked_at)) {
        say = dog.describe(what, (unsigned) (held / NU_MS), text, sizeof text);
        expected = &looked_at;
        atomic_compare_exchange_strong(&watch->what, &expected, what);
    }
    pthread_mutex_unlock(&looked_at);
    if (say) {
        nng_log_warn("NNG-URING-HELD", "%s", text);
    }
}

/* For how long the call has held its loop, without the time in which the owner was preempted. While
 * that has no processor, or computes, only what it has used counts: how long it waits is not known
 * before it has one. */
static uint64_t watchdog_held(int tid, const struct seen *seen, uint64_t now)
{
    uint64_t queued = nu_schedstat_queued(tid); /* 0: it cannot be read */
    uint64_t all = now - seen->since, waited = queued > seen->queued ? queued - seen->queued : 0;
    if (queued > 0 && nu_schedstat_runs(tid)) {
        uint64_t used = nu_schedstat_used(tid); /* 0: it cannot be read */
        return seen->used > 0 && used > seen->used ? used - seen->used : 0;
    }
    return all > waited ? all - waited : 0;
}

/* Whether a call is under way there. */
static bool watchdog_look(struct watch *watch, struct seen *seen, uint64_t now)
{
    void *what = atomic_load(&watch->what);
    unsigned calls = atomic_load(&watch->calls);
    int tid = atomic_load(&watch->tid);
    if (what == NULL) {
        seen->busy = false;
        return false;
    }
    if (!seen->busy || seen->calls != calls) {
        *seen = (struct seen){ .busy = true, .calls = calls, .since = now };
        seen->queued = nu_schedstat_queued(tid);
        seen->used = nu_schedstat_used(tid);
    } else if (!seen->told && now - seen->since >= HELD_LONG) {
        uint64_t held = watchdog_held(tid, seen, now);
        if (held >= HELD_LONG) {
            seen->told = true;
            watchdog_tell(watch, what, held);
        }
    }
    return true;
}

static bool watchdog_look_at_all(struct seen *seen)
{
    uint64_t now = nu_now();
    bool busy = false;
    for (unsigned i = 0; i < LOOPS; i++) {
        busy = watchdog_look(&watches[i], &seen[i], now) || busy;
    }
    return busy;
}

static bool watchdog_any(void)
{
    for (unsigned i = 0; i < LOOPS; i++) {
        if (atomic_load(&watches[i].what) != NULL) {
            return true;
        }
    }
    return false;
}

/* With the lock held, but meanwhile. */
static void watchdog_nap(void)
{
    uint64_t until = nu_now() + LOOK_EVERY;
    struct timespec ts = { (time_t) (until / NU_SECOND), (long) (until % NU_SECOND) };
    int err = 0;
    while (!dog.stopping && err != ETIMEDOUT) {
        err = pthread_cond_timedwait(&dog.turn, &dog.lock, &ts);
    }
}

/* Who begins a call says so, and then looks whether we sleep; we go to sleep, and then look. */
static void *watchdog_main(void *arg)
{
    struct seen seen[LOOPS];
    (void) arg;
    memset(seen, 0, sizeof seen);
    pthread_setname_np(pthread_self(), "nng-watchdog");
    pthread_mutex_lock(&dog.lock);
    while (!dog.stopping) {
        if (atomic_load(&nu_watchdog_state) == NU_WATCHDOG_ASLEEP) {
            pthread_cond_wait(&dog.turn, &dog.lock);
            continue;
        }
        watchdog_nap();
        pthread_mutex_unlock(&dog.lock);
        bool busy = watchdog_look_at_all(seen);
        pthread_mutex_lock(&dog.lock);
        if (!busy) {
            atomic_store(&nu_watchdog_state, NU_WATCHDOG_ASLEEP);
            if (watchdog_any()) {
                atomic_store(&nu_watchdog_state, NU_WATCHDOG_AWAKE);
            }
        }
    }
    pthread_mutex_unlock(&dog.lock);
    return NULL;
}

/* ---- Its life ----------------------------------------------------------------------------- */

/* With the lock held. Like owners and workers it takes no signals. */
static void watchdog_start(nu_watchdog_describe describe)
{
    pthread_condattr_t attr;
    sigset_t all, old;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&dog.turn, &attr);
    pthread_condattr_destroy(&attr);
    dog.describe = describe;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    dog.started = pthread_create(&dog.thread, NULL, watchdog_main, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!dog.started) {
        pthread_cond_destroy(&dog.turn);
    }
}

static void watchdog_rouse(nu_watchdog_describe describe)
{
    pthread_mutex_lock(&dog.lock);
    if (atomic_load(&nu_watchdog_state) == NU_WATCHDOG_OFF) {
        watchdog_start(describe);
    }
    atomic_store(&nu_watchdog_state, NU_WATCHDOG_AWAKE);
    if (dog.started) {
        pthread_cond_signal(&dog.turn);
    }
    pthread_mutex_unlock(&dog.lock);
}

void nu_watchdog_stop(void)
{
    pthread_mutex_lock(&dog.lock);
    bool started = dog.started;
    dog.stopping = true;
    if (started) {
        pthread_cond_signal(&dog.turn);
    }
    pthread_mutex_unlock(&dog.lock);
    if (started) {
        pthread_join(dog.thread, NULL);
        pthread_cond_destroy(&dog.turn);
    }
    dog.started = dog.stopping = false;
    atomic_store(&nu_watchdog_state, NU_WATCHDOG_OFF);
    for (unsigned i = 0; i < LOOPS; i++) {
        atomic_store(&watches[i].tid, 0); /* the next loop's owner is another thread */
    }
}

/* ---- Calls -------------------------------------------------------------------------------- */

static struct watch *watchdog_of(const struct nu_loop *loop)
{
    return loop->index < LOOPS ? &watches[loop->index] : NULL;
}

void nu_watchdog_note_begin(struct nu_loop *loop, void *what, nu_watchdog_describe describe)
{
    struct watch *watch = watchdog_of(loop);
    if (watch == NULL) {
        return;
    }
    if (atomic_load_explicit(&watch->tid, memory_order_relaxed) == 0) {
        atomic_store_explicit(&watch->tid, gettid(), memory_order_relaxed);
    }
    unsigned calls = atomic_load_explicit(&watch->calls, memory_order_relaxed);
    atomic_store_explicit(&watch->calls, calls + 1, memory_order_relaxed);
    atomic_exchange(&watch->what, what);
    if (atomic_load(&nu_watchdog_state) != NU_WATCHDOG_AWAKE) {
        watchdog_rouse(describe);
    }
}

void nu_watchdog_note_end(struct nu_loop *loop)
{
    struct watch *watch = watchdog_of(loop);
    if (watch == NULL || atomic_load_explicit(&watch->what, memory_order_relaxed) == NULL) {
        return;
    }
    if (atomic_exchange(&watch->what, NULL) == &looked_at) {
        pthread_mutex_lock(&looked_at);
        pthread_mutex_unlock(&looked_at);
    }
}
