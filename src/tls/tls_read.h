/* SPDX-License-Identifier: MIT */
/*
 * Reading over TLS: a FIFO of aios. What has come is decrypted when somebody reads (or, on a
 * connection that reads ahead, before), straight into the vector where there is one, until OpenSSL
 * wants more of the peer; only then is more received.
 */
#ifndef NU_TLS_READ_H
#define NU_TLS_READ_H

#include "tls/record.h"

/* The stream's read. */
void nu_tls_read(struct nu_stream *stream, nng_aio *aio, enum nu_read kind);

/* Serves the reads with what there is. Owner, with the lock held. */
void nu_tls_read_next(struct nu_tls *tls);

#endif
