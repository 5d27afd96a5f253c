/* SPDX-License-Identifier: MIT */
#include "check/steps.h"

#include "check/clock.h"
#include "check/verdict.h"

#include <errno.h>
#include <string.h>

#define PATIENCE_MS 20000 /* for what comes at once, on a slow machine, too */
#define MEMORY_MS 2000    /* for a closed ring to give its locked memory back */
#define BARRIER UINT64_MAX

/* ---- Rings --------------------------------------------------------------------------------- */

const char *nu_rung(unsigned rung, unsigned *flags)
{
    static const struct {
        unsigned flags;
        const char *name;
    } ladder[] = {
        { IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL,
          "SINGLE_ISSUER|DEFER_TASKRUN|SUBMIT_ALL" },
        { IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL, "COOP_TASKRUN|SUBMIT_ALL" },
        { 0, "none" },
    };
    if (rung >= sizeof ladder / sizeof ladder[0]) {
        return NULL;
    }
    *flags = ladder[rung].flags;
    return ladder[rung].name;
}

int nu_open_with(struct nu_uring *u, unsigned entries, unsigned completions, unsigned flags)
{
    uint64_t until = nu_now() + MEMORY_MS * NU_MS;
    int err;
    while ((err = nu_uring_open(u, entries, completions, flags)) == -ENOMEM && nu_now() < until) {
        nu_sleep(10 * NU_MS);
    }
    return err;
}

void nu_open(struct nu_uring *u, unsigned entries, unsigned completions)
{
    unsigned flags;
    int err = -EINVAL;
    for (unsigned rung = 0; err == -EINVAL && nu_rung(rung, &flags) != NULL; rung++) {
        err = nu_open_with(u, entries, completions, flags);
    }
    nu_expect(err == 0, "a ring of %u and %u entries: %s", entries, completions, nu_res(err));
}

/* ---- Submitting ---------------------------------------------------------------------------- */

struct io_uring_sqe *nu_sqe(struct nu_uring *u, uint64_t tag)
{
    struct io_uring_sqe *sqe = nu_uring_sqe(u);
    nu_expect(sqe != NULL, "the submission queue is full with %u entries", u->entries);
    sqe->user_data = tag;
    return sqe;
}

struct io_uring_sqe *nu_nop(struct nu_uring *u, uint64_t tag)
{
    struct io_uring_sqe *sqe = nu_sqe(u, tag);
    io_uring_prep_nop(sqe);
    sqe->user_data = tag;
    return sqe;
}

struct io_uring_sqe *nu_writev(struct nu_uring *u, uint64_t tag, int fd, const struct iovec *iov,
                               unsigned niov, unsigned rw_flags)
{
    struct io_uring_sqe *sqe = nu_sqe(u, tag);
    io_uring_prep_writev2(sqe, fd, iov, niov, 0, (int) rw_flags);
    sqe->user_data = tag;
    return sqe;
}

struct io_uring_sqe *nu_sendmsg(struct nu_uring *u, uint64_t tag, int fd, const struct msghdr *msg,
                                unsigned flags)
{
    struct io_uring_sqe *sqe = nu_sqe(u, tag);
    io_uring_prep_sendmsg(sqe, fd, msg, flags | MSG_NOSIGNAL);
    sqe->user_data = tag;
    return sqe;
}

struct io_uring_sqe *nu_recv(struct nu_uring *u, uint64_t tag, int fd, void *to, size_t n)
{
    struct io_uring_sqe *sqe = nu_sqe(u, tag);
    io_uring_prep_recv(sqe, fd, to, n, 0);
    sqe->user_data = tag;
    return sqe;
}

struct io_uring_sqe *nu_accept(struct nu_uring *u, uint64_t tag, int fd)
{
    struct io_uring_sqe *sqe = nu_sqe(u, tag);
    io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
    sqe->user_data = tag;
    return sqe;
}

struct io_uring_sqe *nu_cancel(struct nu_uring *u, uint64_t tag, uint64_t target)
{
    struct io_uring_sqe *sqe = nu_sqe(u, tag);
    io_uring_prep_cancel64(sqe, target, 0);
    sqe->user_data = tag;
    return sqe;
}

struct io_uring_sqe *nu_deadline(struct nu_uring *u, uint64_t tag, struct __kernel_timespec *ts,
                                 uint64_t ns, unsigned flags)
{
    struct io_uring_sqe *sqe = nu_sqe(u, tag);
    ts->tv_sec = (int64_t) (ns / NU_SECOND);
    ts->tv_nsec = (int64_t) (ns % NU_SECOND);
    io_uring_prep_link_timeout(sqe, ts, flags);
    sqe->user_data = tag;
    return sqe;
}

static bool steps_passes(int err)
{
    return err >= 0 || err == -EINTR || err == -ETIME || err == -EAGAIN || err == -EBUSY;
}

static void steps_enter(struct nu_uring *u, unsigned wait, unsigned ms)
{
    int err = nu_uring_enter(u, wait, ms, 0);
    nu_expect(steps_passes(err), "io_uring_enter: %s", nu_res(err));
}

void nu_submit(struct nu_uring *u)
{
    uint64_t until = nu_now() + PATIENCE_MS * NU_MS;
    do {
        steps_enter(u, 0, 0);
    } while (io_uring_sq_ready(&u->uring) > 0 && nu_now() < until);
    nu_expect(io_uring_sq_ready(&u->uring) == 0, "the kernel does not take %u entries",
              io_uring_sq_ready(&u->uring));
}

/* ---- Collecting ---------------------------------------------------------------------------- */

static bool steps_kept(const struct nu_uring *u, uint64_t tag, unsigned *index)
{
    for (*index = 0; *index < u->nkept; ++*index) {
        if (u->kept[*index].tag == tag) {
            return true;
        }
    }
    return false;
}

static struct nu_event steps_take_kept(struct nu_uring *u, unsigned index)
{
    struct nu_event event = u->kept[index];
    u->nkept--;
    memmove(&u->kept[index], &u->kept[index + 1], (u->nkept - index) * sizeof event);
    return event;
}

static void steps_keep_all(struct nu_uring *u)
{
    struct nu_event event;
    while (nu_uring_next(u, &event)) {
        nu_expect(u->nkept < NU_KEPT, "more than %d completions that nobody asked for", NU_KEPT);
        u->kept[u->nkept++] = event;
    }
}

struct nu_event nu_await_event(struct nu_uring *u, uint64_t tag)
{
    uint64_t until = nu_now() + PATIENCE_MS * NU_MS, now;
    unsigned index;
    steps_keep_all(u);
    while (!steps_kept(u, tag, &index) || io_uring_sq_ready(&u->uring) > 0) {
        now = nu_now();
        nu_expect(now < until, "operation %llu does not complete", (unsigned long long) tag);
        steps_enter(u, !steps_kept(u, tag, &index), (unsigned) ((until - now) / NU_MS) + 1);
        steps_keep_all(u);
    }
    return steps_take_kept(u, index);
}

struct nu_event nu_await_any(struct nu_uring *u)
{
    uint64_t until = nu_now() + PATIENCE_MS * NU_MS, now;
    steps_keep_all(u);
    while (u->nkept == 0) {
        now = nu_now();
        nu_expect(now < until, "nothing completes");
        steps_enter(u, 1, (unsigned) ((until - now) / NU_MS) + 1);
        steps_keep_all(u);
    }
    return steps_take_kept(u, 0);
}

int nu_await(struct nu_uring *u, uint64_t tag)
{
    return nu_await_event(u, tag).res;
}

static void steps_settle(struct nu_uring *u)
{
    nu_nop(u, BARRIER);
    nu_await(u, BARRIER);
    steps_keep_all(u);
}

bool nu_came(struct nu_uring *u, uint64_t tag)
{
    unsigned index;
    steps_settle(u);
    return steps_kept(u, tag, &index);
}

bool nu_any_came(struct nu_uring *u, struct nu_event *event)
{
    steps_settle(u);
    if (u->nkept > 0) {
        *event = steps_take_kept(u, 0);
        return true;
    }
    return false;
}

void nu_expect_quiet(struct nu_uring *u)
{
    struct nu_event event;
    if (nu_any_came(u, &event)) {
        nu_broken("operation %llu completed once too often, with %s",
                  (unsigned long long) event.tag, nu_res(event.res));
    }
}
