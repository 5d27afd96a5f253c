/* SPDX-License-Identifier: MIT */
#include "fault/wrap.h"
#include "io/features.h"
#include "io/try_inline.h"

#include <criterion/criterion.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

TestSuite(io_fault, .timeout = 60);

#define FAILURES 200

static long cpu_ms(void)
{
    struct rusage usage;
    cr_assert_eq(getrusage(RUSAGE_THREAD, &usage), 0);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* The kernel has taken the write and goes on saying that it is busy: it is waited for, without
 * spinning, and is not done once more by somebody else. */
Test(io_fault, a_write_that_was_taken)
{
    int fds[2];
    char byte = 'x', bytes[8];
    struct iovec iov = { &byte, 1 };
    struct timespec before, after;
    cr_assert_eq(nu_features_find(), 0);
    if (!nu_has(NU_HAS_SEND_DONTWAIT) && !(nu_has(NU_HAS_NOWAIT) && nu_has(NU_HAS_NOSIGNAL))) {
        cr_skip_test("this kernel has no way to try");
    }
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    cr_assert_eq(nu_try_writev_inline(fds[0], &iov, 1), 1); /* the thread has its ring */
    long cpu = cpu_ms();
    t_fault_busy(FAILURES);
    cr_assert_eq(clock_gettime(CLOCK_MONOTONIC, &before), 0);
    cr_assert_eq(nu_try_writev_inline(fds[0], &iov, 1), 1);
    cr_assert_eq(clock_gettime(CLOCK_MONOTONIC, &after), 0);
    long ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    cr_assert_geq(ms, FAILURES, "%d failures in %ld ms", FAILURES, ms);
    cr_assert_lt(cpu_ms() - cpu, 100);
    cr_assert_eq(nu_try_writev_inline(fds[0], &iov, 1), 1); /* on the same ring */
    cr_assert_eq(recv(fds[1], bytes, sizeof bytes, MSG_DONTWAIT), 3);
    close(fds[0]);
    close(fds[1]);
}
