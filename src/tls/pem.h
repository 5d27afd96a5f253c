/* SPDX-License-Identifier: MIT */
/* Certificates, lists of revoked ones and keys, from PEM text. Any thread. */
#ifndef NU_TLS_PEM_H
#define NU_TLS_PEM_H

#include <openssl/x509.h>

#define NU_PEM_MAX ((size_t) 16 << 20) /* bytes of a file */

/* A certificate of our own. */
struct nu_credential {
    X509 *cert;
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* those that signed it, without the root */
    struct nu_credential *next;
};

/* A whole file, with a NUL behind it, for free(); its length, unless that is NULL. NNG_ENOENT,
 * NNG_EPERM, NNG_ENOMEM, NNG_EMSGSIZE.
 */
int nu_pem_read_file(const char *path, char **textp, size_t *lenp);

/* The first certificate, those behind it, and its key; never asks anybody for a password.
 * NNG_ECRYPTO also when the key is another's. */
int nu_pem_load_credential(struct nu_credential **credp, const char *cert, const char *key,
                           const char *pass);
void nu_credential_free(struct nu_credential *cred);

/* All certificates and lists of revoked ones, for the store. Nothing of that kind in the text, or
 * one that is malformed: NNG_ECRYPTO, and the store is as it was. */
int nu_pem_add_to_store(X509_STORE *store, const char *text);

#endif
