/* SPDX-License-Identifier: MIT */
/*
 * What a send's count promises, on streams of every kind: sends in a queue, which are cancelled,
 * late or closed at any moment, while the other end reads, or does not yet. What that receives is,
 * in order, as much of each as counts; and their memory is their owner's as soon as they end.
 */
#include "support/random.h"
#include "support/scale.h"
#include "support/stream_ends.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <nng/nng.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

TestSuite(stream_writes, .timeout = 300);

#define SENDS 6
#define PIECES 8
#define MOST ((size_t) 2 << 20) /* bytes of a send; fewer than all of them fit in between */
#define ROUNDS (1 + NU_TIMES(5))
#define MARK 0xee

/* The end that reads. */
struct sink {
    nng_stream *stream;
    nng_aio *aio;
    uint8_t piece[65536], *got;
    pthread_mutex_t lock;
    bool open, waits, ended; /* under lock: it is to read; it would; there is no more */
    size_t n;                /* likewise: bytes that came */
};

static struct sink sink;
static nng_stream *source;
static uint8_t *memory[SENDS];
static nng_aio *sends[SENDS];

static uint8_t t_byte(unsigned round, unsigned i, size_t at)
{
    return (uint8_t) (round * 91 + i * 31 + at * 7 + (at >> 8));
}

static void t_sink_read(void)
{
    nng_iov iov = { sink.piece, sizeof sink.piece };
    nng_aio_set_iov(sink.aio, 1, &iov);
    nng_stream_recv(sink.stream, sink.aio);
}

static void t_sink_came(void *arg)
{
    (void) arg;
    size_t n = nng_aio_count(sink.aio);
    pthread_mutex_lock(&sink.lock);
    cr_assert_leq(sink.n + n, SENDS * MOST);
    memcpy(sink.got + sink.n, sink.piece, n);
    sink.n += n;
    sink.ended = nng_aio_result(sink.aio) != 0;
    sink.waits = !sink.open;
    bool go_on = sink.open && !sink.ended;
    pthread_mutex_unlock(&sink.lock);
    if (go_on) {
        t_sink_read();
    }
}

static void t_sink_open(bool open)
{
    pthread_mutex_lock(&sink.lock);
    bool go_on = open && sink.waits && !sink.ended;
    sink.open = open;
    sink.waits = sink.waits && !go_on;
    pthread_mutex_unlock(&sink.lock);
    if (go_on) {
        t_sink_read();
    }
}

/* So many bytes, or with `end` all. */
static void t_sink_await(size_t n, bool end)
{
    for (bool done = false; !done; nng_msleep(1)) {
        pthread_mutex_lock(&sink.lock);
        done = sink.ended || (!end && sink.n >= n);
        pthread_mutex_unlock(&sink.lock);
    }
}

static void t_start(struct t_ends *pair, enum t_stream_kind kind, int from)
{
    t_ends_open(pair, kind);
    sink = (struct sink){ .stream = pair->ends[!from], .open = true, .got = malloc(SENDS * MOST) };
    source = pair->ends[from];
    pthread_mutex_init(&sink.lock, NULL);
    cr_assert_eq(nng_aio_alloc(&sink.aio, t_sink_came, NULL), 0);
    for (unsigned i = 0; i < SENDS; i++) {
        memory[i] = malloc(MOST);
        cr_assert_eq(nng_aio_alloc(&sends[i], NULL, NULL), 0);
    }
    t_sink_read();
}

static void t_end(struct t_ends *pair)
{
    t_ends_close(pair);
    nng_aio_free(sink.aio);
    free(sink.got);
    for (unsigned i = 0; i < SENDS; i++) {
        nng_aio_free(sends[i]);
        free(memory[i]);
    }
}

/* One of a vector of up to eight, some of them with little time. */
static void t_send(unsigned round, unsigned i, unsigned *seed)
{
    unsigned pieces = 1 + t_random(seed, PIECES);
    size_t total = 1 + t_random(seed, t_random(seed, 2) == 0 ? 5000 : MOST - 1);
    nng_iov iov[PIECES];
    for (size_t at = 0; at < total; at++) {
        memory[i][at] = t_byte(round, i, at);
    }
    for (unsigned p = 0; p < pieces; p++) {
        iov[p].iov_buf = memory[i] + total / pieces * p;
        iov[p].iov_len = p + 1 < pieces ? total / pieces : total - total / pieces * p;
    }
    cr_assert_eq(nng_aio_set_iov(sends[i], pieces, iov), 0);
    nng_aio_set_timeout(sends[i], t_random(seed, 4) == 0 ? 2 : T_STREAM_LIMIT);
    nng_stream_send(source, sends[i]);
}

static void t_round(unsigned round, bool closes)
{
    unsigned seed = round * 7919 + 1;
    size_t counts[SENDS], all = 0, at = 0;
    sink.n = 0;
    t_sink_open(round % 2 == 0);
    for (unsigned i = 0; i < SENDS; i++) {
        t_send(round, i, &seed);
    }
    nng_msleep((nng_duration) t_random(&seed, 4)); /* any moment will do */
    for (unsigned i = 0; i < SENDS / 2; i++) {
        nng_aio_cancel(sends[t_random(&seed, SENDS)]);
    }
    if (closes) {
        nng_stream_close(source);
    }
    t_sink_open(true);
    for (unsigned i = 0; i < SENDS; i++) {
        nng_aio_wait(sends[i]);
        int err = nng_aio_result(sends[i]);
        counts[i] = nng_aio_count(sends[i]);
        cr_assert(err == 0 || err == NNG_ECANCELED || err == NNG_ETIMEDOUT ||
                      (closes && err == NNG_ECLOSED),
                  "round %u: %s", round, nng_strerror(err));
        cr_assert(err != 0 || counts[i] > 0);
        all += counts[i];
        memset(memory[i], MARK, MOST);
    }
    t_sink_await(all, closes);
    cr_assert_eq(sink.n, all, "round %u: %zu bytes, and %zu count", round, sink.n, all);
    for (unsigned i = 0; i < SENDS; at += counts[i], i++) {
        for (size_t j = 0; j < counts[i]; j++) {
            cr_assert_eq(sink.got[at + j], t_byte(round, i, j),
                         "round %u, send %u: byte %zu of %zu", round, i, j, counts[i]);
        }
    }
}

ParameterizedTestParameters(stream_writes, what_counts_comes)
{
    return cr_make_param_array(enum t_stream_kind, t_stream_each, KINDS);
}

ParameterizedTest(enum t_stream_kind *kind, stream_writes, what_counts_comes)
{
    for (int from = 0; from < 2; from++) {
        struct t_ends pair;
        t_start(&pair, *kind, from);
        for (unsigned round = 0; round < ROUNDS; round++) {
            t_round(round, round + 1 == ROUNDS);
        }
        t_end(&pair);
    }
}
