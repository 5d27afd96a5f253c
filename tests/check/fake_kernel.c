/* SPDX-License-Identifier: MIT */
/*
 * The checks can fail: each of these has the kernel misbehave in one way, and the check that is
 * about it says "broken".
 */
#include "check/fake.h"
#include "check/run.h"
#include "check/table.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

TestSuite(check_fake_kernel, .timeout = 280);

#define DEADLINE_MS 60000

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1 /* as gcc has it */
#endif
#endif

static struct nu_result result;

/* Criterion's workers have one thread more than the test's, and of those that fork ThreadSanitizer
 * allows no thread to the child. (tests/cmd/check.c runs all checks under it.) */
static bool may_run(const char *name)
{
#ifdef __SANITIZE_THREAD__
    static const char *const threaded[] = { "cancel-race", "wake-message", "wake-eventfd",
                                            "owner-only",  "owner-late",   "owner-exits",
                                            "idle-iowait" };
    for (size_t i = 0; i < sizeof threaded / sizeof *threaded; i++) {
        if (strcmp(threaded[i], name) == 0) {
            return false;
        }
    }
#endif
    (void) name;
    return true;
}

static void run(const char *name)
{
    size_t count, i = 0;
    const struct nu_check *checks = nu_checks(&count);
    while (i < count && strcmp(checks[i].name, name) != 0) {
        i++;
    }
    cr_assert_lt(i, count, "there is no check %s", name);
    nu_check_run(&checks[i], DEADLINE_MS, &result);
}

/* The check says "broken", with `seen` in what it saw. */
static void expect_broken(const char *name, struct fake with, const char *seen)
{
    if (!may_run(name)) {
        return;
    }
    fake = with;
    run(name);
    fake = (struct fake){ .submit = NULL };
    if (result.verdict == NU_ABSENT || result.verdict == NU_FALLBACK) {
        return; /* this kernel has nothing to lie about */
    }
    cr_expect_eq(result.verdict, NU_BROKEN, "%s: %s: %s", name, nu_verdict_name(result.verdict),
                 result.seen);
    cr_expect_not_null(strstr(result.seen, seen), "%s saw '%s', not '%s'", name, result.seen, seen);
}

#define LIE(member, function) ((struct fake){ .member = (function) })

/* With the real kernel, none of them does. */
Test(check_fake_kernel, truth)
{
    size_t count;
    const struct nu_check *checks = nu_checks(&count);
    for (size_t i = 0; i < count; i++) {
        if (!may_run(checks[i].name)) {
            continue;
        }
        nu_check_run(&checks[i], DEADLINE_MS, &result);
        cr_expect_neq(result.verdict, NU_BROKEN, "%s: %s", checks[i].name, result.seen);
        cr_expect_str_not_empty(result.seen, "%s", checks[i].name);
    }
}

/* ---- Lies: completions --------------------------------------------------------------------- */

static bool one_more(struct nu_event *event)
{
    event->res += event->tag == 1 && event->res > 0;
    return true;
}

static bool one_less(struct nu_event *event)
{
    event->res -= event->tag == 1 && event->res > 1;
    return true;
}

static bool always_whole(struct nu_event *event)
{
    event->res = event->res > 0 && event->res < 1 << 20 ? 1 << 20 : event->res;
    return true;
}

static bool written_but_cancelled(struct nu_event *event)
{
    event->res = event->tag == 1 && event->res > 0 ? -ECANCELED : event->res;
    return true;
}

static bool first_is(struct nu_event *event, int res)
{
    event->res = event->tag == 1 ? res : event->res;
    return true;
}

static bool first_says_0(struct nu_event *event)
{
    return first_is(event, 0);
}

static bool first_says_1(struct nu_event *event)
{
    return first_is(event, 1);
}

static bool first_says_again(struct nu_event *event)
{
    return first_is(event, -EAGAIN);
}

static bool first_says_fault(struct nu_event *event)
{
    return first_is(event, -EFAULT);
}

static bool second_says_0(struct nu_event *event)
{
    event->res = event->tag == 2 ? 0 : event->res;
    return true;
}

static bool second_says_time(struct nu_event *event)
{
    event->res = event->tag == 2 ? -ETIME : event->res;
    return true;
}

static bool no_errors(struct nu_event *event)
{
    event->res = event->res < 0 ? 0 : event->res;
    return true;
}

static bool first_lost(struct nu_event *event)
{
    return event->tag != 1;
}

static bool tenth_lost(struct nu_event *event)
{
    return event->tag != 10;
}

static bool twice(struct nu_event *event)
{
    event->tag = event->tag == 10 ? 9 : event->tag;
    return true;
}

static bool never_more(struct nu_event *event)
{
    event->flags &= ~IORING_CQE_F_MORE;
    return true;
}

static bool always_more(struct nu_event *event)
{
    event->flags |= event->tag == 1 ? IORING_CQE_F_MORE : 0;
    return true;
}

static bool other_buffer(struct nu_event *event)
{
    event->flags ^= event->flags & IORING_CQE_F_BUFFER ? 1U << IORING_CQE_BUFFER_SHIFT : 0;
    return true;
}

static bool no_buffer(struct nu_event *event)
{
    event->flags &= ~IORING_CQE_F_BUFFER;
    return true;
}

Test(check_fake_kernel, writes)
{
    expect_broken("write-short", LIE(complete, always_whole), "other bytes than were sent");
    expect_broken("write-vector", LIE(complete, one_less), "the sender was told of");
    expect_broken("write-waits", LIE(complete, first_says_again), "when there was room: -EAGAIN");
    expect_broken("write-stable", LIE(complete, first_says_fault), "-EFAULT");
    expect_broken("write-nowait", LIE(complete, first_says_1), "on an empty Unix socket: 1");
    expect_broken("write-dead-peer", LIE(complete, first_says_1), "to a peer that is gone: 1");
    expect_broken("write-reset", LIE(complete, first_says_0), "a write that is reset: 0");
    expect_broken("send-nosignal", LIE(complete, first_says_1), "to a peer that is gone: 1");
    expect_broken("send-dontwait", LIE(complete, one_less), "on an empty Unix socket: 99");
    expect_broken("poll-room", LIE(complete, first_says_0), "when there is room: 0");
    expect_broken("send-waitall", LIE(complete, one_less), "the sender was told of");
}

Test(check_fake_kernel, timeouts)
{
    expect_broken("timeout-relative", LIE(complete, first_lost), "nothing completes");
    expect_broken("timeout-absolute", LIE(complete, first_says_1), "in the past: 1");
    expect_broken("timeout-in-time", LIE(complete, second_says_time), "in time: -ETIME");
    expect_broken("timeout-cut", LIE(complete, second_says_0), "the timeout: 0");
    expect_broken("timeout-race", LIE(complete, one_less), "the sender was told of");
    expect_broken("timeout-race", LIE(complete, written_but_cancelled), "the sender was told of");
    expect_broken("timeout-names", LIE(complete, first_says_1), "what a deadline ends: 1");
    expect_broken("timeout-half-closed", LIE(complete, first_says_1), "the write: 1");
}

Test(check_fake_kernel, cancellations)
{
    expect_broken("cancel-during", LIE(complete, first_lost), "does not complete");
    expect_broken("cancel-before", LIE(complete, second_says_0), "not there yet: 0");
    expect_broken("cancel-after", LIE(complete, second_says_0), "has ended: 0");
    expect_broken("cancel-by-fd", LIE(complete, second_says_0), "of a descriptor: 0");
    expect_broken("cancel-half-closed", LIE(complete, first_says_1), "the write: 1");
    expect_broken("cancel-race", LIE(complete, written_but_cancelled),
                  "other bytes than were sent");
}

Test(check_fake_kernel, receiving)
{
    expect_broken("accept-multishot", LIE(complete, never_more), "it ends after connection 0");
    expect_broken("accept-ends", LIE(complete, always_more), "and goes on");
    expect_broken("accept-limit", LIE(complete, always_more), "-EMFILE does not end it");
    expect_broken("connect", LIE(complete, no_errors), "to nobody: 0");
    expect_broken("receive-waits", LIE(complete, one_more), "of 3 bytes: 4");
    expect_broken("receive-vector", LIE(complete, one_less), "into three places: 6");
    expect_broken("receive-reset", LIE(complete, no_errors), "when the peer resets: 0");
    expect_broken("receive-multishot", LIE(complete, never_more), "it ends after message 0");
    expect_broken("receive-multishot-ends", LIE(complete, no_errors), "with no buffer left: 0");
    expect_broken("buffers-ring", LIE(complete, other_buffer), "holds something else");
    expect_broken("buffers-ring", LIE(complete, no_buffer), "names no buffer");
    expect_broken("buffers-empty", LIE(complete, no_errors), "with no buffer left: 0");
    expect_broken("file-open", LIE(complete, no_errors), "out of the root: 0");
    expect_broken("file-read", LIE(complete, one_more), "before the end: 8");
}

Test(check_fake_kernel, ends)
{
    expect_broken("close-in-flight", LIE(complete, first_lost), "does not complete");
    expect_broken("shutdown-in-flight", LIE(complete, second_says_0), "the write: 0");
    expect_broken("owner-exits", LIE(complete, first_says_0), "its receive: 0");
    expect_broken("wait-eintr", LIE(complete, first_lost), "does not complete");
    expect_broken("queue-sq-full", LIE(complete, tenth_lost), "operation 10 does not complete");
    expect_broken("queue-cq-overflow", LIE(complete, tenth_lost), "1 of 96 completions were lost");
    expect_broken("queue-cq-overflow", LIE(complete, twice), "no-op 9 completed twice");
    expect_broken("wake-eventfd", LIE(complete, tenth_lost), "operation 10 does not complete");
}

/* ---- Lies: what is submitted --------------------------------------------------------------- */

static void no_timeouts(struct io_uring_sqe **sqes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (sqes[i]->opcode == IORING_OP_LINK_TIMEOUT) {
            sqes[i]->opcode = IORING_OP_NOP;
        }
    }
}

static void early_timeouts(struct io_uring_sqe **sqes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (sqes[i]->opcode == IORING_OP_LINK_TIMEOUT) {
            struct __kernel_timespec *ts = (struct __kernel_timespec *) (uintptr_t) sqes[i]->addr;
            ts->tv_nsec /= 100;
        }
    }
}

static void relative_timeouts(struct io_uring_sqe **sqes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (sqes[i]->opcode == IORING_OP_LINK_TIMEOUT) {
            sqes[i]->timeout_flags = 0;
        }
    }
}

static void nothing_skipped(struct io_uring_sqe **sqes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        sqes[i]->flags &= (uint8_t) ~IOSQE_CQE_SKIP_SUCCESS;
    }
}

static void no_cancellations(struct io_uring_sqe **sqes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (sqes[i]->opcode == IORING_OP_ASYNC_CANCEL) {
            sqes[i]->opcode = IORING_OP_NOP;
        }
    }
}

static void writes_wait(struct io_uring_sqe **sqes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (sqes[i]->opcode == IORING_OP_WRITEV) {
            sqes[i]->rw_flags = 0; /* and raise signals */
        }
    }
}

static void newest_first(struct io_uring_sqe **sqes, unsigned n)
{
    for (unsigned i = 0; i < n / 2; i++) {
        struct io_uring_sqe swap = *sqes[i];
        *sqes[i] = *sqes[n - 1 - i];
        *sqes[n - 1 - i] = swap;
    }
}

Test(check_fake_kernel, submissions)
{
    expect_broken("timeout-relative", LIE(submit, no_timeouts), "nothing completes");
    expect_broken("timeout-relative", LIE(submit, early_timeouts),
                  "a deadline of 30 ms came after");
    expect_broken("timeout-absolute", LIE(submit, relative_timeouts), "does not complete");
    expect_broken("poll-room", LIE(submit, no_timeouts), "does not complete");
    expect_broken("timeout-skip", LIE(submit, nothing_skipped), "the timeout completes");
    expect_broken("cancel-during", LIE(submit, no_cancellations), "does not complete");
    expect_broken("cancel-before", LIE(submit, newest_first), "not there yet: 0");
    expect_broken("close-in-flight", LIE(submit, no_cancellations), "does not complete");
    expect_broken("write-nowait", LIE(submit, writes_wait), "it waits");
    expect_broken("write-nosignal", LIE(submit, writes_wait), "SIGPIPE all the same");
}

/* ---- Lies: rings --------------------------------------------------------------------------- */

static int all_is_well(int res)
{
    return res < 0 ? 1 : res;
}

static int refused(int res)
{
    (void) res;
    return -EPERM;
}

/* More than half of the time that is waited. */
static int busy(int res)
{
    struct timespec start, now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    do {
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    } while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < 400);
    return res;
}

static int no_ring(unsigned flags)
{
    (void) flags;
    return -EPERM;
}

/* The memory of two rings is all there is, for it never comes back. */
static int memory_kept(unsigned flags)
{
    static int rings;
    (void) flags;
    return rings++ < 2 ? 0 : -ENOMEM;
}

static bool tenth_gone(uint64_t tag)
{
    return tag != 10;
}

/* What may be locked is counted by user, and root's other programs have rings, too. */
static void be_a_user_of_ones_own(void)
{
    uid_t uid = 200000 + (uid_t) getpid();
    if (geteuid() == 0) {
        cr_assert_eq(setuid(uid), 0);
    }
}

Test(check_fake_kernel, rings)
{
    expect_broken("setup-flags", LIE(open, no_ring), "-EPERM");
    expect_broken("setup-size", LIE(open, no_ring), "not even");
    expect_broken("setup-registered", LIE(enter, refused), "entering through it: -EPERM");
    expect_broken("setup-submit-all", LIE(enter, refused), "of 3 entries -EPERM");
    expect_broken("wait-deadline", LIE(enter, all_is_well), "for nothing: 1");
    expect_broken("owner-only", LIE(enter, all_is_well), "another thread's submission: 1");
    expect_broken("owner-late", LIE(enter, all_is_well), "takes a submission: 1");
    expect_broken("owner-forks", LIE(enter, all_is_well), "lets a child submit: 1");
    expect_broken("limits-memlock", LIE(open, no_ring), "-EPERM");
    expect_broken("idle-cpu", LIE(enter, busy), "ms of CPU");
    expect_broken("wake-message", LIE(message, tenth_gone), "operation 10 does not complete");
    be_a_user_of_ones_own();
    expect_broken("limits-return", LIE(open, memory_kept), "with all others closed: -ENOMEM");
}
