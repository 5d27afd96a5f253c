// SPDX-License-Identifier: MIT
#include "io/placement.h"

#include "base/blocking.h"
#include "base/clock.h"
#include "io/lock.h"
#include "io/loop.h"
#include "io/timer.h"

#include <limits.h>
#include <nng/nng.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define TABLE 1024U            /* functions; a power of two */
#define PROBES 16U             /* places looked at for each; then two of them share one */
#define ROW 32U                /* good calls in a row at first */
#define ROW_HELD 4096U         /* and at the most, where somebody else may have had the processor */
#define ROW_WAITED (1U << 17)  /* where it has certainly waited */
#define WATCHED 16U            /* calls on a loop that are measured after a doubt */
#define UNKNOWN_AT_ONCE 2U     /* calls of a function that is not known yet; more may be slow */
#define LONG NU_MS             /* a call that takes so long does not belong on a loop */
#define HELD_LONG (50 * NU_MS) /* worth telling */
#define HELD_VERY (20 * NU_MS) /* hardly for want of a processor */

_Thread_local struct nu_call *nu_calls;

/* ---- What is wanted ----------------------------------------------------------------------- */

static enum nng_uring_placement wanted_by_user = NNG_URING_PLACE_AUTO;

static void placement_read_environment(void)
{
    const char *value = getenv("NNG_URING_CALLBACKS");
    if (value == NULL || strcmp(value, "auto") == 0) {
        return;
    }
    if (strcmp(value, "inline") == 0) {
        wanted_by_user = NNG_URING_PLACE_INLINE;
    } else if (strcmp(value, "workers") == 0) {
        wanted_by_user = NNG_URING_PLACE_WORKERS;
    } else {
        fprintf(stderr,
                "nng-uring: NNG_URING_CALLBACKS=%s is none of auto, inline, workers; using auto\n",
                value);
    }
}

static enum nng_uring_placement placement_for_all(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, placement_read_environment);
    return wanted_by_user;
}

void nu_placement_init(struct nu_placement *placement, enum nng_uring_placement how,
                       const char *path)
{
    how = how == NNG_URING_PLACE_AUTO ? placement_for_all() : how;
    atomic_init(&placement->place,
                how == NNG_URING_PLACE_INLINE ? NU_PLACE_PINNED : NU_PLACE_WORKER);
    atomic_init(&placement->row, 0);
    atomic_init(&placement->wanted, how == NNG_URING_PLACE_WORKERS ? UINT_MAX : ROW);
    atomic_init(&placement->bad, false);
    atomic_init(&placement->queued, 0);
    atomic_init(&placement->reported, false);
    placement->path = path;
}

/* ---- One for each function ---------------------------------------------------------------- */

typedef void (*function)(void *);

static struct entry {
    _Atomic(function) cb;
    struct nu_placement placement;
} table[TABLE];

/* Zeroed memory is a placement but for these. Whoever comes first sets them, perhaps several do. */
static void placement_init_table(void)
{
    for (size_t i = 0; i < TABLE; i++) {
        nu_placement_init(&table[i].placement, NNG_URING_PLACE_AUTO, NULL);
    }
}

struct nu_placement *nu_placement_of(void (*cb)(void *))
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, placement_init_table);
    size_t at = (size_t) ((uintptr_t) cb * UINT64_C(0x9e3779b97f4a7c15) >> 32);
    for (size_t i = 0; i < PROBES; i++) {
        struct entry *entry = &table[(at + i) % TABLE];
        function there = atomic_load(&entry->cb);
        if (there == cb ||
            (there == NULL &&
             (atomic_compare_exchange_strong(&entry->cb, &there, cb) || there == cb))) {
            return &entry->placement;
        }
    }
    return &table[at % TABLE].placement;
}

/* ---- The rules ---------------------------------------------------------------------------- */

static enum nu_place placement_place(const struct nu_placement *placement)
{
    return atomic_load_explicit(&placement->place, memory_order_relaxed);
}

bool nu_placement_here(const struct nu_placement *placement)
{
    enum nu_place place = placement_place(placement);
    return place == NU_PLACE_PINNED || (place != NU_PLACE_WORKER && nu_loop_self()->depth == 1);
}

bool nu_placement_queued(struct nu_placement *placement)
{
    unsigned others = atomic_fetch_add_explicit(&placement->queued, 1, memory_order_relaxed);
    return placement_place(placement) == NU_PLACE_WORKER &&
           (others >= UNKNOWN_AT_ONCE ||
            atomic_load_explicit(&placement->bad, memory_order_relaxed));
}

void nu_placement_done(struct nu_placement *placement)
{
    atomic_fetch_sub_explicit(&placement->queued, 1, memory_order_relaxed);
}

/* Only a moment ago it was somewhere else, perhaps: then that was right as well. */
static void placement_move(struct nu_placement *placement, enum nu_place place)
{
    if (placement_place(placement) != NU_PLACE_PINNED) {
        atomic_store_explicit(&placement->row, 0, memory_order_relaxed);
        atomic_store_explicit(&placement->place, place, memory_order_relaxed);
    }
}

/* It does not belong on a loop, and has to show a longer row than before, of `most` at the most. */
static void placement_demote(struct nu_placement *placement, unsigned times, unsigned most)
{
    unsigned wanted = atomic_load_explicit(&placement->wanted, memory_order_relaxed);
    if (wanted < most) {
        wanted = wanted < most / times ? wanted * times : most;
        atomic_store_explicit(&placement->wanted, wanted, memory_order_relaxed);
    }
    atomic_store_explicit(&placement->bad, true, memory_order_relaxed);
    placement_move(placement, NU_PLACE_WORKER);
}

static void placement_passed(struct nu_placement *placement)
{
    unsigned row = atomic_fetch_add_explicit(&placement->row, 1, memory_order_relaxed) + 1;
    bool watched = placement_place(placement) == NU_PLACE_WATCHED;
    atomic_store_explicit(&placement->bad, false, memory_order_relaxed);
    if (row >=
        (watched ? WATCHED : atomic_load_explicit(&placement->wanted, memory_order_relaxed))) {
        placement_move(placement, NU_PLACE_LOOP);
    }
}

/* ---- Measured calls ----------------------------------------------------------------------- */

static uint64_t placement_ns(const struct timeval *tv)
{
    return (uint64_t) tv->tv_sec * NU_SECOND + (uint64_t) tv->tv_usec * 1000;
}

/* Waiting for one of the library's own locks is not the user's doing. */
static void placement_look(uint64_t *used, uint64_t *slept)
{
    struct rusage usage;
    (void) getrusage(RUSAGE_THREAD, &usage);
    *used = placement_ns(&usage.ru_utime) + placement_ns(&usage.ru_stime);
    *slept = (uint64_t) usage.ru_nvcsw - nu_lock_waits;
}

static void placement_judge(const struct nu_call *call)
{
    uint64_t used, slept;
    placement_look(&used, &slept);
    if (slept > call->slept || used - call->used >= LONG) {
        placement_demote(call->placement, 4, ROW_HELD);
    } else {
        placement_passed(call->placement);
    }
}

/* ---- Calls on a loop ---------------------------------------------------------------------- */

/* The coarse clock when the last call in this turn of the loop ended, or before the first one. */
static _Thread_local uint64_t coarse_then;
static _Thread_local uint64_t coarse_turns;

static uint64_t placement_coarse(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return (uint64_t) ts.tv_sec * NU_SECOND + (uint64_t) ts.tv_nsec;
}

static uint64_t placement_tick(void)
{
    struct timespec ts;
    clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
    return (uint64_t) ts.tv_nsec;
}

static void placement_report(struct nu_placement *placement, uint64_t held)
{
    unsigned ms = (unsigned) (held / NU_MS);
    if (atomic_exchange(&placement->reported, true)) {
        return;
    }
    const char *then = placement_place(placement) == NU_PLACE_PINNED
                           ? "as it was told to be called on it"
                           : "it is called on a worker from now on";
    if (placement->path != NULL) {
        nng_log_warn("NNG-URING-HELD", "the handler of %s has held a loop for %u ms; %s",
                     placement->path[0] != '\0' ? placement->path : "/", ms, then);
    } else {
        const struct entry *entry = nu_container(placement, struct entry, placement);
        nng_log_warn("NNG-URING-HELD", "the callback at %p has held a loop for %u ms; %s",
                     (void *) (uintptr_t) atomic_load(&entry->cb), ms, then);
    }
}

/* The coarse clock has moved on since the call began, or a little before. */
static void placement_clock_moved(struct nu_placement *placement, uint64_t moved)
{
    uint64_t held = moved - placement_tick();
    if (held < LONG) {
        if (placement_place(placement) == NU_PLACE_LOOP) {
            placement_move(placement, NU_PLACE_WATCHED);
        }
        return;
    }
    if (held < HELD_VERY) {
        placement_demote(placement, 4, ROW_HELD);
    } else {
        placement_demote(placement, 256, ROW_WAITED);
    }
    if (held >= HELD_LONG) {
        placement_report(placement, moved);
    }
}

/* ---- Waiting ------------------------------------------------------------------------------ */

static struct nu_call *placement_user_call(void)
{
    struct nu_call *call = nu_calls;
    while (call != NULL && call->placement == NULL) {
        call = call->outer;
    }
    return call;
}

bool nu_call_of_user(void)
{
    return placement_user_call() != NULL;
}

void nu_call_waits(void)
{
    struct nu_call *call = placement_user_call();
    if (call != NULL) {
        placement_demote(call->placement, ROW_WAITED, ROW_WAITED);
    }
}

static void *placement_begin_wait(void)
{
    nu_call_waits();
    return nu_call_of_user() ? nu_loop_self() : NULL;
}

static void placement_time_is_up(struct nu_timer *timer)
{
    (void) timer;
    nu_loop_wake(nu_loop_self()); /* it does not go to sleep in this turn */
}

static void placement_turn(void *self, uint64_t until)
{
    struct nu_loop *loop = self;
    struct nu_timer timer = { .fire = placement_time_is_up };
    if (until != NU_NEVER) {
        nu_timer_arm(&loop->timers, &timer, until);
    }
    nu_loop_iterate(loop);
    nu_timer_disarm(&loop->timers, &timer);
}

static void placement_wake(void *self)
{
    nu_loop_wake(self);
}

static const struct nu_blocking placement_blocking = { placement_begin_wait, placement_turn,
                                                       placement_wake };

/* ---- Calls -------------------------------------------------------------------------------- */

void nu_call_begin(struct nu_call *call, struct nu_placement *placement, const void *of)
{
    call->of = of;
    call->placement = placement;
    call->outer = nu_calls;
    nu_calls = call;
    if (placement == NULL) {
        return;
    }
    nu_blocking_mine = &placement_blocking;
    call->loop = nu_loop_self();
    call->measured = call->loop == NULL || placement_place(placement) == NU_PLACE_WATCHED;
    if (call->loop != NULL) {
        call->turns = call->loop->turns;
        if (coarse_turns != call->turns) {
            coarse_turns = call->turns;
            coarse_then = placement_coarse();
        }
    }
    if (call->measured) {
        placement_look(&call->used, &call->slept);
    }
}

void nu_call_end(struct nu_call *call)
{
    struct nu_placement *placement = call->placement;
    nu_calls = call->outer;
    if (placement == NULL) {
        return;
    }
    if (call->measured) {
        placement_judge(call);
    }
    if (call->loop == NULL) {
        return;
    }
    uint64_t now = placement_coarse();
    if (now != coarse_then && call->turns == call->loop->turns) { /* else it has turned the loop */
        placement_clock_moved(placement, now - coarse_then);
    }
    coarse_then = now;
    call->loop->now = 0; /* nobody knows how long it has taken */
}
