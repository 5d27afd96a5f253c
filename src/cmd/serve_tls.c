/* SPDX-License-Identifier: MIT */
#include "cmd/serve_tls.h"

#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool serve_tls_wanted(const struct serve_tls *tls)
{
    return tls->cert != NULL || tls->key != NULL || tls->self_signed;
}

const char *serve_tls_misused(const struct serve_tls *tls)
{
    if (tls->self_signed && (tls->cert != NULL || tls->key != NULL)) {
        return "--tls-self-signed makes a certificate; leave out --tls-cert and --tls-key";
    }
    if ((tls->cert == NULL) != (tls->key == NULL)) {
        return "--tls-cert and --tls-key go together";
    }
    if (tls->verify && tls->ca == NULL) {
        return "--tls-verify needs --tls-ca, the file with those who may sign clients' "
               "certificates";
    }
    if (tls->ca != NULL && !serve_tls_wanted(tls)) {
        return "--tls-ca needs --tls-cert and --tls-key, or --tls-self-signed";
    }
    return NULL;
}

/* All of a file, for free(); NULL with errno. */
static char *serve_tls_read(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t room = 0;
    if (file == NULL) {
        return NULL;
    }
    ssize_t n = getdelim(&text, &room, '\0', file);
    fclose(file);
    if (n < 0) {
        free(text);
        text = strdup("");
    }
    return text;
}

static int serve_tls_use_files(const struct serve_tls *tls, nng_tls_config *config,
                               int (*complain)(const char *format, ...))
{
    char *cert = serve_tls_read(tls->cert), *key = NULL;
    int err = -1;
    if (cert == NULL) {
        complain("--tls-cert %s cannot be read: %m", tls->cert);
    } else if ((key = serve_tls_read(tls->key)) == NULL) {
        complain("--tls-key %s cannot be read: %m", tls->key);
    } else if ((err = nng_tls_config_own_cert(config, cert, key, NULL)) != 0) {
        complain("%s and %s are no certificate and its key, in PEM and without a password",
                 tls->cert, tls->key);
    }
    free(cert);
    free(key);
    return err;
}

static int serve_tls_sign(nng_tls_config *config, const char *host,
                          int (*complain)(const char *format, ...))
{
    char name[256] = "", hosts[600];
    (void) gethostname(name, sizeof name - 1);
    snprintf(hosts, sizeof hosts, "localhost,127.0.0.1,::1%s%s%s%s", *name != '\0' ? "," : "", name,
             host != NULL && *host != '\0' && strcmp(host, "*") != 0 ? "," : "",
             host != NULL && strcmp(host, "*") != 0 ? host : "");
    int err = nng_uring_tls_config_self_signed(config, hosts);
    return err != 0 ? complain("no certificate for %s: %s", hosts, nng_strerror(err)) : 0;
}

static int serve_tls_use_ca(const struct serve_tls *tls, nng_tls_config *config,
                            int (*complain)(const char *format, ...))
{
    int err = nng_tls_config_ca_file(config, tls->ca);
    if (err != 0) {
        return complain("--tls-ca %s holds no certificates in PEM that can be read: %s", tls->ca,
                        nng_strerror(err));
    }
    return nng_tls_config_auth_mode(config, tls->verify ? NNG_TLS_AUTH_MODE_REQUIRED
                                                        : NNG_TLS_AUTH_MODE_OPTIONAL);
}

int serve_tls_load(const struct serve_tls *tls, const char *host, nng_tls_config **configp,
                   int (*complain)(const char *format, ...))
{
    nng_tls_config *config;
    int err = nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER);
    if (err != 0) {
        complain("no TLS: %s", nng_strerror(err));
        return -1;
    }
    err = tls->self_signed ? serve_tls_sign(config, host, complain)
                           : serve_tls_use_files(tls, config, complain);
    if (err == 0 && tls->ca != NULL) {
        err = serve_tls_use_ca(tls, config, complain);
    }
    if (err != 0) {
        nng_tls_config_free(config);
        return -1;
    }
    *configp = config;
    return 0;
}
