/* SPDX-License-Identifier: MIT */
/* What is known of an established connection. */
#ifndef NU_TLS_INFO_H
#define NU_TLS_INFO_H

#include <nng/uring.h>
#include <openssl/x509.h>
#include <stdbool.h>

struct nu_tls_facts {
    const char *version, *cipher; /* static text; NULL before it is established */
    char *alpn, *server_name;     /* NULL: none */
    X509 *peer;                   /* its certificate; NULL: it has shown none */
    bool verified;
    bool resumed;
};

/* Frees what they hold. */
void nu_tls_facts_free(struct nu_tls_facts *facts);

/* As nng_uring_conn_tls_info() gives it. 0 or NNG_ENOMEM. */
int nu_tls_info_new(nng_uring_tls_info **infop, const struct nu_tls_facts *facts);

/* The SHA-256 of a certificate in hexadecimal digits. */
int nu_tls_fingerprint(X509 *cert, char text[NNG_URING_FINGERPRINT]);

#endif
