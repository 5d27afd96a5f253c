/* SPDX-License-Identifier: MIT */
#include "check/timeout.h"

#include "check/clock.h"
#include "check/sockets.h"
#include "check/steps.h"
#include "check/verdict.h"

#include <errno.h>
#include <sys/socket.h>

/* Tags */
enum { WRITE = 1, TIMEOUT, CANCEL, NEXT };

#define FAR (600 * NU_SECOND)

/* A full socket, and a ring. */
static void timeout_set_up(struct nu_uring *u, struct nu_stream *s)
{
    int fd[2];
    nu_open(u, 16, 64);
    nu_pair(fd);
    *s = (struct nu_stream){ .out = fd[0], .in = fd[1] };
    nu_stream_fill(s);
}

/* A write of n bytes that has to wait, and its deadline. */
static struct io_uring_sqe *timeout_write_until(struct nu_uring *u, const struct nu_stream *s,
                                                size_t n, uint64_t ns, unsigned flags)
{
    static struct iovec iov;
    static struct __kernel_timespec ts;
    iov = nu_stream_next(s, n);
    nu_writev(u, WRITE, s->out, &iov, 1, 0)->flags |= IOSQE_IO_LINK;
    return nu_deadline(u, TIMEOUT, &ts, ns, flags);
}

static bool timeout_is_ended(int res)
{
    return res == -ECANCELED || res == -EINTR;
}

void nu_timeout_relative(void)
{
    struct nu_uring u;
    struct nu_stream s;
    timeout_set_up(&u, &s);
    uint64_t start = nu_now();
    timeout_write_until(&u, &s, 100, 30 * NU_MS, 0);
    struct nu_event first = nu_await_any(&u), second = nu_await_any(&u);
    uint64_t ms = (nu_now() - start) / NU_MS;
    bool in_front = first.tag == TIMEOUT;
    int res = in_front ? second.res : first.res;
    int timeout = in_front ? first.res : second.res;
    nu_expect(first.tag + second.tag == WRITE + TIMEOUT, "something else completes");
    nu_expect(timeout_is_ended(res), "a write that runs out of time: %s", nu_res(res));
    nu_expect(ms >= 29, "a deadline of 30 ms came after %llu ms", (unsigned long long) ms);
    nu_stream_balance(&s);
    nu_expect_quiet(&u);
    nu_ok("after %llu ms: the write %s, the timeout %s, which came %s", (unsigned long long) ms,
          nu_res(res), nu_res(timeout), in_front ? "first" : "last");
}

void nu_timeout_absolute(void)
{
    struct nu_uring u;
    struct nu_stream s;
    timeout_set_up(&u, &s);
    timeout_write_until(&u, &s, 100, 1, IORING_TIMEOUT_ABS); /* long past */
    int past = nu_await(&u, WRITE);
    nu_await(&u, TIMEOUT);
    nu_expect(timeout_is_ended(past), "with a deadline in the past: %s", nu_res(past));
    uint64_t until = nu_now() + 30 * NU_MS;
    timeout_write_until(&u, &s, 100, until, IORING_TIMEOUT_ABS);
    int res = nu_await(&u, WRITE);
    nu_await(&u, TIMEOUT);
    nu_expect(timeout_is_ended(res), "a write that runs out of time: %s", nu_res(res));
    nu_expect(nu_now() >= until, "it ended before its deadline");
    nu_stream_balance(&s);
    nu_expect_quiet(&u);
    nu_ok("%s at the deadline, and at once when that is past", nu_res(res));
}

void nu_timeout_in_time(void)
{
    struct nu_uring u;
    struct nu_stream s;
    timeout_set_up(&u, &s);
    timeout_write_until(&u, &s, 100, FAR, 0);
    int res = nu_stream_await(&s, &u, WRITE), timeout = nu_await(&u, TIMEOUT);
    nu_expect(res == 100, "when there was room in time: %s", nu_res(res));
    nu_expect(timeout < 0 && timeout != -ETIME, "the timeout of a write that was in time: %s",
              nu_res(timeout));
    s.sent += 100;
    nu_stream_balance(&s);
    nu_expect_quiet(&u);
    nu_ok("all 100 bytes; the timeout says %s", nu_res(timeout));
}

void nu_timeout_skip(void)
{
    struct nu_uring u;
    struct nu_stream s;
    struct nu_event stray;
    timeout_set_up(&u, &s);
    if ((u.uring.features & IORING_FEAT_CQE_SKIP) == 0) {
        nu_missing("IORING_FEAT_CQE_SKIP is not there");
    }
    timeout_write_until(&u, &s, 100, FAR, 0)->flags |= IOSQE_CQE_SKIP_SUCCESS;
    int res = nu_stream_await(&s, &u, WRITE);
    nu_expect(res == 100, "when there was room in time: %s", nu_res(res));
    s.sent += 100;
    if (nu_any_came(&u, &stray)) {
        nu_broken("in time, and the timeout completes all the same: %s", nu_res(stray.res));
    }
    nu_stream_fill(&s);
    timeout_write_until(&u, &s, 100, 10 * NU_MS, 0)->flags |= IOSQE_CQE_SKIP_SUCCESS;
    res = nu_await(&u, WRITE);
    nu_expect(timeout_is_ended(res), "a write that runs out of time: %s", nu_res(res));
    if (nu_any_came(&u, &stray)) {
        nu_broken("out of time, and the timeout completes: %s", nu_res(stray.res));
    }
    nu_stream_balance(&s);
    nu_ok("one completion for a write and its deadline, in time and out of it");
}

/* The write was submitted without the timeout that it is to be linked to. */
void nu_timeout_cut(void)
{
    struct nu_uring u;
    struct nu_stream s;
    timeout_set_up(&u, &s);
    struct __kernel_timespec ts;
    struct iovec iov = nu_stream_next(&s, 100);
    nu_writev(&u, WRITE, s.out, &iov, 1, 0)->flags |= IOSQE_IO_LINK;
    nu_submit(&u);
    nu_deadline(&u, TIMEOUT, &ts, 1 * NU_MS, 0);
    int timeout = nu_await(&u, TIMEOUT);
    nu_sleep(5 * NU_MS);
    bool ended = nu_came(&u, WRITE);
    nu_expect(timeout < 0, "the timeout: %s", nu_res(timeout));
    int res = nu_stream_await(&s, &u, WRITE);
    nu_expect(res == 100 || (ended && timeout_is_ended(res)), "the write: %s", nu_res(res));
    s.sent += res > 0 ? (uint64_t) res : 0;
    nu_stream_balance(&s);
    nu_expect_quiet(&u);
    nu_ok("the timeout says %s, and the write %s", nu_res(timeout),
          ended ? "ends by it" : "has no deadline");
}

void nu_timeout_clocks(void)
{
    static const struct {
        unsigned flag;
        const char *name;
    } clocks[] = { { IORING_TIMEOUT_BOOTTIME, "BOOTTIME" },
                   { IORING_TIMEOUT_REALTIME, "REALTIME" } };
    struct nu_uring u;
    struct nu_stream s;
    int res = 0;
    timeout_set_up(&u, &s);
    for (int i = 0; i < 2; i++) {
        timeout_write_until(&u, &s, 100, 5 * NU_MS, clocks[i].flag);
        res = nu_await(&u, WRITE);
        int timeout = nu_await(&u, TIMEOUT);
        if (timeout == -EINVAL) {
            nu_missing("%s is refused", clocks[i].name);
        }
        nu_expect(timeout_is_ended(res), "by %s: %s", clocks[i].name, nu_res(res));
    }
    timeout_write_until(&u, &s, 100, 5 * NU_MS, clocks[0].flag | clocks[1].flag);
    nu_await(&u, WRITE);
    int both = nu_await(&u, TIMEOUT);
    nu_stream_balance(&s);
    nu_ok("by BOOTTIME and by REALTIME; both at once: %s", nu_res(both));
}

/* Two writes of one name, and a deadline linked to the second. */
void nu_timeout_names(void)
{
    struct nu_uring u;
    struct nu_stream first, second;
    int fd[2];
    timeout_set_up(&u, &first);
    nu_pair(fd);
    second = (struct nu_stream){ .out = fd[0], .in = fd[1] };
    nu_stream_fill(&second);
    struct iovec iov = nu_stream_next(&first, 100);
    nu_writev(&u, WRITE, first.out, &iov, 1, 0);
    nu_submit(&u);
    timeout_write_until(&u, &second, 100, 5 * NU_MS, 0);
    nu_await(&u, TIMEOUT);
    int res = nu_await(&u, WRITE);
    nu_expect(timeout_is_ended(res), "what a deadline ends: %s", nu_res(res));
    uint64_t until = nu_now() + 20 * NU_SECOND;
    while (!nu_came(&u, WRITE) && nu_now() < until) {
        nu_stream_drain(&first, SIZE_MAX);
        nu_stream_drain(&second, SIZE_MAX);
    }
    res = nu_await(&u, WRITE);
    nu_expect(res == 100, "what the deadline left alone: %s", nu_res(res));
    nu_stream_drain(&second, SIZE_MAX);
    bool mistaken = second.received > second.sent; /* the second went on, so the first did not */
    first.sent += mistaken ? 0 : 100;
    second.sent += mistaken ? 100 : 0;
    nu_stream_balance(&first);
    nu_stream_balance(&second);
    nu_ok("it ends %s", mistaken ? "the other operation of its name" : "its own operation");
}

/*
 * Expiry against completion. The deadline follows what happens: a little later after each expiry, a
 * little earlier after each write that was in time, so that the two stay close together on a
 * machine of any speed.
 */
void nu_timeout_race(void)
{
    enum { ROUNDS = 10000 };
    struct nu_uring u;
    struct nu_stream s;
    uint64_t delay = 20000;
    unsigned written = 0, expired = 0;
    int fd[2];
    nu_open(&u, 16, 64);
    nu_tight_pair(fd);
    s = (struct nu_stream){ .out = fd[0], .in = fd[1] };
    for (unsigned i = 0; i < ROUNDS; i++) {
        nu_stream_fill(&s);
        size_t n = 1 + i * 37 % 700;
        uint64_t until = nu_now() + delay;
        timeout_write_until(&u, &s, n, until, IORING_TIMEOUT_ABS)->flags |= IOSQE_CQE_SKIP_SUCCESS;
        nu_submit(&u);
        nu_stream_drain(&s, SIZE_MAX);
        int res = nu_await(&u, WRITE);
        nu_expect(timeout_is_ended(res) || (res > 0 && (size_t) res <= n),
                  "round %u, %zu bytes: %s", i, n, nu_res(res));
        if (res > 0) {
            written++;
            s.sent += (uint64_t) res;
            delay -= delay / 64;
        } else {
            expired++;
            delay += delay / 64 + 64;
        }
        nu_stream_balance(&s);
    }
    nu_expect_quiet(&u);
    nu_ok("%u written, %u expired, %llu bytes accounted for", written, expired,
          (unsigned long long) s.received);
}

/* The end of what the peer sends counts as news for a write that waits, too. */
void nu_timeout_half_closed(void)
{
    struct nu_uring u;
    struct nu_stream s;
    unsigned cancels = 0;
    int fd[2];
    nu_open(&u, 16, 64);
    nu_pair(fd);
    s = (struct nu_stream){ .out = fd[0], .in = fd[1] };
    nu_stream_fill(&s);
    timeout_write_until(&u, &s, 100, nu_now() + 50 * NU_MS, IORING_TIMEOUT_ABS);
    nu_submit(&u);
    nu_require(shutdown(fd[1], SHUT_WR) == 0, "shutdown: %s", nu_res(-errno));
    int timeout = nu_await(&u, TIMEOUT);
    uint64_t until = nu_now() + 10 * NU_SECOND;
    while (!nu_came(&u, WRITE) && nu_now() < until) {
        nu_cancel(&u, CANCEL, WRITE);
        nu_await(&u, CANCEL);
        cancels++;
        nu_sleep(1 * NU_MS);
    }
    nu_expect(nu_came(&u, WRITE), "the write outlives its deadline and %u cancellations", cancels);
    int res = nu_await(&u, WRITE);
    nu_expect(timeout_is_ended(res), "the write: %s", nu_res(res));
    nu_stream_balance(&s);
    nu_ok("the timeout says %s, the write %s, after %u cancellations", nu_res(timeout), nu_res(res),
          cancels);
}
