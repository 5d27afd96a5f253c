/* SPDX-License-Identifier: MIT */
/* What OpenSSL says went wrong, as NNG's errors. Any thread; OpenSSL keeps a queue for each. */
#ifndef NU_TLS_ERROR_H
#define NU_TLS_ERROR_H

/* Empties the queue, which has to be done before a call that SSL_get_error() is asked about. */
void nu_tls_forget_errors(void);

/* The error for what the last call has left in the queue, which is then empty: NNG_ENOMEM or
 * NNG_ECRYPTO. */
int nu_tls_error(void);

/* The same on a connection: also NNG_EPEERAUTH, where it is about the peer's certificate. */
int nu_tls_peer_error(void);

#endif
