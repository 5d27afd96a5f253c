/* SPDX-License-Identifier: MIT */
/* What a server chooses for a client in the handshake: the certificate by the name it asks for, the
 * protocol, and whether an OCSP response goes with it. */
#ifndef NU_TLS_CHOOSE_H
#define NU_TLS_CHOOSE_H

#include "tls/config.h"

/* For a server's configuration that is complete. */
void nu_choose_enable(nng_tls_config *config);

#endif
