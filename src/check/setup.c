/* SPDX-License-Identifier: MIT */
#include "check/setup.h"

#include "check/clock.h"
#include "check/sockets.h"
#include "check/steps.h"
#include "check/verdict.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* What a loop of the library asks for. */
#define LOOP_ENTRIES 512U
#define LOOP_COMPLETIONS 4096U
#define MIN_ENTRIES 8U

/* A no-op, and a receive that waits first. */
static void setup_try_ring(struct nu_uring *u, const char *name)
{
    char byte;
    int fd[2];
    nu_pair(fd);
    nu_nop(u, 1);
    nu_expect(nu_await(u, 1) == 0, "a no-op on a ring with %s fails", name);
    nu_recv(u, 2, fd[0], &byte, 1);
    nu_expect(!nu_came(u, 2), "a receive on a ring with %s does not wait", name);
    nu_require(send(fd[1], "x", 1, 0) == 1, "send: %s", nu_res(-errno));
    nu_expect(nu_await(u, 2) == 1, "a receive on a ring with %s fails", name);
}

/* Each rung that is offered has to work; the first of them is the one that is taken. */
void nu_setup_flags(void)
{
    struct nu_uring u;
    const char *name, *taken = NULL;
    unsigned flags, best = 0;
    int refusal = 0;
    for (unsigned rung = 0; (name = nu_rung(rung, &flags)) != NULL; rung++) {
        int err = nu_open_with(&u, 8, 16, flags);
        nu_expect(err == 0 || err == -EINVAL, "with %s: %s", name, nu_res(err));
        refusal = err != 0 ? err : refusal;
        if (err == 0) {
            setup_try_ring(&u, name);
            best = taken == NULL ? rung : best;
            taken = taken == NULL ? name : taken;
        }
    }
    nu_expect(taken != NULL, "no ring can be set up: %s", nu_res(refusal));
    if (best > 0) {
        nu_missing("the best flags are refused (%s); these are taken: %s", nu_res(refusal), taken);
    }
    nu_ok("they work, and so do rings with fewer flags");
}

/* One in vain is tried patiently: the memory of checks before us comes back late. */
void nu_setup_size(void)
{
    struct nu_uring u;
    unsigned flags, entries = LOOP_ENTRIES, completions = LOOP_COMPLETIONS;
    int err = -EINVAL;
    for (unsigned rung = 0; err == -EINVAL && nu_rung(rung, &flags) != NULL; rung++) {
        err = nu_open_with(&u, entries, completions, flags);
    }
    while (err == -ENOMEM && entries > MIN_ENTRIES) {
        entries /= 2;
        completions /= 2;
        err = nu_uring_open(&u, entries, completions, flags);
    }
    nu_expect(err == 0, "not even %u entries: %s", entries, nu_res(err));
    nu_expect(u.entries == entries && u.uring.cq.ring_entries == completions,
              "%u and %u entries instead of %u and %u", u.entries, u.uring.cq.ring_entries, entries,
              completions);
    if (entries < LOOP_ENTRIES) {
        nu_missing("locked memory is short: %u entries and %u completions", entries, completions);
    }
    nu_ok("%u entries and %u completions", entries, completions);
}

void nu_setup_registered(void)
{
    struct nu_uring u;
    nu_open(&u, 8, 16);
    int err = io_uring_register_ring_fd(&u.uring);
    if (err != 1) {
        nu_missing("registering the ring's descriptor: %s", nu_res(err));
    }
    nu_nop(&u, 1);
    int n = nu_uring_enter(&u, 1, 1000, IORING_ENTER_REGISTERED_RING);
    nu_expect(n == 1, "entering through it: %s", nu_res(n));
    nu_expect(nu_await(&u, 1) == 0, "a no-op through it fails");
    nu_ok("entered through it");
}

void nu_setup_submit_all(void)
{
    struct nu_uring u;
    unsigned flags;
    nu_rung(1, &flags);
    int err = nu_open_with(&u, 8, 16, flags & IORING_SETUP_SUBMIT_ALL);
    if (err != 0) {
        nu_missing("the flag is refused: %s", nu_res(err));
    }
    nu_nop(&u, 1);
    nu_sqe(&u, 2)->opcode = 0xff;
    nu_nop(&u, 3);
    int n = nu_uring_enter(&u, 3, 1000, 0);
    nu_expect(n == 3, "with a bad entry in the middle, of 3 entries %s were taken", nu_res(n));
    int bad = nu_await(&u, 2);
    nu_expect(bad == -EINVAL, "the bad entry: %s", nu_res(bad));
    nu_expect(nu_await(&u, 1) == 0 && nu_await(&u, 3) == 0, "its neighbours failed");
    nu_ok("all 3 taken; the bad one says -EINVAL");
}

void nu_wait_deadline(void)
{
    struct nu_uring u;
    nu_open(&u, 8, 16);
    uint64_t start = nu_now();
    int err = nu_uring_enter(&u, 1, 30, 0);
    uint64_t ms = (nu_now() - start) / NU_MS;
    nu_expect(err == -ETIME, "waiting 30 ms for nothing: %s", nu_res(err));
    nu_expect(ms >= 29, "a wait of 30 ms was over after %llu ms", (unsigned long long) ms);
    nu_nop(&u, 1);
    err = nu_uring_enter(&u, 1, 10000, 0);
    nu_expect(err == 1 && nu_await(&u, 1) == 0, "waiting for a no-op: %s", nu_res(err));
    nu_ok("-ETIME after %llu ms", (unsigned long long) ms);
}

static volatile sig_atomic_t alarms;

static void setup_on_alarm(int sig)
{
    (void) sig;
    alarms++;
}

static void setup_alarm_every(long ms)
{
    struct sigaction act = { .sa_handler = setup_on_alarm };
    struct itimerval every = { { 0, ms * 1000 }, { 0, ms * 1000 } };
    nu_require(sigaction(SIGALRM, &act, NULL) == 0 && setitimer(ITIMER_REAL, &every, NULL) == 0,
               "setitimer: %s", nu_res(-errno));
}

void nu_wait_eintr(void)
{
    struct nu_uring u;
    sigset_t alarm;
    int fd[2];
    char byte;
    nu_open(&u, 8, 16);
    nu_pair(fd);
    nu_recv(&u, 1, fd[0], &byte, 1);
    setup_alarm_every(10);
    int err = nu_uring_enter(&u, 1, 3000, 0);
    while (err >= 0) {
        err = nu_uring_enter(&u, 1, 3000, 0);
    }
    nu_expect(err == -EINTR || err == -ETIME, "a signal during a wait: %s", nu_res(err));
    nu_expect(alarms > 0, "no signal came in 3 s");

    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    sigprocmask(SIG_BLOCK, &alarm, NULL);
    int blocked = nu_uring_enter(&u, 1, 100, 0);
    nu_expect(blocked == -ETIME, "a blocked signal during a wait: %s", nu_res(blocked));
    nu_expect(!nu_came(&u, 1), "a receive ended by itself");
    nu_expect(send(fd[1], "x", 1, 0) == 1 && nu_await(&u, 1) == 1 && byte == 'x',
              "the receive did not survive the signals");
    nu_ok("%s, and -ETIME when it is blocked; nothing is lost", nu_res(err));
}
