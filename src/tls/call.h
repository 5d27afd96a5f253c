/* SPDX-License-Identifier: MIT */
/*
 * What OpenSSL is asked to do on a connection. It has a BIO only meanwhile, and all connections of
 * a loop have the same one in turn: one of its own would cost each of them 200 bytes.
 *
 * Each returns what the SSL function does, if that is above 0, else the negative of what
 * SSL_get_error() makes of it; OpenSSL's queue says more. Owner, with the lock held.
 */
#ifndef NU_TLS_CALL_H
#define NU_TLS_CALL_H

#include "tls/record.h"

int nu_tls_call_handshake(struct nu_tls *tls);
int nu_tls_call_read(struct nu_tls *tls, void *p, size_t room);
int nu_tls_call_write(struct nu_tls *tls, const void *p, size_t n);
int nu_tls_call_shutdown(struct nu_tls *tls);

/* The connection of an SSL that is being called. */
struct nu_tls *nu_tls_called(const SSL *ssl);

#endif
