/* SPDX-License-Identifier: MIT */
#include "io/aio.h"
#include "io/placement.h"
#include "io/runtime.h"

#include <pthread.h>

static unsigned aio_own_frames(const nng_aio *aio)
{
    unsigned n = 0;
    for (const struct nu_call *call = nu_calls; call != NULL; call = call->outer) {
        n += call->of == aio;
    }
    return n;
}

/* With the lock held: leaves the code for the provider, or for the loop to deliver it. */
static void aio_request_abort(nng_aio *aio, int err)
{
    if ((nu_aio_state_of(aio) == NU_AIO_BEGUN || nu_aio_state_of(aio) == NU_AIO_PENDING) &&
        aio->abort == 0) {
        aio->abort = err != 0 ? err : NNG_ECANCELED;
        if (nu_aio_state_of(aio) == NU_AIO_PENDING) {
            nu_aio_post_attend(aio);
        }
    }
}

void nng_aio_abort(nng_aio *aio, int err)
{
    nu_aio_lock(aio);
    aio_request_abort(aio, err);
    nu_aio_unlock(aio);
}

void nng_aio_cancel(nng_aio *aio)
{
    nng_aio_abort(aio, NNG_ECANCELED);
}

static bool aio_quiet(const nng_aio *aio, unsigned running, unsigned refs)
{
    return nu_aio_state_of(aio) == NU_AIO_IDLE && aio->running <= running && aio->refs <= refs;
}

/* Until something has ended. With the lock held. */
static void aio_sleep_until_settled(nng_aio *aio)
{
    struct nu_aio_waiter waiter = { .next = aio->waiters }, **link;
    /* cppcheck-suppress autoVariables ; it is taken out again below */
    aio->waiters = &waiter;
    nu_aio_unlock(aio);
    while (atomic_load_explicit(&waiter.woken, memory_order_relaxed) == 0) {
        nu_futex_wait(&waiter.woken, 0);
    }
    nu_aio_lock(aio);
    for (link = &aio->waiters; *link != &waiter; link = &(*link)->next) {
    }
    *link = waiter.next;
}

/* Does something for the operation, if its provider has a use for that, with the lock but
 * meanwhile. While it is not pending, `helper` is the provider's. A thread that is to be cancelled
 * would never leave, so that has to wait, as it does while the thread sleeps. */
static bool aio_help(nng_aio *aio)
{
    int cancelable;
    if (nu_aio_state_of(aio) != NU_AIO_PENDING || aio->abort != 0 || aio->args == NULL ||
        aio->args->helper == NULL) {
        return false;
    }
    struct nu_aio_helper *helper = aio->args->helper;
    struct nu_loop *loop = aio->loop;
    aio->args->helper = NULL;
    atomic_fetch_add(&helper->users, 1);
    nu_loop_external_begin(loop);
    nu_aio_unlock(aio);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
    helper->help(helper, aio);
    pthread_setcancelstate(cancelable, NULL);
    nu_loop_external_end(loop);
    nu_aio_lock(aio);
    return true;
}

/* Lets something happen, with the lock but meanwhile. An owner goes on turning its loop: what it
 * waits for may be its own to do. So may be a callback of this very aio's, for who waits in another
 * one. */
static void aio_wait_a_little(nng_aio *aio)
{
    struct nu_loop *loop = nu_loop_self();
    if (aio->due && aio_own_frames(aio) == aio->running) {
        aio->due = false;
        nu_aio_call_back(aio);
    } else if (loop == NULL) {
        if (!aio_help(aio)) {
            aio_sleep_until_settled(aio);
        }
    } else {
        aio->turning++;
        nu_aio_unlock(aio);
        nu_loop_iterate(loop);
        nu_aio_lock(aio);
        aio->turning--;
    }
}

/* Waits, with the lock held, until no operation is left and at most `running` callbacks and `refs`
 * uses. In a forked child nobody is left to end anything. */
static void aio_wait_quiet(nng_aio *aio, unsigned running, unsigned refs)
{
    if (!aio_quiet(aio, running, refs)) {
        nu_call_waits();
    }
    while (!aio_quiet(aio, running, refs) && !nu_runtime_forked()) {
        aio_wait_a_little(aio);
    }
}

void nng_aio_wait(nng_aio *aio)
{
    nu_aio_lock(aio);
    aio_wait_quiet(aio, aio_own_frames(aio), UINT32_MAX);
    nu_aio_unlock(aio);
}

void nng_aio_stop(nng_aio *aio)
{
    nu_aio_lock(aio);
    aio->stopped = true;
    aio_request_abort(aio, NNG_ECANCELED);
    aio_wait_quiet(aio, aio_own_frames(aio), UINT32_MAX);
    nu_aio_unlock(aio);
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
    nu_aio_lock(aio);
    aio->stopped = true;
    aio_request_abort(aio, NNG_ECLOSED);
    aio_wait_quiet(aio, 0, 0);
    nu_aio_unlock(aio);
    nu_aio_destroy(aio);
}

void nng_aio_reap(nng_aio *aio)
{
    if (aio == NULL) {
        return;
    }
    nu_aio_lock(aio);
    aio->stopped = true;
    aio->doomed = true;
    aio_request_abort(aio, NNG_ECLOSED);
    nu_aio_settle(aio);
}

bool nng_aio_busy(nng_aio *aio)
{
    nu_aio_lock(aio);
    bool busy = nu_aio_state_of(aio) != NU_AIO_IDLE || aio->running > 0;
    nu_aio_unlock(aio);
    return busy;
}
