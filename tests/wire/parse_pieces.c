/* SPDX-License-Identifier: MIT */
/* A request's head that comes in pieces: the same results, and each byte is looked at a few times,
 * not once for every piece. */
#include "support/heads.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(parse_pieces, .timeout = 60);

static const struct {
    const char *text;
    size_t n;
} heads[] = {
    { TEXT("GET / HTTP/1.1\r\n" HOST "\r\n") },
    { TEXT("\r\n\r\nPOST /a/long/target?with=query HTTP/1.1\r\n" HOST
           "Content-Length: 4\r\nX: \r\nY:\tz \r\n\r\nbody") },
    { TEXT("OPTIONS * HTTP/1.0\r\nAccept: a, b\r\nConnection: keep-alive\r\n\r\n") },
    { TEXT("GET http://h:80/x HTTP/1.1\r\n" HOST "Upgrade: y\r\nConnection: upgrade\r\n\r\n") },
    { TEXT("GET  / HTTP/1.1\r\n" HOST "\r\n") },
    { TEXT("GET / HTTP/1.1\n" HOST "\r\n") },
    { TEXT("GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n") },
    { TEXT("GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n") },
    { TEXT("GET / HTTP/1.1\r\n folded: x\r\n\r\n") },
    { TEXT("GET / HTTP/1.1\r\n" HOST "a: b\r\n\tfolded\r\n\r\n") },
    { TEXT("GET / HTTP/1.1\r\n" HOST "a: \0\r\n\r\n") },
    { TEXT("GET / HTTP/1.1\r\n" HOST "a\x7f: b\r\n\r\n") },
    { TEXT("GET /\x01 HTTP/1.1\r\n" HOST "\r\n") },
    { TEXT("GET / HTTP/2.0\r\n" HOST "\r\n") },
    { TEXT("GET / HTTP/1.1x\r\n" HOST "\r\n") },
    { TEXT("GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n") },
    { TEXT("GET / HTTP/1.1\r\n" HOST "\r\r\n") },
    { TEXT("THIRTYTWOLETTERSARENOTTOOLONGATALL_ANDMORE / HTTP/1.1\r\n\r\n") },
    { TEXT("\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n") },
    { TEXT("\x16\x03\x01\x02\x00\x01") },
};

static struct nu_head with_limits(void)
{
    struct nu_head head = new_head();
    head.maxfields = 4;
    head.max_head = 120;
    head.max_target = 40;
    return head;
}

typedef enum nu_parse (*parser)(const char *buf, size_t len, struct nu_head *head);

/* What a whole look at every beginning of it says, a progressive one says as well. */
static void assert_same_by(parser parse, const char *text, size_t n, size_t step)
{
    struct nu_head_progress progress = { 0 };
    for (size_t len = step < n ? step : n;; len = len + step < n ? len + step : n) {
        struct nu_head whole = with_limits(), pieces = with_limits();
        const char *p = guard_copy(text, len);
        pieces.progress = &progress;
        enum nu_parse want = parse(p, len, &whole);
        enum nu_parse got = parse(p, len, &pieces);
        cr_assert_eq(got, want, "%zu bytes of %s", len, text);
        if (got == NU_PARSE_BAD) {
            cr_assert_eq(pieces.bad_status, whole.bad_status);
            cr_assert_str_eq(pieces.bad_reason, whole.bad_reason);
        } else if (got == NU_PARSE_DONE) {
            cr_assert_eq(pieces.length, whole.length);
            cr_assert_eq(pieces.nfields, whole.nfields);
            cr_assert_eq(pieces.target.n, whole.target.n);
            cr_assert_eq(pieces.reason.n, whole.reason.n);
            cr_assert_eq(pieces.folded, whole.folded);
        }
        if (got != NU_PARSE_MORE || len == n) {
            return;
        }
    }
}

static void assert_same(const char *text, size_t n, size_t step)
{
    assert_same_by(nu_parse_request, text, n, step);
}

Test(parse_pieces, same_results)
{
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        for (size_t step = 1; step <= heads[i].n; step++) {
            assert_same(heads[i].text, heads[i].n, step);
        }
    }
}

static const struct {
    const char *text;
    size_t n;
} responses[] = {
    { TEXT("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody") },
    { TEXT("HTTP/1.1 200 OK\nContent-Length: 4\nX: y\n\nbody") },
    { TEXT("HTTP/1.0 404\r\nA:\r\n b\r\n\tc\r\nD: e\r\n\r\n") },
    { TEXT("HTTP/1.1 200 \r\n\n") },
    { TEXT("HTTP/1.1 200x\r\n\r\n") },
    { TEXT("HTTP/1.1 20 OK\r\n\r\n") },
    { TEXT("HTTP/1.1 099 OK\r\n\r\n") },
    { TEXT("HTTP/1.1 200 a long reason\rwith a CR\r\n\r\n") },
    { TEXT("HTTP/1.1 200 a long reason with a \x01\r\n\r\n") },
    { TEXT("HTTP/1.1 200 OK\r\n folded: x\r\n\r\n") },
    { TEXT("HTTP/1.1 200 OK\r\na: b\rc\r\n\r\n") },
    { TEXT("HTTP/1.1 200 OK\r\na: b\r\n c\rd\r\n\r\n") },
    { TEXT("HTTP/1.1 200 OK\r\na: b\r\n c\r\r\n\r\n") },
    { TEXT("HTTP/1.1 200 OK\r\n1: 1\n2: 2\n 2\n3: 3\n4: 4\n 4\n5: 5\n\n") },
    { TEXT("HTTP/1.1 200 OK\r\nno colon\r\n\r\n") },
    { TEXT("HTTP/2.0 200 OK\r\n\r\n") },
    { TEXT("\r\nHTTP/1.1 200 OK\r\n\r\n") },
};

Test(parse_pieces, same_results_of_responses)
{
    for (size_t i = 0; i < sizeof responses / sizeof *responses; i++) {
        for (size_t step = 1; step <= responses[i].n; step++) {
            assert_same_by(nu_parse_response, responses[i].text, responses[i].n, step);
        }
    }
}

/* Every limit is met at the same byte. */
Test(parse_pieces, limits)
{
    char text[400];
    for (size_t n = 30; n < 50; n++) {
        int len = snprintf(text, sizeof text, "GET /%0*d HTTP/1.1\r\n" HOST "\r\n", (int) n, 0);
        assert_same(text, (size_t) len, 1);
    }
    for (int n = 80; n < 130; n++) {
        int len = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" HOST "X: %0*d\r\n\r\n", n, 0);
        assert_same(text, (size_t) len, 1);
    }
    for (int n = 1; n < 8; n++) {
        int len = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n");
        for (int i = 0; i < n; i++) {
            len += snprintf(text + len, sizeof text - (size_t) len, "x%d: y\r\n", i);
        }
        len += snprintf(text + len, sizeof text - (size_t) len, "\r\n");
        assert_same(text, (size_t) len, 1);
    }
}

/* A MiB of target or of fields, byte by byte. To look at all of it for each byte would be half a
 * million million bytes. */
static void byte_by_byte(parser parse, const char *text, size_t n, unsigned nfields)
{
    struct nu_head_progress progress = { 0 };
    struct nu_field *room = malloc(4096 * sizeof *room);
    struct nu_head head = {
        .maxfields = 4096, .max_head = n, .max_target = n, .fields = room, .progress = &progress
    };
    cr_assert_not_null(room);
    for (size_t len = 1; len < n; len++) {
        cr_assert_eq(parse(text, len, &head), NU_PARSE_MORE, "at %zu", len);
    }
    cr_assert_eq(parse(text, n, &head), NU_PARSE_DONE);
    cr_assert_eq(head.length, n);
    cr_assert_eq(head.nfields, nfields);
    free(room);
}

Test(parse_pieces, linear)
{
    size_t size = (size_t) 1 << 20, n = 0;
    char *text = malloc(size + 100);
    cr_assert_not_null(text);
    n = (size_t) sprintf(text, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 1000; i++) {
        n += (size_t) sprintf(text + n, "Field-%d: %01000d\r\n", i, i);
    }
    n += (size_t) sprintf(text + n, "Last: ");
    memset(text + n, 'v', size - n - 4);
    memcpy(text + size - 4, "\r\n\r\n", 4);
    byte_by_byte(nu_parse_request, text, size, 1002);

    memset(text, 't', size);
    memcpy(text, "GET /", 5);
    n = size - 60;
    n += (size_t) sprintf(text + n, " HTTP/1.1\r\n" HOST "\r\n");
    byte_by_byte(nu_parse_request, text, n, 1);
    free(text);
}

Test(parse_pieces, linear_in_responses)
{
    size_t size = (size_t) 1 << 20, n = 0;
    char *text = malloc(size + 100);
    cr_assert_not_null(text);
    n = (size_t) sprintf(text, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 1000; i++) {
        n += (size_t) sprintf(text + n, "Field-%d: %0500d\n\t%0500d\r\n", i, i, i);
    }
    n += (size_t) sprintf(text + n, "Last: ");
    memset(text + n, 'v', size - n - 4);
    memcpy(text + size - 4, "\r\n\r\n", 4);
    byte_by_byte(nu_parse_response, text, size, 1001);

    memset(text, 't', size);
    memcpy(text, "HTTP/1.1 200 ", 13);
    memcpy(text + size, "\r\nX: y\r\n\r\n", 10);
    byte_by_byte(nu_parse_response, text, size + 10, 1);
    free(text);
}
