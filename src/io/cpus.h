/* SPDX-License-Identifier: MIT */
/* How many loops this process should have. */
#ifndef NU_IO_CPUS_H
#define NU_IO_CPUS_H

/*
 * NNG_URING_LOOPS if it is a number from 1 to 256; else the CPUs that the affinity mask allows, cut
 * down to what the cgroup's cpu.max pays for. At least 1. Any thread.
 */
unsigned nu_cpus_wanted(void);

/* The number in `value`, or 0 (with a line on stderr) when it is not one from 1 to 256. */
unsigned nu_cpus_parse(const char *value);

/* CPUs that a cpu.max text ("QUOTA PERIOD" or "max PERIOD") pays for, rounded up; 0: no limit. */
unsigned nu_cpus_quota(const char *cpu_max);

#endif
