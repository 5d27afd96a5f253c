/* SPDX-License-Identifier: MIT */
/* The system calls that checks make of sockets and threads and the library does not, or otherwise;
 * who is no simulated thread gets the real thing (`names`). */
#include "sim/files.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/socket.h>

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);

static int calls_result(ssize_t n)
{
    if (n < 0) {
        errno = (int) -n;
        return -1;
    }
    return (int) n;
}

static bool calls_readable(void *arg)
{
    return sim_readable(arg);
}

static bool calls_connected(void *arg)
{
    const struct sim_sock *listener = arg;
    return listener->nqueue < listener->backlog;
}

int sim_checks_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
    (void) len;
    struct sim_sock *listener = sim_listener(ntohs(((const struct sockaddr_in *) sa)->sin_port));
    if (listener == NULL) {
        return calls_result(-ECONNREFUSED);
    }
    (void) sim_wait(calls_connected, listener, SIM_NEVER);
    sim_connect(sim_sock(fd), listener);
    return 0;
}

int sim_checks_accept(int fd, struct sockaddr *sa, socklen_t *len)
{
    (void) sa, (void) len;
    (void) sim_wait(calls_readable, sim_sock(fd), SIM_NEVER);
    struct sim_sock *made = sim_accept(sim_sock(fd));
    return made != NULL ? made->fd : calls_result(-EINVAL);
}

int sim_checks_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
    (void) flags;
    return sim_checks_accept(fd, sa, len);
}

int sim_checks_socketpair(int domain, int type, int protocol, int fd[2])
{
    (void) domain, (void) type, (void) protocol;
    struct sim_sock *listener = sim_sock_new(), *out = sim_sock_new();
    (void) sim_bind(listener, 0);
    sim_listen(listener, 1);
    sim_connect(out, listener);
    fd[0] = out->fd;
    fd[1] = sim_accept(listener)->fd;
    out->local = out->peer->local = true;
    sim_close(listener);
    return 0;
}

ssize_t sim_checks_recv(int fd, void *p, size_t n, int flags)
{
    if ((flags & MSG_DONTWAIT) == 0) {
        (void) sim_wait(calls_readable, sim_sock(fd), SIM_NEVER);
    }
    return calls_result(sim_recv(sim_sock(fd), p, n, false));
}

int sim_checks_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    if (!sim_inside()) {
        return __real_poll(fds, n, timeout);
    }
    sim_check(n == 1 && fds->events == POLLIN, "another poll than is made up");
    (void) sim_wait(calls_readable, sim_sock(fds->fd), sim_time + (uint64_t) timeout * 1000000);
    fds->revents = sim_readable(sim_sock(fds->fd)) ? POLLIN : 0;
    return fds->revents != 0;
}

/* ---- Descriptors and files ---------------------------------------------------------------- */

int sim_checks_dup(int fd)
{
    (void) fd; /* it only takes a place */
    struct sim_sock *sock = sim_sock_new();
    return calls_result(sock != NULL ? sock->fd : -EMFILE);
}

int sim_checks_setrlimit(int which, const struct rlimit *limit)
{
    if (!sim_inside()) {
        return setrlimit(which, limit);
    }
    sim_tcp_set_limit((int) limit->rlim_cur);
    return 0;
}

/* The root is that of the made-up files. */
int sim_checks_open_path(const char *path, int flags, ...)
{
    if (!sim_inside()) {
        return open(path, flags);
    }
    return calls_result(sim_file_open(AT_FDCWD, SIM_SITE));
}

int sim_checks_memfd(const char *name, unsigned flags)
{
    (void) name, (void) flags;
    struct sim_sock *sock = sim_sock_new();
    sock->file = sim_file_scratch();
    return sock->fd;
}

ssize_t sim_checks_pwrite(int fd, const void *p, size_t n, off_t at)
{
    sim_file_write(sim_sock(fd)->file, p, n, (size_t) at);
    return (ssize_t) n;
}

int sim_checks_ftruncate(int fd, off_t size)
{
    sim_file_resize(sim_sock(fd)->file, (size_t) size);
    return 0;
}

/* ---- Semaphores --------------------------------------------------------------------------- */

/* The first bytes of a sem_t are ours. */
static unsigned *calls_count(sem_t *sem)
{
    return (unsigned *) sem;
}

static bool calls_positive(void *arg)
{
    return *(unsigned *) arg > 0;
}

int sim_checks_sem_init(sem_t *sem, int shared, unsigned value)
{
    (void) shared;
    *calls_count(sem) = value;
    return 0;
}

int sim_checks_sem_post(sem_t *sem)
{
    ++*calls_count(sem);
    return 0;
}

int sim_checks_sem_wait(sem_t *sem)
{
    (void) sim_wait(calls_positive, calls_count(sem), SIM_NEVER);
    --*calls_count(sem);
    return 0;
}
