/* SPDX-License-Identifier: MIT */
#include "tls/digest.h"

#include <nng/nng.h>
#include <openssl/evp.h>

int nu_sha1(const void *data, size_t n, uint8_t digest[NU_SHA1_SIZE])
{
    return EVP_Digest(data, n, digest, NULL, EVP_sha1(), NULL) == 1 ? 0 : NNG_ECRYPTO;
}

void nu_base64(const void *data, size_t n, char *text)
{
    (void) EVP_EncodeBlock((unsigned char *) text, data, (int) n);
}
