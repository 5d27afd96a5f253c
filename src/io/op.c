/* SPDX-License-Identifier: MIT */
#include "io/op.h"

#include "base/check.h"
#include "base/clock.h"
#include "io/counters.h"
#include "io/loop.h"
#include "io/slots.h"
#include "io/vec.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

void nu_op_init(struct nu_op *op, struct nu_loop *loop, nu_op_done done)
{
    memset(op, 0, sizeof *op);
    op->loop = loop;
    op->done = done;
    op->fd = -1;
    op->deadline = NU_NEVER;
    nu_list_init(&op->link);
}

static void op_link_timeout(struct nu_loop *loop, uint64_t deadline, uint64_t user_data)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring.uring);
    struct __kernel_timespec *ts = &loop->deadlines[sqe - loop->ring.uring.sq.sqes];
    ts->tv_sec = (int64_t) (deadline / NU_SECOND);
    ts->tv_nsec = (int64_t) (deadline % NU_SECOND);
    io_uring_prep_link_timeout(sqe, ts, IORING_TIMEOUT_ABS);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = user_data | NU_OP_TIMEOUT;
    nu_count(NU_COUNT_DEADLINES_ARMED, 1);
}

/* The vector is copied to where it lives until the submit. */
static void op_fill_vec(struct nu_op *op, struct io_uring_sqe *sqe)
{
    struct nu_loop *loop = op->loop;
    const struct nu_op_vec *vec = &op->arg.vec;
    struct iovec *iov = loop->scratch + loop->scratch_used;
    unsigned n = nu_vec_copy(iov, vec->iov, vec->niov, vec->skip);
    loop->scratch_used += n;
    if (op->kind == NU_OP_READV) {
        io_uring_prep_readv(sqe, op->fd, iov, n, 0);
    } else {
        io_uring_prep_writev2(sqe, op->fd, iov, n, 0, (int) op->rw_flags);
    }
}

/* The one place where an op becomes an SQE. */
static void op_fill(struct nu_op *op, struct io_uring_sqe *sqe)
{
    switch (op->kind) {
    case NU_OP_WRITEV:
    case NU_OP_READV:
        op_fill_vec(op, sqe);
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
    case NU_OP_ACCEPT:
        io_uring_prep_multishot_accept(sqe, op->fd, NULL, NULL, (int) op->rw_flags);
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
    }
}

/* Whether the op can be prepared now: an SQE (two with a deadline, or it would be cut), a slot, and
 * room for its vector. */
static bool op_make_room(struct nu_op *op)
{
    struct nu_loop *loop = op->loop;
    unsigned nsqes = op->deadline == NU_NEVER ? 1 : 2;
    unsigned niov = op->kind == NU_OP_WRITEV || op->kind == NU_OP_READV ? op->arg.vec.niov : 0;
    for (int tries = 0; tries < 2; tries++) {
        if (nu_ring_space(&loop->ring) >= nsqes && loop->scratch_used + niov <= NU_SCRATCH_IOVS) {
            return nu_slots_reserve(loop);
        }
        nu_loop_flush(loop);
    }
    return false;
}

static void op_prepare(struct nu_op *op)
{
    struct nu_loop *loop = op->loop;
    struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring.uring);
    op_fill(op, sqe);
    op->state = NU_OP_KERNEL;
    sqe->user_data = nu_slots_take(loop, op);
    if (op->deadline != NU_NEVER) {
        sqe->flags |= IOSQE_IO_LINK;
        op_link_timeout(loop, op->deadline, sqe->user_data);
    }
}

void nu_op_submit(struct nu_op *op)
{
    assert(op->state == NU_OP_IDLE);
    op->cancel = false;
    if (nu_list_empty(&op->loop->backlog) && op_make_room(op)) {
        op_prepare(op);
        return;
    }
    op->state = NU_OP_BACKLOG;
    nu_list_append(&op->loop->backlog, &op->link);
}

static bool op_submit_cancel(struct nu_op *op)
{
    struct nu_loop *loop = op->loop;
    if (nu_ring_space(&loop->ring) == 0) {
        nu_loop_flush(loop);
    }
    struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring.uring);
    if (sqe == NULL) {
        return false;
    }
    io_uring_prep_cancel64(sqe, nu_slots_user_data(loop, op), 0);
    sqe->user_data = NU_OP_CANCELLATION;
    nu_count(NU_COUNT_CANCELLATIONS, 1);
    return true;
}

/* ENOENT: the op has just ended; or the kernel is about to try it again, having found its socket
 * ready (for a write, the end of what the peer sends is enough), and knows it nowhere. EALREADY: a
 * kernel thread works on it, and was told. */
void nu_op_cancelled(struct nu_loop *loop, int res)
{
    if (res == -ENOENT) {
        loop->cancels++;
    }
}

/* A linked timeout that fired, but did not find its op for the same reason, does not fire again. */
void nu_op_expired(struct nu_loop *loop, uint64_t user_data, int res)
{
    struct nu_op *op =
        res == -ENOENT ? nu_slots_find(loop, user_data & ~NU_OP_TIMEOUT, true) : NULL;
    if (op != NULL) {
        nu_op_cancel(op);
    }
}

void nu_op_cancel(struct nu_op *op)
{
    if (op->state == NU_OP_IDLE || op->cancel) {
        return;
    }
    op->cancel = true;
    if (op->state == NU_OP_KERNEL && !op_submit_cancel(op)) {
        op->loop->cancels++; /* nu_op_retry() sees to it */
    }
}

/* Cancellations first: they find their ops by walking the slots, which is fine for so rare a case.
 */
void nu_op_retry(struct nu_loop *loop)
{
    if (loop->cancels > 0) {
        loop->cancels = 0;
        for (uint32_t i = 0; i < loop->nslots; i++) {
            struct nu_op *op = loop->slots[i].op;
            if (op != NULL && op->cancel && !op_submit_cancel(op)) {
                loop->cancels++;
            }
        }
    }
    while (!nu_list_empty(&loop->backlog)) {
        struct nu_op *op = nu_container(loop->backlog.next, struct nu_op, link);
        if (op->cancel) {
            nu_list_remove(&op->link);
            op->state = NU_OP_IDLE;
            op->done(op, -ECANCELED, 0);
        } else if (op_make_room(op)) {
            nu_list_remove(&op->link);
            op_prepare(op);
        } else {
            break;
        }
    }
}
