/* SPDX-License-Identifier: MIT */
/* What the kernel's scheduler says of a thread (Documentation/scheduler/sched-stats.rst). */
#ifndef NU_BASE_SCHEDSTAT_H
#define NU_BASE_SCHEDSTAT_H

#include <stdint.h>

/* Nanoseconds for which a thread of this process has waited for a processor; 0 where the kernel
 * does not say. A tid of 0 is the calling thread's. Any thread. */
uint64_t nu_schedstat_queued(int tid);

#endif
