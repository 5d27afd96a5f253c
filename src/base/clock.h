/* SPDX-License-Identifier: MIT */
/* The one clock everything is timed by: CLOCK_MONOTONIC, in nanoseconds. Any thread. */
#ifndef NU_BASE_CLOCK_H
#define NU_BASE_CLOCK_H

#include <stdint.h>

#define NU_MS UINT64_C(1000000)
#define NU_SECOND UINT64_C(1000000000)
#define NU_NEVER UINT64_MAX /* a deadline that does not come */

uint64_t nu_now(void);

/* Sleeps so many milliseconds, whatever thread it is: nng_msleep() is for users. */
void nu_nap(unsigned ms);

#endif
