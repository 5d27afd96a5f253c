/* SPDX-License-Identifier: MIT */
/* What a URL's scheme says. The one table of them, for clients and servers alike. */
#ifndef NU_WIRE_SCHEME_H
#define NU_WIRE_SCHEME_H

#include <stdbool.h>

struct nu_scheme {
    const char *port; /* when the URL names none; "" where a scheme has no port of its own */
    bool http;        /* HTTP, or WebSocket, which begins as HTTP */
    bool secure;      /* over TLS */
    int family;       /* AF_INET or AF_INET6 for a name that ends in 4 or 6, AF_UNIX where the host
                       * is a socket's path, else AF_UNSPEC */
};

/* Looks a scheme up, in any case. One that is not in the table has nothing but an empty port. Pure,
 * any thread. */
struct nu_scheme nu_scheme_find(const char *name);

#endif
