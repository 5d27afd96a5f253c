/* SPDX-License-Identifier: MIT */
/*
 * nng_udp_*: a UDP socket, with a queue of receives and one of sends. The first of each may be in
 * the kernel's hands. `lock` is taken before an aio's; an application thread tries its operation
 * itself, under it, when nobody is before it.
 */
#include "base/error.h"
#include "base/list.h"
#include "io/aio_data.h"
#include "io/lock.h"
#include "io/loop.h"
#include "io/op.h"
#include "io/runtime.h"
#include "net/address.h"
#include "net/aio_queue.h"

#include <errno.h>
#include <netinet/in.h>
#include <nng/nng.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UDP_PENDING (-1) /* in place of an NNG error: it is not over yet */

/* One direction. The queue, in_kernel and abort are under the socket's lock. */
struct udp_side {
    nng_udp *udp;         /* constant */
    struct nu_list queue; /* aios in the order they were started */
    struct nu_op op;      /* the owner's alone */
    bool in_kernel;       /* the op is under way, for the first aio */
    int abort;            /* why it is to end; 0: it is not */
    struct msghdr msg;    /* of the operation that is under way, or tried */
    struct sockaddr_storage addr;
};

struct nng_udp {
    /* constant */
    struct nu_loop *loop;
    int family;

    struct nu_mutex lock;

    /* under lock */
    int fd;           /* -1: it is closed */
    bool closing;     /* nothing new is begun, all that is pending ends NNG_ECLOSED */
    bool released;    /* its user has closed it */
    bool wake_posted; /* `wake` is posted */
    bool gone;        /* its loop knows it no more */
    struct nu_task wake;
    struct udp_side receiving, sending;

    struct nu_loop_hook hook; /* the owner's alone */
};

/* ---- One datagram ------------------------------------------------------------------------- */

/* The message that the first aio receives or sends. 0 or NNG_EADDRINVAL. */
static int udp_fill(struct udp_side *side, nng_aio *aio)
{
    socklen_t len = sizeof side->addr;
    if (side->op.kind == NU_OP_SENDMSG) {
        const nng_sockaddr *to = nng_aio_get_input(aio, 0);
        int err = to != NULL ? nu_address_from_nng(to, &side->addr, &len) : NNG_EADDRINVAL;
        if (err != 0) {
            return err;
        }
    }
    side->msg = (struct msghdr){ .msg_name = &side->addr, .msg_namelen = len };
    side->msg.msg_iov = (struct iovec *) aio->io.iov;
    side->msg.msg_iovlen = aio->io.niov;
    return 0;
}

/* What has become of the message: the aio's result and, in its io, its count. */
static int udp_outcome(struct udp_side *side, nng_aio *aio, ssize_t n)
{
    if (n < 0) {
        return nu_error_from_errno((int) -n);
    }
    aio->io.done = (size_t) n;
    if (side->op.kind == NU_OP_SENDMSG) {
        return 0;
    }
    nng_sockaddr *from = nng_aio_get_input(aio, 0);
    if (from != NULL) {
        (void) nu_address_to_nng((const struct sockaddr *) &side->addr, from);
    }
    return (side->msg.msg_flags & MSG_TRUNC) != 0 ? NNG_EMSGSIZE : 0;
}

/* ---- The end ------------------------------------------------------------------------------ */

/* With the lock, which it releases; the socket may be gone afterwards. */
static void udp_unlock(nng_udp *udp)
{
    bool last = udp->gone && udp->released && !udp->wake_posted;
    nu_unlock(&udp->lock);
    if (last) {
        free(udp);
    }
}

/* Its port is free from here on. */
static void udp_close_fd(nng_udp *udp)
{
    if (udp->fd >= 0 && !udp->receiving.in_kernel && !udp->sending.in_kernel) {
        close(udp->fd);
        udp->fd = -1;
    }
}

static void udp_close_side(struct udp_side *side)
{
    nu_op_cancel(&side->op);
    nu_aio_queue_end_all(&side->queue, side->in_kernel ? nu_aio_queue_first(&side->queue) : NULL,
                         NNG_ECLOSED);
}

/* On the owner, again and again until the kernel has let go of everything. */
static void udp_go_on_closing(nng_udp *udp)
{
    udp_close_fd(udp);
    udp_close_side(&udp->receiving);
    udp_close_side(&udp->sending);
    if (udp->fd < 0 && !udp->gone) {
        nu_list_remove(&udp->hook.link);
        udp->gone = true;
    }
}

/* nng_fini(): the socket goes now, the memory when its user asks. */
static void udp_on_stop(struct nu_loop_hook *hook)
{
    nng_udp *udp = nu_container(hook, struct nng_udp, hook);
    nu_lock(&udp->lock);
    udp->closing = true;
    udp_go_on_closing(udp);
    udp_unlock(udp);
}

/* ---- The owner's side --------------------------------------------------------------------- */

static void udp_next(struct udp_side *side)
{
    nng_aio *aio;
    while (!side->in_kernel && (aio = nu_aio_queue_first(&side->queue)) != NULL) {
        int err = udp_fill(side, aio);
        if (err != 0) {
            nu_aio_queue_end(aio, err);
            continue;
        }
        side->abort = 0;
        side->in_kernel = true;
        nu_op_submit(&side->op);
    }
}

static void udp_look_again(nng_udp *udp)
{
    if (udp->closing) {
        udp_go_on_closing(udp);
    } else {
        udp_next(&udp->receiving);
        udp_next(&udp->sending);
    }
}

/* First of all it makes the loop know the socket. */
static void udp_woken(struct nu_task *task)
{
    nng_udp *udp = nu_container(task, struct nng_udp, wake);
    nu_lock(&udp->lock);
    udp->wake_posted = false;
    if (udp->hook.on_stop == NULL) {
        udp->hook.on_stop = udp_on_stop;
        nu_list_append(&udp->loop->hooks, &udp->hook.link);
    }
    udp_look_again(udp);
    udp_unlock(udp);
}

static void udp_wake(nng_udp *udp)
{
    if (!udp->wake_posted) {
        udp->wake_posted = true;
        nu_loop_post(udp->loop, &udp->wake);
    }
}

/* UDP_PENDING: neither its user nor we have broken it off, and it goes on. */
static int udp_verdict(struct udp_side *side, nng_aio *aio, int res)
{
    if (res != -ECANCELED && res != -EINTR) {
        return udp_outcome(side, aio, res);
    }
    return side->abort != 0 ? side->abort : side->udp->closing ? NNG_ECLOSED : UDP_PENDING;
}

static void udp_done(struct udp_side *side, int res)
{
    nng_udp *udp = side->udp;
    nu_lock(&udp->lock);
    nng_aio *aio = nu_aio_queue_first(&side->queue);
    int err = udp_verdict(side, aio, res);
    side->in_kernel = false;
    if (udp->closing) {
        udp_close_fd(udp); /* before anybody is told of the end */
    }
    if (err != UDP_PENDING) {
        nu_aio_queue_end(aio, err);
    }
    udp_look_again(udp);
    udp_unlock(udp);
}

static void udp_received(struct nu_op *op, int res, uint32_t flags)
{
    (void) flags;
    udp_done(nu_container(op, struct udp_side, op), res);
}

static void udp_sent(struct nu_op *op, int res, uint32_t flags)
{
    (void) flags;
    udp_done(nu_container(op, struct udp_side, op), res);
}

/* The aio's cancel function. What the kernel holds ends with its completion, the rest here. */
static void udp_cancel(nng_aio *aio, void *arg, int err)
{
    struct udp_side *side = arg;
    nu_lock(&side->udp->lock);
    if (side->in_kernel && aio == nu_aio_queue_first(&side->queue)) {
        side->abort = side->abort == 0 ? err : side->abort;
        nu_op_cancel(&side->op);
    } else {
        nu_aio_queue_end(aio, err);
    }
    nu_unlock(&side->udp->lock);
}

/* ---- Starting ----------------------------------------------------------------------------- */

/* Here and now, on the calling thread; UDP_PENDING: it has to wait. */
static int udp_attempt(struct udp_side *side, nng_aio *aio)
{
    int err = udp_fill(side, aio);
    if (err != 0) {
        return err;
    }
    ssize_t n = side->op.kind == NU_OP_SENDMSG
                    ? sendmsg(side->udp->fd, &side->msg, MSG_DONTWAIT | MSG_NOSIGNAL)
                    : recvmsg(side->udp->fd, &side->msg, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return UDP_PENDING;
    }
    return udp_outcome(side, aio, n < 0 ? -errno : n);
}

/* The attempt, and if it is not enough the queue. */
static int udp_begin(struct udp_side *side, nng_aio *aio)
{
    nng_udp *udp = side->udp;
    bool owner = udp->loop == nu_loop_self();
    int err = UDP_PENDING;
    if (udp->closing) {
        return NNG_ECLOSED;
    }
    aio->loop = udp->loop;
    if (!owner && nu_list_empty(&side->queue)) {
        err = udp_attempt(side, aio);
    }
    if (err == UDP_PENDING) {
        int aborted = nu_aio_schedule(aio, udp->loop, udp_cancel, side);
        err = aborted != 0 ? aborted : UDP_PENDING;
    }
    if (err != UDP_PENDING) {
        return err;
    }
    nu_aio_timer_start(aio);
    nu_list_append(&side->queue, &aio->link);
    if (owner) {
        udp_next(side);
    } else {
        udp_wake(udp);
    }
    return UDP_PENDING;
}

static void udp_start(struct udp_side *side, nng_aio *aio)
{
    if (!nng_aio_begin(aio)) {
        return;
    }
    int err = nu_aio_take_message(aio);
    if (err == 0 && nu_aio_expired(aio)) {
        err = NNG_ETIMEDOUT;
    }
    nu_lock(&side->udp->lock);
    err = err == 0 ? udp_begin(side, aio) : err;
    if (err != UDP_PENDING) {
        nu_aio_finish(aio, err, aio->io.done); /* under the lock: callbacks keep the order */
    }
    nu_unlock(&side->udp->lock);
}

void nng_udp_recv(nng_udp *udp, nng_aio *aio)
{
    udp_start(&udp->receiving, aio);
}

void nng_udp_send(nng_udp *udp, nng_aio *aio)
{
    udp_start(&udp->sending, aio);
}

/* ---- The socket --------------------------------------------------------------------------- */

static void udp_init_side(struct udp_side *side, nng_udp *udp, enum nu_op_kind kind)
{
    side->udp = udp;
    nu_list_init(&side->queue);
    nu_op_init(&side->op, udp->loop, kind == NU_OP_SENDMSG ? udp_sent : udp_received);
    side->op.kind = kind;
    side->op.fd = udp->fd;
    side->op.arg.msg = &side->msg;
}

/* 0 or an NNG error. */
static int udp_bind(const struct sockaddr_storage *ss, socklen_t len, int *fdp)
{
    int fd = socket(ss->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return nu_error_from_errno(errno);
    }
    if (bind(fd, (const struct sockaddr *) ss, len) != 0) {
        int err = nu_error_from_errno(errno);
        close(fd);
        return err;
    }
    *fdp = fd;
    return 0;
}

int nng_udp_open(nng_udp **udpp, nng_sockaddr *sa)
{
    struct sockaddr_storage ss;
    socklen_t len;
    int err =
        sa == NULL || nu_address_from_nng(sa, &ss, &len) != 0 ? NNG_EADDRINVAL : nu_runtime_start();
    if (err != 0) {
        return err;
    }
    nng_udp *udp = calloc(1, sizeof *udp);
    if (udp == NULL) {
        return NNG_ENOMEM;
    }
    err = udp_bind(&ss, len, &udp->fd);
    if (err != 0) {
        free(udp);
        return err;
    }
    udp->loop = nu_runtime_pick();
    udp->family = ss.ss_family;
    nu_task_init(&udp->wake, udp_woken);
    udp_init_side(&udp->receiving, udp, NU_OP_RECVMSG);
    udp_init_side(&udp->sending, udp, NU_OP_SENDMSG);
    nu_lock(&udp->lock);
    udp_wake(udp);
    nu_unlock(&udp->lock);
    *udpp = udp;
    return 0;
}

void nng_udp_close(nng_udp *udp)
{
    if (udp == NULL) {
        return;
    }
    nu_lock(&udp->lock);
    udp->closing = true;
    udp->released = true;
    if (!udp->gone) {
        udp_close_fd(udp);
        udp_wake(udp);
    }
    udp_unlock(udp);
}

/* Its address. With the lock held. */
static int udp_local(nng_udp *udp, struct sockaddr_storage *ss)
{
    socklen_t len = sizeof *ss;
    if (udp->closing) {
        return NNG_ECLOSED;
    }
    return getsockname(udp->fd, (struct sockaddr *) ss, &len) == 0 ? 0 : nu_error_from_errno(errno);
}

int nng_udp_sockname(nng_udp *udp, nng_sockaddr *sa)
{
    struct sockaddr_storage ss;
    nu_lock(&udp->lock);
    int err = udp_local(udp, &ss);
    nu_unlock(&udp->lock);
    if (err == 0) {
        (void) nu_address_to_nng((struct sockaddr *) &ss, sa); /* it was bound to one of NNG's */
    }
    return err;
}

/* ---- Multicast ---------------------------------------------------------------------------- */

/* A socket address of any family that it can have. */
union udp_address {
    struct sockaddr_storage any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* On the interface that has the address which the socket is bound to. */
static int udp_member_in(int fd, const union udp_address *local, const union udp_address *group,
                         bool join)
{
    struct ip_mreq req = { group->in.sin_addr, local->in.sin_addr };
    return setsockopt(fd, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &req,
                      sizeof req);
}

/* On the interface of the group's scope, or else of the address which the socket is bound to. */
static int udp_member_in6(int fd, const union udp_address *local, const union udp_address *group,
                          bool join)
{
    struct ipv6_mreq req = { .ipv6mr_multiaddr = group->in6.sin6_addr };
    uint32_t scope = group->in6.sin6_scope_id;
    req.ipv6mr_interface = scope != 0 ? scope : local->in6.sin6_scope_id;
    return setsockopt(fd, IPPROTO_IPV6, join ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP, &req,
                      sizeof req);
}

int nng_udp_multicast_membership(nng_udp *udp, nng_sockaddr *sa, bool join)
{
    union udp_address local, group;
    socklen_t len;
    memset(&local, 0, sizeof local);
    if (sa == NULL || nu_address_from_nng(sa, &group.any, &len) != 0 ||
        group.any.ss_family != udp->family) {
        return NNG_EADDRINVAL;
    }
    nu_lock(&udp->lock);
    int err = udp_local(udp, &local.any);
    if (err == 0) {
        int n = udp->family == AF_INET ? udp_member_in(udp->fd, &local, &group, join)
                                       : udp_member_in6(udp->fd, &local, &group, join);
        err = n == 0 ? 0 : nu_error_from_errno(errno);
    }
    nu_unlock(&udp->lock);
    return err;
}
