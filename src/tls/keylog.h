/* SPDX-License-Identifier: MIT */
/* The secrets of connections in a file, for Wireshark: only where SSLKEYLOGFILE names one, and not
 * in a process that has more rights than who started it. */
#ifndef NU_TLS_KEYLOG_H
#define NU_TLS_KEYLOG_H

#include <openssl/ssl.h>

void nu_keylog_enable(SSL_CTX *ctx);

#endif
