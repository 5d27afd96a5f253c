/*
 * Servers. The part of a server that lives on one loop is a port: a listener and the sessions of
 * the connections it accepted. A port and its sessions are touched by the loop's owner alone.
 */
#ifndef NU_HTTP_SERVER_H
#define NU_HTTP_SERVER_H

#include "base/list.h"
#include "http/router.h"
#include "net/listener.h"
#include "wire/parse.h"

#include <nng/supplemental/http/http.h>
#include <stdbool.h>

struct nu_port {
    nng_http_server   *server;
    struct nu_loop    *loop;
    struct nu_listener listener;
    struct nu_list     sessions;  /* that are not closing */
    unsigned           nsessions; /* all of them, closing ones included */
    bool               listening; /* the listener has not gone yet */
    bool               draining;  /* what is in hand is finished, nothing new is begun */
    struct nu_list     spare_outs;
    struct nu_resident resident;
    struct nu_task     start;
    struct nu_task     drain;
    struct nu_task     stop;
    bool               shut;   /* it does not listen any more; under the server's lock */
    unsigned           posted; /* tasks that have not run; under the server's lock */
    unsigned           index;  /* in the server's ports */
    char               path[NU_MAX_TARGET + 2]; /* of the request being looked at, decoded */
    struct nu_field    fields[NU_MAX_FIELDS];   /* likewise */
};

/* The routing table in force. It stays valid until the caller returns to its loop. */
const struct nu_router *nu_port_router(const struct nu_port *port);

/* A session has let go of everything. The port may be gone when this returns. */
void nu_port_session_ended(struct nu_port *port);

#endif
