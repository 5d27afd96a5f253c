/* SPDX-License-Identifier: MIT */
/*
 * The TLS options of a dialer or listener: a configuration of its own, which another one can take
 * the place of at any time; streams that are made from then on use that. Any thread.
 */
#ifndef NU_STREAM_TLS_SETTINGS_H
#define NU_STREAM_TLS_SETTINGS_H

#include "io/lock.h"
#include "stream/option.h"

#include <nng/supplemental/tls/tls.h>

/* All zero: there is no TLS. */
struct nu_tls_settings {
    struct nu_mutex lock;
    nng_tls_mode mode;      /* constant */
    nng_tls_config *config; /* held; under lock */
};

int nu_tls_settings_init(struct nu_tls_settings *settings, nng_tls_mode mode);
void nu_tls_settings_free(struct nu_tls_settings *settings);

/* The configuration in force, for nng_tls_config_free(). */
void nu_tls_settings_hold(struct nu_tls_settings *settings, nng_tls_config **configp);

/* Options: a pointer to a configuration, which comes with a hold, or a setting of it. NNG_EINVAL:
 * no configuration, or one for the other side; else what nng_tls_config_* says. */
int nu_tls_settings_get(struct nu_tls_settings *settings, union nu_option_value *value);
int nu_tls_settings_set(struct nu_tls_settings *settings, const union nu_option_value *value);
int nu_tls_settings_set_auth(struct nu_tls_settings *settings, const union nu_option_value *value);
int nu_tls_settings_set_cert(struct nu_tls_settings *settings, const union nu_option_value *value);
int nu_tls_settings_set_ca(struct nu_tls_settings *settings, const union nu_option_value *value);
int nu_tls_settings_set_name(struct nu_tls_settings *settings, const union nu_option_value *value);

#endif
