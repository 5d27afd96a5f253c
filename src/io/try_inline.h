/* SPDX-License-Identifier: MIT */
/*
 * What a thread other than the connection's owner does by itself. A write is tried, without
 * waiting, on a small ring of its own (made at first use, gone with the thread). The attempt is
 * over when the call returns, so a thread that exits leaves nothing on its ring.
 */
#ifndef NU_IO_ATTEMPT_H
#define NU_IO_ATTEMPT_H

#include "io/ring.h"

#include <sys/types.h>
#include <sys/uio.h>

/*
 * Bytes written, or -errno; -EAGAIN when the socket has no room, or when this thread or kernel
 * cannot try: then the loop must do it. Raises no signal. niov is at most NU_TRY_IOVS.
 */
ssize_t nu_try_writev_inline(int fd, const struct iovec *iov, unsigned niov);

/*
 * Waits until a socket has something to receive, or has failed, or the other descriptor can be
 * read, or `until` (NU_NEVER: no limit); or less long. No ring: a thread that waits for one socket
 * and can be told to stop gets nothing from one that poll() does not give it.
 */
void nu_wait_readable(int fd, int other, uint64_t until);

/* Receives what has come: bytes, 0 at the end, or -errno; -EAGAIN: there is nothing. niov is at
 * most NU_TRY_IOVS; the first `skip` bytes of the vector are full. */
ssize_t nu_try_readv_inline(int fd, const struct iovec *iov, unsigned niov, size_t skip);

/* Whether something has come, or the end: as above, with nothing taken. An error is said once. */
ssize_t nu_peek_inline(int fd);

#endif
