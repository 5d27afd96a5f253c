/* SPDX-License-Identifier: MIT */
#include "http/answer.h"

#include "support/peer.h"
#include "support/web.h"
#include "wire/date.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

TestSuite(answer, .timeout = 120);

static char path[] = "/tmp/nu-answer-XXXXXX";

static void say_hello(nng_aio *aio)
{
    t_answer(aio, "hello", 5);
}

/* What the query names becomes a field, or the status: "/with?Connection:%20close&=204". Without a
 * body if it ends with "&empty". */
static void answer_with(nng_aio *aio)
{
    nng_http_res *res;
    char query[256], *end = NULL;
    const char *uri = nng_http_req_get_uri(nng_aio_get_input(aio, 0));
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    snprintf(query, sizeof query, "%s", strchr(uri, '?') + 1);
    if (strstr(query, "&empty") == NULL) {
        cr_assert_eq(nng_http_res_copy_data(res, "hello", 5), 0);
    }
    for (char *part = strtok_r(query, "&", &end); part != NULL; part = strtok_r(NULL, "&", &end)) {
        char *value = strchr(part, '=');
        if (value == part) {
            cr_assert_eq(nng_http_res_set_status(res, (uint16_t) atoi(value + 1)), 0);
        } else if (value != NULL) {
            *value++ = '\0';
            for (char *c = value; *c != '\0'; c++) {
                *c = *c == '_' ? ' ' : *c;
            }
            cr_assert_eq(nng_http_res_set_header(res, part, value), 0);
        }
    }
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

static void fail(nng_aio *aio)
{
    nng_aio_finish(aio, NNG_EINTERNAL);
}

static void open_site(struct t_web *web)
{
    nng_http_handler *h;
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "hello", 5), 5);
    close(fd);
    t_web_open(web);
    t_web_static(web, "/static", "hello");
    t_web_callback(web, "/call", say_hello);
    t_web_callback(web, "/with", answer_with);
    t_web_callback(web, "/fail", fail);
    t_web_directory(web, "/dir", "/tmp");
    cr_assert_eq(nng_http_handler_alloc_file(&h, "/file", path), 0);
    t_web_add(web, h);
    cr_assert_eq(nng_http_handler_alloc_redirect(&h, "/redirect", 0, "/static"), 0);
    t_web_add(web, h);
    t_web_start(web);
}

static void close_site(struct t_web *web)
{
    unlink(path);
    t_web_close(web);
}

static const char *const targets[] = { "/static", "/call", "/file",  "/redirect",
                                       "/none",   "/fail", "/dir/-", "/with?X=y" };
#define TARGETS (sizeof targets / sizeof *targets)

/* How often a field is there, and the last value of it. */
static unsigned fields(const struct t_http_client *b, const char *name, char value[256])
{
    unsigned n = 0;
    size_t len = strlen(name);
    for (const char *p = strstr(b->head, "\r\n"); p != NULL && p[2] != '\0';
         p = strstr(p + 2, "\r\n")) {
        if (strncasecmp(p + 2, name, len) == 0 && p[2 + len] == ':') {
            n++;
            snprintf(value, 256, "%.*s", (int) strcspn(p + 4 + len, "\r"), p + 4 + len);
        }
    }
    return n;
}

static void assert_field(const struct t_http_client *b, const char *name, const char *value)
{
    char got[256] = "";
    unsigned n = fields(b, name, got);
    cr_assert_eq(n, value != NULL, "%u: %s", n, b->head);
    cr_assert(value == NULL || strcmp(got, value) == 0, "%s", b->head);
}

/* ---- Date --------------------------------------------------------------------------------- */

Test(answer, date)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < TARGETS; i++) {
            char value[256];
            int64_t when;
            time_t before = time(NULL);
            t_http_client_get(&b, targets[i]);
            t_http_client_hear(&b);
            cr_assert_eq(fields(&b, "Date", value), 1, "%s: %s", targets[i], b.head);
            cr_assert_eq(strlen(value), 29);
            cr_assert_str_eq(value + 25, " GMT");
            cr_assert(nu_date_parse(value, strlen(value), time(NULL), &when));
            cr_assert_geq(when, before - 1); /* the kernel's coarse clock may lag by a tick */
            cr_assert_leq(when, time(NULL));
        }
        usleep(700000);
    }
    t_http_client_close(&b);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, "nonsense\r\n\r\n");
    t_http_client_assert(&b, 400, NULL);
    cr_assert_eq(fields(&b, "Date", (char[256]){ 0 }), 1);
    t_http_client_close(&b);
    close_site(&web);
}

Test(answer, date_of_the_handler)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/with?DATE=Thu,_01_Jan_1970_00:00:00_GMT");
    t_http_client_assert(&b, 200, "hello");
    assert_field(&b, "Date", "Thu, 01 Jan 1970 00:00:00 GMT");
    t_http_client_close(&b);
    close_site(&web);
}

/* ---- Connection --------------------------------------------------------------------------- */

Test(answer, connection)
{
    static const struct {
        const char *request, *field;
        bool last;
    } cases[] = {
        { "HTTP/1.1\r\nHost: x", NULL, false },
        { "HTTP/1.1\r\nHost: x\r\nConnection: close", "close", true },
        { "HTTP/1.1\r\nHost: x\r\nConnection: x, CLOSE", "close", true },
        { "HTTP/1.1\r\nHost: x\r\nConnection: x\r\nConnection: close", "close", true },
        { "HTTP/1.1\r\nHost: x\r\nConnection: keep-alive", NULL, false },
        { "HTTP/1.1\r\nHost: x\r\nConnection: not-close", NULL, false },
        { "HTTP/1.0", "close", true },
        { "HTTP/1.0\r\nConnection: Keep-Alive", "keep-alive", false },
        { "HTTP/1.0\r\nConnection: x, keep-alive", "keep-alive", false },
        { "HTTP/1.0\r\nConnection: keep-alive, close", "close", true },
    };
    struct t_web web;
    open_site(&web);
    for (size_t i = 0; i < TARGETS * sizeof cases / sizeof *cases; i++) {
        size_t c = i / TARGETS;
        struct t_http_client b;
        char text[256], value[256] = "";
        const char *target = targets[i % TARGETS];
        snprintf(text, sizeof text, "GET %s %s\r\n\r\n", target, cases[c].request);
        t_http_client_open(&b, web.port);
        t_http_client_say(&b, text);
        t_http_client_hear(&b);
        cr_assert_eq(fields(&b, "Connection", value), cases[c].field != NULL, "%s%s", text, b.head);
        cr_assert_str_eq(value, cases[c].field != NULL ? cases[c].field : "", "%s", text);
        if (cases[c].last) {
            t_http_client_assert_end(&b);
        } else {
            t_http_client_get(&b, "/static");
            t_http_client_assert(&b, 200, "hello");
        }
        t_http_client_close(&b);
    }
    close_site(&web);
}

/* What the handler says about it. */
Test(answer, connection_of_the_handler)
{
    static const struct {
        const char *says, *request, *field;
        bool last;
    } cases[] = {
        { "Close", "HTTP/1.1", "Close", true },
        { "close,_x", "HTTP/1.1", "close, x", true },
        { "x,close", "HTTP/1.1", "x,close", true },
        { "closed", "HTTP/1.1", "closed", false },
        { "x", "HTTP/1.1", "x", false },
        { "keep-alive", "HTTP/1.1", "keep-alive", false },
        { "keep-alive", "HTTP/1.1\r\nConnection: close", "close", true },
        { "keep-alive", "HTTP/1.0", "close", true },
        { "close", "HTTP/1.0\r\nConnection: keep-alive", "close", true },
        { "x", "HTTP/1.0\r\nConnection: keep-alive", "x, keep-alive", false },
    };
    struct t_web web;
    open_site(&web);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct t_http_client b;
        char text[256];
        snprintf(text, sizeof text, "GET /with?Connection=%s %s\r\nHost: x\r\n\r\n", cases[i].says,
                 cases[i].request);
        t_http_client_open(&b, web.port);
        t_http_client_say(&b, text);
        t_http_client_get(&b, "/static");
        t_http_client_assert(&b, 200, "hello");
        assert_field(&b, "Connection", cases[i].field);
        if (cases[i].last) {
            t_http_client_assert_end(&b);
        } else {
            t_http_client_assert(&b, 200, "hello");
        }
        t_http_client_close(&b);
    }
    close_site(&web);
}

/* ---- Where a response ends ---------------------------------------------------------------- */

/* Whatever the handler says about its length, the next response is understood. */
Test(answer, lengths_of_the_handler)
{
    static const struct {
        const char *query, *length;
    } cases[] = {
        { "Content-Length=5", "5" },
        { "Content-Length=0", "5" },
        { "Content-Length=50000", "5" },
        { "content-length=4", "5" },
        { "Content-Length=5,_5", "5" },
        { "Content-Length=x", "5" },
        { "Content-Length=05", "5" },
        { "X=y&empty", "0" },
        { "Content-Length=7&empty", "0" },
        { "=204&empty", NULL },
        { "=204", NULL },
        { "=204&Content-Length=9", NULL },
        { "=204&Transfer-Encoding=chunked", NULL },
        { "=205&empty", "0" },
        { "=404&empty", "0" },
        { "=999&empty", "0" },
    };
    struct t_web web;
    struct t_http_client b;
    char target[128];
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(target, sizeof target, "/with?%s", cases[i].query);
        t_http_client_get(&b, target);
        t_http_client_get(&b, "/static");
        t_http_client_hear(&b);
        assert_field(&b, "Content-Length", cases[i].length);
        assert_field(&b, "Transfer-Encoding", NULL);
        t_http_client_assert(&b, 200, "hello");
    }
    t_http_client_close(&b);
    close_site(&web);
}

/* 304 never has a body, whatever it says about its length. */
Test(answer, not_modified)
{
    static const char *const queries[] = { "=304", "=304&empty", "=304&Content-Length=77",
                                           "=304&Content-Length=77&empty" };
    struct t_web web;
    struct t_http_client b;
    char target[128];
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 4; i++) {
        snprintf(target, sizeof target, "/with?%s", queries[i]);
        t_http_client_get(&b, target);
        t_http_client_get(&b, "/static");
        t_http_client_head(&b);
        cr_assert_eq(b.status, 304);
        t_http_client_assert(&b, 200, "hello");
    }
    t_http_client_close(&b);
    close_site(&web);
}

/* A body that is said to be in chunks, and may be so or not: it has no length besides, and nothing
 * follows it that could be read as a part of it. */
Test(answer, transfer_encoding_of_the_handler)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/with?Transfer-Encoding=chunked");
    t_http_client_get(&b, "/static");
    t_http_client_head(&b);
    cr_assert_eq(b.status, 200);
    assert_field(&b, "Content-Length", NULL);
    assert_field(&b, "Connection", "close");
    cr_assert_eq(t_http_client_await_end(&b), 5);
    t_http_client_close(&b);
    close_site(&web);
}

/* 1xx is no answer: what came next would be taken for it. */
Test(answer, informational)
{
    static const char *const queries[] = { "=100", "=101&empty", "=103&Content-Length=5",
                                           "=100&Transfer-Encoding=chunked" };
    struct t_web web;
    open_site(&web);
    for (int i = 0; i < 4; i++) {
        struct t_http_client b;
        char target[128];
        snprintf(target, sizeof target, "/with?%s", queries[i]);
        t_http_client_open(&b, web.port);
        t_http_client_get(&b, target);
        t_http_client_get(&b, "/static");
        t_http_client_head(&b);
        cr_assert_eq(b.status / 100, 1);
        assert_field(&b, "Content-Length", NULL);
        assert_field(&b, "Transfer-Encoding", NULL);
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
    }
    close_site(&web);
}

/* ---- HEAD --------------------------------------------------------------------------------- */

/* The head of a HEAD is that of a GET. */
Test(answer, head)
{
    static const char *const more[] = { "/with?Content-Length=7", "/with?=404", "/with?=204",
                                        "/with?=304", "/with?Content-Length=123&empty" };
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (size_t i = 0; i < TARGETS + 5; i++) {
        char text[256], length[2][256] = { "", "" };
        const char *target = i < TARGETS ? targets[i] : more[i - TARGETS];
        t_http_client_get(&b, target);
        t_http_client_head(&b);
        unsigned status = b.status;
        fields(&b, "Content-Length", length[0]);
        b.used += status == 204 || status == 304 ? 0 : strtoul(length[0], NULL, 10);
        snprintf(text, sizeof text, "HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
        t_http_client_say(&b, text);
        t_http_client_get(&b, "/static");
        t_http_client_head(&b);
        cr_assert_eq(b.status, status, "%s: %u", target, b.status);
        fields(&b, "Content-Length", length[1]);
        if (strstr(target, "Content-Length") == NULL) { /* of a HEAD, a handler may know better */
            cr_assert_str_eq(length[1], length[0]);
        }
        t_http_client_assert(&b, 200, "hello");
    }
    t_http_client_close(&b);
    close_site(&web);
}

/* ---- Static replies ----------------------------------------------------------------------- */

static void add_sized(struct t_web *web, size_t size)
{
    nng_http_handler *h;
    char uri[32];
    uint8_t *data = t_pattern_new(size + 1, (unsigned) size);
    snprintf(uri, sizeof uri, "/%zu", size);
    cr_assert_eq(nng_http_handler_alloc_static(&h, uri, data, size, NULL), 0);
    t_web_add(web, h);
    free(data);
}

/* Of every size, the ones right behind the others. */
Test(answer, static_sizes)
{
    static const size_t sizes[] = {
        0, 1, 1000, 1950, 1970, 1980, 2000, 2047, 2048, 2049, 5000, 65536, (size_t) 1 << 20
    };
    const size_t n = sizeof sizes / sizeof *sizes;
    struct t_web web;
    struct t_http_client b;
    char text[64];
    open_site(&web);
    for (size_t i = 0; i < n; i++) {
        add_sized(&web, sizes[i]);
    }
    t_http_client_open(&b, web.port);
    for (size_t i = 0; i < 3 * n; i++) {
        snprintf(text, sizeof text, "%s /%zu HTTP/1.1\r\nHost: x\r\n\r\n",
                 i % 3 == 1 ? "HEAD" : "GET", sizes[i * 7 % n]);
        t_http_client_say(&b, text);
    }
    for (size_t i = 0; i < 3 * n; i++) {
        size_t size = sizes[i * 7 % n];
        if (i % 3 == 1) {
            t_http_client_head(&b);
        } else {
            t_http_client_hear(&b);
            cr_assert_eq(b.size, size);
            t_pattern_assert((uint8_t *) b.body, 0, size, (unsigned) size);
        }
        snprintf(text, sizeof text, "%zu", size);
        assert_field(&b, "Content-Length", text);
        assert_field(&b, "Content-Type", "application/octet-stream");
    }
    t_http_client_close(&b);
    close_site(&web);
}

/* A thousand requests of all kinds in one piece. */
Test(answer, pipelined)
{
    static const unsigned statuses[] = { 200, 200, 200, 301, 404, 500, 404, 200 };
    struct t_web web;
    struct t_http_client b;
    char *all = malloc(1000 * 64), *p = all;
    cr_assert_not_null(all);
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (unsigned i = 0; i < 1000; i++) {
        p += sprintf(p, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i * 5 / 3 % TARGETS]);
    }
    t_http_client_say(&b, all);
    for (unsigned i = 0; i < 1000; i++) {
        unsigned status = statuses[i * 5 / 3 % TARGETS];
        t_http_client_assert(&b, status, status == 200 ? "hello" : NULL);
    }
    free(all);
    t_http_client_close(&b);
    close_site(&web);
}
