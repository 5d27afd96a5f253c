/* SPDX-License-Identifier: MIT */
#include "wire/range.h"

#include "support/guard.h"

#include <criterion/criterion.h>

#include <string.h>

TestSuite(range, .timeout = 30);

#define BIG UINT64_C(5368709120) /* 5 GiB */

static const struct {
    const char *text;
    uint64_t size;
    enum nu_range want;
    uint64_t from, end;
} cases[] = {
    { "bytes=0-0", 100, NU_RANGE_PART, 0, 1 },
    { "bytes=0-9", 100, NU_RANGE_PART, 0, 10 },
    { "bytes=10-98", 100, NU_RANGE_PART, 10, 99 },
    { "bytes=10-99", 100, NU_RANGE_PART, 10, 100 },
    { "bytes=10-100", 100, NU_RANGE_PART, 10, 100 },
    { "bytes=99-99", 100, NU_RANGE_PART, 99, 100 },
    { "bytes=007-0009", 100, NU_RANGE_PART, 7, 10 },
    { "BYTES=1-2", 100, NU_RANGE_PART, 1, 3 },
    { "Bytes=1-2", 100, NU_RANGE_PART, 1, 3 },
    { "bytes=0-", 100, NU_RANGE_PART, 0, 100 },
    { "bytes=99-", 100, NU_RANGE_PART, 99, 100 },
    { "bytes=-1", 100, NU_RANGE_PART, 99, 100 },
    { "bytes=-99", 100, NU_RANGE_PART, 1, 100 },
    { "bytes=-100", 100, NU_RANGE_PART, 0, 100 },
    { "bytes=-101", 100, NU_RANGE_PART, 0, 100 },
    { "bytes=-00001", 100, NU_RANGE_PART, 99, 100 },
    { "bytes=5368709119-", BIG, NU_RANGE_PART, BIG - 1, BIG },
    { "bytes=-3", BIG, NU_RANGE_PART, BIG - 3, BIG },
    /* as large as it gets */
    { "bytes=0-18446744073709551615", 100, NU_RANGE_PART, 0, 100 },
    { "bytes=0-18446744073709551616", 100, NU_RANGE_PART, 0, 100 },
    { "bytes=0-99999999999999999999999999", 100, NU_RANGE_PART, 0, 100 },
    { "bytes=-18446744073709551615", 100, NU_RANGE_PART, 0, 100 },
    { "bytes=-99999999999999999999999999", 100, NU_RANGE_PART, 0, 100 },
    { "bytes=9223372036854775806-", INT64_MAX, NU_RANGE_PART, INT64_MAX - 1, INT64_MAX },
    { "bytes=0-18446744073709551615", UINT64_MAX, NU_RANGE_PART, 0, UINT64_MAX },
    /* not there */
    { "bytes=100-", 100, NU_RANGE_BEYOND, 0, 0 },
    { "bytes=100-100", 100, NU_RANGE_BEYOND, 0, 0 },
    { "bytes=5368709120-", BIG, NU_RANGE_BEYOND, 0, 0 },
    { "bytes=18446744073709551615-", 100, NU_RANGE_BEYOND, 0, 0 },
    { "bytes=18446744073709551616-", 100, NU_RANGE_BEYOND, 0, 0 },
    { "bytes=18446744073709551617-18446744073709551618", 100, NU_RANGE_BEYOND, 0, 0 },
    { "bytes=-0", 100, NU_RANGE_BEYOND, 0, 0 },
    { "bytes=-000", 100, NU_RANGE_BEYOND, 0, 0 },
    { "bytes=0-", 0, NU_RANGE_BEYOND, 0, 0 },
    { "bytes=0-0", 0, NU_RANGE_BEYOND, 0, 0 },
    { "bytes=-0", 0, NU_RANGE_BEYOND, 0, 0 },
    { "bytes=-1", 0, NU_RANGE_WHOLE, 0, 0 },
    /* ignored */
    { "", 100, NU_RANGE_WHOLE, 0, 0 },
    { "b", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=-", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=--1", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=1", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=9-8", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=900-800", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=1-2-", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=1--2", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=+1-2", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=1-+2", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=0x1-2", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=1-2x", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=-2x", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=a-b", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes= 1-2", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=1 -2", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=1- 2", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes =1-2", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes:1-2", 100, NU_RANGE_WHOLE, 0, 0 },
    { "byte=1-2", 100, NU_RANGE_WHOLE, 0, 0 },
    { "xbytes=1-2", 100, NU_RANGE_WHOLE, 0, 0 },
    { "lines=1-2", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes 1-2/100", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=0-1,2-3", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=0-1, bytes=2-3", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=500-,0-1", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=-1,-2", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=,1-2", 100, NU_RANGE_WHOLE, 0, 0 },
    { "bytes=1-2,", 100, NU_RANGE_WHOLE, 0, 0 },
};

Test(range, forms)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].text);
        struct nu_slice s = { guard_copy(cases[i].text, n), n };
        uint64_t from = 0, end = 0;
        cr_assert_eq(nu_range_read(s, cases[i].size, &from, &end), cases[i].want, "%s",
                     cases[i].text);
        if (cases[i].want == NU_RANGE_PART) {
            cr_assert_eq(from, cases[i].from, "%s", cases[i].text);
            cr_assert_eq(end, cases[i].end, "%s", cases[i].text);
        }
    }
}

/* Any byte anywhere, any truncation: a part is never empty and never out of bounds. */
Test(range, mutations)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].text);
        for (size_t k = 0; k < n; k++) {
            uint64_t from, end;
            for (int byte = 0; byte < 256; byte++) {
                char *copy = guard_copy(cases[i].text, n);
                copy[k] = (char) byte;
                if (nu_range_read((struct nu_slice){ copy, n }, cases[i].size, &from, &end) ==
                    NU_RANGE_PART) {
                    cr_assert(from < end && end <= cases[i].size, "%.*s", (int) n, copy);
                }
            }
            if (nu_range_read((struct nu_slice){ guard_copy(cases[i].text, k), k }, cases[i].size,
                              &from, &end) == NU_RANGE_PART) {
                cr_assert(from < end && end <= cases[i].size, "%.*s", (int) k, cases[i].text);
            }
        }
    }
}
