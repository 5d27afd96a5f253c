/* SPDX-License-Identifier: MIT */
#include "io/trials.h"

#include "base/clock.h"
#include "base/page_cache.h"
#include "io/bufring.h"
#include "io/uring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRIES 8U
#define PATIENCE (2 * NU_SECOND) /* a trial's completion comes at once, or something is wrong */

static struct io_uring_sqe *trials_sqe_of(struct nu_trials *t)
{
    return io_uring_get_sqe(&t->ring.uring);
}

/* Submits, and returns the result of the first completion of the trial in hand. */
static int trials_outcome(struct nu_trials *t)
{
    struct io_uring_cqe *cqe;
    uint64_t until = nu_now() + PATIENCE;
    while (nu_now() < until) {
        int err = nu_uring_enter(&t->ring, 1, until);
        if (err != 0 && err != -EINTR && err != -ETIME) {
            return err;
        }
        while (io_uring_peek_cqe(&t->ring.uring, &cqe) == 0 && cqe != NULL) {
            int res = cqe->res;
            bool mine = cqe->user_data == t->tag;
            io_uring_cqe_seen(&t->ring.uring, cqe);
            if (mine) {
                return res;
            }
        }
    }
    return -ETIME;
}

static int trials_try_ring(struct nu_trials *t)
{
    struct io_uring_sqe *sqe = trials_sqe_of(t);
    io_uring_prep_nop(sqe);
    sqe->user_data = t->tag;
    return trials_outcome(t);
}

static int trials_try_writev(struct nu_trials *t, int rw_flags)
{
    struct iovec iov = { (char[]){ 'x' }, 1 };
    struct io_uring_sqe *sqe = trials_sqe_of(t);
    io_uring_prep_writev2(sqe, t->pair[0], &iov, 1, 0, rw_flags);
    sqe->user_data = t->tag;
    int res = trials_outcome(t);
    return res == 1 ? 0 : res < 0 ? res : -EIO;
}

/* Nothing ever arrives at pair[0]: only the timeout, or a cancellation, ends this. */
static void trials_read_forever(struct nu_trials *t, unsigned flags)
{
    struct io_uring_sqe *sqe = trials_sqe_of(t);
    io_uring_prep_recv(sqe, t->pair[0], &t->byte, 1, 0);
    sqe->user_data = t->tag;
    sqe->flags |= flags;
}

static int trials_try_link_timeout(struct nu_trials *t)
{
    struct __kernel_timespec ts = { .tv_sec = 0, .tv_nsec = 1 };
    trials_read_forever(t, IOSQE_IO_LINK);
    io_uring_prep_link_timeout(trials_sqe_of(t), &ts, IORING_TIMEOUT_ABS);
    int res = trials_outcome(t);
    return res == -ECANCELED || res == -EINTR ? 0 : res < 0 ? res : -EIO;
}

static void trials_cancel(struct nu_trials *t)
{
    struct io_uring_sqe *sqe = trials_sqe_of(t);
    io_uring_prep_cancel64(sqe, t->tag, 0);
    sqe->user_data = 0;
}

static int trials_try_cancel(struct nu_trials *t)
{
    trials_read_forever(t, 0);
    trials_cancel(t);
    int res = trials_outcome(t);
    return res == -ECANCELED ? 0 : res < 0 ? res : -EIO;
}

static int trials_try_accept(struct nu_trials *t)
{
    struct sockaddr_storage addr = { .ss_family = AF_UNIX }; /* binds to a name of the kernel's */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int err = 0;
    if (bind(fd, (struct sockaddr *) &addr, sizeof(sa_family_t)) != 0 || listen(fd, 1) != 0) {
        err = -errno;
    } else {
        struct io_uring_sqe *sqe = trials_sqe_of(t);
        io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
        sqe->user_data = t->tag;
        trials_cancel(t);
        err = trials_outcome(t);
        err = err == -ECANCELED ? 0 : err < 0 ? err : -EIO;
    }
    close(fd);
    return err;
}

static int trials_try_buffer_ring(struct nu_trials *t)
{
    struct nu_bufring bufs;
    int err = nu_bufring_open(&bufs, &t->ring.uring);
    nu_bufring_close(&bufs, &t->ring.uring);
    return err;
}

/* Fills pair[0] first, so that the answer is about waiting. */
static int trials_fill_up(struct nu_trials *t)
{
    static const char zeros[4096];
    while (send(t->pair[0], zeros, sizeof zeros, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
    return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
}

static int trials_says_again(struct nu_trials *t)
{
    int res = trials_outcome(t);
    return res == -EAGAIN ? 0 : res < 0 ? res : -EIO;
}

static int trials_try_nowait(struct nu_trials *t)
{
    int err = trials_fill_up(t);
    if (err != 0) {
        return err;
    }
    struct iovec iov = { (char[]){ 'x' }, 1 };
    struct io_uring_sqe *sqe = trials_sqe_of(t);
    io_uring_prep_writev2(sqe, t->pair[0], &iov, 1, 0, RWF_NOWAIT);
    sqe->user_data = t->tag;
    return trials_says_again(t);
}

static int trials_try_dontwait(struct nu_trials *t)
{
    int err = trials_fill_up(t);
    if (err != 0) {
        return err;
    }
    struct iovec iov = { (char[]){ 'x' }, 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct io_uring_sqe *sqe = trials_sqe_of(t);
    io_uring_prep_sendmsg(sqe, t->pair[0], &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    sqe->user_data = t->tag;
    return trials_says_again(t);
}

static int trials_try_msg_ring(struct nu_trials *t)
{
    struct io_uring_sqe sqe = { .opcode = IORING_OP_MSG_RING,
                                .fd = t->ring.uring.ring_fd,
                                .off = t->tag }; /* the user_data that arrives */
    if (syscall(__NR_io_uring_register, -1, NU_REGISTER_SEND_MSG_RING, &sqe, 1) < 0) {
        return -errno;
    }
    return trials_outcome(t);
}

int nu_trials_try_cachestat(void)
{
    int fd = memfd_create("nng-uring", MFD_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int64_t pages = nu_cached_pages(fd, 0, 1);
    close(fd);
    return pages == 0 ? 0 : pages < 0 ? (int) pages : -EIO;
}

static int trials_try_on(struct nu_trials *t, unsigned feature)
{
    switch (feature) {
    case NU_HAS_DEFER_TASKRUN:
        return nu_uring_rung_flags(t->ring.rung) & IORING_SETUP_DEFER_TASKRUN ? 0 : -EINVAL;
    case NU_HAS_REGISTERED_RING:
        return t->ring.registered ? 0 : -EINVAL;
    case NU_HAS_WRITEV:
        return trials_try_writev(t, 0);
    case NU_HAS_LINK_TIMEOUT:
        return trials_try_link_timeout(t);
    case NU_HAS_ASYNC_CANCEL:
        return trials_try_cancel(t);
    case NU_HAS_MULTISHOT_ACCEPT:
        return trials_try_accept(t);
    case NU_HAS_BUFFER_RING:
        return trials_try_buffer_ring(t);
    case NU_HAS_SEND_DONTWAIT:
        return trials_try_dontwait(t);
    case NU_HAS_NOWAIT:
        return trials_try_nowait(t);
    case NU_HAS_NOSIGNAL:
        return trials_try_writev(t, NU_RWF_NOSIGNAL);
    case NU_HAS_MSG_RING:
        return trials_try_msg_ring(t);
    case NU_HAS_NO_IOWAIT:
        return t->ring.uring.features & NU_FEAT_NO_IOWAIT ? 0 : -EINVAL;
    case NU_HAS_CACHESTAT:
        return nu_trials_try_cachestat();
    default:
        return trials_try_ring(t);
    }
}

int nu_trials_open(struct nu_trials *t)
{
    t->tag = 0;
    return nu_uring_open_patiently(&t->ring, ENTRIES, 2 * ENTRIES);
}

void nu_trials_close(struct nu_trials *t)
{
    nu_uring_close(&t->ring);
}

int nu_trials_try(struct nu_trials *t, enum nu_feature feature)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, t->pair) != 0) {
        return -errno;
    }
    t->tag++;
    int err = trials_try_on(t, feature);
    close(t->pair[0]);
    close(t->pair[1]);
    return err;
}
