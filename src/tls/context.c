/* SPDX-License-Identifier: MIT */
#include "tls/context.h"

#include "tls/choose.h"
#include "tls/error.h"
#include "tls/keylog.h"
#include "tls/tickets.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

/* ---- The configuration -------------------------------------------------------------------- */

static int context_accept_any(int ok, X509_STORE_CTX *store)
{
    (void) ok;
    (void) store;
    return 1; /* SSL_get_verify_result() still says what is wrong */
}

static void context_set_verify(nng_tls_config *config)
{
    if (config->auth == NNG_TLS_AUTH_MODE_NONE) {
        SSL_CTX_set_verify(config->ctx, SSL_VERIFY_NONE, NULL);
    } else if (config->auth == NNG_TLS_AUTH_MODE_OPTIONAL) {
        SSL_CTX_set_verify(config->ctx, SSL_VERIFY_PEER, context_accept_any);
    } else {
        SSL_CTX_set_verify(config->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
}

/* A server that asks for certificates says whose it takes. */
static int context_name_cas(nng_tls_config *config)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(config->ctx));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (ca != NULL && SSL_CTX_add_client_CA(config->ctx, ca) != 1) {
            return nu_tls_error();
        }
    }
    return 0;
}

static bool context_digest_cert(EVP_MD_CTX *md, const X509 *cert)
{
    unsigned char name[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    return X509_digest(cert, EVP_sha256(), name, &n) == 1 && EVP_DigestUpdate(md, name, n) == 1;
}

static bool context_digest_crl(EVP_MD_CTX *md, const X509_CRL *crl)
{
    unsigned char name[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    return X509_CRL_digest(crl, EVP_sha256(), name, &n) == 1 && EVP_DigestUpdate(md, name, n) == 1;
}

/* Those that may sign a client's certificate, and those that are revoked. */
static bool context_digest_store(EVP_MD_CTX *md, X509_STORE *store)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    bool ok = true;
    for (int i = 0; ok && i < sk_X509_OBJECT_num(objects); i++) {
        const X509_OBJECT *object = sk_X509_OBJECT_value(objects, i);
        const X509 *ca = X509_OBJECT_get0_X509(object);
        const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(object);
        ok = (ca == NULL || context_digest_cert(md, ca)) &&
             (crl == NULL || context_digest_crl(md, crl));
    }
    return ok;
}

/* What a ticket is good for: servers that are who this one is, and demand the same of their
 * clients. */
static int context_enable_tickets(nng_tls_config *config)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(md, &config->auth, sizeof config->auth) == 1 &&
              EVP_DigestUpdate(md, &config->system_ca, sizeof config->system_ca) == 1;
    for (const struct nu_credential *cred = config->cred; ok && cred != NULL; cred = cred->next) {
        ok = context_digest_cert(md, cred->cert);
    }
    ok = ok && context_digest_store(md, SSL_CTX_get_cert_store(config->ctx)) &&
         EVP_DigestFinal_ex(md, digest, &len) == 1;
    EVP_MD_CTX_free(md);
    return ok ? nu_tickets_enable(config->ctx, digest, len) : nu_tls_error();
}

/* A key is shown each time. */
static bool context_resumes(const nng_tls_config *config)
{
    return config->tickets && config->psk == NULL;
}

static int context_fix_server(nng_tls_config *config)
{
    if (config->cred == NULL && config->psk == NULL) {
        return NNG_ECRYPTO; /* it could not say who it is */
    }
    nu_choose_enable(config);
    int err = config->auth != NNG_TLS_AUTH_MODE_NONE ? context_name_cas(config) : 0;
    if (err != 0 || !context_resumes(config)) {
        nu_tickets_disable(config->ctx);
        return err;
    }
    return context_enable_tickets(config);
}

/* With the lock held, once. */
static int context_fix(nng_tls_config *config)
{
    context_set_verify(config);
    nu_keylog_enable(config->ctx);
    if (config->mode == NNG_TLS_MODE_SERVER) {
        return context_fix_server(config);
    }
    if (context_resumes(config)) {
        nu_resume_enable(config->ctx);
    }
    return 0;
}

static int context_use(nng_tls_config *config)
{
    pthread_mutex_lock(&config->lock);
    int err = config->used ? 0 : context_fix(config);
    config->used = config->used || err == 0;
    pthread_mutex_unlock(&config->lock);
    return err;
}

/* ---- The connection ----------------------------------------------------------------------- */

/* An address is checked as one, and not asked for by name (RFC 6066 section 3). */
static bool context_is_ip(const char *host)
{
    struct in6_addr addr;
    return inet_pton(AF_INET, host, &addr) == 1 || inet_pton(AF_INET6, host, &addr) == 1;
}

static bool context_set_name(SSL *ssl, const nng_tls_config *config, const char *host)
{
    const char *name = config->server_name != NULL ? config->server_name : host;
    bool verify = config->auth != NNG_TLS_AUTH_MODE_NONE &&
                  (config->server_name != NULL || config->system_ca);
    if (name == NULL || *name == '\0') {
        return !verify || config->server_name != NULL;
    }
    if (context_is_ip(name)) {
        return !verify || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, name) == 1 && (!verify || SSL_set1_host(ssl, name) == 1);
}

static bool context_set_client(SSL *ssl, const nng_tls_config *config, const char *host,
                               const char *alpn)
{
    unsigned char own[NU_ALPN_MAX];
    const unsigned char *list = config->alpn;
    unsigned len = config->alpn_len;
    if (len == 0 && alpn != NULL) {
        list = own;
        len = nu_alpn_of(alpn, own);
    }
    return (len == 0 || SSL_set_alpn_protos(ssl, list, len) == 0) &&
           context_set_name(ssl, config, host);
}

/* From OpenSSL 3.2 on this makes what records are read and written by, and where there is no memory
 * for that it only leaves an error behind, and an SSL that crashes when it is given its BIO. */
static bool context_set_side(SSL *ssl, bool server)
{
    ERR_clear_error();
    if (server) {
        SSL_set_accept_state(ssl);
    } else {
        SSL_set_connect_state(ssl);
    }
    return ERR_peek_error() == 0;
}

int nu_tls_context_open(SSL **sslp, nng_tls_config *config, const char *host, const char *alpn)
{
    ERR_clear_error();
    int err = context_use(config);
    SSL *ssl = err == 0 ? SSL_new(config->ctx) : NULL;
    if (ssl == NULL) {
        return err != 0 ? err : NNG_ENOMEM;
    }
    bool server = config->mode == NNG_TLS_MODE_SERVER;
    if ((!server && !context_set_client(ssl, config, host, alpn)) ||
        !context_set_side(ssl, server)) {
        err = nu_tls_error();
        SSL_free(ssl);
        return err;
    }
    *sslp = ssl;
    return 0;
}

struct nu_resume_place *nu_tls_context_resume(SSL *ssl, nng_tls_config *config, const char *host,
                                              unsigned port)
{
    bool client = config->mode == NNG_TLS_MODE_CLIENT;
    return client && host != NULL && context_resumes(config)
               ? nu_resume_begin(ssl, &config->resume, host, port)
               : NULL;
}
