/* SPDX-License-Identifier: MIT */
#include "io/try_inline.h"

#include "base/clock.h"
#include "io/counters.h"
#include "io/features.h"
#include "io/uring.h"
#include "io/vec.h"

#include <errno.h>
#include <nng/nng.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#define ENTRIES 8U

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* closes a thread's ring when it exits */
static bool have_key;
static _Thread_local struct nu_uring *mine;
static _Thread_local bool refused; /* this thread was refused a ring: do not ask again */

static void try_inline_close_ring(void *ring)
{
    mine = NULL;
    refused = true; /* other destructors of the thread may still write */
    nu_uring_close(ring);
    free(ring);
    nu_counters_leave();
}

static void try_inline_make_key(void)
{
    have_key = pthread_key_create(&key, try_inline_close_ring) == 0;
}

static struct nu_uring *try_inline_my_ring(void)
{
    if (mine != NULL || refused) {
        return mine;
    }
    refused = true;
    pthread_once(&once, try_inline_make_key);
    struct nu_uring *ring = have_key ? malloc(sizeof *ring) : NULL;
    if (ring == NULL) {
        return NULL;
    }
    if (nu_uring_open(ring, ENTRIES, 2 * ENTRIES) != 0) {
        free(ring);
        return NULL;
    }
    if (pthread_setspecific(key, ring) != 0) {
        nu_uring_close(ring);
        free(ring);
        return NULL;
    }
    mine = ring;
    refused = false;
    nu_counters_join();
    return ring;
}

static void try_inline_give_up(struct nu_uring *ring)
{
    pthread_setspecific(key, NULL);
    try_inline_close_ring(ring);
    refused = false;
}

ssize_t nu_try_writev_inline(int fd, const struct iovec *iov, unsigned niov)
{
    bool writev = nu_has(NU_HAS_NOWAIT) && nu_has(NU_HAS_NOSIGNAL);
    struct nu_uring *ring = writev || nu_has(NU_HAS_SEND_DONTWAIT) ? try_inline_my_ring() : NULL;
    if (ring == NULL) {
        return -EAGAIN;
    }
    struct iovec vec[NU_TRY_IOVS];
    unsigned n = nu_vec_copy(vec, iov, niov, 0);
    struct msghdr msg = { .msg_iov = vec, .msg_iovlen = n };
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
    if (writev) {
        io_uring_prep_writev2(sqe, fd, vec, n, 0, RWF_NOWAIT | NU_RWF_NOSIGNAL);
    } else {
        io_uring_prep_sendmsg(sqe, fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    struct io_uring_cqe *cqe;
    while (io_uring_peek_cqe(&ring->uring, &cqe) != 0 || cqe == NULL) {
        int err = nu_uring_enter(ring, 1, NU_NEVER);
        if (err != 0 && err != -EINTR && io_uring_sq_ready(&ring->uring) > 0) {
            try_inline_give_up(ring); /* the kernel did not even take it */
            return -EAGAIN;
        }
        if (err != 0 && err != -EINTR) {
            nng_msleep(1); /* the kernel has our bytes, so there is nothing but to ask again */
        }
    }
    ssize_t res = cqe->res;
    io_uring_cqe_seen(&ring->uring, cqe);
    nu_count(NU_COUNT_CQES, 1);
    return res;
}

void nu_wait_readable(int fd, int other, uint64_t until)
{
    struct pollfd pfds[] = { { .fd = fd, .events = POLLIN }, { .fd = other, .events = POLLIN } };
    uint64_t now = until != NU_NEVER ? nu_now() : 0, left = until > now ? until - now : 0;
    struct timespec ts = { (time_t) (left / NU_SECOND), (long) (left % NU_SECOND) };
    if (ppoll(pfds, 2, until != NU_NEVER ? &ts : NULL, NULL) < 0 && errno != EINTR) {
        nu_nap(1); /* it will be asked again */
    }
}

ssize_t nu_try_readv_inline(int fd, const struct iovec *iov, unsigned niov, size_t skip)
{
    struct iovec vec[NU_TRY_IOVS];
    struct msghdr msg = { .msg_iov = vec };
    msg.msg_iovlen = nu_vec_copy(vec, iov, niov, skip);
    ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);
    return n < 0 ? -errno : n;
}

ssize_t nu_peek_inline(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return n < 0 ? -errno : n;
}
