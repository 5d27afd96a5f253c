/* SPDX-License-Identifier: MIT */
/* A server's inside. Its functions are documented in <nng/supplemental/http/http.h>. */
#ifndef NU_HTTP_SERVER_H
#define NU_HTTP_SERVER_H

#include "base/list.h"
#include "http/error_pages.h"
#include "http/limits.h"
#include "http/router.h"
#include "http/server_shard.h"
#include "http/sockets.h"
#include "net/listen_addrs.h"

#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>

struct nng_http_server {
    struct nu_list link; /* in the list of all, and under its lock */
    unsigned holds;
    char *host, *service;         /* as in the URL; constant */
    bool secure;                  /* constant: it speaks TLS */
    struct nu_listen_addrs addrs; /* what it is bound to when it runs; constant but for what is of a
                                   * UNIX socket, and `reuseport`: under lock */

    _Atomic(struct nu_router *) router; /* read without a lock */
    atomic_ulong connections;           /* of all shards, where there is a limit of its own */
    atomic_uint_least64_t collected;    /* bytes of bodies, of all shards */
    struct nu_error_pages pages;        /* has a lock of its own */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a shard has gone, or become deaf */
    unsigned starts;        /* under lock, like all that follows */
    unsigned drains;        /* nng_uring_server_drain() calls that wait for the shards to go */
    unsigned alive;         /* shards that have not gone */
    unsigned nshards;
    struct nu_server_shard **shards; /* of the current run; NULL where one has gone */
    struct nu_sockets sockets;       /* to listen on in place of `addrs`, if there are any */
    int *bound;                      /* listen for the next start, -1: none; NULL: nothing does */
    unsigned nbound;
    uint64_t limits[NU_LIMITS];  /* for the next start */
    struct nu_networks trusted;  /* likewise: peers that are believed */
    bool proxied;                /* likewise: what they say by the PROXY protocol */
    nng_uring_request_hook hook; /* likewise; NULL: none */
    void *hook_arg;
    struct nng_tls_config *tls; /* held, for new connections; NULL: it is not secure */
};

/* When nothing holds it and no shard is alive. */
void nu_server_free(nng_http_server *server);

#endif
