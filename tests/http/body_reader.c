/* SPDX-License-Identifier: MIT */
#include "http/body_reader.h"

#include "support/guard.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(intake, .timeout = 60);

static struct nu_head by_length(uint64_t length)
{
    return (struct nu_head){ .has_length = true, .content_length = length };
}

static struct nu_head chunked(void)
{
    return (struct nu_head){ .chunked = true };
}

static void begin(struct nu_body_reader *intake, struct nu_head head)
{
    memset(intake, 0xa5, sizeof *intake); /* what an earlier request left */
    nu_body_reader_begin(intake, &head);
}

/* Gives it the text in pieces, each at the end of a page. What is body goes to `body`; returns the
 * bytes that were used. */
static size_t feed(struct nu_body_reader *intake, const char *text, size_t step, char *body,
                   enum nu_parse *result)
{
    size_t at = 0, len = strlen(text);
    *body = '\0';
    *result = NU_PARSE_MORE;
    while (*result == NU_PARSE_MORE && at < len) {
        size_t n = step < len - at ? step : len - at, used;
        struct nu_slice data;
        char *p = guard_copy(text + at, n);
        cr_assert(nu_body_reader_unread(intake));
        *result = nu_body_reader_next(intake, p, n, &used, &data);
        cr_assert(used > 0 && used <= n);
        cr_assert(data.n == 0 || (data.p >= p && data.p + data.n <= p + used));
        strncat(body, data.p, data.n);
        at += used;
    }
    cr_assert_eq(nu_body_reader_unread(intake), *result == NU_PARSE_MORE);
    return at;
}

Test(intake, no_body)
{
    struct nu_body_reader none = { 0 }, intake;
    cr_assert_not(nu_body_reader_unread(&none));
    begin(&intake, (struct nu_head){ 0 });
    cr_assert_not(nu_body_reader_unread(&intake));
    begin(&intake, by_length(0));
    cr_assert_not(nu_body_reader_unread(&intake));
    cr_assert_not(intake.chunked);
}

Test(intake, by_length)
{
    for (size_t step = 1; step <= 12; step++) {
        struct nu_body_reader intake;
        enum nu_parse result;
        char body[32];
        begin(&intake, by_length(5));
        cr_assert_eq(feed(&intake, "helloGET /", step, body, &result), 5);
        cr_assert_eq(result, NU_PARSE_DONE);
        cr_assert_str_eq(body, "hello");
    }
}

Test(intake, every_truncation)
{
    static const char text[] = "2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nX: y\r\n\r\n";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        struct nu_body_reader intake;
        enum nu_parse result;
        char body[32], part[sizeof text];
        memcpy(part, text, n);
        part[n] = '\0';
        begin(&intake, chunked());
        cr_assert_eq(feed(&intake, part, 7, body, &result), n);
        cr_assert_eq(result, NU_PARSE_MORE);
        begin(&intake, by_length(sizeof text - 1));
        cr_assert_eq(feed(&intake, part, 7, body, &result), n);
        cr_assert_eq(result, NU_PARSE_MORE);
        cr_assert_str_eq(body, part);
    }
}

/* Larger than anything that can be counted in 32 bits. */
Test(intake, huge_length)
{
    struct nu_body_reader intake;
    struct nu_slice data;
    size_t used;
    begin(&intake, by_length(INT64_MAX));
    cr_assert_eq(nu_body_reader_next(&intake, guard(9), 9, &used, &data), NU_PARSE_MORE);
    cr_assert_eq(used, 9);
    cr_assert_eq(data.n, 9);
    cr_assert_eq(intake.left, (uint64_t) INT64_MAX - 9);
}

Test(intake, in_chunks)
{
    static const char text[] = "2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nX: y\r\n\r\nGET /";
    for (size_t step = 1; step < sizeof text; step++) {
        struct nu_body_reader intake;
        enum nu_parse result;
        char body[32];
        begin(&intake, chunked());
        cr_assert(intake.chunked);
        cr_assert_eq(feed(&intake, text, step, body, &result), sizeof text - 1 - 5);
        cr_assert_eq(result, NU_PARSE_DONE);
        cr_assert_str_eq(body, "hello");
    }
}

/* Chunks, though empty, are something to read; and nothing is left to read of broken ones. */
Test(intake, empty_and_malformed_chunks)
{
    struct nu_body_reader intake;
    enum nu_parse result;
    char body[32];
    begin(&intake, chunked());
    cr_assert(nu_body_reader_unread(&intake));
    cr_assert_eq(feed(&intake, "0\r\n\r\n0", 9, body, &result), 5);
    cr_assert_eq(result, NU_PARSE_DONE);
    cr_assert_str_empty(body);
    begin(&intake, chunked());
    cr_assert_eq(feed(&intake, "1\r\nx\rGET /", 3, body, &result), 6);
    cr_assert_eq(result, NU_PARSE_BAD);
    cr_assert_str_eq(body, "x");
}

/* What an aborted request left of a chunk does not reach the next request. */
Test(intake, begins_anew)
{
    struct nu_body_reader intake;
    enum nu_parse result;
    char body[32];
    begin(&intake, chunked());
    cr_assert_eq(feed(&intake, "5\r\nab", 99, body, &result), 5);
    struct nu_head head = chunked();
    nu_body_reader_begin(&intake, &head);
    cr_assert_eq(feed(&intake, "1\r\nx\r\n0\r\n\r\n", 99, body, &result), 11);
    cr_assert_eq(result, NU_PARSE_DONE);
    cr_assert_str_eq(body, "x");
    head = (struct nu_head){ 0 };
    nu_body_reader_begin(&intake, &head);
    cr_assert_not(nu_body_reader_unread(&intake));
}
