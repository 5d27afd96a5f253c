/* SPDX-License-Identifier: MIT */
/*
 * Which handler answers a request. A router is constant once made, so looking up takes no lock;
 * adding and removing make a new one. It holds a reference to each of its handlers.
 *
 * It is a hash table whose keys are a host (or none) and a URI. A look-up tries each beginning of
 * the path that ends before a '/' or at its end, with the host and without, but none with more '/'
 * than there are in any URI. So its cost depends on the URIs' depth, not on their number, and not
 * on what a client sends.
 */
#ifndef NU_HTTP_ROUTER_H
#define NU_HTTP_ROUTER_H

#include "base/buf.h"

#include <nng/supplemental/http/http.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A place in the table. */
struct nu_route {
    uint32_t hash;
    uint32_t handler; /* its place in v, from 1 on; 0: nothing is here */
};

struct nu_router {
    uint64_t number;      /* no other in the process has it */
    unsigned n;           /* handlers */
    unsigned nmethods;    /* different methods of theirs */
    unsigned deepest;     /* '/' in a URI */
    bool hosts;           /* there is one for a certain host */
    size_t longest;       /* URI */
    uint32_t mask;        /* places - 1 */
    nng_http_handler **v; /* in the order they were added */
    const char **methods;
    struct nu_route routes[];
};

/* An empty one; NULL: no memory. */
struct nu_router *nu_router_new(void);

/* Drops its handlers. NULL is allowed. */
void nu_router_free(struct nu_router *router);

/*
 * A copy with one handler more, or less. NNG_ENOMEM; NNG_EADDRINUSE when another handler has the
 * same host, method and URI, or one of the two is an exclusive tree and one is a tree that the
 * other lies in, for the same host and method; NNG_ENOENT when it is not there.
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

/*
 * The methods that do find a handler for this path, as the Allow field of a 405 lists them
 * (RFC 9110 10.2.1): each once, HEAD where GET is. Returns how many bytes were written to `out`,
 * the NUL behind them not counted. A method that does not fit into outlen bytes is left out.
 */
unsigned nu_router_allow(const struct nu_router *router, struct nu_slice host, const char *path,
                         char *out, size_t outlen);

/* Whether a handler was set up for this method, by name: else 501 may be the answer and not 405. */
bool nu_router_knows(const struct nu_router *router, struct nu_slice method);

#endif
