/* SPDX-License-Identifier: MIT */
/* Certificates as the tests need them, made on the spot. */
#ifndef NU_TESTS_SUPPORT_PKI_H
#define NU_TESTS_SUPPORT_PKI_H

#include <openssl/x509.h>

struct t_cert {
    X509 *cert;
    EVP_PKEY *key;
    char *cert_pem, *key_pem;
};

/* What a certificate is to be. */
struct t_cert_params {
    const char *cn;    /* NULL: "test" */
    const char *san;   /* as OpenSSL has it: "DNS:localhost,IP:127.0.0.1"; NULL: none */
    const char *usage; /* "serverAuth", "clientAuth"; NULL: any */
    long from, to;     /* seconds from now; both 0: good now */
    int rsa;           /* RSA in place of ECDSA P-256 */
};

/* A certificate by itself, with the right to sign others. */
void t_ca_make(struct t_cert *ca, const char *cn);

/* One that the CA has signed; NULL: itself. */
void t_cert_make(struct t_cert *cert, const struct t_cert *ca, const struct t_cert_params *params);

void t_cert_free(struct t_cert *cert);

/* The key in PEM, under that password; for free(). */
char *t_cert_encrypted_key(const struct t_cert *cert, const char *pass);

/* A list that says that `ca` has revoked `cert`; for free(). */
char *t_crl_make(const struct t_cert *ca, const struct t_cert *cert);

#endif
