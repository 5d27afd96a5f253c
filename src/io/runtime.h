/* SPDX-License-Identifier: MIT */
/*
 * The loops of this process: started at the first need, stopped by nng_fini(), refused in a forked
 * child. Any thread.
 */
#ifndef NU_IO_RUNTIME_H
#define NU_IO_RUNTIME_H

#include <stdatomic.h>
#include <stdbool.h>

struct nu_loop;
struct nu_ring_kind;

/* Starts the loops unless they run. 0, NNG_ENOMEM, or NNG_ENOTSUP (see nng_uring_reason()). */
int nu_runtime_start(void);

/* Has every nng_fini() call `stop` while the loops still run and `end` when they are gone; for
 * those whose own library is to end with this one. */
void nu_runtime_at_fini(void (*stop)(void), void (*end)(void));

/* Has every nng_fini() call `forget` when nothing runs any more, for what callbacks have shown. */
void nu_runtime_forget_with(void (*forget)(void));

/* Has the next loops have rings of that kind, whatever there is and is asked for; NULL: no more.
 * For tests, while no loop runs. */
void nu_runtime_use(const struct nu_ring_kind *kind);

/* A loop for something new: the caller's own on an owner thread, else the next in turn. Starts the
 * loops if need be; NULL when there are none to be had. */
struct nu_loop *nu_runtime_pick(void);

/* How many loops run, and the i-th of them. Constant from start to nng_fini(). */
unsigned nu_runtime_count(void);
struct nu_loop *nu_runtime_loop(unsigned i);

/* How many run, or would if they were started now. */
unsigned nu_runtime_wanted(void);

/* Makes every loop take another turn, for those who wait for something by turning one. */
void nu_runtime_wake(void);

/* This process is a child that was forked while the loops ran: it has none of them. */
extern atomic_bool nu_runtime_child;

static inline bool nu_runtime_forked(void)
{
    return atomic_load_explicit(&nu_runtime_child, memory_order_relaxed);
}

/* nng_fini() has asked for long enough: users' aios begin nothing any more. */
extern atomic_bool nu_runtime_ends;

/* NNG_ENOTSUP in such a child, with the reason for nng_uring_reason(); else 0. Locks that others of
 * the parent's threads may have held are not to be taken before. */
int nu_runtime_check_fork(void);

/* After a user's code on an owner: a child that it forked, and that has come back from it, ends,
 * for what there is to go on with is the parent's. */
void nu_runtime_end_child(void);

#endif
