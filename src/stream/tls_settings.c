/* SPDX-License-Identifier: MIT */
#include "stream/tls_settings.h"

#include "tls/tls.h"

int nu_tls_settings_init(struct nu_tls_settings *settings, nng_tls_mode mode)
{
    settings->mode = mode;
    return nng_tls_config_alloc(&settings->config, mode);
}

void nu_tls_settings_free(struct nu_tls_settings *settings)
{
    nng_tls_config_free(settings->config);
}

void nu_tls_settings_hold(struct nu_tls_settings *settings, nng_tls_config **configp)
{
    nu_lock(&settings->lock);
    nng_tls_config_hold(settings->config);
    *configp = settings->config;
    nu_unlock(&settings->lock);
}

int nu_tls_settings_get(struct nu_tls_settings *settings, union nu_option_value *value)
{
    nng_tls_config *config;
    nu_tls_settings_hold(settings, &config);
    value->ptr = config;
    return 0;
}

int nu_tls_settings_set(struct nu_tls_settings *settings, const union nu_option_value *value)
{
    nng_tls_config *config = value->ptr;
    if (config == NULL || nu_tls_mode(config) != settings->mode) {
        return NNG_EINVAL;
    }
    nng_tls_config_hold(config);
    nu_lock(&settings->lock);
    nng_tls_config *old = settings->config;
    settings->config = config;
    nu_unlock(&settings->lock);
    nng_tls_config_free(old);
    return 0;
}

int nu_tls_settings_set_auth(struct nu_tls_settings *settings, const union nu_option_value *value)
{
    nng_tls_config *config;
    nu_tls_settings_hold(settings, &config);
    int err = nng_tls_config_auth_mode(config, (nng_tls_auth_mode) value->i);
    nng_tls_config_free(config);
    return err;
}

int nu_tls_settings_set_cert(struct nu_tls_settings *settings, const union nu_option_value *value)
{
    nng_tls_config *config;
    nu_tls_settings_hold(settings, &config);
    int err = nng_tls_config_cert_key_file(config, value->text, NULL);
    nng_tls_config_free(config);
    return err;
}

int nu_tls_settings_set_ca(struct nu_tls_settings *settings, const union nu_option_value *value)
{
    nng_tls_config *config;
    nu_tls_settings_hold(settings, &config);
    int err = nng_tls_config_ca_file(config, value->text);
    nng_tls_config_free(config);
    return err;
}

int nu_tls_settings_set_name(struct nu_tls_settings *settings, const union nu_option_value *value)
{
    nng_tls_config *config;
    nu_tls_settings_hold(settings, &config);
    int err = nng_tls_config_server_name(config, value->text);
    nng_tls_config_free(config);
    return err;
}
