/* SPDX-License-Identifier: MIT */
/* The machine, as the library asks for it: the same whatever runs the simulation (ld --wrap). */
#include "sim/sched.h"
#include "sim/seed.h"

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>
#include <time.h>

#define TICK 4000000 /* of the coarse clocks, in nanoseconds */
#define DESCRIPTORS 512
#define MEMORY (UINT64_C(1) << 30)

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
DIR *__real_opendir(const char *path);
int __real_getrlimit(int which, struct rlimit *limit);
int __real_getrusage(int who, struct rusage *usage);
int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __real_clock_getres(clockid_t clock, struct timespec *ts);
uint64_t __real_nu_cgroup_memory(void);

#define EPOCH UINT64_C(1700000000000000000) /* of CLOCK_REALTIME */
#define SECOND UINT64_C(1000000000)

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
    if (!sim_inside()) {
        return __real_clock_gettime(clock, ts);
    }
    sim_time += 50; /* whoever looks again and again sees it pass */
    bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
    bool real = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    uint64_t now = (coarse ? sim_time - sim_time % TICK : sim_time) + (real ? EPOCH : 0);
    *ts = (struct timespec){ (time_t) (now / SECOND), (long) (now % SECOND) };
    return 0;
}

int __wrap_clock_getres(clockid_t clock, struct timespec *ts)
{
    if (!sim_inside()) {
        return __real_clock_getres(clock, ts);
    }
    bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
    *ts = (struct timespec){ 0, coarse ? TICK : 1 };
    return 0;
}

/* A thread's: what it computed, and how often it waited. */
int __wrap_getrusage(int who, struct rusage *usage)
{
    if (!sim_inside()) {
        return __real_getrusage(who, usage);
    }
    struct sim_usage mine = sim_usage();
    *usage = (struct rusage){ .ru_nvcsw = (long) mine.waits,
                              .ru_utime = { .tv_sec = (time_t) (mine.ran / SECOND),
                                            .tv_usec = (long) (mine.ran % SECOND / 1000) } };
    return 0;
}

int __wrap_getrlimit(int which, struct rlimit *limit)
{
    if (!sim_inside()) {
        return __real_getrlimit(which, limit);
    }
    *limit = (struct rlimit){ DESCRIPTORS, DESCRIPTORS };
    return 0;
}

/* Where the library counts its descriptors. */
DIR *__wrap_opendir(const char *path)
{
    if (!sim_inside()) {
        return __real_opendir(path);
    }
    errno = EMFILE;
    return NULL;
}

uint64_t __wrap_nu_cgroup_memory(void)
{
    return sim_inside() ? MEMORY : __real_nu_cgroup_memory();
}
