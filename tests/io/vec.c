/* SPDX-License-Identifier: MIT */
#include "io/vec.h"

#include "base/check.h"
#include "support/random.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MOST ((size_t) 0x7ffff000)

static size_t sum(const struct iovec *iov, unsigned n)
{
    size_t total = 0;
    for (unsigned i = 0; i < n; i++) {
        total += iov[i].iov_len;
    }
    return total;
}

Test(vec, whole, .timeout = 10)
{
    char bytes[10];
    struct iovec from[3] = { { bytes, 3 }, { NULL, 0 }, { bytes + 5, 4 } }, to[3];
    cr_assert_eq(nu_vec_copy(to, from, 3, 0), 2);
    cr_assert(to[0].iov_base == bytes && to[0].iov_len == 3);
    cr_assert(to[1].iov_base == bytes + 5 && to[1].iov_len == 4);
    cr_assert_eq(nu_vec_copy(to, from, 3, 3), 1);
    cr_assert(to[0].iov_base == bytes + 5 && to[0].iov_len == 4);
    cr_assert_eq(nu_vec_copy(to, from, 3, 7), 0);
    cr_assert_eq(nu_vec_copy(to, from, 0, 0), 0);
}

/* Whatever is skipped, what is left are the same bytes in the same order. */
Test(vec, any_part, .timeout = 10)
{
    static char bytes[1000];
    unsigned seed = 1;
    struct iovec from[8], to[8];
    for (int round = 0; round < 2000; round++) {
        size_t at = 0;
        for (int i = 0; i < 8; i++) {
            size_t len = t_random(&seed, 4) == 0 ? 0 : t_random(&seed, 100);
            from[i] = (struct iovec){ bytes + at, len };
            at += len;
        }
        size_t skip = t_random(&seed, (unsigned) at + 1);
        unsigned n = nu_vec_copy(to, from, 8, skip);
        cr_assert_eq(sum(to, n), at - skip);
        for (unsigned i = 0; i < n; i++) {
            cr_assert_gt(to[i].iov_len, 0);
            cr_assert_eq(to[i].iov_base, bytes + skip);
            skip += to[i].iov_len;
        }
    }
}

/* No more than one call can move; addresses are only counted with here, so they need not be. */
#ifndef NU_ASAN
Test(vec, huge, .timeout = 10)
{
    char *base = (char *) (uintptr_t) 4096;
    struct iovec from[3] = { { base, 10 }, { base + 10, SIZE_MAX / 2 }, { base, 5 } }, to[3];
    cr_assert_eq(nu_vec_copy(to, from, 3, 0), 2);
    cr_assert_eq(sum(to, 2), MOST);
    cr_assert_eq(nu_vec_copy(to, from, 3, 10 + MOST), 1);
    cr_assert(to[0].iov_base == base + 10 + MOST && to[0].iov_len == MOST);
    cr_assert_eq(nu_vec_copy(to, from, 3, 10 + SIZE_MAX / 2 - 1), 2);
    cr_assert_eq(sum(to, 2), 6);
}
#endif

/* Bytes go behind those that are there, over empty entries, and no further than there is room. */
Test(vec, put)
{
    char a[3], b[4];
    struct iovec iov[] = { { a, 3 }, { NULL, 0 }, { b, 4 } };
    for (size_t skip = 0; skip <= 8; skip++) {
        for (size_t n = 0; n <= 9; n++) {
            char want[7] = "-------", got[7];
            size_t room = skip < 7 ? 7 - skip : 0, put = n < room ? n : room;
            memset(a, '-', sizeof a);
            memset(b, '-', sizeof b);
            memcpy(want + (skip < 7 ? skip : 0), "012345678", put);
            cr_assert_eq(nu_vec_put(iov, 3, skip, "012345678", n), put);
            memcpy(got, a, 3);
            memcpy(got + 3, b, 4);
            cr_assert(memcmp(got, want, 7) == 0, "%zu behind %zu", n, skip);
        }
    }
}

Test(vec, piece)
{
    char a[3], b[4];
    struct iovec iov[] = { { a, 3 }, { NULL, 0 }, { b, 4 } };
    for (size_t at = 0; at < 9; at++) {
        struct iovec piece = nu_vec_piece(iov, 3, at);
        cr_assert_eq(piece.iov_base, at < 3 ? a + at : at < 7 ? b + at - 3 : NULL);
        cr_assert_eq(piece.iov_len, at < 3 ? 3 - at : at < 7 ? 7 - at : 0);
    }
}
