/* SPDX-License-Identifier: MIT */
#include "check/wake.h"

#include "check/steps.h"
#include "check/verdict.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAKES 500

struct waker {
    sem_t asked; /* the next one, please */
    int fd;      /* what is written to, or the ring's descriptor */
};

static void wake_start(struct waker *waker, void *(*run)(void *) )
{
    pthread_t thread;
    sem_init(&waker->asked, 0, 0);
    int err = pthread_create(&thread, NULL, run, waker);
    nu_require(err == 0, "a thread: %s", nu_res(-err));
    pthread_detach(thread);
}

static void wake_await_asked(struct waker *waker)
{
    while (sem_wait(&waker->asked) != 0) {
    }
}

static void *wake_send_messages(void *arg)
{
    struct waker *waker = arg;
    for (unsigned tag = 1; tag <= WAKES; tag++) {
        wake_await_asked(waker);
        int err = nu_uring_message(waker->fd, tag);
        nu_expect(err == 0, "message %u: %s", tag, nu_res(err));
    }
    return NULL;
}

/* One by one to a ring that sleeps, or is about to; then many at once. */
void nu_wake_message(void)
{
    struct nu_uring u;
    struct waker waker;
    nu_open(&u, 8, 64);
    int err = nu_uring_message(u.uring.ring_fd, 1);
    if (err != 0) {
        nu_missing("sending without a ring is refused: %s", nu_res(err));
    }
    nu_expect(nu_await(&u, 1) == 0, "a message of our own does not say 0");
    waker.fd = u.uring.ring_fd;
    wake_start(&waker, wake_send_messages);
    for (unsigned tag = 1; tag <= WAKES; tag++) {
        sem_post(&waker.asked);
        nu_await(&u, tag);
    }
    wake_start(&waker, wake_send_messages);
    for (unsigned i = 0; i < WAKES; i++) {
        sem_post(&waker.asked);
    }
    for (unsigned tag = 1; tag <= WAKES; tag++) {
        nu_await(&u, tag);
    }
    nu_expect_quiet(&u);
    nu_ok("%d times one, and %d at once", WAKES, WAKES);
}

static void *wake_write_events(void *arg)
{
    struct waker *waker = arg;
    uint64_t one = 1;
    for (unsigned i = 0; i < WAKES; i++) {
        wake_await_asked(waker);
        nu_require(write(waker->fd, &one, sizeof one) == (ssize_t) sizeof one, "eventfd: %s",
                   nu_res(-errno));
    }
    return NULL;
}

void nu_wake_eventfd(void)
{
    struct nu_uring u;
    struct waker waker;
    uint64_t count = 0, sum = 0;
    nu_open(&u, 8, 16);
    waker.fd = eventfd(0, EFD_CLOEXEC);
    nu_require(waker.fd >= 0, "eventfd: %s", nu_res(-errno));
    wake_start(&waker, wake_write_events);
    for (unsigned i = 1; i <= WAKES; i++) {
        struct io_uring_sqe *sqe = nu_sqe(&u, i);
        io_uring_prep_read(sqe, waker.fd, &count, sizeof count, 0);
        sqe->user_data = i;
        nu_submit(&u);
        sem_post(&waker.asked);
        int n = nu_await(&u, i);
        nu_expect(n == (int) sizeof count, "reading an eventfd: %s", nu_res(n));
        sum += count;
    }
    nu_expect(sum == WAKES, "%d wakes counted as %llu", WAKES, (unsigned long long) sum);
    nu_ok("%d times", WAKES);
}

void nu_wake_from_ring(void)
{
    struct nu_uring from, to;
    struct io_uring_sqe *sqe;
    nu_open(&from, 8, 16);
    nu_open(&to, 8, 16);
    sqe = nu_sqe(&from, 1);
    io_uring_prep_msg_ring(sqe, to.uring.ring_fd, 17, 2, 0);
    sqe->user_data = 1;
    int sent = nu_await(&from, 1);
    if (sent == -EINVAL || sent == -EOPNOTSUPP) {
        nu_missing("the operation is refused: %s", nu_res(sent));
    }
    nu_expect(sent == 0, "the sender is told %s", nu_res(sent));
    int got = nu_await(&to, 2);
    nu_expect(got == 17, "17 arrives as %s", nu_res(got));
    nu_ok("it arrives");
}
