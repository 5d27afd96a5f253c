/* SPDX-License-Identifier: MIT */
/*
 * The inside of an nng_aio, for those who provide operations. The public contract is in
 * <nng/nng.h>.
 *
 * An operation goes IDLE -> BEGUN -> (PENDING ->) FINISHED -> IDLE. A provider
 *   begins it (nng_aio_begin);
 *   either finishes it at once, or schedules it: names the loop it lives on and how to cancel it,
 *   and from then on finishes it on that loop's owner only, or on a thread that waits for it and
 *   helps (struct nu_aio_helper), when its cancel function asks nu_aio_is_cancelled() first;
 *   finishes it exactly once (nu_aio_finish, nu_aio_end), when no buffer is in the kernel's hands
 *   any more.
 * Abort, stop and free, from any thread, only leave a code and post a task to that loop; the cancel
 * function runs there, so a provider's pending operations change on one thread alone.
 *
 * `lock` guards what is marked with it; it is the innermost lock of all. A local aio goes without.
 */
#ifndef NU_IO_AIO_H
#define NU_IO_AIO_H

#include "base/clock.h"
#include "base/list.h"
#include "io/lock.h"
#include "io/loop.h"
#include "io/timer.h"

#include <nng/nng.h>
#include <stdatomic.h>
#include <sys/uio.h>

#define NU_AIO_IOVS 8
#define NU_AIO_ARGS 4

enum nu_aio_state {
    NU_AIO_IDLE,     /* no operation */
    NU_AIO_BEGUN,    /* its provider works on it and cannot be interrupted */
    NU_AIO_PENDING,  /* its provider has it and can be told to cancel */
    NU_AIO_FINISHED, /* result and count stand, the callback is due */
};

struct nu_placement;

/* A word of a provider's own. */
union nu_aio_word {
    void *p;
    const void *cp;
    void (*fn)(void);
    size_t n;
};

/* What a provider wants to remember about the operation in hand. */
struct nu_aio_io {
    const struct iovec *iov; /* the vector it works on */
    unsigned niov;
    int kind;     /* the provider's own */
    size_t total; /* bytes in the vector */
    size_t done;  /* bytes moved so far */
    union nu_aio_word own[2];
};

/* What a provider keeps with an aio from one operation to the next. */
struct nu_aio_companion {
    void (*free)(struct nu_aio_companion *companion); /* with the aio, when nothing uses it */
};

/*
 * Something that a thread which waits for a pending operation can do for it in place of sleeping.
 * It is embedded in an object of the provider's, which lasts while the operation is pending, and
 * then until `users` is 0 again; its loop goes on until the call has returned.
 */
struct nu_aio_helper;
typedef void (*nu_aio_help)(struct nu_aio_helper *helper, nng_aio *aio);

struct nu_aio_helper {
    nu_aio_help help; /* takes one off `users`; constant */
    atomic_uint users;
};

/* What a provider has to do on a thread that finishes an operation, and is not the owner of its
 * loop, before the owner is told. */
struct nu_aio_ending {
    bool (*claim)(nng_aio *aio); /* whether it has; with the lock, and the operation is finished */
    /* Does it, without the lock. Whether the owner need not be told at once, and the count for
     * nu_loop_post_quietly(). */
    bool (*act)(nng_aio *aio, unsigned *stirred);
};

/* What the caller hands over and is handed. */
struct nu_aio_args {
    unsigned niov;
    struct iovec iov[NU_AIO_IOVS];
    void *input[NU_AIO_ARGS];
    void *output[NU_AIO_ARGS];
    nng_msg *msg;
    struct nu_aio_companion *companion; /* NULL: no provider has set one */
    const struct nu_aio_ending *ending; /* NULL: nothing; constant */
    /* For the first thread that waits; NULL: there is none, or it is taken. The provider's while
     * NU_AIO_BEGUN, under lock while NU_AIO_PENDING. */
    struct nu_aio_helper *helper;
};

struct nu_aio_waiter;

struct nng_aio {
    bool local;      /* constant: only the owner of the loop it lives on touches it */
    bool use_expire; /* the caller's: `expire` counts for the next operation */
    struct nu_mutex lock;

    /* under lock */
    bool stopped;          /* begins nothing any more */
    bool doomed;           /* to be freed when quiet */
    bool external_pending; /* counted in loop->external_pending */
    bool process_posted;   /* `process_pending` is posted */
    bool finish_held;      /* its end is for nu_aio_let_finish() to find */
    bool due;              /* finished while a callback ran, which is called again */
    bool expires;          /* `timer` is to be armed */
    unsigned running;      /* callbacks that have not returned */
    unsigned refs;         /* `process_pending`, cancel functions, callbacks and nu_aio_hold() */
    struct nu_aio_waiter *waiters; /* threads to wake when an operation or a callback has ended */
    int abort;                     /* why the operation in hand is to end; 0: it is not */
    unsigned turning;              /* owners that turn their loops until the aio is idle */
    nng_aio_cancelfn cancel;       /* while NU_AIO_PENDING; NULL once it was called */
    void *cancel_arg;
    struct nu_loop *loop; /* where the operation in hand lives, and its callback runs; a
                           * provider sets it while NU_AIO_BEGUN, or leaves the choice open */

    /* under lock, but for nu_aio_end() and nng_aio_result() and nng_aio_count() */
    atomic_uint state; /* enum nu_aio_state */
    atomic_int result;
    atomic_size_t count;

    /* constant */
    void (*cb)(void *);
    void *arg;
    struct nu_placement *placement; /* where `cb` is called; NULL: the library's own, on the loop */
    void (*dispose)(nng_aio *aio);  /* frees a doomed aio, and what it is embedded in */
    struct nu_aio_args *args;       /* NULL: the object it is embedded in has no use for them */

    /* the caller's, and during an operation its provider's */
    nng_duration timeout;
    nng_time expire;
    uint64_t deadline; /* of the operation in hand, on nu_now()'s clock */
    struct nu_aio_io io;

    struct nu_list link;            /* in its provider's queue */
    struct nu_timer timer;          /* the loop owner's alone */
    struct nu_task finish;          /* ends the operation, runs the callback */
    struct nu_task process_pending; /* looks at `abort` and `expires` */
};

/*
 * For an aio that is embedded in an object of the library's own. cb may be NULL. The object sets
 * `dispose`, `local` if that holds, and `args` (zeroed) if anybody is to see the aio, and ends by
 * nng_aio_reap():
 * `dispose` is then called as soon as nothing uses the aio any more (no callback of it is on
 * anybody's stack either), and frees the object.
 */
void nu_aio_init(nng_aio *aio, void (*cb)(void *), void *arg);

/* The same for one that is all zero. */
void nu_aio_init_zeroed(nng_aio *aio, void (*cb)(void *), void *arg);

static inline enum nu_aio_state nu_aio_state_of(const nng_aio *aio)
{
    return atomic_load_explicit(&aio->state, memory_order_relaxed);
}

static inline void nu_aio_lock(nng_aio *aio)
{
    if (!aio->local) {
        nu_lock(&aio->lock);
    }
}

static inline void nu_aio_unlock(nng_aio *aio)
{
    if (!aio->local) {
        nu_unlock(&aio->lock);
    }
}

/* nng_aio_begin() for a local aio that has no timeout and whose outputs are not set. */
static inline bool nu_aio_begin_local(nng_aio *aio)
{
    if (nu_runtime_forked() || nu_aio_state_of(aio) != NU_AIO_IDLE || aio->stopped) {
        return nng_aio_begin(aio); /* which says why not */
    }
    atomic_store_explicit(&aio->state, NU_AIO_BEGUN, memory_order_relaxed);
    atomic_store_explicit(&aio->result, 0, memory_order_relaxed);
    atomic_store_explicit(&aio->count, 0, memory_order_relaxed);
    aio->abort = 0;
    aio->loop = NULL;
    aio->deadline = NU_NEVER;
    return true;
}

/*
 * BEGUN -> PENDING. Returns 0, or the code of an abort that came first: then it is still BEGUN and
 * the provider finishes it with that code. `cancel` runs on the loop's owner, with no lock held,
 * while the operation is pending; it makes it finish soon, itself or by the kernel's completion.
 */
static inline int nu_aio_schedule(nng_aio *aio, struct nu_loop *loop, nng_aio_cancelfn cancel,
                                  void *arg)
{
    nu_aio_lock(aio);
    int err = aio->abort;
    if (err == 0) {
        atomic_store_explicit(&aio->state, NU_AIO_PENDING, memory_order_relaxed);
        aio->loop = loop;
        aio->cancel = cancel;
        aio->cancel_arg = arg;
    }
    nu_aio_unlock(aio);
    return err;
}

/*
 * Whether the cancel function of the operation in hand was called. One that comes late, for an
 * operation that has ended on another thread meanwhile, learns so that it is not meant, though the
 * aio is in use again. Any thread; with the provider's lock held, as with nu_aio_defer().
 */
bool nu_aio_is_cancelled(nng_aio *aio);

/*
 * BEGUN -> PENDING in any case, for providers that finish from any thread: an abort that came
 * first, and the deadline, reach them through `cancel`. It lives on the loop that was set before,
 * or else on `loop`.
 */
void nu_aio_defer(nng_aio *aio, struct nu_loop *loop, nng_aio_cancelfn cancel, void *arg);

/* Has the loop wait, when it is to stop, until the begun operation is finished: its provider may be
 * anybody. nu_aio_defer() does so too. */
void nu_aio_external_pending(nng_aio *aio, struct nu_loop *loop);

/*
 * Around a call that may finish the begun operation, on any thread: what is finished meanwhile ends
 * in nu_aio_let_finish(), which says true, in place of its callback. On false the callback comes
 * later, and the loop waits for it as nu_aio_external_pending() has it. For an aio that nobody else
 * has seen before; owner of `loop` only.
 */
void nu_aio_hold_finish(nng_aio *aio, struct nu_loop *loop);
bool nu_aio_let_finish(nng_aio *aio);

/* In between, what has ended and is reaped keeps its memory. Any thread. */
void nu_aio_hold(nng_aio *aio);
void nu_aio_drop(nng_aio *aio);

/* Whether a thread that is not an owner waits for it just now. Any thread. */
bool nu_aio_is_waited_for(nng_aio *aio);

/* Nobody is to help any more, who does not do so already. Any thread. */
void nu_aio_drop_helper(nng_aio *aio);

/* Of nu_aio_timer_start(), where there is a deadline. */
void nu_aio_timer_set(nng_aio *aio);

/* Has `cancel` called with NNG_ETIMEDOUT at the deadline. For a pending aio; any thread. */
static inline void nu_aio_timer_start(nng_aio *aio)
{
    if (aio->deadline != NU_NEVER) {
        nu_aio_timer_set(aio);
    }
}

/* Takes that back, where something else keeps the deadline from here on. Owner only. */
static inline void nu_aio_timer_stop(nng_aio *aio)
{
    nu_timer_disarm(&aio->loop->timers, &aio->timer);
}

/* Of nu_aio_expired(), where there is a deadline. */
bool nu_aio_is_past(uint64_t deadline);

/* Whether the operation's time has passed; on an owner, at its last look at the clock. */
static inline bool nu_aio_expired(const nng_aio *aio)
{
    return aio->deadline != NU_NEVER && nu_aio_is_past(aio->deadline);
}

/* Ends the operation; it may be begun anew before this returns. Lets the callback run later. */
void nu_aio_finish(nng_aio *aio, int result, size_t count);

/* The same with the count as it is; also for an end without a beginning, where the aio is idle, not
 * stopped, and not embedded in an object of the library's. */
void nu_aio_finish_any(nng_aio *aio, int result);

/* The same on a thread that is not the library's, where the callback runs at once if no timer is
 * armed: for providers that have threads for that. */
void nu_aio_finish_inline(nng_aio *aio, int result, size_t count);

/* The same for a pending operation whose provider always ends it so, on the owner of its loop: no
 * one else can end it, so no lock is taken where there is a callback. */
void nu_aio_end(nng_aio *aio, int result, size_t count);

/* ---- For aio_wait.c ----------------------------------------------------------------------- */

/* A thread that waits; on its stack, so an aio nobody waits for carries none. */
struct nu_aio_waiter {
    atomic_uint woken; /* 0: it may sleep */
    struct nu_aio_waiter *next;
};

/* Something ended: wakes those who wait, and unlocks. A doomed aio is gone when this returns. */
void nu_aio_settle(nng_aio *aio);

/* Has the loop look at a pending aio. With the lock held. */
void nu_aio_post_attend(nng_aio *aio);

/* Calls the callback, with the lock but during the call. */
void nu_aio_call_back(nng_aio *aio);

/* Frees what nng_aio_alloc() gave. */
void nu_aio_destroy(nng_aio *aio);

#endif
