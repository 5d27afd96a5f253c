/* SPDX-License-Identifier: MIT */
#include "check/close.h"

#include "check/sockets.h"
#include "check/steps.h"
#include "check/verdict.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE = 1, WRITE, CANCEL, SHUTDOWN }; /* tags */

static bool close_readable(int fd)
{
    struct pollfd in = { .fd = fd, .events = POLLIN };
    return poll(&in, 1, 0) > 0;
}

/* The descriptor goes, the receive stays, and only a cancellation ends it for sure. */
void nu_close_in_flight(void)
{
    struct nu_uring u;
    char byte;
    int fd[2];
    nu_open(&u, 8, 16);
    nu_tcp_pair(fd);
    nu_recv(&u, RECEIVE, fd[0], &byte, 1);
    nu_expect(!nu_came(&u, RECEIVE), "without data it does not wait");
    close(fd[0]);
    bool ended = nu_came(&u, RECEIVE), fin = close_readable(fd[1]);
    nu_cancel(&u, CANCEL, RECEIVE);
    int said = nu_await(&u, CANCEL), res = nu_await(&u, RECEIVE);
    nu_expect(ended || res == -ECANCELED, "cancelled after the close (%s): %s", nu_res(said),
              nu_res(res));
    struct pollfd in = { .fd = fd[1], .events = POLLIN };
    nu_expect(poll(&in, 1, 20000) > 0 && recv(fd[1], &byte, 1, 0) == 0,
              "the peer never hears of the end");
    nu_ok("close %s the receive, and the peer is told %s", ended ? "ends" : "does not end",
          fin ? "at once" : "when it is cancelled");
}

void nu_shutdown_in_flight(void)
{
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    char byte;
    int fd[2];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    sigprocmask(SIG_BLOCK, &set, NULL);
    nu_open(&u, 8, 16);
    nu_tcp_pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    nu_stream_fill(&s);
    struct iovec iov = nu_stream_next(&s, 100);
    nu_recv(&u, RECEIVE, fd[0], &byte, 1);
    nu_writev(&u, WRITE, fd[0], &iov, 1, 0);
    nu_expect(!nu_came(&u, RECEIVE), "without data it does not wait");
    nu_require(shutdown(fd[0], SHUT_RDWR) == 0, "shutdown: %s", nu_res(-errno));
    int received = nu_await(&u, RECEIVE), written = nu_await(&u, WRITE);
    nu_expect(received == 0, "the receive: %s", nu_res(received));
    nu_expect(written == -EPIPE || written == -ECONNRESET || written > 0, /* room came late */
              "the write: %s", nu_res(written));
    nu_expect_quiet(&u);
    nu_ok("the receive says 0, the write %s", nu_res(written));
}

void nu_shutdown_operation(void)
{
    struct nu_uring u;
    char byte;
    int fd[2];
    nu_open(&u, 8, 16);
    nu_tcp_pair(fd);
    struct io_uring_sqe *sqe = nu_sqe(&u, SHUTDOWN);
    io_uring_prep_shutdown(sqe, fd[0], SHUT_WR);
    sqe->user_data = SHUTDOWN;
    int res = nu_await(&u, SHUTDOWN);
    if (res == -EINVAL || res == -EOPNOTSUPP) {
        nu_missing("the operation is refused: %s", nu_res(res));
    }
    nu_expect(res == 0, "it says %s", nu_res(res));
    ssize_t n = recv(fd[1], &byte, 1, 0);
    nu_expect(n == 0, "the peer: %s", nu_res(n < 0 ? -errno : n));
    nu_ok("the peer hears of the end");
}
