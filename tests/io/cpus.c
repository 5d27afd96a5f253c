/* SPDX-License-Identifier: MIT */
#include "io/cpus.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(cpus, parse, .timeout = 10)
{
    cr_assert_eq(nu_cpus_parse("1"), 1);
    cr_assert_eq(nu_cpus_parse("16"), 16);
    cr_assert_eq(nu_cpus_parse("256"), 256);
    cr_assert_eq(nu_cpus_parse(" 7"), 7);
}

/* Each is refused with a line on stderr that names it. */
Test(cpus, parse_nonsense, .init = cr_redirect_stderr, .timeout = 10)
{
    static const char *const values[] = { "",    "0",   "-1",  "257", "1x",
                                          "x",   "1.5", "1 2", "1e2", "99999999999999999999999",
                                          "0x4", " ",   "--1", "+-1" };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char line[256], want[64];
        cr_assert_eq(nu_cpus_parse(values[i]), 0, "%s", values[i]);
        fflush(stderr);
        FILE *got = cr_get_redirected_stderr();
        cr_assert_not_null(fgets(line, sizeof line, got));
        snprintf(want, sizeof want, "NNG_URING_LOOPS=%s ", values[i]);
        cr_assert_not_null(strstr(line, want), "%s", line);
    }
}

Test(cpus, quota, .timeout = 10)
{
    cr_assert_eq(nu_cpus_quota("max 100000"), 0);
    cr_assert_eq(nu_cpus_quota("100000 100000"), 1);
    cr_assert_eq(nu_cpus_quota("100001 100000"), 2);
    cr_assert_eq(nu_cpus_quota("50000 100000\n"), 1);
    cr_assert_eq(nu_cpus_quota("400000 100000\n"), 4);
    cr_assert_eq(nu_cpus_quota("18446744073709551615 1"), 256);
    cr_assert_eq(nu_cpus_quota("1 18446744073709551615"), 1);
    cr_assert_eq(nu_cpus_quota("100000 0"), 0);
    cr_assert_eq(nu_cpus_quota("0 100000"), 0);
    cr_assert_eq(nu_cpus_quota(""), 0);
    cr_assert_eq(nu_cpus_quota("100000"), 0);
}

Test(cpus, wanted, .init = cr_redirect_stderr, .timeout = 10)
{
    cpu_set_t all, one;
    cr_assert_eq(setenv("NNG_URING_LOOPS", "9", 1), 0);
    cr_assert_eq(nu_cpus_wanted(), 9);
    cr_assert_eq(setenv("NNG_URING_LOOPS", "none", 1), 0);
    unsigned by_default = nu_cpus_wanted();
    cr_assert_eq(unsetenv("NNG_URING_LOOPS"), 0);
    cr_assert_eq(nu_cpus_wanted(), by_default);
    cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
    cr_assert(by_default >= 1 && by_default <= (unsigned) CPU_COUNT(&all));
    CPU_ZERO(&one);
    for (int i = 0; CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &all)) {
            CPU_SET(i, &one);
        }
    }
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    cr_assert_eq(nu_cpus_wanted(), 1);
}

/* The environment, which is the operator's, comes first. */
Test(cpus, parameters, .timeout = 10)
{
    cr_assert_eq(unsetenv("NNG_URING_LOOPS"), 0);
    unsigned by_default = nu_cpus_wanted();
    nng_init_set_parameter(NNG_INIT_NUM_POLLER_THREADS, 5);
    cr_assert_eq(nu_cpus_wanted(), 5);
    nng_init_set_parameter(NNG_INIT_MAX_POLLER_THREADS, 3);
    cr_assert_eq(nu_cpus_wanted(), 3);
    nng_init_set_parameter(NNG_INIT_MAX_POLLER_THREADS, 0);
    nng_init_set_parameter(NNG_INIT_NUM_POLLER_THREADS, UINT64_MAX);
    cr_assert_eq(nu_cpus_wanted(), 256);
    cr_assert_eq(setenv("NNG_URING_LOOPS", "2", 1), 0);
    cr_assert_eq(nu_cpus_wanted(), 2);
    cr_assert_eq(unsetenv("NNG_URING_LOOPS"), 0);
    nng_init_set_parameter(NNG_INIT_NUM_POLLER_THREADS, 0);
    nng_init_set_parameter(NNG_INIT_MAX_POLLER_THREADS, 1);
    cr_assert_eq(nu_cpus_wanted(), 1);
    nng_init_set_parameter(-1, 7); /* no such parameters */
    nng_init_set_parameter(8, 7);
    nng_init_set_parameter(NNG_INIT_NUM_TASK_THREADS, 7);
    nng_fini();
    cr_assert_eq(nu_cpus_wanted(), by_default);
}
