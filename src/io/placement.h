// SPDX-License-Identifier: MIT
/*
 * Where a user's function is called: on a loop's owner, which costs nothing and holds everything
 * else there until it returns, or on a worker (workers.h). Nobody can know what a function will do,
 * so it is placed by what it was seen to do:
 *
 *   - It starts on the workers. Each call there is measured: the processor time that it took, and
 *     whether it has slept. The latter counts as well as the former, for a handler that waits until
 *     another one's call wakes it may wait ever so shortly, and on the loop would wait for ever.
 *   - A row of calls that took less than a millisecond and did not sleep brings it onto the loops.
 *   - Calls on a loop are not measured one by one. The coarse clock, which is read once behind each
 *     of them, moves on every few milliseconds. Where it has moved during a call, what the thread
 *     was given since is looked at, and compared with the last look, in the tick before: a thread
 *     that neither computed nor slept was preempted. After one tick with either nobody knows, and
 *     the next few calls are measured as on a worker.
 *   - A function that held its loop, or that calls something of ours that waits (nng_msleep(),
 *     nng_cv_wait(), nng_aio_wait(), ...), is back on the workers from its next call on, and has to
 *     show a longer row than before.
 *   - What waits on an owner by means of ours turns the loop meanwhile, and whatever user's
 * function becomes due then goes to the workers: two of them never nest on one stack, where the
 * inner one could wait for a lock that the outer one holds.
 *
 * So one case is left: a function that never slept in a whole row of calls, and then waits in the C
 * library, once, holds its loop, for ever if what it waits for needs that. No other thread can go
 * on with the loop then, for the ring is its owner's alone (SINGLE_ISSUER, DEFER_TASKRUN): all that
 * is in flight there is completed by that thread or by none. Who knows better says so:
 * NNG_URING_CALLBACKS in the environment, nng_uring_handler_set_placement() for one handler.
 *
 * A handler has a placement of its own. The callbacks of aios share one for each function: it is
 * found once, when the aio is made, in a table that is never emptied.
 */
#ifndef NU_IO_PLACEMENT_H
#define NU_IO_PLACEMENT_H

#include <nng/uring.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct nu_loop;

enum nu_place {
    NU_PLACE_WORKER,  /* called on a worker, and measured */
    NU_PLACE_LOOP,    /* called on the loop */
    NU_PLACE_WATCHED, /* called on the loop, and measured */
    NU_PLACE_PINNED,  /* called on the loop, whatever comes of it */
};

struct nu_placement {
    atomic_uint place;  /* enum nu_place */
    atomic_uint row;    /* measured calls in a row that were fast: on workers, or while watched */
    atomic_uint wanted; /* so many of them bring it onto the loop; UINT_MAX: nothing does */
    atomic_bool bad;    /* its last measured call was not, or it held a loop */
    atomic_uint queued; /* calls for workers that are not over */
    atomic_uint_least64_t demoted; /* when it was last sent to the workers, by the coarse clock */
    atomic_uint_least64_t watched; /* when somebody last had doubts */
    atomic_bool reported;          /* the log has been told that it held a loop */
    const char *path;              /* the handler's, which keeps it; NULL: the callback of aios */
};

/* What a thread was given so far. */
struct nu_usage {
    uint64_t used;  /* processor time, in nanoseconds */
    uint64_t slept; /* how often it has given up the processor */
};

/* A call of a callback that is under way on this thread; on its stack. They nest where one waits.
 */
struct nu_call {
    const void *of;                 /* the aio whose callback it is; a handler's call: its aio */
    struct nu_placement *placement; /* NULL: the library's own function, which never waits */
    struct nu_call *outer;
    struct nu_loop *loop; /* whose owner makes the call, or NULL */
    uint64_t turns;       /* the loop's, when it began */
    bool measured;
    struct nu_usage before; /* measured: when it began */
};

extern _Thread_local struct nu_call *nu_calls;

/* A new one. `path` may be NULL, and is kept. Before anybody uses it. */
void nu_placement_init(struct nu_placement *placement, enum nng_uring_placement how,
                       const char *path);

/* That of a callback. Any thread. */
struct nu_placement *nu_placement_of(void (*cb)(void *));

/* Whether a call that is due on this owner is made here and now. Owner only. */
bool nu_placement_here(const struct nu_placement *placement);

/* Around a task that makes such a call on a worker, from when it is posted to its end: whether it
 * is likely to take its time. Any thread. */
bool nu_placement_queued(struct nu_placement *placement);
void nu_placement_done(struct nu_placement *placement);

/* Around a call, on the thread that makes it. */
void nu_call_begin(struct nu_call *call, struct nu_placement *placement, const void *of);
void nu_call_end(struct nu_call *call);

/* Whether this thread is in a user's function that the library has called. */
bool nu_call_of_user(void);

/* The user's function that this thread is in, if any, is about to wait. */
void nu_call_waits(void);

/*
 * Around a call of another library that waits for nothing but locks of its own, which is as little
 * the user's doing as where ours are waited for. Any thread; costs nothing where no call is
 * measured.
 */
void nu_call_excuse_begin(struct nu_usage *then);
void nu_call_excuse_end(const struct nu_usage *then);

#endif
