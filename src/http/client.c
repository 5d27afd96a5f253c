/* SPDX-License-Identifier: MIT */
#include "http/client.h"

#include "http/conn.h"
#include "io/runtime.h"
#include "net/dialer.h"
#include "wire/scheme.h"

#include <stdlib.h>

int nng_http_client_alloc(nng_http_client **clientp, const nng_url *url)
{
    struct nu_scheme scheme = nu_scheme_find(url->u_scheme);
    if (!scheme.http) {
        return NNG_EADDRINVAL;
    }
    if (scheme.secure) {
        return NNG_ENOTSUP;
    }
    if (url->u_hostname[0] == '\0') {
        return NNG_EADDRINVAL;
    }
    nng_http_client *client = malloc(sizeof *client);
    if (client == NULL) {
        return NNG_ENOMEM;
    }
    int err = nng_url_clone(&client->url, url);
    if (err != 0) {
        free(client);
        return err;
    }
    client->family = scheme.family;
    *clientp = client;
    return 0;
}

void nng_http_client_free(nng_http_client *client)
{
    if (client != NULL) {
        nng_url_free(client->url);
        free(client);
    }
}

static void *client_dialed(struct nu_loop *loop, int fd)
{
    return nu_conn_new(loop, fd);
}

void nu_client_dial(nng_http_client *client, nng_aio *aio, struct nu_loop *loop)
{
    aio->loop = loop;
    const char *host = client->url->u_hostname, *port = client->url->u_port;
    nu_dial(aio, loop, host, port, client->family, client_dialed);
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

int nng_http_client_set_tls(nng_http_client *client, struct nng_tls_config *config)
{
    (void) client;
    (void) config;
    return NNG_ENOTSUP;
}

int nng_http_client_get_tls(nng_http_client *client, struct nng_tls_config **configp)
{
    (void) client;
    (void) configp;
    return NNG_ENOTSUP;
}
