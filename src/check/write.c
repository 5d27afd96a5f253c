/* SPDX-License-Identifier: MIT */
#include "check/write.h"

#include "check/clock.h"
#include "check/sockets.h"
#include "check/steps.h"
#include "check/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* As many entries as a vector can have, of one to four bytes. */
void nu_write_vector(void)
{
    enum { ENTRIES = 1024 };
    struct iovec iov[ENTRIES];
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    size_t total = 0;
    int fd[2];
    nu_open(&u, 8, 16);
    nu_tcp_pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    struct iovec all = nu_stream_next(&s, NU_STREAM_PIECE);
    for (size_t i = 0; i < ENTRIES; i++) {
        iov[i] = (struct iovec){ (char *) all.iov_base + total, 1 + i % 4 };
        total += iov[i].iov_len;
    }
    nu_writev(&u, 1, fd[0], iov, ENTRIES, 0);
    int n = nu_await(&u, 1);
    nu_expect(n > 0 && (size_t) n <= total, "a vector of %d entries, %zu bytes: %s", ENTRIES, total,
              nu_res(n));
    s.sent = (uint64_t) n;
    nu_stream_balance(&s);
    nu_ok("%d entries, %d of %zu bytes in order", ENTRIES, n, total);
}

#define TRIES 50 /* to fill a TCP socket, in which room may come late */

/* Submits what is prepared under tag 1, for a full socket, and says how it ended; 0: it waits. */
static int write_at_once(struct nu_uring *u)
{
    return nu_came(u, 1) ? nu_await(u, 1) : 0;
}

void nu_write_waits(void)
{
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    int fd[2];
    nu_open(&u, 8, 16);
    nu_tcp_pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    struct iovec iov;
    for (int n = 1, tries = 0; n > 0 && tries < TRIES; tries++) {
        nu_stream_fill(&s);
        iov = nu_stream_next(&s, 1000);
        nu_writev(&u, 1, fd[0], &iov, 1, 0);
        n = write_at_once(&u);
        nu_expect(n >= 0, "on a full socket: %s", nu_res(n));
        s.sent += (uint64_t) n;
    }
    int n = nu_stream_await(&s, &u, 1);
    nu_expect(n > 0 && n <= 1000, "when there was room: %s", nu_res(n));
    s.sent += (uint64_t) n;
    nu_stream_balance(&s);
    nu_ok("it waited, and wrote %d of 1000 bytes when there was room", n);
}

/* As a write_all does it: what is left is submitted again. */
void nu_write_short(void)
{
    static const uint64_t total = UINT64_C(8) << 20;
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    unsigned writes = 0, cut = 0;
    int fd[2];
    nu_open(&u, 8, 16);
    nu_tcp_pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    while (s.sent < total) {
        struct iovec iov = nu_stream_next(&s, NU_STREAM_PIECE);
        nu_writev(&u, ++writes, fd[0], &iov, 1, 0);
        int n = nu_stream_await(&s, &u, writes);
        nu_expect(n > 0 && (size_t) n <= iov.iov_len, "a write of 1 MiB: %s", nu_res(n));
        cut += (size_t) n < iov.iov_len;
        s.sent += (uint64_t) n;
    }
    nu_stream_balance(&s);
    nu_expect_quiet(&u);
    nu_ok("%u of %u writes were short; the peer has every byte that was counted", cut, writes);
}

void nu_write_short_link(void)
{
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    struct __kernel_timespec ts;
    int fd[2];
    nu_open(&u, 8, 16);
    nu_tcp_pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    struct iovec iov = nu_stream_next(&s, NU_STREAM_PIECE);
    nu_writev(&u, 1, fd[0], &iov, 1, 0)->flags |= IOSQE_IO_LINK;
    nu_deadline(&u, 2, &ts, 600 * NU_SECOND, 0)->flags |= IOSQE_IO_LINK;
    nu_nop(&u, 3);
    nu_submit(&u);
    int n = nu_stream_await(&s, &u, 1), timeout = nu_await(&u, 2), after = nu_await(&u, 3);
    nu_expect(n > 0, "the write: %s", nu_res(n));
    nu_expect(after == 0 || after == -ECANCELED, "what follows the timeout: %s", nu_res(after));
    s.sent += (uint64_t) n;
    nu_stream_balance(&s);
    nu_ok("%d of %zu bytes; the timeout says %s, what follows it %s", n, iov.iov_len,
          nu_res(timeout), nu_res(after));
}

static void write_nowait_on(void (*pair)(int *), const char *kind)
{
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    int fd[2];
    nu_open(&u, 8, 16);
    pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    struct iovec iov = nu_stream_next(&s, 100);
    nu_writev(&u, 1, fd[0], &iov, 1, RWF_NOWAIT);
    int n = nu_await(&u, 1);
    if (n == -EOPNOTSUPP || n == -EINVAL) {
        nu_missing("refused on a %s socket: %s", kind, nu_res(n));
    }
    nu_expect(n == 100, "on an empty %s socket: %s", kind, nu_res(n));
    for (int tries = 0; n > 0 && tries < TRIES; tries++) {
        s.sent += (uint64_t) n;
        nu_stream_fill(&s);
        iov = nu_stream_next(&s, 100);
        nu_writev(&u, 1, fd[0], &iov, 1, RWF_NOWAIT);
        n = write_at_once(&u);
    }
    nu_expect(n != 0, "on a full %s socket it waits", kind);
    nu_expect(n == -EAGAIN, "on a full %s socket: %s", kind, nu_res(n));
    nu_stream_balance(&s);
}

void nu_write_nowait(void)
{
    write_nowait_on(nu_pair, "Unix");
    write_nowait_on(nu_tcp_pair, "TCP");
    nu_ok("100 bytes where there is room, -EAGAIN where there is none");
}

void nu_write_nonblock(void)
{
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    int fd[2];
    nu_open(&u, 8, 16);
    nu_pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    nu_require(fcntl(fd[0], F_SETFL, O_NONBLOCK) == 0, "fcntl: %s", nu_res(-errno));
    nu_stream_fill(&s);
    struct iovec iov = nu_stream_next(&s, 100);
    nu_writev(&u, 1, fd[0], &iov, 1, 0);
    int n = write_at_once(&u);
    nu_expect(n == 0 || n == -EAGAIN, "on a full socket: %s", nu_res(n));
    if (n == 0) {
        n = nu_stream_await(&s, &u, 1);
        nu_expect(n == 100, "when there was room: %s", nu_res(n));
        s.sent += 100;
        nu_stream_balance(&s);
        nu_ok("the write waits all the same");
    }
    nu_ok("-EAGAIN at once");
}

static void write_scribble(void *p, size_t n)
{
    memset(p, 0xa5, n);
}

/* Both kinds wait first, so that the kernel has to go back to what it has copied. */
void nu_write_stable(void)
{
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    struct __kernel_timespec ts;
    int fd[2];
    nu_open(&u, 8, 16);
    nu_pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    for (int kind = 0; kind < 2; kind++) {
        nu_stream_fill(&s);
        struct iovec all = nu_stream_next(&s, 1000);
        struct iovec iov[2] = { { all.iov_base, 400 }, { (char *) all.iov_base + 400, 600 } };
        struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
        if (kind == 0) {
            nu_writev(&u, 1, fd[0], iov, 2, 0)->flags |= IOSQE_IO_LINK;
        } else {
            nu_sendmsg(&u, 1, fd[0], &msg, 0)->flags |= IOSQE_IO_LINK;
        }
        nu_deadline(&u, 2, &ts, 600 * NU_SECOND, 0);
        nu_submit(&u);
        write_scribble(iov, sizeof iov);
        write_scribble(&msg, sizeof msg);
        write_scribble(&ts, sizeof ts);
        int n = nu_stream_await(&s, &u, 1);
        nu_expect(n > 0 && n <= 1000, "%s, its arguments overwritten after the submit: %s",
                  kind == 0 ? "WRITEV" : "SENDMSG", nu_res(n));
        s.sent += (uint64_t) n;
        nu_await(&u, 2);
        nu_stream_balance(&s);
    }
    nu_ok("vector, message header and time were overwritten, and nothing went wrong");
}

static void write_dontwait_on(void (*pair)(int *), const char *kind)
{
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    int fd[2];
    nu_open(&u, 8, 16);
    pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    struct iovec iov = nu_stream_next(&s, 100);
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    nu_sendmsg(&u, 1, fd[0], &msg, MSG_DONTWAIT);
    int n = nu_await(&u, 1);
    nu_expect(n == 100, "on an empty %s socket: %s", kind, nu_res(n));
    for (int tries = 0; n > 0 && tries < TRIES; tries++) {
        s.sent += (uint64_t) n;
        nu_stream_fill(&s);
        iov = nu_stream_next(&s, 100);
        nu_sendmsg(&u, 1, fd[0], &msg, MSG_DONTWAIT);
        n = write_at_once(&u);
    }
    if (n == 0) {
        nu_missing("on a full %s socket it waits", kind);
    }
    nu_expect(n == -EAGAIN, "on a full %s socket: %s", kind, nu_res(n));
    nu_stream_balance(&s);
}

void nu_send_dontwait(void)
{
    write_dontwait_on(nu_pair, "Unix");
    write_dontwait_on(nu_tcp_pair, "TCP");
    nu_ok("100 bytes where there is room, -EAGAIN where there is none");
}

/* The second one is stopped by its deadline with some of its bytes out. */
void nu_send_waitall(void)
{
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    struct __kernel_timespec ts;
    int fd[2];
    nu_open(&u, 8, 16);
    nu_tcp_pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    struct iovec iov = nu_stream_next(&s, NU_STREAM_PIECE);
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    nu_sendmsg(&u, 1, fd[0], &msg, MSG_WAITALL);
    int whole = nu_stream_await(&s, &u, 1);
    nu_expect(whole > 0, "a send of 1 MiB: %s", nu_res(whole));
    s.sent += (uint64_t) whole;
    nu_stream_balance(&s);
    iov = nu_stream_next(&s, NU_STREAM_PIECE);
    nu_sendmsg(&u, 1, fd[0], &msg, MSG_WAITALL)->flags |= IOSQE_IO_LINK;
    nu_deadline(&u, 2, &ts, 100 * NU_MS, 0);
    int part = nu_await(&u, 1);
    nu_await(&u, 2);
    if (part < 0) { /* how many there were is not told */
        nu_missing("%d of %zu bytes; cut by its deadline it says %s", whole, iov.iov_len,
                   nu_res(part));
    }
    s.sent += (uint64_t) part;
    nu_stream_balance(&s);
    nu_ok("%d of %zu bytes; cut by its deadline it says %d, which is true", whole, iov.iov_len,
          part);
}

static struct io_uring_sqe *write_poll_room(struct nu_uring *u, int fd)
{
    struct io_uring_sqe *sqe = nu_sqe(u, 1);
    io_uring_prep_poll_add(sqe, fd, POLLOUT);
    sqe->user_data = 1;
    return sqe;
}

/* As a file's pages wait for it: until there is room, to a deadline, and when the peer is gone. */
void nu_poll_room(void)
{
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    struct __kernel_timespec ts;
    int fd[2];
    nu_open(&u, 8, 16);
    nu_pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    nu_stream_fill(&s);
    write_poll_room(&u, fd[0]);
    nu_expect(!nu_came(&u, 1), "on a full socket it does not wait");
    int ready = nu_stream_await(&s, &u, 1);
    nu_expect(ready > 0 && (ready & POLLOUT) != 0, "when there is room: %s", nu_res(ready));

    nu_stream_fill(&s);
    write_poll_room(&u, fd[0])->flags |= IOSQE_IO_LINK;
    nu_deadline(&u, 2, &ts, 10 * NU_MS, 0)->flags |= IOSQE_CQE_SKIP_SUCCESS;
    int late = nu_await(&u, 1);
    nu_expect(late == -ECANCELED, "at its deadline: %s", nu_res(late));

    write_poll_room(&u, fd[0]);
    nu_expect(!nu_came(&u, 1), "on a full socket it does not wait");
    nu_reset(fd[1]);
    int dead = nu_await(&u, 1);
    nu_expect(dead > 0, "when the peer is gone: %s", nu_res(dead));
    nu_ok("ready when there is room or the peer is gone, %s at its deadline", nu_res(late));
}
