/* SPDX-License-Identifier: MIT */
/* What processes use, read from outside. */
#ifndef NU_PERF_USAGE_H
#define NU_PERF_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#define USAGE_PIDS 32

struct usage {
    unsigned n;
    int pids[USAGE_PIDS];
};

/* "PID,PID,..."; false: it is something else. */
bool usage_parse(struct usage *usage, const char *text);

/* User and system time of all threads, dead ones too, in ns: CLOCK_PROCESS_CPUTIME_ID of each
 * process. UINT64_MAX: one of the processes is gone. */
uint64_t usage_cpu(const struct usage *usage);

/* Resident memory in KiB, the sum over the processes. */
uint64_t usage_rss(const struct usage *usage);

#endif
