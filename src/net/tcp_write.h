/* SPDX-License-Identifier: MIT */
/*
 * Writing to a connection: a FIFO of aios, one of them in the kernel. How an attempt ends is
 * decided from the write's own completion and our state alone (design.md, decision 3).
 */
#ifndef NU_NET_TCP_WRITE_H
#define NU_NET_TCP_WRITE_H

#include "net/tcp.h"

enum nu_write {
    NU_WRITE_SOME, /* done when at least one byte is written */
    NU_WRITE_ALL,  /* done when every byte is */
    NU_WRITE_FILE, /* the same, with a part of a file behind the vector (tcp_file.h); owner only */
};

/*
 * Writes the vector in aio->io, which is set up. The aio is begun, and finishes with the bytes the
 * peer can receive as its count, whatever its result. Any thread.
 */
void nu_tcp_write(struct nu_tcp *tcp, nng_aio *aio, enum nu_write kind);

/* For tcp.c: the owner's side; with the lock held, but for the completion. */
void nu_tcp_write_next(struct nu_tcp *tcp);
void nu_tcp_write_done(struct nu_op *op, int res, uint32_t flags);
void nu_tcp_write_close(struct nu_tcp *tcp);

#endif
