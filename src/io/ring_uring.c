/* SPDX-License-Identifier: MIT */
#include "io/ring_uring.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "io/bufring.h"
#include "io/counters.h"
#include "io/features.h"
#include "io/op.h"
#include "io/perform.h"
#include "io/try_inline.h"
#include "io/uring.h"
#include "io/vec.h"

#include <assert.h>
#include <errno.h>
#include <nng/nng.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SQ_ENTRIES 512U
#define CQ_ENTRIES 4096U
#define SCRATCH_IOVS 1024U /* vector entries that can be prepared between two enters */
#define FILE_WORKERS 4U
#define SOCKET_WORKERS 8U
#define WAKE_TRIES 1000

/* NOLINTBEGIN(misc-redundant-expression): that they are the same is the point */
static_assert(NU_OP_F_BUFFER == IORING_CQE_F_BUFFER && NU_OP_F_MORE == IORING_CQE_F_MORE &&
                  NU_OP_F_NONEMPTY == IORING_CQE_F_SOCK_NONEMPTY &&
                  NU_OP_F_BUFFER_SHIFT == IORING_CQE_BUFFER_SHIFT,
              "what a completion says is passed on as it is");
/* NOLINTEND(misc-redundant-expression) */

struct ring_uring {
    struct nu_ring ring;
    struct nu_uring uring;
    struct nu_bufring *buffers;
    struct iovec *scratch; /* vectors of entries that are not submitted yet */
    unsigned scratch_used;
    struct __kernel_timespec *deadlines; /* linked timeouts of the same, one for each entry */
    int wake_fd;                         /* eventfd; -1 where MSG_RING wakes */
    bool wake_armed;                     /* it is being read */
    uint64_t wake_count;                 /* what reading it leaves */
};

static struct ring_uring *ring_uring_of(struct nu_ring *ring)
{
    return nu_container(ring, struct ring_uring, ring);
}

/* ---- Operations --------------------------------------------------------------------------- */

static void ring_uring_link_timeout(struct ring_uring *r, uint64_t deadline, uint64_t user_data)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&r->uring.uring);
    struct __kernel_timespec *ts = &r->deadlines[sqe - r->uring.uring.sq.sqes];
    ts->tv_sec = (int64_t) (deadline / NU_SECOND);
    ts->tv_nsec = (int64_t) (deadline % NU_SECOND);
    io_uring_prep_link_timeout(sqe, ts, IORING_TIMEOUT_ABS);
    /* Not IOSQE_CQE_SKIP_SUCCESS, which hides as well that it fired and found nothing (6.18). */
    sqe->user_data = user_data | NU_RING_TIMEOUT;
    nu_count(NU_COUNT_DEADLINES_ARMED, 1);
}

/* The vector is copied to where it lives until the submit. */
static void ring_uring_fill_vec(struct ring_uring *r, const struct nu_op *op,
                                struct io_uring_sqe *sqe)
{
    const struct nu_op_vec *vec = &op->arg.vec;
    struct iovec *iov = r->scratch + r->scratch_used;
    unsigned n = nu_vec_copy(iov, vec->iov, vec->niov, vec->skip);
    r->scratch_used += n;
    if (op->kind == NU_OP_READV) {
        io_uring_prep_readv(sqe, op->fd, iov, n, 0);
    } else {
        io_uring_prep_writev2(sqe, op->fd, iov, n, 0, (int) op->rw_flags);
    }
}

static void ring_uring_check_message(const struct msghdr *msg)
{
    for (size_t i = 0; i < msg->msg_iovlen; i++) {
        nu_check_memory(msg->msg_iov[i].iov_base, msg->msg_iov[i].iov_len);
    }
}

/* The one place where an op becomes an SQE. */
static void ring_uring_fill(struct ring_uring *r, struct nu_op *op, struct io_uring_sqe *sqe)
{
    switch (op->kind) {
    case NU_OP_WRITEV:
    case NU_OP_READV:
        ring_uring_fill_vec(r, op, sqe);
        break;
    case NU_OP_RECV:
        nu_check_memory(op->arg.buf.base, op->arg.buf.len);
        io_uring_prep_recv(sqe, op->fd, op->arg.buf.base, op->arg.buf.len, 0);
        break;
    case NU_OP_RECV_PROVIDED:
        io_uring_prep_recv(sqe, op->fd, NULL, 0, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = NU_BUFRING_GROUP;
        break;
    case NU_OP_RECVMSG:
        ring_uring_check_message(op->arg.msg);
        io_uring_prep_recvmsg(sqe, op->fd, op->arg.msg, 0);
        break;
    case NU_OP_SENDMSG:
        ring_uring_check_message(op->arg.msg);
        io_uring_prep_sendmsg(sqe, op->fd, op->arg.msg, MSG_NOSIGNAL);
        break;
    case NU_OP_ACCEPT:
        io_uring_prep_accept(sqe, op->fd, NULL, NULL, (int) op->rw_flags);
        sqe->ioprio |= op->arg.accept.turns ? 0 : IORING_ACCEPT_MULTISHOT;
        break;
    case NU_OP_CONNECT:
        io_uring_prep_connect(sqe, op->fd, op->arg.addr.sa, op->arg.addr.len);
        break;
    case NU_OP_READ:
        nu_check_memory(op->arg.buf.base, op->arg.buf.len);
        io_uring_prep_read(sqe, op->fd, op->arg.buf.base, (unsigned) op->arg.buf.len,
                           op->arg.buf.offset);
        break;
    case NU_OP_OPEN:
        io_uring_prep_openat2(sqe, op->fd, op->arg.open.path, &op->arg.open.how);
        break;
    case NU_OP_POLL:
        io_uring_prep_poll_add(sqe, op->fd, POLLOUT);
        break;
    case NU_OP_POLLS:
        io_uring_prep_poll_multishot(sqe, op->fd, POLLOUT);
        break;
    case NU_OP_HANGUP: /* POLLRDHUP is always added, so one shot would end by that */
        io_uring_prep_poll_multishot(sqe, op->fd, 0);
        break;
    }
}

/* It takes an SQE (two with a deadline, or it would be cut), and room for its vector. */
static bool ring_uring_prepare(struct nu_ring *ring, struct nu_op *op, uint64_t user_data)
{
    struct ring_uring *r = ring_uring_of(ring);
    bool timed = op->deadline != NU_NEVER;
    bool vector = op->kind == NU_OP_WRITEV || op->kind == NU_OP_READV;
    if (nu_uring_space(&r->uring) < (timed ? 2U : 1U) ||
        (vector && r->scratch_used + op->arg.vec.niov > SCRATCH_IOVS)) {
        return false;
    }
    struct io_uring_sqe *sqe = io_uring_get_sqe(&r->uring.uring);
    ring_uring_fill(r, op, sqe);
    sqe->user_data = user_data;
    if (timed) {
        sqe->flags |= IOSQE_IO_LINK;
        ring_uring_link_timeout(r, op->deadline, user_data);
    }
    return true;
}

static bool ring_uring_cancel(struct nu_ring *ring, uint64_t user_data)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring_uring_of(ring)->uring.uring);
    if (sqe == NULL) {
        return false;
    }
    io_uring_prep_cancel64(sqe, user_data, 0);
    sqe->user_data = NU_RING_CANCELLATION;
    return true;
}

/* ---- Submitting and collecting ------------------------------------------------------------ */

static void ring_uring_read_wake(struct ring_uring *r)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&r->uring.uring);
    if (sqe != NULL) {
        io_uring_prep_read(sqe, r->wake_fd, &r->wake_count, sizeof r->wake_count, 0);
        sqe->user_data = 0; /* which liburing leaves as it was */
        r->wake_armed = true;
    }
}

static int ring_uring_enter(struct nu_ring *ring, unsigned wait, uint64_t until)
{
    struct ring_uring *r = ring_uring_of(ring);
    if (r->wake_fd >= 0 && !r->wake_armed) {
        ring_uring_read_wake(r);
        wait = r->wake_armed ? wait : 0; /* else nobody could wake us */
    }
    int err = nu_uring_enter(&r->uring, wait, until);
    if (io_uring_sq_ready(&r->uring.uring) == 0) {
        r->scratch_used = 0;
    }
    return err;
}

static unsigned ring_uring_reap(struct nu_ring *ring, struct nu_completion *list, unsigned n)
{
    struct ring_uring *r = ring_uring_of(ring);
    struct io_uring_cqe *cqe;
    unsigned head, i = 0;
    io_uring_for_each_cqe(&r->uring.uring, head, cqe)
    {
        if (i == n) {
            break;
        }
        list[i++] = (struct nu_completion){ cqe->user_data, cqe->res, cqe->flags };
        if (cqe->user_data == 0) {
            r->wake_armed = false;
        }
    }
    io_uring_cq_advance(&r->uring.uring, i);
    nu_count(NU_COUNT_CQES, i);
    return i;
}

/* ---- Waking ------------------------------------------------------------------------------- */

/* A wake-up must not be lost to a passing error, such as no memory for the message. */
static void ring_uring_wake_by_message(const struct ring_uring *r)
{
    struct io_uring_sqe sqe = { .opcode = IORING_OP_MSG_RING, .fd = r->uring.uring.ring_fd };
    for (int tries = 0; tries < WAKE_TRIES; tries++) {
        if (syscall(__NR_io_uring_register, -1, NU_REGISTER_SEND_MSG_RING, &sqe, 1) == 0 ||
            errno == EBADF || errno == EBADFD || errno == EOWNERDEAD) { /* it is no more */
            return;
        }
        nu_nap(1);
    }
}

static void ring_uring_wake(struct nu_ring *ring)
{
    const struct ring_uring *r = ring_uring_of(ring);
    uint64_t one = 1;
    if (r->wake_fd < 0) {
        ring_uring_wake_by_message(r);
        return;
    }
    while (write(r->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

/* The kernel must have let go of where the count is read to. */
static void ring_uring_end_wake(struct ring_uring *r)
{
    struct nu_completion list[8];
    uint64_t one = 1, until = nu_now() + NU_SECOND;
    if (!r->wake_armed) {
        return;
    }
    (void) !write(r->wake_fd, &one, sizeof one);
    while (r->wake_armed && nu_now() < until) {
        (void) nu_uring_enter(&r->uring, 1, until);
        (void) ring_uring_reap(&r->ring, list, sizeof list / sizeof list[0]);
    }
}

/* ---- Life --------------------------------------------------------------------------------- */

static void ring_uring_close(struct nu_ring *ring)
{
    struct ring_uring *r = ring_uring_of(ring);
    ring_uring_end_wake(r);
    nu_bufring_close(r->buffers, &r->uring.uring);
    nu_uring_close(&r->uring);
    free(r->scratch);
    free(r->deadlines);
}

static void ring_uring_free(struct nu_ring *ring)
{
    struct ring_uring *r = ring_uring_of(ring);
    if (r->wake_fd >= 0) {
        close(r->wake_fd); /* not earlier: somebody might have been about to write to it */
    }
    free(r);
}

static int ring_uring_set_up(struct ring_uring *r)
{
    r->scratch = malloc(SCRATCH_IOVS * sizeof *r->scratch);
    r->deadlines = malloc(r->uring.entries * sizeof *r->deadlines);
    if (r->scratch == NULL || r->deadlines == NULL) {
        return -ENOMEM;
    }
    if (!nu_has(NU_HAS_MSG_RING)) {
        r->wake_fd = eventfd(0, EFD_CLOEXEC);
        if (r->wake_fd < 0) {
            return -errno;
        }
    }
    /* File opens and reads that would block run on kernel threads: a few, not hundreds. So does, in
     * the end, a write that waits for a peer which has sent its FIN: the kernel takes that for
     * room, tries in vain, and then gives the write a thread (6.18). net/tcp_write.c sees to it
     * that they do not stay there. */
    unsigned workers[2] = { FILE_WORKERS, SOCKET_WORKERS };
    (void) io_uring_register_iowq_max_workers(&r->uring.uring, workers);
    if (nu_has(NU_HAS_BUFFER_RING)) {
        (void) nu_bufring_open(r->buffers, &r->uring.uring); /* reads fall back without */
    }
    return 0;
}

static int ring_uring_open(struct nu_ring **ringp, struct nu_bufring *buffers,
                           struct nu_timers *timers)
{
    struct ring_uring *r = calloc(1, sizeof *r);
    (void) timers; /* the kernel has its own */
    if (r == NULL) {
        return -ENOMEM;
    }
    r->ring.kind = &nu_ring_uring;
    r->ring.nowait = nu_has(NU_HAS_NOWAIT);
    r->buffers = buffers;
    r->wake_fd = -1;
    int err = nu_uring_open_patiently(&r->uring, SQ_ENTRIES, CQ_ENTRIES);
    if (err != 0) {
        free(r);
        return err;
    }
    err = ring_uring_set_up(r);
    if (err != 0) {
        ring_uring_close(&r->ring);
        ring_uring_free(&r->ring);
        return err;
    }
    *ringp = &r->ring;
    return 0;
}

static const char *ring_uring_setup(const struct nu_ring *ring)
{
    return nu_uring_rung_name(nu_container(ring, const struct ring_uring, ring)->uring.rung);
}

const struct nu_ring_kind nu_ring_uring = {
    .name = "io_uring",
    .open = ring_uring_open,
    .close = ring_uring_close,
    .free = ring_uring_free,
    .prepare = ring_uring_prepare,
    .cancel = ring_uring_cancel,
    .enter = ring_uring_enter,
    .reap = ring_uring_reap,
    .wake = ring_uring_wake,
    .try_writev = nu_try_writev_inline,
    .try_send = nu_perform_writev,
    .receive_inline = true,
    .setup = ring_uring_setup,
};
