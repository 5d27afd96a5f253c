/* SPDX-License-Identifier: MIT */
/* What a listener of WebSockets is, and its options. */
#ifndef NU_WS_WS_LISTENER_OPTIONS_H
#define NU_WS_WS_LISTENER_OPTIONS_H

#include "base/list.h"
#include "ws/ws_endpoint.h"

#include <nng/supplemental/http/http.h>
#include <stdatomic.h>

enum nu_ws_listening {
    NU_WS_LISTENER_NEW,       /* it is being set up */
    NU_WS_LISTENER_STARTING,  /* likewise, and requests may come already */
    NU_WS_LISTENER_LISTENING, /* its handler is the server's */
    NU_WS_LISTENER_CLOSED,    /* for good */
};

struct nu_ws_listener {
    struct nu_ws_endpoint endpoint; /* first: its options take one for the other */
    atomic_uint holds;         /* the user's, the handler's, and one of each upgrade in progress */
    nng_http_server *server;   /* constant; held until it is closed */
    nng_url *url;              /* constant */
    nng_http_handler *handler; /* constant once it listens */
    bool stuck;                /* that could not be taken from the server */

    /* under the endpoint's lock */
    enum nu_ws_listening state;
    bool listened; /* it was LISTENING once */
    bool nodelay, keepalive;
    char *origins;
    uint16_t (*check)(void *arg, nng_http_req *req);
    void *check_arg;
    struct nu_list accepts; /* aios */
    struct nu_list ready;   /* nu_ws */
    unsigned nready;        /* of these, and upgrades in progress */
};

extern const struct nu_option nu_ws_listener_options[];

#endif
