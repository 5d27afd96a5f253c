/* SPDX-License-Identifier: MIT */
/* Checks of locked memory, kernel threads, and what idling costs; see table.c. */
#ifndef NU_CHECK_LIMITS_H
#define NU_CHECK_LIMITS_H

void nu_limits_memlock(void);
void nu_limits_return(void);
void nu_limits_workers(void);
void nu_idle_cpu(void);
void nu_idle_iowait(void);

#endif
