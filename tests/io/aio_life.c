/* SPDX-License-Identifier: MIT */
/* Waiting for an aio, stopping and freeing it, in every state and from everywhere. */
#include "io/aio.h"
#include "io/runtime.h"
#include "support/aio_probe.h"
#include "support/peer.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Waiting ------------------------------------------------------------------------------ */

static void hold_up(struct t_aio_probe *track)
{
    usleep(20000);
    atomic_store((atomic_bool *) track->arg, true);
}

/* It is busy until its callback has returned, and waiting takes as long. */
Test(aio_life, wait_for_the_callback, .timeout = 10)
{
    struct t_aio_probe track;
    atomic_bool returned = false;
    t_aio_probe_open(&track, NU_CALLED);
    nng_aio_wait(track.aio); /* idle: at once */
    track.then = hold_up;
    track.arg = &returned;
    nng_sleep_aio(0, track.aio);
    t_aio_probe_await(&track, 1);
    cr_assert(atomic_load(&returned) || nng_aio_busy(track.aio));
    nng_aio_wait(track.aio);
    cr_assert(atomic_load(&returned));
    cr_assert_not(nng_aio_busy(track.aio));
    t_aio_probe_close(&track);
}

struct nest {
    struct t_aio_probe track[4];
    struct nu_pair pair[4];
    uint8_t *data;
};

static void start_one(struct nest *nest, unsigned i)
{
    struct t_aio_probe *track = &nest->track[i];
    t_aio_probe_buffer(track, nest->data, NU_PLENTY);
    nng_http_conn_write_all(nest->pair[i].conn, track->aio);
}

/* Starts the next one and waits for it, inside the callback. */
static void wait_for_next(struct t_aio_probe *track)
{
    struct nest *nest = track->arg;
    unsigned next = (unsigned) (track - nest->track) + 1;
    if (next < 4) {
        start_one(nest, next);
        nng_aio_wait(nest->track[next].aio);
        cr_assert_eq(nng_aio_result(nest->track[next].aio), 0);
        cr_assert_eq(nng_aio_count(nest->track[next].aio), NU_PLENTY);
        cr_assert_eq(nest->track[next].calls, 1);
    }
}

/* Callbacks that wait for others, three deep, on `loops` loops. */
static void nested(const char *loops)
{
    struct nest nest;
    struct t_drain drain[4];
    cr_assert_eq(setenv("NNG_URING_LOOPS", loops, 1), 0);
    nest.data = t_pattern_new(NU_PLENTY, 1);
    for (unsigned i = 0; i < 4; i++) {
        t_pair_open(&nest.pair[i]);
        t_aio_probe_open(&nest.track[i], NU_CALLED);
        nest.track[i].then = wait_for_next;
        nest.track[i].arg = &nest;
        drain[i] = (struct t_drain){ .fd = nest.pair[i].fd, .seed = 1 };
        t_drain_start(&drain[i]);
    }
    start_one(&nest, 0);
    t_aio_probe_await(&nest.track[0], 1);
    nng_aio_wait(nest.track[0].aio);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(t_aio_probe_calls(&nest.track[i]), 1);
        nng_http_conn_close(nest.pair[i].conn);
        nest.pair[i].conn = NULL;
        cr_assert_eq(t_drain_join(&drain[i]), NU_PLENTY);
        t_pair_close(&nest.pair[i]);
        t_aio_probe_close(&nest.track[i]);
    }
    free(nest.data);
}

Test(aio_life, wait_inside_callbacks_of_one_loop, .timeout = 30)
{
    nested("1");
}

Test(aio_life, wait_inside_callbacks_of_many_loops, .timeout = 30)
{
    nested("4");
}

/* Those without a callback may end on another loop while one waits. */
static void wait_for_each(struct t_aio_probe *track)
{
    struct nest *nest = track->arg;
    for (unsigned i = 0; i < 4; i++) {
        nng_aio *aio = nest->track[i].aio;
        start_one(nest, i);
        nng_aio_wait(aio);
        cr_assert_eq(nng_aio_result(aio), 0);
        cr_assert_eq(nng_aio_count(aio), NU_PLENTY);
        cr_assert_not(nng_aio_busy(aio));
    }
}

Test(aio_life, wait_inside_for_those_without_callback, .timeout = 30)
{
    struct nest nest;
    struct t_drain drain[4];
    struct t_aio_probe outer;
    cr_assert_eq(setenv("NNG_URING_LOOPS", "4", 1), 0);
    nest.data = t_pattern_new(NU_PLENTY, 1);
    for (unsigned i = 0; i < 4; i++) {
        t_pair_open(&nest.pair[i]);
        t_aio_probe_open(&nest.track[i], 0);
        drain[i] = (struct t_drain){ .fd = nest.pair[i].fd, .seed = 1 };
        t_drain_start(&drain[i]);
    }
    t_aio_probe_open(&outer, NU_CALLED);
    outer.then = wait_for_each;
    outer.arg = &nest;
    nng_sleep_aio(0, outer.aio);
    t_aio_probe_assert(&outer, 1, 0);
    for (unsigned i = 0; i < 4; i++) {
        nng_http_conn_close(nest.pair[i].conn);
        nest.pair[i].conn = NULL;
        cr_assert_eq(t_drain_join(&drain[i]), NU_PLENTY);
        t_pair_close(&nest.pair[i]);
        t_aio_probe_close(&nest.track[i]);
    }
    t_aio_probe_close(&outer);
    free(nest.data);
}

static void again_and_wait(struct t_aio_probe *track)
{
    atomic_int *depth = track->arg;
    if (atomic_fetch_add(depth, 1) < 3) {
        nng_sleep_aio(1, track->aio);
        nng_aio_wait(track->aio); /* for the new operation and its callback, not for ourselves */
        cr_assert_geq(atomic_load(depth), 4);
        cr_assert(nng_aio_busy(track->aio)); /* we are still here */
    }
}

Test(aio_life, wait_for_itself_after_resubmitting, .timeout = 10)
{
    struct t_aio_probe track;
    atomic_int depth = 0;
    t_aio_probe_open(&track, NU_CALLED);
    track.then = again_and_wait;
    track.arg = &depth;
    nng_sleep_aio(0, track.aio);
    nng_aio_wait(track.aio);
    cr_assert_eq(t_aio_probe_calls(&track), 4);
    t_aio_probe_close(&track);
}

static void stop_own(struct t_aio_probe *track)
{
    nng_aio_wait(track->aio);
    nng_aio_stop(track->aio);
    nng_sleep_aio(0, track->aio); /* nothing */
    cr_assert_eq(nng_aio_result(track->aio), NNG_ECANCELED);
}

Test(aio_life, stop_in_own_callback, .timeout = 10)
{
    struct t_aio_probe track;
    t_aio_probe_open(&track, NU_CALLED);
    track.then = stop_own;
    nng_sleep_aio(0, track.aio);
    nng_aio_wait(track.aio);
    nng_sleep_aio(0, track.aio);
    nng_aio_wait(track.aio);
    cr_assert_eq(t_aio_probe_calls(&track), 1);
    t_aio_probe_close(&track);
}

struct own {
    nng_aio *aio;
    bool reap;
    atomic_bool done;
};

static void free_own(void *arg)
{
    struct own *own = arg;
    if (own->reap) {
        nng_aio_reap(own->aio);
    } else {
        nng_aio_free(own->aio);
    }
    cr_assert_eq(nng_aio_result(own->aio), 0); /* it lives until we return */
    cr_assert(nng_aio_busy(own->aio));
    atomic_store(&own->done, true);
}

Test(aio_life, free_and_reap_in_own_callback, .timeout = 10)
{
    for (int i = 0; i < 100; i++) {
        struct own own = { .reap = i % 2 };
        cr_assert_eq(nng_aio_alloc(&own.aio, free_own, &own), 0);
        nng_sleep_aio(0, own.aio);
        while (!atomic_load(&own.done)) {
            usleep(100);
        }
    }
}

/* ---- The three ends of an aio ------------------------------------------------------------- */

static void reap(nng_aio *aio)
{
    nng_aio_reap(aio);
}

static const struct {
    void (*end)(nng_aio *aio);
    int result;
    bool waits;
    bool frees;
} ends[] = {
    { nng_aio_stop, NNG_ECANCELED, true, false },
    { nng_aio_free, NNG_ECLOSED, true, true },
    { reap, NNG_ECLOSED, false, true },
};

enum state { IDLE, FINISHED, IN_FLIGHT, QUEUED, DEFERRED, STATES };

struct scene {
    struct nu_pair pair;
    struct t_aio_probe head, track; /* `track` is what ends; `head` is before it in the queue */
    struct t_aio_probe other;       /* in whose callback it ends */
    unsigned kind;                  /* index into `ends` */
    uint8_t *data;
};

static void end_deferred(nng_aio *aio, void *arg, int err)
{
    (void) arg;
    nng_aio_finish(aio, err);
}

static void set_up(struct scene *s, enum state state)
{
    t_pair_open(&s->pair);
    t_aio_probe_open(&s->head, NU_CALLED);
    t_aio_probe_open(&s->track, NU_CALLED);
    t_aio_probe_open(&s->other, NU_CALLED);
    s->data = t_pattern_new(NU_PLENTY, 1);
    t_aio_probe_buffer(&s->head, s->data, NU_PLENTY);
    t_aio_probe_buffer(&s->track, s->data, NU_PLENTY);
    switch (state) {
    case FINISHED:
        nng_sleep_aio(0, s->track.aio);
        t_aio_probe_assert(&s->track, 1, 0);
        break;
    case QUEUED:
        nng_http_conn_write_all(s->pair.conn, s->head.aio);
        nng_http_conn_write_all(s->pair.conn, s->track.aio);
        break;
    case IN_FLIGHT:
        nng_http_conn_write_all(s->pair.conn, s->track.aio);
        t_peer_read(s->pair.fd, 0, 1, 1);
        break;
    case DEFERRED:
        cr_assert(nng_aio_begin(s->track.aio));
        nng_aio_defer(s->track.aio, end_deferred, NULL);
        break;
    default:
        break;
    }
}

static void end_track(struct t_aio_probe *other)
{
    struct scene *s = other->arg;
    int calls = s->track.calls; /* what has happened by the time it returns */
    ends[s->kind].end(s->track.aio);
    if (ends[s->kind].waits) {
        calls = t_aio_probe_calls(&s->track);
    }
    other->count = (size_t) calls;
}

/* What pended has ended as it should, its callback run before `end` returned if that waits. */
static void check_end(struct scene *s, enum state state, size_t seen)
{
    bool pending = state == IN_FLIGHT || state == QUEUED || state == DEFERRED;
    int calls = pending || state == FINISHED;
    t_aio_probe_await(&s->track, calls);
    if (ends[s->kind].waits) {
        cr_assert_eq(seen, (size_t) calls);
    }
    if (pending) {
        cr_assert_eq(s->track.result, ends[s->kind].result);
    }
    if (state == IN_FLIGHT) {
        cr_assert_gt(s->track.count, 0);
        t_pair_assert_rest(&s->pair, 1, s->track.count - 1, 1);
    } else if (state == QUEUED) {
        cr_assert_eq(s->track.count, 0);
        t_peer_read(s->pair.fd, 0, NU_PLENTY, 1);
        t_aio_probe_assert(&s->head, 1, 0);
        t_pair_assert_rest(&s->pair, 0, 0, 0);
    }
    if (!ends[s->kind].frees) {
        nng_sleep_aio(0, s->track.aio); /* stopped for good */
        nng_aio_wait(s->track.aio);
        cr_assert_eq(nng_aio_result(s->track.aio), NNG_ECANCELED);
        cr_assert_eq(nng_aio_count(s->track.aio), 0);
        cr_assert_not(nng_aio_begin(s->track.aio));
    } else {
        s->track.aio = NULL;
    }
    cr_assert_eq(t_aio_probe_calls(&s->track), calls);
}

static void play(enum state state, unsigned kind, bool inside)
{
    struct scene s = { .kind = kind };
    set_up(&s, state);
    s.other.arg = &s;
    if (inside) {
        s.other.then = end_track;
        nng_sleep_aio(0, s.other.aio);
        t_aio_probe_await(&s.other, 1);
        nng_aio_wait(s.other.aio);
    } else {
        end_track(&s.other);
    }
    check_end(&s, state, s.other.count);
    t_aio_probe_close(&s.head);
    t_aio_probe_close(&s.track);
    t_aio_probe_close(&s.other);
    t_pair_close(&s.pair);
    free(s.data);
}

static void play_all(unsigned kind)
{
    for (enum state state = IDLE; state < STATES; state++) {
        for (int i = 0; i < 4; i++) { /* on the same loop and on another one */
            play(state, kind, i > 0);
        }
    }
}

Test(aio_life, stop, .timeout = 30)
{
    play_all(0);
}

Test(aio_life, free, .timeout = 30)
{
    play_all(1);
}

Test(aio_life, reap, .timeout = 30)
{
    play_all(2);
}

/* None of the operations does anything on a stopped aio. */
Test(aio_life, stopped_for_all_operations, .timeout = 10)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    unsigned port;
    int listener = nu_listen(&port, 0);
    nng_http_client *client = t_client(port);
    char data[10] = { 0 };
    t_pair_open(&pair);
    t_aio_probe_open(&track, NU_CALLED);
    t_aio_probe_buffer(&track, data, sizeof data);
    nng_aio_stop(track.aio);
    cr_assert_eq(nng_aio_result(track.aio), 0);
    for (int i = 0; i < 6; i++) {
        switch (i) {
        case 0:
            nng_http_conn_write(pair.conn, track.aio);
            break;
        case 1:
            nng_http_conn_write_all(pair.conn, track.aio);
            break;
        case 2:
            nng_http_conn_read(pair.conn, track.aio);
            break;
        case 3:
            nng_http_conn_read_all(pair.conn, track.aio);
            break;
        case 4:
            nng_http_client_connect(client, track.aio);
            break;
        default:
            nng_sleep_aio(0, track.aio);
            break;
        }
        nng_aio_wait(track.aio);
        cr_assert_eq(nng_aio_result(track.aio), NNG_ECANCELED);
        cr_assert_null(nng_aio_get_output(track.aio, 0));
    }
    t_pair_assert_rest(&pair, 0, 0, 0);
    t_aio_probe_close(&track);
    cr_assert_eq(track.calls, 0);
    t_pair_close(&pair);
    nng_http_client_free(client);
    close(listener);
}

Test(aio_life, null_is_allowed, .timeout = 10)
{
    nng_aio_free(NULL);
    nng_aio_reap(NULL);
}

/* ---- Locks of the caller ------------------------------------------------------------------ */

struct guarded {
    pthread_mutex_t lock;
    int calls; /* under lock */
};

static void take_lock(struct t_aio_probe *track)
{
    struct guarded *guarded = track->arg;
    pthread_mutex_lock(&guarded->lock);
    guarded->calls++;
    pthread_mutex_unlock(&guarded->lock);
}

/* Every call may be made with a lock held that the callback takes: none runs it inside. */
Test(aio_life, caller_holds_the_callbacks_lock, .timeout = 30)
{
    struct guarded guarded = { .lock = PTHREAD_MUTEX_INITIALIZER };
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    for (int i = 0; i < 40; i++) {
        struct nu_pair pair;
        struct t_aio_probe track;
        t_pair_open(&pair);
        t_aio_probe_open(&track, NU_CALLED);
        track.then = take_lock;
        track.arg = &guarded;
        t_aio_probe_buffer(&track, data, i % 2 ? NU_PLENTY : 100);
        pthread_mutex_lock(&guarded.lock);
        cr_assert_eq(guarded.calls, i);
        switch (i / 2 % 5) {
        case 0:
            nng_http_conn_write(pair.conn, track.aio);
            break;
        case 1:
            nng_http_conn_write_all(pair.conn, track.aio);
            nng_aio_cancel(track.aio);
            break;
        case 2:
            nng_http_conn_read(pair.conn, track.aio);
            nng_http_conn_close(pair.conn);
            pair.conn = NULL;
            break;
        case 3:
            nng_aio_set_timeout(track.aio, NNG_DURATION_ZERO);
            nng_http_conn_write(pair.conn, track.aio);
            break;
        default:
            cr_assert(nng_aio_begin(track.aio));
            nng_aio_finish(track.aio, 0);
            break;
        }
        cr_assert_eq(guarded.calls, i);
        pthread_mutex_unlock(&guarded.lock);
        t_aio_probe_await(&track, 1);
        nng_aio_wait(track.aio);
        cr_assert_not(pthread_equal(track.thread, pthread_self()));
        t_aio_probe_close(&track);
        t_pair_close(&pair);
    }
    free(data);
}

struct kept {
    struct nu_aio_companion companion;
    atomic_int freed;
};

static void free_kept(struct nu_aio_companion *companion)
{
    struct kept *kept = nu_container(companion, struct kept, companion);
    atomic_fetch_add(&kept->freed, 1);
}

/* However the aio goes, what a provider kept with it goes, too, and once. */
Test(aio_life, companion, .timeout = 30)
{
    for (int i = 0; i < 4; i++) {
        struct kept kept = { .companion.free = free_kept };
        struct t_aio_probe track;
        t_aio_probe_open(&track, i & 1 ? NU_CALLED : 0);
        track.aio->args->companion = &kept.companion;
        nng_sleep_aio(1, track.aio);
        t_aio_probe_assert(&track, 1, 0);
        cr_assert_eq(atomic_load(&kept.freed), 0);
        if (i & 2) {
            nng_aio_reap(track.aio);
            track.aio = NULL;
        }
        t_aio_probe_close(&track);
        while (atomic_load(&kept.freed) == 0) {
            usleep(100);
        }
        cr_assert_eq(atomic_load(&kept.freed), 1);
    }
}

static atomic_int stopped, ended;

static void stop_with_loops(void)
{
    cr_assert_eq(nng_uring_loops() > 0, atomic_fetch_add(&stopped, 1) == 0);
}

static void end_without(void)
{
    cr_assert_eq(nng_uring_loops(), 0);
    atomic_fetch_add(&ended, 1);
}

Test(aio_life, at_fini, .timeout = 30)
{
    struct t_aio_probe track;
    t_aio_probe_open(&track, 0);
    t_aio_probe_close(&track);
    nu_runtime_at_fini(stop_with_loops, end_without);
    nng_fini();
    nng_fini();
    nu_runtime_at_fini(NULL, NULL);
    cr_assert_eq(atomic_load(&stopped), 2);
    cr_assert_eq(atomic_load(&ended), 2);
}
