/* SPDX-License-Identifier: MIT */
/* Heads that are too large. */
#include "support/heads.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(parse_limits, .timeout = 60);

/* A head of exactly n bytes, with a field that fills it up. */
static char *head_of(size_t n)
{
    static char text[GUARD_MAX];
    static const char begin[] = GET "A: ";

    memset(text, 'x', n);
    memcpy(text, begin, sizeof(begin) - 1);
    memcpy(text + n - 4, "\r\n\r\n", 4);
    return text;
}

Test(parse_limits, head_size)
{
    struct nu_head head = new_head();

    cr_assert_eq(parse_at(nu_parse_request, head_of(NU_MAX_HEAD), NU_MAX_HEAD, &head),
                 NU_PARSE_DONE);
    cr_assert_eq(head.length, NU_MAX_HEAD);
    cr_assert_eq(parse_at(nu_parse_request, head_of(NU_MAX_HEAD), NU_MAX_HEAD - 1, &head),
                 NU_PARSE_MORE);
    cr_assert_eq(parse_at(nu_parse_request, head_of(NU_MAX_HEAD + 1), NU_MAX_HEAD + 1, &head),
                 NU_PARSE_BAD);
    cr_assert_eq(head.bad_status, 431);
    /* As soon as the limit is reached without an end, not one byte later. */
    cr_assert_eq(parse_at(nu_parse_request, head_of(NU_MAX_HEAD + 1), NU_MAX_HEAD, &head),
                 NU_PARSE_BAD);
    cr_assert_eq(head.bad_status, 431);

    head.max_head = 100;
    cr_assert_eq(parse_at(nu_parse_request, head_of(100), 100, &head), NU_PARSE_DONE);
    cr_assert_eq(parse_at(nu_parse_request, head_of(101), 101, &head), NU_PARSE_BAD);
    cr_assert_eq(head.bad_status, 431);
    head.max_head = 40000;
    cr_assert_eq(parse_at(nu_parse_request, head_of(40000), 40000, &head), NU_PARSE_DONE);
}

Test(parse_limits, a_single_field_of_8_KiB_fits)
{
    struct nu_head head = new_head();

    cr_assert_eq(parse_at(nu_parse_request, head_of(8192 + 32), 8192 + 32, &head), NU_PARSE_DONE);
    cr_assert_geq(head.fields[1].value.n, 8192 - 32);
}

Test(parse_limits, head_size_in_the_start_line)
{
    static char text[200];
    struct nu_head head = new_head();

    memset(text, 'x', sizeof(text));
    memcpy(text, "GET /", 5);
    head.max_head = 100;
    cr_assert_eq(parse_at(nu_parse_request, text, 99, &head), NU_PARSE_MORE);
    cr_assert_eq(parse_at(nu_parse_request, text, 100, &head), NU_PARSE_BAD);
    cr_assert_eq(head.bad_status, 431);
    memcpy(text, "HTTP/1.1 200 ", 13);
    cr_assert_eq(parse_at(nu_parse_response, text, 99, &head), NU_PARSE_MORE);
    cr_assert_eq(parse_at(nu_parse_response, text, 100, &head), NU_PARSE_BAD);
    cr_assert_eq(head.bad_status, 431);
}

Test(parse_limits, target_size)
{
    static char text[GUARD_MAX];
    struct nu_head head = new_head();

    for (size_t n = 8192; n <= 8193; n++) {
        memset(text, 'x', sizeof(text));
        memcpy(text, "GET /", 5);
        size_t total = 4 + n + (size_t) sprintf(text + 4 + n, " HTTP/1.1\r\n" HOST "\r\n");
        enum nu_parse rv = parse_at(nu_parse_request, text, total, &head);
        cr_assert_eq(rv, n == 8192 ? NU_PARSE_DONE : NU_PARSE_BAD, "%zu", n);
    }
    cr_assert_eq(head.bad_status, 414);
    /* Known before its end has come. */
    memset(text + 5, 'x', 9000);
    cr_assert_eq(parse_at(nu_parse_request, text, 4 + 8192, &head), NU_PARSE_MORE);
    cr_assert_eq(parse_at(nu_parse_request, text, 4 + 8193, &head), NU_PARSE_BAD);
    cr_assert_eq(head.bad_status, 414);

    head.max_target = 3;
    cr_assert_eq(nu_parse_request(TEXT("GET /ab HTTP/1.0\r\n\r\n"), &head), NU_PARSE_DONE);
    cr_assert_eq(nu_parse_request(TEXT("GET /abc HTTP/1.0\r\n\r\n"), &head), NU_PARSE_BAD);
    cr_assert_eq(head.bad_status, 414);
}

Test(parse_limits, number_of_fields)
{
    static char text[GUARD_MAX];

    for (unsigned n = NU_MAX_FIELDS; n <= NU_MAX_FIELDS + 1; n++) {
        struct nu_head head = new_head();
        size_t total = (size_t) sprintf(text, GET);
        for (unsigned i = 1; i < n; i++) {
            total += (size_t) sprintf(text + total, "A%u: b\r\n", i);
        }
        total += (size_t) sprintf(text + total, "\r\n");
        enum nu_parse rv = parse_at(nu_parse_request, text, total, &head);
        cr_assert_eq(rv, n == NU_MAX_FIELDS ? NU_PARSE_DONE : NU_PARSE_BAD);
        cr_assert(rv == NU_PARSE_DONE ? head.nfields == n : head.bad_status == 431);
    }
    struct nu_head none = { .fields = NULL, .maxfields = 0 };
    cr_assert_eq(nu_parse_request(TEXT("GET / HTTP/1.0\r\n\r\n"), &none), NU_PARSE_DONE);
    cr_assert_eq(nu_parse_request(TEXT("GET / HTTP/1.0\r\nA: b\r\n\r\n"), &none), NU_PARSE_BAD);
    cr_assert_eq(none.bad_status, 431);
}

Test(parse_limits, a_long_head_byte_by_byte_takes_no_time)
{
    const char *text = head_of(NU_MAX_HEAD);
    struct nu_head head = new_head();

    for (size_t k = 0; k < NU_MAX_HEAD; k++) {
        cr_assert_eq(nu_parse_request(text, k, &head), NU_PARSE_MORE);
    }
    cr_assert_eq(nu_parse_request(text, NU_MAX_HEAD, &head), NU_PARSE_DONE);
}
