/* SPDX-License-Identifier: MIT */
#include "wire/date.h"

#include "support/guard.h"
#include "support/scale.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

TestSuite(date, .timeout = 60);

#define NOW INT64_C(1790000000) /* September 2026 */

static bool parse(const char *text, int64_t now, int64_t *t)
{
    size_t n = strlen(text);
    return nu_date_parse(guard_copy(text, n), n, now, t);
}

static const struct {
    int64_t t;
    const char *text;
} moments[] = {
    { 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" },
    { 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
    { -1, "Wed, 31 Dec 1969 23:59:59 GMT" },
    { 951782400, "Tue, 29 Feb 2000 00:00:00 GMT" },
    { 4107542400, "Mon, 01 Mar 2100 00:00:00 GMT" },
    { 4107542399, "Sun, 28 Feb 2100 23:59:59 GMT" },
    { 2147483648, "Tue, 19 Jan 2038 03:14:08 GMT" },
    { 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT" },
    { -62167219200, "Sat, 01 Jan 0000 00:00:00 GMT" },
};

Test(date, both_ways)
{
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        char *out = guard(NU_DATE_LEN + 1);
        int64_t t;
        nu_date_print(out, moments[i].t);
        cr_assert_str_eq(out, moments[i].text);
        cr_assert(parse(moments[i].text, NOW, &t), "%s", moments[i].text);
        cr_assert_eq(t, moments[i].t, "%s: %" PRId64, moments[i].text, t);
    }
}

Test(date, out_of_range)
{
    char out[NU_DATE_LEN + 1];
    nu_date_print(out, INT64_MAX);
    cr_assert_str_eq(out, "Fri, 31 Dec 9999 23:59:59 GMT");
    nu_date_print(out, 253402300800);
    cr_assert_str_eq(out, "Fri, 31 Dec 9999 23:59:59 GMT");
    nu_date_print(out, INT64_MIN);
    cr_assert_str_eq(out, "Sat, 01 Jan 0000 00:00:00 GMT");
}

#ifdef NU_SANITIZED
#define STEP (31 * 86400 - 7) /* one day as good as the other for a sanitizer */
#else
#define STEP (86400 - 7)
#endif

/* The C library knows the calendar, too. */
Test(date, every_day)
{
    for (int64_t t = -62167219200; t <= 253402300799; t += STEP) {
        char out[NU_DATE_LEN + 1], want[64];
        time_t clock = (time_t) t;
        struct tm tm;
        int64_t back;
        gmtime_r(&clock, &tm);
        static const char names[] = "SunMonTueWedThuFriSat";
        static const char month[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        snprintf(want, sizeof want, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                 names + (ptrdiff_t) 3 * tm.tm_wday, tm.tm_mday, month + (ptrdiff_t) 3 * tm.tm_mon,
                 tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
        nu_date_print(out, t);
        cr_assert_str_eq(out, want);
        cr_assert(nu_date_parse(out, NU_DATE_LEN, NOW, &back));
        cr_assert_eq(back, t, "%s", want);
    }
}

Test(date, other_forms)
{
    static const struct {
        const char *text;
        int64_t t;
    } cases[] = {
        { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
        { "Sun Nov  6 08:49:37 1994", 784111777 },
        { "Sun Nov 06 08:49:37 1994", 784111777 },
        { "Wed Nov 16 08:49:37 1994", 784975777 },
        { "Wednesday, 16-Nov-94 08:49:37 GMT", 784975777 },
        { "Saturday, 31-Dec-16 23:59:60 GMT", 1483228800 },
        { "Sat Dec 31 23:59:60 2016", 1483228800 },
        { "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t t;
        cr_assert(parse(cases[i].text, NOW, &t), "%s", cases[i].text);
        cr_assert_eq(t, cases[i].t, "%s: %" PRId64, cases[i].text, t);
    }
}

/* RFC 9110 5.6.7: more than 50 years ahead is a century earlier. The days of the week are those of
 * the year that is meant. */
Test(date, two_digits_of_a_year)
{
    static const struct {
        const char *now, *text, *want;
    } cases[] = {
        { "Wed, 01 Jul 2026 12:00:00 GMT", "Wednesday, 01-Jul-76 12:00:00 GMT",
          "Wed, 01 Jul 2076 12:00:00 GMT" },
        { "Wed, 01 Jul 2026 12:00:00 GMT", "Thursday, 01-Jul-76 12:00:01 GMT",
          "Thu, 01 Jul 1976 12:00:01 GMT" },
        { "Wed, 01 Jul 2026 12:00:00 GMT", "Friday, 31-Dec-99 23:59:59 GMT",
          "Fri, 31 Dec 1999 23:59:59 GMT" },
        { "Wed, 01 Jul 2026 12:00:00 GMT", "Saturday, 01-Jan-00 00:00:00 GMT",
          "Sat, 01 Jan 2000 00:00:00 GMT" },
        { "Wed, 01 Jul 1970 12:00:00 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37 GMT" },
        { "Sat, 01 Jul 2045 12:00:00 GMT", "Saturday, 06-Nov-94 08:49:37 GMT",
          "Sat, 06 Nov 2094 08:49:37 GMT" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[NU_DATE_LEN + 1];
        int64_t now, t;
        cr_assert(parse(cases[i].now, NOW, &now), "%s", cases[i].now);
        cr_assert(parse(cases[i].text, now, &t), "%s", cases[i].text);
        nu_date_print(out, t);
        cr_assert_str_eq(out, cases[i].want);
    }
    int64_t t;
    cr_assert(parse("Sunday, 06-Nov-94 08:49:37 GMT", 0, &t)); /* no clock at all */
    (void) parse("Sunday, 06-Nov-94 08:49:37 GMT", INT64_MAX, &t);
    (void) parse("Sunday, 06-Nov-94 08:49:37 GMT", INT64_MIN, &t);
}

Test(date, malformed)
{
    static const char *const bad[] = {
        "",
        "x",
        "0",
        "784111777",
        "Mon, 06 Nov 1994 08:49:37 GMT", /* it was a Sunday */
        "Monday, 06-Nov-94 08:49:37 GMT",
        "Mon Nov  6 08:49:37 1994",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 ",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Sun 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08:49:3a GMT",
        "Sun, 06 Nov 1994 08:49:-1 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Thu, 00 Nov 1994 08:49:37 GMT",
        "Thu, 31 Nov 1994 08:49:37 GMT",
        "Thu, 32 Dec 1994 08:49:37 GMT",
        "Mon, 29 Feb 2100 00:00:00 GMT",
        "Wed, 29 Feb 1995 00:00:00 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov   08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49:37 1994 GMT",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t t;
        cr_assert_not(parse(bad[i], NOW, &t), "%s", bad[i]);
    }
}

Test(date, every_truncation_and_every_byte)
{
    static const char *const forms[] = { "Sun, 06 Nov 1994 08:49:37 GMT",
                                         "Sunday, 06-Nov-94 08:49:37 GMT",
                                         "Sun Nov  6 08:49:37 1994" };
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(forms[i]);
        int64_t t;
        for (size_t k = 0; k < n; k++) {
            cr_assert_not(nu_date_parse(guard_copy(forms[i], k), k, NOW, &t), "%zu", k);
            for (int byte = 0; byte < 256; byte++) {
                char *copy = guard_copy(forms[i], n);
                copy[k] = (char) byte;
                char out[NU_DATE_LEN + 1];
                if (nu_date_parse(copy, n, NOW, &t)) { /* another time, on a Sunday */
                    nu_date_print(out, t);
                    cr_assert_eq(memcmp(out, "Sun, ", 5), 0, "%.*s", (int) n, copy);
                }
            }
        }
    }
}
