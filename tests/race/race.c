/* SPDX-License-Identifier: MIT */
/*
 * Everything at once, at random, for NNG_URING_RACE_SECONDS (5): application threads that come and
 * go start, abort, stop, free and reap operations on connections whose peers read slowly, send, and
 * go away, and which callbacks close and use as well. What must hold:
 *
 *   every operation that began has one callback, with a result and a count that make sense;
 *   what a peer receives in the end is the sum of the counts, unless it was the peer that left;
 *   nothing hangs; sanitizers have nothing to say.
 */
#include "race/race.h"

#include "support/random.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE 4096U
#define UNTOUCHED 0xee /* what a read buffer that is ours is full of */

struct race race;

void race_fail(const char *what, long a, long b)
{
    fprintf(stderr, "race: %s (%ld, %ld)\n", what, a, b);
    for (unsigned i = 0; i < RACE_SLOTS; i++) {
        struct slot *s = &race.slots[i];
        fprintf(stderr, "slot %u: %s, peer %d, pending %d, counted %zu, received %zu\n", i,
                s->pair.conn == NULL ? "closed" : "open", (int) s->peer, (int) s->pending,
                (size_t) s->counted, (size_t) s->received);
    }
    for (unsigned i = 0; i < RACE_OPS; i++) {
        struct op *op = &race.ops[i];
        fprintf(stderr, "op %u: %s, slot %ld, kind %d, begun %lu, called %lu\n", i,
                op->busy ? "busy" : "idle", (long) (op->slot - race.slots), (int) op->kind,
                (unsigned long) op->begun, (unsigned long) op->called);
    }
    abort();
}

/* ---- Operations --------------------------------------------------------------------------- */

static void check_outcome(const struct op *op, int result, size_t count)
{
    bool reading = op->kind == OP_READ || op->kind == OP_READ_ALL;
    bool all = op->kind == OP_WRITE_ALL || op->kind == OP_READ_ALL;
    switch (result) {
    case 0:
        if (count == 0 || count > op->size || (all && count != op->size)) {
            race_fail("count of a success", (long) count, (long) op->size);
        }
        break;
    case NNG_ECONNSHUT:
        if (!reading) {
            race_fail("end of stream of a write", (long) count, (long) op->size);
        }
        break;
    case NNG_ECANCELED:
    case NNG_ETIMEDOUT:
    case NNG_ECLOSED:
    case NNG_ECONNRESET:
    case NNG_EPROTO:
        break;
    default:
        race_fail("result", result, (long) count);
    }
    if (count > op->size || (result != 0 && count == op->size && op->size > 0)) {
        race_fail("count of a failure", (long) count, (long) op->size);
    }
}

static void set_vector(struct op *op, unsigned *seed)
{
    nng_iov iov[8];
    unsigned n = 1 + t_random(seed, 8);
    size_t left = op->size, at = 0;
    uint8_t *base = op->buffer;
    if (op->kind == OP_WRITE || op->kind == OP_WRITE_ALL) {
        base = race.data;
    }
    for (unsigned i = 0; i < n; i++) {
        size_t len = i + 1 < n ? t_random(seed, (unsigned) left + 1) : left;
        iov[i] = (nng_iov){ base + at, len };
        at += len;
        left -= len;
    }
    if (nng_aio_set_iov(op->aio, n, iov) != 0) {
        race_fail("set_iov", (long) n, (long) op->size);
    }
}

static void set_time(struct op *op, unsigned *seed)
{
    switch (t_random(seed, 10)) {
    case 0:
        nng_aio_set_timeout(op->aio, NNG_DURATION_ZERO);
        break;
    case 1:
        nng_aio_set_expire(op->aio, nng_clock() + t_random(seed, 3));
        break;
    case 2:
    case 3:
    case 4:
    case 5:
        nng_aio_set_timeout(op->aio, 1 + (int) t_random(seed, 8));
        break;
    default:
        nng_aio_set_timeout(op->aio, NNG_DURATION_INFINITE);
        break;
    }
}

/* Kernels that write into what is ours again would show here. */
static void check_untouched(const struct op *op)
{
    for (size_t i = 0; i < READ_SIZE; i++) {
        if (op->buffer[i] != UNTOUCHED) {
            race_fail("a buffer was written to after its read was over", (long) i, op->buffer[i]);
        }
    }
}

/* With op->lock held, and the aio idle: starts something on a slot that is open. */
static bool submit(struct op *op, struct slot *slot, unsigned *seed)
{
    if (pthread_rwlock_tryrdlock(&slot->lock) != 0) {
        return false;
    }
    bool open = slot->pair.conn != NULL;
    if (open) {
        check_untouched(op);
        op->kind = t_random(seed, OP_KINDS);
        op->slot = slot;
        op->size = 1 + t_random(seed, op->kind == OP_READ || op->kind == OP_READ_ALL ? READ_SIZE
                                      : t_random(seed, 2)                            ? 2000
                                                                                     : RACE_DATA);
        set_vector(op, seed);
        set_time(op, seed);
        atomic_store(&op->busy, true);
        atomic_fetch_add(&op->begun, 1);
        atomic_fetch_add(&slot->pending, 1);
        static void (*const start[OP_KINDS])(nng_http_conn *, nng_aio *) = {
            nng_http_conn_write, nng_http_conn_write_all, nng_http_conn_read, nng_http_conn_read_all
        };
        start[op->kind](slot->pair.conn, op->aio);
    }
    pthread_rwlock_unlock(&slot->lock);
    return open;
}

static struct slot *any_slot(unsigned *seed)
{
    return &race.slots[t_random(seed, RACE_SLOTS)];
}

/* ---- In callbacks ------------------------------------------------------------------------- */

static void close_slot(struct slot *slot)
{
    if (pthread_rwlock_trywrlock(&slot->lock) == 0) {
        nng_http_conn_close(slot->pair.conn);
        slot->pair.conn = NULL;
        pthread_rwlock_unlock(&slot->lock);
    }
}

static void cancel_another(unsigned *seed)
{
    struct op *other = &race.ops[t_random(seed, RACE_OPS)];
    if (pthread_mutex_trylock(&other->lock) == 0) {
        if (other->aio != NULL) {
            nng_aio_cancel(other->aio);
        }
        pthread_mutex_unlock(&other->lock);
    }
}

static void sleep_inside(void)
{
    nng_aio *aio;
    if (nng_aio_alloc(&aio, NULL, NULL) == 0) {
        nng_sleep_aio(1, aio);
        nng_aio_wait(aio);
        nng_aio_free(aio);
    }
}

static void called(void *arg)
{
    struct op *op = arg;
    struct slot *slot = op->slot;
    unsigned seed = (unsigned) atomic_fetch_add(&op->called, 1) * 2654435761U + op->id * 40503U;
    int result = nng_aio_result(op->self);
    size_t count = nng_aio_count(op->self);
    if (!atomic_load(&op->busy)) {
        race_fail("a callback of nothing", op->id, result);
    }
    check_outcome(op, result, count);
    if (op->kind == OP_WRITE || op->kind == OP_WRITE_ALL) {
        atomic_fetch_add(&slot->counted, count);
    } else {
        memset(op->buffer, UNTOUCHED, READ_SIZE);
    }
    atomic_fetch_sub(&slot->pending, 1);
    switch (t_random(&seed, 100)) {
    case 0:
        close_slot(slot);
        break;
    case 1:
        sleep_inside();
        break;
    case 2:
    case 3:
        cancel_another(&seed);
        break;
    default:
        break;
    }
    pthread_mutex_lock(&op->lock);
    bool again = op->aio != NULL && t_random(&seed, 3) == 0 &&
                 submit(op, t_random(&seed, 2) ? slot : any_slot(&seed), &seed);
    if (!again) {
        atomic_store(&op->busy, false);
    }
    pthread_mutex_unlock(&op->lock);
}

/* ---- Application threads ------------------------------------------------------------------ */

static void give_back(struct op *op, nng_aio *aio)
{
    pthread_mutex_lock(&op->lock);
    op->aio = aio;
    pthread_mutex_unlock(&op->lock);
}

static void renew(struct op *op)
{
    memset(op->buffer, UNTOUCHED, READ_SIZE);
    if (nng_aio_alloc(&op->self, called, op) != 0) {
        race_fail("nng_aio_alloc", op->id, 0);
    }
    give_back(op, op->self);
}

/* Takes the aio away from callbacks, so that it can be stopped or freed. */
static nng_aio *withdraw(struct op *op)
{
    pthread_mutex_lock(&op->lock);
    nng_aio *aio = op->aio;
    op->aio = NULL;
    pthread_mutex_unlock(&op->lock);
    return aio;
}

static void end_op(struct op *op, unsigned how)
{
    nng_aio *aio = withdraw(op);
    switch (how) {
    case 0:
        nng_aio_stop(aio);
        if (atomic_load(&op->busy)) {
            race_fail("stop did not wait for the callback", op->id, 0);
        }
        nng_sleep_aio(0, aio); /* no callback of this, or it would fail */
        nng_aio_wait(aio);
        nng_aio_free(aio);
        break;
    case 1:
        nng_aio_free(aio);
        if (atomic_load(&op->busy)) {
            race_fail("free did not wait for the callback", op->id, 1);
        }
        break;
    default:
        nng_aio_reap(aio);
        while (atomic_load(&op->busy)) {
            usleep(100);
        }
        /* called() may hold the lock still, for the last time */
        pthread_mutex_lock(&op->lock);
        pthread_mutex_unlock(&op->lock);
        break;
    }
}

/* With the aio withdrawn, lest its callback starts something that ends we do not know when. */
static void wait_for_end(struct op *op)
{
    nng_aio *aio = withdraw(op);
    nng_aio_cancel(aio);
    nng_aio_wait(aio);
    if (atomic_load(&op->busy)) {
        race_fail("wait did not wait for the callback", op->id, 0);
    }
    give_back(op, aio);
}

static void poke(struct op *op, unsigned *seed)
{
    switch (t_random(seed, 40)) {
    case 0:
    case 1:
    case 2:
        end_op(op, t_random(seed, 3));
        renew(op);
        break;
    case 3:
        wait_for_end(op);
        break;
    case 4:
    case 5:
    case 6:
        nng_aio_abort(op->aio, NNG_EPROTO);
        break;
    case 7:
    case 8:
    case 9:
        nng_aio_cancel(op->aio);
        break;
    case 10:
        (void) nng_aio_busy(op->aio);
        (void) nng_aio_result(op->aio);
        (void) nng_aio_count(op->aio);
        break;
    case 11:
        if (t_random(seed, 5) == 0) {
            race_recycle(any_slot(seed));
        }
        break;
    default:
        pthread_mutex_lock(&op->lock);
        if (!atomic_load(&op->busy)) {
            submit(op, any_slot(seed), seed);
        }
        pthread_mutex_unlock(&op->lock);
        break;
    }
}

/* One life of a thread; it exits with operations pending, and another takes its place. */
static void *work(void *arg)
{
    struct op *ops = arg;
    unsigned seed = (ops->id + atomic_fetch_add(&race.lives, 1)) * 2654435761U;
    for (unsigned n = 200 + t_random(&seed, 400); n > 0 && !atomic_load(&race.over); n--) {
        poke(&ops[t_random(&seed, RACE_OPS_EACH)], &seed);
        if (t_random(&seed, 8) == 0) {
            usleep(t_random(&seed, 300));
        }
    }
    return NULL;
}

static void *relive(void *arg)
{
    while (!atomic_load(&race.over)) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, arg) != 0) {
            race_fail("pthread_create", 0, 0);
        }
        pthread_join(thread, NULL);
    }
    return NULL;
}

/* ---- The test ----------------------------------------------------------------------------- */

static unsigned long progress(void)
{
    unsigned long sum = 0;
    for (unsigned i = 0; i < RACE_OPS; i++) {
        sum += atomic_load(&race.ops[i].called);
    }
    return sum;
}

static void *watch(void *arg)
{
    (void) arg;
    unsigned long last = progress();
    for (int quiet = 0; !atomic_load(&race.finished); quiet++) {
        usleep(100000);
        unsigned long now = progress();
        quiet = now != last ? 0 : quiet;
        last = now;
        if (quiet > 300) {
            race_fail("nothing has happened for 30 seconds", (long) now, 0);
        }
    }
    return NULL;
}

static void finish(void)
{
    for (unsigned i = 0; i < RACE_OPS; i++) {
        struct op *op = &race.ops[i];
        end_op(op, 1);
        if (op->begun != op->called) {
            race_fail("callbacks are not one for each operation", (long) op->begun,
                      (long) op->called);
        }
        free(op->buffer);
        pthread_mutex_destroy(&op->lock);
    }
    for (unsigned i = 0; i < RACE_SLOTS; i++) {
        race_retire(&race.slots[i]);
    }
}

Test(race, everything, .timeout = 300)
{
    const char *value = getenv("NNG_URING_RACE_SECONDS");
    int seconds = value != NULL ? atoi(value) : 5;
    pthread_t threads[RACE_THREADS], watchdog;
    race.data = calloc(1, RACE_DATA);
    race_open_slots();
    for (unsigned i = 0; i < RACE_OPS; i++) {
        struct op *op = &race.ops[i];
        op->id = i;
        op->buffer = malloc(READ_SIZE);
        pthread_mutex_init(&op->lock, NULL);
        renew(op);
    }
    cr_assert_eq(pthread_create(&watchdog, NULL, watch, NULL), 0);
    for (unsigned i = 0; i < RACE_THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, relive, &race.ops[i * RACE_OPS_EACH]), 0);
    }
    sleep((unsigned) seconds);
    atomic_store(&race.over, true);
    for (unsigned i = 0; i < RACE_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    finish();
    race_close_slots();
    atomic_store(&race.finished, true);
    pthread_join(watchdog, NULL);
    fprintf(stderr, "race: %lu operations, %u connections, %u threads\n", progress(),
            (unsigned) race.connections, (unsigned) race.lives);
    free(race.data);
    nng_fini();
}
