/* SPDX-License-Identifier: MIT */
#include <nng/supplemental/tls/tls.h>

#include "support/pki.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <nng/supplemental/http/http.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(tls_config, .timeout = 60);

static nng_tls_config *make(nng_tls_mode mode)
{
    nng_tls_config *config = NULL;
    cr_assert_eq(nng_tls_config_alloc(&config, mode), 0);
    return config;
}

Test(tls_config, alloc_hold_free)
{
    nng_tls_config *config;
    cr_assert_eq(nng_tls_config_alloc(&config, (nng_tls_mode) 2), NNG_EINVAL);
    config = make(NNG_TLS_MODE_CLIENT);
    nng_tls_config_hold(config);
    nng_tls_config_free(config);
    nng_tls_config_free(config);
    nng_tls_config_free(NULL);
    nng_tls_config_hold(NULL);
}

Test(tls_config, modes_and_versions)
{
    nng_tls_config *config = make(NNG_TLS_MODE_SERVER);
    for (int mode = -1; mode < 5; mode++) {
        cr_assert_eq(nng_tls_config_auth_mode(config, (nng_tls_auth_mode) mode),
                     mode >= 0 && mode <= 2 ? 0 : NNG_EINVAL);
    }
    for (int min = 0x300; min <= 0x305; min++) {
        for (int max = 0x300; max <= 0x305; max++) {
            int err = min >= 0x303 && max <= 0x304 && min <= max ? 0 : NNG_ENOTSUP;
            cr_assert_eq(
                nng_tls_config_version(config, (nng_tls_version) min, (nng_tls_version) max), err);
        }
    }
    nng_tls_config_free(config);
}

/* A key that does not fit, or whose password is missing, never asks anybody. */
Test(tls_config, own_certificates)
{
    struct t_cert ca = { 0 }, a = { 0 }, b = { 0 };
    nng_tls_config *config = make(NNG_TLS_MODE_SERVER);
    t_ca_make(&ca, "ca");
    t_cert_make(&a, &ca, &(struct t_cert_params){ .cn = "a" });
    t_cert_make(&b, &ca, &(struct t_cert_params){ .cn = "b", .rsa = 1 });
    char *locked = t_cert_encrypted_key(&a, "sesame");
    close(STDIN_FILENO);
    cr_assert_eq(nng_tls_config_own_cert(config, a.cert_pem, b.key_pem, NULL), NNG_ECRYPTO);
    cr_assert_eq(nng_tls_config_own_cert(config, "nonsense", a.key_pem, NULL), NNG_ECRYPTO);
    cr_assert_eq(nng_tls_config_own_cert(config, a.cert_pem, "", NULL), NNG_ECRYPTO);
    cr_assert_eq(nng_tls_config_own_cert(config, a.cert_pem, locked, NULL), NNG_ECRYPTO);
    cr_assert_eq(nng_tls_config_own_cert(config, a.cert_pem, locked, "wrong"), NNG_ECRYPTO);
    cr_assert_eq(nng_tls_config_own_cert(config, a.cert_pem, locked, "sesame"), 0);
    cr_assert_eq(nng_tls_config_own_cert(config, b.cert_pem, b.key_pem, NULL), 0);
    free(locked);
    nng_tls_config_free(config);
    t_cert_free(&a);
    t_cert_free(&b);
    t_cert_free(&ca);
}

static void write_file(const char *path, const char *text, const char *more)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fprintf(file, "%s%s", text, more);
    fclose(file);
}

Test(tls_config, files)
{
    struct t_cert ca = { 0 };
    char path[] = "/tmp/nng-uring-tls-XXXXXX";
    nng_tls_config *config = make(NNG_TLS_MODE_SERVER);
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    t_ca_make(&ca, "ca");
    char *crl = t_crl_make(&ca, &ca);
    cr_assert_eq(nng_tls_config_ca_file(config, "/none/such"), NNG_ENOENT);
    cr_assert_eq(nng_tls_config_cert_key_file(config, "/none/such", NULL), NNG_ENOENT);
    cr_assert_eq(nng_tls_config_ca_file(config, path), NNG_ECRYPTO); /* it is empty */
    write_file(path, ca.cert_pem, crl);
    cr_assert_eq(nng_tls_config_ca_file(config, path), 0);
    cr_assert_eq(nng_tls_config_cert_key_file(config, path, NULL), NNG_ECRYPTO); /* no key */
    write_file(path, ca.key_pem, ca.cert_pem);
    cr_assert_eq(nng_tls_config_cert_key_file(config, path, NULL), 0);
    write_file(path, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", ca.cert_pem);
    cr_assert_eq(nng_tls_config_ca_file(config, path), NNG_ECRYPTO);
    unlink(path);
    cr_assert_eq(nng_tls_config_ca_chain(config, ca.cert_pem, crl), 0);
    cr_assert_eq(nng_tls_config_ca_chain(config, ca.cert_pem, "none"), NNG_ECRYPTO);
    free(crl);
    t_cert_free(&ca);
    nng_tls_config_free(config);
}

Test(tls_config, psk_and_alpn)
{
    static const uint8_t key[257];
    char identity[129];
    nng_tls_config *config = make(NNG_TLS_MODE_SERVER);
    memset(identity, 'i', 128);
    identity[128] = '\0';
    cr_assert_eq(nng_tls_config_psk(config, "me", key, 0), NNG_ECRYPTO);
    cr_assert_eq(nng_tls_config_psk(config, "me", key, 257), NNG_ECRYPTO);
    cr_assert_eq(nng_tls_config_psk(config, identity, key, 16), NNG_ECRYPTO);
    cr_assert_eq(nng_tls_config_psk(config, "me", key, 256), 0);
    cr_assert_eq(nng_tls_config_psk(config, "me", key, 16), 0);
    cr_assert_eq(nng_uring_tls_config_alpn(config, "h2,http/1.1"), 0);
    cr_assert_eq(nng_uring_tls_config_alpn(config, ""), 0);
    cr_assert_eq(nng_uring_tls_config_alpn(config, ","), NNG_EINVAL);
    cr_assert_eq(nng_uring_tls_config_alpn(config, "a,,b"), NNG_EINVAL);
    cr_assert_eq(nng_uring_tls_config_alpn(config, "a,"), NNG_EINVAL);
    nng_tls_config_free(config);
}

Test(tls_config, self_signed)
{
    char text[NNG_URING_FINGERPRINT];
    nng_tls_config *config = make(NNG_TLS_MODE_SERVER);
    cr_assert_eq(nng_uring_tls_config_fingerprint(config, text), NNG_ENOENT);
    cr_assert_eq(nng_uring_tls_config_self_signed(config, ""), NNG_EINVAL);
    cr_assert_eq(nng_uring_tls_config_self_signed(config, "a,,b"), NNG_EINVAL);
    cr_assert_eq(nng_uring_tls_config_self_signed(config, "a b"), NNG_EINVAL);
    cr_assert_eq(nng_uring_tls_config_self_signed(config, "a=DNS:b"), NNG_EINVAL);
    cr_assert_eq(nng_uring_tls_config_self_signed(config, "host,127.0.0.1,::1"), 0);
    cr_assert_eq(nng_uring_tls_config_fingerprint(config, text), 0);
    cr_assert_eq(strspn(text, "0123456789abcdef"), 64);
    nng_tls_config_free(config);
}

Test(tls_config, engine)
{
    cr_assert_str_eq(nng_tls_engine_name(), "openssl");
    cr_assert_not_null(strstr(nng_tls_engine_description(), "OpenSSL"));
    cr_assert_not(nng_tls_engine_fips_mode());
}
