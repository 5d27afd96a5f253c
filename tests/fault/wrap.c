/* SPDX-License-Identifier: MIT */
#include "fault/wrap.h"

#include "io/uring.h"

#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static atomic_int armed = -1; /* an enum t_fault, or -1 */
static atomic_int calls_left; /* calls up to the last that fails, itself included */
static atomic_int in_row = 1; /* calls in a row that fail */
static atomic_int error;
static atomic_int hits;

void t_fault_arm_errno(enum t_fault which, int nth, int err)
{
    t_fault_disarm();
    hits = 0;
    error = err;
    in_row = 1;
    calls_left = nth;
    armed = (int) which;
}

void t_fault_arm(enum t_fault which, int nth)
{
    t_fault_arm_errno(which, nth, ENOMEM);
}

void t_fault_arm_run(enum t_fault which, int nth, int n)
{
    t_fault_arm_errno(which, nth + n - 1, ENOMEM);
    in_row = n;
}

void t_fault_disarm(void)
{
    armed = -1;
}

int t_fault_hits(void)
{
    return hits;
}

int t_fault_fails(enum t_fault which)
{
    int wanted = armed;
    if (wanted != (int) which && !(wanted == NU_FAULT_ALLOC && which < NU_FAULT_ALLOC)) {
        return 0;
    }
    int left = atomic_fetch_sub(&calls_left, 1);
    if (left < 1 || left > in_row) {
        return 0;
    }
    hits++;
    errno = error;
    return errno;
}

/* What ld --wrap calls the two sides; no header has their prototypes. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
char *__real_strdup(const char *str);
int __real_socket(int domain, int type, int protocol);
int __real_bind(int fd, const struct sockaddr *sa, socklen_t len);
int __real_listen(int fd, int backlog);
int __real_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
long __real_syscall(long number, ...);
ssize_t __real_sendfile(int to, int from, off_t *at, size_t n);
int __real_ioctl(int fd, unsigned long request, ...);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg);
int __real_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                                      struct io_uring_params *params);
int __real_epoll_create1(int flags);
int __real_epoll_ctl(int epfd, int command, int fd, struct epoll_event *event);
int __real_epoll_wait(int epfd, struct epoll_event *events, int n, int timeout);
int __real_eventfd(unsigned value, int flags);
int __real_nu_uring_enter(struct nu_uring *ring, unsigned wait, uint64_t until);

void *__wrap_malloc(size_t size)
{
    return t_fault_fails(NU_FAULT_MALLOC) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return t_fault_fails(NU_FAULT_CALLOC) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return t_fault_fails(NU_FAULT_REALLOC) ? NULL : __real_realloc(ptr, size);
}

char *__wrap_strdup(const char *str)
{
    return t_fault_fails(NU_FAULT_STRDUP) ? NULL : __real_strdup(str);
}

int __wrap_socket(int domain, int type, int protocol)
{
    return t_fault_fails(NU_FAULT_SOCKET) ? -1 : __real_socket(domain, type, protocol);
}

int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
    return t_fault_fails(NU_FAULT_BIND) ? -1 : __real_bind(fd, sa, len);
}

int __wrap_listen(int fd, int backlog)
{
    return t_fault_fails(NU_FAULT_LISTEN) ? -1 : __real_listen(fd, backlog);
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    return t_fault_fails(NU_FAULT_SETSOCKOPT) ? -1
                                              : __real_setsockopt(fd, level, option, value, len);
}

/* There may be fewer of them. */
__attribute__((no_sanitize_address)) long __wrap_syscall(long number, ...)
{
    long arg[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++) {
        arg[i] = va_arg(args, long);
    }
    va_end(args);
    /* futex(2) has no errors to handle but a caller's own: one that fails would lose a wake-up. */
    if (number != SYS_futex && t_fault_fails(NU_FAULT_SYSCALL)) {
        return -1;
    }
    return __real_syscall(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

ssize_t __wrap_sendfile(int to, int from, off_t *at, size_t n)
{
    return t_fault_fails(NU_FAULT_SENDFILE) ? -1 : __real_sendfile(to, from, at, n);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *arg = va_arg(args, void *);
    va_end(args);
    return t_fault_fails(NU_FAULT_IOCTL) ? -1 : __real_ioctl(fd, request, arg);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg)
{
    int err = t_fault_fails(NU_FAULT_PTHREAD_CREATE);
    return err ? err : __real_pthread_create(thread, attr, run, arg);
}

int __wrap_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                                      struct io_uring_params *params)
{
    int err = t_fault_fails(NU_FAULT_RING);
    return err ? -err : __real_io_uring_queue_init_params(entries, ring, params);
}

int __wrap_epoll_create1(int flags)
{
    return t_fault_fails(NU_FAULT_EPOLL) ? -1 : __real_epoll_create1(flags);
}

int __wrap_epoll_ctl(int epfd, int command, int fd, struct epoll_event *event)
{
    return t_fault_fails(NU_FAULT_EPOLL) ? -1 : __real_epoll_ctl(epfd, command, fd, event);
}

int __wrap_epoll_wait(int epfd, struct epoll_event *events, int n, int timeout)
{
    return t_fault_fails(NU_FAULT_EPOLL_WAIT) ? -1 : __real_epoll_wait(epfd, events, n, timeout);
}

int __wrap_eventfd(unsigned value, int flags)
{
    return t_fault_fails(NU_FAULT_EPOLL) ? -1 : __real_eventfd(value, flags);
}

static _Thread_local unsigned busy; /* enters that fail */
static _Thread_local bool taken;    /* an entry that the kernel has not really taken */

void t_fault_busy(unsigned n)
{
    busy = n;
    taken = false;
}

int __wrap_nu_uring_enter(struct nu_uring *ring, unsigned wait, uint64_t until)
{
    struct io_uring_sq *sq = &ring->uring.sq;
    if (busy > 0 && !taken && io_uring_sq_ready(&ring->uring) == 1) {
        sq->sqe_head = sq->sqe_tail;
        io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
        io_uring_smp_store_release(sq->khead, sq->sqe_tail);
        taken = true;
    }
    if (busy > 0 && taken) {
        busy--;
        return -EBUSY;
    }
    if (taken) {
        io_uring_smp_store_release(sq->khead, sq->sqe_tail - 1);
        taken = false;
    }
    return __real_nu_uring_enter(ring, wait, until);
}
