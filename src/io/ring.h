/* SPDX-License-Identifier: MIT */
/*
 * The seam between a loop and whatever does its operations: io_uring (ring_uring.c), system calls
 * that do not wait (ring_epoll.c), or a test's make-believe. op.c and loop.c use these functions
 * and nothing else; what stands behind them is chosen once for each loop (backend.h).
 *
 * A ring is handed operations, each with a name of the caller's (`user_data`), and says later, in
 * completions, how they went. Its times are nanoseconds on nu_now()'s clock. It belongs to the
 * thread that opened it, and nobody else calls any of these but `wake`, and `free` in the end.
 */
#ifndef NU_IO_RING_H
#define NU_IO_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct nu_bufring;
struct nu_op;
struct nu_timers;

/* How something went. `flags` are NU_OP_F_* of op.h. */
struct nu_completion {
    uint64_t user_data;
    int32_t res;
    uint32_t flags;
};

/*
 * Completions that are not an operation's, by their user_data: a cancellation's, with its result
 * (-ENOENT: it found nothing); and that of a deadline which passed without finding its operation,
 * named as that is but for one bit. 0 is nobody's.
 */
#define NU_RING_CANCELLATION UINT64_MAX
#define NU_RING_TIMEOUT (UINT64_C(1) << 31)

#define NU_TRY_IOVS 8

struct nu_ring;

struct nu_ring_kind {
    const char *name; /* for nng_uring_backend() */

    /* Opens a ring for the calling thread, and its buffers. `timers` are expired by the loop before
     * it enters. 0 or -errno. */
    int (*open)(struct nu_ring **ringp, struct nu_bufring *buffers, struct nu_timers *timers);

    /* Ends it; no operation is under way. `wake` does no harm until `free`, which may be called by
     * any thread. */
    void (*close)(struct nu_ring *ring);
    void (*free)(struct nu_ring *ring);

    /* Takes an operation, with its deadline; false: there is no room before the next `enter`. Its
     * arguments must last until then, its memory until its last completion. */
    bool (*prepare)(struct nu_ring *ring, struct nu_op *op, uint64_t user_data);

    /* Asks for the early end of an operation; false: no room. */
    bool (*cancel)(struct nu_ring *ring, uint64_t user_data);

    /* Begins all that was taken, and waits for at least `wait` completions (0 or 1) or a wake-up,
     * until `until` (NU_NEVER: no limit). 0 or -errno; nothing is lost by a failure. */
    int (*enter)(struct nu_ring *ring, unsigned wait, uint64_t until);

    /* Takes up to n completions; fewer: there are no more. */
    unsigned (*reap)(struct nu_ring *ring, struct nu_completion *list, unsigned n);

    /* Ends the wait of an `enter` that is under way, or the next one's. Any thread. */
    void (*wake)(struct nu_ring *ring);

    /* Writes to a socket of a loop's for the calling thread, which is not its owner, without
     * waiting and without a signal: bytes or -errno; -EAGAIN: the loop must do it. At most
     * NU_TRY_IOVS entries. Any thread. */
    ssize_t (*try_writev)(int fd, const struct iovec *iov, unsigned niov);

    /* The same by a mere system call, for threads that write seldom or are somebody else's: they
     * get no ring of their own for it. */
    ssize_t (*try_send)(int fd, const struct iovec *iov, unsigned niov);

    /* Its sockets are the kernel's: any thread can receive from them by itself (try_inline.h). */
    bool receive_inline;

    /* How it was set up, for nng_uring_setup_flags(). */
    const char *(*setup)(const struct nu_ring *ring);
};

/* The beginning of every kind's own. */
struct nu_ring {
    const struct nu_ring_kind *kind;
    bool nowait; /* a write can be asked not to wait (RWF_NOWAIT) */
};

#endif
