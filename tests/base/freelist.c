/* SPDX-License-Identifier: MIT */
/* Blocks: kept by a thread that asked for it, up to a limit, and by nobody else. */
#include "base/freelist.h"

#include "base/check.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MANY 20000

TestSuite(block, .timeout = 60);

static size_t in_use(void)
{
    return mallinfo2().uordblks;
}

Test(block, every_byte_is_there)
{
    for (size_t size = 0; size < 3000; size++) {
        char *block = nu_freelist_take(size);
        cr_assert_not_null(block);
        memset(block, 'x', size);
        nu_freelist_give(block, size);
    }
    nu_freelist_give(NULL, 100);
}

Test(block, what_is_given_back_serves_again)
{
    nu_freelists_keep();
    void *a = nu_freelist_take(500), *b = nu_freelist_take(500);
    nu_freelist_give(a, 500);
    nu_freelist_give(b, 500);
#ifndef NU_ASAN
    cr_assert_eq(nu_freelist_take(512), b); /* of the same size once rounded */
    cr_assert_eq(nu_freelist_take(400), a);
    nu_freelist_give(a, 400);
    nu_freelist_give(b, 512);
#endif
    nu_freelists_drop();
}

#if !defined NU_ASAN && !defined NU_TSAN
Test(block, no_more_is_kept_than_the_limit)
{
    static void *blocks[MANY];
    nu_freelists_keep();
    size_t before = in_use();
    for (unsigned i = 0; i < MANY; i++) {
        blocks[i] = nu_freelist_take(1000);
        cr_assert_not_null(blocks[i]);
    }
    for (unsigned i = 0; i < MANY; i++) {
        nu_freelist_give(blocks[i], 1000);
    }
    cr_assert_lt(in_use(), before + 256 * 1024);
    nu_freelists_drop();
    cr_assert_leq(in_use(), before + 16 * 1024); /* malloc keeps a few, too */
}
#endif

static void *give_it_back(void *block)
{
    nu_freelist_give(block, 300);
    return nu_freelist_take(300);
}

Test(block, another_thread_may_give_it_back)
{
    pthread_t thread;
    void *block = nu_freelist_take(300), *other;
    cr_assert_eq(pthread_create(&thread, NULL, give_it_back, block), 0);
    cr_assert_eq(pthread_join(thread, &other), 0);
    nu_freelists_keep();
    nu_freelist_give(other, 300);
    nu_freelists_drop();
}
