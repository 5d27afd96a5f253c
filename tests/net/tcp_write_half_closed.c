/* SPDX-License-Identifier: MIT */
/* Writes to peers that have sent their last, and read late or never. io_uring gives such writes
 * kernel threads to wait on, of which there are few. */
#include "net/tcp_write.h"
#include "support/aio_probe.h"
#include "support/peer.h"
#include "support/proc.h"

#include <criterion/criterion.h>
#include <nng/nng.h>
#include <stdlib.h>
#include <sys/socket.h>

TestSuite(tcp_write_half_closed, .timeout = 120);

#define MANY 150 /* more than there ever were threads for */
#define FEW 20   /* threads at a time, for all loops together */

struct waiting {
    struct nu_pair pair;
    struct t_aio_probe track;
};

static struct waiting all[MANY];
static uint8_t *data;

static void start(struct waiting *w, unsigned mode)
{
    t_aio_probe_open(&w->track, mode);
    t_aio_probe_buffer(&w->track, data, NU_PLENTY);
    t_aio_probe_write(&w->track, w->pair.conn, mode, true);
}

static void close_one(struct waiting *w)
{
    t_aio_probe_close(&w->track);
    t_pair_close(&w->pair);
}

static void read_all(struct waiting *w)
{
    t_peer_read(w->pair.fd, 0, NU_PLENTY, 1);
    t_aio_probe_assert(&w->track, 1, 0);
    cr_assert_eq(nng_aio_count(w->track.aio), NU_PLENTY);
}

static void assert_few_threads(unsigned before, int ms)
{
    for (nng_time until = nng_clock() + (nng_time) ms; nng_clock() < until; nng_msleep(5)) {
        cr_assert_leq(t_proc_threads(), before + FEW);
    }
}

static unsigned open_all(void)
{
    data = t_pattern_new(NU_PLENTY, 1);
    for (int i = 0; i < MANY; i++) {
        t_pair_open(&all[i].pair);
    }
    return t_proc_threads();
}

/* Whoever reads is served, first come or last. */
static void read_and_close_all(void)
{
    for (int i = MANY - 1; i >= 0; i--) {
        cr_assert(nng_aio_busy(all[i].track.aio));
        read_all(&all[i]);
    }
    for (int i = 0; i < MANY; i++) {
        close_one(&all[i]);
    }
    free(data);
}

static void many(unsigned mode)
{
    unsigned threads = open_all();
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(shutdown(all[i].pair.fd, SHUT_WR), 0);
    }
    for (int i = 0; i < MANY; i++) {
        start(&all[i], mode);
    }
    assert_few_threads(threads, 300);
    read_and_close_all();
}

Test(tcp_write_half_closed, many)
{
    many(NU_ON_OWNER | NU_CALLED);
}

Test(tcp_write_half_closed, many_with_deadlines)
{
    many(NU_ON_OWNER | NU_CALLED | NU_TIMED);
}

Test(tcp_write_half_closed, many_from_a_thread)
{
    many(0);
}

/* They send their last while the write waits. */
Test(tcp_write_half_closed, later)
{
    unsigned threads = open_all();
    for (int i = 0; i < MANY; i++) {
        start(&all[i], NU_CALLED);
    }
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(shutdown(all[i].pair.fd, SHUT_WR), 0);
    }
    assert_few_threads(threads, 300);
    read_and_close_all();
}

/* The other ways in which it ends. */
static void end_by(nng_duration timeout, int result)
{
    struct waiting w;
    data = t_pattern_new(NU_PLENTY, 1);
    t_pair_open(&w.pair);
    cr_assert_eq(shutdown(w.pair.fd, SHUT_WR), 0);
    t_aio_probe_open(&w.track, NU_CALLED);
    if (timeout > 0) {
        nng_aio_set_timeout(w.track.aio, timeout);
    }
    t_aio_probe_buffer(&w.track, data, NU_PLENTY);
    t_aio_probe_write(&w.track, w.pair.conn, NU_ON_OWNER, true);
    t_peer_read(w.pair.fd, 0, 1, 1); /* it is under way */
    cr_assert(nng_aio_busy(w.track.aio));
    switch (result) {
    case NNG_ECANCELED:
        nng_aio_cancel(w.track.aio);
        break;
    case NNG_ECLOSED:
        nng_http_conn_close(w.pair.conn);
        w.pair.conn = NULL;
        break;
    case NNG_ECONNRESET:
        t_pair_reset(&w.pair);
        break;
    default:
        break;
    }
    t_aio_probe_assert(&w.track, 1, result);
    size_t count = nng_aio_count(w.track.aio);
    cr_assert(count > 0 && count < NU_PLENTY, "%zu bytes", count);
    if (result != NNG_ECONNRESET) {
        t_pair_assert_rest(&w.pair, 1, count - 1, 1);
    }
    close_one(&w);
    free(data);
}

Test(tcp_write_half_closed, ended_half_way)
{
    end_by(500, NNG_ETIMEDOUT);
    end_by(0, NNG_ECANCELED);
    end_by(0, NNG_ECLOSED);
    end_by(0, NNG_ECONNRESET);
}

/* One byte at a time will do for a write: it is done with what there is room for. */
Test(tcp_write_half_closed, some)
{
    struct waiting w;
    data = t_pattern_new(2 * NU_PLENTY, 1);
    t_pair_open(&w.pair);
    size_t sum = t_pair_fill(&w.pair, 0, 1);
    cr_assert_eq(shutdown(w.pair.fd, SHUT_WR), 0);
    t_aio_probe_open(&w.track, NU_CALLED);
    t_aio_probe_buffer(&w.track, data + sum, NU_PLENTY);
    t_aio_probe_write(&w.track, w.pair.conn, NU_ON_OWNER, false);
    cr_assert(nng_aio_busy(w.track.aio));
    t_peer_read(w.pair.fd, 0, sum, 1);
    t_aio_probe_assert(&w.track, 1, 0);
    cr_assert_geq(nng_aio_count(w.track.aio), 1);
    t_pair_assert_rest(&w.pair, sum, nng_aio_count(w.track.aio), 1);
    close_one(&w);
    free(data);
}

static void count_turns(void *arg)
{
    *(uint64_t *) arg = nu_loop_self()->turns;
}

/* The loop has nothing to do meanwhile. */
Test(tcp_write_half_closed, waits_without_work)
{
    struct waiting w;
    uint64_t before, after;
    data = t_pattern_new(NU_PLENTY, 1);
    t_pair_open(&w.pair);
    cr_assert_eq(shutdown(w.pair.fd, SHUT_WR), 0);
    start(&w, NU_ON_OWNER);
    nng_msleep(50);
    t_on_owner(w.pair.conn, count_turns, &before);
    nng_msleep(500);
    t_on_owner(w.pair.conn, count_turns, &after);
    cr_assert_lt(after - before, 20);
    read_all(&w);
    close_one(&w);
    free(data);
}
