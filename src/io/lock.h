/* SPDX-License-Identifier: MIT */
/*
 * A lock in one word, for aios and connections. A free one is taken and given back with one atomic
 * operation each way, which is half of what pthread's costs, and a write that a callback starts
 * takes six; who finds it taken sleeps in the kernel (futex(2)). Any thread; not recursive.
 *
 * In a forked child they do nothing: a thread that is not there any more may have held them, and
 * nobody else is left to be kept out.
 */
#ifndef NU_IO_LOCK_H
#define NU_IO_LOCK_H

#include "io/runtime.h"

#include <stdatomic.h>
#include <stdint.h>

enum {
    NU_LOCK_FREE,
    NU_LOCK_HELD,
    NU_LOCK_WANTED, /* held, and somebody may sleep */
};

struct nu_mutex {
    atomic_uint state; /* NU_LOCK_*; zeroed memory is a free lock */
};

/* How often the calling thread has had to wait for one of them, or nearly had to. */
extern _Thread_local uint64_t nu_lock_waits;

/* What nu_lock() and nu_unlock() do where somebody has to wait. */
void nu_lock_wait(struct nu_mutex *mutex);
void nu_lock_wake(struct nu_mutex *mutex);

static inline void nu_lock(struct nu_mutex *mutex)
{
    unsigned state = NU_LOCK_FREE;
    if (!nu_runtime_forked() &&
        !atomic_compare_exchange_strong_explicit(&mutex->state, &state, NU_LOCK_HELD,
                                                 memory_order_acquire, memory_order_relaxed)) {
        nu_lock_wait(mutex);
    }
}

static inline void nu_unlock(struct nu_mutex *mutex)
{
    if (!nu_runtime_forked() && atomic_exchange_explicit(&mutex->state, NU_LOCK_FREE,
                                                         memory_order_release) == NU_LOCK_WANTED) {
        nu_lock_wake(mutex);
    }
}

/* Sleeps as long as `word` is `value`, which it need not be any more; may return early. */
void nu_futex_wait(atomic_uint *word, unsigned value);

/* Wakes one of those who sleep. `word` may be anything's by now, then somebody returns early. */
void nu_futex_wake(atomic_uint *word);

#endif
