/* SPDX-License-Identifier: MIT */
#include "tls/config.h"

#include "tls/error.h"

#include <nng/uring.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* Of TLS 1.2: authenticated encryption only, with forward secrecy; before them those that count
 * where a PSK is set. */
#define CIPHERS                                                                                    \
    "ECDHE-PSK-CHACHA20-POLY1305:PSK-AES256-GCM-SHA384:PSK-AES128-GCM-SHA256:"                     \
    "ECDHE+AESGCM:ECDHE+CHACHA20"

/* ---- Life --------------------------------------------------------------------------------- */

static int config_set_defaults(nng_tls_config *config)
{
    SSL_CTX *ctx = config->ctx;
    SSL_CTX_set_app_data(ctx, config);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(ctx, CIPHERS) != 1) {
        return NNG_ENOMEM; /* nothing else can be wrong */
    }
    return 0;
}

int nng_tls_config_alloc(nng_tls_config **configp, nng_tls_mode mode)
{
    if (mode != NNG_TLS_MODE_CLIENT && mode != NNG_TLS_MODE_SERVER) {
        return NNG_EINVAL;
    }
    nng_tls_config *config = calloc(1, sizeof *config);
    if (config == NULL) {
        return NNG_ENOMEM;
    }
    bool client = mode == NNG_TLS_MODE_CLIENT;
    atomic_init(&config->holds, 1);
    pthread_mutex_init(&config->lock, NULL);
    nu_resume_init(&config->resume);
    config->mode = mode;
    config->auth = client ? NNG_TLS_AUTH_MODE_REQUIRED : NNG_TLS_AUTH_MODE_NONE;
    config->tickets = true;
    /* exit() would have OpenSSL clean up under the loops, which go on until the process is no more.
     */
    (void) OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    ERR_clear_error();
    config->ctx = SSL_CTX_new(client ? TLS_client_method() : TLS_server_method());
    int err = config->ctx != NULL ? config_set_defaults(config) : NNG_ENOMEM;
    ERR_clear_error();
    if (err != 0) {
        nng_tls_config_free(config);
        return err;
    }
    *configp = config;
    return 0;
}

void nng_tls_config_hold(nng_tls_config *config)
{
    if (config != NULL) {
        atomic_fetch_add(&config->holds, 1);
    }
}

static void config_free_psks(struct nu_psk *psk)
{
    while (psk != NULL) {
        struct nu_psk *next = psk->next;
        OPENSSL_cleanse(psk, sizeof *psk);
        free(psk);
        psk = next;
    }
}

static void config_free_credentials(struct nu_credential *cred)
{
    while (cred != NULL) {
        struct nu_credential *next = cred->next;
        nu_credential_free(cred);
        cred = next;
    }
}

void nng_tls_config_free(nng_tls_config *config)
{
    if (config == NULL || atomic_fetch_sub(&config->holds, 1) > 1) {
        return;
    }
    SSL_CTX_free(config->ctx);
    nu_resume_free(&config->resume);
    config_free_credentials(config->cred);
    config_free_psks(config->psk);
    pthread_mutex_destroy(&config->lock);
    free(config->server_name);
    free(config->ocsp);
    free(config);
}

int nu_tls_config_begin(nng_tls_config *config)
{
    pthread_mutex_lock(&config->lock);
    if (config->used) {
        pthread_mutex_unlock(&config->lock);
        return NNG_EBUSY;
    }
    ERR_clear_error();
    return 0;
}

int nu_tls_config_end(nng_tls_config *config, int err)
{
    ERR_clear_error();
    pthread_mutex_unlock(&config->lock);
    return err;
}

/* ---- Whom we trust ------------------------------------------------------------------------ */

int nng_tls_config_server_name(nng_tls_config *config, const char *name)
{
    char *copy = strdup(name);
    if (copy == NULL) {
        return NNG_ENOMEM;
    }
    int err = nu_tls_config_begin(config);
    if (err != 0) {
        free(copy);
        return err;
    }
    free(config->server_name);
    config->server_name = copy;
    return nu_tls_config_end(config, 0);
}

int nng_tls_config_ca_chain(nng_tls_config *config, const char *chain, const char *crl)
{
    int err = nu_tls_config_begin(config);
    if (err != 0) {
        return err;
    }
    X509_STORE *store = SSL_CTX_get_cert_store(config->ctx);
    err = nu_pem_add_to_store(store, chain);
    if (err == 0 && crl != NULL) {
        err = nu_pem_add_to_store(store, crl);
    }
    return nu_tls_config_end(config, err);
}

static int config_add_system_ca(nng_tls_config *config)
{
    int err = nu_tls_config_begin(config);
    if (err != 0) {
        return err;
    }
    if (SSL_CTX_set_default_verify_paths(config->ctx) != 1) {
        return nu_tls_config_end(config, nu_tls_error());
    }
    config->system_ca = true;
    return nu_tls_config_end(config, 0);
}

int nng_tls_config_ca_file(nng_tls_config *config, const char *path)
{
    char *text;
    if (strcmp(path, NNG_URING_TLS_SYSTEM_CA) == 0) {
        return config_add_system_ca(config);
    }
    int err = nu_pem_read_file(path, &text, NULL);
    if (err == 0) {
        err = nng_tls_config_ca_chain(config, text, NULL);
        free(text);
    }
    return err;
}

int nng_tls_config_auth_mode(nng_tls_config *config, nng_tls_auth_mode mode)
{
    if (mode != NNG_TLS_AUTH_MODE_NONE && mode != NNG_TLS_AUTH_MODE_OPTIONAL &&
        mode != NNG_TLS_AUTH_MODE_REQUIRED) {
        return NNG_EINVAL;
    }
    int err = nu_tls_config_begin(config);
    if (err != 0) {
        return err;
    }
    config->auth = mode;
    return nu_tls_config_end(config, 0);
}

/* ---- Who we are --------------------------------------------------------------------------- */

/* The first of each type of key is what a peer without a name gets, so it goes into the context. */
static int config_use_credential(nng_tls_config *config, const struct nu_credential *cred)
{
    for (const struct nu_credential *c = config->cred; c != NULL; c = c->next) {
        if (EVP_PKEY_get_base_id(c->key) == EVP_PKEY_get_base_id(cred->key)) {
            return 0;
        }
    }
    return SSL_CTX_use_cert_and_key(config->ctx, cred->cert, cred->key, cred->chain, 1) == 1
               ? 0
               : nu_tls_error();
}

int nu_tls_config_add_credential(nng_tls_config *config, struct nu_credential *cred)
{
    int err = nu_tls_config_begin(config);
    if (err != 0) {
        nu_credential_free(cred);
        return err;
    }
    err = config_use_credential(config, cred);
    if (err != 0) {
        nu_credential_free(cred);
        return nu_tls_config_end(config, err);
    }
    struct nu_credential **link = &config->cred;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = cred;
    return nu_tls_config_end(config, 0);
}

int nng_tls_config_own_cert(nng_tls_config *config, const char *cert, const char *key,
                            const char *pass)
{
    struct nu_credential *cred;
    int err = nu_pem_load_credential(&cred, cert, key, pass);
    return err != 0 ? err : nu_tls_config_add_credential(config, cred);
}

int nng_tls_config_cert_key_file(nng_tls_config *config, const char *path, const char *pass)
{
    char *text;
    int err = nu_pem_read_file(path, &text, NULL);
    if (err == 0) {
        err = nng_tls_config_own_cert(config, text, text, pass);
        OPENSSL_cleanse(text, strlen(text));
        free(text);
    }
    return err;
}

/* ---- What is spoken ----------------------------------------------------------------------- */

int nng_tls_config_version(nng_tls_config *config, nng_tls_version min, nng_tls_version max)
{
    if (min < NNG_TLS_1_2 || max > NNG_TLS_1_3 || min > max) {
        return NNG_ENOTSUP;
    }
    int err = nu_tls_config_begin(config);
    if (err != 0) {
        return err;
    }
    if (SSL_CTX_set_min_proto_version(config->ctx, (int) min) != 1 ||
        SSL_CTX_set_max_proto_version(config->ctx, (int) max) != 1) {
        err = nu_tls_error();
    }
    return nu_tls_config_end(config, err);
}

/* "h2,http/1.1" as the handshake has it. False: an empty name, or too much. */
static bool config_parse_alpn(const char *text, unsigned char *out, unsigned *len)
{
    unsigned at = 0;
    while (*text != '\0') {
        size_t n = strcspn(text, ",");
        if (n == 0 || n > 255 || at + 1 + n > NU_ALPN_MAX ||
            (text[n] == ',' && text[n + 1] == '\0')) {
            return false;
        }
        out[at] = (unsigned char) n;
        memcpy(out + at + 1, text, n);
        at += 1 + (unsigned) n;
        text += n + (text[n] == ',');
    }
    *len = at;
    return true;
}

unsigned nu_alpn_of(const char *protocol, unsigned char list[NU_ALPN_MAX])
{
    size_t n = strlen(protocol);
    list[0] = (unsigned char) n;
    memcpy(list + 1, protocol, n); /* NOLINT(bugprone-not-null-terminated-result): no string */
    return (unsigned) n + 1;
}

int nng_uring_tls_config_alpn(nng_tls_config *config, const char *protocols)
{
    unsigned char alpn[NU_ALPN_MAX];
    unsigned len;
    if (!config_parse_alpn(protocols, alpn, &len)) {
        return NNG_EINVAL;
    }
    int err = nu_tls_config_begin(config);
    if (err != 0) {
        return err;
    }
    memcpy(config->alpn, alpn, len);
    config->alpn_len = len;
    return nu_tls_config_end(config, 0);
}

int nng_uring_tls_config_resumption(nng_tls_config *config, bool on)
{
    int err = nu_tls_config_begin(config);
    if (err != 0) {
        return err;
    }
    config->tickets = on;
    return nu_tls_config_end(config, 0);
}

int nng_uring_tls_config_ocsp_file(nng_tls_config *config, const char *path)
{
    char *text;
    size_t len;
    int err = nu_pem_read_file(path, &text, &len);
    if (err != 0) {
        return err;
    }
    err = len > 0 ? nu_tls_config_begin(config) : NNG_ECRYPTO;
    if (err != 0) {
        free(text);
        return err;
    }
    free(config->ocsp);
    config->ocsp = (unsigned char *) text;
    config->ocsp_len = len;
    return nu_tls_config_end(config, 0);
}

/* ---- The engine --------------------------------------------------------------------------- */

const char *nng_tls_engine_name(void)
{
    return "openssl";
}

const char *nng_tls_engine_description(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

bool nng_tls_engine_fips_mode(void)
{
    return EVP_default_properties_is_fips_enabled(NULL) == 1;
}
