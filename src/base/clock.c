/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include "base/blocking.h"

#include <errno.h>
#include <nng/nng.h>
#include <time.h>

uint64_t nu_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * NU_SECOND + (uint64_t) ts.tv_nsec;
}

nng_time nng_clock(void)
{
    return nu_now() / NU_MS;
}

static void clock_sleep_until(uint64_t until)
{
    struct timespec ts = { (time_t) (until / NU_SECOND), (long) (until % NU_SECOND) };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR) {
    }
}

void nu_nap(unsigned ms)
{
    clock_sleep_until(nu_now() + ms * NU_MS);
}

void nng_msleep(nng_duration ms)
{
    if (ms <= 0) {
        return;
    }
    uint64_t until = nu_now() + (uint64_t) ms * NU_MS;
    void *busy = nu_blocking_begin();
    if (busy == NULL) {
        clock_sleep_until(until);
        return;
    }
    while (nu_now() < until) {
        nu_blocking_mine->turn(busy, until);
    }
}
