/* SPDX-License-Identifier: MIT */
/* How writes fail: every error, from every state, and that the count is what the peer can receive.
 */
#include "net/tcp_write.h"

#include "http/conn.h"
#include "support/aio_probe.h"
#include "support/peer.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum after {
    OPEN,   /* the connection can be used */
    CLOSED, /* we closed it, and the peer receives what was counted */
    LOST,   /* the peer did, and nobody knows what it received */
};

struct ending {
    void (*act)(struct nu_pair *pair, nng_aio *aio);
    nng_duration timeout; /* 0: none */
    int result;
    enum after after;
};

/* ---- Ways to end a write ------------------------------------------------------------------ */

static void cancel(struct nu_pair *pair, nng_aio *aio)
{
    (void) pair;
    nng_aio_cancel(aio);
}

static void abort_with_code(struct nu_pair *pair, nng_aio *aio)
{
    (void) pair;
    nng_aio_abort(aio, NNG_EPROTO);
    nng_aio_abort(aio, NNG_EPERM); /* comes too late */
}

static void close_conn(struct nu_pair *pair, nng_aio *aio)
{
    (void) aio;
    nng_http_conn_close(pair->conn);
    pair->conn = NULL;
}

static void peer_resets(struct nu_pair *pair, nng_aio *aio)
{
    (void) aio;
    t_pair_reset(pair);
}

/* With bytes that the peer has not read, which is a reset too. */
static void peer_closes(struct nu_pair *pair, nng_aio *aio)
{
    (void) aio;
    close(pair->fd);
    pair->fd = -1;
}

static void let_pass(struct nu_pair *pair, nng_aio *aio)
{
    (void) pair;
    (void) aio;
}

static const struct ending endings[] = {
    { cancel, 0, NNG_ECANCELED, OPEN },           { cancel, 60000, NNG_ECANCELED, OPEN },
    { abort_with_code, 0, NNG_EPROTO, OPEN },     { abort_with_code, 60000, NNG_EPROTO, OPEN },
    { let_pass, 300, NNG_ETIMEDOUT, OPEN },       { close_conn, 0, NNG_ECLOSED, CLOSED },
    { close_conn, 60000, NNG_ECLOSED, CLOSED },   { peer_resets, 0, NNG_ECONNRESET, LOST },
    { peer_resets, 60000, NNG_ECONNRESET, LOST }, { peer_closes, 0, NNG_ECONNRESET, LOST },
};

#define ENDINGS (sizeof endings / sizeof endings[0])

struct act {
    const struct ending *ending;
    struct nu_pair *pair;
    nng_aio *aio;
};

static void act_on_owner(void *arg)
{
    struct act *a = arg;
    a->ending->act(a->pair, a->aio);
}

static void act(const struct ending *ending, unsigned mode, struct nu_pair *pair, nng_aio *aio)
{
    struct act a = { ending, pair, aio };
    if (mode & NU_ON_OWNER) {
        t_on_owner(pair->conn, act_on_owner, &a);
    } else {
        act_on_owner(&a);
    }
}

/* ---- In flight ---------------------------------------------------------------------------- */

/* What the peer's kernel holds for it; 0 where the peer has gone. */
static int held(const struct nu_pair *pair)
{
    int n = 0;
    (void) ioctl(pair->fd, FIONREAD, &n);
    return n;
}

/* `room`: a part of it goes out before it has to wait. False: a part has gone out though there was
 * none, for the peer's kernel, which was full, has found room for more when it was probed. */
static bool in_flight_once(const struct ending *ending, unsigned mode, bool all, bool room)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    uint8_t *data = t_pattern_new(2 * NU_PLENTY, 1);
    t_pair_open(&pair);
    t_aio_probe_open(&track, mode & ~(unsigned) NU_TIMED);
    size_t filled = room ? 0 : t_pair_fill(&pair, 0, 1), from = 0;
    int full = held(&pair);
    t_aio_probe_buffer(&track, data + filled, NU_PLENTY);
    if (ending->timeout > 0) {
        nng_aio_set_timeout(track.aio, ending->timeout);
    }
    nng_time start = nng_clock();
    t_aio_probe_write(&track, pair.conn, mode, all);
    if (room) {
        t_peer_read(pair.fd, 0, 1, 1); /* it is under way */
        from = 1;
    }
    act(ending, mode, &pair, track.aio);
    nng_aio_wait(track.aio);
    size_t count = nng_aio_count(track.aio);
    bool good = room || count == 0 || held(&pair) <= full;
    if (good) {
        t_aio_probe_assert(&track, 1, ending->result);
        if (ending->result == NNG_ETIMEDOUT) {
            cr_assert_geq(nng_clock() - start, (nng_time) ending->timeout - 1);
        }
        cr_assert(room ? count > 0 && count < NU_PLENTY : count == 0, "%zu bytes", count);
        if (ending->after != LOST) {
            t_pair_assert_rest(&pair, from, filled + count - from, 1);
        }
    }
    t_aio_probe_close(&track);
    t_pair_close(&pair);
    free(data);
    return good;
}

static void in_flight(const struct ending *ending, unsigned mode, bool all, bool room)
{
    int tries = 0;
    while (!in_flight_once(ending, mode, all, room)) {
        cr_assert_lt(++tries, 5);
    }
}

Test(tcp_write_errors, write_in_flight, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        for (size_t i = 0; i < ENDINGS && !(mode & NU_TIMED); i++) {
            in_flight(&endings[i], mode, false, false);
        }
    }
}

Test(tcp_write_errors, write_all_in_flight, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        for (size_t i = 0; i < ENDINGS && !(mode & NU_TIMED); i++) {
            in_flight(&endings[i], mode, true, false);
        }
    }
}

Test(tcp_write_errors, write_all_half_way, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        for (size_t i = 0; i < ENDINGS && !(mode & NU_TIMED); i++) {
            in_flight(&endings[i], mode, true, true);
        }
    }
}

/* TCP itself gives up on a peer that does not take what is sent: that is no time limit of the aio.
 */
Test(tcp_write_errors, tcp_gives_up, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode += NU_ON_OWNER) {
        struct nu_pair pair;
        struct t_aio_probe track;
        unsigned ms = 100;
        uint8_t data[100] = { 0 };
        t_pair_open(&pair);
        t_aio_probe_open(&track, NU_CALLED);
        t_aio_probe_buffer(&track, data, sizeof data);
        t_pair_fill(&pair, 0, 1);
        cr_assert_eq(setsockopt(pair.conn->tcp.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms),
                     0);
        nng_aio_set_timeout(track.aio, 50000);
        t_aio_probe_write(&track, pair.conn, mode & NU_ON_OWNER, true);
        t_aio_probe_assert(&track, 1, NNG_ECONNRESET);
        t_aio_probe_close(&track);
        t_pair_close(&pair);
        if (mode == NU_ON_OWNER) {
            break;
        }
    }
}

/* ---- Queued ------------------------------------------------------------------------------- */

/* The second of three writes ends early; the others never notice, if the connection is still there.
 */
static void queued(const struct ending *ending, unsigned mode, bool all)
{
    struct nu_pair pair;
    struct t_aio_probe track[3];
    uint8_t *data = t_pattern_new(NU_PLENTY + 100, 2);
    uint8_t other[100];
    memset(other, 0xee, sizeof other);
    t_pair_open(&pair);
    for (int i = 0; i < 3; i++) {
        t_aio_probe_open(&track[i], mode & ~(unsigned) NU_TIMED);
    }
    t_aio_probe_buffer(&track[0], data, NU_PLENTY);
    t_aio_probe_buffer(&track[1], other, sizeof other);
    t_aio_probe_buffer(&track[2], data + NU_PLENTY, 100);
    t_aio_probe_write(&track[0], pair.conn, mode, true);
    if (ending->timeout > 0) {
        nng_aio_set_timeout(track[1].aio, ending->timeout);
    }
    t_aio_probe_write(&track[1], pair.conn, mode, all);
    t_aio_probe_write(&track[2], pair.conn, mode, all);
    cr_assert(nng_aio_busy(track[1].aio));
    t_peer_read(pair.fd, 0, 1, 2);
    act(ending, mode, &pair, track[1].aio);
    if (ending->after == OPEN) {
        t_aio_probe_assert(&track[1], 1, ending->result);
        cr_assert(nng_aio_busy(track[0].aio) && nng_aio_busy(track[2].aio));
        t_peer_read(pair.fd, 1, NU_PLENTY + 99, 2);
        t_aio_probe_assert(&track[0], 1, 0);
        t_aio_probe_assert(&track[2], 1, 0);
        t_pair_assert_rest(&pair, NU_PLENTY + 100, 0, 2);
    } else {
        /* a write_all that was torn takes those behind it along */
        int behind = ending->after == CLOSED ? NNG_ECLOSED : NNG_ECANCELED;
        t_aio_probe_assert(&track[0], 1, ending->result);
        t_aio_probe_assert(&track[1], 1, behind);
        t_aio_probe_assert(&track[2], 1, behind);
        cr_assert_gt(nng_aio_count(track[0].aio), 0);
        cr_assert_eq(nng_aio_count(track[2].aio), 0);
        if (ending->after == CLOSED) {
            t_pair_assert_rest(&pair, 1, nng_aio_count(track[0].aio) - 1, 2);
        }
    }
    cr_assert_eq(nng_aio_count(track[1].aio), 0);
    for (int i = 0; i < 3; i++) {
        t_aio_probe_close(&track[i]);
    }
    t_pair_close(&pair);
    free(data);
}

Test(tcp_write_errors, queued, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        for (size_t i = 0; i < ENDINGS && !(mode & NU_TIMED); i++) {
            queued(&endings[i], mode, false);
            queued(&endings[i], mode, true);
        }
    }
}

/* Writes of which nothing went out when the peer went away fail each for itself. */
Test(tcp_write_errors, reset_with_nothing_out, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct nu_pair pair;
        struct t_aio_probe track[3];
        uint8_t data[100] = { 0 };
        t_pair_open(&pair);
        t_pair_fill(&pair, 0, 1);
        for (int i = 0; i < 3; i++) {
            t_aio_probe_open(&track[i], mode);
            t_aio_probe_buffer(&track[i], data, sizeof data);
            t_aio_probe_write(&track[i], pair.conn, mode, i > 0);
        }
        t_pair_reset(&pair);
        for (int i = 0; i < 3; i++) {
            t_aio_probe_assert(&track[i], 1, NNG_ECONNRESET);
            cr_assert_eq(nng_aio_count(track[i].aio), 0);
            t_aio_probe_write(&track[i], pair.conn, mode, i > 0); /* and later ones too */
            t_aio_probe_assert(&track[i], 2, NNG_ECONNRESET);
            t_aio_probe_close(&track[i]);
        }
        t_pair_close(&pair);
    }
}

/* ---- Without trying ----------------------------------------------------------------------- */

static void set_no_time(nng_aio *aio, int how)
{
    switch (how) {
    case 0:
        nng_aio_set_timeout(aio, NNG_DURATION_ZERO);
        break;
    case 1:
        nng_aio_set_timeout(aio, -7);
        break;
    case 2:
        nng_aio_set_expire(aio, nng_clock() - 1);
        break;
    default:
        nng_aio_set_expire(aio, 0);
        break;
    }
}

/* No time at all: nothing is sent. set_expire lasts for one operation. */
Test(tcp_write_errors, no_time, .timeout = 60)
{
    uint8_t *data = t_pattern_new(100, 3);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        for (int how = 0; how < 8; how++) {
            struct nu_pair pair;
            struct t_aio_probe track;
            t_pair_open(&pair);
            t_aio_probe_open(&track, mode);
            t_aio_probe_buffer(&track, data, 100);
            set_no_time(track.aio, how / 2);
            t_aio_probe_write(&track, pair.conn, mode, how % 2);
            t_aio_probe_assert(&track, 1, NNG_ETIMEDOUT);
            cr_assert_eq(nng_aio_count(track.aio), 0);
            if (how / 2 < 2) {
                nng_aio_set_timeout(track.aio, NNG_DURATION_DEFAULT);
            }
            t_aio_probe_write(&track, pair.conn, mode, how % 2);
            t_aio_probe_assert(&track, 2, 0);
            t_pair_assert_rest(&pair, 0, 100, 3);
            t_aio_probe_close(&track);
            t_pair_close(&pair);
        }
    }
    free(data);
}

static void write_when_it_is_late(void *arg)
{
    struct t_aio_probe *tracks = arg;
    nng_http_conn *conn = tracks[0].arg;
    nng_aio_set_timeout(tracks[0].aio, 10000);
    nng_http_conn_read(conn, tracks[0].aio); /* looks at the clock */
    nng_msleep(20);
    nng_aio_set_expire(tracks[1].aio, nng_clock() - 5);
    nng_http_conn_write_all(conn, tracks[1].aio);
}

/* A moment that has passed is seen, however long ago the owner last looked at the clock. */
Test(tcp_write_errors, no_time_any_more)
{
    struct nu_pair pair;
    struct t_aio_probe tracks[2];
    uint8_t data[100] = { 0 };
    t_pair_open(&pair);
    for (int i = 0; i < 2; i++) {
        t_aio_probe_open(&tracks[i], NU_CALLED);
        t_aio_probe_buffer(&tracks[i], data, sizeof data);
        tracks[i].arg = pair.conn;
    }
    t_on_owner(pair.conn, write_when_it_is_late, tracks);
    t_aio_probe_assert(&tracks[1], 1, NNG_ETIMEDOUT);
    cr_assert_eq(nng_aio_count(tracks[1].aio), 0);
    t_pair_assert_rest(&pair, 0, 0, 0);
    t_aio_probe_close(&tracks[0]);
    t_aio_probe_close(&tracks[1]);
    t_pair_close(&pair);
}

/* The time limit covers the whole of a write_all, however many short writes it takes. */
static void slow_peer(unsigned mode)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    size_t size = 8 * NU_PLENTY;
    struct t_drain drain = { .seed = 4, .chunk = 8 << 10, .pause_us = 4000 };
    uint8_t *data = t_pattern_new(size, 4);
    t_pair_open(&pair);
    t_aio_probe_open(&track, mode & ~(unsigned) NU_TIMED);
    t_aio_probe_buffer(&track, data, size);
    if (mode & NU_TIMED) {
        nng_aio_set_timeout(track.aio, 300);
    } else {
        nng_aio_set_expire(track.aio, nng_clock() + 300);
    }
    drain.fd = pair.fd;
    nng_time start = nng_clock();
    t_drain_start(&drain);
    t_aio_probe_write(&track, pair.conn, mode, true);
    t_aio_probe_assert(&track, 1, NNG_ETIMEDOUT);
    cr_assert_geq(nng_clock() - start, 299);
    cr_assert_lt(nng_clock() - start, 60000);
    cr_assert_gt(nng_aio_count(track.aio), 0);
    nng_http_conn_close(pair.conn);
    pair.conn = NULL;
    atomic_store(&drain.pause_us, 0);
    cr_assert_eq(t_drain_join(&drain), nng_aio_count(track.aio));
    t_aio_probe_close(&track);
    t_pair_close(&pair);
    free(data);
}

Test(tcp_write_errors, one_deadline, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        slow_peer(mode);
    }
}

/* The peer has sent its last and does not read either. Then the kernel tries the write over and
 * over for a while, and may not know where it is when it is to be cancelled. */
Test(tcp_write_errors, cancelled_when_half_closed, .timeout = 60)
{
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    for (useconds_t delay = 0; delay < 300; delay += 3) {
        struct nu_pair pair;
        struct t_aio_probe track;
        t_pair_open(&pair);
        t_aio_probe_open(&track, NU_CALLED);
        t_aio_probe_buffer(&track, data, NU_PLENTY);
        t_aio_probe_write(&track, pair.conn, 0, true);
        cr_assert_eq(shutdown(pair.fd, SHUT_WR), 0);
        usleep(delay);
        nng_aio_cancel(track.aio);
        t_aio_probe_assert(&track, 1, NNG_ECANCELED);
        t_pair_assert_rest(&pair, 0, nng_aio_count(track.aio), 1);
        t_aio_probe_close(&track);
        t_pair_close(&pair);
    }
    free(data);
}
