/* SPDX-License-Identifier: MIT */
/*
 * No wake-up is lost, at whatever instruction of a turn it comes. The loop has a ring of ours, the
 * test takes the turn in single steps, and wakes the loop between two of them, as another thread
 * might.
 */
#include "base/check.h"
#include "base/list.h"
#include "io/loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>

#define TRAP_FLAG 0x100 /* of x86: SIGTRAP after each instruction */

struct ring {
    struct nu_ring ring;
    bool woken; /* the next wait ends at once */
    bool waits; /* the last enter was to wait */
    bool lost;  /* and waits for ever, though the loop was woken before */
};

static struct ring ring;
static volatile bool woke; /* the test has woken the loop */

static struct ring *ring_of(struct nu_ring *r)
{
    return nu_container(r, struct ring, ring);
}

static void ring_close(struct nu_ring *r)
{
    (void) r;
}

static bool ring_prepare(struct nu_ring *r, struct nu_op *op, uint64_t user_data)
{
    (void) r, (void) op, (void) user_data;
    return false;
}

static bool ring_cancel(struct nu_ring *r, uint64_t user_data)
{
    (void) r, (void) user_data;
    return false;
}

static int ring_enter(struct nu_ring *r, unsigned wait, uint64_t until)
{
    struct ring *mine = ring_of(r);
    bool before = woke; /* looked at first: it may come now */
    (void) until;
    mine->waits = wait > 0;
    mine->lost = before && wait > 0 && !mine->woken;
    return 0;
}

static unsigned ring_reap(struct nu_ring *r, struct nu_completion *list, unsigned n)
{
    (void) r, (void) list, (void) n;
    return 0;
}

static void ring_wake(struct nu_ring *r)
{
    ring_of(r)->woken = true;
}

static ssize_t ring_try_writev(int fd, const struct iovec *iov, unsigned niov)
{
    (void) fd, (void) iov, (void) niov;
    return -EAGAIN;
}

static const char *ring_setup(const struct nu_ring *r)
{
    (void) r;
    return "";
}

static int ring_open(struct nu_ring **ringp, struct nu_bufring *buffers, struct nu_timers *timers);

static const struct nu_ring_kind kind = {
    .name = "test",
    .open = ring_open,
    .close = ring_close,
    .free = ring_close,
    .prepare = ring_prepare,
    .cancel = ring_cancel,
    .enter = ring_enter,
    .reap = ring_reap,
    .wake = ring_wake,
    .try_writev = ring_try_writev,
    .try_send = ring_try_writev,
    .setup = ring_setup,
};

static int ring_open(struct nu_ring **ringp, struct nu_bufring *buffers, struct nu_timers *timers)
{
    (void) buffers, (void) timers;
    ring = (struct ring){ .ring = { .kind = &kind } };
    *ringp = &ring.ring;
    return 0;
}

/* ---- Single steps ------------------------------------------------------------------------- */

static struct nu_loop *loop;

/* Steps lead into ThreadSanitizer's own functions, whose locks its calls from the handler want. */
#if defined __x86_64__ && !defined NU_TSAN

static volatile bool stepping;
static volatile unsigned step, wake_at; /* instructions so far, and the one that is woken behind */

static void stepped(int number, siginfo_t *info, void *context)
{
    ucontext_t *at = context;
    (void) number, (void) info;
    if (!stepping) {
        at->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
        return;
    }
    at->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
    if (++step == wake_at) {
        nu_loop_wake(loop);
        woke = true;
    }
}

/* A turn that is woken behind its n-th instruction; false: it had not so many. */
static bool turn_woken_at(unsigned n)
{
    woke = ring.woken = false;
    step = 0;
    wake_at = n;
    stepping = true;
    raise(SIGTRAP); /* whose handler has the processor trap from then on */
    nu_loop_iterate(loop);
    stepping = false;
    return step >= n;
}

#else

static void stepped(int number, siginfo_t *info, void *context)
{
    (void) number, (void) info, (void) context;
}

static bool turn_woken_at(unsigned n)
{
    (void) n;
    cr_skip_test("neither a processor nor a build that this knows to take in single steps");
    return false;
}

#endif

/* Either the turn does not wait, or its wait is ended, or that is over and the next turn does not
 * wait. */
Test(loop_wake, at_every_instruction, .timeout = 120)
{
    struct sigaction action = { .sa_sigaction = stepped, .sa_flags = SA_SIGINFO };
    unsigned n = 1, waits = 0;
    cr_assert_eq(sigaction(SIGTRAP, &action, NULL), 0);
    loop = nu_loop_new(0);
    cr_assert_not_null(loop);
    cr_assert_eq(nu_loop_open(loop, &kind), 0);
    for (; turn_woken_at(n); n++) {
        cr_assert_not(ring.lost, "a wake-up behind instruction %u is lost", n);
        bool seen = !ring.waits || ring.woken;
        waits += ring.waits;
        nu_loop_iterate(loop);
        cr_assert(seen || !ring.waits, "nobody looks behind instruction %u", n);
    }
    cr_assert_gt(n, 50);
    cr_assert_gt(waits, 0);
    nu_loop_close(loop);
    nu_loop_free(loop);
}
