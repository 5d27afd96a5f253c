/* SPDX-License-Identifier: MIT */
/* The client's inside. It is documented with its functions in <nng/supplemental/http/http.h>. */
#ifndef NU_HTTP_CLIENT_H
#define NU_HTTP_CLIENT_H

#include "io/loop.h"

#include <nng/supplemental/http/http.h>
#include <pthread.h>
#include <sys/un.h>

/* Where to connect. Copied by every connect, so it may go at any time. */
struct nng_http_client {
    nng_url *url;
    int family;            /* AF_UNSPEC, or what the scheme asks for */
    struct sockaddr_un un; /* AF_UNIX */
    socklen_t un_len;
    bool secure;
    pthread_mutex_t lock;
    struct nng_tls_config *tls; /* held; under lock; NULL: it is not secure */
};

/* Connects on that loop; the begun aio's output 0 is then an nng_http_conn. The client may go when
 * this returns. Any thread. */
void nu_client_dial(nng_http_client *client, nng_aio *aio, struct nu_loop *loop);

#endif
