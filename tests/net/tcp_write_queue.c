/* SPDX-License-Identifier: MIT */
/* Several writes on one connection: their order, and what the end of one means for the others. */
#include "net/tcp_write.h"
#include "support/aio_probe.h"
#include "support/peer.h"
#include "support/random.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- Order -------------------------------------------------------------------------------- */

#define THREADS 4U
#define WRITES 200U
#define LARGEST 20000U

/* The bytes of write `id`: its id, then a stream of its own. */
struct order {
    struct nu_pair pair;
    struct t_aio_probe track[WRITES];
    uint8_t *data[WRITES];
    size_t size[WRITES];
    pthread_t thread[THREADS];
    pthread_mutex_t lock;
    unsigned finished[WRITES]; /* ids in the order of their callbacks; under lock */
    unsigned nfinished;
};

struct submitter {
    struct order *order;
    unsigned first; /* id; then every THREADS-th */
};

static void note_end(struct t_aio_probe *track)
{
    struct order *o = track->arg;
    pthread_mutex_lock(&o->lock);
    o->finished[o->nfinished++] = (unsigned) (track - o->track);
    pthread_mutex_unlock(&o->lock);
}

/* Every kind, size and way to start; some with a time limit of their own. */
static void *submit_some(void *arg)
{
    struct submitter *s = arg;
    struct order *o = s->order;
    unsigned mode = s->first == 0 ? NU_ON_OWNER : 0;
    for (unsigned id = s->first; id < WRITES; id += THREADS) {
        t_aio_probe_write(&o->track[id], o->pair.conn, mode, id % 3 != 0);
    }
    return NULL;
}

static void prepare(struct order *o)
{
    unsigned random = 1;
    cr_assert_eq(setenv("NNG_URING_CALLBACKS", "inline", 1), 0); /* elsewhere they have no order */
    for (unsigned id = 0; id < WRITES; id++) {
        o->size[id] = 1 + t_random(&random, LARGEST);
        o->data[id] = t_pattern_new(o->size[id], id);
        o->data[id][0] = (uint8_t) id;
        t_aio_probe_open(&o->track[id], NU_CALLED | (id % 5 == 0 ? NU_TIMED : 0));
        o->track[id].then = note_end;
        o->track[id].arg = o;
        t_aio_probe_buffer(&o->track[id], o->data[id], o->size[id]);
    }
}

static void receive(int fd, uint8_t *p, size_t n)
{
    cr_assert_eq(recv(fd, p, n, MSG_WAITALL), (ssize_t) n);
}

/* Reads the writes one by one, each in one piece, those of each thread in its order. */
static void check_order(struct order *o)
{
    uint8_t *p = malloc(LARGEST);
    int last[THREADS] = { -1, -1, -1, -1 };
    for (unsigned i = 0; i < WRITES; i++) {
        receive(o->pair.fd, p, 1);
        unsigned id = p[0];
        cr_assert_lt(id, WRITES);
        cr_assert_gt((int) id, last[id % THREADS]);
        last[id % THREADS] = (int) id;
        nng_aio_wait(o->track[id].aio); /* the count of a `write` is known only then */
        size_t count = o->track[id].count;
        cr_assert_eq(o->track[id].result, 0);
        cr_assert(count == o->size[id] || (id % 3 == 0 && count > 0));
        receive(o->pair.fd, p + 1, count - 1);
        t_pattern_assert(p + 1, 1, count - 1, id);
        pthread_mutex_lock(&o->lock);
        cr_assert_eq(o->finished[i], id, "callbacks are out of order");
        pthread_mutex_unlock(&o->lock);
    }
    free(p);
}

Test(tcp_write_queue, two_hundred_in_order, .timeout = 60)
{
    struct order *o = calloc(1, sizeof *o);
    struct submitter s[THREADS];
    struct t_aio_probe head;
    uint8_t *data = t_pattern_new(NU_PLENTY, 250);
    pthread_mutex_init(&o->lock, NULL);
    t_pair_open(&o->pair);
    prepare(o);
    t_aio_probe_open(&head, 0); /* so that the others queue up */
    t_aio_probe_buffer(&head, data, NU_PLENTY);
    t_aio_probe_write(&head, o->pair.conn, 0, true);
    for (unsigned i = 0; i < THREADS; i++) {
        s[i] = (struct submitter){ o, i };
        cr_assert_eq(pthread_create(&o->thread[i], NULL, submit_some, &s[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(o->thread[i], NULL);
    }
    for (unsigned id = 0; id < WRITES; id++) {
        cr_assert(nng_aio_busy(o->track[id].aio));
    }
    t_peer_read(o->pair.fd, 0, NU_PLENTY, 250);
    t_aio_probe_assert(&head, 0, 0);
    check_order(o);
    t_pair_assert_rest(&o->pair, 0, 0, 0);
    for (unsigned id = 0; id < WRITES; id++) {
        t_aio_probe_close(&o->track[id]);
        free(o->data[id]);
    }
    t_aio_probe_close(&head);
    t_pair_close(&o->pair);
    free(data);
    free(o);
}

/* The same without anything before them: some find the socket free, some are queued. */
Test(tcp_write_queue, racing_in_order, .timeout = 60)
{
    struct order *o = calloc(1, sizeof *o);
    struct submitter s[THREADS];
    pthread_mutex_init(&o->lock, NULL);
    t_pair_open(&o->pair);
    prepare(o);
    for (unsigned i = 0; i < THREADS; i++) {
        s[i] = (struct submitter){ o, i };
        cr_assert_eq(pthread_create(&o->thread[i], NULL, submit_some, &s[i]), 0);
    }
    check_order(o);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(o->thread[i], NULL);
    }
    t_pair_assert_rest(&o->pair, 0, 0, 0);
    for (unsigned id = 0; id < WRITES; id++) {
        t_aio_probe_close(&o->track[id]);
        free(o->data[id]);
    }
    t_pair_close(&o->pair);
    free(o);
}

/* The first is finished by its own thread while the owner is busy, the second by the owner. */
struct relay {
    struct nu_pair pair;
    struct t_aio_probe track[2];
    pthread_barrier_t turn;
    atomic_uint calls;
    unsigned order[2];
};

static void note_order(struct t_aio_probe *track)
{
    struct relay *r = track->arg;
    r->order[atomic_fetch_add(&r->calls, 1)] = (unsigned) (track - r->track);
}

static void write_second(void *arg)
{
    struct relay *r = arg;
    pthread_barrier_wait(&r->turn); /* the owner is here now */
    pthread_barrier_wait(&r->turn); /* the first is written */
    nng_http_conn_write_all(r->pair.conn, r->track[1].aio);
}

static void *write_first(void *arg)
{
    struct relay *r = arg;
    pthread_barrier_wait(&r->turn);
    nng_http_conn_write_all(r->pair.conn, r->track[0].aio);
    pthread_barrier_wait(&r->turn);
    return NULL;
}

Test(tcp_write_queue, order_between_threads, .timeout = 60)
{
    char byte = 0;
    cr_assert_eq(setenv("NNG_URING_CALLBACKS", "inline", 1), 0); /* elsewhere they have no order */
    for (int i = 0; i < 50; i++) {
        struct relay r = { .calls = 0 };
        pthread_t thread;
        t_pair_open(&r.pair);
        pthread_barrier_init(&r.turn, NULL, 2);
        for (int k = 0; k < 2; k++) {
            t_aio_probe_open(&r.track[k], NU_CALLED);
            t_aio_probe_buffer(&r.track[k], &byte, 1);
            r.track[k].then = note_order;
            r.track[k].arg = &r;
        }
        cr_assert_eq(pthread_create(&thread, NULL, write_first, &r), 0);
        t_on_owner(r.pair.conn, write_second, &r);
        pthread_join(thread, NULL);
        t_aio_probe_assert(&r.track[0], 1, 0);
        t_aio_probe_assert(&r.track[1], 1, 0);
        cr_assert(r.order[0] == 0 && r.order[1] == 1);
        t_aio_probe_close(&r.track[0]);
        t_aio_probe_close(&r.track[1]);
        t_pair_close(&r.pair);
        pthread_barrier_destroy(&r.turn);
    }
}

/* ---- Three writes, one behind the other --------------------------------------------------- */

struct three {
    struct nu_pair pair;
    struct t_aio_probe track[3];
    uint8_t *data[3]; /* NU_PLENTY bytes each, streams 0 to 2 */
};

static void open_three(struct three *t, unsigned mode)
{
    t_pair_open(&t->pair);
    for (unsigned i = 0; i < 3; i++) {
        t->data[i] = t_pattern_new(NU_PLENTY, i);
        t_aio_probe_open(&t->track[i], mode);
        t_aio_probe_buffer(&t->track[i], t->data[i], NU_PLENTY);
    }
}

static void close_three(struct three *t)
{
    for (unsigned i = 0; i < 3; i++) {
        t_aio_probe_close(&t->track[i]);
        free(t->data[i]);
    }
    t_pair_close(&t->pair);
}

/* A `write` between two write_alls is done with a part, and they are not. */
Test(tcp_write_queue, each_keeps_its_kind, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct three t;
        open_three(&t, mode);
        t_aio_probe_write(&t.track[0], t.pair.conn, mode, true);
        t_aio_probe_write(&t.track[1], t.pair.conn, mode, false);
        t_aio_probe_write(&t.track[2], t.pair.conn, mode, true);
        t_peer_read(t.pair.fd, 0, NU_PLENTY, 0);
        t_aio_probe_assert(&t.track[0], 1, 0);
        cr_assert_eq(nng_aio_count(t.track[0].aio), NU_PLENTY);
        t_aio_probe_assert(&t.track[1], 1, 0);
        size_t count = nng_aio_count(t.track[1].aio);
        cr_assert(count > 0 && count < NU_PLENTY);
        cr_assert(nng_aio_busy(t.track[2].aio));
        t_peer_read(t.pair.fd, 0, count, 1);
        t_peer_read(t.pair.fd, 0, NU_PLENTY, 2);
        t_aio_probe_assert(&t.track[2], 1, 0);
        cr_assert_eq(nng_aio_count(t.track[2].aio), NU_PLENTY);
        t_pair_assert_rest(&t.pair, 0, 0, 0);
        close_three(&t);
    }
}

/* One that fails half-way takes along those behind it, and the connection goes on. */
static void torn(unsigned mode, int result)
{
    struct three t;
    open_three(&t, mode);
    if (result == NNG_ETIMEDOUT) {
        nng_aio_set_timeout(t.track[0].aio, 50);
    }
    t_aio_probe_write(&t.track[0], t.pair.conn, mode, true);
    t_aio_probe_write(&t.track[1], t.pair.conn, mode, false);
    t_aio_probe_write(&t.track[2], t.pair.conn, mode, true);
    t_peer_read(t.pair.fd, 0, 1, 0);
    if (result != NNG_ETIMEDOUT) {
        nng_aio_abort(t.track[0].aio, result);
    }
    t_aio_probe_assert(&t.track[0], 1, result);
    size_t count = nng_aio_count(t.track[0].aio);
    cr_assert(count > 0 && count < NU_PLENTY);
    for (int i = 1; i < 3; i++) {
        t_aio_probe_assert(&t.track[i], 1, NNG_ECANCELED);
        cr_assert_eq(nng_aio_count(t.track[i].aio), 0);
    }
    t_peer_read(t.pair.fd, 1, count - 1, 0);
    t_aio_probe_write(&t.track[1], t.pair.conn, mode, true);
    t_peer_read(t.pair.fd, 0, NU_PLENTY, 1);
    t_aio_probe_assert(&t.track[1], 2, 0);
    t_pair_assert_rest(&t.pair, 0, 0, 0);
    close_three(&t);
}

Test(tcp_write_queue, torn, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        torn(mode, NNG_ECANCELED);
        torn(mode, NNG_EPROTO);
        torn(mode, NNG_ETIMEDOUT);
    }
}

/* One that fails with nothing out does no harm: the stream is whole. */
static void not_torn(unsigned mode, bool all)
{
    struct three t;
    open_three(&t, mode);
    size_t filled = t_pair_fill(&t.pair, 0, 9);
    t_aio_probe_write(&t.track[0], t.pair.conn, mode, all);
    t_aio_probe_write(&t.track[1], t.pair.conn, mode, false);
    t_aio_probe_write(&t.track[2], t.pair.conn, mode, true);
    nng_aio_cancel(t.track[0].aio);
    t_aio_probe_assert(&t.track[0], 1, NNG_ECANCELED);
    cr_assert_eq(nng_aio_count(t.track[0].aio), 0);
    cr_assert(nng_aio_busy(t.track[1].aio) && nng_aio_busy(t.track[2].aio));
    t_peer_read(t.pair.fd, 0, filled, 9);
    t_aio_probe_assert(&t.track[1], 1, 0);
    t_peer_read(t.pair.fd, 0, nng_aio_count(t.track[1].aio), 1);
    t_peer_read(t.pair.fd, 0, NU_PLENTY, 2);
    t_aio_probe_assert(&t.track[2], 1, 0);
    t_pair_assert_rest(&t.pair, 0, 0, 0);
    close_three(&t);
}

Test(tcp_write_queue, not_torn, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        not_torn(mode, false);
        not_torn(mode, true);
    }
}

/* Each waits no longer than it was told to, wherever it is in the queue. */
Test(tcp_write_queue, deadlines_of_their_own, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct three t;
        open_three(&t, mode & ~(unsigned) NU_TIMED);
        size_t filled = t_pair_fill(&t.pair, 0, 9);
        for (int i = 0; i < 3; i++) {
            nng_aio_set_timeout(t.track[i].aio, i == 1 ? 20 : 60 + 10 * i);
            t_aio_probe_write(&t.track[i], t.pair.conn, mode, i > 0);
        }
        t_aio_probe_assert(&t.track[1], 1, NNG_ETIMEDOUT);
        t_aio_probe_assert(&t.track[0], 1, NNG_ETIMEDOUT);
        t_aio_probe_assert(&t.track[2], 1, NNG_ETIMEDOUT);
        t_pair_assert_rest(&t.pair, 0, filled, 9);
        close_three(&t);
    }
}

/* ---- Buffers ------------------------------------------------------------------------------ */

/* Once a callback says that a write is over, its buffer is the caller's: nothing reads it any more.
 */

static void overwrite(struct t_aio_probe *track)
{
    memset(track->arg, 0xff, NU_PLENTY);
}

static void buffers_come_back(unsigned mode, bool expire)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    struct t_drain drain = { .seed = 1, .chunk = 10000 };
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    t_pair_open(&pair);
    t_aio_probe_open(&track, mode | NU_CALLED);
    t_aio_probe_buffer(&track, data, NU_PLENTY);
    track.then = overwrite;
    track.arg = data;
    drain.fd = pair.fd;
    if (expire) {
        nng_aio_set_timeout(track.aio, 1);
    }
    t_drain_start(&drain);
    t_aio_probe_write(&track, pair.conn, mode, true);
    if (!expire) {
        nng_aio_cancel(track.aio);
    }
    nng_aio_wait(track.aio);
    cr_assert_eq(t_aio_probe_calls(&track), 1);
    nng_http_conn_close(pair.conn);
    pair.conn = NULL;
    cr_assert_eq(t_drain_join(&drain), nng_aio_count(track.aio));
    t_aio_probe_close(&track);
    t_pair_close(&pair);
    free(data);
}

Test(tcp_write_queue, buffers_come_back, .timeout = 60)
{
    for (int i = 0; i < 20; i++) {
        buffers_come_back(0, false);
        buffers_come_back(0, true);
        buffers_come_back(NU_ON_OWNER, false);
        buffers_come_back(NU_ON_OWNER, true);
    }
}
