/* SPDX-License-Identifier: MIT */
/*
 * What stands in for what a kernel lacks is really taken: as this kernel is, and as one is that
 * lacks it. Each test shows it by what only the one or the other does.
 */
#include "io/features.h"
#include "io/try_inline.h"
#include "support/aio_probe.h"
#include "support/counted.h"
#include "support/owner.h"
#include "support/peer.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <nng/uring.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(fallback, .timeout = 60);

/* Takes it from the findings, before anything uses them. */
static void lack(enum nu_feature feature)
{
    const nng_uring_feature *list;
    size_t count;
    cr_assert_eq(nng_uring_probe(&list, &count), 0);
    ((nng_uring_feature *) list)[feature].present = false;
}

/* ---- A write with a deadline -------------------------------------------------------------- */

/* There is room for it, so only a kernel that cannot try without waiting is given a deadline. */
static void write_with_deadline(void)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    uint8_t *data = t_pattern_new(100, 1);
    unsigned mode = NU_ON_OWNER | NU_CALLED | NU_TIMED;
    t_pair_open(&pair);
    t_aio_probe_open(&track, mode);
    t_aio_probe_buffer(&track, data, 100);
    uint64_t before = t_counted("deadlines_armed");
    t_aio_probe_write(&track, pair.conn, mode, true);
    t_aio_probe_assert(&track, 1, 0);
    cr_assert_eq(t_counted("deadlines_armed") - before, t_a_loop(0)->ring->nowait ? 0 : 1);
    t_pair_assert_rest(&pair, 0, 100, 1);
    t_aio_probe_close(&track);
    t_pair_close(&pair);
    free(data);
}

Test(fallback, nowait)
{
    write_with_deadline();
}

Test(fallback, no_nowait)
{
    lack(NU_HAS_NOWAIT);
    bool epoll = strcmp(t_a_loop(0)->ring->kind->name, "epoll") == 0;
    cr_assert_eq(t_a_loop(0)->ring->nowait, epoll);
    write_with_deadline();
}

/* ---- A write by an application thread ----------------------------------------------------- */

/* SENDMSG refuses a pipe, WRITEV does not. */
static void write_by_a_thread(void)
{
    int fds[2];
    char byte = 0;
    struct iovec iov = { &byte, 1 };
    cr_assert_eq(pipe(fds), 0);
    bool writev = nu_has(NU_HAS_NOWAIT) && nu_has(NU_HAS_NOSIGNAL);
    cr_assert_eq(nu_try_writev_inline(fds[1], &iov, 1), writev ? 1 : -ENOTSOCK);
    close(fds[0]);
    close(fds[1]);
}

Test(fallback, nosignal)
{
    cr_assert_eq(nu_features_find(), 0);
    write_by_a_thread();
}

Test(fallback, no_nosignal)
{
    lack(NU_HAS_NOSIGNAL);
    write_by_a_thread();
}

/* Neither of the two: the loop's owner has to do it. */
Test(fallback, no_dontwait)
{
    char byte = 0;
    struct iovec iov = { &byte, 1 };
    lack(NU_HAS_NOSIGNAL);
    lack(NU_HAS_SEND_DONTWAIT);
    cr_assert_eq(nu_try_writev_inline(STDOUT_FILENO, &iov, 1), -EAGAIN);
}

/* ---- Waking a loop ------------------------------------------------------------------------ */

static unsigned eventfds(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    cr_assert_not_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char target[PATH_MAX];
        ssize_t size = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
        if (size > 0) {
            target[size] = '\0';
            n += strcmp(target, "anon_inode:[eventfd]") == 0;
        }
    }
    closedir(dir);
    return n;
}

static void note(void *arg)
{
    *(bool *) arg = true;
}

static void wake_a_sleeper(void)
{
    bool woken = false;
    unsigned before = eventfds();
    struct nu_loop *loop = t_a_loop(0);
    cr_assert_eq(eventfds() - before, nu_has(NU_HAS_MSG_RING) ? 0 : nng_uring_loops());
    while (!atomic_load(&loop->sleeping)) {
        sched_yield();
    }
    t_run_on(loop, note, &woken);
    cr_assert(woken);
    nng_fini();
    cr_assert_eq(eventfds(), before);
}

Test(fallback, msg_ring)
{
    wake_a_sleeper();
}

Test(fallback, no_msg_ring)
{
    lack(NU_HAS_MSG_RING);
    wake_a_sleeper();
}
