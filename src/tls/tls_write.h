/* SPDX-License-Identifier: MIT */
/*
 * Writing over TLS: a FIFO of aios. A write is done when records with its bytes (all, or at least
 * one of a WRITE_SOME) have gone to the carrier. What ends it before (an abort, its deadline, a
 * close) ends it at once, for its memory is not in the kernel's hands: what is encrypted counts.
 */
#ifndef NU_TLS_WRITE_H
#define NU_TLS_WRITE_H

#include "tls/record.h"

/* The stream's write. */
void nu_tls_write(struct nu_stream *stream, nng_aio *aio, enum nu_write kind);

/* All below: owner, with the lock held. */

/* Encrypts what is next, and sends it. */
void nu_tls_write_next(struct nu_tls *tls);

/* Ends the writes whose records the carrier has taken. */
void nu_tls_write_sent(struct nu_tls *tls);

/* Ends all of them: what was encrypted will go out, unless `lost`. */
void nu_tls_write_end_all(struct nu_tls *tls, int err, bool lost);

/* A few bytes outside the queue, which is empty. With or without the lock: what it looks at changes
 * on the owner alone. */
void nu_tls_write_now(struct nu_tls *tls, const void *data, size_t n);

/* Tells the peer that no more will follow. False: not while it is in the midst of a message of its
 * own, of which more is received. */
bool nu_tls_write_close_notify(struct nu_tls *tls);

#endif
