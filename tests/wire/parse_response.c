/* SPDX-License-Identifier: MIT */
/* Heads of responses. */
#include "support/heads.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(parse_response, .timeout = 60);

struct good_res {
    const char *text;
    unsigned status;
    const char *reason;
    int minor;
    unsigned flags;
    uint64_t length;
};

static const struct good_res good_responses[] = {
    { "HTTP/1.1 200 OK\r\n\r\n", 200, "OK", 1, KEEP, 0 },
    { "HTTP/1.0 200 OK\r\n\r\n", 200, "OK", 0, 0, 0 },
    { "HTTP/1.3 200 OK\r\n\r\n", 200, "OK", 3, KEEP, 0 },
    { "HTTP/1.1 404 Not  Found \r\nA: b\r\n\r\n", 404, "Not  Found ", 1, KEEP, 0 },
    { "HTTP/1.1 204\r\n\r\n", 204, "", 1, KEEP, 0 },
    { "HTTP/1.1 204 \r\n\r\n", 204, "", 1, KEEP, 0 },
    { "HTTP/1.1 100 Continue\r\n\r\n", 100, "Continue", 1, KEEP, 0 },
    { "HTTP/1.1 999 \xe9t\xe9\r\n\r\n", 999, "\xe9t\xe9", 1, KEEP, 0 },
    { "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n", 200, "OK", 1, LENGTH,
      12 },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, "OK", 1, KEEP | CHUNKED, 0 },
    { "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", 200, "OK", 0, KEEP, 0 },
    { "HTTP/1.1 200 OK\r\nHost: a b\r\nHost: c\r\nExpect: 100-continue\r\n\r\n", 200, "OK", 1, KEEP,
      0 },
};

Test(parse_response, good)
{
    for (size_t i = 0; i < sizeof(good_responses) / sizeof(good_responses[0]); i++) {
        const struct good_res *good = &good_responses[i];
        struct nu_head head = new_head();
        size_t n = strlen(good->text);
        for (size_t k = 0; k < n; k++) {
            cr_assert_eq(parse_at(nu_parse_response, good->text, k, &head), NU_PARSE_MORE,
                         "%zu bytes of %s: %s", k, good->text, head.bad_reason);
        }
        cr_assert_eq(parse_at(nu_parse_response, good->text, n, &head), NU_PARSE_DONE, "%s: %s",
                     good->text, head.bad_reason);
        cr_assert_eq(head.status, good->status, "%s", good->text);
        cr_assert(equal(head.reason, good->reason), "%s", good->text);
        cr_assert_eq(head.minor, good->minor, "%s", good->text);
        cr_assert_eq(flags_of(&head), good->flags, "%s", good->text);
        cr_assert_eq(head.content_length, good->length, "%s", good->text);
        cr_assert_eq(head.length, n, "%s", good->text);
    }
}

#define OK "HTTP/1.1 200 OK\r\n"

static const struct bad bad_responses[] = {
    BAD(400, "\r\nHTTP/1.1 200 OK\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\n\r\n"),
    BAD(400, "ICY 200 OK\r\n\r\n"),
    BAD(400, "HTTP/1.1\r\n\r\n"),
    BAD(400, "HTTP/1.1 \r\n\r\n"),
    BAD(400, "HTTP/1.1 20\r\n\r\n"),
    BAD(400, "HTTP/1.1 20 OK\r\n\r\n"),
    BAD(400, "HTTP/1.1 2000 OK\r\n\r\n"),
    BAD(400, "HTTP/1.1 200OK\r\n\r\n"),
    BAD(400, "HTTP/1.1 099 OK\r\n\r\n"),
    BAD(400, "HTTP/1.1 000 OK\r\n\r\n"),
    BAD(400, "HTTP/1.1 +20 OK\r\n\r\n"),
    BAD(400, "HTTP/1.1  200 OK\r\n\r\n"),
    BAD(400, "HTTP/1.1\t200 OK\r\n\r\n"),
    BAD(400, "HTTP/1.1200 OK\r\n\r\n"),
    BAD(505, "HTTP/2.0 200 OK\r\n\r\n"),
    BAD(400, "HTTP/1.1 200 O\0K\r\n\r\n"),
    BAD(400, "HTTP/1.1 200 OK\n\n"),
    BAD(400, OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"),
    BAD(400, OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(400, OK "Transfer-Encoding: gzip\r\n\r\n"),
    BAD(400, OK "Transfer-Encoding: chunked\t\r\n\r\n"),
    BAD(400, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(400, OK "A: b\r\n c\r\n\r\n"),
    BAD(400, OK "A : b\r\n\r\n"),
};

Test(parse_response, bad)
{
    for (size_t i = 0; i < sizeof(bad_responses) / sizeof(bad_responses[0]); i++) {
        const struct bad *bad = &bad_responses[i];
        struct nu_head head = new_head();
        for (size_t k = 0; k < bad->n; k++) {
            cr_assert_neq(parse_at(nu_parse_response, bad->text, k, &head), NU_PARSE_DONE,
                          "%zu bytes of %s", k, bad->text);
        }
        cr_assert_eq(parse_at(nu_parse_response, bad->text, bad->n, &head), NU_PARSE_BAD, "%s",
                     bad->text);
        cr_assert_eq(head.bad_status, bad->status, "%s: %s", bad->text, head.bad_reason);
    }
}
