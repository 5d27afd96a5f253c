/* SPDX-License-Identifier: MIT */
/* The system calls that the library makes beside its ring, on sockets that are none (ld --wrap). */
#include "io/try_inline.h"
#include "io/vec.h"
#include "sim/faults.h"
#include "sim/jobs.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
int __real_socket(int domain, int type, int protocol);
int __real_close(int fd);
int __real_fcntl(int fd, int command, ...);
int __real_ioctl(int fd, unsigned long request, ...);
int __real_eventfd(unsigned value, int flags);
int __real_eventfd_write(int fd, eventfd_t value);
int __real_eventfd_read(int fd, eventfd_t *value);

#define MUCH 1500 /* bytes that are free when there is room: for more than a message of its own */

long sim_discard(int fd);

static struct sim_sock *calls_sock(int fd)
{
    struct sim_sock *sock = sim_sock(fd);
    sim_check(sock != NULL, "a system call on descriptor %d, which is not open", fd);
    sim_preempt();
    return sock;
}

/* Fails where that is the run's fault. */
#define CALLS_FAULT(what, ...)                                                                     \
    do {                                                                                           \
        static const int errors[] = { __VA_ARGS__, 0 };                                            \
        int fault = sim_fault(what, errors);                                                       \
        if (fault != 0) {                                                                          \
            errno = fault;                                                                         \
            return -1;                                                                             \
        }                                                                                          \
    } while (false)

static int calls_result(int err)
{
    if (err < 0) {
        errno = -err;
        return -1;
    }
    return err;
}

int __wrap_socket(int domain, int type, int protocol)
{
    if (!sim_inside()) {
        return __real_socket(domain, type, protocol);
    }
    sim_preempt();
    CALLS_FAULT("socket", EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EAFNOSUPPORT);
    struct sim_sock *sock = sim_sock_new();
    if (sock == NULL) {
        return calls_result(-EMFILE);
    }
    sock->datagrams = (type & SOCK_DGRAM) != 0;
    return sock->fd;
}

int __wrap_close(int fd)
{
    if (!sim_is_fd(fd)) {
        return __real_close(fd);
    }
    sim_close(calls_sock(fd));
    sim_trace("close(%d)", fd);
    return 0;
}

int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
    (void) len;
    CALLS_FAULT("bind", EADDRINUSE, EACCES, EADDRNOTAVAIL, ENOMEM);
    return calls_result(
        sim_bind(calls_sock(fd), ntohs(((const struct sockaddr_in *) sa)->sin_port)));
}

int __wrap_listen(int fd, int backlog)
{
    CALLS_FAULT("listen", EADDRINUSE, ENOBUFS);
    sim_listen(calls_sock(fd), (unsigned) backlog);
    return 0;
}

int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
    (void) sa, (void) len, (void) flags;
    CALLS_FAULT("accept4", EMFILE, ENFILE, ENOMEM, ENOBUFS, ECONNABORTED, EPERM);
    struct sim_sock *sock = calls_sock(fd);
    struct sim_sock *made = sock->shut_read ? NULL : sim_accept(sock);
    return made != NULL ? made->fd : calls_result(sock->shut_read ? -EINVAL : -EAGAIN);
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    (void) len;
    CALLS_FAULT("setsockopt", ENOMEM, ENOPROTOOPT, ENOBUFS);
    struct sim_sock *sock = calls_sock(fd);
    if (level == SOL_SOCKET && option == SO_LINGER) {
        const struct linger *linger = value;
        sock->linger_reset = linger->l_onoff != 0 && linger->l_linger == 0;
    }
    return 0;
}

int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
    CALLS_FAULT("getsockopt", ENOBUFS, ENOMEM);
    struct sim_sock *sock = calls_sock(fd);
    memset(value, 0, *len);
    if (level == SOL_SOCKET && option == SO_ERROR) {
        *(int *) value = sock->error;
        sock->error = 0;
        sim_sock_changed(sock);
    }
    return 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    sim_check(n == 1 && timeout == 0, "another poll than is made up");
    const struct sim_sock *sock = calls_sock(fds->fd);
    bool room = sock->out.len == 0 || sock->out.len + MUCH <= sock->out_max;
    int now = (sock->fin_in ? POLLRDHUP : 0) | (room || sock->reset ? POLLOUT : 0);
    fds->revents = (short) (now & fds->events);
    return fds->revents != 0;
}

static int calls_name(const struct sim_sock *sock, struct sockaddr *sa, socklen_t *len)
{
    struct sockaddr_in in = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t) (sock != NULL ? sock->port : 0)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    memcpy(sa, &in, sizeof in < *len ? sizeof in : *len);
    *len = sizeof in;
    return sock != NULL ? 0 : calls_result(-ENOTCONN);
}

int __wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
    CALLS_FAULT("getsockname", ENOBUFS);
    return calls_name(calls_sock(fd), sa, len);
}

int __wrap_getpeername(int fd, struct sockaddr *sa, socklen_t *len)
{
    CALLS_FAULT("getpeername", ENOBUFS, ENOTCONN);
    return calls_name(calls_sock(fd)->peer, sa, len);
}

int __wrap_shutdown(int fd, int how)
{
    CALLS_FAULT("shutdown", ENOTCONN);
    sim_shutdown(calls_sock(fd), how != SHUT_WR, how != SHUT_RD);
    sim_trace("shutdown(%d, %d)", fd, how);
    return 0;
}

ssize_t __wrap_send(int fd, const void *p, size_t n, int flags)
{
    CALLS_FAULT("send", EAGAIN, EINTR, ENOBUFS, ENOMEM, EPIPE, ECONNRESET, ETIMEDOUT);
    (void) flags; /* MSG_DONTWAIT, MSG_NOSIGNAL */
    struct sim_sock *sock = calls_sock(fd);
    bool fits = sock->out.len + n <= sock->out_max; /* few bytes as these are go together */
    ssize_t sent = fits ? sim_send_whole(sock, p, n) : sim_send(sock, p, n);
    if (sent < 0) {
        errno = (int) -sent;
        return -1;
    }
    return sent;
}

long sim_discard(int fd)
{
    struct sim_sock *sock = calls_sock(fd);
    size_t n = sock->in.len;
    sock->in.len = 0;
    sim_sock_changed(sock);
    return (long) n;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *arg = va_arg(args, void *);
    va_end(args);
    if (!sim_is_fd(fd)) {
        return __real_ioctl(fd, request, arg);
    }
    struct sim_sock *sock = calls_sock(fd);
    if (request == SIOCOUTQ) {
        *(int *) arg = (int) sock->out.len;
    } else if (request == FIONREAD) {
        *(int *) arg = (int) sock->in.len;
    } else if (request == FIONBIO) {
        sock->nonblocking = *(int *) arg != 0;
    } else {
        return calls_result(-EINVAL);
    }
    return 0;
}

int __wrap_fcntl(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    long arg = va_arg(args, long);
    va_end(args);
    if (!sim_is_fd(fd)) {
        return __real_fcntl(fd, command, arg);
    }
    struct sim_sock *sock = calls_sock(fd);
    if (command == F_SETFL) {
        sock->nonblocking = (arg & O_NONBLOCK) != 0;
    }
    return 0;
}

/* ---- Threads that receive for themselves -------------------------------------------------- */

/* It is readable as a socket is, in which the count lies. */
int __wrap_eventfd(unsigned value, int flags)
{
    if (!sim_inside()) {
        return __real_eventfd(value, flags);
    }
    CALLS_FAULT("eventfd", EMFILE, ENFILE, ENOMEM);
    struct sim_sock *sock = sim_sock_new();
    return sock != NULL ? sock->fd : calls_result(-EMFILE);
}

int __wrap_eventfd_write(int fd, eventfd_t value)
{
    if (!sim_is_fd(fd)) {
        return __real_eventfd_write(fd, value);
    }
    struct sim_sock *sock = calls_sock(fd);
    sim_append(&sock->in, &value, sizeof value);
    sim_sock_changed(sock);
    return 0;
}

int __wrap_eventfd_read(int fd, eventfd_t *value)
{
    if (!sim_is_fd(fd)) {
        return __real_eventfd_read(fd, value);
    }
    struct sim_sock *sock = calls_sock(fd);
    if (sock->in.len == 0) {
        return calls_result(-EAGAIN);
    }
    *value = 1;
    sock->in.len = 0;
    sim_sock_changed(sock);
    return 0;
}

static bool calls_any_readable(void *arg)
{
    struct sim_sock *const *socks = arg;
    return sim_readable(socks[0]) || sim_readable(socks[1]);
}

void __wrap_nu_wait_readable(int fd, int other, uint64_t until)
{
    struct sim_sock *socks[2] = { calls_sock(fd), calls_sock(other) };
    for (unsigned i = 0; i < 2; i++) {
        socks[i]->uses++;
    }
    if (!sim_chance(8)) { /* or less long */
        (void) sim_wait(calls_any_readable, socks, until);
    }
    for (unsigned i = 0; i < 2; i++) {
        sim_sock_unuse(socks[i]);
    }
}

ssize_t __wrap_nu_try_readv_inline(int fd, const struct iovec *iov, unsigned niov, size_t skip)
{
    struct iovec rest[NU_TRY_IOVS];
    struct sim_job job = { .sock = calls_sock(fd), .iov = rest };
    static const int errors[] = { EAGAIN, EINTR, ENOMEM, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, 0 };
    int fault = sim_fault("a thread's own read", errors);
    if (fault != 0 || sim_chance(sim_rare)) {
        return fault != 0 ? -fault : -EAGAIN;
    }
    job.niov = nu_vec_copy(rest, iov, niov, skip);
    struct sim_outcome outcome = sim_job_readv(&job);
    sim_trace("thread: reads from %d: %d", fd, outcome.wait ? -EAGAIN : outcome.res);
    return outcome.wait ? -EAGAIN : outcome.res;
}

ssize_t __wrap_nu_peek_inline(int fd)
{
    return sim_recv(calls_sock(fd), NULL, 1, true);
}
