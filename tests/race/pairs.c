/* SPDX-License-Identifier: MIT */
/*
 * Two things at about the same moment, over and over, while a peer reads what a write_all sends:
 * whichever comes first, there is one callback, and the count is what the peer receives.
 */
#include "support/aio_probe.h"
#include "support/peer.h"
#include "support/random.h"
#include "support/scale.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS NU_TIMES(150)
#define SIZE ((size_t) 4 << 20)

struct round {
    struct nu_pair pair;
    struct t_aio_probe track;
    struct t_drain drain;
    uint8_t *data;
    atomic_uint moments; /* that were chosen so far */
};

typedef void (*side)(struct round *r);

/* Two sides race with each other and with the write; either may be nothing. */
struct contest {
    side main, other;
    nng_duration timeout; /* of the write; 0: none */
    unsigned mode;        /* of the write */
};

/* As long as such a write takes, more or less. */
static void dawdle(struct round *r)
{
    unsigned seed = (atomic_fetch_add(&r->moments, 1) + 1) * 2654435761U;
    struct timespec pause = { .tv_nsec = (long) t_random(&seed, 1500) * 1000 };
    nanosleep(&pause, NULL);
}

static void nothing(struct round *r)
{
    (void) r;
}

static void cancel(struct round *r)
{
    dawdle(r);
    nng_aio_cancel(r->track.aio);
}

static void close_conn(struct round *r)
{
    dawdle(r);
    nng_http_conn_close(r->pair.conn);
    r->pair.conn = NULL;
}

static void stop(struct round *r)
{
    dawdle(r);
    nng_aio_stop(r->track.aio);
    cr_assert_eq(t_aio_probe_calls(&r->track), 1);
}

static void free_aio(struct round *r)
{
    dawdle(r);
    nng_aio_free(r->track.aio);
    cr_assert_eq(t_aio_probe_calls(&r->track), 1);
    r->track.aio = NULL;
}

static void reap(struct round *r)
{
    nng_aio *aio = r->track.aio;
    dawdle(r);
    nng_aio_reap(aio);
    t_aio_probe_await(&r->track, 1);
    r->track.aio = NULL;
}

static void reset(struct round *r)
{
    dawdle(r);
    t_pair_abort(&r->pair);
}

static void wait_for_it(struct round *r)
{
    nng_aio_wait(r->track.aio);
    cr_assert_eq(t_aio_probe_calls(&r->track), 1);
}

static void start_write(struct round *r)
{
    nng_http_conn_write_all(r->pair.conn, r->track.aio);
}

/* ---- Rounds ------------------------------------------------------------------------------- */

struct errand {
    struct round *round;
    side act;
};

static void *run_errand(void *arg)
{
    struct errand *errand = arg;
    errand->act(errand->round);
    return NULL;
}

static void check(struct round *r, bool exact)
{
    t_aio_probe_await(&r->track, 1);
    int result = r->track.result;
    cr_assert(result == 0 || result == NNG_ECANCELED || result == NNG_ECLOSED ||
                  result == NNG_ETIMEDOUT || result == NNG_ECONNRESET,
              "%s", nng_strerror(result));
    cr_assert((result == 0) == (r->track.count == SIZE));
    nng_http_conn_close(r->pair.conn);
    r->pair.conn = NULL;
    size_t received = t_drain_join(&r->drain);
    cr_assert(exact ? received == r->track.count : received <= r->track.count,
              "%zu were counted, %zu arrived", r->track.count, received);
    cr_assert_eq(t_aio_probe_calls(&r->track), 1);
}

static void play(const struct contest *contest, struct round *r)
{
    struct errand errand = { r, contest->other };
    pthread_t thread;
    t_pair_open_wide(&r->pair);
    t_aio_probe_open(&r->track, NU_CALLED);
    t_aio_probe_buffer(&r->track, r->data, SIZE);
    if (contest->timeout > 0) {
        nng_aio_set_timeout(r->track.aio, contest->timeout);
    }
    r->drain = (struct t_drain){ .fd = r->pair.fd, .seed = 1, .chunk = 60000 };
    t_drain_start(&r->drain);
    if (contest->other != start_write) {
        t_aio_probe_write(&r->track, r->pair.conn, contest->mode, true);
    }
    cr_assert_eq(pthread_create(&thread, NULL, run_errand, &errand), 0);
    contest->main(r);
    pthread_join(thread, NULL);
    check(r, contest->main != reset && contest->other != reset);
    t_aio_probe_close(&r->track);
    t_pair_close(&r->pair);
}

static void play_all(side main, side other, nng_duration timeout)
{
    struct round r = { .data = t_pattern_new(SIZE, 1), .moments = 0 };
    for (int i = 0; i < ROUNDS; i++) {
        struct contest contest = { main, other, timeout, i % 2 ? NU_ON_OWNER : 0 };
        play(&contest, &r);
    }
    free(r.data);
}

Test(pairs, completion_and_cancel, .timeout = 120)
{
    play_all(cancel, cancel, 0);
}

Test(pairs, completion_and_expiry, .timeout = 120)
{
    play_all(wait_for_it, wait_for_it, 1);
}

Test(pairs, cancel_and_close, .timeout = 120)
{
    play_all(close_conn, cancel, 0);
}

Test(pairs, cancel_and_expiry, .timeout = 120)
{
    play_all(wait_for_it, cancel, 1);
}

Test(pairs, close_and_expiry, .timeout = 120)
{
    play_all(close_conn, nothing, 1);
}

Test(pairs, close_and_completion, .timeout = 120)
{
    play_all(close_conn, wait_for_it, 0);
}

Test(pairs, stop_and_completion, .timeout = 120)
{
    play_all(stop, wait_for_it, 0);
}

Test(pairs, stop_and_close, .timeout = 120)
{
    play_all(close_conn, stop, 0);
}

Test(pairs, free_and_completion, .timeout = 120)
{
    play_all(free_aio, nothing, 0);
}

Test(pairs, free_and_close, .timeout = 120)
{
    play_all(free_aio, close_conn, 0);
}

Test(pairs, reap_and_completion, .timeout = 120)
{
    play_all(reap, nothing, 1);
}

Test(pairs, reset_and_short_write, .timeout = 120)
{
    play_all(reset, cancel, 0);
}

Test(pairs, reset_and_close, .timeout = 120)
{
    play_all(reset, close_conn, 0);
}

/* The thread that starts the write is gone before it is done. */
Test(pairs, thread_exit_and_completion, .timeout = 120)
{
    play_all(nothing, start_write, 0);
}

Test(pairs, thread_exit_and_expiry, .timeout = 120)
{
    play_all(nothing, start_write, 1);
}
