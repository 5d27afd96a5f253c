/* SPDX-License-Identifier: MIT */
#include "io/aio.h"

#include "base/clock.h"
#include "io/counters.h"
#include "io/runtime.h"

#include <stdlib.h>
#include <string.h>

/* A callback that runs on this thread; they nest when one of them waits. */
struct frame {
    const nng_aio *aio;
    struct frame *outer;
};

static _Thread_local struct frame *frames;

/* A thread that waits; on its stack, so an aio nobody waits for carries none. */
struct nu_aio_waiter {
    atomic_uint woken; /* 0: it may sleep */
    struct nu_aio_waiter *next;
};

static void aio_run_callback(struct nu_task *task);
static void aio_attend(struct nu_task *task);
static void aio_timer_fired(struct nu_timer *timer);

static enum nu_aio_state aio_state_of(const nng_aio *aio)
{
    return atomic_load_explicit(&aio->state, memory_order_relaxed);
}

static void aio_set_state(nng_aio *aio, enum nu_aio_state state)
{
    atomic_store_explicit(&aio->state, state, memory_order_relaxed);
}

static void aio_set_result(nng_aio *aio, int result, size_t count)
{
    atomic_store_explicit(&aio->result, result, memory_order_relaxed);
    atomic_store_explicit(&aio->count, count, memory_order_relaxed);
}

static void aio_lock(nng_aio *aio)
{
    if (!aio->local) {
        nu_lock(&aio->lock);
    }
}

static void aio_unlock(nng_aio *aio)
{
    if (!aio->local) {
        nu_unlock(&aio->lock);
    }
}

/* ---- Life --------------------------------------------------------------------------------- */

void nu_aio_init(nng_aio *aio, void (*cb)(void *), void *arg)
{
    memset(aio, 0, sizeof *aio);
    nu_list_init(&aio->link);
    aio->cb = cb;
    aio->arg = arg;
    aio->timeout = NNG_DURATION_DEFAULT;
    aio->deadline = NU_NEVER;
    aio->timer.fire = aio_timer_fired;
    nu_task_init(&aio->finish, aio_run_callback);
    nu_task_init(&aio->process_pending, aio_attend);
}

/* What nng_aio_alloc() gives. */
struct whole {
    nng_aio aio;
    struct nu_aio_args args;
};

static void aio_destroy(nng_aio *aio)
{
    struct nu_aio_companion *companion = aio->args->companion;
    if (companion != NULL) {
        companion->free(companion);
    }
    free(nu_container(aio, struct whole, aio));
}

int nng_aio_alloc(nng_aio **aiop, void (*cb)(void *), void *arg)
{
    int err = nu_runtime_start();
    if (err != 0) {
        return err;
    }
    struct whole *whole = calloc(1, sizeof *whole);
    if (whole == NULL) {
        return NNG_ENOMEM;
    }
    nu_aio_init(&whole->aio, cb, arg);
    whole->aio.dispose = aio_destroy;
    whole->aio.args = &whole->args;
    *aiop = &whole->aio;
    return 0;
}

/* Something ended: wakes those who wait, and unlocks. A doomed aio is gone when this returns. */
static void aio_settle(nng_aio *aio)
{
    for (struct nu_aio_waiter *waiter = aio->waiters; waiter != NULL; waiter = waiter->next) {
        atomic_store_explicit(&waiter->woken, 1, memory_order_relaxed);
        nu_futex_wake(&waiter->woken);
    }
    if (aio->turning > 0) {
        nu_runtime_wake();
    }
    bool gone = aio->doomed && aio_state_of(aio) == NU_AIO_IDLE && aio->refs == 0;
    aio_unlock(aio);
    if (gone) {
        aio->dispose(aio);
    }
}

/* ---- Operations --------------------------------------------------------------------------- */

/* An owner remembers the time, so that what follows in its turn need not look at the clock again.
 */
static uint64_t aio_look_at_clock(void)
{
    struct nu_loop *loop = nu_loop_self();
    uint64_t now = nu_now();
    if (loop != NULL) {
        loop->now = now;
    }
    return now;
}

static uint64_t aio_next_deadline(nng_aio *aio)
{
    if (aio->use_expire) {
        aio->use_expire = false;
        (void) aio_look_at_clock(); /* whether that has passed already */
        return aio->expire < NU_NEVER / NU_MS ? aio->expire * NU_MS : NU_NEVER;
    }
    if (aio->timeout == NNG_DURATION_INFINITE || aio->timeout == NNG_DURATION_DEFAULT) {
        return NU_NEVER;
    }
    return aio->timeout > 0 ? aio_look_at_clock() + (uint64_t) aio->timeout * NU_MS : 0;
}

/* A forked child has no loops to run anything on: operations end where they begin. */
static void aio_refuse_in_child(nng_aio *aio)
{
    aio_set_result(aio, NNG_ENOTSUP, 0);
    if (aio->cb != NULL) {
        aio->cb(aio->arg);
    }
}

bool nng_aio_begin(nng_aio *aio)
{
    if (nu_runtime_forked()) {
        aio_refuse_in_child(aio);
        return false;
    }
    aio_lock(aio);
    if (aio_state_of(aio) != NU_AIO_IDLE || aio->stopped) {
        if (aio_state_of(aio) == NU_AIO_IDLE) {
            aio_set_result(aio, NNG_ECANCELED, 0);
        }
        aio_unlock(aio);
        return false;
    }
    aio_set_state(aio, NU_AIO_BEGUN);
    aio->abort = 0;
    aio_set_result(aio, 0, 0);
    aio->loop = NULL;
    if (aio->args != NULL) {
        memset(aio->args->output, 0, sizeof aio->args->output);
    }
    aio->deadline = aio_next_deadline(aio);
    aio_unlock(aio);
    return true;
}

bool nu_aio_begin_late(nng_aio *aio)
{
    aio_lock(aio);
    bool idle = aio_state_of(aio) == NU_AIO_IDLE && !aio->stopped && aio->dispose == aio_destroy;
    if (idle) {
        aio_set_state(aio, NU_AIO_BEGUN);
        aio->abort = 0;
        aio->loop = NULL;
    }
    aio_unlock(aio);
    return idle;
}

int nu_aio_schedule(nng_aio *aio, struct nu_loop *loop, nng_aio_cancelfn cancel, void *arg)
{
    aio_lock(aio);
    int err = aio->abort;
    if (err == 0) {
        aio_set_state(aio, NU_AIO_PENDING);
        aio->loop = loop;
        aio->cancel = cancel;
        aio->cancel_arg = arg;
    }
    aio_unlock(aio);
    return err;
}

/* Has the loop look at a pending aio. Called with the lock held. */
static void aio_post_attend(nng_aio *aio)
{
    if (!aio->process_posted) {
        aio->process_posted = true;
        aio->refs++;
        nu_loop_post(aio->loop, &aio->process_pending);
    }
}

/* Calls a pending aio's cancel function, once, without the lock it is called with. The reference
 * keeps the aio while the function runs, for its provider may finish it. */
static void aio_cancel_pending(nng_aio *aio, int err)
{
    nng_aio_cancelfn cancel = aio->cancel;
    void *arg = aio->cancel_arg;
    if (cancel == NULL) {
        return;
    }
    aio->cancel = NULL;
    aio->refs++;
    aio_unlock(aio);
    cancel(aio, arg, err);
    aio_lock(aio);
    aio->refs--;
}

/* On its loop's owner, whose thread counts. An endless operation's deadline is none. */
static void aio_arm(nng_aio *aio)
{
    if (!aio->timer.armed) {
        nu_timer_arm(&aio->loop->timers, &aio->timer, aio->deadline);
        nu_count(NU_COUNT_DEADLINES_ARMED, aio->deadline < NU_NEVER - 1);
    }
}

static void aio_attend(struct nu_task *task)
{
    nng_aio *aio = nu_container(task, nng_aio, process_pending);
    aio_lock(aio);
    aio->process_posted = false;
    aio->refs--;
    if (aio_state_of(aio) == NU_AIO_PENDING && aio->loop != nu_loop_self()) {
        aio_post_attend(aio); /* this was for an operation before, on another loop */
    } else if (aio_state_of(aio) == NU_AIO_PENDING && aio->abort != 0) {
        aio_cancel_pending(aio, aio->abort);
    } else if (aio_state_of(aio) == NU_AIO_PENDING && aio->expires) {
        aio_arm(aio);
    }
    aio_settle(aio);
}

static void aio_owe(nng_aio *aio)
{
    if (!aio->external_pending) {
        aio->external_pending = true;
        atomic_fetch_add(&aio->loop->external_pending, 1);
    }
}

void nu_aio_external_pending(nng_aio *aio, struct nu_loop *loop)
{
    aio_lock(aio);
    aio->loop = loop;
    aio_owe(aio);
    aio_unlock(aio);
}

void nu_aio_defer(nng_aio *aio, struct nu_loop *loop, nng_aio_cancelfn cancel, void *arg)
{
    aio_lock(aio);
    if (aio_state_of(aio) == NU_AIO_BEGUN) {
        aio_set_state(aio, NU_AIO_PENDING);
        aio->loop = aio->loop != NULL ? aio->loop : loop;
        aio->cancel = cancel;
        aio->cancel_arg = arg;
        aio_owe(aio);
        aio->expires = true;
        /* An endless one still has a deadline, so that nng_fini() ends it. */
        aio->deadline = aio->deadline != NU_NEVER ? aio->deadline : NU_NEVER - 1;
        aio_post_attend(aio);
    }
    aio_unlock(aio);
}

void nu_aio_timer_start(nng_aio *aio)
{
    if (aio->deadline == NU_NEVER) {
        return;
    }
    aio_lock(aio);
    aio->expires = true;
    if (aio->loop != nu_loop_self()) {
        aio_post_attend(aio);
    } else {
        aio_arm(aio);
    }
    aio_unlock(aio);
}

void nu_aio_timer_stop(nng_aio *aio)
{
    nu_timer_disarm(&aio->loop->timers, &aio->timer);
}

static void aio_timer_fired(struct nu_timer *timer)
{
    nng_aio *aio = nu_container(timer, nng_aio, timer);
    aio_lock(aio);
    if (aio_state_of(aio) == NU_AIO_PENDING) {
        bool stopping = nu_loop_self()->stopping;
        nu_count(NU_COUNT_DEADLINES_FIRED, !stopping);
        aio_cancel_pending(aio, stopping ? NNG_ECLOSED : NNG_ETIMEDOUT);
    }
    aio_settle(aio);
}

bool nu_aio_expired(const nng_aio *aio)
{
    struct nu_loop *loop = nu_loop_self();
    return aio->deadline != NU_NEVER &&
           aio->deadline <= (loop != NULL ? nu_loop_now(loop) : nu_now());
}

static void aio_call_back(nng_aio *aio)
{
    struct frame frame = { aio, frames };
    aio->running++;
    aio->refs++;
    aio_unlock(aio);
    frames = &frame;
    aio->cb(aio->arg);
    nu_runtime_end_child();
    frames = frame.outer;
    if (aio->dispose == aio_destroy && nu_loop_self() != NULL) {
        nu_loop_self()->now = 0; /* nobody knows how long a user's code has taken */
    }
    aio_lock(aio);
    aio->refs--;
    aio->running--;
}

/* For those without a callback, or (after nng_fini(), in a process that can have no loop any more)
 * without a thread to run it on. Called with the lock, returns without. */
static void aio_finish_here(nng_aio *aio)
{
    aio_set_state(aio, NU_AIO_IDLE);
    if (aio->cb != NULL) {
        aio_call_back(aio);
    }
    aio_settle(aio);
}

void nu_aio_finish(nng_aio *aio, int result, size_t count)
{
    aio_lock(aio);
    if (aio_state_of(aio) != NU_AIO_BEGUN && aio_state_of(aio) != NU_AIO_PENDING) {
        aio_unlock(aio); /* a provider's second finish */
        return;
    }
    aio_set_result(aio, result, count);
    aio->abort = 0;
    if (aio->loop == NULL && (aio->cb == NULL || (aio->loop = nu_runtime_pick()) == NULL)) {
        aio_finish_here(aio);
        return;
    }
    if (aio->expires && aio->loop == nu_loop_self()) {
        aio->expires = false;
        nu_timer_disarm(&aio->loop->timers, &aio->timer);
    }
    if (aio->cb == NULL && !aio->expires && !aio->external_pending) {
        aio_finish_here(aio);
        return;
    }
    aio_set_state(aio, NU_AIO_FINISHED);
    if (!aio->finish_held) {
        nu_loop_post(aio->loop, &aio->finish);
    }
    aio_unlock(aio);
}

void nu_aio_finish_inline(nng_aio *aio, int result, size_t count)
{
    aio_lock(aio);
    if (aio_state_of(aio) != NU_AIO_PENDING || aio->expires || aio->external_pending) {
        aio_unlock(aio);
        nu_aio_finish(aio, result, count);
        return;
    }
    aio_set_result(aio, result, count);
    aio->abort = 0;
    aio_finish_here(aio);
}

/* An abort that sees it pending still, and comes too late, leaves a code that nobody reads. One
 * that is not pending was finished by somebody who had no business to. */
void nu_aio_end(nng_aio *aio, int result, size_t count)
{
    if (aio->cb == NULL || aio_state_of(aio) != NU_AIO_PENDING) {
        nu_aio_finish(aio, result, count);
        return;
    }
    aio_set_result(aio, result, count);
    nu_timer_disarm(&aio->loop->timers, &aio->timer);
    aio_set_state(aio, NU_AIO_FINISHED);
    nu_loop_post(aio->loop, &aio->finish);
}

/* The operation is over, its timer too: from here on the aio is free for the next one. With the
 * lock held. */
static void aio_become_idle(nng_aio *aio)
{
    nu_timer_disarm(&nu_loop_self()->timers, &aio->timer);
    aio->expires = false;
    aio_set_state(aio, NU_AIO_IDLE);
    if (aio->external_pending) {
        aio->external_pending = false;
        atomic_fetch_sub(&aio->loop->external_pending, 1);
    }
}

static void aio_run_callback(struct nu_task *task)
{
    nng_aio *aio = nu_container(task, nng_aio, finish);
    aio_lock(aio);
    aio_become_idle(aio);
    if (aio->cb != NULL) {
        aio_call_back(aio);
    }
    aio_settle(aio);
}

void nu_aio_hold_finish(nng_aio *aio, struct nu_loop *loop)
{
    aio->loop = loop;
    aio->finish_held = true;
}

bool nu_aio_let_finish(nng_aio *aio)
{
    aio_lock(aio);
    bool finished = aio_state_of(aio) == NU_AIO_FINISHED;
    aio->finish_held = false;
    if (finished) {
        aio_become_idle(aio);
    } else {
        aio_owe(aio);
    }
    aio_unlock(aio);
    return finished;
}

/* ---- Ending and waiting ------------------------------------------------------------------- */

static unsigned aio_own_frames(const nng_aio *aio)
{
    unsigned n = 0;
    for (const struct frame *f = frames; f != NULL; f = f->outer) {
        n += f->aio == aio;
    }
    return n;
}

/* With the lock held: leaves the code for the provider, or for the loop to deliver it. */
static void aio_request_abort(nng_aio *aio, int err)
{
    if ((aio_state_of(aio) == NU_AIO_BEGUN || aio_state_of(aio) == NU_AIO_PENDING) &&
        aio->abort == 0) {
        aio->abort = err != 0 ? err : NNG_ECANCELED;
        if (aio_state_of(aio) == NU_AIO_PENDING) {
            aio_post_attend(aio);
        }
    }
}

void nng_aio_abort(nng_aio *aio, int err)
{
    aio_lock(aio);
    aio_request_abort(aio, err);
    aio_unlock(aio);
}

void nng_aio_cancel(nng_aio *aio)
{
    nng_aio_abort(aio, NNG_ECANCELED);
}

static bool aio_quiet(const nng_aio *aio, unsigned running, unsigned refs)
{
    return aio_state_of(aio) == NU_AIO_IDLE && aio->running <= running && aio->refs <= refs;
}

/* Until something has ended. With the lock held. */
static void aio_sleep_until_settled(nng_aio *aio)
{
    struct nu_aio_waiter waiter = { .next = aio->waiters };
    struct nu_aio_waiter **link;
    /* cppcheck-suppress autoVariables ; it is taken out again below */
    aio->waiters = &waiter;
    aio_unlock(aio);
    while (atomic_load_explicit(&waiter.woken, memory_order_relaxed) == 0) {
        nu_futex_wait(&waiter.woken, 0);
    }
    aio_lock(aio);
    for (link = &aio->waiters; *link != &waiter; link = &(*link)->next) {
    }
    *link = waiter.next;
}

/* Waits, with the lock held, until no operation is left and at most `running` callbacks and `refs`
 * uses. An owner goes on turning its loop: what it waits for may be its own to do. In a forked
 * child nobody is left to end anything. */
static void aio_wait_quiet(nng_aio *aio, unsigned running, unsigned refs)
{
    struct nu_loop *loop = nu_loop_self();
    if (loop == NULL || nu_runtime_forked()) {
        while (!aio_quiet(aio, running, refs) && !nu_runtime_forked()) {
            aio_sleep_until_settled(aio);
        }
        return;
    }
    aio->turning++;
    while (!aio_quiet(aio, running, refs)) {
        aio_unlock(aio);
        nu_loop_iterate(loop);
        aio_lock(aio);
    }
    aio->turning--;
}

void nng_aio_wait(nng_aio *aio)
{
    aio_lock(aio);
    aio_wait_quiet(aio, aio_own_frames(aio), UINT32_MAX);
    aio_unlock(aio);
}

void nng_aio_stop(nng_aio *aio)
{
    aio_lock(aio);
    aio->stopped = true;
    aio_request_abort(aio, NNG_ECANCELED);
    aio_wait_quiet(aio, aio_own_frames(aio), UINT32_MAX);
    aio_unlock(aio);
}

void nng_aio_free(nng_aio *aio)
{
    if (aio == NULL) {
        return;
    }
    if (aio_own_frames(aio) > 0) {
        nng_aio_reap(aio);
        return;
    }
    aio_lock(aio);
    aio->stopped = true;
    aio_request_abort(aio, NNG_ECLOSED);
    aio_wait_quiet(aio, 0, 0);
    aio_unlock(aio);
    aio_destroy(aio);
}

void nng_aio_reap(nng_aio *aio)
{
    if (aio == NULL) {
        return;
    }
    aio_lock(aio);
    aio->stopped = true;
    aio->doomed = true;
    aio_request_abort(aio, NNG_ECLOSED);
    aio_settle(aio);
}

bool nng_aio_busy(nng_aio *aio)
{
    aio_lock(aio);
    bool busy = aio_state_of(aio) != NU_AIO_IDLE || aio->running > 0;
    aio_unlock(aio);
    return busy;
}
