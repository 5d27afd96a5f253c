/* SPDX-License-Identifier: MIT */
/*
 * The handshake: begun at once, waited for by nobody; how it fails is what the first read or write
 * ends with. All loops' other connections go on meanwhile: a turn spends only so long on
 * handshakes.
 */
#ifndef NU_TLS_HANDSHAKE_H
#define NU_TLS_HANDSHAKE_H

#include "tls/record.h"

/* The milliseconds that a handshake may take: NNG_URING_TLS_TIMEOUT. */
unsigned nu_tls_handshake_timeout(void);

/* Goes on with it as far as what has been received allows. Owner, with the lock held. */
void nu_tls_handshake_step(struct nu_tls *tls);

#endif
