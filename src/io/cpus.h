/* SPDX-License-Identifier: MIT */
/* How many loops this process should have. */
#ifndef NU_IO_CPUS_H
#define NU_IO_CPUS_H

#include <nng/nng.h>

/*
 * NNG_URING_LOOPS if it is a number from 1 to 256; else what nng_init_set_parameter() said; else
 * the CPUs that the affinity mask allows, cut down to what the cgroup's cpu.max pays for. At least
 * 1. Any thread.
 */
unsigned nu_cpus_wanted(void);

/* The number in `value`, or 0 (with a line on stderr) when it is not one from 1 to 256. */
unsigned nu_cpus_parse(const char *value);

/* What nng_init_set_parameter() was told of a parameter that exists, or 0; and forgetting all. */
uint64_t nu_cpus_parameter(nng_init_parameter parameter);
void nu_cpus_forget_parameters(void);

/* CPUs that a cpu.max text ("QUOTA PERIOD" or "max PERIOD") pays for, rounded up; 0: no limit. */
unsigned nu_cpus_quota(const char *cpu_max);

#endif
