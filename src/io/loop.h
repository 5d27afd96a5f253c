/* SPDX-License-Identifier: MIT */
/*
 * A loop: one ring and the one thread that owns it. Everything the kernel does for the library
 * passes through nu_loop_iterate(). Other threads talk to a loop only by posting tasks.
 *
 * A turn: run the tasks that are due (callbacks among them), expire deadlines, submit all that came
 * of it and wait with one system call, then collect the completions. A completion changes state,
 * may begin what comes next (a session on an accepted connection, the next piece of a file) and
 * queues callbacks; an aio's callback never runs in it but in the next turn's first step (a
 * handler's answer right behind the handler), and one that waits may itself run turns. Of a
 * user's code there may run within a completion: the destructor of a handler's data, the logger and
 * the hook of requests, which are not to wait, and a handler whose request came behind one for a
 * file. Turns that it runs begin with the completions that were collected with that one.
 */
#ifndef NU_IO_LOOP_H
#define NU_IO_LOOP_H

#include "base/list.h"
#include "io/bufring.h"
#include "io/op.h"
#include "io/ring.h"
#include "io/timer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Something to be done on a loop's owner; embedded in what it is about. Queued at most once. */
struct nu_task {
    struct nu_task *next;
    void (*run)(struct nu_task *task);
    bool prompt; /* constant; runs right behind the task that posted it, if that posted no other */
};

static inline void nu_task_init(struct nu_task *task, void (*run)(struct nu_task *task))
{
    *task = (struct nu_task){ .run = run };
}

/* What lives on a loop and must let go of it when the loop stops. Owner only. */
struct nu_loop_hook {
    struct nu_list link;
    void (*on_stop)(struct nu_loop_hook *hook); /* called once; the aios it holds end NNG_ECLOSED */
};

/* Held back by a callback that is on the stack, for as long as it does not wait. Owner only. */
struct nu_loop_hold {
    struct nu_list link;
    void (*let_go)(struct nu_loop_hold *hold); /* it waits; removes the link */
};

struct nu_slot {
    struct nu_op *op;    /* NULL when free */
    uint32_t generation; /* counts reuses, so that a stale completion finds nobody */
    uint32_t next_free;
};

#define NU_LOOP_REAPED 64U /* completions that are taken off the ring at once */

struct nu_loop {
    /* set before the owner starts, constant afterwards */
    unsigned index;
    pthread_t thread;

    /* the owner's alone */
    struct nu_ring *ring; /* constant */
    struct nu_timers timers;
    struct nu_bufring buffers;
    struct nu_task *ready; /* tasks to run, oldest first */
    struct nu_task **ready_tail;
    unsigned nready;
    struct nu_task *top_level; /* tasks for a turn that is not nested, newest first */
    uint64_t now;              /* the last look at the clock in this turn; 0: none, or too old */
    uint64_t turns;            /* begun so far, nested ones included */
    uint64_t tasks;            /* run so far */
    unsigned depth;            /* turns in progress, nested ones included */
    struct nu_completion reaped[NU_LOOP_REAPED]; /* of the last look */
    unsigned nreaped, completed;                 /* so many of them, and were told */
    bool stopping;          /* nng_fini(): everything that pends is sent home */
    bool leaving;           /* nng_fini(): no loop has anything left */
    struct nu_list backlog; /* ops that found the ring full */
    struct nu_list hooks;   /* connections, listeners, dials in progress */
    struct nu_list holds;   /* of the callbacks on the stack */
    unsigned cancels;       /* ops whose `cancel` is to be submitted (anew), or more */
    struct nu_slot *slots;
    uint32_t nslots;
    uint32_t free_slot; /* first free one; nslots when there is none */
    uint32_t in_kernel; /* slots in use */

    /* any thread */
    _Atomic(struct nu_task *) inbox; /* posted tasks, newest first */
    atomic_bool sleeping;            /* the owner waits in the kernel, or is about to */
    atomic_bool woken;               /* another turn is wanted before sleeping */
    atomic_uint stirred;             /* see nu_loop_post_quietly() */
    atomic_uint external_pending;    /* what other threads may be about to do to it: aios that they
                                      * finish, tasks that workers run */
    atomic_uint_least64_t external_ended; /* such tasks that are over */
    struct nu_task stop;

    uint64_t asked; /* `tasks` when nng_fini() last asked for it; its own */
};

extern _Thread_local struct nu_loop *nu_loop_mine;

/* The loop the calling thread owns, or NULL. */
static inline struct nu_loop *nu_loop_self(void)
{
    return nu_loop_mine;
}

/* Around what another thread does on behalf of a loop, which does not end meanwhile. The second
 * from any thread. */
static inline void nu_loop_external_begin(struct nu_loop *loop)
{
    atomic_fetch_add(&loop->external_pending, 1);
}

static inline void nu_loop_external_end(struct nu_loop *loop)
{
    atomic_fetch_add(&loop->external_ended, 1); /* first: see nu_loop_stop() */
    atomic_fetch_sub(&loop->external_pending, 1);
}

/*
 * Starts a loop and its owner on a ring of that kind. 0 or an NNG error; NNG_ENOTSUP when the ring
 * cannot be had, for the reason that nu_features_refuse() was told.
 */
int nu_loop_start(struct nu_loop **loopp, unsigned index, const struct nu_ring_kind *kind);

/*
 * A loop that the calling thread owns and drives: it calls nu_loop_iterate(). Ended by
 * nu_loop_close(), when it has nothing left to do, and freed. 0 or -errno. For the owners of
 * nu_loop_start(), and for tests that want every step in their hands.
 */
struct nu_loop *nu_loop_new(unsigned index);
int nu_loop_open(struct nu_loop *loop, const struct nu_ring_kind *kind);
void nu_loop_close(struct nu_loop *loop);

/* Nothing is left, and nothing will come but by a task that somebody posts. Owner only. */
bool nu_loop_drained(const struct nu_loop *loop);

/* Cancels what is left on all loops there are, and ends their owners. Not on an owner. */
void nu_loop_stop(struct nu_loop **loops, unsigned n);

/* Frees a stopped loop. No loop runs any more that could still post to it. */
void nu_loop_free(struct nu_loop *loop);

/* One turn, as described above. Owner only. Waits only when there is nothing else to do. */
void nu_loop_iterate(struct nu_loop *loop);

/* Owner only. */
uint64_t nu_loop_look_at_clock(struct nu_loop *loop);

/* The time of the last look at the clock in this turn; the first call in a turn looks. Owner only.
 */
static inline uint64_t nu_loop_now(struct nu_loop *loop)
{
    return loop->now != 0 ? loop->now : nu_loop_look_at_clock(loop);
}

/* Submits what is prepared without waiting, to make room in the ring. Owner only. */
void nu_loop_flush(struct nu_loop *loop);

/* Queues a task for a turn that is not nested in a callback. Owner only. */
void nu_loop_post_top_level(struct nu_loop *loop, struct nu_task *task);

/* The same from another thread; and what was posted so is put behind what is due. */
void nu_loop_post_from_outside(struct nu_loop *loop, struct nu_task *task);
void nu_loop_take_inbox(struct nu_loop *loop);

/* Puts a task behind those that are due. Owner only. */
static inline void nu_loop_make_ready(struct nu_loop *loop, struct nu_task *task)
{
    task->next = NULL;
    *loop->ready_tail = task;
    loop->ready_tail = &task->next;
    loop->nready++;
}

/* Queues a task for the owner. Any thread; on the owner itself it runs in its next turn, unless it
 * is prompt. */
static inline void nu_loop_post(struct nu_loop *loop, struct nu_task *task)
{
    if (loop != nu_loop_self()) {
        nu_loop_post_from_outside(loop, task);
        return;
    }
    if (atomic_load_explicit(&loop->inbox, memory_order_relaxed) != NULL) {
        nu_loop_take_inbox(loop); /* what was posted before runs before */
    }
    nu_loop_make_ready(loop, task);
}

/*
 * Queues a task that can wait until the owner has something else to do, which is expected soon: the
 * owner is not woken for it. What is expected may have come meanwhile, and the owner sleep again:
 * whoever sees it come calls nu_loop_stir(), and where `stirred` is not the count any more that it
 * was while it was still expected, the owner is woken. Any thread but the owner.
 */
void nu_loop_post_quietly(struct nu_loop *loop, struct nu_task *task, unsigned stirred);

/* Owner only. */
static inline void nu_loop_stir(struct nu_loop *loop)
{
    atomic_fetch_add(&loop->stirred, 1);
}

/* Makes the owner take another turn. Any thread; in a forked child there is no owner, and nothing
 * happens. */
void nu_loop_wake(struct nu_loop *loop);

#endif
