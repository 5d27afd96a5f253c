// SPDX-License-Identifier: MIT
#include "io/placement.h"

#include "base/blocking.h"
#include "base/clock.h"
#include "base/schedstat.h"
#include "io/lock.h"
#include "io/loop.h"
#include "io/runtime.h"
#include "io/timer.h"
#include "io/watchdog.h"
#include "io/workers.h"

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
#define HELD_VERY (20 * NU_MS) /* no mere slip */
#define WATCH_AFTER (64 * NU_MS) /* the time between two doubts that count */
#define FORGOTTEN (10 * NU_SECOND)

_Thread_local struct nu_call *nu_calls;

/* ---- What is wanted ----------------------------------------------------------------------- */

static enum nng_uring_placement wanted_by_user;
static pthread_once_t environment = PTHREAD_ONCE_INIT;
static void placement_forget(void);

static void placement_read_environment(void)
{
    const char *value = getenv("NNG_URING_CALLBACKS");
    wanted_by_user = NNG_URING_PLACE_AUTO;
    nu_runtime_forget_with(placement_forget);
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
    pthread_once(&environment, placement_read_environment);
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
    atomic_init(&placement->demoted, 0);
    atomic_init(&placement->watched, 0);
    atomic_init(&placement->reported, false);
    placement->path = path;
}

/* ---- One for each function ---------------------------------------------------------------- */

typedef void (*function)(void *);

static struct entry {
    _Atomic(function) cb;
    struct nu_placement placement;
} table[TABLE];

static pthread_once_t table_made = PTHREAD_ONCE_INIT;

/* Zeroed memory is a placement but for these. Whoever comes first sets them, perhaps several do. */
static void placement_init_table(void)
{
    for (size_t i = 0; i < TABLE; i++) {
        nu_placement_init(&table[i].placement, NNG_URING_PLACE_AUTO, NULL);
    }
}

struct nu_placement *nu_placement_of(void (*cb)(void *))
{
    pthread_once(&table_made, placement_init_table);
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

/* The library has ended: what the environment says is read anew, and a function may be another. */
static void placement_forget(void)
{
    for (size_t i = 0; i < TABLE; i++) {
        atomic_store(&table[i].cb, NULL);
    }
    table_made = environment = (pthread_once_t) PTHREAD_ONCE_INIT;
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

/* The coarse clock: a few nanoseconds, and right to a few milliseconds. */
static uint64_t placement_coarse(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return (uint64_t) ts.tv_sec * NU_SECOND + (uint64_t) ts.tv_nsec;
}

/* It does not belong on a loop, and has to show a longer row than before, of `most` at the most.
 * What it did long ago is forgotten. */
static void placement_demote(struct nu_placement *placement, unsigned times, unsigned most)
{
    uint64_t now = placement_coarse();
    uint64_t before = atomic_exchange_explicit(&placement->demoted, now, memory_order_relaxed);
    unsigned wanted = atomic_load_explicit(&placement->wanted, memory_order_relaxed);
    if (wanted < UINT_MAX && now - before > FORGOTTEN) {
        wanted = ROW;
    }
    if (wanted < most) {
        wanted = wanted < most / times ? wanted * times : most;
    }
    atomic_store_explicit(&placement->wanted, wanted, memory_order_relaxed);
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

/* Somebody has called it slow, and nobody knows; but for a function that was just looked at. */
static void placement_watch(struct nu_placement *placement, uint64_t now)
{
    if (placement_place(placement) == NU_PLACE_LOOP &&
        now - atomic_load_explicit(&placement->watched, memory_order_relaxed) > WATCH_AFTER) {
        atomic_store_explicit(&placement->watched, now, memory_order_relaxed);
        placement_move(placement, NU_PLACE_WATCHED);
    }
}

/* ---- What a thread was given -------------------------------------------------------------- */

static uint64_t placement_ns(const struct timeval *tv)
{
    return (uint64_t) tv->tv_sec * NU_SECOND + (uint64_t) tv->tv_usec * 1000;
}

/* Waiting for one of the library's own locks is not the user's doing. */
static void placement_look(struct nu_usage *usage)
{
    struct rusage ru;
    (void) getrusage(RUSAGE_THREAD, &ru);
    usage->used = placement_ns(&ru.ru_utime) + placement_ns(&ru.ru_stime);
    usage->slept = (uint64_t) ru.ru_nvcsw - nu_lock_waits;
}

/* Between two looks. */
static struct nu_usage placement_since(const struct nu_usage *then, const struct nu_usage *now)
{
    return (struct nu_usage){ now->used - then->used, now->slept - then->slept };
}

static bool placement_is_slow(const struct nu_usage *call)
{
    return call->slept > 0 || call->used >= LONG;
}

static void placement_judge_on_worker(const struct nu_call *call)
{
    struct nu_usage now;
    placement_look(&now);
    struct nu_usage spent = placement_since(&call->before, &now);
    if (placement_is_slow(&spent)) {
        placement_demote(call->placement, 4, ROW_HELD);
    } else {
        placement_passed(call->placement);
    }
}

/* ---- Calls on a loop ---------------------------------------------------------------------- */

/* This owner's last look, one for each tick of the coarse clock at the most. */
static _Thread_local struct look {
    uint64_t at; /* the coarse clock */
    struct nu_usage usage;
    uint64_t queued;  /* time that it waited for a processor; 0 where the kernel does not say: then
                       * what was not computed was slept */
    uint64_t excused; /* time since then in what is excused, by the coarse clock */
} looked;

/* The coarse clock when the last call in this turn of the loop ended, or before the first one. */
static _Thread_local uint64_t coarse_then;
static _Thread_local uint64_t coarse_turns;

static uint64_t placement_tick(void)
{
    struct timespec ts;
    clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
    return (uint64_t) ts.tv_nsec;
}

static void placement_look_again(uint64_t now)
{
    looked.at = now;
    looked.excused = 0;
    looked.queued = nu_schedstat_queued(0);
    placement_look(&looked.usage);
}

/* What the log is to be told, once. On the watchdog's thread, too. */
static bool placement_describe(void *what, unsigned ms, char *text, size_t size)
{
    struct nu_placement *placement = what;
    if (atomic_exchange(&placement->reported, true)) {
        return false;
    }
    const char *then = placement_place(placement) == NU_PLACE_PINNED
                           ? "as it was told to be called on it"
                           : "it is called on a worker from now on";
    if (placement->path != NULL) {
        snprintf(text, size, "the handler of %s has held a loop for %u ms; %s",
                 placement->path[0] != '\0' ? placement->path : "/", ms, then);
    } else {
        const struct entry *entry = nu_container(placement, struct entry, placement);
        snprintf(text, size, "the callback at %p has held a loop for %u ms; %s",
                 (void *) (uintptr_t) atomic_load(&entry->cb), ms, then);
    }
    return true;
}

static void placement_report(struct nu_placement *placement, uint64_t held)
{
    char text[512]; /* as much as the log takes */
    if (placement_describe(placement, (unsigned) (held / NU_MS), text, sizeof text)) {
        nng_log_warn("NNG-URING-HELD", "%s", text);
    }
}

enum verdict { FAST, DOUBT, SLOW };

/*
 * Of a call during which the coarse clock moved on by `moved`, and of what its thread was given
 * since the look before, in the same tick: at most so much of that was not the call's. Time in
 * which it neither ran nor waited for a processor it has slept; or its processor was taken from the
 * whole machine, which is nobody's fault, and shows where it was not it that gave it up.
 */
static enum verdict placement_verdict(const struct nu_usage *spent, uint64_t queued, uint64_t moved)
{
    uint64_t tick = placement_tick();
    if (spent->slept == 0 && spent->used < LONG) {
        return FAST;
    }
    bool slept = spent->slept > 0 && moved >= tick + LONG + spent->used + queued;
    return slept || spent->used >= tick + LONG ? SLOW : DOUBT;
}

/* What a call has to answer for that the clock, or a look before and behind it, has made suspect:
 * not for the time in which it was preempted. */
static void placement_pass_sentence(struct nu_placement *placement, enum verdict verdict,
                                    uint64_t now, uint64_t took)
{
    uint64_t held = took > placement_tick() ? took - placement_tick() : 0; /* or a little more */
    if (verdict == DOUBT) {
        placement_watch(placement, now);
    }
    if (verdict != SLOW) {
        return;
    }
    if (held < HELD_VERY) {
        placement_demote(placement, 4, ROW_HELD);
    } else {
        placement_demote(placement, 256, ROW_WAITED);
    }
    if (held >= HELD_LONG) {
        placement_report(placement, took);
    }
}

/* A call of which the clock says that it took time, or that is watched. */
static void placement_judge_on_loop(const struct nu_call *call, uint64_t now)
{
    struct look before = looked;
    uint64_t moved = call->turns == call->loop->turns ? now - coarse_then : 0;
    enum verdict verdict;
    moved -= before.excused < moved ? before.excused : moved;
    placement_look_again(now);
    uint64_t queued = looked.queued - before.queued;
    if (call->measured) {
        struct nu_usage spent = placement_since(&call->before, &looked.usage);
        verdict = placement_is_slow(&spent) ? SLOW : FAST;
    } else {
        struct nu_usage spent = placement_since(&before.usage, &looked.usage);
        verdict = placement_verdict(&spent, queued, moved);
    }
    if (call->measured && verdict == FAST) {
        placement_passed(call->placement);
    }
    placement_pass_sentence(call->placement, verdict, now, moved > queued ? moved - queued : 0);
}

static void placement_begin_on_loop(struct nu_call *call)
{
    call->turns = call->loop->turns;
    if (coarse_turns == call->turns) {
        return;
    }
    coarse_turns = call->turns;
    coarse_then = placement_coarse();
    if (looked.at != coarse_then) {
        placement_look_again(coarse_then);
    }
}

/* Where the call has turned the loop, the clock is about others, too. */
static void placement_end_on_loop(const struct nu_call *call)
{
    uint64_t now = placement_coarse();
    if (call->measured || (now != coarse_then && call->turns == call->loop->turns)) {
        placement_judge_on_loop(call, now);
    }
    coarse_then = now;
    call->loop->now = 0; /* nobody knows how long it has taken */
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
        if (call->loop != NULL) {
            nu_watchdog_end(call->loop); /* it goes on turning */
        }
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
    if (loop->stopping) {
        nu_nap(1); /* timers come at once there, and the caller asks again */
    }
}

static void placement_wake(void *self)
{
    nu_loop_wake(self);
}

static const struct nu_blocking placement_blocking = { placement_begin_wait, placement_turn,
                                                       placement_wake };

/* ---- Calls -------------------------------------------------------------------------------- */

/* Another library's threads, which call back in place, are nobody's to hold. */
static bool placement_must_measure(const struct nu_placement *placement, const struct nu_loop *loop)
{
    return placement_place(placement) == NU_PLACE_WATCHED || (loop == NULL && nu_workers_self());
}

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
    call->measured = placement_must_measure(placement, call->loop);
    if (call->loop != NULL) {
        placement_begin_on_loop(call);
        nu_watchdog_begin(call->loop, placement, placement_describe);
    }
    if (call->measured) {
        placement_look(&call->before);
    }
}

void nu_call_end(struct nu_call *call)
{
    nu_calls = call->outer;
    if (call->placement == NULL) {
        return;
    }
    if (call->loop != NULL) {
        nu_watchdog_end(call->loop);
        placement_end_on_loop(call);
    } else if (call->measured) {
        placement_judge_on_worker(call);
    }
}

/* Where a call is measured, it is known how often it was. On a loop others are judged by the time
 * that they have held it, and where it was something else that has slept, there is a doubt. */
static bool placement_counts_sleeps(void)
{
    return nu_calls != NULL && nu_calls->placement != NULL && nu_calls->measured;
}

static bool placement_counts_time(void)
{
    return nu_calls != NULL && nu_calls->placement != NULL && nu_calls->loop != NULL;
}

void nu_call_excuse_begin(struct nu_usage *then)
{
    if (placement_counts_sleeps()) {
        placement_look(then);
    } else if (placement_counts_time()) {
        then->used = placement_coarse();
    }
}

void nu_call_excuse_end(const struct nu_usage *then)
{
    struct nu_usage now;
    if (placement_counts_sleeps()) {
        placement_look(&now);
        nu_lock_waits += now.slept - then->slept;
    } else if (placement_counts_time()) {
        looked.excused += placement_coarse() - then->used;
    }
}
