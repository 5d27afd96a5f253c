/* SPDX-License-Identifier: MIT */
/* What nng-uring serve counts of its requests: each thread for itself, without waiting. Any thread.
 */
#ifndef NU_CMD_METRICS_H
#define NU_CMD_METRICS_H

#include <nng/uring.h>
#include <stdint.h>
#include <stdio.h>

#define METRICS_CLASSES 6  /* of statuses: 1xx to 5xx, and none at all */
#define METRICS_BUCKETS 18 /* of durations; the last one has no limit */

struct metrics {
    uint64_t requests[METRICS_CLASSES]; /* [0]: a handler has answered itself, or nobody has */
    uint64_t cut_off;                   /* connections that were over before the answer */
    uint64_t bytes;                     /* of bodies of answers */
    uint64_t us;                        /* all durations together */
    uint64_t took[METRICS_BUCKETS];     /* requests, by duration */
};

/* Adds a request. */
void metrics_add(const nng_uring_request *request);

/* All of them up to now. */
void metrics_sum(struct metrics *sum);

/* That and all that the library counts, as OpenMetrics text. */
void metrics_print(FILE *to, bool ready);

/* An event of the status page: one line of JSON. */
void metrics_print_event(FILE *to, bool ready);

#endif
