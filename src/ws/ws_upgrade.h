/* SPDX-License-Identifier: MIT */
/* A server's part of the upgrade: a request that a handler was called with becomes a WebSocket, or
 * is refused (RFC 6455 4.2). */
#ifndef NU_WS_WS_UPGRADE_H
#define NU_WS_WS_UPGRADE_H

#include "ws/ws.h"

/* What is needed of a listener. */
struct nu_ws_upgrade_params {
    struct nu_ws_endpoint *endpoint;
    bool nodelay, keepalive;
    char *origins;                                   /* a list; NULL: all are allowed */
    uint16_t (*check)(void *arg, nng_http_req *req); /* NULL: none */
    void *check_arg;

    /* A request was upgraded, or (NULL) not, though nu_ws_upgrade() began with it. Owner of the
     * connection's loop. */
    void (*upgraded)(void *arg, nng_stream *stream);
    void *arg;
};

/*
 * Answers the request that a handler's aio carries. True: it is being upgraded, and `upgraded`
 * follows; else it was refused. The aio is finished in any case. Within the handler's call, on the
 * owner of its loop; of the parameters nothing is needed afterwards but the last two.
 */
bool nu_ws_upgrade(nng_aio *aio, const struct nu_ws_upgrade_params *params);

/* Refuses it. */
void nu_ws_refuse(nng_aio *aio, uint16_t status);

#endif
