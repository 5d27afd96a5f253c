/* SPDX-License-Identifier: MIT */
/*
 * An io_uring as we use it: set up down a ladder of flags, entered by one system call that submits,
 * waits and collects. A ring belongs to the thread that opened it; nobody else may touch it.
 */
#ifndef NU_IO_URING_H
#define NU_IO_URING_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

/* Newer than Debian 12's liburing; the values are the kernel's ABI. */
#define NU_RWF_NOSIGNAL 0x100
#define NU_FEAT_NO_IOWAIT (1U << 17)
#define NU_ENTER_NO_IOWAIT (1U << 7)
#define NU_REGISTER_SEND_MSG_RING 31

struct nu_uring {
    struct io_uring uring;
    unsigned entries; /* size of the submission queue */
    unsigned rung;    /* index of the set-up flags that were taken */
    bool registered;  /* entered through a registered descriptor */
};

/* The ladder's set-up flags, best first, and their names; NULL past the end. */
const char *nu_uring_rung_name(unsigned rung);
unsigned nu_uring_rung_flags(unsigned rung);

/*
 * Opens a ring of at most `entries` submission and `completions` completion entries, fewer when
 * locked memory is short, for the calling thread. 0 or -errno of the last thing tried.
 */
int nu_uring_open(struct nu_uring *ring, unsigned entries, unsigned completions);

/* The same for those who can wait a moment: a closed ring gives its locked memory back late. */
int nu_uring_open_patiently(struct nu_uring *ring, unsigned entries, unsigned completions);

/* The calling thread is the one that opened it, and the kernel holds no operation of it. */
void nu_uring_close(struct nu_uring *ring);

/*
 * Submits all that is prepared, and waits for at least `wait` completions, until `until`
 * (nanoseconds on nu_now()'s clock, NU_NEVER for no limit). Returns 0 or -errno; -EINTR, -ETIME,
 * -EAGAIN and -EBUSY are passing conditions: what was not submitted stays prepared.
 */
int nu_uring_enter(struct nu_uring *ring, unsigned wait, uint64_t until);

/* Submission entries that can be prepared before the next enter. */
unsigned nu_uring_space(const struct nu_uring *ring);

#endif
