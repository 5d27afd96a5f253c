/* SPDX-License-Identifier: MIT */
/* What WebSocket's handshake needs of OpenSSL: a hash, and base64. */
#ifndef NU_TLS_DIGEST_H
#define NU_TLS_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define NU_SHA1_SIZE 20

/* 0; NNG_ECRYPTO where OpenSSL was built or set up without it. */
int nu_sha1(const void *data, size_t n, uint8_t digest[NU_SHA1_SIZE]);

/* Writes (n + 2) / 3 * 4 characters and a NUL. */
void nu_base64(const void *data, size_t n, char *text);

#endif
