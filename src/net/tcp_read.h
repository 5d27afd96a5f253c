/*
 * Reading from a connection: a FIFO of aios, one of them in the kernel. Bytes that arrived before
 * anybody asked for them are in tcp->rx and are handed out first.
 */
#ifndef NU_NET_TCP_READ_H
#define NU_NET_TCP_READ_H

#include "net/tcp.h"

enum nu_read {
    NU_READ_SOME, /* done when at least one byte is in the vector */
    NU_READ_ALL,  /* done when the vector is full */
    NU_READ_FILL, /* done when tcp->rx holds more than before; no vector is used */
};

/*
 * Reads into the vector in aio->io, which is set up (but for NU_READ_FILL). The aio is begun; its
 * count is the bytes that came, whatever its result. NNG_ECONNSHUT when the peer has sent its last.
 * Any thread; NU_READ_FILL, and whoever looks at tcp->rx, on the owner only.
 */
void nu_tcp_read(struct nu_tcp *tcp, nng_aio *aio, enum nu_read kind);

/* For tcp.c: the owner's side; with the lock held, but for the completion. */
void nu_tcp_read_next(struct nu_tcp *tcp);
void nu_tcp_read_done(struct nu_op *op, int res, uint32_t flags);
void nu_tcp_read_close(struct nu_tcp *tcp);

#endif
