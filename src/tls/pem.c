/* SPDX-License-Identifier: MIT */
#include "tls/pem.h"

#include "base/error.h"
#include "tls/error.h"

#include <nng/nng.h>

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Files -------------------------------------------------------------------------------- */

/* All of the file; it may be a pipe, so its size says nothing. */
static int pem_read_all(FILE *file, char **textp, size_t *lenp)
{
    size_t len = 0, cap = 16384;
    char *text = NULL;
    for (;;) {
        char *more = realloc(text, cap + 1);
        if (more == NULL) {
            free(text);
            return NNG_ENOMEM;
        }
        text = more;
        len += fread(text + len, 1, cap - len, file);
        if (len < cap) {
            break;
        }
        if (cap >= NU_PEM_MAX) {
            free(text);
            return NNG_EMSGSIZE;
        }
        cap *= 2;
    }
    if (ferror(file)) {
        free(text);
        return nu_error_from_errno(errno);
    }
    text[len] = '\0';
    *textp = text;
    if (lenp != NULL) {
        *lenp = len;
    }
    return 0;
}

int nu_pem_read_file(const char *path, char **textp, size_t *lenp)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return nu_error_from_errno(errno);
    }
    int err = pem_read_all(file, textp, lenp);
    fclose(file);
    return err;
}

/* ---- Our own ------------------------------------------------------------------------------ */

/* OpenSSL would ask the terminal itself if there were no such function. */
static int pem_password(char *buf, int size, int writing, void *arg)
{
    const char *pass = arg;
    size_t n = pass != NULL ? strlen(pass) : 0;
    (void) writing;
    if (pass == NULL || n > (size_t) size) {
        return -1;
    }
    memcpy(buf, pass, n); /* NOLINT(bugprone-not-null-terminated-result): it has a length */
    return (int) n;
}

static BIO *pem_open(const char *text)
{
    return BIO_new_mem_buf(text, -1);
}

static int pem_read_certs(struct nu_credential *cred, const char *text)
{
    BIO *bio = pem_open(text);
    X509 *cert = NULL;
    cred->chain = sk_X509_new_null();
    if (bio == NULL || cred->chain == NULL) {
        BIO_free(bio);
        return NNG_ENOMEM;
    }
    cred->cert = PEM_read_bio_X509_AUX(bio, NULL, pem_password, NULL);
    while (cred->cert != NULL &&
           (cert = PEM_read_bio_X509(bio, NULL, pem_password, NULL)) != NULL) {
        if (sk_X509_push(cred->chain, cert) == 0) {
            X509_free(cert);
            break;
        }
    }
    BIO_free(bio);
    /* The end of the text leaves "no start line"; anything else is malformed. */
    unsigned long error = ERR_peek_last_error();
    bool end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    int err = nu_tls_error();
    return cred->cert != NULL && cert == NULL && end ? 0 : err;
}

static int pem_read_key(struct nu_credential *cred, const char *text, const char *pass)
{
    BIO *bio = pem_open(text);
    if (bio == NULL) {
        return NNG_ENOMEM;
    }
    cred->key = PEM_read_bio_PrivateKey(bio, NULL, pem_password, (void *) pass);
    BIO_free(bio);
    if (cred->key == NULL || X509_check_private_key(cred->cert, cred->key) != 1) {
        return nu_tls_error();
    }
    return 0;
}

void nu_credential_free(struct nu_credential *cred)
{
    if (cred != NULL) {
        X509_free(cred->cert);
        EVP_PKEY_free(cred->key);
        sk_X509_pop_free(cred->chain, X509_free);
        free(cred);
    }
}

int nu_pem_load_credential(struct nu_credential **credp, const char *cert, const char *key,
                           const char *pass)
{
    struct nu_credential *cred = calloc(1, sizeof *cred);
    if (cred == NULL) {
        return NNG_ENOMEM;
    }
    ERR_clear_error();
    int err = pem_read_certs(cred, cert);
    if (err == 0) {
        err = pem_read_key(cred, key, pass);
    }
    ERR_clear_error();
    if (err != 0) {
        nu_credential_free(cred);
        return err;
    }
    *credp = cred;
    return 0;
}

/* ---- Whom we trust ------------------------------------------------------------------------ */

static int pem_add_all(X509_STORE *store, STACK_OF(X509_INFO) * infos)
{
    int found = 0;
    for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
        X509_INFO *info = sk_X509_INFO_value(infos, i);
        if (info->x509 != NULL) {
            if (X509_STORE_add_cert(store, info->x509) != 1) {
                return nu_tls_error();
            }
            found++;
        }
        if (info->crl != NULL) {
            if (X509_STORE_add_crl(store, info->crl) != 1 ||
                X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) != 1) {
                return nu_tls_error();
            }
            found++;
        }
    }
    return found > 0 ? 0 : NNG_ECRYPTO;
}

int nu_pem_add_to_store(X509_STORE *store, const char *text)
{
    ERR_clear_error();
    BIO *bio = pem_open(text);
    if (bio == NULL) {
        return NNG_ENOMEM;
    }
    STACK_OF(X509_INFO) *infos = PEM_X509_INFO_read_bio(bio, NULL, pem_password, NULL);
    BIO_free(bio);
    int err = infos != NULL ? pem_add_all(store, infos) : nu_tls_error();
    sk_X509_INFO_pop_free(infos, X509_INFO_free);
    ERR_clear_error();
    return err;
}
