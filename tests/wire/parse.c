/* SPDX-License-Identifier: MIT */
#include "support/heads.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(parse, .timeout = 60);

static const char *value_of(const struct nu_head *head, const char *name)
{
    static char text[GUARD_MAX];

    for (unsigned i = 0; i < head->nfields; i++) {
        if (equal(head->fields[i].name, name)) {
            snprintf(text, sizeof(text), "%.*s", (int) head->fields[i].value.n,
                     head->fields[i].value.p);
            return text;
        }
    }
    return NULL;
}

/* ---- Good requests ------------------------------------------------------------------------ */

struct good {
    const char *text;
    const char *method, *target, *host;
    int minor;
    unsigned nfields;
    unsigned flags;
    uint64_t length;
};

static const struct good goods[] = {
    { "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n", "GET", "/", "localhost:8080", 1, 1, KEEP,
      0 },
    { "GET / HTTP/1.0\r\n\r\n", "GET", "/", "", 0, 0, 0, 0 },
    { "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET", "/", "", 0, 1, KEEP, 0 },
    { "GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n", "GET", "/", "", 0, 1, 0, 0 },
    { "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", "GET", "/", "h", 1, 2, 0, 0 },
    { "GET / HTTP/1.1\r\n" HOST "Connection: x,, CLOSE \t,y\r\n\r\n", "GET", "/", "h", 1, 2, 0, 0 },
    { "GET / HTTP/1.1\r\n" HOST "Connection: x\r\nConnection: close\r\n\r\n", "GET", "/", "h", 1, 3,
      0, 0 },
    { "GET / HTTP/1.1\r\n" HOST "Connection: closed, not-close\r\n\r\n", "GET", "/", "h", 1, 2,
      KEEP, 0 },
    { "GET / HTTP/1.1\r\n" HOST "Connection:\r\n\r\n", "GET", "/", "h", 1, 2, KEEP, 0 },
    { "GET / HTTP/1.2\r\n" HOST "\r\n", "GET", "/", "h", 2, 1, KEEP, 0 },
    { "GET / HTTP/1.9\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "GET", "/", "h", 9, 2,
      KEEP | CHUNKED, 0 },
    { "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "GET", "/", "h", 1, 1, KEEP, 0 },
    { "\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "GET", "/", "h", 1, 1, KEEP, 0 },
    { "POST /a?b=c&d HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n", "POST", "/a?b=c&d", "h", 1, 2,
      KEEP | LENGTH, 5 },
    { "POST / HTTP/1.1\r\n" HOST "content-LENGTH:\t 0 \r\n\r\n", "POST", "/", "h", 1, 2,
      KEEP | LENGTH, 0 },
    { "POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775807\r\n\r\n", "POST", "/", "h", 1,
      2, KEEP | LENGTH, INT64_MAX },
    { "POST / HTTP/1.0\r\nContent-Length: 007\r\n\r\n", "POST", "/", "", 0, 1, LENGTH, 7 },
    { "POST / HTTP/1.1\r\n" HOST "Content-Length: 00000000000000000005\r\n\r\n", "POST", "/", "h",
      1, 2, KEEP | LENGTH, 5 },
    { "POST / HTTP/1.1\r\n" HOST "Content-Length: 00000000000009223372036854775807\r\n\r\n", "POST",
      "/", "h", 1, 2, KEEP | LENGTH, INT64_MAX },
    { "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: \tchunked  \r\n\r\n", "PUT", "/", "h", 1, 2,
      KEEP | CHUNKED, 0 },
    { "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n", "PUT", "/", "h", 1, 2,
      KEEP | CHUNKED, 0 },
    { "PUT / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n", "PUT", "/",
      "h", 1, 3, KEEP | LENGTH | EXPECT, 1 },
    { "PUT / HTTP/1.0\r\n" HOST "Expect: 100-continue\r\n\r\n", "PUT", "/", "h", 0, 2, 0, 0 },
    { "PUT / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n", "PUT", "/", "h", 1, 2, KEEP, 0 },
    { "GET /chat HTTP/1.1\r\n" HOST "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n",
      "GET", "/chat", "h", 1, 3, KEEP | UPGRADE, 0 },
    { "GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n\r\n", "GET", "/", "h", 1, 2, KEEP, 0 },
    { "GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "GET", "/", "", 0, 2,
      0, 0 },
    { "GET http://Example.com:80/x?y HTTP/1.1\r\nHost: other\r\n\r\n", "GET",
      "http://Example.com:80/x?y", "Example.com:80", 1, 1, KEEP, 0 },
    { "GET HTTPS://[::1] HTTP/1.1\r\n" HOST "\r\n", "GET", "HTTPS://[::1]", "[::1]", 1, 1, KEEP,
      0 },
    { "GET http://a?b HTTP/1.0\r\n\r\n", "GET", "http://a?b", "a", 0, 0, 0, 0 },
    { "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OPTIONS", "*", "h", 1, 1, KEEP, 0 },
    { "OPTIONS /x HTTP/1.1\r\n" HOST "\r\n", "OPTIONS", "/x", "h", 1, 1, KEEP, 0 },
    { "CONNECT example.com:443 HTTP/1.1\r\n" HOST "\r\n", "CONNECT", "example.com:443",
      "example.com:443", 1, 1, KEEP, 0 },
    { "CONNECT [2001:db8::1]:1 HTTP/1.1\r\n" HOST "\r\n", "CONNECT", "[2001:db8::1]:1",
      "[2001:db8::1]:1", 1, 1, KEEP, 0 },
    { "PROPPATCH / HTTP/1.1\r\n" HOST "\r\n", "PROPPATCH", "/", "h", 1, 1, KEEP, 0 },
    { "M-SEARCH / HTTP/1.1\r\n" HOST "\r\n", "M-SEARCH", "/", "h", 1, 1, KEEP, 0 },
    { "GET /\"<>^`{|}[]%%% HTTP/1.1\r\n" HOST "\r\n", "GET", "/\"<>^`{|}[]%%%", "h", 1, 1, KEEP,
      0 },
    { "GET /?a\\b HTTP/1.1\r\n" HOST "\r\n", "GET", "/?a\\b", "h", 1, 1, KEEP, 0 },
    { "GET //a//b/../c HTTP/1.1\r\n" HOST "\r\n", "GET", "//a//b/../c", "h", 1, 1, KEEP, 0 },
    { "GET / HTTP/1.0\r\nhOST:\r\n\r\n", "GET", "/", "", 0, 1, 0, 0 },
    { "GET http://a/ HTTP/1.1\r\nhOST:\r\n\r\n", "GET", "http://a/", "a", 1, 1, KEEP, 0 },
    { "GET / HTTP/1.1\r\nHost:  1.2.3.4:65535\t\r\n\r\n", "GET", "/", "1.2.3.4:65535", 1, 1, KEEP,
      0 },
    { "GET / HTTP/1.1\r\nHost: [fe80::1]:\r\n\r\n", "GET", "/", "[fe80::1]:", 1, 1, KEEP, 0 },
    { "GET / HTTP/1.1\r\nHost: a_b-c.d~e!%2f\r\n\r\n", "GET", "/", "a_b-c.d~e!%2f", 1, 1, KEEP, 0 },
    { "GET / HTTP/1.1\r\n" HOST "A: \r\nB:\r\nC:c\td\r\n!#$%&'*+-.^_`|~09azAZ: \x80\xff\r\n\r\n",
      "GET", "/", "h", 1, 5, KEEP, 0 },
};

static void check_good(const struct good *good, const struct nu_head *head)
{
    cr_assert(equal(head->method, good->method), "%s", good->text);
    cr_assert(equal(head->target, good->target), "%s", good->text);
    cr_assert(equal(head->host, good->host), "%s", good->text);
    cr_assert_eq(head->major, 1);
    cr_assert_eq(head->minor, good->minor, "%s", good->text);
    cr_assert_eq(head->nfields, good->nfields, "%s", good->text);
    cr_assert_eq(flags_of(head), good->flags, "%s", good->text);
    cr_assert_eq(head->content_length, good->length, "%s", good->text);
    cr_assert_eq(head->length, strlen(good->text), "%s", good->text);
}

Test(parse, good_requests_whole_and_with_more_behind)
{
    static const char *const behind[] = { "", "\r\n", "GET /next HTTP/1.1\r\n", "\n", "body" };
    char text[1024];

    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        for (size_t j = 0; j < sizeof(behind) / sizeof(behind[0]); j++) {
            struct nu_head head = new_head();
            int n = snprintf(text, sizeof(text), "%s%s", goods[i].text, behind[j]);
            cr_assert_eq(parse_at(nu_parse_request, text, (size_t) n, &head), NU_PARSE_DONE,
                         "%s: %s", text, head.bad_reason);
            check_good(&goods[i], &head);
        }
    }
}

Test(parse, every_beginning_of_a_good_request_wants_more)
{
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        struct nu_head head = new_head();
        size_t n = strlen(goods[i].text);
        for (size_t k = 0; k < n; k++) {
            cr_assert_eq(parse_at(nu_parse_request, goods[i].text, k, &head), NU_PARSE_MORE,
                         "%zu bytes of %s: %s", k, goods[i].text, head.bad_reason);
        }
        /* The same head again: nothing of an earlier call may be left. */
        cr_assert_eq(parse_at(nu_parse_request, goods[i].text, n, &head), NU_PARSE_DONE);
        check_good(&goods[i], &head);
    }
}

Test(parse, values_are_trimmed_and_point_into_the_buffer)
{
    static const char text[] =
        "GET / HTTP/1.1\r\nHost: h\r\nA: \t x  y \t\r\nEmpty:  \r\nT:a\tb\r\n\r\n";
    struct nu_head head = new_head();

    cr_assert_eq(nu_parse_request(TEXT(text), &head), NU_PARSE_DONE);
    cr_assert_str_eq(value_of(&head, "A"), "x  y");
    cr_assert_str_eq(value_of(&head, "Empty"), "");
    cr_assert_str_eq(value_of(&head, "T"), "a\tb");
    for (unsigned i = 0; i < head.nfields; i++) {
        const struct nu_field *f = &head.fields[i];
        cr_assert(f->name.p >= text && f->value.p > f->name.p + f->name.n);
        cr_assert_eq(f->name.p[f->name.n], ':');
        cr_assert_not_null(strchr(" \t\r", f->value.p[f->value.n]));
        cr_assert_null(memchr(f->name.p, '\n', (size_t) (f->value.p + f->value.n - f->name.p)));
    }
}

/* A token is a method; which ones are registered is told apart. */
Test(parse, methods)
{
    static const struct {
        const char *method;
        bool known;
    } methods[] = {
        { "GET", true },
        { "HEAD", true },
        { "POST", true },
        { "PUT", true },
        { "DELETE", true },
        { "OPTIONS", true },
        { "TRACE", true },
        { "PATCH", true },
        { "ACL", true },
        { "BASELINE-CONTROL", true },
        { "COPY", true },
        { "LINK", true },
        { "LOCK", true },
        { "MKCOL", true },
        { "MOVE", true },
        { "PROPFIND", true },
        { "PROPPATCH", true },
        { "REPORT", true },
        { "SEARCH", true },
        { "UNLINK", true },
        { "UNLOCK", true },
        { "UPDATE", true },
        { "UPDATEREDIRECTREF", true },
        { "VERSION-CONTROL", true },
        { "get", false },
        { "Get", false },
        { "GETX", false },
        { "GE", false },
        { "G", false },
        { "ET", false },
        { "CONTROL", false },
        { "VERSION-CONTRO", false },
        { "VERSION-CONTROLS", false },
        { "FOO", false },
        { "PRI", false },
        { "M-SEARCH", false },
        { "PURGE", false },
        { "SOURCE", false },
        { "DESCRIBE", false },
        { "SETUP", false },
        { "FLUSH", false },
        { "!#$%&'*+-.^_`|~09azAZ", false },
        { "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false },
    };
    char text[128];

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct nu_head head = new_head();
        int n = snprintf(text, sizeof(text), "%s / HTTP/1.1\r\n" HOST "\r\n", methods[i].method);
        for (int k = 0; k < n; k++) {
            cr_assert_eq(parse_at(nu_parse_request, text, (size_t) k, &head), NU_PARSE_MORE, "%s",
                         text);
        }
        cr_assert_eq(parse_at(nu_parse_request, text, (size_t) n, &head), NU_PARSE_DONE, "%s: %s",
                     text, head.bad_reason);
        cr_assert(equal(head.method, methods[i].method));
        cr_assert_eq(head.known, methods[i].known, "%s", text);
        cr_assert_eq(head.length, (size_t) n);
    }
}

/* ---- Bad requests ------------------------------------------------------------------------- */

static const struct bad bads[] = {
    /* framing */
    BAD(400, GET "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
    BAD(400, GET "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"),
    BAD(400, GET "Content-Length: 5\r\ncontent-length: 6\r\n\r\n"),
    BAD(400, GET "Content-Length: 5, 5\r\n\r\n"),
    BAD(400, GET "Content-Length: 5,\r\n\r\n"),
    BAD(400, GET "Content-Length: +5\r\n\r\n"),
    BAD(400, GET "Content-Length: -5\r\n\r\n"),
    BAD(400, GET "Content-Length: 0x5\r\n\r\n"),
    BAD(400, GET "Content-Length: 00000000000009223372036854775808\r\n\r\n"),
    BAD(400, GET "Content-Length: 5, 5\r\n\r\n"),
    BAD(400, GET "Content-Length: a\r\n\r\n"),
    BAD(400, GET "Content-Length: 5a\r\n\r\n"),
    BAD(400, GET "Content-Length: 1 2\r\n\r\n"),
    BAD(400, GET "Content-Length: 1\t2\r\n\r\n"),
    BAD(400, GET "Content-Length: 5.0\r\n\r\n"),
    BAD(400, GET "Content-Length: \"5\"\r\n\r\n"),
    BAD(400, GET "Content-Length:\r\n\r\n"),
    BAD(400, GET "Content-Length:  \r\n\r\n"),
    BAD(400, GET "Content-Length: 9223372036854775808\r\n\r\n"),
    BAD(400, GET "Content-Length: 18446744073709551616\r\n\r\n"),
    BAD(400, GET "Content-Length: 18446744073709551621\r\n\r\n"),
    BAD(400, GET "Content-Length: 99999999999999999999999999\r\n\r\n"),
    BAD(400, GET "Content-Length: \xc2\xb9\r\n\r\n"),
    BAD(400, GET "Content-Length: 5\t\r\n\r\n"),
    BAD(400, GET "Content-Length: 5 \t \r\n\r\n"),
    BAD(400, GET "Content-Length : 5\r\n\r\n"),
    BAD(400, GET "Content-Length\t: 5\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: chunked\t\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: chunked \t \r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: identity\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: gzip, chunked\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: chunked, chunked\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: chunked,\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: ,chunked\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: chunked, gzip\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: xchunked\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: chunkedx\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: chunked;q=1\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: \"chunked\"\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding: \x0b"
                 "chunked\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding:\r\n\r\n"),
    BAD(400, GET "Transfer-Encoding : chunked\r\n\r\n"),
    BAD(400, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    /* lines and characters */
    BAD(400, "GET / HTTP/1.1\nHost: h\n\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: h\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: h\r\n\n"),
    BAD(400, "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n"),
    BAD(400, GET "A: b\rC: d\r\n\r\n"),
    BAD(400, GET "A: b\r\r\n\r\n"),
    BAD(400, GET "A:\rTransfer-Encoding: chunked\r\n\r\n"),
    BAD(400, GET "A: b\r\n\rX: y\r\n\r\n"),
    BAD(400, GET "A: b\r\n c\r\n\r\n"),
    BAD(400, GET "A: b\r\n\tc\r\n\r\n"),
    BAD(400, GET "A:\r\n b\r\n\r\n"),
    BAD(400, GET "A: b\r\n \r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\n Host: h\r\n\r\n"),
    BAD(400, GET "A: b\0c\r\n\r\n"),
    BAD(400, GET "A\0: b\r\n\r\n"),
    BAD(400, GET "A: \x01\r\n\r\n"),
    BAD(400, GET "A: \x1f\r\n\r\n"),
    BAD(400, GET "A: \x7f\r\n\r\n"),
    BAD(400, GET "A: \x08\r\n\r\n"),
    BAD(400, GET "A: \x0b\r\n\r\n"),
    BAD(400, GET "A: \x0c\r\n\r\n"),
    BAD(400, GET "A : b\r\n\r\n"),
    BAD(400, GET "A\t: b\r\n\r\n"),
    BAD(400, GET "A b: c\r\n\r\n"),
    BAD(400, GET ": b\r\n\r\n"),
    BAD(400, GET " : b\r\n\r\n"),
    BAD(400, GET "A\r\n\r\n"),
    BAD(400, GET "A\xc3\xa9: b\r\n\r\n"),
    BAD(400, GET "A\x80: b\r\n\r\n"),
    BAD(400, GET "A(: b\r\n\r\n"),
    BAD(400, GET "A\": b\r\n\r\n"),
    BAD(400, GET "A/: b\r\n\r\n"),
    BAD(400, GET "A@: b\r\n\r\n"),
    BAD(400, GET "{A}: b\r\n\r\n"),
    BAD(400, "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    BAD(400, "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    BAD(400, "\rGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    BAD(400, " GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    BAD(400, "\r\n GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    BAD(400, "\0"),
    BAD(400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), /* a TLS ClientHello */
    BAD(400, "\x80"),
    BAD(400, "GET /a\\b HTTP/1.1\r\nHost: h\r\n\r\n"),
    BAD(400, "GET /\\?b HTTP/1.1\r\nHost: h\r\n\r\n"),
    BAD(400, "GET http://h/a\\b?c HTTP/1.1\r\nHost: h\r\n\r\n"),
    BAD(400, "GET http://h\\a HTTP/1.1\r\nHost: h\r\n\r\n"),
    /* Host */
    BAD(400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: \t\r\n\r\n"),
    BAD(400, "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nX-Host: h\r\n\r\n"),
    BAD(400, GET HOST "\r\n"),
    BAD(400, GET "host: other\r\n\r\n"),
    BAD(400, "GET / HTTP/1.0\r\n" HOST HOST "\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: http://h\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: h:x\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: h:-1\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: h:1:2\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: h:65536\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: h:4294967376\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: []\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: [:::]\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: [1.2.3.4]\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: [1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa]\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: h%\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: h%4\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: h%zz\r\n\r\n"),
    BAD(400, "GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n"),
    /* request line */
    BAD(400, "GET\r\n\r\n"),
    BAD(400, "GET \r\n\r\n"),
    BAD(400, "GET /\r\n\r\n"),
    BAD(400, "GET / \r\n\r\n"),
    BAD(400, "GET /  HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET  / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET\t/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET /\tHTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/1.1 \r\n" HOST "\r\n"),
    BAD(400, "GET / a HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/1.1x\r\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/1.10\r\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/11\r\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/1\r\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/1.\r\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/.1\r\n" HOST "\r\n"),
    BAD(400, "GET / HTTP/2\r\n" HOST "\r\n"),
    BAD(400, "GET / http/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET / HTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET / RTSP/1.0\r\n" HOST "\r\n"),
    BAD(400, "GET / ICE/1.0\r\n" HOST "\r\n"),
    BAD(400, "G(T / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "G\xc3\xa9T / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "HTTP/1.1 200 OK\r\n\r\n"),
    BAD(505, "GET / HTTP/0.9\r\n" HOST "\r\n"),
    BAD(505, "GET / HTTP/2.0\r\n" HOST "\r\n"),
    BAD(505, "GET / HTTP/9.9\r\n" HOST "\r\n"),
    BAD(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    BAD(501, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    BAD(501, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "FOO * HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "PRI * HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "connect h:1 HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "options * HTTP/1.1\r\n" HOST "\r\n"),
    /* target */
    BAD(400, "GET a HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET ?q HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET * HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "OPTIONS *x HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET /a#b HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET /\x7f HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET h:80 HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET ftp://h/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET http:/h/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET http:// HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET http:///x HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET http://u@h/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET http://h:99999/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET http://h%/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "GET http://[::1/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "CONNECT / HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "CONNECT h HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "CONNECT h: HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "CONNECT h:1/x HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "CONNECT http://h:1/ HTTP/1.1\r\n" HOST "\r\n"),
    BAD(400, "CONNECT * HTTP/1.1\r\n" HOST "\r\n"),
};

Test(parse, bad_requests_whole)
{
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        struct nu_head head = new_head();
        cr_assert_eq(parse_at(nu_parse_request, bads[i].text, bads[i].n, &head), NU_PARSE_BAD, "%s",
                     bads[i].text);
        cr_assert_eq(head.bad_status, bads[i].status, "%s: %d %s", bads[i].text, head.bad_status,
                     head.bad_reason);
        cr_assert_not_null(head.bad_reason);
    }
}

Test(parse, bad_requests_byte_by_byte_never_look_good_and_stay_bad)
{
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        struct nu_head head = new_head();
        enum nu_parse last = NU_PARSE_MORE;
        for (size_t k = 0; k <= bads[i].n; k++) {
            enum nu_parse rv = parse_at(nu_parse_request, bads[i].text, k, &head);
            cr_assert_neq(rv, NU_PARSE_DONE, "%zu bytes of %s", k, bads[i].text);
            cr_assert(rv == NU_PARSE_BAD || last == NU_PARSE_MORE, "%zu bytes of %s", k,
                      bads[i].text);
            last = rv;
        }
    }
}

Test(parse, nothing_can_wait_for_what_cannot_come)
{
    /* These can be refused before the head is complete, and a client that waits must be told. */
    static const char *const texts[] = {
        "GET /\r\n",
        "GET / HTTP/1.1\n",
        "G\n",
        "FOO(",
        "GET / X",
        "GET  ",
        "GET / HTTP/1.1\r\n ",
        "GET a HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nA: \x01",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct nu_head head = new_head();
        cr_assert_eq(parse_at(nu_parse_request, texts[i], strlen(texts[i]), &head), NU_PARSE_BAD,
                     "%s", texts[i]);
    }
}

Test(parse, every_byte_in_every_place)
{
    char text[64];

    for (int c = 0; c < 256; c++) {
        bool control = (c < ' ' && c != '\t') || c == 0x7f;
        struct nu_head head = new_head();
        int n;

        n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST "A: x%cy\r\n\r\n", c);
        enum nu_parse value = parse_at(nu_parse_request, text, (size_t) n, &head);
        cr_assert_eq(value, control ? NU_PARSE_BAD : NU_PARSE_DONE, "value with %d", c);

        bool token = c > ' ' && c < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
        n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST "a%cb: x\r\n\r\n", c);
        enum nu_parse name = parse_at(nu_parse_request, text, (size_t) n, &head);
        cr_assert_eq(name, token || c == ':' ? NU_PARSE_DONE : NU_PARSE_BAD, "name with %d", c);

        n = snprintf(text, sizeof(text), "GET /a%cb HTTP/1.1\r\n" HOST "\r\n", c);
        enum nu_parse target = parse_at(nu_parse_request, text, (size_t) n, &head);
        bool good = c > ' ' && c < 0x7f && c != '#' && c != '\\';
        cr_assert_eq(target, good ? NU_PARSE_DONE : NU_PARSE_BAD, "target with %d", c);
    }
}
