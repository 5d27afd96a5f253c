/* SPDX-License-Identifier: MIT */
#include "io/try_inline.h"

#include "io/features.h"
#include "support/confine.h"
#include "support/peer.h"
#include "support/proc.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void find(void)
{
    cr_assert_eq(nu_features_find(), 0);
    if (!nu_has(NU_HAS_SEND_DONTWAIT) && !(nu_has(NU_HAS_NOWAIT) && nu_has(NU_HAS_NOSIGNAL))) {
        cr_skip_test("this kernel has no way to try");
    }
    cr_assert_neq(signal(SIGPIPE, SIG_DFL), SIG_ERR);
}

TestSuite(attempt, .init = find, .timeout = 30);

static void open_sockets(int fds[2])
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void close_sockets(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

static ssize_t attempt(int fd, void *p, size_t n)
{
    struct iovec iov = { p, n };
    return nu_try_writev_inline(fd, &iov, 1);
}

Test(attempt, writes_what_fits)
{
    int fds[2];
    size_t sum = 0;
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    open_sockets(fds);
    cr_assert_eq(attempt(fds[0], data, 100), 100);
    for (ssize_t n = 100; n > 0; n = attempt(fds[0], data + sum, NU_PLENTY - sum)) {
        sum += (size_t) n;
    }
    cr_assert(sum > 100 && sum < NU_PLENTY);
    cr_assert_eq(attempt(fds[0], data, 1), -EAGAIN);
    t_peer_read(fds[1], 0, sum, 1);
    cr_assert_eq(attempt(fds[0], data + sum, 1), 1);
    t_peer_read(fds[1], sum, 1, 1);
    close_sockets(fds);
    free(data);
}

Test(attempt, eight_entries)
{
    int fds[2];
    struct iovec iov[NU_TRY_IOVS];
    uint8_t *data = t_pattern_new(800, 1);
    open_sockets(fds);
    for (size_t i = 0; i < NU_TRY_IOVS; i++) {
        iov[i] = (struct iovec){ data + 100 * i, 100 };
    }
    cr_assert_eq(nu_try_writev_inline(fds[0], iov, NU_TRY_IOVS), 800);
    t_peer_read(fds[1], 0, 800, 1);
    close_sockets(fds);
    free(data);
}

/* An error, and no signal: its default would end us. */
Test(attempt, dead_peer)
{
    int fds[2];
    char byte = 0;
    open_sockets(fds);
    close(fds[1]);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(attempt(fds[0], &byte, 1), -EPIPE);
    }
    close(fds[0]);
    cr_assert_eq(attempt(fds[0], &byte, 1), -EBADF);
}

/* O_NONBLOCK or not, it does not wait. */
Test(attempt, blocking_or_not)
{
    int fds[2];
    open_sockets(fds);
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    cr_assert_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    while (attempt(fds[0], data, NU_PLENTY) > 0) {
    }
    cr_assert_eq(fcntl(fds[0], F_SETFL, 0), 0);
    cr_assert_eq(attempt(fds[0], data, NU_PLENTY), -EAGAIN);
    close_sockets(fds);
    free(data);
}

static void *write_one(void *arg)
{
    char byte = 0;
    cr_assert_eq(attempt(*(int *) arg, &byte, 1), 1);
    return NULL;
}

/* What a thread needs for it goes with the thread. */
Test(attempt, threads_leave_nothing)
{
    int fds[2];
    char bytes[100];
    pthread_t thread;
    open_sockets(fds);
    unsigned before = t_proc_fds();
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(pthread_create(&thread, NULL, write_one, &fds[0]), 0);
        pthread_join(thread, NULL);
    }
    cr_assert_eq(t_proc_fds(), before);
    cr_assert_eq(recv(fds[1], bytes, sizeof bytes, MSG_WAITALL), 100);
    close_sockets(fds);
}

/* The kernel goes on refusing what it has not taken: the loop is to do it, and nothing spins. */
Test(attempt, refused_for_good)
{
    int fds[2];
    char byte = 'x';
    open_sockets(fds);
    cr_assert_eq(attempt(fds[0], &byte, 1), 1); /* the thread has its ring */
    t_refuse_enter();
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(attempt(fds[0], &byte, 1), -EAGAIN);
    }
    close_sockets(fds);
}
