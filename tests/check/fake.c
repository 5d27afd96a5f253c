/* SPDX-License-Identifier: MIT */
#include "check/fake.h"

#include "check/clock.h"

#include <errno.h>
#include <stdatomic.h>

#define MAX_ENTRIES 512
#define REAL_MS 300 /* of a wait, when something is faked */

struct fake fake;

static _Atomic uint64_t ahead; /* of the real clock */

/* What ld --wrap calls the two sides; no header has their prototypes. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
uint64_t __real_nu_now(void);
int __real_nu_uring_open(struct nu_uring *u, unsigned entries, unsigned completions,
                         unsigned flags);
int __real_nu_uring_enter(struct nu_uring *u, unsigned wait, unsigned ms, unsigned more);
bool __real_nu_uring_next(struct nu_uring *u, struct nu_event *event);
int __real_nu_uring_message(int ring_fd, uint64_t tag);

uint64_t __wrap_nu_now(void)
{
    return __real_nu_now() + ahead;
}

int __wrap_nu_uring_open(struct nu_uring *u, unsigned entries, unsigned completions, unsigned flags)
{
    int err = fake.open != NULL ? fake.open(flags) : 0;
    return err != 0 ? err : __real_nu_uring_open(u, entries, completions, flags);
}

static void change_entries(struct nu_uring *u)
{
    struct io_uring_sq *sq = &u->uring.sq;
    struct io_uring_sqe *sqes[MAX_ENTRIES];
    unsigned n = 0;
    for (unsigned i = sq->sqe_head; i != sq->sqe_tail && n < MAX_ENTRIES; i++) {
        sqes[n++] = &sq->sqes[i & *sq->kring_mask];
    }
    if (n > 0) {
        fake.submit(sqes, n);
    }
}

/* Nobody waits long for what was lost: a wait in vain takes the clock far ahead. */
int __wrap_nu_uring_enter(struct nu_uring *u, unsigned wait, unsigned ms, unsigned more)
{
    if (fake.submit != NULL) {
        change_entries(u);
    }
    bool faked = fake.submit != NULL || fake.complete != NULL || fake.message != NULL;
    int res = __real_nu_uring_enter(u, wait, faked && ms > REAL_MS ? REAL_MS : ms, more);
    if (faked && res == -ETIME && ms > REAL_MS) {
        ahead += ms * NU_MS;
    }
    return fake.enter != NULL ? fake.enter(res) : res;
}

bool __wrap_nu_uring_next(struct nu_uring *u, struct nu_event *event)
{
    while (__real_nu_uring_next(u, event)) {
        if (fake.complete == NULL || fake.complete(event)) {
            return true;
        }
    }
    return false;
}

int __wrap_nu_uring_message(int ring_fd, uint64_t tag)
{
    return fake.message == NULL || fake.message(tag) ? __real_nu_uring_message(ring_fd, tag) : 0;
}
