/* SPDX-License-Identifier: MIT */
#include "io/aio.h"

#include "base/clock.h"
#include "base/zero.h"
#include "io/counters.h"
#include "io/placement.h"
#include "io/runtime.h"
#include "io/workers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void aio_run_callback(struct nu_task *task);
static void aio_attend(struct nu_task *task);
static void aio_timer_fired(struct nu_timer *timer);

static void aio_set_state(nng_aio *aio, enum nu_aio_state state)
{
    atomic_store_explicit(&aio->state, state, memory_order_relaxed);
}

static void aio_set_result(nng_aio *aio, int result, size_t count)
{
    atomic_store_explicit(&aio->result, result, memory_order_relaxed);
    atomic_store_explicit(&aio->count, count, memory_order_relaxed);
}

/* ---- Life --------------------------------------------------------------------------------- */

void nu_aio_init(nng_aio *aio, void (*cb)(void *), void *arg)
{
    nu_zero(aio, sizeof *aio);
    nu_aio_init_zeroed(aio, cb, arg);
}

void nu_aio_init_zeroed(nng_aio *aio, void (*cb)(void *), void *arg)
{
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

void nu_aio_destroy(nng_aio *aio)
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
    nu_aio_init_zeroed(&whole->aio, cb, arg);
    whole->aio.dispose = nu_aio_destroy;
    whole->aio.args = &whole->args;
    whole->aio.placement = cb != NULL ? nu_placement_of(cb) : NULL;
    *aiop = &whole->aio;
    return 0;
}

/* Something ended: wakes those who wait, and unlocks. A doomed aio is gone when this returns. */
void nu_aio_settle(nng_aio *aio)
{
    for (struct nu_aio_waiter *waiter = aio->waiters; waiter != NULL; waiter = waiter->next) {
        atomic_store_explicit(&waiter->woken, 1, memory_order_relaxed);
        nu_futex_wake(&waiter->woken);
    }
    if (aio->turning > 0) {
        nu_runtime_wake();
    }
    bool gone = aio->doomed && nu_aio_state_of(aio) == NU_AIO_IDLE && aio->refs == 0;
    nu_aio_unlock(aio);
    if (gone) {
        aio->dispose(aio);
    }
}

void nu_aio_hold(nng_aio *aio)
{
    nu_aio_lock(aio);
    aio->refs++;
    nu_aio_unlock(aio);
}

void nu_aio_drop(nng_aio *aio)
{
    nu_aio_lock(aio);
    aio->refs--;
    nu_aio_settle(aio);
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

/* Of the user's: what is ours ends without that. */
static bool aio_is_too_late(const nng_aio *aio)
{
    return atomic_load_explicit(&nu_runtime_ends, memory_order_relaxed) &&
           aio->dispose == nu_aio_destroy;
}

bool nng_aio_begin(nng_aio *aio)
{
    if (nu_runtime_forked()) {
        aio_refuse_in_child(aio);
        return false;
    }
    nu_aio_lock(aio);
    if (nu_aio_state_of(aio) != NU_AIO_IDLE || aio->stopped || aio_is_too_late(aio)) {
        if (nu_aio_state_of(aio) == NU_AIO_IDLE) {
            aio_set_result(aio, aio->stopped ? NNG_ECANCELED : NNG_ECLOSED, 0);
        }
        nu_aio_unlock(aio);
        return false;
    }
    aio_set_state(aio, NU_AIO_BEGUN);
    aio->abort = 0;
    aio_set_result(aio, 0, 0);
    aio->loop = NULL;
    if (aio->args != NULL) {
        aio->args->helper = NULL;
        memset(aio->args->output, 0, sizeof aio->args->output);
    }
    aio->deadline = aio_next_deadline(aio);
    nu_aio_unlock(aio);
    return true;
}

bool nu_aio_is_cancelled(nng_aio *aio)
{
    nu_aio_lock(aio);
    bool cancelled = nu_aio_state_of(aio) == NU_AIO_PENDING && aio->cancel == NULL;
    nu_aio_unlock(aio);
    return cancelled;
}

bool nu_aio_is_waited_for(nng_aio *aio)
{
    nu_aio_lock(aio);
    bool waited_for = aio->waiters != NULL;
    nu_aio_unlock(aio);
    return waited_for;
}

void nu_aio_drop_helper(nng_aio *aio)
{
    nu_aio_lock(aio);
    if (aio->args != NULL) {
        aio->args->helper = NULL;
    }
    nu_aio_unlock(aio);
}

/* Has the loop look at a pending aio. Called with the lock held. */
void nu_aio_post_attend(nng_aio *aio)
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
    nu_aio_unlock(aio);
    cancel(aio, arg, err);
    nu_aio_lock(aio);
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
    nu_aio_lock(aio);
    aio->process_posted = false;
    aio->refs--;
    if (nu_aio_state_of(aio) == NU_AIO_PENDING && aio->loop != nu_loop_self()) {
        nu_aio_post_attend(aio); /* this was for an operation before, on another loop */
    } else if (nu_aio_state_of(aio) == NU_AIO_PENDING && aio->abort != 0) {
        aio_cancel_pending(aio, aio->abort);
    } else if (nu_aio_state_of(aio) == NU_AIO_PENDING && aio->expires) {
        aio_arm(aio);
    }
    nu_aio_settle(aio);
}

static void aio_owe(nng_aio *aio)
{
    if (!aio->external_pending) {
        aio->external_pending = true;
        nu_loop_external_begin(aio->loop);
    }
}

void nu_aio_external_pending(nng_aio *aio, struct nu_loop *loop)
{
    nu_aio_lock(aio);
    aio->loop = loop;
    aio_owe(aio);
    nu_aio_unlock(aio);
}

void nu_aio_defer(nng_aio *aio, struct nu_loop *loop, nng_aio_cancelfn cancel, void *arg)
{
    nu_aio_lock(aio);
    if (nu_aio_state_of(aio) == NU_AIO_BEGUN) {
        aio_set_state(aio, NU_AIO_PENDING);
        aio->loop = aio->loop != NULL ? aio->loop : loop;
        aio->cancel = cancel;
        aio->cancel_arg = arg;
        aio_owe(aio);
        aio->expires = true;
        /* An endless one still has a deadline, so that nng_fini() ends it. */
        aio->deadline = aio->deadline != NU_NEVER ? aio->deadline : NU_NEVER - 1;
        nu_aio_post_attend(aio);
    }
    nu_aio_unlock(aio);
}

void nu_aio_timer_set(nng_aio *aio)
{
    nu_aio_lock(aio);
    aio->expires = true;
    if (aio->loop != nu_loop_self()) {
        nu_aio_post_attend(aio);
    } else {
        aio_arm(aio);
    }
    nu_aio_unlock(aio);
}

static void aio_timer_fired(struct nu_timer *timer)
{
    nng_aio *aio = nu_container(timer, nng_aio, timer);
    nu_aio_lock(aio);
    if (nu_aio_state_of(aio) == NU_AIO_PENDING) {
        bool stopping = nu_loop_self()->stopping;
        nu_count(NU_COUNT_DEADLINES_FIRED, !stopping);
        aio_cancel_pending(aio, stopping ? NNG_ECLOSED : NNG_ETIMEDOUT);
    }
    nu_aio_settle(aio);
}

bool nu_aio_is_past(uint64_t deadline)
{
    struct nu_loop *loop = nu_loop_self();
    return deadline <= (loop != NULL ? nu_loop_now(loop) : nu_now());
}

/* Calls the callback, with the lock but during the call. */
void nu_aio_call_back(nng_aio *aio)
{
    struct nu_call call;
    aio_set_state(aio, NU_AIO_IDLE);
    aio->running++;
    aio->refs++;
    nu_aio_unlock(aio);
    nu_call_begin(&call, aio->placement, aio);
    aio->cb(aio->arg);
    nu_runtime_end_child();
    nu_call_end(&call);
    nu_aio_lock(aio);
    aio->refs--;
    aio->running--;
}

/* Calls back, and again if the next operation has finished meanwhile: the callbacks of one aio do
 * not overlap. With the lock. */
static void aio_call_back_due(nng_aio *aio)
{
    do {
        aio->due = false;
        nu_aio_call_back(aio);
    } while (aio->due && aio->running == 0);
}

/* For those without a callback, or (after nng_fini(), in a process that can have no loop any more)
 * without a thread to run it on. Called with the lock, returns without. */
static void aio_finish_here(nng_aio *aio)
{
    if (aio->cb != NULL) {
        aio_call_back_due(aio);
    } else {
        aio_set_state(aio, NU_AIO_IDLE);
    }
    nu_aio_settle(aio);
}

/* Whether it is for the calling thread to do what its provider wants before the owner is told. A
 * forked child would do it to what is its parent's. */
static bool aio_claim_ending(nng_aio *aio)
{
    const struct nu_aio_ending *ending = aio->args != NULL ? aio->args->ending : NULL;
    return ending != NULL && !aio->finish_held && aio->loop != nu_loop_self() &&
           !nu_runtime_forked() && ending->claim(aio);
}

/* A thread that is to be cancelled would go before the owner is told. The lock keeps the owner, and
 * with it the loop, until this thread has done with that. */
static void aio_act_and_tell(nng_aio *aio)
{
    unsigned stirred;
    int cancelable;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
    bool quietly = aio->args->ending->act(aio, &stirred);
    nu_aio_lock(aio);
    if (quietly) {
        nu_loop_post_quietly(aio->loop, &aio->finish, stirred);
    } else {
        nu_loop_post(aio->loop, &aio->finish);
    }
    nu_aio_unlock(aio);
    pthread_setcancelstate(cancelable, NULL);
}

/* Called with the lock, returns without. */
static void aio_finish_locked(nng_aio *aio, int result, size_t count)
{
    if (nu_aio_state_of(aio) != NU_AIO_BEGUN && nu_aio_state_of(aio) != NU_AIO_PENDING) {
        nu_aio_unlock(aio); /* a provider's second finish */
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
    bool in_call = aio->finish_held && aio->loop == nu_loop_self();
    if (aio_claim_ending(aio)) {
        nu_aio_unlock(aio);
        aio_act_and_tell(aio);
        return;
    }
    if (!aio->finish_held) {
        nu_loop_post(aio->loop, &aio->finish);
    }
    nu_aio_unlock(aio);
    if (in_call) {
        aio->local = true; /* it is ours alone again */
    }
}

void nu_aio_finish(nng_aio *aio, int result, size_t count)
{
    nu_aio_lock(aio);
    aio_finish_locked(aio, result, count);
}

void nu_aio_finish_any(nng_aio *aio, int result)
{
    nu_aio_lock(aio);
    if (nu_aio_state_of(aio) == NU_AIO_IDLE && !aio->stopped && !aio_is_too_late(aio) &&
        aio->dispose == nu_aio_destroy) {
        aio_set_state(aio, NU_AIO_BEGUN);
        aio->abort = 0;
        aio->loop = NULL;
    }
    aio_finish_locked(aio, result, nng_aio_count(aio));
}

void nu_aio_finish_inline(nng_aio *aio, int result, size_t count)
{
    nu_aio_lock(aio);
    if (nu_aio_state_of(aio) != NU_AIO_PENDING || aio->expires || aio->external_pending ||
        aio->running > 0) {
        nu_aio_unlock(aio);
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
    if (aio->cb == NULL || nu_aio_state_of(aio) != NU_AIO_PENDING) {
        nu_aio_finish(aio, result, count);
        return;
    }
    aio_set_result(aio, result, count);
    nu_timer_disarm(&aio->loop->timers, &aio->timer);
    aio_set_state(aio, NU_AIO_FINISHED);
    nu_loop_post(aio->loop, &aio->finish);
}

static void aio_run_on_worker(struct nu_task *task)
{
    nng_aio *aio = nu_container(task, nng_aio, finish);
    struct nu_placement *placement = aio->placement;
    struct nu_loop *loop = aio->loop;
    aio->finish.run = aio_run_callback;
    nu_aio_lock(aio);
    aio_call_back_due(aio);
    nu_aio_settle(aio);
    nu_placement_done(placement);
    nu_loop_external_end(loop);
}

/* With the lock. Until a worker calls back, nobody but it can do anything about the aio. */
static bool aio_hand_to_worker(nng_aio *aio)
{
    aio->loop = nu_loop_self();
    aio->finish.run = aio_run_on_worker;
    if (nu_workers_post(aio->loop, &aio->finish, nu_placement_queued(aio->placement))) {
        return true;
    }
    nu_placement_done(aio->placement);
    aio->finish.run = aio_run_callback;
    return false;
}

/* The operation is over, its timer too. With the lock held. */
static void aio_end_operation(nng_aio *aio)
{
    nu_timer_disarm(&nu_loop_self()->timers, &aio->timer);
    aio->expires = false;
    if (aio->external_pending) {
        aio->external_pending = false;
        nu_loop_external_end(aio->loop);
    }
}

/* The same where nobody waits, and the function is the library's own. It may have others see the
 * aio, or reap it. */
static void aio_run_local_callback(nng_aio *aio)
{
    nu_timer_disarm(&nu_loop_self()->timers, &aio->timer);
    aio->expires = false;
    aio_set_state(aio, NU_AIO_IDLE);
    aio->running++;
    aio->refs++;
    aio->cb(aio->arg);
    nu_aio_lock(aio);
    aio->refs--;
    aio->running--;
    if (!aio->local || aio->doomed || aio->turning > 0) {
        nu_aio_settle(aio);
    }
}

/* From where it is called back on, the aio is free for the next operation. */
static void aio_run_callback(struct nu_task *task)
{
    nng_aio *aio = nu_container(task, nng_aio, finish);
    if (aio->local && aio->cb != NULL && aio->placement == NULL && !aio->external_pending) {
        aio_run_local_callback(aio);
        return;
    }
    nu_aio_lock(aio);
    aio_end_operation(aio);
    if (aio->cb == NULL) {
        aio_set_state(aio, NU_AIO_IDLE);
    } else if (aio->placement == NULL) {
        nu_aio_call_back(aio);
    } else if (aio->running > 0) {
        aio->due = true;
    } else if (nu_placement_here(aio->placement) || !aio_hand_to_worker(aio)) {
        aio_call_back_due(aio);
    } else {
        nu_aio_unlock(aio);
        return;
    }
    nu_aio_settle(aio);
}

void nu_aio_hold_finish(nng_aio *aio, struct nu_loop *loop)
{
    aio->loop = loop;
    aio->finish_held = true;
}

bool nu_aio_let_finish(nng_aio *aio)
{
    nu_aio_lock(aio);
    bool finished = nu_aio_state_of(aio) == NU_AIO_FINISHED;
    aio->finish_held = false;
    if (finished) {
        aio_end_operation(aio);
        aio_set_state(aio, NU_AIO_IDLE);
    } else {
        aio_owe(aio);
    }
    nu_aio_unlock(aio);
    return finished;
}
