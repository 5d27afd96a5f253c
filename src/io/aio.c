#include "io/aio.h"

#include "base/clock.h"
#include "io/counters.h"
#include "io/runtime.h"

#include <stdlib.h>
#include <string.h>

/* A callback that runs on this thread; they nest when one of them waits. */
struct frame {
    const nng_aio *aio;
    struct frame  *outer;
};

static _Thread_local struct frame *frames;

/* A thread that waits; on its stack, so an aio nobody waits for carries none. */
struct nu_aio_waiter {
    atomic_uint           woken; /* 0: it may sleep */
    struct nu_aio_waiter *next;
};

static void run_callback(struct nu_task *task);
static void attend(struct nu_task *task);
static void timer_fired(struct nu_timer *timer);

static enum nu_aio_state state_of(const nng_aio *aio)
{
    return atomic_load_explicit(&aio->state, memory_order_relaxed);
}

static void set_state(nng_aio *aio, enum nu_aio_state state)
{
    atomic_store_explicit(&aio->state, state, memory_order_relaxed);
}

static void set_result(nng_aio *aio, int result, size_t count)
{
    atomic_store_explicit(&aio->result, result, memory_order_relaxed);
    atomic_store_explicit(&aio->count, count, memory_order_relaxed);
}

static void lock(nng_aio *aio)
{
    if (!aio->local) {
        nu_lock(&aio->lock);
    }
}

static void unlock(nng_aio *aio)
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
    aio->cb         = cb;
    aio->arg        = arg;
    aio->timeout    = NNG_DURATION_DEFAULT;
    aio->deadline   = NU_NEVER;
    aio->timer.fire = timer_fired;
    nu_task_init(&aio->finish, run_callback);
    nu_task_init(&aio->attend, attend);
}

/* What nng_aio_alloc() gives. */
struct whole {
    nng_aio            aio;
    struct nu_aio_args args;
};

static void destroy(nng_aio *aio)
{
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
    whole->aio.dispose = destroy;
    whole->aio.args    = &whole->args;
    *aiop              = &whole->aio;
    return 0;
}

/* Something ended: wakes those who wait, and unlocks. A doomed aio is gone when this returns. */
static void settle(nng_aio *aio)
{
    for (struct nu_aio_waiter *waiter = aio->waiters; waiter != NULL; waiter = waiter->next) {
        atomic_store_explicit(&waiter->woken, 1, memory_order_relaxed);
        nu_futex_wake(&waiter->woken);
    }
    if (aio->turning > 0) {
        nu_runtime_wake();
    }
    bool gone = aio->doomed && state_of(aio) == NU_AIO_IDLE && aio->refs == 0;
    unlock(aio);
    if (gone) {
        aio->dispose(aio);
    }
}

/* ---- Operations --------------------------------------------------------------------------- */

/* An owner remembers the time, so that what follows in its turn need not look at the clock again.
 */
static uint64_t look_at_clock(void)
{
    struct nu_loop *loop = nu_loop_self();
    uint64_t        now  = nu_now();
    if (loop != NULL) {
        loop->now = now;
    }
    return now;
}

static uint64_t next_deadline(nng_aio *aio)
{
    if (aio->use_expire) {
        aio->use_expire = false;
        (void) look_at_clock(); /* whether that has passed already */
        return aio->expire < NU_NEVER / NU_MS ? aio->expire * NU_MS : NU_NEVER;
    }
    if (aio->timeout == NNG_DURATION_INFINITE || aio->timeout == NNG_DURATION_DEFAULT) {
        return NU_NEVER;
    }
    return aio->timeout > 0 ? look_at_clock() + (uint64_t) aio->timeout * NU_MS : 0;
}

/* A forked child has no loops to run anything on: operations end where they begin. */
static void refuse_in_child(nng_aio *aio)
{
    set_result(aio, NNG_ENOTSUP, 0);
    if (aio->cb != NULL) {
        aio->cb(aio->arg);
    }
}

bool nng_aio_begin(nng_aio *aio)
{
    if (nu_runtime_forked()) {
        refuse_in_child(aio);
        return false;
    }
    lock(aio);
    if (state_of(aio) != NU_AIO_IDLE || aio->stopped) {
        if (state_of(aio) == NU_AIO_IDLE) {
            set_result(aio, NNG_ECANCELED, 0);
        }
        unlock(aio);
        return false;
    }
    set_state(aio, NU_AIO_BEGUN);
    aio->abort = 0;
    set_result(aio, 0, 0);
    aio->loop = NULL;
    if (aio->args != NULL) {
        memset(aio->args->output, 0, sizeof aio->args->output);
    }
    aio->deadline = next_deadline(aio);
    unlock(aio);
    return true;
}

int nu_aio_schedule(nng_aio *aio, struct nu_loop *loop, nng_aio_cancelfn cancel, void *arg)
{
    lock(aio);
    int err = aio->abort;
    if (err == 0) {
        set_state(aio, NU_AIO_PENDING);
        aio->loop       = loop;
        aio->cancel     = cancel;
        aio->cancel_arg = arg;
    }
    unlock(aio);
    return err;
}

/* Has the loop look at a pending aio. Called with the lock held. */
static void post_attend(nng_aio *aio)
{
    if (!aio->attending) {
        aio->attending = true;
        aio->refs++;
        nu_loop_post(aio->loop, &aio->attend);
    }
}

/* Calls a pending aio's cancel function, once, without the lock it is called with. The reference
 * keeps the aio while the function runs, for its provider may finish it. */
static void cancel_pending(nng_aio *aio, int err)
{
    nng_aio_cancelfn cancel = aio->cancel;
    void            *arg    = aio->cancel_arg;
    if (cancel == NULL) {
        return;
    }
    aio->cancel = NULL;
    aio->refs++;
    unlock(aio);
    cancel(aio, arg, err);
    lock(aio);
    aio->refs--;
}

/* On its loop's owner, whose thread counts. An endless operation's deadline is none. */
static void arm(nng_aio *aio)
{
    if (!aio->timer.armed) {
        nu_timer_arm(&aio->loop->timers, &aio->timer, aio->deadline);
        nu_count(NU_COUNT_DEADLINES_ARMED, aio->deadline < NU_NEVER - 1);
    }
}

static void attend(struct nu_task *task)
{
    nng_aio *aio = nu_container(task, nng_aio, attend);
    lock(aio);
    aio->attending = false;
    aio->refs--;
    if (state_of(aio) == NU_AIO_PENDING && aio->loop != nu_loop_self()) {
        post_attend(aio); /* this was for an operation before, on another loop */
    } else if (state_of(aio) == NU_AIO_PENDING && aio->abort != 0) {
        cancel_pending(aio, aio->abort);
    } else if (state_of(aio) == NU_AIO_PENDING && aio->expires) {
        arm(aio);
    }
    settle(aio);
}

static void owe(nng_aio *aio)
{
    if (!aio->owed) {
        aio->owed = true;
        atomic_fetch_add(&aio->loop->owed, 1);
    }
}

void nu_aio_owe(nng_aio *aio, struct nu_loop *loop)
{
    lock(aio);
    aio->loop = loop;
    owe(aio);
    unlock(aio);
}

void nu_aio_defer(nng_aio *aio, struct nu_loop *loop, nng_aio_cancelfn cancel, void *arg)
{
    lock(aio);
    if (state_of(aio) == NU_AIO_BEGUN) {
        set_state(aio, NU_AIO_PENDING);
        aio->loop       = aio->loop != NULL ? aio->loop : loop;
        aio->cancel     = cancel;
        aio->cancel_arg = arg;
        owe(aio);
        aio->expires = true;
        /* An endless one still has a deadline, so that nng_fini() ends it. */
        aio->deadline = aio->deadline != NU_NEVER ? aio->deadline : NU_NEVER - 1;
        post_attend(aio);
    }
    unlock(aio);
}

void nu_aio_expire(nng_aio *aio)
{
    if (aio->deadline == NU_NEVER) {
        return;
    }
    lock(aio);
    aio->expires = true;
    if (aio->loop != nu_loop_self()) {
        post_attend(aio);
    } else {
        arm(aio);
    }
    unlock(aio);
}

void nu_aio_keep(nng_aio *aio)
{
    nu_timer_disarm(&aio->loop->timers, &aio->timer);
}

static void timer_fired(struct nu_timer *timer)
{
    nng_aio *aio = nu_container(timer, nng_aio, timer);
    lock(aio);
    if (state_of(aio) == NU_AIO_PENDING) {
        bool stopping = nu_loop_self()->stopping;
        nu_count(NU_COUNT_DEADLINES_FIRED, !stopping);
        cancel_pending(aio, stopping ? NNG_ECLOSED : NNG_ETIMEDOUT);
    }
    settle(aio);
}

bool nu_aio_late(const nng_aio *aio)
{
    struct nu_loop *loop = nu_loop_self();
    return aio->deadline != NU_NEVER &&
           aio->deadline <= (loop != NULL ? nu_loop_now(loop) : nu_now());
}

static void call_back(nng_aio *aio)
{
    struct frame frame = { aio, frames };
    aio->running++;
    aio->refs++;
    unlock(aio);
    frames = &frame;
    aio->cb(aio->arg);
    frames = frame.outer;
    if (aio->dispose == destroy && nu_loop_self() != NULL) {
        nu_loop_self()->now = 0; /* nobody knows how long a user's code has taken */
    }
    lock(aio);
    aio->refs--;
    aio->running--;
}

/* For those without a callback, or (after nng_fini(), in a process that can have no loop any more)
 * without a thread to run it on. Called with the lock, returns without. */
static void finish_here(nng_aio *aio)
{
    set_state(aio, NU_AIO_IDLE);
    if (aio->cb != NULL) {
        call_back(aio);
    }
    settle(aio);
}

void nu_aio_finish(nng_aio *aio, int result, size_t count)
{
    lock(aio);
    if (state_of(aio) != NU_AIO_BEGUN && state_of(aio) != NU_AIO_PENDING) {
        unlock(aio); /* a provider's second finish */
        return;
    }
    set_result(aio, result, count);
    aio->abort = 0;
    if (aio->loop == NULL && (aio->cb == NULL || (aio->loop = nu_runtime_pick()) == NULL)) {
        finish_here(aio);
        return;
    }
    if (aio->expires && aio->loop == nu_loop_self()) {
        aio->expires = false;
        nu_timer_disarm(&aio->loop->timers, &aio->timer);
    }
    if (aio->cb == NULL && !aio->expires && !aio->owed) {
        finish_here(aio);
        return;
    }
    set_state(aio, NU_AIO_FINISHED);
    nu_loop_post(aio->loop, &aio->finish);
    unlock(aio);
}

/* An abort that sees it pending still, and comes too late, leaves a code that nobody reads. One
 * that is not pending was finished by somebody who had no business to. */
void nu_aio_end(nng_aio *aio, int result, size_t count)
{
    if (aio->cb == NULL || state_of(aio) != NU_AIO_PENDING) {
        nu_aio_finish(aio, result, count);
        return;
    }
    set_result(aio, result, count);
    nu_timer_disarm(&aio->loop->timers, &aio->timer);
    set_state(aio, NU_AIO_FINISHED);
    nu_loop_post(aio->loop, &aio->finish);
}

/* The operation is over, its timer too: from here on the aio is free for the next one. */
static void run_callback(struct nu_task *task)
{
    nng_aio *aio = nu_container(task, nng_aio, finish);
    nu_timer_disarm(&nu_loop_self()->timers, &aio->timer);
    lock(aio);
    aio->expires = false;
    set_state(aio, NU_AIO_IDLE);
    if (aio->owed) {
        aio->owed = false;
        atomic_fetch_sub(&aio->loop->owed, 1);
    }
    if (aio->cb != NULL) {
        call_back(aio);
    }
    settle(aio);
}

/* ---- Ending and waiting ------------------------------------------------------------------- */

static unsigned own_frames(const nng_aio *aio)
{
    unsigned n = 0;
    for (const struct frame *f = frames; f != NULL; f = f->outer) {
        n += f->aio == aio;
    }
    return n;
}

/* With the lock held: leaves the code for the provider, or for the loop to deliver it. */
static void request_abort(nng_aio *aio, int err)
{
    if ((state_of(aio) == NU_AIO_BEGUN || state_of(aio) == NU_AIO_PENDING) && aio->abort == 0) {
        aio->abort = err != 0 ? err : NNG_ECANCELED;
        if (state_of(aio) == NU_AIO_PENDING) {
            post_attend(aio);
        }
    }
}

void nng_aio_abort(nng_aio *aio, int err)
{
    lock(aio);
    request_abort(aio, err);
    unlock(aio);
}

void nng_aio_cancel(nng_aio *aio)
{
    nng_aio_abort(aio, NNG_ECANCELED);
}

static bool quiet(const nng_aio *aio, unsigned running, unsigned refs)
{
    return state_of(aio) == NU_AIO_IDLE && aio->running <= running && aio->refs <= refs;
}

/* Until something has ended. With the lock held. */
static void sleep_until_settled(nng_aio *aio)
{
    struct nu_aio_waiter   waiter = { .next = aio->waiters };
    struct nu_aio_waiter **link;
    /* cppcheck-suppress autoVariables ; it is taken out again below */
    aio->waiters = &waiter;
    unlock(aio);
    while (atomic_load_explicit(&waiter.woken, memory_order_relaxed) == 0) {
        nu_futex_wait(&waiter.woken, 0);
    }
    lock(aio);
    for (link = &aio->waiters; *link != &waiter; link = &(*link)->next) {
    }
    *link = waiter.next;
}

/* Waits, with the lock held, until no operation is left and at most `running` callbacks and `refs`
 * uses. An owner goes on turning its loop: what it waits for may be its own to do. In a forked
 * child nobody is left to end anything. */
static void wait_quiet(nng_aio *aio, unsigned running, unsigned refs)
{
    struct nu_loop *loop = nu_loop_self();
    if (loop == NULL || nu_runtime_forked()) {
        while (!quiet(aio, running, refs) && !nu_runtime_forked()) {
            sleep_until_settled(aio);
        }
        return;
    }
    aio->turning++;
    while (!quiet(aio, running, refs)) {
        unlock(aio);
        nu_loop_turn(loop);
        lock(aio);
    }
    aio->turning--;
}

void nng_aio_wait(nng_aio *aio)
{
    lock(aio);
    wait_quiet(aio, own_frames(aio), UINT32_MAX);
    unlock(aio);
}

void nng_aio_stop(nng_aio *aio)
{
    lock(aio);
    aio->stopped = true;
    request_abort(aio, NNG_ECANCELED);
    wait_quiet(aio, own_frames(aio), UINT32_MAX);
    unlock(aio);
}

void nng_aio_free(nng_aio *aio)
{
    if (aio == NULL) {
        return;
    }
    if (own_frames(aio) > 0) {
        nng_aio_reap(aio);
        return;
    }
    lock(aio);
    aio->stopped = true;
    request_abort(aio, NNG_ECLOSED);
    wait_quiet(aio, 0, 0);
    unlock(aio);
    destroy(aio);
}

void nng_aio_reap(nng_aio *aio)
{
    if (aio == NULL) {
        return;
    }
    lock(aio);
    aio->stopped = true;
    aio->doomed  = true;
    request_abort(aio, NNG_ECLOSED);
    settle(aio);
}

bool nng_aio_busy(nng_aio *aio)
{
    lock(aio);
    bool busy = state_of(aio) != NU_AIO_IDLE || aio->running > 0;
    unlock(aio);
    return busy;
}
