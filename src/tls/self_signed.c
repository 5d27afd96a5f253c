/* SPDX-License-Identifier: MIT */
/* A certificate that is made on the spot. */
#include "tls/config.h"
#include "tls/error.h"
#include "tls/info.h"

#include <arpa/inet.h>
#include <nng/uring.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS (90L * 24 * 3600)
#define HOSTS_MAX 2048 /* bytes of the extension's text */

/* "a.example,::1" as OpenSSL's "DNS:a.example,IP:::1". False: an empty name, or too much. */
static bool self_signed_names(const char *hosts, char *out, size_t room)
{
    struct in6_addr addr;
    size_t used = 0;
    do {
        size_t n = strcspn(hosts, ",");
        char host[256];
        if (n == 0 || n >= sizeof host) {
            return false;
        }
        memcpy(host, hosts, n);
        host[n] = '\0';
        bool ip = inet_pton(AF_INET, host, &addr) == 1 || inet_pton(AF_INET6, host, &addr) == 1;
        if (!ip && strpbrk(host, " \t\r\n:;=\\\"") != NULL) {
            return false;
        }
        int len = snprintf(out + used, room - used, "%s%s:%s", used > 0 ? "," : "",
                           ip ? "IP" : "DNS", host);
        if (len < 0 || (size_t) len >= room - used) {
            return false;
        }
        used += (size_t) len;
        hosts += n + (hosts[n] == ',');
    } while (*hosts != '\0');
    return true;
}

static bool self_signed_add(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool self_signed_fill(X509 *cert, EVP_PKEY *key, const char *names)
{
    uint64_t serial;
    X509_NAME *name = X509_get_subject_name(cert);
    return RAND_bytes((unsigned char *) &serial, sizeof serial) == 1 &&
           X509_set_version(cert, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(cert), SECONDS) != NULL &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                      (const unsigned char *) "nng-uring self-signed", -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(cert, name) == 1 && X509_set_pubkey(cert, key) == 1 &&
           self_signed_add(cert, NID_basic_constraints, "critical,CA:FALSE") &&
           self_signed_add(cert, NID_key_usage, "critical,digitalSignature") &&
           self_signed_add(cert, NID_ext_key_usage, "serverAuth") &&
           self_signed_add(cert, NID_subject_alt_name, names) &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

int nng_uring_tls_config_self_signed(nng_tls_config *config, const char *hosts)
{
    char names[HOSTS_MAX];
    if (!self_signed_names(hosts, names, sizeof names)) {
        return NNG_EINVAL;
    }
    ERR_clear_error();
    struct nu_credential *cred = calloc(1, sizeof *cred);
    if (cred == NULL) {
        return NNG_ENOMEM;
    }
    cred->key = EVP_EC_gen("P-256");
    cred->cert = X509_new();
    if (cred->key == NULL || cred->cert == NULL ||
        !self_signed_fill(cred->cert, cred->key, names)) {
        int err = nu_tls_error();
        nu_credential_free(cred);
        return err;
    }
    return nu_tls_config_add_credential(config, cred);
}

int nng_uring_tls_config_fingerprint(nng_tls_config *config, char text[NNG_URING_FINGERPRINT])
{
    pthread_mutex_lock(&config->lock);
    int err = config->cred != NULL ? nu_tls_fingerprint(config->cred->cert, text) : NNG_ENOENT;
    pthread_mutex_unlock(&config->lock);
    return err;
}
