/* SPDX-License-Identifier: MIT */
#include "net/rx.h"

#include "support/random.h"

#include <criterion/criterion.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

/* A loop's buffers on a ring of our own; the kernel takes them in the order they were given. */
struct place {
    struct io_uring uring;
    struct nu_bufring bufs;
    struct nu_rx rx;
    unsigned taken; /* buffers, so far */
};

static void set_up(struct place *p)
{
    memset(p, 0, sizeof *p);
    cr_assert_eq(io_uring_queue_init(8, &p->uring, 0), 0);
    cr_assert_eq(nu_bufring_open(&p->bufs, &p->uring), 0);
}

/* Buffers that were taken and not given back, which puts them at the ring's tail again. */
static unsigned lent(const struct place *p)
{
    return (uint16_t) (p->taken + NU_BUFRING_COUNT - p->bufs.ring->tail);
}

static void tear_down(struct place *p)
{
    nu_rx_clear(&p->rx, &p->bufs);
    cr_assert_eq(lent(p), 0, "%u buffers were not given back", lent(p));
    nu_bufring_close(&p->bufs, &p->uring);
    io_uring_queue_exit(&p->uring);
}

static uint32_t flags_of(unsigned id)
{
    return IORING_CQE_F_BUFFER | id << IORING_CQE_BUFFER_SHIFT;
}

/* n bytes arrive in buffer `id`; they count on from `from`. */
static bool lend(struct place *p, unsigned id, size_t n, unsigned from)
{
    uint8_t *buffer = nu_bufring_take(&p->bufs, flags_of(id));
    p->taken++;
    for (size_t i = 0; i < n; i++) {
        buffer[i] = (uint8_t) (from + i);
    }
    return nu_rx_lend(&p->rx, &p->bufs, buffer, n);
}

static void assert_bytes(const struct place *p, size_t n, unsigned from)
{
    cr_assert_eq(nu_rx_len(&p->rx), n);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(nu_rx_data(&p->rx)[i], (uint8_t) (from + i));
    }
}

/* Looked at where the kernel put them, and gone with the last one. */
Test(rx, lent, .timeout = 10)
{
    struct place p;
    set_up(&p);
    cr_assert_eq(nu_rx_len(&p.rx), 0);
    cr_assert(lend(&p, 3, 100, 0));
    cr_assert_eq(lent(&p), 1);
    cr_assert_eq(nu_rx_data(&p.rx), p.bufs.bytes + 3 * NU_BUFRING_SIZE);
    assert_bytes(&p, 100, 0);
    nu_rx_consume(&p.rx, &p.bufs, 40);
    assert_bytes(&p, 60, 40);
    cr_assert_eq(lent(&p), 1);
    nu_rx_consume(&p.rx, &p.bufs, 60);
    cr_assert_eq(lent(&p), 0);
    cr_assert_null(p.rx.base);
    tear_down(&p);
}

/* Kept in memory of our own, the buffer given back. */
Test(rx, settled, .timeout = 10)
{
    struct place p;
    set_up(&p);
    cr_assert(nu_rx_settle(&p.rx, &p.bufs)); /* nothing to keep */
    cr_assert_null(p.rx.base);
    cr_assert(lend(&p, 0, NU_BUFRING_SIZE, 0));
    nu_rx_consume(&p.rx, &p.bufs, 10);
    cr_assert(nu_rx_settle(&p.rx, &p.bufs));
    cr_assert_eq(lent(&p), 0);
    assert_bytes(&p, NU_BUFRING_SIZE - 10, 10);
    cr_assert(nu_rx_settle(&p.rx, &p.bufs));
    cr_assert(lend(&p, 1, 5, 0)); /* added to what is there */
    cr_assert_eq(lent(&p), 0);
    cr_assert_eq(nu_rx_len(&p.rx), NU_BUFRING_SIZE - 5);
    tear_down(&p);
}

Test(rx, cleared, .timeout = 10)
{
    struct place p;
    set_up(&p);
    nu_rx_clear(&p.rx, &p.bufs);
    cr_assert(lend(&p, 7, 1, 0));
    nu_rx_clear(&p.rx, &p.bufs);
    cr_assert_eq(lent(&p), 0);
    cr_assert_eq(nu_rx_len(&p.rx), 0);
    tear_down(&p);
}

/* Anything in any order: the bytes stay what they are. */
Test(rx, random, .timeout = 30)
{
    struct place p;
    unsigned seed = 1, in = 0, out = 0;
    set_up(&p);
    for (int i = 0; i < 20000; i++) {
        size_t n = 1 + t_random(&seed, 3000), room;
        if (nu_rx_len(&p.rx) > 100000) {
            nu_rx_consume(&p.rx, &p.bufs, 90000);
            out += 90000;
        }
        switch (t_random(&seed, 4)) {
        case 0:
            cr_assert(lend(&p, t_random(&seed, NU_BUFRING_COUNT), n, in));
            in += (unsigned) n;
            break;
        case 1: {
            uint8_t *to = nu_rx_room(&p.rx, &p.bufs, &room);
            cr_assert_not_null(to);
            cr_assert_geq(room, 1);
            n = n < room ? n : room;
            for (size_t k = 0; k < n; k++) {
                to[k] = (uint8_t) (in + k);
            }
            nu_rx_grew(&p.rx, n);
            in += (unsigned) n;
            break;
        }
        case 2:
            cr_assert(nu_rx_settle(&p.rx, &p.bufs));
            cr_assert_eq(lent(&p), 0);
            break;
        default:
            n = nu_rx_len(&p.rx) > 0 ? 1 + t_random(&seed, (unsigned) nu_rx_len(&p.rx)) : 0;
            if (n > 0) {
                nu_rx_consume(&p.rx, &p.bufs, n);
                out += (unsigned) n;
            }
            break;
        }
        cr_assert_eq(nu_rx_len(&p.rx), in - out);
        if (i % 16 == 0) {
            assert_bytes(&p, in - out, out);
        }
    }
    tear_down(&p);
}
