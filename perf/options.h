/* SPDX-License-Identifier: MIT */
/* What the load generator is told. */
#ifndef NU_PERF_OPTIONS_H
#define NU_PERF_OPTIONS_H

#include "usage.h"

#include <stdbool.h>
#include <stdint.h>

struct options {
    unsigned port, conns, depth, idle;
    const char *path;
    double seconds, warmup;
    uint64_t requests; /* 0: as many as there is time for */
    uint64_t upload;   /* bytes that each request carries; 0: none, they are GETs */
    unsigned per_conn; /* requests on a connection before it is closed; 0: no end */
    uint64_t message;  /* bytes of a message that is echoed by a WebSocket; 0: it is HTTP */
    bool raw;          /* what is sent as one comes back as it was sent, without a handshake */
    bool heads;        /* a browser's each, of different ones in turn */
    bool mix;          /* a GET, a POST by length and one in chunks in turn, of /baseline11 */
    uint64_t body;     /* bytes; UINT64_MAX: as many as the first response has */
    struct usage server;
};

/* Exits when misused. */
void options_parse(int argc, char **argv, struct options *options);

#endif
