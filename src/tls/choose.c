/* SPDX-License-Identifier: MIT */
#include "tls/choose.h"

#include "tls/call.h"

#include <openssl/x509v3.h>
#include <string.h>

static nng_tls_config *choose_config(SSL *ssl)
{
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* Where a certificate is for the name, all that are for it replace the default ones, for one type
 * of key each. */
static int choose_certificate(SSL *ssl, void *arg)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    bool first = true;
    (void) arg;
    if (name == NULL) {
        return 1;
    }
    for (const struct nu_credential *c = choose_config(ssl)->cred; c != NULL; c = c->next) {
        if (X509_check_host(c->cert, name, 0, 0, NULL) != 1) {
            continue;
        }
        if (first) {
            SSL_certs_clear(ssl);
            first = false;
        }
        if (SSL_use_cert_and_key(ssl, c->cert, c->key, c->chain, 1) != 1) {
            return 0;
        }
    }
    return 1;
}

/* The configuration's list, or the one protocol that whoever has the connection speaks. Without one
 * in common the handshake goes on, and none is spoken of. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *outlen,
                           const unsigned char *in, unsigned inlen, void *arg)
{
    const nng_tls_config *config = choose_config(ssl);
    const char *spoken = nu_tls_called(ssl)->alpn;
    unsigned char own[NU_ALPN_MAX];
    const unsigned char *list = config->alpn;
    unsigned len = config->alpn_len;
    (void) arg;
    if (len == 0 && spoken != NULL) {
        list = own;
        len = nu_alpn_of(spoken, own);
    }
    /* Ours in our order; what is handed out has to lie in the client's list, which stays. */
    for (unsigned i = 0; i < len; i += 1U + list[i]) {
        for (unsigned j = 0; j < inlen && j + in[j] < inlen; j += 1U + in[j]) {
            if (in[j] == list[i] && memcmp(in + j + 1, list + i + 1, list[i]) == 0) {
                *out = in + j + 1;
                *outlen = in[j];
                return SSL_TLSEXT_ERR_OK;
            }
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

/* OpenSSL frees the copy. */
static int choose_ocsp(SSL *ssl, void *arg)
{
    const nng_tls_config *config = choose_config(ssl);
    unsigned char *copy = OPENSSL_memdup(config->ocsp, config->ocsp_len);
    (void) arg;
    if (copy == NULL) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long) config->ocsp_len);
    return SSL_TLSEXT_ERR_OK;
}

void nu_choose_enable(nng_tls_config *config)
{
    SSL_CTX *ctx = config->ctx;
    if (config->cred != NULL && config->cred->next != NULL) {
        SSL_CTX_set_cert_cb(ctx, choose_certificate, NULL);
    }
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    if (config->ocsp != NULL) {
        SSL_CTX_set_tlsext_status_cb(ctx, choose_ocsp);
    }
}
