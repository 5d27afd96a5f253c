/* SPDX-License-Identifier: MIT */
/*
 * A ring as the checks use it: five calls, each close to the kernel's own. Tests put themselves
 * between these and the checks, and play a kernel that misbehaves.
 */
#ifndef NU_CHECK_URING_H
#define NU_CHECK_URING_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

/* A completion. */
struct nu_event {
    uint64_t tag; /* its user_data */
    int32_t res;
    uint32_t flags;
};

#define NU_KEPT 128

struct nu_uring {
    struct io_uring uring;
    unsigned entries;              /* of the submission queue */
    unsigned flags;                /* of the set-up */
    struct nu_event kept[NU_KEPT]; /* what steps.c took and nobody has asked for yet */
    unsigned nkept;
};

/* 0 or -errno, without a second try. The flags are IORING_SETUP_*. */
int nu_uring_open(struct nu_uring *u, unsigned entries, unsigned completions, unsigned flags);

void nu_uring_close(struct nu_uring *u);

/* The next free submission entry, cleared; NULL when all are taken. */
struct io_uring_sqe *nu_uring_sqe(struct nu_uring *u);

/* Submits what is prepared, and waits up to `ms` milliseconds for `wait` completions. Entries taken
 * or -errno. `more` are further flags. */
int nu_uring_enter(struct nu_uring *u, unsigned wait, unsigned ms, unsigned more);

/* Takes the oldest completion there is; false: none. */
bool nu_uring_next(struct nu_uring *u, struct nu_event *event);

/* Sends a completion to the ring behind a descriptor without having one. 0 or -errno. */
int nu_uring_message(int ring_fd, uint64_t tag);

#endif
