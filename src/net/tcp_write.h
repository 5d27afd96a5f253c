/* SPDX-License-Identifier: MIT */
/*
 * Writing to a connection: a FIFO of aios, one of them in the kernel. How an attempt ends is
 * decided from the write's own completion and our state alone; the count is right in each case:
 *
 *   all its bytes, or some of a WRITE_SOME   0
 *   some of another                          goes on; when aborted, closed or late: as below
 *   -ECANCELED, -EINTR                       the abort's code, NNG_ECLOSED or NNG_ETIMEDOUT
 *   -EPIPE, -ECONNRESET                      NNG_ECONNRESET
 */
#ifndef NU_NET_TCP_WRITE_H
#define NU_NET_TCP_WRITE_H

#include "net/tcp.h"

/* The stream's write. */
void nu_tcp_write(struct nu_stream *stream, nng_aio *aio, enum nu_write kind);

/*
 * Writes what there is room for, without waiting, if nothing is before it. 0, an error
 * (NNG_ECANCELED: behind what was cut short), or NU_PENDING: only the first `*done` bytes. Any
 * thread but the owner.
 */
int nu_tcp_write_now(struct nu_tcp *tcp, const struct iovec *iov, unsigned niov, size_t total,
                     size_t *done);

/* For tcp.c: the owner's side; with the lock held, but for the completion. */
void nu_tcp_write_next(struct nu_tcp *tcp);
void nu_tcp_write_done(struct nu_op *op, int res, uint32_t flags);
void nu_tcp_write_close(struct nu_tcp *tcp);

#endif
