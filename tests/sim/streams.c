/* SPDX-License-Identifier: MIT */
#include "sim/streams.h"

#include "sim/faults.h"
#include "sim/openssl.h"
#include "sim/pattern.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/tcp.h"

#include <nng/nng.h>
#include <nng/stream.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/uring.h>
#include <stdio.h>
#include <string.h>

#define PAIRS 8U
#define SENDS 20U
#define MAX_SIZE 8000U
#define MS UINT64_C(1000000)
#define LATE (100 * MS)
#define ABORT_CODE NNG_ESTATE

struct end {
    unsigned id; /* of its bytes */
    struct end *other;
    nng_stream *stream; /* NULL: never */
    nng_aio *opens, *sends, *receives;
    struct sim_bytes counted, heard;
    struct sim_thread *opener, *sender, *receiver, *closer;
    bool closed, aborted, all_sent;
};

static struct pair {
    nng_stream_listener *listener;
    nng_stream_dialer *dialer;
    struct end ends[2]; /* dialed, accepted */
} pairs[PAIRS];

static unsigned npairs;
static nng_tls_config *configs[2]; /* of dialers and listeners; NULL: it is not secure */
static bool idles;                 /* a WebSocket that is idle for long ends */
static bool lost;                  /* one end of some pair is, for the other one */

unsigned sim_streams_count(void)
{
    return npairs;
}

/* ---- Sending and receiving ---------------------------------------------------------------- */

static nng_duration streams_some_limit(void)
{
    static const nng_duration limits[] = { NNG_DURATION_INFINITE, NNG_DURATION_INFINITE, 2, 50 };
    return limits[sim_pick(4)];
}

static size_t streams_some_size(void)
{
    size_t most = sim_tcp_scale() * 10;
    most = most < MAX_SIZE ? most : MAX_SIZE;
    return 1 + sim_pick((unsigned) (sim_chance(4) ? most : most / 10 + 1));
}

/* Until it is over, which must not be late. */
static int streams_await(struct end *end, nng_aio *aio, nng_duration limit, const char *what)
{
    uint64_t begun = sim_time;
    nng_aio_wait(aio);
    int err = nng_aio_result(aio);
    sim_trace("stream %u: %s: %s, %zu", end->id, what, nng_strerror(err), nng_aio_count(aio));
    sim_check(limit < 0 || sim_time - begun < (uint64_t) limit * MS + LATE,
              "stream %u: %s with a limit of %d ms takes %u ms", end->id, what, (int) limit,
              (unsigned) ((sim_time - begun) / MS));
    switch (err) {
    case NNG_ETIMEDOUT:
        sim_check(limit >= 0 || idles, "stream %u: %s times out without a limit", end->id, what);
        return limit >= 0 ? err : NNG_ECLOSED;
    case ABORT_CODE:
        sim_check(end->aborted, "stream %u: %s was not aborted", end->id, what);
        break;
    case NNG_ECLOSED:
    case NNG_ECONNSHUT:
    case NNG_ECONNRESET:
    case NNG_ECONNABORTED:
        sim_check(idles || lost || end->closed || end->other->closed || end->aborted ||
                      end->other->aborted,
                  "stream %u: %s: %s, and nobody has closed it", end->id, what, nng_strerror(err));
        break;
    case NNG_ECANCELED: /* behind a message that was cut */
    case 0:
        break;
    default:
        sim_fail("stream %u: %s: %s", end->id, what, nng_strerror(err));
    }
    return err;
}

static bool streams_is_lost(void *arg)
{
    (void) arg;
    return lost;
}

/* Whoever hears that the other one is lost may give up at that moment, or just after it. */
static void streams_mourn(struct end *end)
{
    if (!lost && sim_chance(3) &&
        sim_wait(streams_is_lost, NULL, sim_time + (uint64_t) sim_pick(3000) * 1000)) {
        sim_dawdle(sim_chance(2) ? 40 : 2000);
        end->aborted = true;
        nng_aio_abort(end->sends, ABORT_CODE);
    }
}

/* Counts what went, also when it failed. */
static void *streams_send(void *arg)
{
    struct end *end = arg;
    uint8_t bytes[MAX_SIZE];
    int err = 0;
    unsigned left =
        sim_steps(sim_pick(sim_chance(6) ? SENDS : SENDS / 5)); /* long lives are rare */
    for (; left > 0 && (err == 0 || err == NNG_ETIMEDOUT); left--) {
        size_t size = streams_some_size(), first = sim_pick((unsigned) size);
        nng_iov iov[2] = { { bytes, first }, { bytes + first, size - first } };
        nng_duration limit = streams_some_limit();
        memcpy(bytes, sim_pattern(end->id, end->counted.len, size), size);
        sim_check(nng_aio_set_iov(end->sends, 2, iov) == 0, "nng_aio_set_iov()");
        nng_aio_set_timeout(end->sends, limit);
        nng_stream_send(end->stream, end->sends);
        streams_mourn(end);
        err = streams_await(end, end->sends, limit, "send");
        sim_append(&end->counted, bytes, nng_aio_count(end->sends));
        memset(bytes, 0xee, size); /* it is ours again */
        if (sim_chance(4)) {
            sim_dawdle(3000);
        }
    }
    end->all_sent = true;
    return NULL;
}

static void *streams_receive(void *arg)
{
    struct end *end = arg;
    uint8_t *bytes = sim_alloc(MAX_SIZE); /* AddressSanitizer forgets marks on a stack that waits */
    int err = 0;
    while (err == 0 || err == NNG_ETIMEDOUT) {
        nng_iov iov = { bytes, streams_some_size() };
        nng_duration limit = streams_some_limit();
        sim_check(nng_aio_set_iov(end->receives, 1, &iov) == 0, "nng_aio_set_iov()");
        nng_aio_set_timeout(end->receives, limit);
        nng_stream_recv(end->stream, end->receives);
        err = streams_await(end, end->receives, limit, "receive");
        sim_append(&end->heard, bytes, nng_aio_count(end->receives));
        if (sim_chance(4)) {
            sim_dawdle(3000);
        }
    }
    sim_release(bytes);
    return NULL;
}

static bool streams_sent(void *arg)
{
    return ((struct end *) arg)->all_sent;
}

/* After a while, now and then in the middle of things. */
static void *streams_close(void *arg)
{
    struct end *end = arg;
    sim_dawdle(sim_chance(2) ? 3000 : 100000);
    if (sim_chance(4)) {
        end->aborted = true;
        nng_aio_abort(sim_chance(2) ? end->sends : end->receives, ABORT_CODE);
        sim_dawdle(3000);
    }
    if (!sim_chance(3)) {
        (void) sim_wait(streams_sent, end, sim_time + 1000 * MS); /* nobody may take it */
    }
    end->closed = true;
    sim_trace("stream %u is closed", end->id);
    nng_stream_close(end->stream);
    return NULL;
}

/* ---- An end's life ------------------------------------------------------------------------ */

static void *streams_open(void *arg)
{
    struct end *end = arg;
    nng_aio_wait(end->opens);
    int err = nng_aio_result(end->opens);
    sim_trace("stream %u: open: %s", end->id, nng_strerror(err));
    if (err == 0) {
        end->stream = nng_aio_get_output(end->opens, 0);
        end->sender = sim_spawn("who sends", streams_send, end);
        end->receiver = sim_spawn("who receives", streams_receive, end);
        end->closer = sim_spawn("who closes", streams_close, end);
        (void) sim_join(end->closer);
        (void) sim_join(end->receiver);
        (void) sim_join(end->sender);
        nng_stream_free(end->stream);
        return NULL;
    }
    sim_check(lost || end->aborted || end->other->aborted || end->closed || end->other->closed,
              "stream %u: open: %s", end->id, nng_strerror(err));
    end->closed = true;
    return NULL;
}

static void streams_begin(struct end *end, unsigned id, struct end *other)
{
    *end = (struct end){ .id = id, .other = other };
    sim_check(nng_aio_alloc(&end->opens, NULL, NULL) == 0 &&
                  nng_aio_alloc(&end->sends, NULL, NULL) == 0 &&
                  nng_aio_alloc(&end->receives, NULL, NULL) == 0,
              "nng_aio_alloc()");
}

static void streams_start(struct pair *pair, unsigned i, const char *scheme)
{
    char url[64];
    struct end *dialed = &pair->ends[0], *accepted = &pair->ends[1];
    snprintf(url, sizeof url, "%s://127.0.0.1:%u/stream", scheme, 900 + i);
    if (strstr(scheme, "tcp") != NULL) {
        *strrchr(url, '/') = '\0';
    }
    streams_begin(dialed, 2 * i, accepted);
    streams_begin(accepted, 2 * i + 1, dialed);
    int err = nng_stream_listener_alloc(&pair->listener, url);
    err = err == 0 ? nng_stream_dialer_alloc(&pair->dialer, url) : err;
    if (err == 0 && configs[0] != NULL) {
        err = nng_stream_dialer_set_ptr(pair->dialer, NNG_OPT_TLS_CONFIG, configs[0]);
        err = err == 0 ? nng_stream_listener_set_ptr(pair->listener, NNG_OPT_TLS_CONFIG, configs[1])
                       : err;
    }
    if (err == 0 && idles) {
        nng_duration limit = (nng_duration) sim_pick(50) + 1;
        err = nng_stream_dialer_set_ms(pair->dialer, NNG_URING_OPT_WS_IDLE_TIMEOUT, limit);
        err = err == 0 ? nng_stream_listener_set_ms(pair->listener, NNG_URING_OPT_WS_IDLE_TIMEOUT,
                                                    2 * limit)
                       : err;
    }
    err = err == 0 ? nng_stream_listener_listen(pair->listener) : err;
    sim_check(err == 0, "%s: %s", url, nng_strerror(err));
    nng_stream_listener_accept(pair->listener, accepted->opens);
    nng_stream_dialer_dial(pair->dialer, dialed->opens);
    dialed->opener = sim_spawn("who dials", streams_open, dialed);
    accepted->opener = sim_spawn("who accepts", streams_open, accepted);
    if (sim_chance(8)) {
        sim_dawdle(sim_chance(2) ? 40 : 2000);
        struct end *end = &pair->ends[sim_pick(2)];
        end->aborted = true;
        nng_aio_abort(end->opens, ABORT_CODE);
    }
}

static void streams_end(struct pair *pair)
{
    (void) sim_join(pair->ends[0].opener);
    pair->ends[0].closed = true;
    nng_stream_dialer_close(pair->dialer);
    nng_stream_listener_close(pair->listener); /* whoever accepts may wait for nobody */
    (void) sim_join(pair->ends[1].opener);
    nng_stream_dialer_free(pair->dialer);
    nng_stream_listener_free(pair->listener);
    for (unsigned i = 0; i < 2; i++) {
        nng_aio_free(pair->ends[i].opens);
        nng_aio_free(pair->ends[i].sends);
        nng_aio_free(pair->ends[i].receives);
    }
}

/* Once. */
static void *streams_lose(void *arg)
{
    (void) arg;
    sim_dawdle(sim_chance(2) ? 3000 : 30000);
    lost = sim_tcp_lose();
    return NULL;
}

void sim_streams(void)
{
    bool secure = sim_chance(32), tcp = sim_chance(3); /* the former takes much longer */
    const char *scheme = secure ? tcp ? "tls+tcp" : "wss" : tcp ? "tcp" : "ws";
    idles = !tcp && sim_chance(3);
    npairs = sim_actors(1 + sim_pick(sim_chance(2) ? PAIRS : PAIRS / 4));
    if (secure) {
        sim_openssl_reset();
    }
    for (unsigned i = 0; i < 2; i++) {
        configs[i] = secure ? sim_tls_config(i == 1) : NULL;
    }
    lost = false;
    struct sim_thread *loser =
        sim_chance(secure ? 2 : 4) ? sim_spawn("who loses", streams_lose, NULL) : NULL;
    for (unsigned i = 0; i < npairs; i++) {
        streams_start(&pairs[i], i, scheme);
    }
    for (unsigned i = 0; i < npairs; i++) {
        streams_end(&pairs[i]);
    }
    if (loser != NULL) {
        (void) sim_join(loser);
    }
    nng_tls_config_free(configs[0]);
    nng_tls_config_free(configs[1]);
}

void sim_streams_check(void)
{
    for (unsigned i = 0; i < 2 * npairs; i++) {
        struct end *end = &pairs[i / 2].ends[i % 2];
        const struct sim_bytes *heard = &end->other->heard, *counted = &end->counted;
        sim_check(heard->len <= counted->len, "stream %u: %zu bytes were counted and %zu heard",
                  end->id, counted->len, heard->len);
        sim_check(heard->len == 0 || memcmp(heard->p, counted->p, heard->len) == 0,
                  "stream %u: other bytes were heard", end->id);
    }
    for (unsigned i = 0; i < 2 * npairs; i++) {
        sim_release(pairs[i / 2].ends[i % 2].heard.p);
        sim_release(pairs[i / 2].ends[i % 2].counted.p);
    }
}
