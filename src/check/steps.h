/* SPDX-License-Identifier: MIT */
/*
 * What checks do with a ring, step by step. A step that does not come off is the end of the check:
 * broken, with what was seen.
 */
#ifndef NU_CHECK_STEPS_H
#define NU_CHECK_STEPS_H

#include "check/uring.h"

#include <stddef.h>
#include <sys/uio.h>

/* ---- Rings --------------------------------------------------------------------------------- */

/* The set-up flags that the library would take, best first; NULL past the end. */
const char *nu_rung(unsigned rung, unsigned *flags);

/* Opens a ring as the library does: down the ladder, patient where locked memory is short. */
void nu_open(struct nu_uring *u, unsigned entries, unsigned completions);

/* With these flags alone. 0 or -errno, but patient. */
int nu_open_with(struct nu_uring *u, unsigned entries, unsigned completions, unsigned flags);

/* ---- Submitting: each fills the next entry ------------------------------------------------- */

struct io_uring_sqe *nu_sqe(struct nu_uring *u, uint64_t tag);
struct io_uring_sqe *nu_nop(struct nu_uring *u, uint64_t tag);
struct io_uring_sqe *nu_writev(struct nu_uring *u, uint64_t tag, int fd, const struct iovec *iov,
                               unsigned niov, unsigned rw_flags);
struct io_uring_sqe *nu_sendmsg(struct nu_uring *u, uint64_t tag, int fd, const struct msghdr *msg,
                                unsigned flags); /* without a signal */
struct io_uring_sqe *nu_recv(struct nu_uring *u, uint64_t tag, int fd, void *to, size_t n);
struct io_uring_sqe *nu_accept(struct nu_uring *u, uint64_t tag, int fd); /* multishot */
struct io_uring_sqe *nu_cancel(struct nu_uring *u, uint64_t tag, uint64_t target);

/* Links a deadline to the entry before it. `ts` lives until the submit. */
struct io_uring_sqe *nu_deadline(struct nu_uring *u, uint64_t tag, struct __kernel_timespec *ts,
                                 uint64_t ns, unsigned flags);

/* Shows the kernel all that was filled, and does not wait. It takes all. */
void nu_submit(struct nu_uring *u);

/* ---- Collecting ---------------------------------------------------------------------------- */

/* Submits, and waits for a completion of that tag. Others are kept until they are asked for. */
struct nu_event nu_await_event(struct nu_uring *u, uint64_t tag);
int nu_await(struct nu_uring *u, uint64_t tag);

/* The same for the next one, whatever its tag. */
struct nu_event nu_await_any(struct nu_uring *u);

/* Submits, lets the kernel do all that it can do now, and says whether a completion of that tag has
 * come; it stays. */
bool nu_came(struct nu_uring *u, uint64_t tag);

/* The same for any completion that nobody has asked for. */
bool nu_any_came(struct nu_uring *u, struct nu_event *event);

/* No completion but those asked for has come, nor comes now. */
void nu_expect_quiet(struct nu_uring *u);

#endif
