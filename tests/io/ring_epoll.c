/* SPDX-License-Identifier: MIT */
/*
 * The ring of epoll by itself: what the loop does not show, or not every time. The test's thread is
 * its owner.
 */
#include "io/ring_epoll.h"

#include "base/clock.h"
#include "io/bufring.h"
#include "io/op.h"
#include "io/timer.h"
#include "support/proc.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT (100 * NU_SECOND) /* nothing takes as long */
#define CONNECTIONS 5

static struct nu_ring *ring;
static struct nu_bufring buffers;
static struct nu_timers timers;
static struct nu_completion list[8];
static int fds[2]; /* ours, the peer's */
static char byte;

static void open_ring(void)
{
    cr_assert_eq(nu_ring_epoll.open(&ring, &buffers, &timers), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void close_ring(void)
{
    ring->kind->close(ring);
    ring->kind->free(ring);
    close(fds[0]);
    close(fds[1]);
}

TestSuite(ring_epoll, .init = open_ring, .fini = close_ring, .timeout = 60);

/* One as the loop makes it; returns how many completions it has, of which n are taken. */
static unsigned turn(unsigned wait, unsigned n)
{
    nu_timers_expire(&timers, nu_now());
    cr_assert_eq(ring->kind->enter(ring, wait, nu_now() + LIMIT), 0);
    return ring->kind->reap(ring, list, n);
}

static void receive(struct nu_op *op, int fd, uint64_t name)
{
    nu_op_init(op, NULL, NULL);
    op->kind = NU_OP_RECV;
    op->fd = fd;
    op->arg.buf.base = &byte;
    op->arg.buf.len = 1;
    cr_assert(ring->kind->prepare(ring, op, name));
}

static void say(int fd)
{
    cr_assert_eq(send(fd, "x", 1, MSG_NOSIGNAL), 1);
}

/* That, and nothing else. */
static void assert_ended(unsigned n, uint64_t name, int res)
{
    cr_assert_eq(n, 1);
    cr_assert_eq(list[0].user_data, name);
    cr_assert_eq(list[0].res, res, "%d", list[0].res);
    cr_assert_eq(list[0].flags & NU_OP_F_MORE, 0);
    cr_assert_eq(turn(0, 8), 0);
}

/* ---- Waking ------------------------------------------------------------------------------- */

Test(ring_epoll, a_wake_up_before_the_wait_is_kept)
{
    for (int i = 0; i < 3; i++) {
        uint64_t before = nu_now();
        ring->kind->wake(ring);
        ring->kind->wake(ring);
        cr_assert_eq(turn(1, 8), 0);
        cr_assert_lt(nu_now() - before, LIMIT);
    }
}

/* What is always done at once does not keep the descriptors from being looked at. */
Test(ring_epoll, those_who_wait_are_seen_among_the_busy)
{
    struct nu_op busy, op;
    unsigned turns = 0;
    bool seen = false;
    receive(&op, fds[0], 1);
    cr_assert_eq(turn(0, 8), 0);
    say(fds[1]);
    nu_op_init(&busy, NULL, NULL);
    busy.kind = NU_OP_READ;
    busy.fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    busy.arg.buf.base = &byte;
    busy.arg.buf.len = 1;
    while (!seen && turns++ < 10) {
        cr_assert(ring->kind->prepare(ring, &busy, 2));
        unsigned n = turn(1, 8);
        for (unsigned i = 0; i < n; i++) {
            seen = seen || list[i].user_data == 1;
        }
    }
    cr_assert(seen);
    close(busy.fd);
}

/* ---- Cancelling --------------------------------------------------------------------------- */

Test(ring_epoll, cancelled_before_it_is_begun)
{
    struct nu_op op;
    say(fds[1]);
    receive(&op, fds[0], 1);
    cr_assert(ring->kind->cancel(ring, 1));
    assert_ended(turn(1, 8), 1, -ECANCELED);
    cr_assert_eq(recv(fds[0], &byte, 1, MSG_DONTWAIT), 1); /* nothing was taken */
}

Test(ring_epoll, cancelled_while_it_waits)
{
    struct nu_op op;
    receive(&op, fds[0], 1);
    cr_assert_eq(turn(0, 8), 0);
    cr_assert(ring->kind->cancel(ring, 1));
    assert_ended(turn(1, 8), 1, -ECANCELED);
}

Test(ring_epoll, cancelled_when_it_is_done)
{
    struct nu_op op;
    say(fds[1]);
    receive(&op, fds[0], 1);
    cr_assert_eq(ring->kind->enter(ring, 1, nu_now() + LIMIT), 0);
    cr_assert(ring->kind->cancel(ring, 1));
    cr_assert(ring->kind->cancel(ring, 1));
    assert_ended(turn(1, 8), 1, 1); /* the byte is not lost */
}

Test(ring_epoll, a_deadline_is_not_early)
{
    struct nu_op op;
    uint64_t deadline = nu_now() + 20 * NU_MS;
    static char zeros[4096];
    struct iovec iov = { zeros, sizeof zeros };
    unsigned n = 0;
    while (send(fds[0], zeros, sizeof zeros, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
    nu_op_init(&op, NULL, NULL);
    op.kind = NU_OP_WRITEV;
    op.fd = fds[0];
    op.arg.vec = (struct nu_op_vec){ &iov, 1, 0 };
    op.deadline = deadline;
    cr_assert(ring->kind->prepare(ring, &op, 1));
    while (n == 0) {
        n = turn(1, 8);
    }
    cr_assert_geq(nu_now(), deadline);
    assert_ended(n, 1, -ECANCELED);
}

/* ---- Descriptors that come back ----------------------------------------------------------- */

/* The number of the socket is another one's; `kept` shares the old one, as a forked child does, so
 * that the kernel goes on telling of it. */
static void reuse_number(int *kept, int *old_peer)
{
    int number = fds[0];
    *kept = dup(fds[0]);
    *old_peer = fds[1];
    cr_assert_eq(close(fds[0]), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    cr_assert_eq(fds[0], number);
}

Test(ring_epoll, a_number_that_comes_back)
{
    struct nu_op op;
    int kept, old_peer;
    receive(&op, fds[0], 1);
    cr_assert_eq(turn(0, 8), 0);
    cr_assert(ring->kind->cancel(ring, 1));
    assert_ended(turn(1, 8), 1, -ECANCELED);
    reuse_number(&kept, &old_peer);
    receive(&op, fds[0], 1);
    cr_assert_eq(turn(0, 8), 0);
    say(old_peer);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(turn(0, 8), 0);
    }
    say(fds[1]);
    assert_ended(turn(1, 8), 1, 1);
    cr_assert_eq(recv(kept, &byte, 1, MSG_DONTWAIT), 1); /* the old one's is still there */
    close(kept);
    close(old_peer);
}

Test(ring_epoll, no_descriptor)
{
    struct nu_op op;
    receive(&op, -1, 1);
    assert_ended(turn(1, 8), 1, -EBADF);
    receive(&op, 1000, 1);
    assert_ended(turn(1, 8), 1, -EBADF);
}

/* ---- Accepting ---------------------------------------------------------------------------- */

static int clients[CONNECTIONS];

static int listen_to_clients(void)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *) &sin, len), 0);
    cr_assert_eq(listen(fd, CONNECTIONS), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *) &sin, &len), 0);
    for (int i = 0; i < CONNECTIONS; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_eq(connect(clients[i], (struct sockaddr *) &sin, len), 0);
    }
    return fd;
}

static void hang_up(int listener)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        close(clients[i]);
    }
    close(listener);
}

static void start_accept(struct nu_op *op, int listener)
{
    nu_op_init(op, NULL, NULL);
    op->kind = NU_OP_ACCEPT;
    op->fd = listener;
    op->rw_flags = SOCK_CLOEXEC;
    cr_assert(ring->kind->prepare(ring, op, 1));
}

/* No more than there is room for at a time, and all of them in the end. */
Test(ring_epoll, accepts_as_many_as_there_are)
{
    struct nu_op op;
    int listener = listen_to_clients();
    unsigned accepted = 0;
    start_accept(&op, listener);
    for (unsigned n = turn(1, 2); n > 0; n = turn(0, 2)) {
        for (unsigned i = 0; i < n; i++) {
            cr_assert_geq(list[i].res, 0);
            cr_assert_neq(list[i].flags & NU_OP_F_MORE, 0);
            close(list[i].res);
        }
        accepted += n;
    }
    cr_assert_eq(accepted, CONNECTIONS);
    cr_assert(ring->kind->cancel(ring, 1));
    assert_ended(turn(1, 8), 1, -ECANCELED);
    hang_up(listener);
}

/* It ends, and does not spin: whoever accepts is told, and begins again. */
Test(ring_epoll, accepts_until_there_are_no_descriptors)
{
    struct nu_op op;
    int listener = listen_to_clients();
    t_proc_limit_fds();
    start_accept(&op, listener);
    cr_assert_eq(ring->kind->enter(ring, 1, nu_now() + LIMIT), 0);
    cr_assert_eq(ring->kind->reap(ring, list, 1), 1);
    cr_assert_geq(list[0].res, 0);
    int first = list[0].res;
    t_proc_take_fds();
    assert_ended(turn(0, 8), 1, -EMFILE);
    t_proc_give_fds();
    start_accept(&op, listener);
    cr_assert_eq(turn(1, 8), CONNECTIONS - 1);
    for (int i = 0; i < CONNECTIONS - 1; i++) {
        close(list[i].res);
    }
    cr_assert(ring->kind->cancel(ring, 1));
    assert_ended(turn(1, 8), 1, -ECANCELED);
    close(first);
    hang_up(listener);
}
