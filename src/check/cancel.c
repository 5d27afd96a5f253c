/* SPDX-License-Identifier: MIT */
#include "check/cancel.h"

#include "check/clock.h"
#include "check/sockets.h"
#include "check/steps.h"
#include "check/verdict.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>

/* Tags */
enum { OP = 1, CANCEL, OTHER, THIRD };

static bool cancel_is_ended(int res)
{
    return res == -ECANCELED || res == -EINTR;
}

/* A receive that waits, a write that waits, and a receive in the same submit as its end. */
void nu_cancel_during(void)
{
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    char byte;
    int fd[2];
    nu_open(&u, 8, 16);
    nu_pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    nu_recv(&u, OP, fd[0], &byte, 1);
    nu_expect(!nu_came(&u, OP), "a receive without data does not wait");
    nu_cancel(&u, CANCEL, OP);
    int said = nu_await(&u, CANCEL), res = nu_await(&u, OP);
    nu_expect(said == 0 || said == -EALREADY, "cancelling a receive: %s", nu_res(said));
    nu_expect(cancel_is_ended(res), "the cancelled receive: %s", nu_res(res));

    nu_stream_fill(&s);
    struct iovec iov = nu_stream_next(&s, 100);
    nu_writev(&u, OP, fd[0], &iov, 1, 0);
    nu_expect(!nu_came(&u, OP), "a write without room does not wait");
    nu_cancel(&u, CANCEL, OP);
    said = nu_await(&u, CANCEL);
    res = nu_await(&u, OP);
    nu_expect(said == 0 || said == -EALREADY, "cancelling a write: %s", nu_res(said));
    nu_expect(cancel_is_ended(res), "the cancelled write: %s", nu_res(res));
    nu_stream_balance(&s);

    nu_recv(&u, OP, fd[0], &byte, 1);
    nu_cancel(&u, CANCEL, OP);
    said = nu_await(&u, CANCEL);
    res = nu_await(&u, OP);
    nu_expect(cancel_is_ended(res), "a receive, cancelled in the same submit: %s", nu_res(res));
    nu_expect_quiet(&u);
    nu_ok("the cancellation says %s, the operation %s", nu_res(said), nu_res(res));
}

/* Its target comes after it. */
void nu_cancel_before(void)
{
    struct nu_uring u;
    char byte;
    int fd[2];
    nu_open(&u, 8, 16);
    nu_pair(fd);
    nu_cancel(&u, CANCEL, OP);
    nu_recv(&u, OP, fd[0], &byte, 1);
    int said = nu_await(&u, CANCEL);
    nu_expect(said == -ENOENT, "cancelling what is not there yet: %s", nu_res(said));
    nu_expect(!nu_came(&u, OP), "what comes after a cancellation ends by it: %s",
              nu_res(nu_await(&u, OP)));
    nu_require(send(fd[1], "x", 1, 0) == 1, "send: %s", nu_res(-errno));
    int res = nu_await(&u, OP);
    nu_expect(res == 1 && byte == 'x', "what comes after a cancellation: %s", nu_res(res));
    nu_expect_quiet(&u);
    nu_ok("-ENOENT; the operation behind it goes on");
}

/* Its target has ended, and another one has nothing to do with it. */
void nu_cancel_after(void)
{
    struct nu_uring u;
    char byte, other;
    int fd[2], pair[2];
    nu_open(&u, 8, 16);
    nu_pair(fd);
    nu_pair(pair);
    nu_recv(&u, OTHER, pair[0], &other, 1);
    nu_recv(&u, OP, fd[0], &byte, 1);
    nu_require(send(fd[1], "x", 1, 0) == 1, "send: %s", nu_res(-errno));
    nu_expect(nu_await(&u, OP) == 1, "the receive fails");
    nu_cancel(&u, CANCEL, OP);
    int said = nu_await(&u, CANCEL);
    nu_expect(said == -ENOENT, "cancelling what has ended: %s", nu_res(said));
    nu_expect(!nu_came(&u, OP), "what has ended completes again");
    nu_expect(!nu_came(&u, OTHER), "another operation is hit: %s", nu_res(nu_await(&u, OTHER)));
    nu_ok("-ENOENT, and nobody else is hit");
}

void nu_cancel_by_fd(void)
{
    struct nu_uring u;
    char bytes[3];
    int fd[2], pair[2];
    nu_open(&u, 8, 16);
    nu_pair(fd);
    nu_pair(pair);
    nu_recv(&u, OP, fd[0], &bytes[0], 1);
    nu_recv(&u, THIRD, fd[0], &bytes[1], 1);
    nu_recv(&u, OTHER, pair[0], &bytes[2], 1);
    nu_expect(!nu_came(&u, OP), "a receive without data does not wait");
    struct io_uring_sqe *sqe = nu_sqe(&u, CANCEL);
    io_uring_prep_cancel_fd(sqe, fd[0], IORING_ASYNC_CANCEL_ALL);
    sqe->user_data = CANCEL;
    int said = nu_await(&u, CANCEL);
    if (said == -EINVAL) {
        nu_missing("cancelling by descriptor is refused");
    }
    nu_expect(said == 2, "cancelling the two operations of a descriptor: %s", nu_res(said));
    int first = nu_await(&u, OP), second = nu_await(&u, THIRD);
    nu_expect(cancel_is_ended(first) && cancel_is_ended(second), "they end with %s and %s",
              nu_res(first), nu_res(second));
    nu_expect(!nu_came(&u, OTHER), "another descriptor's operation is hit");
    nu_ok("both operations of the descriptor, and no other");
}

/* The end of what the peer sends wakes a write that waits: while the kernel tries it again, a
 * cancellation does not find it. */
void nu_cancel_half_closed(void)
{
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    unsigned tries = 0;
    int fd[2], said;
    nu_open(&u, 8, 16);
    nu_pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    nu_stream_fill(&s);
    struct iovec iov = nu_stream_next(&s, 100);
    nu_writev(&u, OP, fd[0], &iov, 1, 0);
    nu_submit(&u);
    nu_require(shutdown(fd[1], SHUT_WR) == 0, "shutdown: %s", nu_res(-errno));
    nu_submit(&u); /* the kernel tries again, now or on a thread of its own */
    uint64_t until = nu_now() + 10 * NU_SECOND;
    do {
        nu_cancel(&u, CANCEL, OP);
        said = nu_await(&u, CANCEL);
        tries++;
        nu_expect(said == 0 || said == -ENOENT || said == -EALREADY, "cancelling: %s",
                  nu_res(said));
        nu_sleep(tries > 1 ? NU_MS : 0);
    } while (!nu_came(&u, OP) && nu_now() < until);
    nu_expect(nu_came(&u, OP), "the write outlives %u cancellations", tries);
    int res = nu_await(&u, OP);
    nu_expect(cancel_is_ended(res), "the write: %s", nu_res(res));
    nu_stream_balance(&s);
    nu_ok("cancellation %u says %s, the write %s", tries, nu_res(said), nu_res(res));
}

struct peer {
    struct nu_stream s;
    sem_t go, done; /* a turn of its thread begins, has ended */
};

static void cancel_await_turn(sem_t *sem)
{
    while (sem_wait(sem) != 0) {
    }
}

static void *cancel_drain_by_turns(void *arg)
{
    struct peer *peer = arg;
    for (;;) {
        cancel_await_turn(&peer->go);
        nu_stream_drain(&peer->s, SIZE_MAX);
        sem_post(&peer->done);
    }
    return NULL;
}

static void cancel_start_peer(struct peer *peer)
{
    pthread_t thread;
    int fd[2];
    nu_tight_pair(fd);
    peer->s = (struct nu_stream){ .out = fd[0], .in = fd[1] };
    sem_init(&peer->go, 0, 0);
    sem_init(&peer->done, 0, 0);
    int err = pthread_create(&thread, NULL, cancel_drain_by_turns, peer);
    nu_require(err == 0, "a thread: %s", nu_res(-err));
}

/* The peer, on a thread of its own, makes room for a write while it is cancelled: a little later
 * after each write that was cancelled, a little earlier after each that was not. */
void nu_cancel_race(void)
{
    enum { ROUNDS = 2000 };
    static struct peer peer;
    struct nu_stream *s = &peer.s;
    struct nu_uring u;
    uint64_t delay = 1000;
    unsigned written = 0;
    nu_open(&u, 8, 16);
    cancel_start_peer(&peer);
    for (unsigned i = 0; i < ROUNDS; i++) {
        nu_stream_fill(s);
        size_t n = 1 + i * 37 % 700;
        struct iovec iov = nu_stream_next(s, n);
        nu_writev(&u, OP, s->out, &iov, 1, 0);
        nu_submit(&u);
        sem_post(&peer.go);
        for (uint64_t until = nu_now() + delay; nu_now() < until;) {
        }
        if (delay > 0) {
            nu_submit(&u); /* lets a write go on for which there is room by now */
        }
        nu_cancel(&u, CANCEL, OP);
        int said = nu_await(&u, CANCEL), res = nu_await(&u, OP);
        nu_expect(cancel_is_ended(res) || (res > 0 && (size_t) res <= n), "round %u, %zu bytes: %s",
                  i, n, nu_res(res));
        nu_expect(said == 0 || said == -ENOENT || said == -EALREADY, "round %u, cancelling: %s", i,
                  nu_res(said));
        delay = res > 0 ? delay / 2 : delay + delay / 2 + 64;
        written += res > 0;
        s->sent += res > 0 ? (uint64_t) res : 0;
        cancel_await_turn(&peer.done);
    }
    nu_stream_balance(s);
    nu_expect_quiet(&u);
    nu_ok("%u written, %u cancelled, %llu bytes accounted for", written, ROUNDS - written,
          (unsigned long long) s->received);
}
