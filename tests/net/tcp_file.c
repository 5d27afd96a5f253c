/* SPDX-License-Identifier: MIT */
#include "net/tcp_file.h"

#include "base/page_cache.h"
#include "http/conn.h"
#include "support/aio_probe.h"
#include "support/peer.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(tcp_file, .timeout = 60);

#define SIZE (3 * NU_PLENTY)
#define SEED 1

/* Sends bytes `from` to `end` of a stream: those before `at` from memory, the rest from a file. */
struct sending {
    struct nu_pair pair;
    struct t_aio_probe track;
    struct nu_stream_file file;
    struct iovec iov[3];
    uint8_t *data;
    size_t from, at, end;
};

/* Where the system does not say what is in the page cache, nobody sends from there. */
static void open_sending(struct sending *s, size_t from, size_t at, size_t end)
{
    s->data = t_pattern_new(SIZE, SEED);
    char path[] = "/tmp/nu-file-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    unlink(path);
    cr_assert_eq(write(fd, s->data, SIZE), SIZE);
    if (!nu_is_cached(fd, 0, SIZE)) {
        cr_skip_test("no way to see the page cache");
    }
    s->from = from;
    s->at = at;
    s->end = end;
    s->file = (struct nu_stream_file){ fd, at, end - at };
    t_pair_open(&s->pair);
    t_aio_probe_open(&s->track, NU_CALLED);
}

static void close_sending(struct sending *s)
{
    t_aio_probe_close(&s->track);
    t_pair_close(&s->pair);
    close(s->file.fd);
    free(s->data);
}

static void start_here(void *arg)
{
    struct sending *s = arg;
    nng_aio *aio = s->track.aio;
    size_t n = s->at - s->from, half = n / 2;
    s->iov[0] = (struct iovec){ s->data + s->from, half };
    s->iov[1] = (struct iovec){ s->data, 0 };
    s->iov[2] = (struct iovec){ s->data + s->from + half, n - half };
    cr_assert(nng_aio_begin(aio));
    aio->io = (struct nu_aio_io){
        .iov = s->iov,
        .niov = n > 0 ? 3 : 0,
        .total = s->end - s->from,
        .own = { { .cp = &s->file } },
    };
    nu_stream_write(s->pair.conn->stream, aio, NU_WRITE_FILE);
}

static void start(struct sending *s)
{
    t_on_owner(s->pair.conn, start_here, s);
}

/* As it was before: an attempt in the ring that has to wait, waits. */
static void assert_waits(struct nu_pair *pair)
{
    int flags = fcntl(pair->conn->tcp.fd, F_GETFL);
    cr_assert_geq(flags, 0);
    cr_assert_eq(flags & O_NONBLOCK, 0);
}

/* ---- Whole -------------------------------------------------------------------------------- */

static const size_t parts[][3] = {
    { 0, 0, 1 },
    { 0, 1, 2 },
    { 1, 1, 5000 },
    { 3, 1000, 70001 },
    { 0, 4096, 8192 },
    { 4095, 4097, NU_PLENTY + 1 },
    { 0, 200, 2 * NU_PLENTY },
    { 5, NU_PLENTY, SIZE },
    { SIZE - 1, SIZE - 1, SIZE },
};

Test(tcp_file, whole)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct sending s;
        struct t_aio_probe after;
        open_sending(&s, parts[i][0], parts[i][1], parts[i][2]);
        start(&s);
        t_peer_read(s.pair.fd, s.from, s.end - s.from, SEED);
        t_aio_probe_assert(&s.track, 1, 0);
        cr_assert_eq(nng_aio_count(s.track.aio), s.end - s.from);
        assert_waits(&s.pair);
        t_aio_probe_open(&after, NU_ON_OWNER); /* more than there is room for */
        t_aio_probe_buffer(&after, s.data, NU_PLENTY);
        t_aio_probe_write(&after, s.pair.conn, NU_ON_OWNER, true);
        t_peer_read(s.pair.fd, 0, NU_PLENTY, SEED);
        t_aio_probe_assert(&after, 1, 0);
        t_aio_probe_close(&after);
        t_pair_assert_rest(&s.pair, 0, 0, SEED);
        close_sending(&s);
    }
}

/* A peer that takes a little now and then. */
Test(tcp_file, in_many_parts)
{
    struct sending s;
    open_sending(&s, 7, 300, SIZE);
    struct t_drain drain = { .fd = s.pair.fd, .seed = SEED, .chunk = 40001, .pause_us = 500 };
    s.from = 0; /* a drain's stream begins at 0 */
    start(&s);
    t_drain_start(&drain);
    t_aio_probe_assert(&s.track, 1, 0);
    nng_http_conn_close(s.pair.conn);
    s.pair.conn = NULL;
    cr_assert_eq(t_drain_join(&drain), SIZE);
    close_sending(&s);
}

/* Writes before and behind it keep their places. */
Test(tcp_file, in_a_queue)
{
    struct sending s;
    struct t_aio_probe before, behind;
    open_sending(&s, NU_PLENTY, NU_PLENTY + 100, 2 * NU_PLENTY);
    t_aio_probe_open(&before, NU_CALLED);
    t_aio_probe_open(&behind, NU_CALLED);
    t_aio_probe_buffer(&before, s.data, NU_PLENTY);
    t_aio_probe_buffer(&behind, s.data + 2 * NU_PLENTY, NU_PLENTY);
    t_aio_probe_write(&before, s.pair.conn, NU_ON_OWNER, true);
    start(&s);
    t_aio_probe_write(&behind, s.pair.conn, 0, true); /* a thread, which must not get in between */
    cr_assert(nng_aio_busy(before.aio) && nng_aio_busy(s.track.aio));
    t_peer_read(s.pair.fd, 0, 3 * NU_PLENTY, SEED);
    t_aio_probe_assert(&before, 1, 0);
    t_aio_probe_assert(&s.track, 1, 0);
    t_aio_probe_assert(&behind, 1, 0);
    t_pair_assert_rest(&s.pair, 0, 0, SEED);
    t_aio_probe_close(&before);
    t_aio_probe_close(&behind);
    close_sending(&s);
}

/* ---- Not whole ---------------------------------------------------------------------------- */

static void cancel(struct sending *s)
{
    nng_aio_abort(s->track.aio, NNG_EPROTO);
}

static void let_pass(struct sending *s)
{
    (void) s;
}

static void close_conn(struct sending *s)
{
    nng_http_conn_close(s->pair.conn);
    s->pair.conn = NULL;
}

static void peer_resets(struct sending *s)
{
    t_pair_reset(&s->pair);
}

static void end_by(void (*act)(struct sending *), nng_duration timeout, int result, bool full)
{
    struct sending s;
    struct t_aio_probe behind;
    open_sending(&s, 0, 100, SIZE);
    size_t filled = full ? t_pair_fill(&s.pair, 0, SEED) : 0;
    s.from = filled;
    s.at = filled + 100;
    s.file = (struct nu_stream_file){ s.file.fd, s.at, SIZE - s.at };
    t_aio_probe_open(&behind, 0);
    t_aio_probe_buffer(&behind, s.data, 10);
    if (timeout > 0) {
        nng_aio_set_timeout(s.track.aio, timeout);
    }
    start(&s);
    t_aio_probe_write(&behind, s.pair.conn, NU_ON_OWNER, false);
    if (!full) {
        t_peer_read(s.pair.fd, 0, 1, SEED); /* it is under way */
    }
    act(&s);
    t_aio_probe_assert(&s.track, 1, result);
    size_t count = nng_aio_count(s.track.aio);
    cr_assert(full ? count == 0 : count > 0 && count < SIZE, "%zu bytes", count);
    if (s.pair.conn != NULL && s.pair.fd >= 0) {
        assert_waits(&s.pair);
    }
    if (s.pair.fd >= 0 && !full) {
        t_aio_probe_assert(&behind, 1, s.pair.conn != NULL ? NNG_ECANCELED : NNG_ECLOSED);
        t_pair_assert_rest(&s.pair, 1, count - 1, SEED);
    }
    t_aio_probe_close(&behind);
    close_sending(&s);
}

Test(tcp_file, ended_half_way)
{
    end_by(cancel, 0, NNG_EPROTO, false);
    end_by(cancel, 60000, NNG_EPROTO, false);
    end_by(let_pass, 500, NNG_ETIMEDOUT, false);
    end_by(close_conn, 0, NNG_ECLOSED, false);
    end_by(peer_resets, 0, NNG_ECONNRESET, false);
}

Test(tcp_file, ended_before_anything_went)
{
    end_by(cancel, 0, NNG_EPROTO, true);
    end_by(let_pass, 500, NNG_ETIMEDOUT, true);
    end_by(close_conn, 0, NNG_ECLOSED, true);
    end_by(peer_resets, 60000, NNG_ECONNRESET, true);
}

/* A loop as on a kernel without RWF_NOWAIT (6.1). */
static void without_nowait(void *arg)
{
    struct sending *s = arg;
    s->pair.conn->stream->loop->ring->nowait = false;
}

/* The file is shorter than was said: what is there goes, and the rest is not made up. */
static void too_short(bool nowait)
{
    struct sending s;
    open_sending(&s, 10, 20, SIZE);
    if (!nowait) {
        t_on_owner(s.pair.conn, without_nowait, &s);
    }
    cr_assert_eq(ftruncate(s.file.fd, 5000), 0);
    start(&s);
    t_peer_read(s.pair.fd, 10, 4990, SEED);
    nng_aio_wait(s.track.aio);
    cr_assert_neq(nng_aio_result(s.track.aio), 0);
    cr_assert_eq(nng_aio_count(s.track.aio), 4990);
    assert_waits(&s.pair);
    t_pair_assert_rest(&s.pair, 0, 0, SEED);
    close_sending(&s);
}

Test(tcp_file, too_short)
{
    too_short(true);
}

Test(tcp_file, too_short_without_nowait)
{
    too_short(false);
}

/* It becomes so while the write waits for room: an error, and not a good end that is short. */
Test(tcp_file, too_short_while_it_waits)
{
    for (int i = 0; i < 2; i++) {
        struct sending s;
        open_sending(&s, 0, 20, SIZE);
        struct t_drain drain = { .fd = s.pair.fd, .seed = SEED, .chunk = 40001 };
        if (i > 0) {
            t_on_owner(s.pair.conn, without_nowait, &s);
        }
        start(&s);
        cr_assert_eq(ftruncate(s.file.fd, 0), 0); /* what has gone stays as it was */
        t_drain_start(&drain);
        nng_aio_wait(s.track.aio);
        cr_assert_neq(nng_aio_result(s.track.aio), 0);
        size_t count = nng_aio_count(s.track.aio);
        cr_assert(count > 0 && count < SIZE, "%zu bytes", count);
        nng_http_conn_close(s.pair.conn);
        s.pair.conn = NULL;
        cr_assert_eq(t_drain_join(&drain), count);
        close_sending(&s);
    }
}

/* While it waits, the rest leaves the page cache: whoever sent it would wait for the disk. */
Test(tcp_file, left_the_cache)
{
    struct sending s;
    open_sending(&s, 10, 200, SIZE);
    cr_assert_eq(fsync(s.file.fd), 0);
    start(&s);
    t_peer_read(s.pair.fd, 10, 1, SEED); /* it is under way */
    cr_assert_eq(posix_fadvise(s.file.fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    cr_assert_not(nu_is_cached(s.file.fd, SIZE - 1, 1));
    t_peer_read(s.pair.fd, 11, NU_PLENTY / 8, SEED);
    t_aio_probe_assert(&s.track, 1, 0);
    size_t count = nng_aio_count(s.track.aio);
    cr_assert(count > 0 && count < SIZE - 10, "%zu bytes", count);
    assert_waits(&s.pair);
    t_pair_assert_rest(&s.pair, 11 + NU_PLENTY / 8, count - 1 - NU_PLENTY / 8, SEED);
    close_sending(&s);
}

static void count_turns(void *arg)
{
    *(uint64_t *) arg = nu_loop_self()->turns;
}

/* A peer that has sent its last is always ready, in the kernel's eyes, but not for more bytes. */
Test(tcp_file, half_closed)
{
    struct sending s;
    uint64_t before, after;
    open_sending(&s, 0, 20, SIZE);
    cr_assert_eq(shutdown(s.pair.fd, SHUT_WR), 0);
    start(&s);
    nng_msleep(50);
    t_on_owner(s.pair.conn, count_turns, &before);
    nng_msleep(500);
    t_on_owner(s.pair.conn, count_turns, &after);
    cr_assert_lt(after - before, 20);
    t_peer_read(s.pair.fd, 0, SIZE, SEED);
    t_aio_probe_assert(&s.track, 1, 0);
    close_sending(&s);
}

/* Nobody is there any more when it begins. */
Test(tcp_file, reset_before)
{
    struct sending s;
    open_sending(&s, 0, 100, SIZE);
    t_pair_reset(&s.pair);
    start(&s);
    t_aio_probe_assert(&s.track, 1, NNG_ECONNRESET);
    cr_assert_eq(nng_aio_count(s.track.aio), 0);
    close_sending(&s);
}
