/* SPDX-License-Identifier: MIT */
/*
 * Linked into the tests. OpenSSL does not clean up when they exit, for loops and relays may be busy
 * then. Whoever uses OpenSSL first decides that, and in a test this is Criterion: its libgit2 has
 * libssh2.
 */
#include <openssl/crypto.h>

__attribute__((constructor)) static void openssl_stays(void)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}
