/* SPDX-License-Identifier: MIT */
/* A callback that is called again and again, and where that is. */
#ifndef NU_TESTS_SUPPORT_CALLS_H
#define NU_TESTS_SUPPORT_CALLS_H

#include <nng/nng.h>
#include <stdatomic.h>

#define T_CALLS_MANY 2000

struct t_calls {
    nng_aio *aio;
    atomic_uint n;
    atomic_uint on_loop;     /* calls on a loop */
    atomic_uint last_inline; /* the last call was */
    unsigned slow_at;        /* this call, and all that are a multiple of it, are slow; 0: none */
    void (*slow)(void);
};

/* The callback. There is one for each test: a function's history is the process's. */
void t_calls_callback(void *calls);

void t_calls_open(struct t_calls *calls, unsigned slow_at, void (*slow)(void));
void t_calls_make(struct t_calls *calls, unsigned times);

/* Until it is called on the loop: on a busy machine one call or another may have been seen to wait,
 * and more have to follow. The next one is slow. */
void t_calls_until_inline(struct t_calls *calls);

#endif
