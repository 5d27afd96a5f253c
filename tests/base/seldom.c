/* SPDX-License-Identifier: MIT */
#include "base/seldom.h"

#include <criterion/criterion.h>
#include <nng/nng.h>
#include <string.h>

TestSuite(seldom, .timeout = 120);

static unsigned logged;
static char last[128];

static void logger(nng_log_level level, nng_log_facility facility, const char *id, const char *text)
{
    (void) facility;
    cr_assert_eq(level, NNG_LOG_WARN);
    cr_assert_str_eq(id, "NNG-HTTP");
    cr_assert_lt(strlen(text), sizeof last);
    strcpy(last, text);
    logged++;
}

/* Each kind by itself; and what was kept back is counted. */
Test(seldom, once_in_a_while)
{
    static struct nu_seldom one, other;
    nng_log_set_logger(logger);
    nu_warn_seldom(&one, "one");
    cr_assert_str_eq(last, "one");
    nu_warn_seldom(&other, "other");
    cr_assert_str_eq(last, "other");
    cr_assert_eq(logged, 2);
    atomic_store(&one.next, UINT64_MAX);
    for (int i = 0; i < 1000; i++) {
        nu_warn_seldom(&one, "one");
    }
    cr_assert_eq(logged, 2);
    atomic_store(&one.next, 0); /* the time is over */
    nu_warn_seldom(&one, "one");
    cr_assert_str_eq(last, "one (and 1000 more before)");
    atomic_store(&one.next, 0);
    nu_warn_seldom(&one, "one");
    cr_assert_str_eq(last, "one");
    nng_log_set_logger(NULL);
}
