/* SPDX-License-Identifier: MIT */
/* From a configuration to what a connection starts with. */
#ifndef NU_TLS_CONTEXT_H
#define NU_TLS_CONTEXT_H

#include "tls/config.h"

/*
 * Fixes the configuration, which from then on is only read, and makes a connection of it: for a
 * client, one that asks for `host` (its URL's; NULL: it has none). `alpn` is what it speaks if the
 * configuration does not say, and stays as long as the connection. NNG_ECRYPTO: it cannot be used
 * as it is (a server without a certificate or a key, a name that is none). Any thread.
 */
int nu_tls_context_open(SSL **sslp, nng_tls_config *config, const char *host, const char *alpn);

/* Has a client's connection resume the sessions with that host's port, where the configuration
 * wants it: nu_resume_begin(). Any thread. */
struct nu_resume_place *nu_tls_context_resume(SSL *ssl, nng_tls_config *config, const char *host,
                                              unsigned port);

#endif
