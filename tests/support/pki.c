/* SPDX-License-Identifier: MIT */
#include "support/pki.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define DAY (24L * 3600)

/* What was written, for free(). */
static char *take_text(BIO *bio)
{
    char *data;
    long n = BIO_get_mem_data(bio, &data);
    char *text = strndup(data, (size_t) n);
    cr_assert_not_null(text);
    BIO_free(bio);
    return text;
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    cr_assert_not_null(extension, "%s", value);
    cr_assert_eq(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void begin_cert(struct t_cert *c, const char *cn, int rsa)
{
    uint32_t serial;
    c->key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    c->cert = X509_new();
    cr_assert(c->key != NULL && c->cert != NULL);
    cr_assert_eq(RAND_bytes((unsigned char *) &serial, sizeof serial), 1);
    X509_set_version(c->cert, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(c->cert), serial | 1);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c->cert), "CN", MBSTRING_UTF8,
                               (const unsigned char *) cn, -1, -1, 0);
    X509_set_pubkey(c->cert, c->key);
}

static void end_cert(struct t_cert *c, const struct t_cert *ca)
{
    cr_assert_eq(X509_set_issuer_name(c->cert, X509_get_subject_name(ca->cert)), 1);
    cr_assert_gt(X509_sign(c->cert, ca->key, EVP_sha256()), 0);
    BIO *bio = BIO_new(BIO_s_mem());
    cr_assert_eq(PEM_write_bio_X509(bio, c->cert), 1);
    c->cert_pem = take_text(bio);
    bio = BIO_new(BIO_s_mem());
    cr_assert_eq(PEM_write_bio_PrivateKey(bio, c->key, NULL, NULL, 0, NULL, NULL), 1);
    c->key_pem = take_text(bio);
}

void t_ca_make(struct t_cert *ca, const char *cn)
{
    begin_cert(ca, cn, 0);
    X509_gmtime_adj(X509_getm_notBefore(ca->cert), -DAY);
    X509_gmtime_adj(X509_getm_notAfter(ca->cert), 10 * DAY);
    add_extension(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    end_cert(ca, ca);
}

void t_cert_make(struct t_cert *c, const struct t_cert *ca, const struct t_cert_params *params)
{
    bool now = params->from == 0 && params->to == 0;
    begin_cert(c, params->cn != NULL ? params->cn : "test", params->rsa);
    X509 *issuer = ca != NULL ? ca->cert : c->cert;
    X509_gmtime_adj(X509_getm_notBefore(c->cert), now ? -DAY : params->from);
    X509_gmtime_adj(X509_getm_notAfter(c->cert), now ? 10 * DAY : params->to);
    add_extension(c->cert, issuer, NID_basic_constraints, "critical,CA:FALSE");
    if (params->san != NULL) {
        add_extension(c->cert, issuer, NID_subject_alt_name, params->san);
    }
    if (params->usage != NULL) {
        add_extension(c->cert, issuer, NID_ext_key_usage, params->usage);
    }
    end_cert(c, ca != NULL ? ca : c);
}

void t_cert_free(struct t_cert *c)
{
    X509_free(c->cert);
    EVP_PKEY_free(c->key);
    free(c->cert_pem);
    free(c->key_pem);
    memset(c, 0, sizeof *c);
}

char *t_cert_encrypted_key(const struct t_cert *c, const char *pass)
{
    BIO *bio = BIO_new(BIO_s_mem());
    cr_assert_eq(PEM_write_bio_PrivateKey(bio, c->key, EVP_aes_128_cbc(),
                                          (const unsigned char *) pass, (int) strlen(pass), NULL,
                                          NULL),
                 1);
    return take_text(bio);
}

char *t_crl_make(const struct t_cert *ca, const struct t_cert *c)
{
    X509_CRL *crl = X509_CRL_new();
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, -60), *next = X509_gmtime_adj(NULL, 10 * DAY);
    cr_assert(crl != NULL && revoked != NULL);
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
    X509_CRL_set1_lastUpdate(crl, now);
    X509_CRL_set1_nextUpdate(crl, next);
    X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(c->cert));
    X509_REVOKED_set_revocationDate(revoked, now);
    X509_CRL_add0_revoked(crl, revoked);
    cr_assert_gt(X509_CRL_sign(crl, ca->key, EVP_sha256()), 0);
    BIO *bio = BIO_new(BIO_s_mem());
    cr_assert_eq(PEM_write_bio_X509_CRL(bio, crl), 1);
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    X509_CRL_free(crl);
    return take_text(bio);
}
