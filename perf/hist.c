/* SPDX-License-Identifier: MIT */
#include "hist.h"

/* Values below HIST_STEPS have a slot each; from there on a power of two has HIST_STEPS slots. */
static unsigned slot(uint64_t ns)
{
    if (ns < HIST_STEPS) {
        return (unsigned) ns;
    }
    unsigned power = 63 - (unsigned) __builtin_clzll(ns) - 6; /* 2^6 = HIST_STEPS */
    if (power >= HIST_POWERS - 1) {
        return HIST_STEPS * HIST_POWERS - 1;
    }
    return HIST_STEPS * power + (unsigned) (ns >> power);
}

/* The middle of what a slot holds. */
static uint64_t value(unsigned at)
{
    if (at < 2 * HIST_STEPS) {
        return at;
    }
    unsigned power = at / HIST_STEPS - 1;
    uint64_t low = (uint64_t) (HIST_STEPS + at % HIST_STEPS) << power;
    return low + (UINT64_C(1) << power) / 2;
}

void hist_add(struct hist *hist, uint64_t ns)
{
    hist->count++;
    hist->at[slot(ns)]++;
    if (ns > hist->max) {
        hist->max = ns;
    }
}

uint64_t hist_quantile(const struct hist *hist, double share)
{
    double want = share * (double) hist->count;
    uint64_t seen = 0;
    for (unsigned at = 0; at < HIST_STEPS * HIST_POWERS; at++) {
        seen += hist->at[at];
        if (seen > 0 && (double) seen >= want) {
            return value(at) < hist->max ? value(at) : hist->max;
        }
    }
    return hist->max;
}
