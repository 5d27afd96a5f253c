/* SPDX-License-Identifier: MIT */
#include "ws/ws_listener_options.h"

#include "http/server.h"
#include "net/address.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Where it is --------------------------------------------------------------------------- */

static int ws_listener_options_get_local(void *object, union nu_option_value *value)
{
    struct nu_ws_listener *l = object;
    int err = nng_http_server_get_addr(l->server, &value->addr);
    return err != NNG_ESTATE
               ? err
               : nu_address_to_nng((struct sockaddr *) &l->server->addrs.ss[0], &value->addr);
}

static int ws_listener_options_get_port(void *object, union nu_option_value *value)
{
    struct nu_ws_listener *l = object;
    nng_sockaddr addr;
    int err = nng_http_server_get_addr(l->server, &addr);
    if (err == 0) {
        uint16_t port = addr.s_family == NNG_AF_INET ? addr.s_in.sa_port : addr.s_in6.sa_port;
        value->i = ntohs(port);
    }
    return err;
}

/* With the port that it has. */
static int ws_listener_options_get_url(void *object, union nu_option_value *value)
{
    struct nu_ws_listener *l = object;
    const nng_url *url = l->url;
    union nu_option_value port;
    bool v6 = strchr(url->u_hostname, ':') != NULL;
    char *text;
    if (strcmp(url->u_port, "0") != 0 || ws_listener_options_get_port(l, &port) != 0) {
        value->text = nng_strdup(url->u_rawurl);
        return value->text != NULL ? 0 : NNG_ENOMEM;
    }
    if (asprintf(&text, "%s://%s%s%s:%d%s", url->u_scheme, v6 ? "[" : "", url->u_hostname,
                 v6 ? "]" : "", port.i, url->u_requri) < 0) {
        return NNG_ENOMEM;
    }
    value->text = nng_strdup(text);
    free(text);
    return value->text != NULL ? 0 : NNG_ENOMEM;
}

static int ws_listener_options_get_flag(struct nu_ws_listener *l, const bool *flag,
                                        union nu_option_value *value)
{
    nu_lock(&l->endpoint.lock);
    value->b = *flag;
    nu_unlock(&l->endpoint.lock);
    return 0;
}

static int ws_listener_options_set_flag(struct nu_ws_listener *l, bool *flag,
                                        const union nu_option_value *value)
{
    nu_lock(&l->endpoint.lock);
    *flag = value->b;
    nu_unlock(&l->endpoint.lock);
    return 0;
}

static int ws_listener_options_get_nodelay(void *object, union nu_option_value *value)
{
    struct nu_ws_listener *l = object;
    return ws_listener_options_get_flag(l, &l->nodelay, value);
}

static int ws_listener_options_set_nodelay(void *object, const union nu_option_value *value)
{
    struct nu_ws_listener *l = object;
    return ws_listener_options_set_flag(l, &l->nodelay, value);
}

static int ws_listener_options_get_keepalive(void *object, union nu_option_value *value)
{
    struct nu_ws_listener *l = object;
    return ws_listener_options_get_flag(l, &l->keepalive, value);
}

static int ws_listener_options_set_keepalive(void *object, const union nu_option_value *value)
{
    struct nu_ws_listener *l = object;
    return ws_listener_options_set_flag(l, &l->keepalive, value);
}

static int ws_listener_options_set_origins(void *object, const union nu_option_value *value)
{
    struct nu_ws_listener *l = object;
    char *copy = strdup(value->text);
    if (copy == NULL) {
        return NNG_ENOMEM;
    }
    nu_lock(&l->endpoint.lock);
    char *old = l->origins;
    l->origins = copy;
    nu_unlock(&l->endpoint.lock);
    free(old);
    return 0;
}

/* ---- The server's TLS --------------------------------------------------------------------- */

static int ws_listener_options_get_config(void *object, union nu_option_value *value)
{
    nng_tls_config *config;
    int err = nng_http_server_get_tls(((struct nu_ws_listener *) object)->server, &config);
    if (err == 0) {
        value->ptr = config;
    }
    return err;
}

static int ws_listener_options_set_config(void *object, const union nu_option_value *value)
{
    return nng_http_server_set_tls(((struct nu_ws_listener *) object)->server, value->ptr);
}

/* Changes the server's configuration. */
static int ws_listener_options_configure(void *object, const union nu_option_value *value,
                                         int (*set)(nng_tls_config *config,
                                                    const union nu_option_value *value))
{
    union nu_option_value config;
    int err = ws_listener_options_get_config(object, &config);
    if (err == 0) {
        err = set(config.ptr, value);
        nng_tls_config_free(config.ptr);
    }
    return err;
}

static int ws_listener_options_auth(nng_tls_config *config, const union nu_option_value *value)
{
    return nng_tls_config_auth_mode(config, (nng_tls_auth_mode) value->i);
}

static int ws_listener_options_cert(nng_tls_config *config, const union nu_option_value *value)
{
    return nng_tls_config_cert_key_file(config, value->text, NULL);
}

static int ws_listener_options_ca(nng_tls_config *config, const union nu_option_value *value)
{
    return nng_tls_config_ca_file(config, value->text);
}

static int ws_listener_options_set_auth(void *object, const union nu_option_value *value)
{
    return ws_listener_options_configure(object, value, ws_listener_options_auth);
}

static int ws_listener_options_set_cert(void *object, const union nu_option_value *value)
{
    return ws_listener_options_configure(object, value, ws_listener_options_cert);
}

static int ws_listener_options_set_ca(void *object, const union nu_option_value *value)
{
    return ws_listener_options_configure(object, value, ws_listener_options_ca);
}

const struct nu_option nu_ws_listener_options[] = {
    NU_WS_ENDPOINT_OPTIONS,
    { NNG_OPT_WS_RESPONSE_HEADERS, NU_OPTION_STRING, NULL, nu_ws_set_headers },
    { NNG_OPT_WS_RESPONSE_HEADER, NU_OPTION_STRING, NULL, nu_ws_set_header },
    { NNG_URING_OPT_WS_ORIGINS, NU_OPTION_STRING, NULL, ws_listener_options_set_origins },
    { NNG_OPT_URL, NU_OPTION_STRING, ws_listener_options_get_url, NULL },
    { NNG_OPT_LOCADDR, NU_OPTION_ADDR, ws_listener_options_get_local, NULL },
    { NNG_OPT_TCP_BOUND_PORT, NU_OPTION_INT, ws_listener_options_get_port, NULL },
    { NNG_OPT_TCP_NODELAY, NU_OPTION_BOOL, ws_listener_options_get_nodelay,
      ws_listener_options_set_nodelay },
    { NNG_OPT_TCP_KEEPALIVE, NU_OPTION_BOOL, ws_listener_options_get_keepalive,
      ws_listener_options_set_keepalive },
    { NNG_OPT_TLS_CONFIG, NU_OPTION_PTR, ws_listener_options_get_config,
      ws_listener_options_set_config },
    { NNG_OPT_TLS_AUTH_MODE, NU_OPTION_INT, NULL, ws_listener_options_set_auth },
    { NNG_OPT_TLS_CERT_KEY_FILE, NU_OPTION_STRING, NULL, ws_listener_options_set_cert },
    { NNG_OPT_TLS_CA_FILE, NU_OPTION_STRING, NULL, ws_listener_options_set_ca },
    { .name = NULL },
};
