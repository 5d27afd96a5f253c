/* An HTTP connection: a TCP connection and what HTTP knows about it. */
#ifndef NU_HTTP_CONN_H
#define NU_HTTP_CONN_H

#include "net/tcp.h"

#include <nng/supplemental/http/http.h>

struct nu_session;

struct nng_http_conn {
    struct nu_tcp      tcp;
    struct nu_session *session; /* the server's that serves it; NULL: the caller owns it */
    bool               served;  /* it is a session's, and what is read is the request's body */
};

/* Makes a connection of a connected socket, which it then owns. NULL: no memory, and the socket is
 * still the caller's. Owner of `loop` only. */
nng_http_conn *nu_conn_new(struct nu_loop *loop, int fd);

#endif
