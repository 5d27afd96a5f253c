/* SPDX-License-Identifier: MIT */
#include "check/clock.h"

#include <time.h>

uint64_t nu_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * NU_SECOND + (uint64_t) ts.tv_nsec;
}

void nu_sleep(uint64_t ns)
{
    struct timespec ts = { .tv_sec = (time_t) (ns / NU_SECOND),
                           .tv_nsec = (long) (ns % NU_SECOND) };
    while (nanosleep(&ts, &ts) != 0) {
    }
}
