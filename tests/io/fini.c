/* SPDX-License-Identifier: MIT */
/* nng_fini() comes to an end, whatever callbacks do about the end of what they have started. */
#include "io/runtime.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <nng/nng.h>
#include <nng/uring.h>
#include <stdatomic.h>
#include <stdlib.h>

TestSuite(fini, .timeout = 60);

static nng_aio *aios[2];
static atomic_int called;

static void sleep_again(void *arg)
{
    nng_aio **aio = arg;
    atomic_fetch_add(&called, 1);
    nng_sleep_aio(10, *aio);
}

static void finish_again(void *arg)
{
    nng_aio **aio = arg;
    atomic_fetch_add(&called, 1);
    nng_aio_finish(*aio, 0);
}

static void start_the_other(void *arg)
{
    nng_aio **aio = arg;
    atomic_fetch_add(&called, 1);
    nng_sleep_aio(10, aio == &aios[0] ? aios[1] : aios[0]);
}

/* One that is new each time; there is only ever one. */
static void start_a_new_one(void *arg)
{
    nng_aio **aio = arg;
    atomic_fetch_add(&called, 1);
    nng_aio_reap(*aio);
    cr_assert_eq(nng_aio_alloc(aio, start_a_new_one, aio), 0);
    nng_sleep_aio(10, *aio);
}

static void end_while(void (*cb)(void *), const char *callbacks)
{
    cr_assert_eq(setenv("NNG_URING_CALLBACKS", callbacks, 1), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(nng_aio_alloc(&aios[i], cb, &aios[i]), 0);
    }
    atomic_store(&called, 0);
    nng_sleep_aio(1, aios[0]);
    while (atomic_load(&called) < 3) {
        nng_msleep(1);
    }
    uint64_t begun = nu_now();
    nng_fini();
    cr_assert_lt(nu_now() - begun, 100 * NU_SECOND);
    cr_assert_eq(nng_uring_loops(), 0);
    int before = atomic_load(&called);
    nng_aio_free(aios[0]);
    nng_aio_free(aios[1]);
    cr_assert_eq(atomic_load(&called), before);
}

static void end_and_begin_anew(void (*cb)(void *))
{
    nng_aio *aio;
    end_while(cb, "auto");
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_sleep_aio(1, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), 0);
    nng_aio_free(aio);
    nng_fini();
}

Test(fini, while_a_callback_sleeps_again)
{
    end_and_begin_anew(sleep_again);
}

Test(fini, while_a_callback_finishes_again)
{
    end_and_begin_anew(finish_again);
}

Test(fini, while_two_start_each_other)
{
    end_and_begin_anew(start_the_other);
}

Test(fini, while_a_callback_starts_a_new_one)
{
    end_and_begin_anew(start_a_new_one);
}

/* On workers, too. */
Test(fini, while_a_worker_sleeps_again)
{
    end_while(sleep_again, "workers");
}

static atomic_int last;

static void note(void *arg)
{
    atomic_store(&last, nng_aio_result(*(nng_aio **) arg));
}

/* One that hears of the end can still do something about it: its callbacks come. */
static void say_goodbye(void *arg)
{
    (void) arg;
    nng_sleep_aio(100000, aios[1]);
}

Test(fini, callbacks_may_start_something_at_the_end)
{
    cr_assert_eq(nng_aio_alloc(&aios[0], say_goodbye, NULL), 0);
    cr_assert_eq(nng_aio_alloc(&aios[1], note, &aios[1]), 0);
    nng_sleep_aio(100000, aios[0]);
    nng_fini();
    cr_assert_eq(atomic_load(&last), NNG_ECLOSED);
    nng_aio_free(aios[0]);
    nng_aio_free(aios[1]);
}
