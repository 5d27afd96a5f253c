/* SPDX-License-Identifier: MIT */
#include "io/slots.h"

#include "io/loop.h"
#include "support/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define MANY 500U

static struct nu_loop loop; /* only its slots are used */

static void free_slots(void)
{
    free(loop.slots);
}

TestSuite(slots, .fini = free_slots, .timeout = 10);

static uint64_t take(struct nu_op *op)
{
    cr_assert(nu_slots_reserve(&loop));
    uint64_t user_data = nu_slots_take(&loop, op);
    cr_assert_neq(user_data, 0);
    cr_assert_eq(nu_slots_user_data(&loop, op), user_data);
    return user_data;
}

Test(slots, found_once)
{
    struct nu_op op = { .state = NU_OP_KERNEL };
    uint64_t data = take(&op);
    cr_assert_eq(loop.in_kernel, 1);
    cr_assert_eq(nu_slots_find(&loop, data, false), &op);
    cr_assert_eq(op.state, NU_OP_IDLE);
    cr_assert_eq(loop.in_kernel, 0);
    cr_assert_null(nu_slots_find(&loop, data, false));
}

Test(slots, found_as_long_as_more_follows)
{
    struct nu_op op = { .state = NU_OP_KERNEL };
    uint64_t data = take(&op);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(nu_slots_find(&loop, data, true), &op);
        cr_assert_eq(op.state, NU_OP_KERNEL);
    }
    cr_assert_eq(nu_slots_find(&loop, data, false), &op);
    cr_assert_null(nu_slots_find(&loop, data, true));
}

Test(slots, nobody)
{
    cr_assert_null(nu_slots_find(&loop, 0, false));
    cr_assert_null(nu_slots_find(&loop, 1, false));
    cr_assert_null(nu_slots_find(&loop, UINT64_MAX, false));
    cr_assert(nu_slots_reserve(&loop));
    cr_assert_null(nu_slots_find(&loop, 0, false));
    cr_assert_null(nu_slots_find(&loop, 1, false));
    cr_assert_null(nu_slots_find(&loop, loop.nslots + 1, false));
}

/* The next user of a slot is not taken for the one before. */
Test(slots, reuse)
{
    uint64_t seen[100];
    for (int i = 0; i < 100; i++) {
        struct nu_op op = { .state = NU_OP_KERNEL };
        seen[i] = take(&op);
        for (int j = 0; j < i; j++) {
            cr_assert_neq(seen[j], seen[i]);
            cr_assert_null(nu_slots_find(&loop, seen[j], false));
        }
        cr_assert_eq(nu_slots_find(&loop, seen[i], false), &op);
    }
}

Test(slots, many)
{
    static struct nu_op ops[MANY];
    static uint64_t data[MANY]; /* 0: not in use */
    unsigned seed = 1, used = 0;
    for (int n = 0; n < 50000; n++) {
        unsigned i = t_random(&seed, MANY);
        if (data[i] == 0) {
            ops[i].state = NU_OP_KERNEL;
            data[i] = take(&ops[i]);
            used++;
        } else {
            cr_assert_eq(nu_slots_find(&loop, data[i], false), &ops[i]);
            data[i] = 0;
            used--;
        }
        cr_assert_eq(loop.in_kernel, used);
    }
    cr_assert_leq(loop.nslots, 2 * MANY);
}
