/* SPDX-License-Identifier: MIT */
#include "http/file_bufpool.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

TestSuite(buffers, .timeout = 30);

static int is_there(void *p)
{
    unsigned char vec[NU_BUFFER_SIZE / 4096];
    return mincore(p, NU_BUFFER_SIZE, vec) == 0;
}

/* A few are kept and used again, the last one given first; the rest goes back at once. */
Test(buffers, keeps_a_few)
{
    enum { MANY = NU_BUFFERS_KEPT + 5 };
    struct nu_file_bufpool buffers = { 0 };
    uint8_t *all[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        all[i] = nu_file_bufpool_take(&buffers);
        cr_assert_not_null(all[i]);
        memset(all[i], (int) i, NU_BUFFER_SIZE);
    }
    for (unsigned i = 0; i < MANY; i++) {
        cr_assert_eq(all[i][NU_BUFFER_SIZE - 1], i);
        nu_file_bufpool_give(&buffers, all[i]);
        cr_assert_eq(is_there(all[i]), i < NU_BUFFERS_KEPT);
    }
    cr_assert_eq(nu_file_bufpool_take(&buffers), all[NU_BUFFERS_KEPT - 1]);
    nu_file_bufpool_give(&buffers, all[NU_BUFFERS_KEPT - 1]);
    nu_file_bufpool_free(&buffers);
    for (unsigned i = 0; i < NU_BUFFERS_KEPT; i++) {
        cr_assert_not(is_there(all[i]));
    }
}
