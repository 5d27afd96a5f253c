/* SPDX-License-Identifier: MIT */
/* Where a URL of a stream leads: a host and port, or a UNIX socket's address. */
#ifndef NU_STREAM_PLACE_H
#define NU_STREAM_PLACE_H

#include <nng/nng.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

enum nu_place_kind {
    NU_PLACE_TCP,      /* host and port */
    NU_PLACE_PATH,     /* a file */
    NU_PLACE_ABSTRACT, /* a name in Linux's name space, or none: the kernel chooses one */
    NU_PLACE_HANDED,   /* sockets that somebody hands over */
};

struct nu_place {
    enum nu_place_kind kind;
    int family;            /* TCP: AF_INET, AF_INET6 or AF_UNSPEC */
    bool tls;              /* TCP: with TLS on it */
    char *host, *port;     /* TCP */
    struct sockaddr_un un; /* PATH, ABSTRACT */
    socklen_t len;
};

/* NNG_ENOTSUP: no such scheme; NNG_EADDRINVAL: a path or name that is too long, or malformed;
 * NNG_ENOMEM. Any thread. */
int nu_place_parse(struct nu_place *place, const nng_url *url);

void nu_place_free(struct nu_place *place);

#endif
