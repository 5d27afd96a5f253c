/* SPDX-License-Identifier: MIT */
#include "net/tcp_write.h"

#include "support/aio_probe.h"
#include "support/peer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Every way to start a write, and both kinds. */
static void each_way(void (*test)(unsigned mode, bool all))
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        test(mode, false);
        test(mode, true);
    }
}

static void full(unsigned mode, bool all)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    uint8_t *data = t_pattern_new(1000, 1);
    t_pair_open(&pair);
    t_aio_probe_open(&track, mode);
    for (int i = 0; i < 3; i++) {
        t_aio_probe_buffer(&track, data + 300 * i, 300);
        t_aio_probe_write(&track, pair.conn, mode, all);
        t_aio_probe_assert(&track, i + 1, 0);
        cr_assert_eq(nng_aio_count(track.aio), 300);
    }
    t_pair_assert_rest(&pair, 0, 900, 1);
    t_aio_probe_close(&track);
    t_pair_close(&pair);
    free(data);
}

Test(tcp_write, full, .timeout = 60)
{
    each_way(full);
}

/* A peer that does not read: write is done with what fits, and again when something fits anew. */
static void partial(unsigned mode)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    uint8_t *data = t_pattern_new(2 * NU_PLENTY, 2);
    t_pair_open(&pair);
    t_aio_probe_open(&track, mode);
    t_aio_probe_buffer(&track, data, NU_PLENTY);
    t_aio_probe_write(&track, pair.conn, mode, false);
    t_aio_probe_assert(&track, 1, 0);
    size_t first = nng_aio_count(track.aio);
    cr_assert_geq(first, 1);
    cr_assert_lt(first, NU_PLENTY);

    /* the next one has to wait */
    size_t sum = first + t_pair_fill(&pair, first, 2);
    nng_aio_set_timeout(track.aio, 20);
    t_aio_probe_buffer(&track, data + sum, NU_PLENTY);
    t_aio_probe_write(&track, pair.conn, mode, false);
    t_aio_probe_assert(&track, 2, NNG_ETIMEDOUT);
    cr_assert_eq(nng_aio_count(track.aio), 0);

    nng_aio_set_timeout(track.aio, mode & NU_TIMED ? 60000 : NNG_DURATION_INFINITE);
    t_aio_probe_buffer(&track, data + sum, NU_PLENTY);
    t_aio_probe_write(&track, pair.conn, mode, false);
    cr_assert(nng_aio_busy(track.aio));
    t_peer_read(pair.fd, 0, sum, 2);
    t_aio_probe_assert(&track, 3, 0);
    cr_assert_geq(nng_aio_count(track.aio), 1);
    t_pair_assert_rest(&pair, sum, nng_aio_count(track.aio), 2);
    t_aio_probe_close(&track);
    t_pair_close(&pair);
    free(data);
}

Test(tcp_write, partial, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        partial(mode);
    }
}

/* A peer that does not read at first: write_all waits for it and is done with every byte. */
static void waits(unsigned mode)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    uint8_t *data = t_pattern_new(NU_PLENTY, 3);
    t_pair_open(&pair);
    t_aio_probe_open(&track, mode);
    t_aio_probe_buffer(&track, data, NU_PLENTY);
    t_aio_probe_write(&track, pair.conn, mode, true);
    t_peer_read(pair.fd, 0, 10, 3);
    cr_assert(nng_aio_busy(track.aio));
    cr_assert_eq(t_aio_probe_calls(&track), 0);
    t_peer_read(pair.fd, 10, NU_PLENTY / 2, 3);
    cr_assert(nng_aio_busy(track.aio));
    t_peer_read(pair.fd, 10 + NU_PLENTY / 2, NU_PLENTY / 2 - 10, 3);
    t_aio_probe_assert(&track, 1, 0);
    cr_assert_eq(nng_aio_count(track.aio), NU_PLENTY);
    t_pair_assert_rest(&pair, NU_PLENTY, 0, 3);
    t_aio_probe_close(&track);
    t_pair_close(&pair);
    free(data);
}

Test(tcp_write, waits_for_the_peer, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        waits(mode);
    }
}

/* ---- Vectors ------------------------------------------------------------------------------ */

/* Eight entries, some of them empty, one of those without a base. */
static unsigned eight(nng_iov iov[8], uint8_t *data, size_t unit)
{
    static const size_t units[8] = { 0, 1, 3, 0, 5, 0, 7, 2 };
    size_t at = 0;
    for (int i = 0; i < 8; i++) {
        iov[i] = (nng_iov){ data + at, units[i] * unit };
        at += units[i] * unit;
    }
    iov[3].iov_buf = NULL;
    return 8;
}

static void vectors(unsigned mode, bool all)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    nng_iov iov[8];
    uint8_t *data = t_pattern_new(18 * 100, 4);
    t_pair_open(&pair);
    t_aio_probe_open(&track, mode);
    cr_assert_eq(nng_aio_set_iov(track.aio, eight(iov, data, 100), iov), 0);
    t_aio_probe_write(&track, pair.conn, mode, all);
    t_aio_probe_assert(&track, 1, 0);
    cr_assert_eq(nng_aio_count(track.aio), 18 * 100);
    t_pair_assert_rest(&pair, 0, 18 * 100, 4);
    t_aio_probe_close(&track);
    t_pair_close(&pair);
    free(data);
}

Test(tcp_write, eight_entries, .timeout = 60)
{
    each_way(vectors);
}

/* The same through many short writes, which end anywhere in the vector. */
Test(tcp_write, eight_entries_in_many_parts, .timeout = 60)
{
    size_t unit = NU_PLENTY / 18 + 1;
    uint8_t *data = t_pattern_new(18 * unit, 5);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct nu_pair pair;
        struct t_aio_probe track;
        nng_iov iov[8];
        struct t_drain drain = { .seed = 5, .chunk = 40001 };
        t_pair_open(&pair);
        t_aio_probe_open(&track, mode);
        drain.fd = pair.fd;
        cr_assert_eq(nng_aio_set_iov(track.aio, eight(iov, data, unit), iov), 0);
        t_aio_probe_write(&track, pair.conn, mode, true);
        t_drain_start(&drain);
        t_aio_probe_assert(&track, 1, 0);
        cr_assert_eq(nng_aio_count(track.aio), 18 * unit);
        nng_http_conn_close(pair.conn);
        pair.conn = NULL;
        cr_assert_eq(t_drain_join(&drain), 18 * unit);
        t_aio_probe_close(&track);
        t_pair_close(&pair);
    }
    free(data);
}

/* The vector stays the aio's: a second write sends the same bytes again. */
Test(tcp_write, vector_is_not_consumed, .timeout = 60)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    uint8_t *data = t_pattern_new(100, 6);
    t_pair_open(&pair);
    t_aio_probe_open(&track, 0);
    t_aio_probe_buffer(&track, data, 100);
    for (int i = 0; i < 2; i++) {
        t_aio_probe_write(&track, pair.conn, 0, true);
        t_aio_probe_assert(&track, 1, 0);
        t_peer_read(pair.fd, 0, 100, 6);
    }
    t_aio_probe_close(&track);
    t_pair_close(&pair);
    free(data);
}

/* ---- Large -------------------------------------------------------------------------------- */

#define PERIOD ((size_t) 1 << 20)

/* `periods` times the same MiB, one behind the other; *one is that MiB. */
static void *map_repeated(size_t periods, uint8_t **one)
{
    int fd = memfd_create("period", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(ftruncate(fd, PERIOD), 0);
    *one = mmap(NULL, PERIOD, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    cr_assert_neq(*one, MAP_FAILED);
    for (size_t i = 0; i < PERIOD; i++) {
        (*one)[i] = t_pattern(i, 7);
    }
    uint8_t *all =
        mmap(NULL, periods * PERIOD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    cr_assert_neq(all, MAP_FAILED);
    for (size_t i = 0; i < periods; i++) {
        void *p = mmap(all + i * PERIOD, PERIOD, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
        cr_assert_neq(p, MAP_FAILED);
    }
    close(fd);
    return all;
}

static void large(unsigned mode, size_t size, unsigned entries)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    struct t_drain drain = { .chunk = 1 << 20, .period_size = PERIOD };
    nng_iov iov[8];
    uint8_t *one;
    uint8_t *data = map_repeated(size / PERIOD, &one);
    size_t part = size / entries + 1;
    t_pair_open_wide(&pair);
    t_aio_probe_open(&track, mode);
    for (unsigned i = 0; i < entries; i++) {
        iov[i] = (nng_iov){ data + i * part, i + 1 < entries ? part : size - i * part };
    }
    drain.fd = pair.fd;
    drain.period = one;
    t_drain_start(&drain);
    cr_assert_eq(nng_aio_set_iov(track.aio, entries, iov), 0);
    t_aio_probe_write(&track, pair.conn, mode, true);
    t_aio_probe_assert(&track, 1, 0);
    cr_assert_eq(nng_aio_count(track.aio), size);
    nng_http_conn_close(pair.conn);
    cr_assert_eq(t_drain_join(&drain), size);
    t_aio_probe_close(&track);
    munmap(data, size);
    munmap(one, PERIOD);
    close(pair.fd);
}

Test(tcp_write, large_from_a_thread, .timeout = 60)
{
    large(0, 64 * PERIOD, 1);
    large(NU_CALLED | NU_TIMED, 64 * PERIOD, 3);
}

Test(tcp_write, large_from_the_owner, .timeout = 60)
{
    large(NU_ON_OWNER, 64 * PERIOD, 8);
    large(NU_ON_OWNER | NU_CALLED | NU_TIMED, 64 * PERIOD, 1);
}

/* Past what the kernel moves in one call, in one entry and with the limit inside an entry. */
Test(tcp_write, beyond_2_gib_from_a_thread, .timeout = 240)
{
    large(NU_TIMED, 2100 * PERIOD, 1);
}

Test(tcp_write, beyond_2_gib_from_the_owner, .timeout = 240)
{
    large(NU_ON_OWNER | NU_CALLED, 2100 * PERIOD, 8);
}
