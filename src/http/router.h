/*
 * Which handler answers a request. A router is constant once made, so looking up takes no lock;
 * adding and removing make a new one. It holds a reference to each of its handlers.
 */
#ifndef NU_HTTP_ROUTER_H
#define NU_HTTP_ROUTER_H

#include "base/buf.h"

#include <nng/supplemental/http/http.h>

struct nu_router {
    unsigned          n;
    nng_http_handler *v[]; /* longest URI first; at the same, those with a host first */
};

/* An empty one; NULL: no memory. */
struct nu_router *nu_router_new(void);

/* Drops its handlers. NULL is allowed. */
void nu_router_free(struct nu_router *router);

/*
 * A copy with one handler more, or less. NNG_ENOMEM; NNG_EADDRINUSE when another handler has the
 * same host, method and URI, or one of the two is an exclusive tree that the other reaches into;
 * NNG_ENOENT when it is not there.
 */
int nu_router_with(const struct nu_router *router, nng_http_handler *handler,
                   struct nu_router **out);
int nu_router_without(const struct nu_router *router, const nng_http_handler *handler,
                      struct nu_router **out);

/*
 * The handler for a decoded path, or NULL with *status 404 (no such path) or 405 (not with this
 * method). The longest URI wins, then one for this host over one for any, then the first added.
 * HEAD is answered by a GET handler of the same URI unless one for HEAD is there. `host` may have a
 * port.
 */
nng_http_handler *nu_router_find(const struct nu_router *router, struct nu_slice method,
                                 struct nu_slice host, const char *path, unsigned *status);

#endif
