/* SPDX-License-Identifier: MIT */
#include "tls/info.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

void nu_tls_facts_free(struct nu_tls_facts *facts)
{
    free(facts->alpn);
    free(facts->server_name);
    X509_free(facts->peer);
    *facts = (struct nu_tls_facts){ 0 };
}

/* ---- Certificates ------------------------------------------------------------------------- */

int nu_tls_fingerprint(X509 *cert, char text[NNG_URING_FINGERPRINT])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n;
    if (X509_digest(cert, EVP_sha256(), digest, &n) != 1) {
        return NNG_ENOMEM;
    }
    for (unsigned i = 0; i < n; i++) {
        *text++ = hex[digest[i] >> 4];
        *text++ = hex[digest[i] & 15];
    }
    *text = '\0';
    return 0;
}

/* A copy for free(), in UTF-8; a name with a NUL in it is not what it seems to be, and is none. */
static char *info_copy_string(const ASN1_STRING *string)
{
    unsigned char *utf8;
    int n = ASN1_STRING_to_UTF8(&utf8, string);
    if (n < 0) {
        return NULL;
    }
    char *copy = memchr(utf8, '\0', (size_t) n) == NULL ? strndup((char *) utf8, (size_t) n) : NULL;
    OPENSSL_free(utf8);
    return copy;
}

static char *info_common_name(X509 *cert)
{
    X509_NAME *name = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    return at < 0 ? NULL
                  : info_copy_string(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
}

/* NULL: of another type, or no memory. */
static char *info_alt_name(const GENERAL_NAME *name)
{
    char text[INET6_ADDRSTRLEN];
    if (name->type == GEN_DNS) {
        return info_copy_string(name->d.dNSName);
    }
    if (name->type == GEN_IPADD) {
        int family = name->d.iPAddress->length == 4    ? AF_INET
                     : name->d.iPAddress->length == 16 ? AF_INET6
                                                       : AF_UNSPEC;
        return family != AF_UNSPEC &&
                       inet_ntop(family, name->d.iPAddress->data, text, sizeof text) != NULL
                   ? strdup(text)
                   : NULL;
    }
    return NULL;
}

static char **info_alt_names(X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int n = names != NULL ? sk_GENERAL_NAME_num(names) : 0, used = 0;
    char **list = calloc((size_t) n + 1, sizeof *list);
    for (int i = 0; list != NULL && i < n; i++) {
        list[used] = info_alt_name(sk_GENERAL_NAME_value(names, i));
        used += list[used] != NULL;
    }
    GENERAL_NAMES_free(names);
    return list;
}

/* ---- All of it ---------------------------------------------------------------------------- */

void nng_uring_tls_info_free(nng_uring_tls_info *info)
{
    if (info == NULL) {
        return;
    }
    for (char **name = info->peer_alt_names; name != NULL && *name != NULL; name++) {
        free(*name);
    }
    free(info->peer_alt_names);
    free(info->peer_cn);
    free(info->alpn);
    free(info->server_name);
    free(info);
}

static char *info_copy(const char *text, int *err)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    *err = text != NULL && copy == NULL ? NNG_ENOMEM : *err;
    return copy;
}

int nu_tls_info_new(nng_uring_tls_info **infop, const struct nu_tls_facts *facts)
{
    nng_uring_tls_info *info = calloc(1, sizeof *info);
    if (info == NULL) {
        return NNG_ENOMEM;
    }
    int err = 0;
    info->version = facts->version;
    info->cipher = facts->cipher;
    info->alpn = info_copy(facts->alpn, &err);
    info->server_name = info_copy(facts->server_name, &err);
    info->verified = facts->verified;
    info->resumed = facts->resumed;
    if (facts->peer != NULL) {
        ERR_clear_error();
        info->peer_cn = info_common_name(facts->peer);
        info->peer_alt_names = info_alt_names(facts->peer);
        err = info->peer_alt_names == NULL ? NNG_ENOMEM : err;
        err = err == 0 ? nu_tls_fingerprint(facts->peer, info->peer_fingerprint) : err;
        ERR_clear_error();
    }
    if (err != 0) {
        nng_uring_tls_info_free(info);
        return err;
    }
    *infop = info;
    return 0;
}
