/* SPDX-License-Identifier: MIT */
#include "check/uring.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEND_MSG_RING 31 /* IORING_REGISTER_SEND_MSG_RING, newer than Debian 12's liburing */

int nu_uring_open(struct nu_uring *u, unsigned entries, unsigned completions, unsigned flags)
{
    struct io_uring_params params = { .flags = flags | IORING_SETUP_CQSIZE,
                                      .cq_entries = completions };
    memset(u, 0, sizeof *u);
    int err = io_uring_queue_init_params(entries, &u->uring, &params);
    if (err != 0) {
        return err;
    }
    u->entries = params.sq_entries;
    u->flags = flags;
    for (unsigned i = 0; u->uring.sq.array != NULL && i < u->entries; i++) {
        u->uring.sq.array[i] = i;
    }
    return 0;
}

void nu_uring_close(struct nu_uring *u)
{
    io_uring_queue_exit(&u->uring);
}

struct io_uring_sqe *nu_uring_sqe(struct nu_uring *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->uring);
    if (sqe != NULL) {
        memset(sqe, 0, sizeof *sqe);
    }
    return sqe;
}

int nu_uring_enter(struct nu_uring *u, unsigned wait, unsigned ms, unsigned more)
{
    struct io_uring_sq *sq = &u->uring.sq;
    struct __kernel_timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
    struct io_uring_getevents_arg arg = { .sigmask_sz = _NSIG / 8, .ts = (uintptr_t) &ts };
    sq->sqe_head = sq->sqe_tail;
    io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
    unsigned shown = sq->sqe_tail - io_uring_smp_load_acquire(sq->khead);
    unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | more;
    long n =
        syscall(__NR_io_uring_enter, u->uring.enter_ring_fd, shown, wait, flags, &arg, sizeof arg);
    return n < 0 ? -errno : (int) n;
}

bool nu_uring_next(struct nu_uring *u, struct nu_event *event)
{
    struct io_uring_cqe *cqe = NULL;
    if (io_uring_peek_cqe(&u->uring, &cqe) != 0 || cqe == NULL) {
        return false;
    }
    *event = (struct nu_event){ cqe->user_data, cqe->res, cqe->flags };
    io_uring_cqe_seen(&u->uring, cqe);
    return true;
}

int nu_uring_message(int ring_fd, uint64_t tag)
{
    struct io_uring_sqe sqe = { .opcode = IORING_OP_MSG_RING, .fd = ring_fd, .off = tag };
    return syscall(__NR_io_uring_register, -1, SEND_MSG_RING, &sqe, 1) < 0 ? -errno : 0;
}
