/* SPDX-License-Identifier: MIT */
/*
 * Reading from a connection: a FIFO of aios, the first of them in the kernel. Bytes that arrived
 * before anybody asked for them are in stream.rx and are handed out first.
 *
 * On a connection that reads ahead, what is in the kernel may also be a receive that is nobody's
 * (NU_TCP_READ_AHEAD), into a buffer of the loop's. It is there whenever the socket was last seen
 * empty and little is in rx, whether or not anybody reads; whoever starts a read then just joins
 * the queue, and its cancellation leaves the receive alone. A vector is filled from rx as long as
 * there is something, and then directly, by a read of its own.
 *
 * Where threads wait for one read after the other on such a connection, they come to receive for
 * themselves (tcp_direct.h), and no receive goes before.
 */
#ifndef NU_NET_TCP_READ_H
#define NU_NET_TCP_READ_H

#include "net/tcp.h"

/* The stream's read. */
void nu_tcp_read(struct nu_stream *stream, nng_aio *aio, enum nu_read kind);

/*
 * Makes the connection read ahead: a read that what is in rx satisfies ends on the thread that
 * starts it, and receives go before the reads. So `take` may be called on any thread, less than two
 * of the loop's buffers come that nobody has asked for, and NU_READ_FILL is not to be had. Owner
 * only, before all reads.
 */
void nu_tcp_read_ahead(struct nu_tcp *tcp);

/*
 * On a connection that does not: receives before the next read, once, if nothing of it is here and
 * no read is under way. Whether it is, so that something from the peer, or its end, wakes the owner
 * (nu_loop_stir()). Owner only.
 */
bool nu_tcp_read_begin(struct nu_tcp *tcp);

/* Whether that has not ended yet, and the loop's count for nu_loop_post_quietly(). Any thread. */
bool nu_tcp_read_is_begun(struct nu_tcp *tcp, unsigned *stirred);

/* Where no receive goes before the reads, because the threads that wait for them do it: receives
 * what has come already. With the lock held; any thread. */
void nu_tcp_read_catch_up(struct nu_tcp *tcp);

/* For tcp.c: the owner's side; with the lock held, but for the completion. */
void nu_tcp_read_woken(struct nu_tcp *tcp);
void nu_tcp_read_done(struct nu_op *op, int res, uint32_t flags);
void nu_tcp_read_close(struct nu_tcp *tcp);

#endif
