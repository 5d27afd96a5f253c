// SPDX-License-Identifier: MIT
/*
 * What a thread of the library does in those of NNG's functions that wait, where it must not simply
 * sleep. The functions belong to nobody above; so whoever has such threads tells them what to do.
 */
#ifndef NU_BASE_BLOCKING_H
#define NU_BASE_BLOCKING_H

#include <stddef.h>
#include <stdint.h>

struct nu_blocking {
    /* The caller is about to wait. Returns what `turn` and `wake` want; NULL: it may sleep. */
    void *(*begin)(void);
    /* Does the thread's other work until it is woken, until that time (nu_now()'s clock), or for
     * as long as it likes: the caller looks whether its wait is over, and calls again. */
    void (*turn)(void *self, uint64_t until);
    /* Ends a turn. Any thread. */
    void (*wake)(void *self);
};

/* The calling thread's; NULL: it is none of the library's, and sleeps. */
extern _Thread_local const struct nu_blocking *nu_blocking_mine;

/* Starts a wait: what to give to turn(), or NULL to sleep. */
static inline void *nu_blocking_begin(void)
{
    return nu_blocking_mine != NULL ? nu_blocking_mine->begin() : NULL;
}

#endif
