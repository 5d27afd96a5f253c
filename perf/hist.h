/* SPDX-License-Identifier: MIT */
/* A histogram of times: 64 steps to each power of two, so a value is known to 1.6 %. */
#ifndef NU_PERF_HIST_H
#define NU_PERF_HIST_H

#include <stdint.h>

#define HIST_STEPS 64
#define HIST_POWERS 36 /* up to 2^41 ns, over half an hour */

struct hist {
    uint64_t count;
    uint64_t max;
    uint64_t at[HIST_STEPS * HIST_POWERS];
};

void hist_add(struct hist *hist, uint64_t ns);

/* The value that the share (0 to 1) of all values does not exceed; 0 without values. */
uint64_t hist_quantile(const struct hist *hist, double share);

#endif
