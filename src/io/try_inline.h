/* SPDX-License-Identifier: MIT */
/*
 * A write that a thread other than the connection's owner tries by itself, without waiting, on a
 * small ring of its own (made at first use, gone with the thread). The attempt is over when the
 * call returns, so a thread that exits leaves nothing on its ring.
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

#endif
