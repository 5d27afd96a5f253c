/* SPDX-License-Identifier: MIT */
#include "tls/copy.h"

#include "tls/config.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

nng_tls_mode nu_tls_config_mode(const nng_tls_config *config)
{
    return config->mode;
}

/* What was written, as text; NULL: no memory. */
static const char *copy_text(BIO *bio)
{
    char *text;
    return BIO_write(bio, "", 1) == 1 && BIO_get_mem_data(bio, &text) > 0 ? text : NULL;
}

/* Keys are among it. */
static void copy_free(BIO *bio)
{
    char *text;
    long n = bio != NULL ? BIO_get_mem_data(bio, &text) : 0;
    if (n > 0) {
        OPENSSL_cleanse(text, (size_t) n);
    }
    BIO_free(bio);
}

/* ---- Whom it trusts ----------------------------------------------------------------------- */

/* Writes all that is in the store. False: no memory. */
static bool copy_print_store(X509_STORE *store, BIO *cas, BIO *crls)
{
    bool good = X509_STORE_lock(store) == 1;
    const STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    for (int i = 0; good && i < sk_X509_OBJECT_num(objects); i++) {
        const X509_OBJECT *object = sk_X509_OBJECT_value(objects, i);
        if (X509_OBJECT_get_type(object) == X509_LU_X509) {
            good = PEM_write_bio_X509(cas, X509_OBJECT_get0_X509(object)) == 1;
        } else if (X509_OBJECT_get_type(object) == X509_LU_CRL) {
            good = PEM_write_bio_X509_CRL(crls, X509_OBJECT_get0_X509_CRL(object)) == 1;
        }
    }
    X509_STORE_unlock(store);
    return good;
}

static int copy_trust(nng_tls_config *config, const struct nu_tls_setters *set, nng_tls_config *to)
{
    BIO *cas = BIO_new(BIO_s_mem()), *crls = BIO_new(BIO_s_mem());
    int err = NNG_ENOMEM;
    if (cas != NULL && crls != NULL &&
        copy_print_store(SSL_CTX_get_cert_store(config->ctx), cas, crls)) {
        bool any = BIO_pending(cas) > 0, revoked = BIO_pending(crls) > 0;
        const char *ca = copy_text(cas), *crl = copy_text(crls);
        if (ca != NULL && crl != NULL) {
            err = any ? set->ca_chain(to, ca, revoked ? crl : NULL) : 0;
        }
    }
    copy_free(cas);
    copy_free(crls);
    return err;
}

/* ---- Who it is ---------------------------------------------------------------------------- */

static bool copy_print_credential(const struct nu_credential *cred, BIO *certs, BIO *key)
{
    bool good = PEM_write_bio_X509(certs, cred->cert) == 1 &&
                PEM_write_bio_PrivateKey(key, cred->key, NULL, NULL, 0, NULL, NULL) == 1;
    for (int i = 0; good && i < sk_X509_num(cred->chain); i++) {
        good = PEM_write_bio_X509(certs, sk_X509_value(cred->chain, i)) == 1;
    }
    return good;
}

static int copy_credential(const struct nu_credential *cred, const struct nu_tls_setters *set,
                           nng_tls_config *to)
{
    BIO *certs = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());
    int err = NNG_ENOMEM;
    if (certs != NULL && key != NULL && copy_print_credential(cred, certs, key)) {
        const char *cert_text = copy_text(certs), *key_text = copy_text(key);
        if (cert_text != NULL && key_text != NULL) {
            err = set->own_cert(to, cert_text, key_text, NULL);
        }
    }
    copy_free(certs);
    copy_free(key);
    return err;
}

/* ---- All of it ---------------------------------------------------------------------------- */

/* The other's defaults are ours, as far as it can do that. */
static int copy_version(const nng_tls_config *config, const struct nu_tls_setters *set,
                        nng_tls_config *to)
{
    long min = SSL_CTX_get_min_proto_version(config->ctx);
    long max = SSL_CTX_get_max_proto_version(config->ctx);
    bool usual = min == TLS1_2_VERSION && max == TLS1_3_VERSION;
    return usual ? 0 : set->version(to, (nng_tls_version) min, (nng_tls_version) max);
}

static int copy_all(nng_tls_config *config, const struct nu_tls_setters *set, nng_tls_config *to)
{
    int err = config->system_ca || (config->psk != NULL && set->psk == NULL) ? NNG_ENOTSUP : 0;
    if (err == 0) {
        err = copy_version(config, set, to);
    }
    if (err == 0) {
        err = copy_trust(config, set, to);
    }
    if (err == 0) {
        err = set->auth_mode(to, config->auth);
    }
    if (err == 0 && config->server_name != NULL) {
        err = set->server_name(to, config->server_name);
    }
    for (const struct nu_credential *c = config->cred; err == 0 && c != NULL; c = c->next) {
        err = copy_credential(c, set, to);
    }
    for (const struct nu_psk *psk = config->psk; err == 0 && psk != NULL; psk = psk->next) {
        err = set->psk(to, psk->identity, psk->key, psk->len);
    }
    return err;
}

int nu_tls_config_copy(nng_tls_config *config, const struct nu_tls_setters *set, nng_tls_config *to)
{
    pthread_mutex_lock(&config->lock);
    int err = copy_all(config, set, to);
    ERR_clear_error();
    pthread_mutex_unlock(&config->lock);
    return err;
}
