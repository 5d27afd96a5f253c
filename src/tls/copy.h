/* SPDX-License-Identifier: MIT */
/* Telling another implementation of NNG's TLS API what a configuration of ours was told. */
#ifndef NU_TLS_COPY_H
#define NU_TLS_COPY_H

#include <nng/supplemental/tls/tls.h>

/* The other's functions, which are like ours; `psk` may be NULL. */
struct nu_tls_setters {
    __typeof__(&nng_tls_config_server_name) server_name;
    __typeof__(&nng_tls_config_ca_chain) ca_chain;
    __typeof__(&nng_tls_config_own_cert) own_cert;
    __typeof__(&nng_tls_config_auth_mode) auth_mode;
    __typeof__(&nng_tls_config_version) version;
    __typeof__(&nng_tls_config_psk) psk;
};

nng_tls_mode nu_tls_config_mode(const nng_tls_config *config);

/*
 * Sets `to`, a new configuration of the other's with the same mode. NNG_ENOTSUP: it trusts the
 * system's CAs, or has a PSK and the other knows none; NNG_ENOMEM, and the other's errors. Any
 * thread.
 */
int nu_tls_config_copy(nng_tls_config *config, const struct nu_tls_setters *set,
                       nng_tls_config *to);

#endif
