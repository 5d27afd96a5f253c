/* SPDX-License-Identifier: MIT */
#include "wire/chunk.h"

#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(chunk, .timeout = 60);

/* A literal with its length, so that it may hold a NUL. */
#define TEXT(literal) (literal), sizeof(literal) - 1

/* What decoding came to. */
struct outcome {
    enum nu_parse rv;
    size_t used;
    size_t n;
    const char *reason;
    char body[4096]; /* what there is of the body, while it fits */
};

/* One call, with a copy that ends at a page without access. */
static void give(struct nu_chunked *chunked, const char *text, size_t n, struct outcome *out)
{
    char *buf = guard_copy(text, n);
    uint64_t before = chunked->total;
    struct nu_slice data;
    size_t used;

    out->rv = nu_chunked_next(chunked, buf, n, &used, &data);
    cr_assert(used <= n && data.n <= used);
    cr_assert(data.p >= buf && data.p + data.n <= buf + used);
    cr_assert(data.n == 0 || out->rv == NU_PARSE_MORE);
    if (out->n + data.n <= sizeof(out->body)) {
        memcpy(out->body + out->n, data.p, data.n);
    }
    out->n += data.n;
    out->used += used;
    cr_assert_eq(chunked->total, before + data.n);
    cr_assert_eq(chunked->bad_reason != NULL, out->rv == NU_PARSE_BAD);
    out->reason = chunked->bad_reason;
}

/* All of it, at most `step` bytes at a time. */
static struct outcome decode(const char *text, size_t n, size_t step, bool lenient)
{
    struct nu_chunked chunked = { .lenient = lenient };
    struct outcome out = { .rv = NU_PARSE_MORE };

    while (out.rv == NU_PARSE_MORE && out.used < n) {
        size_t before = out.used;
        size_t rest = n - out.used;
        give(&chunked, text + out.used, rest < step ? rest : step, &out);
        cr_assert_gt(out.used, before);
    }
    if (out.rv != NU_PARSE_MORE) { /* for good */
        struct outcome again = out;
        give(&chunked, TEXT("1\r\nx\r\n0\r\n\r\n"), &again);
        cr_assert(again.rv == out.rv && again.used == out.used && again.n == out.n);
        cr_assert_eq(again.reason, out.reason);
    }
    return out;
}

static void assert_same(const struct outcome *a, const struct outcome *b, const char *text)
{
    cr_assert_eq(a->rv, b->rv, "%s", text);
    cr_assert_eq(a->used, b->used, "%s", text);
    cr_assert_eq(a->n, b->n, "%s", text);
    cr_assert_eq(a->reason, b->reason, "%s", text);
    cr_assert_arr_eq(a->body, b->body, a->n < sizeof(a->body) ? a->n : sizeof(a->body));
}

/* In pieces of every size the outcome is that of one piece. */
static struct outcome decode_leniently(const char *text, size_t n, bool lenient)
{
    struct outcome whole = decode(text, n, n, lenient);

    for (size_t step = 1; step < n && step <= 40; step++) {
        struct outcome pieces = decode(text, n, step, lenient);
        assert_same(&whole, &pieces, text);
    }
    return whole;
}

static struct outcome decode_any(const char *text, size_t n)
{
    return decode_leniently(text, n, false);
}

/* ---- Good bodies -------------------------------------------------------------------------- */

struct good {
    const char *text;
    const char *body;
};

static const struct good goods[] = {
    { "0\r\n\r\n", "" },
    { "000\r\n\r\n", "" },
    { "0000000000000000\r\n\r\n", "" },
    { "5\r\nhello\r\n0\r\n\r\n", "hello" },
    { "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n", "hello, world" },
    { "0000000000000005\r\nhello\r\n0\r\n\r\n", "hello" },
    { "00000000000000000000000000000005\r\nhello\r\n00000000000000000\r\n\r\n", "hello" },
    { "a\r\n0123456789\r\n0\r\n\r\n", "0123456789" },
    { "A\r\n0123456789\r\n0\r\n\r\n", "0123456789" },
    { "1f\r\n0123456789012345678901234567890\r\n0\r\n\r\n", "0123456789012345678901234567890" },
    { "2\r\n\r\n\r\n2\r\n0\r\r\n0\r\n\r\n", "\r\n0\r" },
    { "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n" },
    /* extensions */
    { "1;a\r\nx\r\n0\r\n\r\n", "x" },
    { "1;a=b\r\nx\r\n0;c\r\n\r\n", "x" },
    { "1;a=b;c;d=\"e\"\r\nx\r\n0;f=g\r\n\r\n", "x" },
    { "1;a=\"\"\r\nx\r\n0\r\n\r\n", "x" },
    { "1;a=\" ;=,\t\xff\\\"\\\\\"\r\nx\r\n0\r\n\r\n", "x" },
    { "1;a=\"\\\"\";b\r\nx\r\n0\r\n\r\n", "x" },
    { "1;!#$%&'*+-.^_`|~09azAZ=!#$%&'*+-.^_`|~09azAZ\r\nx\r\n0\r\n\r\n", "x" },
    { "1 ; a = b\r\nx\r\n0\t;a\r\n\r\n", "x" },
    { "1 \t ;\t a\t=  \"b c\" \t;d ; e= f;g =h\r\nx\r\n0\r\n\r\n", "x" },
    /* trailers */
    { "0\r\nA: b\r\n\r\n", "" },
    { "1\r\nx\r\n0\r\nA:\r\nB: \r\nC:\t d  e \r\n!#$%&'*+-.^_`|~09azAZ: \x80\xff:\"\r\n\r\n", "x" },
    { "0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "" },
};

Test(chunk, good_bodies_with_anything_behind)
{
    static const char *const behind[] = { "", "\r\n", "\n", "0\r\n\r\n", "GET / HTTP/1.1\r\n" };
    char text[256];

    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        for (size_t j = 0; j < sizeof(behind) / sizeof(behind[0]); j++) {
            int n = snprintf(text, sizeof(text), "%s%s", goods[i].text, behind[j]);
            struct outcome out = decode_any(text, (size_t) n);
            cr_assert_eq(out.rv, NU_PARSE_DONE, "%s: %s", text, out.reason);
            cr_assert_eq(out.used, strlen(goods[i].text), "%s", text);
            cr_assert_eq(out.n, strlen(goods[i].body), "%s", text);
            cr_assert_arr_eq(out.body, goods[i].body, out.n, "%s", text);
        }
    }
}

Test(chunk, every_beginning_of_a_good_body_wants_more)
{
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        for (size_t n = 0; n < strlen(goods[i].text); n++) {
            struct outcome out = decode_any(goods[i].text, n);
            cr_assert_eq(out.rv, NU_PARSE_MORE, "%zu bytes of %s: %s", n, goods[i].text,
                         out.reason);
            cr_assert_eq(out.used, n);
        }
    }
}

Test(chunk, nothing_given)
{
    struct nu_chunked chunked = { 0 };
    struct nu_slice data;
    size_t used = 1;

    cr_assert_eq(nu_chunked_next(&chunked, NULL, 0, &used, &data), NU_PARSE_MORE);
    cr_assert(used == 0 && data.n == 0);
    cr_assert_leq(sizeof(chunked), 64);
}

/* ---- Bad bodies --------------------------------------------------------------------------- */

struct bad {
    const char *text;
    size_t n;
};

/* The byte that decides is the last. */
#define BAD(literal)                                                                               \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static const struct bad bads[] = {
    /* sizes */
    BAD("\r"),
    BAD("\n"),
    BAD(" "),
    BAD("\t"),
    BAD(";"),
    BAD("+"),
    BAD("-"),
    BAD("0x"),
    BAD("0X"),
    BAD("x"),
    BAD("g"),
    BAD("G"),
    BAD("/"),
    BAD(":"),
    BAD("@"),
    BAD("`"),
    BAD("\""),
    BAD("1_"),
    BAD("1."),
    BAD("1,"),
    BAD("1h"),
    BAD("1 \r"),
    BAD("1\t \r"),
    BAD("1 \n"),
    BAD("1 2"),
    BAD("1 a"),
    BAD("1 ="),
    BAD("1\v"),
    BAD("1\0"),
    BAD("\0"),
    BAD("\xef"),
    BAD("1\xc2"),
    BAD("8000000000000000"),
    BAD("000000000000000008000000000000000"),
    BAD("ffffffffffffffff"),
    BAD("FFFFFFFFFFFFFFFF"),
    BAD("10000000000000000"),
    BAD("1\r\nx\r\n7fffffffffffffff"),
    BAD("1\r\nx\r\n8000000000000000"),
    /* line ends */
    BAD("1\n"),
    BAD("1\rx"),
    BAD("1\r\r"),
    BAD("1\r\0"),
    BAD("1;a\n"),
    BAD("1;a\rb"),
    BAD("1;a=\"\n"),
    BAD("1;a=\"\r"),
    BAD("1;a=\"\\\r"),
    BAD("1;a=\"\\\n"),
    BAD("0\n"),
    BAD("0\r\n\n"),
    BAD("0\r\n\rx"),
    BAD("0\r\n\r\r"),
    /* extensions */
    BAD("1; \r"),
    BAD("1;\t;"),
    BAD("1; ="),
    BAD("1;;"),
    BAD("1;\r"),
    BAD("1;="),
    BAD("1;\""),
    BAD("1;a \r"),
    BAD("1;a\t\n"),
    BAD("1;a b"),
    BAD("1;a \""),
    BAD("1;a,"),
    BAD("1;a\0"),
    BAD("1;a/"),
    BAD("1;\x80"),
    BAD("1;a= \r"),
    BAD("1;a=\t;"),
    BAD("1;a = ="),
    BAD("1;a=\r"),
    BAD("1;a=;"),
    BAD("1;a=="),
    BAD("1;a=b="),
    BAD("1;a=b \r"),
    BAD("1;a=b ="),
    BAD("1;a=b c"),
    BAD("1;a=b\""),
    BAD("1;a=b\x01"),
    BAD("1;a=\"\0"),
    BAD("1;a=\"\x01"),
    BAD("1;a=\"\x7f"),
    BAD("1;a=\"\\\0"),
    BAD("1;a=\"b\"c"),
    BAD("1;a=\"b\" \r"),
    BAD("1;a=\"b\" \""),
    BAD("1;a=\"b\"\""),
    BAD("1;a=\"b\"="),
    /* data */
    BAD("1\r\nxx"),
    BAD("1\r\nx\n"),
    BAD("1\r\nx0"),
    BAD("1\r\nx\r0"),
    BAD("1\r\nx\r\r"),
    BAD("1\r\n\n\n"),
    BAD("1\r\nx\r\n\r"),
    BAD("1\r\nx\r\n "),
    BAD("5\r\nhello0"),
    BAD("2\r\nx\r\n"),
    /* trailers */
    BAD("0\r\n "),
    BAD("0\r\n\t"),
    BAD("0\r\n:"),
    BAD("0\r\nA "),
    BAD("0\r\nA\t"),
    BAD("0\r\nA\r"),
    BAD("0\r\nA\n"),
    BAD("0\r\nA\0"),
    BAD("0\r\nA\x80"),
    BAD("0\r\nA: b\n"),
    BAD("0\r\nA: b\rc"),
    BAD("0\r\nA: b\r\r"),
    BAD("0\r\nA: \0"),
    BAD("0\r\nA: \x1b"),
    BAD("0\r\nA: \x7f"),
    BAD("0\r\nA: b\r\n "),
    BAD("0\r\nA: b\r\n\t"),
    BAD("0\r\nA: b\r\n\n"),
    BAD("0\r\nA: b\r\n\rx"),
    BAD("0\r\nGET "),
};

/* What responses of old servers have besides. The last one is refused all the same. */
static const struct {
    const char *text;
    const char *body; /* NULL: refused at the last byte */
} lenients[] = {
    { "5  \r\nhello\r\n0 \r\n\r\n", "hello" },
    { "5\t\r\nhello\r\n0\r\n\r\n", "hello" },
    { "1;a \r\nx\r\n1;a=b \r\ny\r\n1;a=\"b\"\t\r\nz\r\n0\r\n\r\n", "xyz" },
    { "0\r\nA: b\r\n c\r\n\td\r\n\r\n", "" },
    { "0\r\nA:\r\n \r\nB: c\r\n d\r\n\r\n", "" },
    { "5 \n", NULL },
    { "5 x", NULL },
    { "5\n", NULL },
    { "5;a\n", NULL },
    { "5;a= \r", NULL },
    { "5; \r", NULL },
    { " ", NULL },
    { "0\r\n ", NULL },
    { "0\r\nA\r", NULL },
    { "0\r\nA: b\r\n c\n", NULL },
    { "0\r\nA: b\r\n c\x01", NULL },
};

Test(chunk, bodies_of_old_servers)
{
    for (size_t i = 0; i < sizeof(lenients) / sizeof(lenients[0]); i++) {
        const char *text = lenients[i].text, *body = lenients[i].body;
        struct outcome out = decode_leniently(text, strlen(text), true);
        cr_assert_eq(out.rv, body != NULL ? NU_PARSE_DONE : NU_PARSE_BAD, "%s: %s", text,
                     out.reason);
        cr_assert_eq(out.used, strlen(text), "%s", text);
        cr_assert(body == NULL || (out.n == strlen(body) && memcmp(out.body, body, out.n) == 0));
        if (body != NULL) {
            cr_assert_eq(decode_any(text, strlen(text)).rv, NU_PARSE_BAD, "%s", text);
        }
    }
    for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
        struct outcome strict = decode_any(goods[i].text, strlen(goods[i].text));
        struct outcome out = decode_leniently(goods[i].text, strlen(goods[i].text), true);
        assert_same(&strict, &out, goods[i].text);
    }
}

Test(chunk, bad_bodies_at_the_very_byte)
{
    static char text[64];

    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        struct outcome before = decode_any(bads[i].text, bads[i].n - 1);
        cr_assert_eq(before.rv, NU_PARSE_MORE, "%s: %s", bads[i].text, before.reason);

        memcpy(text, bads[i].text, bads[i].n);
        memcpy(text + bads[i].n, TEXT("\r\n\r\n0\r\n\r\n"));
        struct outcome out = decode_any(text, bads[i].n + 9);
        cr_assert_eq(out.rv, NU_PARSE_BAD, "%s", bads[i].text);
        cr_assert_eq(out.used, bads[i].n, "%s", bads[i].text);
        cr_assert_eq(out.n, before.n, "%s", bads[i].text);
    }
}

Test(chunk, every_byte_in_every_place)
{
    char text[64];

    for (int c = 0; c < 256; c++) {
        bool control = (c < ' ' && c != '\t') || c == 0x7f;
        bool token = c > ' ' && c < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
        bool hex = c != '\0' && strchr("0123456789abcdefABCDEF", c) != NULL;
        struct {
            const char *form;
            bool good;
        } const places[] = {
            { "0;a%cb\r\n\r\n", token || c == ';' || c == '=' },
            { "0;%ca\r\n\r\n", token || c == ' ' || c == '\t' },
            { "0;a%c=b\r\n\r\n", token || c == ' ' || c == '\t' },
            { "0;a=%cb\r\n\r\n", token || c == ' ' || c == '\t' },
            { "0;a=b%c;c\r\n\r\n", token || c == ' ' || c == '\t' },
            { "0 %c;c\r\n\r\n", c == ' ' || c == '\t' },
            { "0;a=b%cc\r\n\r\n", token || c == ';' },
            { "0;a=\"b%cc\"\r\n\r\n", !control && c != '"' },
            { "0;a=\"b\\%cc\"\r\n\r\n", !control },
            { "0;a=\"b\"%cc\r\n\r\n", c == ';' },
            { "1\r\n%c\r\n0\r\n\r\n", true },
            { "1\r\nx%c\n0\r\n\r\n", c == '\r' },
            { "1\r\nx\r%c0\r\n\r\n", c == '\n' },
            { "0\r%c\r\n", c == '\n' },
            { "0\r\nA%cB: x\r\n\r\n", token || c == ':' },
            { "0\r\n%cA: x\r\n\r\n", token },
            { "0\r\nA: x%cy\r\n\r\n", !control },
        };
        int size = snprintf(text, sizeof(text), "0%c\r\n", c);
        cr_assert_eq(decode_any(text, (size_t) size).rv, hex ? NU_PARSE_MORE : NU_PARSE_BAD,
                     "size with %d", c);
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            int n = snprintf(text, sizeof(text), places[i].form, c);
            struct outcome out = decode_any(text, (size_t) n);
            cr_assert_eq(out.rv, places[i].good ? NU_PARSE_DONE : NU_PARSE_BAD, "%s with %d",
                         places[i].form, c);
        }
    }
}

/* ---- Limits ------------------------------------------------------------------------------- */

/* `begin`, filled up with x, and `end`: n bytes. */
static const char *text_of(size_t n, const char *begin, const char *end)
{
    static char text[GUARD_MAX];

    memset(text, 'x', n);
    memcpy(text, begin, strlen(begin));
    memcpy(text + n - strlen(end), end, strlen(end));
    return text;
}

/* Good with n bytes, refused at byte n when it is not the end. */
static void check_limit(size_t n, const char *begin, const char *end, enum nu_parse good)
{
    struct outcome out = decode_any(text_of(n, begin, end), n);
    cr_assert_eq(out.rv, good, "%s", out.reason);
    cr_assert_eq(out.used, n);

    const char *text = text_of(n + 1, begin, end);
    out = decode_any(text, n + 1);
    cr_assert_eq(out.rv, NU_PARSE_BAD);
    cr_assert_eq(out.used, n);
    cr_assert_eq(decode_any(text, n - 1).rv, NU_PARSE_MORE);
}

Test(chunk, line_limit)
{
    check_limit(NU_MAX_CHUNK_LINE, "1;", "\r\n", NU_PARSE_MORE);
    check_limit(NU_MAX_CHUNK_LINE, "1;a=", "\r\n", NU_PARSE_MORE);
    check_limit(NU_MAX_CHUNK_LINE, "1;a=\"", "\"\r\n", NU_PARSE_MORE);
    check_limit(NU_MAX_CHUNK_LINE, "0;", "\r\n", NU_PARSE_MORE);
    /* Each line has the limit to itself. */
    const char *text = text_of(NU_MAX_CHUNK_LINE, "1;", "\r\n");
    char two[2 * NU_MAX_CHUNK_LINE + 8];
    memcpy(two, text, NU_MAX_CHUNK_LINE);
    memcpy(two + NU_MAX_CHUNK_LINE, "x\r\n", 3);
    memcpy(two + NU_MAX_CHUNK_LINE + 3, text, NU_MAX_CHUNK_LINE);
    cr_assert_eq(decode_any(two, 2 * NU_MAX_CHUNK_LINE + 3).rv, NU_PARSE_MORE);
}

Test(chunk, trailer_limit)
{
    /* The limit counts from behind the last chunk's line. */
    struct nu_chunked chunked = { 0 };
    struct outcome out = { .n = 0 };
    const char *text = text_of(NU_MAX_TRAILERS, "A: ", "\r\n\r\n");

    give(&chunked, TEXT("0\r\n"), &out);
    give(&chunked, text, NU_MAX_TRAILERS, &out);
    cr_assert_eq(out.rv, NU_PARSE_DONE, "%s", out.reason);

    chunked = (struct nu_chunked){ 0 };
    out = (struct outcome){ .n = 0 };
    text = text_of(NU_MAX_TRAILERS + 1, "A: b\r\nB: ", "\r\n\r\n");
    give(&chunked, TEXT("0\r\n"), &out);
    give(&chunked, text, NU_MAX_TRAILERS - 1, &out);
    cr_assert_eq(out.rv, NU_PARSE_MORE, "%s", out.reason);
    give(&chunked, text + NU_MAX_TRAILERS - 1, 2, &out);
    cr_assert_eq(out.rv, NU_PARSE_BAD);
    cr_assert_eq(out.used, 3 + NU_MAX_TRAILERS);
}

/* Pretends that chunks of so many bytes in all have gone by. */
static enum nu_parse after(uint64_t total, const char *line)
{
    struct nu_chunked chunked = { .total = total };
    struct outcome out = { .n = 0 };

    give(&chunked, line, strlen(line), &out);
    cr_assert_leq(chunked.total, INT64_MAX);
    return out.rv;
}

Test(chunk, size_limit)
{
    cr_assert_eq(after(0, "7fffffffffffffff\r\n"), NU_PARSE_MORE);
    cr_assert_eq(after(0, "7FFFFFFFFFFFFFFF;a\r\n"), NU_PARSE_MORE);
    cr_assert_eq(after(0, "8000000000000000\r\n"), NU_PARSE_BAD);
    cr_assert_eq(after(1, "7ffffffffffffffe\r\n"), NU_PARSE_MORE);
    cr_assert_eq(after(1, "7fffffffffffffff\r\n"), NU_PARSE_BAD);
    cr_assert_eq(after(INT64_MAX - 15, "f\r\n"), NU_PARSE_MORE);
    cr_assert_eq(after(INT64_MAX - 15, "10\r\n"), NU_PARSE_BAD);
    cr_assert_eq(after(INT64_MAX - 14, "f\r\n"), NU_PARSE_BAD);
    cr_assert_eq(after(INT64_MAX, "1\r\n"), NU_PARSE_BAD);
    cr_assert_eq(after(INT64_MAX, "0\r\n"), NU_PARSE_MORE);
}

/* ---- Large bodies ------------------------------------------------------------------------- */

Test(chunk, data_comes_in_one_piece)
{
    static char text[GUARD_MAX];
    struct nu_chunked chunked = { 0 };
    struct nu_slice data;
    size_t used;

    memset(text, 'x', sizeof(text));
    memcpy(text, "10000\r\n", 7); /* 65536 bytes, some of which are not here yet */
    cr_assert_eq(nu_chunked_next(&chunked, text, sizeof(text), &used, &data), NU_PARSE_MORE);
    cr_assert_eq(used, sizeof(text));
    cr_assert(data.p == text + 7 && data.n == sizeof(text) - 7);

    memcpy(text, "xxxxxxx\r\n0\r\n\r\n", 14);
    cr_assert_eq(nu_chunked_next(&chunked, text, 14, &used, &data), NU_PARSE_MORE);
    cr_assert(used == 7 && data.p == text && data.n == 7);
    cr_assert_eq(nu_chunked_next(&chunked, text + 7, 7, &used, &data), NU_PARSE_DONE);
    cr_assert(used == 7 && data.n == 0);
    cr_assert_eq(chunked.total, 65536);
}

Test(chunk, many_chunks)
{
    static char text[GUARD_MAX];
    size_t n = 0, body = 0;

    for (unsigned size = 1; size < 250; size++) {
        n += (size_t) sprintf(text + n, "%x;n=%u\r\n", size, size);
        memset(text + n, (int) size, size);
        n += size;
        n += (size_t) sprintf(text + n, "\r\n");
        body += size;
    }
    n += (size_t) sprintf(text + n, "0\r\n\r\n");
    for (size_t step = 1; step < n; step = step * 3 / 2 + 1) {
        struct outcome out = decode(text, n, step, false);
        cr_assert_eq(out.rv, NU_PARSE_DONE, "%s", out.reason);
        cr_assert(out.used == n && out.n == body);
    }
}
