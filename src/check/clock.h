/* SPDX-License-Identifier: MIT */
/* Time, on the clock that linked timeouts go by. */
#ifndef NU_CHECK_CLOCK_H
#define NU_CHECK_CLOCK_H

#include <stdint.h>

#define NU_MS UINT64_C(1000000)
#define NU_SECOND UINT64_C(1000000000)

/* Nanoseconds. */
uint64_t nu_now(void);
void nu_sleep(uint64_t ns);

#endif
