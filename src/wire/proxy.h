/* SPDX-License-Identifier: MIT */
/* What a balancer says of its client at the start of a connection: the PROXY protocol, versions 1
 * and 2. Pure text. */
#ifndef NU_WIRE_PROXY_H
#define NU_WIRE_PROXY_H

#include "wire/head.h"

#include <stddef.h>
#include <stdint.h>

#define NU_PROXY_MAX 4096 /* bytes of a header; only version 2's additions make one so long */

struct nu_proxy {
    size_t length;    /* of the header */
    unsigned version; /* of IP, 4 or 6; 0: the balancer speaks for itself, or cannot tell */
    uint8_t from[16]; /* the client's address, in network order */
    uint16_t port;    /* and port */
};

/* Reads a header from the start of what has come. NU_PARSE_MORE: it may become one. */
enum nu_parse nu_proxy_parse(const void *bytes, size_t n, struct nu_proxy *proxy);

#endif
