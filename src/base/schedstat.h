/* SPDX-License-Identifier: MIT */
/* What the kernel's scheduler says of a thread (Documentation/scheduler/sched-stats.rst). */
#ifndef NU_BASE_SCHEDSTAT_H
#define NU_BASE_SCHEDSTAT_H

#include <stdbool.h>
#include <stdint.h>

/* The calling thread's file stays open from here on, until it drops that: to find and open it takes
 * many times as long as to read it. */
void nu_schedstat_keep(void);
void nu_schedstat_drop(void);

/* Nanoseconds for which a thread of this process has waited for a processor; 0 where the kernel
 * does not say. A tid of 0 is the calling thread's. Any thread. */
uint64_t nu_schedstat_queued(int tid);

/* Nanoseconds for which it has had one; likewise. */
uint64_t nu_schedstat_used(int tid);

/* Whether it has a processor or waits for one; a wait is counted as queued when it is over. */
bool nu_schedstat_runs(int tid);

#endif
