/* SPDX-License-Identifier: MIT */
/* What the load generator is told. */
#ifndef NU_PERF_OPTIONS_H
#define NU_PERF_OPTIONS_H

#include "usage.h"

#include <stdint.h>

struct options {
    unsigned port, conns, depth, idle;
    const char *path;
    double seconds, warmup;
    uint64_t requests; /* 0: as many as there is time for */
    uint64_t body;     /* bytes; UINT64_MAX: as many as the first response has */
    struct usage server;
};

/* Exits when misused. */
void options_parse(int argc, char **argv, struct options *options);

#endif
