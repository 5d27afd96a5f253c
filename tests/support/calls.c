/* SPDX-License-Identifier: MIT */
#include "support/calls.h"

#include "io/loop.h"

#include <criterion/criterion.h>
#include <string.h>

void t_calls_callback(void *arg)
{
    struct t_calls *c = arg;
    bool here = nu_loop_self() != NULL;
    unsigned n = atomic_fetch_add(&c->n, 1) + 1;
    atomic_fetch_add(&c->on_loop, here);
    atomic_store(&c->last_inline, here);
    if (c->slow_at > 0 && n % c->slow_at == 0) {
        c->slow();
    }
}

void t_calls_open(struct t_calls *c, unsigned slow_at, void (*slow)(void))
{
    memset(c, 0, sizeof *c);
    c->slow_at = slow_at;
    c->slow = slow;
    cr_assert_eq(nng_aio_alloc(&c->aio, t_calls_callback, c), 0);
}

void t_calls_make(struct t_calls *c, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        nng_sleep_aio(0, c->aio);
        nng_aio_wait(c->aio);
    }
}

void t_calls_until_inline(struct t_calls *c)
{
    t_calls_make(c, T_CALLS_MANY);
    for (unsigned i = 0; i < 50 * T_CALLS_MANY && !atomic_load(&c->last_inline); i++) {
        t_calls_make(c, 1);
    }
    cr_assert(atomic_load(&c->last_inline));
    c->slow_at = atomic_load(&c->n) + 1;
}
