/* SPDX-License-Identifier: MIT */
#include "net/listener.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/seldom.h"
#include "io/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <nng/uring.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 1024
#define PAUSE (50 * NU_MS) /* out of descriptors, memory or room: asking at once would spin */
#define MOMENT NU_MS       /* who shares the socket has it O_NONBLOCK, and is about to leave */

static int listener_bind_one(struct sockaddr_storage *ss, socklen_t len, bool only6, bool join)
{
    int on = 1, v6 = only6;
    int fd = socket(ss->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (join && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
        (ss->ss_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6, sizeof v6) != 0) ||
        bind(fd, (struct sockaddr *) ss, len) != 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

/* The first one binds alone, so that it notices others, unless they may join; only then may our own
 * join it. */
static int listener_bind_all(int *fds, unsigned n, struct sockaddr_storage *ss, socklen_t len,
                             bool only6, bool join)
{
    int on = 1;
    for (unsigned i = 0; i < n; i++) {
        int fd = listener_bind_one(ss, len, only6, join || i > 0);
        if (fd < 0) {
            return -fd;
        }
        fds[i] = fd;
        if (i == 0 && (getsockname(fd, (struct sockaddr *) ss, &len) != 0 ||
                       (n > 1 && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0))) {
            return errno;
        }
    }
    return 0;
}

static int listener_listen_all(const int *fds, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (listen(fds[i], BACKLOG) != 0) {
            return errno;
        }
    }
    return 0;
}

/* "Every address" is IPv6 with IPv4 inside, or IPv4 alone where the system has no IPv6. */
static void listener_without_ipv6(struct sockaddr_storage *ss)
{
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) ss;
    int fd = socket(ss->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        close(fd);
    } else if (errno == EAFNOSUPPORT && ss->ss_family == AF_INET6 &&
               IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr)) {
        struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_port = in6->sin6_port };
        memcpy(ss, &in4, sizeof in4);
    }
}

int nu_listen_bind(int *fds, unsigned n, struct sockaddr_storage *ss, bool only6, bool join)
{
    if (!only6) {
        listener_without_ipv6(ss);
    }
    for (unsigned i = 0; i < n; i++) {
        fds[i] = -1;
    }
    socklen_t len =
        ss->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int err = listener_bind_all(fds, n, ss, len, only6, join);
    if (err == 0) {
        err = listener_listen_all(fds, n);
    }
    for (unsigned i = 0; err != 0 && i < n; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
            fds[i] = -1;
        }
    }
    return nu_error_from_errno(err);
}

static bool listener_full(struct nu_listener *listener)
{
    return listener->may_accept != NULL && !listener->may_accept(listener);
}

/* All that has connected, without waiting: the socket is O_NONBLOCK. (Where it is shared another
 * process may have taken that back, hence the poll.) Who connects again and again is no reason to
 * go on for ever. Who finds no room stays for those who share it: here it would be turned away. */
static void listener_accept_all(struct nu_listener *listener)
{
    struct pollfd ready = { .fd = listener->fd, .events = POLLIN };
    for (unsigned n = 0; n < 2 * BACKLOG && poll(&ready, 1, 0) == 1; n++) {
        if (listener->shared && listener_full(listener)) {
            return;
        }
        int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 && errno != EINTR && errno != ECONNABORTED) {
            return;
        }
        if (fd >= 0) {
            nu_count(NU_COUNT_ACCEPTS, 1);
            listener->accepted(listener, fd);
        }
    }
}

/* The kernel wakes one of those who wait for a connection. If that was us, and we have just
 * stopped, nobody else hears of it until the next one comes. */
static void listener_empty_shared(struct nu_listener *listener)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the flag is everybody's */
    pthread_mutex_lock(&lock);
    int flags = fcntl(listener->fd, F_GETFL);
    if (flags >= 0 && fcntl(listener->fd, F_SETFL, flags | O_NONBLOCK) == 0) {
        listener_accept_all(listener);
        (void) fcntl(listener->fd, F_SETFL, flags);
    }
    pthread_mutex_unlock(&lock);
}

static void listener_finish_stop(struct nu_listener *listener)
{
    if (listener->shared && listener->emptied) {
        listener_empty_shared(listener);
    }
    close(listener->fd);
    listener->gone(listener);
}

/* The accept has ended: another one, now or after a pause. */
static void listener_go_on(struct nu_listener *listener, int res)
{
    /* when full it was cancelled by ourselves, and there may be room */
    bool well = res >= 0 || res == -ECONNABORTED || listener->full;
    uint64_t pause = res == -EAGAIN ? MOMENT : PAUSE;
    listener->full = false;
    if (well && !listener_full(listener)) {
        nu_op_submit(&listener->op);
    } else {
        nu_timer_arm(&listener->loop->timers, &listener->pause, nu_now() + pause);
    }
}

static void listener_warn(int err)
{
    static struct nu_seldom files, others;
    if (err == EMFILE || err == ENFILE) {
        nu_warn_seldom(&files, "too many files are open to accept connections: raise the limit "
                               "(ulimit -n, LimitNOFILE=)");
    } else if (err != ECANCELED && err != ECONNABORTED && err != EAGAIN &&
               err != EINVAL) { /* EINVAL: shut down */
        nu_warn_seldom(&others, "connections cannot be accepted: no memory, or the network is "
                                "down");
    }
}

static void listener_done(struct nu_op *op, int res, uint32_t flags)
{
    struct nu_listener *listener = nu_container(op, struct nu_listener, op);
    nu_count(NU_COUNT_ACCEPTS, res >= 0);
    if (res < 0 && !listener->stopping) {
        listener_warn(-res);
    }
    if (res >= 0 && listener->stopping && !listener->emptied) {
        close(res);
    } else if (res >= 0) {
        listener->accepted(listener, res);
    }
    if (op->state != NU_OP_IDLE) {
        (void) flags; /* more will follow, until there is no room */
        if (!listener->full && listener_full(listener)) {
            listener->full = true;
            nu_op_cancel(op);
        }
    } else if (listener->stopping) {
        listener_finish_stop(listener);
    } else {
        listener_go_on(listener, res);
    }
}

static void listener_resume(struct nu_timer *timer)
{
    struct nu_listener *listener = nu_container(timer, struct nu_listener, pause);
    if (listener->stopping) {
        return;
    }
    if (listener_full(listener)) {
        nu_timer_arm(&listener->loop->timers, timer, nu_now() + PAUSE);
    } else {
        nu_op_submit(&listener->op);
    }
}

void nu_listener_init(struct nu_listener *listener, struct nu_loop *loop, int fd)
{
    listener->loop = loop;
    listener->fd = fd;
    listener->stopping = false;
    listener->shared = false;
    listener->emptied = false;
    listener->full = false;
    listener->pause = (struct nu_timer){ .fire = listener_resume };
    nu_op_init(&listener->op, loop, listener_done);
    listener->op.kind = NU_OP_ACCEPT;
    listener->op.fd = fd;
    listener->op.rw_flags = SOCK_CLOEXEC;
    listener->op.arg.accept.turns = false;
}

/* io_uring waits by itself; with O_NONBLOCK, which is the socket's and so everybody's, an accept
 * may not. Epoll wants it. */
void nu_listener_share(struct nu_listener *listener, enum nu_sharing sharing)
{
    int flags = fcntl(listener->fd, F_GETFL);
    listener->shared = sharing == NU_SHARED_WITH_OTHERS;
    listener->op.arg.accept.turns = true;
    if (flags >= 0 && (flags & O_NONBLOCK) != 0 && strcmp(nng_uring_backend(), "epoll") != 0) {
        (void) fcntl(listener->fd, F_SETFL, flags & ~O_NONBLOCK);
    }
}

void nu_listener_start(struct nu_listener *listener)
{
    nu_op_submit(&listener->op);
}

void nu_listener_look(struct nu_listener *listener)
{
    if (listener->pause.armed) {
        nu_timer_disarm(&listener->loop->timers, &listener->pause);
        listener_resume(&listener->pause);
    }
}

void nu_listener_shut(struct nu_listener *listener)
{
    if (!listener->shared) {
        shutdown(listener->fd, SHUT_RDWR);
    }
}

/* Without room in the queue nobody gets into it between the last accept and the end, but those few
 * whose handshake is under way. */
void nu_listener_empty(struct nu_listener *listener)
{
    listener->emptied = true;
    if (listener->shared) {
        return; /* when the kernel has let go */
    }
    (void) listen(listener->fd, 0);
    (void) fcntl(listener->fd, F_SETFL, O_NONBLOCK);
    listener_accept_all(listener);
    nu_listener_shut(listener);
}

void nu_listener_stop(struct nu_listener *listener)
{
    listener->stopping = true;
    nu_timer_disarm(&listener->loop->timers, &listener->pause);
    if (listener->op.state == NU_OP_IDLE) {
        listener_finish_stop(listener);
        return;
    }
    nu_op_cancel(&listener->op);
}
