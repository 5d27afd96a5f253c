/* SPDX-License-Identifier: MIT */
/* A TLS configuration's inside. Its functions are documented in <nng/supplemental/tls/tls.h>. */
#ifndef NU_TLS_CONFIG_H
#define NU_TLS_CONFIG_H

#include "tls/pem.h"
#include "tls/resume.h"

#include <nng/supplemental/tls/tls.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

#define NU_ALPN_MAX 256
#define NU_PSK_KEY 256
#define NU_PSK_IDENTITY 127

struct nu_psk {
    struct nu_psk *next;
    size_t len;
    unsigned char key[NU_PSK_KEY];
    char identity[NU_PSK_IDENTITY + 1];
};

struct nng_tls_config {
    atomic_uint holds;
    enum nng_tls_mode mode; /* constant */
    pthread_mutex_t lock;

    /* under lock until it is used, constant afterwards; the SSL_CTX has a lock of its own */
    bool used;
    enum nng_tls_auth_mode auth;
    bool system_ca;             /* the system's CAs are trusted */
    bool tickets;               /* sessions are resumed */
    char *server_name;          /* NULL: none was set */
    struct nu_credential *cred; /* our own certificates, in the order they were added */
    struct nu_psk *psk;
    unsigned char alpn[NU_ALPN_MAX]; /* protocols as in the handshake: length, name, ... */
    unsigned alpn_len;
    unsigned char *ocsp; /* the response to staple; NULL: none */
    size_t ocsp_len;
    SSL_CTX *ctx; /* its app data is the configuration */

    struct nu_resume resume; /* a client's sessions; has a lock of its own */
};

/* A protocol (at most 255 bytes) as a list of that one; returns the bytes. */
unsigned nu_alpn_of(const char *protocol, unsigned char list[NU_ALPN_MAX]);

/* Takes a certificate of our own, whether or not it succeeds. Any thread. */
int nu_tls_config_add_credential(nng_tls_config *config, struct nu_credential *cred);

/* Begins to set something; NNG_EBUSY once it is used. 0: the lock is held. */
int nu_tls_config_begin(nng_tls_config *config);

/* Gives the lock back; returns `err`, so that it can be a function's last line. */
int nu_tls_config_end(nng_tls_config *config, int err);

#endif
