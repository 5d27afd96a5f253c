/* SPDX-License-Identifier: MIT */
#include "http/client.h"

#include "http/conn.h"
#include "io/runtime.h"
#include "net/address.h"
#include "net/dialer.h"
#include "tls/tls.h"
#include "wire/scheme.h"

#include <stdlib.h>
#include <string.h>

/* What an https client is born with: it trusts nobody yet, and asks for the URL's host. */
static int client_make_config(nng_http_client *client)
{
    int err = nng_tls_config_alloc(&client->tls, NNG_TLS_MODE_CLIENT);
    if (err == 0) {
        err = nng_tls_config_server_name(client->tls, client->url->u_hostname);
    }
    return err;
}

int nng_http_client_alloc(nng_http_client **clientp, const nng_url *url)
{
    struct nu_scheme scheme = nu_scheme_find(url->u_scheme);
    if (!scheme.http || url->u_hostname[0] == '\0') {
        return NNG_EADDRINVAL;
    }
    nng_http_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return NNG_ENOMEM;
    }
    pthread_mutex_init(&client->lock, NULL);
    client->family = scheme.family;
    client->secure = scheme.secure;
    int err = nng_url_clone(&client->url, url);
    if (err == 0 && scheme.family == AF_UNIX) {
        err = nu_address_from_path(client->url->u_hostname, &client->un, &client->un_len);
    }
    if (err == 0 && scheme.secure) {
        err = client_make_config(client);
    }
    if (err != 0) {
        nng_http_client_free(client);
        return err;
    }
    *clientp = client;
    return 0;
}

void nng_http_client_free(nng_http_client *client)
{
    if (client != NULL) {
        nng_url_free(client->url);
        nng_tls_config_free(client->tls);
        pthread_mutex_destroy(&client->lock);
        free(client);
    }
}

/* ---- Connecting --------------------------------------------------------------------------- */

/* What is needed of the client when its server has answered. */
struct secure_dial {
    nng_tls_config *config; /* held */
    char host[];
};

static void client_drop_dial(void *arg)
{
    struct secure_dial *dial = arg;
    nng_tls_config_free(dial->config);
    free(dial);
}

static int client_dialed(void *arg, struct nu_loop *loop, int fd, void **made)
{
    (void) arg;
    return nu_conn_new((nng_http_conn **) made, loop, fd, NULL);
}

static int client_dialed_secure(void *arg, struct nu_loop *loop, int fd, void **made)
{
    const struct secure_dial *dial = arg;
    const struct nu_tls_params params = {
        .config = dial->config,
        .host = dial->host,
        .alpn = "http/1.1",
        .read_ahead = true,
    };
    return nu_conn_new((nng_http_conn **) made, loop, fd, &params);
}

/* NULL: no memory. */
static struct secure_dial *client_secure_dial(nng_http_client *client)
{
    const char *host = client->url->u_hostname;
    size_t size = strlen(host) + 1;
    struct secure_dial *dial = malloc(sizeof *dial + size);
    if (dial != NULL) {
        memcpy(dial->host, host, size);
        nng_http_client_get_tls(client, &dial->config);
    }
    return dial;
}

void nu_client_dial(nng_http_client *client, nng_aio *aio, struct nu_loop *loop)
{
    const char *host = client->url->u_hostname, *port = client->url->u_port;
    struct nu_dial_user user = { .dialed = client_dialed };
    aio->loop = loop;
    if (client->secure) {
        struct secure_dial *dial = client_secure_dial(client);
        if (dial == NULL) {
            nu_aio_finish(aio, NNG_ENOMEM, 0);
            return;
        }
        user = (struct nu_dial_user){ .dialed = client_dialed_secure,
                                      .drop = client_drop_dial,
                                      .arg = dial };
    }
    if (client->family == AF_UNIX) {
        nu_dial_address(aio, loop, (const struct sockaddr *) &client->un, client->un_len, &user);
    } else {
        nu_dial(aio, loop, host, port, client->family, &user);
    }
}

void nng_http_client_connect(nng_http_client *client, nng_aio *aio)
{
    if (!nng_aio_begin(aio)) {
        return;
    }
    struct nu_loop *loop = nu_runtime_pick();
    if (loop == NULL) {
        nu_aio_finish(aio, NNG_ENOTSUP, 0);
        return;
    }
    nu_client_dial(client, aio, loop);
}

/* ---- TLS ---------------------------------------------------------------------------------- */

int nng_http_client_set_tls(nng_http_client *client, nng_tls_config *config)
{
    if (!client->secure) {
        return NNG_ENOTSUP;
    }
    if (config == NULL || nu_tls_mode(config) != NNG_TLS_MODE_CLIENT) {
        return NNG_EINVAL;
    }
    nng_tls_config_hold(config);
    pthread_mutex_lock(&client->lock);
    nng_tls_config *old = client->tls;
    client->tls = config;
    pthread_mutex_unlock(&client->lock);
    nng_tls_config_free(old);
    return 0;
}

int nng_http_client_get_tls(nng_http_client *client, nng_tls_config **configp)
{
    if (!client->secure) {
        return NNG_ENOTSUP;
    }
    pthread_mutex_lock(&client->lock);
    *configp = client->tls;
    nng_tls_config_hold(*configp);
    pthread_mutex_unlock(&client->lock);
    return 0;
}
