/* SPDX-License-Identifier: MIT */
#include "io/uring.h"

#include "base/clock.h"
#include "support/proc.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(uring, .timeout = 10);

Test(uring, ladder)
{
    unsigned rung = 0;
    for (; nu_uring_rung_name(rung) != NULL; rung++) {
        cr_assert_str_not_empty(nu_uring_rung_name(rung));
        cr_assert(nu_uring_rung_flags(rung) & IORING_SETUP_CLAMP);
        cr_assert(rung == 0 || nu_uring_rung_flags(rung) != nu_uring_rung_flags(rung - 1));
    }
    cr_assert_geq(rung, 2);
    cr_assert_null(nu_uring_rung_name(1000));
    cr_assert_eq(nu_uring_rung_flags(1000), 0);
}

Test(uring, open_and_close)
{
    struct nu_uring ring;
    unsigned fds = t_proc_fds();
    for (unsigned entries = 1; entries <= 512; entries *= 4) {
        cr_assert_eq(nu_uring_open(&ring, entries, 2 * entries), 0);
        cr_assert_geq(ring.entries, entries);
        cr_assert_not_null(nu_uring_rung_name(ring.rung));
        cr_assert_eq(nu_uring_space(&ring), ring.entries);
        nu_uring_close(&ring);
    }
    t_proc_await_fds(fds);
}

/* All of a ring's entries can be prepared, go with one call and come back. */
Test(uring, submit_and_collect)
{
    struct nu_uring ring;
    struct io_uring_cqe *cqe;
    cr_assert_eq(nu_uring_open(&ring, 64, 128), 0);
    for (int round = 0; round < 50; round++) {
        unsigned n = nu_uring_space(&ring), seen = 0;
        for (unsigned i = 0; i < n; i++) {
            struct io_uring_sqe *sqe = io_uring_get_sqe(&ring.uring);
            io_uring_prep_nop(sqe);
            sqe->user_data = i;
        }
        cr_assert_eq(nu_uring_space(&ring), 0);
        cr_assert_null(io_uring_get_sqe(&ring.uring));
        cr_assert_eq(nu_uring_enter(&ring, n, NU_NEVER), 0);
        cr_assert_eq(nu_uring_space(&ring), n);
        while (io_uring_peek_cqe(&ring.uring, &cqe) == 0 && cqe != NULL) {
            cr_assert_eq(cqe->user_data, seen);
            io_uring_cqe_seen(&ring.uring, cqe);
            seen++;
        }
        cr_assert_eq(seen, n);
    }
    nu_uring_close(&ring);
}

Test(uring, waits_until)
{
    struct nu_uring ring;
    cr_assert_eq(nu_uring_open(&ring, 8, 16), 0);
    cr_assert_eq(nu_uring_enter(&ring, 0, NU_NEVER), 0);
    uint64_t start = nu_now();
    cr_assert_eq(nu_uring_enter(&ring, 1, start + 30 * NU_MS), -ETIME);
    cr_assert_geq(nu_now(), start + 30 * NU_MS);
    cr_assert_eq(nu_uring_enter(&ring, 1, start), -ETIME); /* has passed */
    nu_uring_close(&ring);
}
