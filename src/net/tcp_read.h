/* SPDX-License-Identifier: MIT */
/*
 * Reading from a connection: a FIFO of aios, the first of them in the kernel. Bytes that arrived
 * before anybody asked for them are in tcp->rx and are handed out first.
 *
 * On an eager connection, what is in the kernel may also be a receive that is nobody's
 * (tcp->armed), into a buffer of the loop's. It is there whenever the socket was last seen empty
 * and little is in rx, whether or not anybody reads; whoever starts a read then just joins the
 * queue, and its cancellation leaves the receive alone. A vector is filled from rx as long as
 * there is something, and then directly, by a read of its own.
 */
#ifndef NU_NET_TCP_READ_H
#define NU_NET_TCP_READ_H

#include "net/tcp.h"

enum nu_read {
    NU_READ_SOME,  /* done when at least one byte is in the vector */
    NU_READ_ALL,   /* done when the vector is full */
    NU_READ_FILL,  /* done when tcp->rx holds more than before; no vector is used */
    NU_READ_UNTIL, /* done when the reader's function says so, see below */
};

#define NU_READ_MORE (-1)

/*
 * Reads into the vector in aio->io, which is set up (but for NU_READ_FILL). The aio is begun; its
 * count is the bytes that came, whatever its result. NNG_ECONNSHUT when the peer has sent its last.
 * Any thread; NU_READ_FILL, and whoever looks at tcp->rx without the lock, on the owner only.
 *
 * NU_READ_UNTIL: aio->io is set to { .take = ..., .arg = ... }. take(aio, tcp, end) is called on
 * the owner (but see below), with the connection's lock held, so it may start or end nothing on it,
 *   with end 0 when the read's turn has come, when there is more in tcp->rx (at first there may be
 *   nothing in it), and when the vector that it asked for is full;
 *   with the error, NNG_ECONNSHUT for instance, when the stream has ended or failed.
 * It consumes what it wants from tcp->rx, and returns 0 or the NNG error that the read ends with,
 * or NU_READ_MORE (after `end`, the read then ends with that). With NU_READ_MORE it may set iov,
 * niov, total and done in aio->io: as long as done is below total, bytes (those in tcp->rx first)
 * go straight to the vector, else to tcp->rx. The count of the aio is what is in `done` at the end.
 * take is not called for a read that ends for another reason: a cancellation, its deadline, a
 * close, or want of memory.
 */
void nu_tcp_read(struct nu_tcp *tcp, nng_aio *aio, enum nu_read kind);

/*
 * Makes the connection eager: a read that what is in tcp->rx satisfies ends on the thread that
 * starts it, and receives go before the reads. So `take` may be called on any thread, less than two
 * of the loop's buffers come that nobody has asked for, and NU_READ_FILL is not to be had. Owner
 * only, before all reads.
 */
void nu_tcp_read_ahead(struct nu_tcp *tcp);

/* For tcp.c: the owner's side; with the lock held, but for the completion. */
void nu_tcp_read_next(struct nu_tcp *tcp);
void nu_tcp_read_done(struct nu_op *op, int res, uint32_t flags);
void nu_tcp_read_close(struct nu_tcp *tcp);

#endif
