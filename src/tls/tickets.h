/* SPDX-License-Identifier: MIT */
/*
 * Resumption without state: what a server gives its clients to come back with is encrypted with
 * keys that all loops and configurations share. A key encrypts for an hour and decrypts for two
 * more.
 */
#ifndef NU_TLS_TICKETS_H
#define NU_TLS_TICKETS_H

#include <openssl/ssl.h>

#define NU_TICKET_SECONDS 7200 /* how long a session can be resumed */

/* Has a server's connections give tickets that only a server with the same `context` takes: what it
 * demands of its clients. NNG_ECRYPTO, NNG_ENOMEM. */
int nu_tickets_enable(SSL_CTX *ctx, const unsigned char *context, unsigned len);

/* Has them give none. */
void nu_tickets_disable(SSL_CTX *ctx);

#endif
