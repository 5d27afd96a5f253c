/* SPDX-License-Identifier: MIT */
/* What is remembered of one request must not change what another one means. */
#include "wire/head_cache.h"
#include "wire/parse.h"

#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(memo, .timeout = 60);

static const char *const requests[] = {
    "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /other HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: h\r\n\r\n",
    "GET http://there/x HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h2\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n", /* no Host: bad */
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\nHost: \r\n\r\n",
    "GET / HTTP/1.1\r\nConnection: keep-alive\r\nHost: \r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nworld",
    "POST / HTTP/1.0\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", /* bad */
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: close, upgrade\r\nUpgrade: x\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", /* bad */
};

#define REQUESTS (sizeof requests / sizeof requests[0])

static struct nu_field fields[2][8];

static void same(const struct nu_slice *a, const struct nu_slice *b)
{
    cr_assert_eq(a->n, b->n);
    cr_assert(a->n == 0 || a->p == b->p, "not where it lies in the text");
}

static void same_heads(const struct nu_head *a, const struct nu_head *b)
{
    cr_assert_eq(a->length, b->length);
    cr_assert_eq(a->nfields, b->nfields);
    cr_assert_eq(a->known, b->known);
    cr_assert_eq(a->minor, b->minor);
    cr_assert_eq(a->content_length, b->content_length);
    cr_assert_eq(a->has_length, b->has_length);
    cr_assert_eq(a->chunked, b->chunked);
    cr_assert_eq(a->keep_alive, b->keep_alive);
    cr_assert_eq(a->expect_continue, b->expect_continue);
    cr_assert_eq(a->upgrade, b->upgrade);
    same(&a->method, &b->method);
    same(&a->target, &b->target);
    same(&a->host, &b->host);
    for (unsigned i = 0; i < a->nfields; i++) {
        same(&a->fields[i].name, &b->fields[i].name);
        same(&a->fields[i].value, &b->fields[i].value);
    }
}

/* The first n bytes, with what `memo` remembers and without, and these limits. */
static void compare(struct nu_head_cache *memo, const char *text, size_t n, unsigned maxfields,
                    size_t max_head)
{
    const char *p = guard_copy(text, n);
    struct nu_head with = { .fields = fields[0], .maxfields = maxfields, .max_head = max_head };
    struct nu_head without = with;
    without.fields = fields[1];
    with.memo = memo;
    enum nu_parse a = nu_parse_request(p, n, &with), b = nu_parse_request(p, n, &without);
    cr_assert_eq(a, b);
    if (a == NU_PARSE_DONE) {
        same_heads(&with, &without);
    } else if (a == NU_PARSE_BAD) {
        cr_assert_eq(with.bad_status, without.bad_status);
    }
}

/* The same where `before` has been parsed before. */
static void compare_after(const char *before, const char *text, size_t n, unsigned maxfields,
                          size_t max_head)
{
    struct nu_head_cache memo = { 0 };
    compare(&memo, before, strlen(before), 8, 0);
    compare(&memo, text, n, maxfields, max_head);
}

Test(memo, any_request_behind_any_other_means_the_same)
{
    for (size_t i = 0; i < REQUESTS; i++) {
        for (size_t j = 0; j < REQUESTS; j++) {
            size_t n = strlen(requests[j]);
            for (size_t cut = 1; cut <= n; cut++) {
                compare_after(requests[i], requests[j], cut, 8, 0);
            }
        }
    }
}

/* However many are remembered, and in whatever order they came. */
Test(memo, several_that_are_linked_change_nothing_either)
{
    static struct nu_head_cache memos[3];
    nu_head_cache_link(memos, 3);
    for (size_t step = 1; step < REQUESTS; step++) {
        for (size_t i = 0; i < 3 * REQUESTS; i++) {
            const char *text = requests[i * step % REQUESTS];
            compare(memos, text, strlen(text), 8, 0);
            compare(memos, text, strlen(text) - 1, 8, 0);
        }
    }
}

Test(memo, requests_that_alternate_are_known_each)
{
    static struct nu_head_cache memos[3];
    const char *const kinds[] = { requests[0], requests[5], requests[10] };
    uint64_t numbers[3] = { 0 };
    nu_head_cache_link(memos, 3);
    for (size_t i = 0; i < 12; i++) {
        struct nu_head head = { .fields = fields[0], .maxfields = 8, .memo = memos };
        const char *text = kinds[i % 3];
        cr_assert_eq(nu_parse_request(text, strlen(text), &head), NU_PARSE_DONE);
        cr_assert_neq(head.same, 0);
        cr_assert(i < 3 || head.same == numbers[i % 3], "parsed anew");
        numbers[i % 3] = head.same;
    }
    cr_assert(numbers[0] != numbers[1] && numbers[1] != numbers[2] && numbers[0] != numbers[2]);
}

Test(memo, limits_hold_for_what_is_remembered)
{
    for (size_t i = 0; i < REQUESTS; i++) {
        size_t n = strlen(requests[i]);
        for (unsigned maxfields = 1; maxfields < 5; maxfields++) {
            compare_after(requests[i], requests[i], n, maxfields, 0);
        }
        for (size_t max = 4; max <= n + 1; max++) {
            compare_after(requests[i], requests[i], n, 8, max);
        }
    }
}

Test(memo, what_is_too_large_is_not_remembered)
{
    static char text[2 * NU_MEMO_TEXT];
    struct nu_head_cache memo = { 0 };
    int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
    memset(text + n, 'x', NU_MEMO_TEXT);
    strcpy(text + n + NU_MEMO_TEXT, "\r\n\r\n");
    compare(&memo, text, strlen(text), 8, 0);
    cr_assert_eq(memo.len, 0);
    compare(&memo, requests[0], strlen(requests[0]), 8, 0);
    cr_assert_eq(memo.len, strlen("Host: h\r\n\r\n"));
}
