/* SPDX-License-Identifier: MIT */
#include "wire/precond.h"

#include "support/guard.h"
#include "wire/parse.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

TestSuite(precond, .timeout = 30);

#define MODIFIED INT64_C(784111777)
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define SAME "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

static struct nu_field fields[NU_MAX_FIELDS];

/* The conditions lie in front of a page without access. */
static void load(struct nu_precond *p, const char *method, const char *lines)
{
    static char text[4096];
    struct nu_head head = { .fields = fields, .maxfields = NU_MAX_FIELDS };
    int n = snprintf(text, sizeof text, "%s /f HTTP/1.1\r\nHost: h\r\n%s\r\n", method, lines);
    cr_assert_eq(nu_parse_request(text, (size_t) n, &head), NU_PARSE_DONE, "%s", lines);
    nu_precond_load(p, &head, guard(nu_precond_size(&head)));
}

static enum nu_verdict judge(const char *method, const char *lines, const char *etag, int64_t age)
{
    struct nu_precond p;
    struct nu_validators v = { { etag, strlen(etag) }, MODIFIED, MODIFIED + age };
    load(&p, method, lines);
    return nu_precond_judge(&p, &v);
}

static const struct {
    const char *lines;
    enum nu_verdict want;
} cases[] = {
    { "", NU_PRECOND_PASS },
    { "Range: bytes=0-1\r\n", NU_PRECOND_PASS },
    { "X-If-Match: \"no\"\r\nIf-Matc: \"no\"\r\n", NU_PRECOND_PASS },
    /* If-Match compares strongly */
    { "If-Match: \"abc\"\r\n", NU_PRECOND_PASS },
    { "if-MATCH: \"abc\"\r\n", NU_PRECOND_PASS },
    { "If-Match: *\r\n", NU_PRECOND_PASS },
    { "If-Match: \"x\", \"abc\"\r\n", NU_PRECOND_PASS },
    { "If-Match: \"x\",\"abc\"\r\n", NU_PRECOND_PASS },
    { "If-Match: ,, \"x\" ,\t, \"abc\",\r\n", NU_PRECOND_PASS },
    { "If-Match: \"x\"\r\nIf-Match: \"abc\"\r\n", NU_PRECOND_PASS },
    { "If-Match: \"a,b\", \"abc\"\r\n", NU_PRECOND_PASS },
    { "If-Match: W/\"abc\"\r\n", NU_PRECOND_FAILED },
    { "If-Match: \"ABC\"\r\n", NU_PRECOND_FAILED },
    { "If-Match: \"x,\"abc\"\r\n", NU_PRECOND_FAILED },
    { "If-Match: abc\r\n", NU_PRECOND_FAILED },
    { "If-Match: \"abc\r\n", NU_PRECOND_FAILED },
    { "If-Match: \"\r\n", NU_PRECOND_FAILED },
    { "If-Match: W\r\n", NU_PRECOND_FAILED },
    { "If-Match: W/\r\n", NU_PRECOND_FAILED },
    { "If-Match: W/\"\r\n", NU_PRECOND_FAILED },
    { "If-Match:\r\n", NU_PRECOND_FAILED },
    { "If-Match: \"\"\r\n", NU_PRECOND_FAILED },
    { "If-Match: \"x\" \"abc\"\r\n", NU_PRECOND_FAILED },
    { "If-Match: \"x\"\"abc\"\r\n", NU_PRECOND_FAILED },
    { "If-Match: \"x\", *\r\n", NU_PRECOND_FAILED },
    { "If-Match: junk, \"abc\"\r\n", NU_PRECOND_FAILED },
    { "If-Match: \"a bc\", \"abc\"\r\n", NU_PRECOND_FAILED },
    /* If-None-Match compares weakly */
    { "If-None-Match: \"abc\"\r\n", NU_PRECOND_NOT_MODIFIED },
    { "If-None-Match: W/\"abc\"\r\n", NU_PRECOND_NOT_MODIFIED },
    { "If-None-Match: *\r\n", NU_PRECOND_NOT_MODIFIED },
    { "If-None-Match: \"x\", W/\"y\", \"abc\"\r\n", NU_PRECOND_NOT_MODIFIED },
    { "If-None-Match: \"x\"\r\nIf-None-Match: \"abc\"\r\n", NU_PRECOND_NOT_MODIFIED },
    { "If-None-Match:\r\nIf-None-Match: \"abc\"\r\n", NU_PRECOND_NOT_MODIFIED },
    { "If-None-Match: \"\xc3\xa9\", \"abc\"\r\n", NU_PRECOND_NOT_MODIFIED },
    { "If-None-Match: \"x\"\r\n", NU_PRECOND_PASS },
    { "If-None-Match: w/\"abc\"\r\n", NU_PRECOND_PASS },
    { "If-None-Match: \"abcd\", \"ab\"\r\n", NU_PRECOND_PASS },
    { "If-None-Match: abc\r\n", NU_PRECOND_PASS },
    { "If-None-Match: *, *\r\n", NU_PRECOND_PASS },
    { "If-None-Match:\r\n", NU_PRECOND_PASS },
    /* dates */
    { "If-Modified-Since: " SAME "\r\n", NU_PRECOND_NOT_MODIFIED },
    { "If-Modified-Since: " AFTER "\r\n", NU_PRECOND_NOT_MODIFIED },
    { "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n", NU_PRECOND_NOT_MODIFIED },
    { "If-Modified-Since: Sun Nov  6 08:49:37 1994\r\n", NU_PRECOND_NOT_MODIFIED },
    { "If-Modified-Since: " BEFORE "\r\n", NU_PRECOND_PASS },
    { "If-Modified-Since: 9999999999\r\n", NU_PRECOND_PASS },
    { "If-Modified-Since: \r\n", NU_PRECOND_PASS },
    { "If-Modified-Since: " SAME "\r\nIf-Modified-Since: " SAME "\r\n", NU_PRECOND_PASS },
    { "If-Modified-Since: " SAME "; length=7\r\n", NU_PRECOND_PASS },
    { "If-Unmodified-Since: " SAME "\r\n", NU_PRECOND_PASS },
    { "If-Unmodified-Since: " AFTER "\r\n", NU_PRECOND_PASS },
    { "If-Unmodified-Since: " BEFORE "\r\n", NU_PRECOND_FAILED },
    { "If-Unmodified-Since: Sun Nov  6 08:49:36 1994\r\n", NU_PRECOND_FAILED },
    { "If-Unmodified-Since: yesterday\r\n", NU_PRECOND_PASS },
    { "If-Unmodified-Since: " BEFORE ", " BEFORE "\r\n", NU_PRECOND_PASS },
    /* their order (RFC 9110 13.2.2) */
    { "If-Match: \"abc\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", NU_PRECOND_PASS },
    { "If-Unmodified-Since: " AFTER "\r\nIf-Match: \"x\"\r\n", NU_PRECOND_FAILED },
    { "If-None-Match: \"x\"\r\nIf-Modified-Since: " SAME "\r\n", NU_PRECOND_PASS },
    { "If-Modified-Since: " BEFORE "\r\nIf-None-Match: \"abc\"\r\n", NU_PRECOND_NOT_MODIFIED },
    { "If-None-Match: junk\r\nIf-Modified-Since: " SAME "\r\n", NU_PRECOND_PASS },
    { "If-None-Match: \"abc\"\r\nIf-Match: \"x\"\r\n", NU_PRECOND_FAILED },
    { "If-None-Match: \"abc\"\r\nIf-Match: \"abc\"\r\n", NU_PRECOND_NOT_MODIFIED },
    { "If-Modified-Since: " SAME "\r\nIf-Unmodified-Since: " BEFORE "\r\n", NU_PRECOND_FAILED },
    { "If-Range: \"x\"\r\nIf-None-Match: \"abc\"\r\n", NU_PRECOND_NOT_MODIFIED },
    { "If-Range: \"x\"\r\nIf-Match: \"x\"\r\n", NU_PRECOND_FAILED },
    /* If-Range */
    { "If-Range: \"abc\"\r\n", NU_PRECOND_PASS },
    { "If-Range: " SAME "\r\n", NU_PRECOND_WHOLE },
    { "If-Range: Sun Nov  6 08:49:37 1994\r\n", NU_PRECOND_WHOLE },
    { "If-Range: " BEFORE "\r\n", NU_PRECOND_WHOLE },
    { "If-Range: " AFTER "\r\n", NU_PRECOND_WHOLE },
    { "If-Range: W/\"abc\"\r\n", NU_PRECOND_WHOLE },
    { "If-Range: \"x\"\r\n", NU_PRECOND_WHOLE },
    { "If-Range: abc\r\n", NU_PRECOND_WHOLE },
    { "If-Range: *\r\n", NU_PRECOND_WHOLE },
    { "If-Range:\r\n", NU_PRECOND_WHOLE },
    { "If-Range: \"abc\", \"abc\"\r\n", NU_PRECOND_WHOLE },
    { "If-Range: \"abc\"\r\nIf-Range: \"abc\"\r\n", NU_PRECOND_WHOLE },
};

#define CASES (sizeof cases / sizeof *cases)

Test(precond, verdicts)
{
    for (size_t i = 0; i < CASES; i++) {
        cr_assert_eq(judge("GET", cases[i].lines, "\"abc\"", 1000), cases[i].want, "%s",
                     cases[i].lines);
        cr_assert_eq(judge("HEAD", cases[i].lines, "\"abc\"", 1000), cases[i].want, "%s",
                     cases[i].lines);
    }
}

Test(precond, other_methods_have_none)
{
    for (size_t i = 0; i < CASES; i++) {
        cr_assert_eq(judge("POST", cases[i].lines, "\"abc\"", 1000), NU_PRECOND_PASS);
        cr_assert_eq(judge("PUT", cases[i].lines, "\"abc\"", 1000), NU_PRECOND_PASS);
    }
}

/* A weak tag is good for a cache, not for putting parts together. */
Test(precond, our_own_tag_is_weak)
{
    static const char weak[] = "W/\"abc\"";
    cr_assert_eq(judge("GET", "If-None-Match: W/\"abc\"\r\n", weak, 9), NU_PRECOND_NOT_MODIFIED);
    cr_assert_eq(judge("GET", "If-None-Match: \"abc\"\r\n", weak, 9), NU_PRECOND_NOT_MODIFIED);
    cr_assert_eq(judge("GET", "If-None-Match: \"W/abc\"\r\n", weak, 9), NU_PRECOND_PASS);
    cr_assert_eq(judge("GET", "If-Match: W/\"abc\"\r\n", weak, 9), NU_PRECOND_FAILED);
    cr_assert_eq(judge("GET", "If-Match: \"abc\"\r\n", weak, 9), NU_PRECOND_FAILED);
    cr_assert_eq(judge("GET", "If-Match: *\r\n", weak, 9), NU_PRECOND_PASS);
    cr_assert_eq(judge("GET", "If-Range: W/\"abc\"\r\n", weak, 9), NU_PRECOND_WHOLE);
    cr_assert_eq(judge("GET", "If-Range: \"abc\"\r\n", weak, 9), NU_PRECOND_WHOLE);
}

Test(precond, range_field)
{
    struct nu_precond p;
    load(&p, "GET", "Range: bytes=0-1\r\n");
    cr_assert_eq(p.fields[NU_RANGE].n, 9);
    cr_assert_arr_eq(p.fields[NU_RANGE].p, "bytes=0-1", 9);
    load(&p, "GET", "RANGE: bytes=0-1\r\nx: y\r\nrange:\r\n");
    cr_assert_eq(p.fields[NU_RANGE].n, 11);
    cr_assert_arr_eq(p.fields[NU_RANGE].p, "bytes=0-1, ", 11);
    load(&p, "HEAD", "Range: bytes=0-1\r\n");
    cr_assert_null(p.fields[NU_RANGE].p);
    load(&p, "POST", "Range: bytes=0-1\r\n");
    cr_assert_null(p.fields[NU_RANGE].p);
    load(&p, "GET", "");
    for (unsigned i = 0; i < NU_PRECOND_FIELDS; i++) {
        cr_assert_null(p.fields[i].p);
    }
}

/* Every list, cut anywhere, in front of a page without access. */
Test(precond, every_truncation)
{
    static const char list[] = "W/\"x\",, \"a,b\" ,\"abc\"";
    struct nu_validators v = { { "\"abc\"", 5 }, MODIFIED, MODIFIED + 1000 };
    for (size_t n = 0; n <= sizeof list - 1; n++) {
        struct nu_precond p = { 0 };
        p.fields[NU_IF_NONE_MATCH] = (struct nu_slice){ guard_copy(list, n), n };
        cr_assert_eq(nu_precond_judge(&p, &v),
                     n == sizeof list - 1 ? NU_PRECOND_NOT_MODIFIED : NU_PRECOND_PASS, "%zu", n);
        p.fields[NU_IF_NONE_MATCH] = (struct nu_slice){ NULL, 0 };
        p.fields[NU_IF_RANGE] = (struct nu_slice){ guard_copy("W/\"abc\"", n % 8), n % 8 };
        cr_assert_eq(nu_precond_judge(&p, &v), NU_PRECOND_WHOLE);
    }
}
