/* SPDX-License-Identifier: MIT */
/* Heads of responses. */
#include "support/heads.h"
#include "wire/message.h"

#include <criterion/criterion.h>
#include <stdio.h>
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
    /* Servers that are old. */
    { "HTTP/1.1 200 OK\n\n", 200, "OK", 1, KEEP, 0 },
    { "HTTP/1.1 200 OK\nContent-Length: 5\n\r\n", 200, "OK", 1, KEEP | LENGTH, 5 },
    { "HTTP/1.1 200 OK\r\nConnection: close\n\n", 200, "OK", 1, 0, 0 },
    { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\ncontent-length: 05\r\n\r\n", 200, "OK", 1,
      KEEP | LENGTH, 5 },
    { "HTTP/1.1 200 OK\r\nContent-Length: 5, 5 ,5\r\n\r\n", 200, "OK", 1, KEEP | LENGTH, 5 },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n", 200, "OK", 1,
      KEEP | LENGTH, 5 },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: Identity\r\n\r\n", 200, "OK", 1, KEEP, 0 },
    { "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: identity\r\n\r\n", 200, "OK",
      0, 0, 0 },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n \r\n\r\n", 200, "OK", 1,
      KEEP | CHUNKED, 0 },
    { "HTTP/1.1 200 OK\r\nConnection: x,\r\n\tclose \r\n ,y\r\nContent-Length:\n 7\n\n", 200, "OK",
      1, LENGTH, 7 },
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
    BAD(400, "HTTP/1.1 200 OK\r\r\n\r\n"),
    BAD(400, "HTTP/1.1 200 OK\rA: b\r\n\r\n"),
    BAD(400, OK "A: b\r\r\n\r\n"),
    BAD(400, OK "A: b\rC: d\r\n\r\n"),
    BAD(400, OK "A: b\r\n\r\r\n"),
    BAD(400, OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
    BAD(400, OK "Content-Length: 1, 2\r\n\r\n"),
    BAD(400, OK "Content-Length: 1,\r\n\r\n"),
    BAD(400, OK "Content-Length: 1 1\r\n\r\n"),
    BAD(400, OK "Content-Length: 1\r\n 1\r\n\r\n"),
    BAD(400, OK "Content-Length: 1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(400, OK "Transfer-Encoding: identity, chunked\r\n\r\n"),
    BAD(400, OK "Transfer-Encoding: identity\t\r\n\r\n"),
    BAD(400, OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(400, OK "Transfer-Encoding: gzip\r\n\r\n"),
    BAD(400, OK "Transfer-Encoding: chunked\t\r\n\r\n"),
    BAD(400, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(400, OK " A: b\r\n\r\n"),
    BAD(400, OK "\tA: b\r\n\r\n"),
    BAD(400, OK "A\r\n : b\r\n\r\n"),
    BAD(400, OK "A: b\r\n c\x01\r\n\r\n"),
    BAD(400, OK "A : b\r\n\r\n"),
    BAD(400, OK "A\r\n\r\n"),
    BAD(400, OK ": b\r\n\r\n"),
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

/* What the fields of an answer of an old server become in a message. */
Test(parse_response, folds_are_spaces)
{
    static const struct {
        const char *fields;
        const char *a, *b; /* values of A and of B; NULL: there is none */
    } table[] = {
        { "A: x\r\n y\r\nB: z\r\n", "x y", "z" },
        { "A: x \t\r\n \t y\r\n\tz\r\n", "x y z", NULL },
        { "A:\r\n x\r\n", "x", NULL },
        { "A: x\r\n  \r\nB:\r\n \r\n", "x", "" },
        { "A: x\n y\nB: \n", "x y", "" },
        { "A: x\r\n \r\n\t\r\n y\r\n", "x y", NULL },
        { "A: x\r\n B: y\r\n", "x B: y", NULL },
        { "A: x\r\n y\r\nA: z\r\n w\r\n", "x y, z w", NULL },
        { "A: x  y\r\nB: x \t y\r\n z\r\n", "x  y", "x \t y z" },
        { "A: x\r\nContent-Length: 3\r\nContent-Length: 3\r\nB: y\r\n", "x", "y" },
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct nu_head head = new_head();
        nng_http_res *res;
        char text[256];
        int n = snprintf(text, sizeof text, OK "%s\r\n", table[i].fields);
        cr_assert_eq(parse_at(nu_parse_response, text, (size_t) n, &head), NU_PARSE_DONE, "%s: %s",
                     text, head.bad_reason);
        cr_assert_eq(nng_http_res_alloc(&res), 0);
        cr_assert_eq(nu_res_load(res, &head), 0);
        cr_assert_str_eq(nng_http_res_get_header(res, "A"), table[i].a, "%s", text);
        const char *b = nng_http_res_get_header(res, "B");
        cr_assert_eq(b == NULL, table[i].b == NULL, "%s", text);
        cr_assert(b == NULL || strcmp(b, table[i].b) == 0, "%s: %s", text, b);
        const char *length = nng_http_res_get_header(res, "Content-Length");
        cr_assert(length == NULL || strcmp(length, "3") == 0, "%s", length);
        nng_http_res_free(res);
    }
}

/* A line that is folded is one field, however many lines it takes. */
Test(parse_response, folds_count_once)
{
    struct nu_head head = new_head();
    char text[2048];
    size_t n = (size_t) sprintf(text, OK "A: x\r\n");
    for (int i = 0; i < 200; i++) {
        n += (size_t) sprintf(text + n, " y\r\n");
    }
    n += (size_t) sprintf(text + n, "\r\n");
    head.maxfields = 1;
    cr_assert_eq(parse_at(nu_parse_response, text, n, &head), NU_PARSE_DONE, "%s", head.bad_reason);
    cr_assert(head.nfields == 1 && head.folded);
}
