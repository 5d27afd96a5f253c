/* SPDX-License-Identifier: MIT */
#include "io/uring.h"

#include "base/check.h"
#include "base/clock.h"
#include "io/counters.h"

#include <errno.h>
#include <nng/nng.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Fewer entries than this are no use to a loop, so halving stops here. */
#define MIN_ENTRIES 8U

#define PATIENCE_MS 200
#define PAUSE_MS 10

static const struct {
    unsigned flags;
    const char *name;
} ladder[] = {
    { IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
          IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
      "SINGLE_ISSUER|DEFER_TASKRUN|SUBMIT_ALL" },
    { IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
          IORING_SETUP_CLAMP,
      "COOP_TASKRUN|SUBMIT_ALL" },
    { IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP, "none" },
};

#define RUNGS (sizeof ladder / sizeof ladder[0])

/* For the checks: a ring may be mapped where another one was before. */
static char mapping;

const char *nu_uring_rung_name(unsigned rung)
{
    return rung < RUNGS ? ladder[rung].name : NULL;
}

unsigned nu_uring_rung_flags(unsigned rung)
{
    return rung < RUNGS ? ladder[rung].flags : 0;
}

static int uring_open_rung(struct nu_uring *ring, unsigned rung, unsigned entries,
                           unsigned completions)
{
    int err;
    do {
        struct io_uring_params params = { .flags = ladder[rung].flags, .cq_entries = completions };
        err = io_uring_queue_init_params(entries, &ring->uring, &params);
        if (err == 0) {
            ring->entries = params.sq_entries;
            ring->rung = rung;
            return 0;
        }
        entries /= 2;
        completions /= 2;
    } while (err == -ENOMEM && entries >= MIN_ENTRIES);
    return err;
}

int nu_uring_open(struct nu_uring *ring, unsigned entries, unsigned completions)
{
    int err = -ENOSYS;
    memset(ring, 0, sizeof *ring);
    for (unsigned rung = 0; rung < RUNGS; rung++) {
        err = uring_open_rung(ring, rung, entries, completions);
        if (err != -EINVAL) {
            break;
        }
    }
    if (err != 0) {
        return err;
    }
    if ((ring->uring.features & IORING_FEAT_EXT_ARG) == 0) {
        io_uring_queue_exit(&ring->uring); /* before 5.11: no wait with a deadline */
        return -ENOSYS;
    }
    nu_check_got(&mapping);
    /* We submit in the order of preparation, so the indirection never changes. */
    for (unsigned i = 0; ring->uring.sq.array != NULL && i < ring->entries; i++) {
        ring->uring.sq.array[i] = i;
    }
    ring->registered = io_uring_register_ring_fd(&ring->uring) == 1;
    return 0;
}

int nu_uring_open_patiently(struct nu_uring *ring, unsigned entries, unsigned completions)
{
    int err = nu_uring_open(ring, entries, completions);
    for (int i = 0; err == -ENOMEM && i < PATIENCE_MS / PAUSE_MS; i++) {
        nu_nap(PAUSE_MS);
        err = nu_uring_open(ring, entries, completions);
    }
    return err;
}

void nu_uring_close(struct nu_uring *ring)
{
    nu_check_gave(&mapping);
    io_uring_queue_exit(&ring->uring);
}

/* Shows the kernel what was prepared; returns how many entries it has not taken yet. */
static unsigned uring_publish(struct io_uring_sq *sq)
{
    if (sq->sqe_head != sq->sqe_tail) {
        sq->sqe_head = sq->sqe_tail;
        io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
    }
    return sq->sqe_tail - io_uring_smp_load_acquire(sq->khead);
}

int nu_uring_enter(struct nu_uring *ring, unsigned wait, uint64_t until)
{
    struct __kernel_timespec ts;
    struct io_uring_getevents_arg arg = { .sigmask_sz = _NSIG / 8 };
    unsigned flags = IORING_ENTER_GETEVENTS;
    bool timed = wait > 0 && until != NU_NEVER;

    if (timed) {
        uint64_t now = nu_now();
        uint64_t ns = until > now ? until - now : 0;
        ts.tv_sec = (int64_t) (ns / NU_SECOND);
        ts.tv_nsec = (int64_t) (ns % NU_SECOND);
        arg.ts = (uint64_t) (uintptr_t) &ts;
        flags |= IORING_ENTER_EXT_ARG;
    }
    if (ring->registered) {
        flags |= IORING_ENTER_REGISTERED_RING;
    }
    if (ring->uring.features & NU_FEAT_NO_IOWAIT) {
        flags |= NU_ENTER_NO_IOWAIT;
    }
    unsigned shown = uring_publish(&ring->uring.sq);
    long n = syscall(__NR_io_uring_enter, ring->uring.enter_ring_fd, shown, wait, flags,
                     timed ? &arg : NULL, timed ? sizeof arg : 0);
    nu_count(NU_COUNT_ENTERS, 1);
    nu_count(NU_COUNT_SQES, n > 0 ? (uint64_t) n : 0);
    return n < 0 ? -errno : 0;
}

unsigned nu_uring_space(const struct nu_uring *ring)
{
    return io_uring_sq_space_left(&ring->uring);
}
