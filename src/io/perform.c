/* SPDX-License-Identifier: MIT */
#include "io/perform.h"

#include "io/bufring.h"
#include "io/op.h"
#include "io/open_beneath.h"
#include "io/ring.h"
#include "io/vec.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define SMALL 65536U /* bytes of a message */

/* What a system call said. EAGAIN: it has to wait. */
static struct nu_outcome perform_outcome(ssize_t n)
{
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return (struct nu_outcome){ .wait = true };
    }
    return (struct nu_outcome){ .res = n < 0 ? -errno : (int) n };
}

static ssize_t perform_move(int fd, struct msghdr *msg, ssize_t (*move)(int fd, struct msghdr *msg))
{
    ssize_t n;
    do {
        n = move(fd, msg);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* The vector is at most what one call takes, for the op's owner holds it so. */
static ssize_t perform_message(int fd, const struct nu_op_vec *v,
                               ssize_t (*move)(int fd, struct msghdr *msg))
{
    struct iovec vec[IOV_MAX];
    if (v->niov > IOV_MAX) {
        errno = EINVAL;
        return -1;
    }
    struct msghdr msg = { .msg_iov = vec };
    msg.msg_iovlen = nu_vec_copy(vec, v->iov, v->niov, v->skip);
    return perform_move(fd, &msg, move);
}

/* Most messages are one small piece, and cost the kernel less when it has no vector to take in. (Of
 * a large one that is nothing, and ThreadSanitizer would look at all of it for each part.) */
static ssize_t perform_send_message(int fd, struct msghdr *msg)
{
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    return msg->msg_iovlen == 1 && msg->msg_iov->iov_len <= SMALL
               ? send(fd, msg->msg_iov->iov_base, msg->msg_iov->iov_len, flags)
               : sendmsg(fd, msg, flags);
}

static ssize_t perform_receive_message(int fd, struct msghdr *msg)
{
    return recvmsg(fd, msg, MSG_DONTWAIT);
}

static struct nu_outcome perform_writev(struct nu_op *op)
{
    struct nu_outcome outcome =
        perform_outcome(perform_message(op->fd, &op->arg.vec, perform_send_message));
    if (outcome.wait && (op->rw_flags & RWF_NOWAIT) != 0) {
        return (struct nu_outcome){ .res = -EAGAIN };
    }
    return outcome;
}

/* When less has come than there was room for, there is no more. */
static struct nu_outcome perform_received(const struct nu_op *op, ssize_t n, size_t room)
{
    struct nu_outcome outcome = perform_outcome(n);
    int left = 0;
    outcome.drained = outcome.wait || (n > 0 && (size_t) n < room);
    if (n > 0 && !outcome.drained && ioctl(op->fd, FIONREAD, &left) == 0 && left > 0) {
        outcome.flags = NU_OP_F_NONEMPTY;
    }
    return outcome;
}

static struct nu_outcome perform_recv(struct nu_op *op, void *base, size_t room)
{
    ssize_t n;
    do {
        n = recv(op->fd, base, room, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return perform_received(op, n, room);
}

static struct nu_outcome perform_recv_provided(struct nu_op *op, struct nu_bufring *buffers)
{
    uint32_t flags;
    if (!nu_bufring_pick(buffers, &flags)) {
        return (struct nu_outcome){ .res = -ENOBUFS };
    }
    uint8_t *buffer = nu_bufring_take(buffers, flags);
    struct nu_outcome outcome = perform_recv(op, buffer, NU_BUFRING_SIZE);
    if (outcome.wait || outcome.res <= 0) {
        nu_bufring_give(buffers, buffer);
    } else {
        outcome.flags |= flags;
    }
    return outcome;
}

static struct nu_outcome perform_readv(struct nu_op *op)
{
    const struct nu_op_vec *v = &op->arg.vec;
    size_t room = 0;
    for (unsigned i = 0; i < v->niov; i++) {
        room += v->iov[i].iov_len;
    }
    struct nu_outcome outcome =
        perform_outcome(perform_message(op->fd, &op->arg.vec, perform_receive_message));
    outcome.drained = outcome.wait || (outcome.res > 0 && (size_t) outcome.res < room - v->skip);
    return outcome;
}

static struct nu_outcome perform_recvmsg(struct nu_op *op)
{
    ssize_t n;
    do {
        n = recvmsg(op->fd, op->arg.msg, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    struct nu_outcome outcome = perform_outcome(n);
    outcome.drained = outcome.wait;
    return outcome;
}

static struct nu_outcome perform_sendmsg(struct nu_op *op)
{
    ssize_t n;
    do {
        n = sendmsg(op->fd, op->arg.msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return perform_outcome(n);
}

static struct nu_outcome perform_accept(struct nu_op *op)
{
    int fd;
    do {
        fd = accept4(op->fd, NULL, NULL, (int) op->rw_flags);
    } while (fd < 0 && errno == EINTR);
    struct nu_outcome outcome = perform_outcome(fd);
    outcome.flags = fd >= 0 ? NU_OP_F_MORE : 0;
    return outcome;
}

/* The descriptor itself says that it does not wait, and only meanwhile. */
static int perform_set_waiting(int fd, bool waiting)
{
    int on = !waiting;
    return ioctl(fd, FIONBIO, &on) == 0 ? 0 : -1;
}

static struct nu_outcome perform_connect(struct nu_op *op, bool again)
{
    int n = 0, err = 0;
    socklen_t len = sizeof err;
    if (again) {
        n = getsockopt(op->fd, SOL_SOCKET, SO_ERROR, &err, &len);
        errno = n == 0 ? err : errno;
        n = errno == 0 ? 0 : -1;
    } else {
        n = perform_set_waiting(op->fd, false);
        n = n == 0 ? connect(op->fd, op->arg.addr.sa, op->arg.addr.len) : n;
    }
    if (n != 0 && (errno == EINPROGRESS || errno == EINTR)) {
        return (struct nu_outcome){ .wait = true };
    }
    struct nu_outcome outcome = { .res = n == 0 ? 0 : -errno };
    (void) perform_set_waiting(op->fd, true);
    return outcome;
}

static struct nu_outcome perform_read(struct nu_op *op)
{
    ssize_t n;
    do {
        n = pread(op->fd, op->arg.buf.base, op->arg.buf.len, (off_t) op->arg.buf.offset);
    } while (n < 0 && errno == EINTR);
    return (struct nu_outcome){ .res = n < 0 ? -errno : (int) n };
}

static struct nu_outcome perform_poll(struct nu_op *op, short events)
{
    struct pollfd pfd = { .fd = op->fd, .events = events };
    int n = poll(&pfd, 1, 0);
    if (n == 0 || (n < 0 && errno == EINTR)) {
        return (struct nu_outcome){ .wait = true };
    }
    return (struct nu_outcome){ .res = n < 0 ? -errno : pfd.revents };
}

ssize_t nu_perform_writev(int fd, const struct iovec *iov, unsigned niov)
{
    struct iovec vec[NU_TRY_IOVS]; /* the thread is somebody else's, with a small stack perhaps */
    struct msghdr msg = { .msg_iov = vec, .msg_iovlen = nu_vec_copy(vec, iov, niov, 0) };
    ssize_t n = perform_move(fd, &msg, perform_send_message);
    return n < 0 ? -errno : n;
}

struct nu_outcome nu_perform(struct nu_op *op, struct nu_bufring *buffers, bool again)
{
    switch (op->kind) {
    case NU_OP_WRITEV:
        return perform_writev(op);
    case NU_OP_READV:
        return perform_readv(op);
    case NU_OP_RECV:
        return perform_recv(op, op->arg.buf.base, op->arg.buf.len);
    case NU_OP_RECV_PROVIDED:
        return perform_recv_provided(op, buffers);
    case NU_OP_RECVMSG:
        return perform_recvmsg(op);
    case NU_OP_SENDMSG:
        return perform_sendmsg(op);
    case NU_OP_ACCEPT:
        return perform_accept(op);
    case NU_OP_CONNECT:
        return perform_connect(op, again);
    case NU_OP_READ:
        return perform_read(op);
    case NU_OP_OPEN:
        return (struct nu_outcome){ .res = nu_open_beneath(op->fd, op->arg.open.path,
                                                           &op->arg.open.how) };
    case NU_OP_POLL:
    case NU_OP_POLLS: /* once is enough where the peer's end does not count */
        return perform_poll(op, POLLOUT);
    case NU_OP_HANGUP:
        return perform_poll(op, 0);
    }
    return (struct nu_outcome){ .res = -EINVAL };
}

void nu_perform_give_up(struct nu_op *op)
{
    if (op->kind == NU_OP_CONNECT) {
        (void) perform_set_waiting(op->fd, true);
    }
}
