/* SPDX-License-Identifier: MIT */
#include "io/cpus.h"

#include "base/cgroup.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_LOOPS 256

unsigned nu_cpus_parse(const char *value)
{
    char *end;
    errno = 0;
    long n = strtol(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || n < 1 || n > MAX_LOOPS) {
        fprintf(stderr,
                "nng-uring: NNG_URING_LOOPS=%s is not a number from 1 to %d; using the default\n",
                value, MAX_LOOPS);
        return 0;
    }
    return (unsigned) n;
}

unsigned nu_cpus_quota(const char *cpu_max)
{
    unsigned long long quota, period;
    if (sscanf(cpu_max, "%llu %llu", &quota, &period) != 2 || quota == 0 || period == 0) {
        return 0;
    }
    unsigned long long cpus = quota / period + (quota % period != 0);
    return cpus < MAX_LOOPS ? (unsigned) cpus : MAX_LOOPS;
}

static unsigned cpus_cgroup_cpus(void)
{
    char text[64];
    return nu_cgroup_read("cpu.max", text, sizeof text) ? nu_cpus_quota(text) : 0;
}

static uint64_t _Atomic parameters[NNG_INIT_MAX_POLLER_THREADS + 1];

void nng_init_set_parameter(nng_init_parameter parameter, uint64_t value)
{
    if (parameter > NNG_INIT_PARAMETER_NONE && parameter <= NNG_INIT_MAX_POLLER_THREADS) {
        atomic_store(&parameters[parameter], value);
    }
}

uint64_t nu_cpus_parameter(nng_init_parameter parameter)
{
    return atomic_load(&parameters[parameter]);
}

void nu_cpus_forget_parameters(void)
{
    for (int i = 0; i <= NNG_INIT_MAX_POLLER_THREADS; i++) {
        atomic_store(&parameters[i], 0);
    }
}

unsigned nu_cpus_wanted(void)
{
    const char *value = getenv("NNG_URING_LOOPS");
    unsigned n = value != NULL ? nu_cpus_parse(value) : 0;
    uint64_t num = nu_cpus_parameter(NNG_INIT_NUM_POLLER_THREADS);
    uint64_t max = nu_cpus_parameter(NNG_INIT_MAX_POLLER_THREADS);
    if (n > 0) {
        return n;
    }
    if (num > 0) {
        num = max > 0 && max < num ? max : num;
        return num < MAX_LOOPS ? (unsigned) num : MAX_LOOPS;
    }
    cpu_set_t set;
    n = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned) CPU_COUNT(&set) : 1;
    unsigned quota = cpus_cgroup_cpus();
    if (quota > 0 && quota < n) {
        n = quota;
    }
    if (max > 0 && max < n) {
        n = (unsigned) max;
    }
    return n < MAX_LOOPS ? n : MAX_LOOPS;
}
