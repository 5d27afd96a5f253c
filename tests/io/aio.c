/* SPDX-License-Identifier: MIT */
/* An aio with operations that the test provides, and with sleeps. */
#include "io/aio.h"

#include "support/aio_probe.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* ---- What a caller sets ------------------------------------------------------------------- */

Test(aio, inputs_and_outputs, .timeout = 10)
{
    struct t_aio_probe track;
    int x[4];
    t_aio_probe_open(&track, 0);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_null(nng_aio_get_input(track.aio, i));
        cr_assert_null(nng_aio_get_output(track.aio, i));
        cr_assert_eq(nng_aio_set_input(track.aio, i, &x[i]), 0);
        cr_assert_eq(nng_aio_set_output(track.aio, i, &x[3 - i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(nng_aio_get_input(track.aio, i), &x[i]);
        cr_assert_eq(nng_aio_get_output(track.aio, i), &x[3 - i]);
    }
    for (unsigned i = 4; i < 6; i++) {
        cr_assert_eq(nng_aio_set_input(track.aio, i, x), NNG_EINVAL);
        cr_assert_eq(nng_aio_set_output(track.aio, i, x), NNG_EINVAL);
        cr_assert_null(nng_aio_get_input(track.aio, i));
        cr_assert_null(nng_aio_get_output(track.aio, i));
    }
    cr_assert_null(nng_aio_get_msg(track.aio));
    nng_aio_set_msg(track.aio, (nng_msg *) x);
    cr_assert_eq(nng_aio_get_msg(track.aio), (nng_msg *) x);

    /* beginning clears the outputs and leaves what the caller set */
    cr_assert(nng_aio_begin(track.aio));
    cr_assert_eq(nng_aio_get_input(track.aio, 3), &x[3]);
    cr_assert_null(nng_aio_get_output(track.aio, 3));
    cr_assert_eq(nng_aio_get_msg(track.aio), (nng_msg *) x);
    cr_assert_eq(nng_aio_set_output(track.aio, 2, x), 0);
    nng_aio_finish(track.aio, NNG_EPROTO);
    nng_aio_wait(track.aio);
    cr_assert_eq(nng_aio_get_output(track.aio, 2), x);
    t_aio_probe_close(&track);
}

/* ---- Operations provided by the test ------------------------------------------------------ */

/* Counts its calls, and finishes the operation unless somebody else is to. */
struct provider {
    atomic_int calls;
    atomic_int err;
    bool leave;
};

static void end_it(nng_aio *aio, void *arg, int err)
{
    struct provider *provider = arg;
    atomic_store(&provider->err, err);
    atomic_fetch_add(&provider->calls, 1);
    if (!provider->leave) {
        nng_aio_finish(aio, err);
    }
}

Test(aio, begin_and_finish, .timeout = 10)
{
    for (unsigned mode = 0; mode <= NU_CALLED; mode += NU_CALLED) {
        struct t_aio_probe track;
        t_aio_probe_open(&track, mode);
        for (int i = 1; i <= 5; i++) {
            cr_assert_not(nng_aio_busy(track.aio));
            cr_assert(nng_aio_begin(track.aio));
            cr_assert(nng_aio_busy(track.aio));
            cr_assert_not(nng_aio_begin(track.aio)); /* one at a time */
            nng_aio_finish(track.aio, i % 2 ? 0 : NNG_EPROTO);
            t_aio_probe_assert(&track, i, i % 2 ? 0 : NNG_EPROTO);
        }
        nng_aio_finish(track.aio, NNG_EPERM); /* without one in hand: as NNG, an end all the same */
        t_aio_probe_assert(&track, 6, NNG_EPERM);
        nng_aio_stop(track.aio);
        nng_aio_finish(track.aio, NNG_EPROTO); /* no callback after that */
        t_aio_probe_assert(&track, 6, NNG_EPERM);
        t_aio_probe_close(&track);
    }
}

Test(aio, defer_and_finish, .timeout = 10)
{
    for (unsigned mode = 0; mode <= NU_CALLED; mode += NU_CALLED) {
        struct t_aio_probe track;
        struct provider provider = { 0 };
        t_aio_probe_open(&track, mode);
        for (int i = 1; i <= 5; i++) {
            nng_aio_set_timeout(track.aio, i % 2 ? 60000 : NNG_DURATION_INFINITE);
            cr_assert(nng_aio_begin(track.aio));
            nng_aio_defer(track.aio, end_it, &provider);
            cr_assert(nng_aio_busy(track.aio));
            nng_aio_finish(track.aio, NNG_EPROTO);
            t_aio_probe_assert(&track, i, NNG_EPROTO);
            nng_aio_cancel(track.aio);
        }
        t_aio_probe_close(&track);
        cr_assert_eq(atomic_load(&provider.calls), 0);
    }
}

/* Cancelled before and after it was deferred: the cancel function is called with the code, once. */
Test(aio, defer_and_abort, .timeout = 10)
{
    for (unsigned i = 0; i < 8; i++) {
        struct t_aio_probe track;
        struct provider provider = { 0 };
        t_aio_probe_open(&track, i & NU_CALLED);
        cr_assert(nng_aio_begin(track.aio));
        if (i & 1) {
            nng_aio_abort(track.aio, NNG_EPROTO);
            nng_aio_abort(track.aio, NNG_EPERM);
        }
        nng_aio_defer(track.aio, end_it, &provider);
        if (!(i & 1) && (i & 2)) {
            nng_aio_cancel(track.aio);
        } else if (!(i & 1)) {
            nng_aio_abort(track.aio, NNG_EPROTO);
        }
        t_aio_probe_assert(&track, 1, !(i & 1) && (i & 2) ? NNG_ECANCELED : NNG_EPROTO);
        cr_assert_eq(atomic_load(&provider.calls), 1);
        t_aio_probe_close(&track);
    }
}

Test(aio, defer_and_expire, .timeout = 10)
{
    for (unsigned i = 0; i < 8; i++) {
        struct t_aio_probe track;
        struct provider provider = { 0 };
        t_aio_probe_open(&track, i & NU_CALLED);
        nng_time start = nng_clock();
        if (i & 1) {
            nng_aio_set_timeout(track.aio, i & 2 ? NNG_DURATION_ZERO : 30);
        } else {
            nng_aio_set_expire(track.aio, i & 2 ? start - 1 : start + 30);
        }
        cr_assert(nng_aio_begin(track.aio));
        nng_aio_defer(track.aio, end_it, &provider);
        t_aio_probe_assert(&track, 1, NNG_ETIMEDOUT);
        cr_assert_eq(atomic_load(&provider.calls), 1);
        cr_assert((i & 2) || nng_clock() - start >= 29);

        /* set_expire was for the one operation */
        if (!(i & 1)) {
            cr_assert(nng_aio_begin(track.aio));
            nng_aio_defer(track.aio, end_it, &provider);
            usleep(40000);
            cr_assert_eq(atomic_load(&provider.calls), 1);
            nng_aio_finish(track.aio, 0);
            t_aio_probe_assert(&track, 2, 0);
        }
        t_aio_probe_close(&track);
    }
}

/* set_timeout takes the place of an expiry that was set before. */
Test(aio, timeout_replaces_expiry, .timeout = 10)
{
    struct t_aio_probe track;
    t_aio_probe_open(&track, 0);
    nng_aio_set_expire(track.aio, nng_clock() - 1);
    nng_aio_set_timeout(track.aio, NNG_DURATION_INFINITE);
    nng_sleep_aio(1, track.aio);
    t_aio_probe_assert(&track, 1, 0);
    t_aio_probe_close(&track);
}

static void *finish_elsewhere(void *arg)
{
    nng_aio_finish(arg, NNG_EPROTO);
    return NULL;
}

/* The cancel function may leave the end to another thread, which comes when it likes. */
Test(aio, finish_from_another_thread, .timeout = 10)
{
    for (unsigned i = 0; i < 8; i++) {
        struct t_aio_probe track;
        struct provider provider = { .leave = true };
        pthread_t thread;
        t_aio_probe_open(&track, i & NU_CALLED);
        nng_aio_set_timeout(track.aio, i & 2 ? 60000 : NNG_DURATION_INFINITE);
        cr_assert(nng_aio_begin(track.aio));
        nng_aio_defer(track.aio, end_it, &provider);
        if (i & 1) {
            nng_aio_cancel(track.aio);
            while (atomic_load(&provider.calls) == 0) {
                usleep(100);
            }
            cr_assert(nng_aio_busy(track.aio));
        }
        cr_assert_eq(pthread_create(&thread, NULL, finish_elsewhere, track.aio), 0);
        t_aio_probe_assert(&track, 1, NNG_EPROTO);
        cr_assert_eq(atomic_load(&provider.calls), (int) (i & 1));
        pthread_join(thread, NULL);
        t_aio_probe_close(&track);
    }
}

/* Finish against cancel and expiry, over and over: one end each, and cancel never after finish. */
Test(aio, finish_races_with_its_end, .timeout = 60)
{
    for (int i = 0; i < 2000; i++) {
        struct t_aio_probe track;
        struct provider provider = { .leave = true };
        pthread_t thread;
        t_aio_probe_open(&track, i & NU_CALLED);
        if (i & 1) {
            nng_aio_set_timeout(track.aio, i & 2 ? 1 : NNG_DURATION_ZERO);
        }
        cr_assert(nng_aio_begin(track.aio));
        cr_assert_eq(pthread_create(&thread, NULL, finish_elsewhere, track.aio), 0);
        nng_aio_defer(track.aio, end_it, &provider);
        nng_aio_cancel(track.aio);
        t_aio_probe_assert(&track, 1, NNG_EPROTO);
        cr_assert_leq(atomic_load(&provider.calls), 1);
        pthread_join(thread, NULL);
        t_aio_probe_close(&track);
    }
}

/* ---- Sleeping ----------------------------------------------------------------------------- */

Test(aio, sleep, .timeout = 10)
{
    static const nng_duration times[] = { 0, 1, 50 };
    for (unsigned i = 0; i < 6; i++) {
        struct t_aio_probe track;
        t_aio_probe_open(&track, i & 1 ? NU_CALLED : 0);
        nng_time start = nng_clock();
        nng_sleep_aio(times[i / 2], track.aio);
        t_aio_probe_assert(&track, 1, 0);
        cr_assert_geq(nng_clock() - start + 1, (nng_time) times[i / 2]);
        t_aio_probe_close(&track);
    }
}

Test(aio, sleep_cut_short, .timeout = 10)
{
    for (unsigned i = 0; i < 4; i++) {
        struct t_aio_probe track;
        t_aio_probe_open(&track, i & 1 ? NU_CALLED : 0);
        nng_aio_set_timeout(track.aio, i & 2 ? 20 : NNG_DURATION_ZERO);
        nng_sleep_aio(60000, track.aio);
        t_aio_probe_assert(&track, 1, NNG_ETIMEDOUT);
        nng_aio_set_timeout(track.aio, 60000);
        nng_sleep_aio(1, track.aio);
        t_aio_probe_assert(&track, 2, 0);
        t_aio_probe_close(&track);
    }
}

Test(aio, sleep_aborted, .timeout = 10)
{
    static const nng_duration times[] = { 60000, NNG_DURATION_INFINITE, NNG_DURATION_DEFAULT };
    for (unsigned i = 0; i < 12; i++) {
        struct t_aio_probe track;
        t_aio_probe_open(&track, i & NU_CALLED);
        nng_sleep_aio(times[i % 3], track.aio);
        cr_assert(nng_aio_busy(track.aio));
        nng_aio_abort(track.aio, i & 2 ? NNG_EPROTO : NNG_ECANCELED);
        t_aio_probe_assert(&track, 1, i & 2 ? NNG_EPROTO : NNG_ECANCELED);
        t_aio_probe_close(&track);
    }
}

/* Aborting an idle aio changes nothing, neither its last result nor its next operation. */
Test(aio, abort_when_idle, .timeout = 10)
{
    struct t_aio_probe track;
    t_aio_probe_open(&track, NU_CALLED);
    nng_aio_cancel(track.aio);
    nng_aio_wait(track.aio);
    cr_assert_eq(nng_aio_result(track.aio), 0);
    nng_sleep_aio(1, track.aio);
    t_aio_probe_assert(&track, 1, 0);
    nng_aio_abort(track.aio, NNG_EPROTO);
    t_aio_probe_assert(&track, 1, 0);
    nng_sleep_aio(1, track.aio);
    t_aio_probe_assert(&track, 2, 0);
    t_aio_probe_close(&track);
}

/* Starting a second operation does not disturb the first. */
Test(aio, one_at_a_time, .timeout = 10)
{
    struct t_aio_probe track;
    t_aio_probe_open(&track, NU_CALLED);
    nng_sleep_aio(30, track.aio);
    nng_sleep_aio(0, track.aio);
    nng_sleep_aio(NNG_DURATION_INFINITE, track.aio);
    t_aio_probe_assert(&track, 1, 0);
    t_aio_probe_close(&track);
}

/* ---- A cancel function that comes late ---------------------------------------------------- */

static void note_cancelled(nng_aio *aio, void *arg, int err)
{
    *(bool *) arg = nu_aio_is_cancelled(aio);
    nng_aio_finish(aio, err);
}

/* It can tell the operation it was called for from the next one. */
Test(aio, cancelled_is_the_operation_and_not_the_aio, .timeout = 60)
{
    nng_aio *aio;
    bool cancelled = false;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    cr_assert(nng_aio_begin(aio));
    nng_aio_defer(aio, note_cancelled, &cancelled);
    cr_assert_not(nu_aio_is_cancelled(aio));
    nng_aio_cancel(aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), NNG_ECANCELED);
    cr_assert(cancelled);
    cr_assert(nng_aio_begin(aio));
    nng_aio_defer(aio, note_cancelled, &cancelled);
    cr_assert_not(nu_aio_is_cancelled(aio));
    nng_aio_finish(aio, 0);
    nng_aio_wait(aio);
    nng_aio_free(aio);
}
