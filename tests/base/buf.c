/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <nng/nng.h>

#include <criterion/criterion.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

TestSuite(buf, .timeout = 30);

static void expect(const struct nu_buf *buf, const char *text)
{
    cr_assert_eq(buf->len, strlen(text));
    cr_assert(buf->len == 0 || memcmp(buf->data, text, buf->len) == 0, "%.*s", (int) buf->len,
              buf->data);
    cr_assert_eq(nu_buf_error(buf), 0);
}

Test(buf, appends)
{
    struct nu_buf buf = { 0 };

    expect(&buf, "");
    nu_buf_str(&buf, "");
    nu_buf_add(&buf, NULL, 0);
    cr_assert_null(buf.data);
    nu_buf_str(&buf, "HTTP/1.1 ");
    nu_buf_u64(&buf, 200);
    nu_buf_add(&buf, " OKAY", 3);
    expect(&buf, "HTTP/1.1 200 OK");
    nu_buf_free(&buf);
    expect(&buf, "");
    nu_buf_str(&buf, "again");
    expect(&buf, "again");
    nu_buf_free(&buf);
}

Test(buf, numbers)
{
    static const struct {
        uint64_t value;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { 9, "9" },
        { 10, "10" },
        { 4294967296, "4294967296" },
        { INT64_MAX, "9223372036854775807" },
        { UINT64_MAX, "18446744073709551615" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nu_buf buf = { 0 };
        char out[NU_DECIMAL_MAX];
        nu_buf_u64(&buf, cases[i].value);
        expect(&buf, cases[i].text);
        nu_buf_free(&buf);
        cr_assert_eq(nu_decimal(out, cases[i].value), strlen(cases[i].text));
        cr_assert_eq(memcmp(out, cases[i].text, strlen(cases[i].text)), 0);
    }
}

Test(buf, grows_and_keeps_its_content)
{
    struct nu_buf buf = { 0 };

    for (uint32_t i = 0; i < 100000; i++) {
        nu_buf_add(&buf, &i, sizeof(i));
    }
    cr_assert_eq(buf.len, 400000);
    cr_assert_leq(buf.cap, 1000000);
    for (uint32_t i = 0; i < 100000; i++) {
        cr_assert_eq(memcmp(buf.data + i * sizeof(i), &i, sizeof(i)), 0);
    }
    nu_buf_free(&buf);
}

Test(buf, reset_keeps_memory_and_reserve_makes_room)
{
    struct nu_buf buf = { 0 };

    cr_assert_eq(nu_buf_reserve(&buf, 1000), 0);
    char *data = buf.data;
    for (int i = 0; i < 1000; i++) {
        nu_buf_add(&buf, "x", 1);
    }
    cr_assert_eq(buf.data, data);
    nu_buf_reset(&buf);
    cr_assert_eq(buf.len, 0);
    cr_assert_geq(buf.cap, 1000);
    nu_buf_str(&buf, "new");
    expect(&buf, "new");
    cr_assert_eq(buf.data, data);
    nu_buf_free(&buf);
}

Test(buf, sizes_that_overflow_fail_and_the_failure_sticks)
{
    static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 2 - 3 };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct nu_buf buf = { 0 };
        nu_buf_str(&buf, "kept");
        cr_assert_eq(nu_buf_reserve(&buf, sizes[i]), NNG_ENOMEM);
        nu_buf_str(&buf, "lost");
        cr_assert_eq(nu_buf_reserve(&buf, 1), NNG_ENOMEM);
        cr_assert_eq(nu_buf_error(&buf), NNG_ENOMEM);
        cr_assert_eq(buf.len, 4);
        nu_buf_reset(&buf);
        nu_buf_str(&buf, "fine");
        expect(&buf, "fine");
        nu_buf_free(&buf);
    }
}
