/* SPDX-License-Identifier: MIT */
#include "check/queue.h"

#include "check/clock.h"
#include "check/sockets.h"
#include "check/steps.h"
#include "check/verdict.h"

#include <errno.h>
#include <unistd.h>

#define PATIENCE (20 * NU_SECOND)

/* All entries prepared, and one more; three times, so that the indices go round. */
void nu_queue_sq_full(void)
{
    struct nu_uring u;
    unsigned total = 0;
    nu_open(&u, 16, 64);
    for (int round = 0; round < 3; round++) {
        unsigned n = 0;
        struct io_uring_sqe *sqe;
        while (n <= u.entries && (sqe = nu_uring_sqe(&u)) != NULL) {
            io_uring_prep_nop(sqe);
            sqe->user_data = ++n;
        }
        nu_expect(n == u.entries, "%u entries were prepared in a queue of %u", n, u.entries);
        nu_submit(&u);
        for (unsigned tag = 1; tag <= n; tag++) {
            nu_expect(nu_await(&u, tag) == 0, "no-op %u fails", tag);
        }
        total += n;
    }
    nu_expect_quiet(&u);
    nu_ok("%u entries in three full queues of %u", total, u.entries);
}

/* Counts what has come, each once. */
static unsigned queue_collect(struct nu_uring *u, unsigned char *seen, unsigned n)
{
    struct nu_event event;
    unsigned count = 0;
    while (nu_uring_next(u, &event)) {
        nu_expect(event.tag >= 1 && event.tag <= n && event.res == 0,
                  "a completion of tag %llu: %s", (unsigned long long) event.tag,
                  nu_res(event.res));
        nu_expect(!seen[event.tag - 1]++, "no-op %llu completed twice",
                  (unsigned long long) event.tag);
        count++;
    }
    return count;
}

/* Nobody collects until all is submitted, unless the kernel insists. */
void nu_queue_cq_overflow(void)
{
    enum { TOTAL = 96 };
    struct nu_uring u;
    unsigned char seen[TOTAL] = { 0 };
    unsigned submitted = 0, collected = 0, busy = 0;
    nu_open(&u, 8, 8);
    nu_expect(u.uring.features & IORING_FEAT_NODROP, "IORING_FEAT_NODROP is not there");
    uint64_t until = nu_now() + PATIENCE;
    while (collected < TOTAL) {
        nu_expect(nu_now() < until, "%u of %u completions were lost", submitted - collected,
                  submitted);
        struct io_uring_sqe *sqe;
        while (submitted < TOTAL && (sqe = nu_uring_sqe(&u)) != NULL) {
            io_uring_prep_nop(sqe);
            sqe->user_data = ++submitted;
        }
        bool all = submitted == TOTAL && io_uring_sq_ready(&u.uring) == 0;
        int err = nu_uring_enter(&u, all, 1000, 0);
        nu_expect(err >= 0 || err == -EBUSY || err == -EAGAIN || err == -EINTR || err == -ETIME,
                  "submitting without collecting: %s", nu_res(err));
        busy += err == -EBUSY;
        if (all || err == -EBUSY) {
            collected += queue_collect(&u, seen, TOTAL);
        }
    }
    nu_ok("%d completions through a queue of %u; -EBUSY %u times", TOTAL, u.uring.cq.ring_entries,
          busy);
}

/* More connections than completions have room, and nobody collects. */
void nu_queue_overflow_multishot(void)
{
    enum { CONNECTIONS = 24, ACCEPT = 1 };
    struct nu_uring u;
    uint16_t port;
    unsigned accepted = 0, ended = 0;
    int listener = nu_listen(&port);
    nu_open(&u, 4, 4);
    nu_accept(&u, ACCEPT, listener);
    nu_submit(&u);
    for (int i = 0; i < CONNECTIONS; i++) {
        nu_connect(port);
        (void) nu_uring_enter(&u, 0, 0, 0); /* whatever it says, collecting comes later */
    }
    while (accepted < CONNECTIONS) {
        struct nu_event event = nu_await_event(&u, ACCEPT);
        nu_expect(event.res >= 0, "connection %u: %s", accepted, nu_res(event.res));
        close(event.res);
        accepted++;
        if ((event.flags & IORING_CQE_F_MORE) == 0 && accepted < CONNECTIONS) {
            ended++;
            nu_accept(&u, ACCEPT, listener);
        }
    }
    nu_expect_quiet(&u);
    nu_ok("%d connections through a queue of %u; it ended %u times", CONNECTIONS,
          u.uring.cq.ring_entries, ended);
}
