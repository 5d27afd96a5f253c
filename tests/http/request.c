/* SPDX-License-Identifier: MIT */
#include "http/request.h"

#include "support/peer.h"
#include "support/proc.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(request, .timeout = 120);

static struct t_pending_queue desk = NU_DESK;
static atomic_int calls;

static void count_call(nng_aio *aio)
{
    atomic_fetch_add(&calls, 1);
    t_answer(aio, "", 0);
}

static const char *or_none(const char *text)
{
    return text != NULL ? text : "none";
}

/* Answers with what it was asked: method, URI, what frames the body, and the body. */
static void tell(nng_aio *aio)
{
    char text[512];
    void *data;
    size_t size;
    nng_http_req *req = nng_aio_get_input(aio, 0);
    nng_http_req_get_data(req, &data, &size);
    int n =
        snprintf(text, sizeof text, "%s %s %s %s [%.*s]", nng_http_req_get_method(req),
                 nng_http_req_get_uri(req), or_none(nng_http_req_get_header(req, "Content-Length")),
                 or_none(nng_http_req_get_header(req, "Transfer-Encoding")), (int) size,
                 size > 0 ? (char *) data : "");
    t_answer(aio, text, (size_t) n);
}

static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

static void add_uncollected(struct t_web *web, const char *uri, void (*cb)(nng_aio *))
{
    nng_http_handler *h;
    cr_assert_eq(nng_http_handler_alloc(&h, uri, cb), 0);
    cr_assert_eq(nng_http_handler_set_method(h, NULL), 0);
    cr_assert_eq(nng_http_handler_collect_body(h, false, 0), 0);
    t_web_add(web, h);
}

static void open_site(struct t_web *web)
{
    t_web_open(web);
    t_web_static(web, "/", "home");
    t_web_callback(web, "/tell", tell);
    t_web_callback(web, "/count", count_call);
    add_uncollected(web, "/keep", keep);
    t_web_start(web);
}

#define HEAD "Host: x\r\n"
#define BEHIND "POST /count HTTP/1.1\r\n" HEAD "\r\n"

/* ---- Chunks ------------------------------------------------------------------------------- */

static const char in_chunks[] = "POST /tell HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\n\r\n"
                                "5\r\nhello\r\n0A;a;b=c;d=\"e;\\\"f\"\r\n, world 12\r\n"
                                "00\r\nX-Trailer: y\r\nContent-Length: 3\r\n\r\n";
static const char was_told[] = "POST /tell 15 none [hello, world 12]";

Test(request, chunks_in_two_pieces)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (size_t i = 1; i < sizeof in_chunks; i++) {
        t_http_client_send(&b, in_chunks, i);
        usleep(300);
        t_http_client_send(&b, in_chunks + i, sizeof in_chunks - 1 - i);
        t_http_client_get(&b, "/");
        t_http_client_assert(&b, 200, was_told);
        t_http_client_assert(&b, 200, "home");
    }
    t_http_client_close(&b);
    t_web_close(&web);
}

Test(request, chunks_byte_by_byte)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (size_t i = 0; i < sizeof in_chunks - 1; i++) {
        t_http_client_send(&b, in_chunks + i, 1);
        usleep(200);
    }
    t_http_client_assert(&b, 200, was_told);
    t_http_client_close(&b);
    t_web_close(&web);
}

Test(request, chunks_pipelined)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 100; i++) {
        t_http_client_say(&b, in_chunks);
    }
    shutdown(b.fd, SHUT_WR);
    for (int i = 0; i < 100; i++) {
        t_http_client_assert(&b, 200, was_told);
    }
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    t_web_close(&web);
}

Test(request, empty_bodies)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, "POST /tell HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\n\r\n"
                          "0\r\n\r\n");
    t_http_client_assert(&b, 200, "POST /tell 0 none []");
    t_http_client_say(&b, "POST /tell HTTP/1.1\r\n" HEAD "Content-Length: 0\r\n\r\n");
    t_http_client_assert(&b, 200, "POST /tell 0 none []");
    t_http_client_say(&b, "POST /tell HTTP/1.1\r\n" HEAD "\r\n");
    t_http_client_assert(&b, 200, "POST /tell none none []");
    t_http_client_close(&b);
    t_web_close(&web);
}

/* A megabyte in chunks of every kind of size. */
Test(request, many_chunks)
{
    size_t size = (size_t) 1 << 20, at = 0, piece = 1;
    uint8_t *data = t_pattern_new(size, 1);
    struct t_web web;
    struct t_http_client b;
    char line[32];
    open_site(&web);
    nng_http_handler *h;
    cr_assert_eq(nng_http_handler_alloc(&h, "/size", keep), 0);
    cr_assert_eq(nng_http_handler_set_method(h, "PUT"), 0);
    t_web_add(&web, h);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, "PUT /size HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\n\r\n");
    for (; at < size; at += piece, piece = piece * 3 % 40009) {
        piece = piece < size - at ? piece : size - at;
        snprintf(line, sizeof line, "%zx\r\n", piece);
        t_http_client_say(&b, line);
        t_http_client_send(&b, data + at, piece);
        t_http_client_say(&b, "\r\n");
    }
    t_http_client_say(&b, "0\r\n\r\n");
    nng_aio *aio = t_pending_queue_take(&desk);
    void *got;
    nng_http_req_get_data(nng_aio_get_input(aio, 0), &got, &at);
    cr_assert_eq(at, size);
    t_pattern_assert(got, 0, size, 1);
    t_answer(aio, "got it", 6);
    t_http_client_assert(&b, 200, "got it");
    free(data);
    t_http_client_close(&b);
    t_web_close(&web);
}

static const char *const malformed[] = {
    "\r\n",         "g\r\n",       "-1\r\n",      "+1\r\nx\r\n",        " 1\r\nx\r\n",
    "1 \r\nx\r\n",  "0x1\r\nx",    "1\nx\r\n",    "1\r\nxy\r\n",        "1\r\nx\n0\r\n\r\n",
    "1\r\nx\r0\r",  "1;\r\nx\r\n", "1;=b\r\nx",   "1;a=\r\nx\r\n",      "1;a=\"b\r\nx\r\n",
    "1;a=b\nx\r\n", "1\r\rx\r\n",  "1\r\nx\r\n;", "10000000000000000;", "7fffffffffffffff\r\nx;\r",
    "0\r\n x\r\n",  "0\r\nX\r\n",  "0\r\nX :y\r", "0\r\nX: y\n\r\n",    "0\r\n\n",
    "0\r\nX: \x01", "0\r\n\rx",    "1,1\r\nx\r\n"
};

/* 400 and the end, and no byte behind is taken for a request. */
Test(request, malformed_chunks)
{
    struct t_web web;
    open_site(&web);
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct t_http_client b;
        char all[512];
        snprintf(all, sizeof all,
                 "POST /tell HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\n\r\n"
                 "3\r\nabc\r\n%s\r\n\r\n" BEHIND,
                 malformed[i]);
        t_http_client_open(&b, web.port);
        t_http_client_say(&b, all);
        t_http_client_assert(&b, 400, NULL);
        cr_assert(t_http_client_line(&b, "Connection: close"), "%s", malformed[i]);
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
    }
    cr_assert_eq(atomic_load(&calls), 0);
    t_web_close(&web);
}

/* The answer has been given by then; there is only the end left. */
Test(request, malformed_chunks_that_nobody_reads)
{
    struct t_web web;
    open_site(&web);
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct t_http_client b;
        char all[512];
        snprintf(all, sizeof all,
                 "%s / HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\n\r\n"
                 "3\r\nabc\r\n%s\r\n\r\n" BEHIND,
                 i % 2 == 0 ? "GET" : "PUT", malformed[i]);
        t_http_client_open(&b, web.port);
        t_http_client_say(&b, all);
        t_http_client_assert(&b, i % 2 == 0 ? 200 : 405, NULL);
        shutdown(b.fd, SHUT_WR);
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
    }
    cr_assert_eq(atomic_load(&calls), 0);
    t_web_close(&web);
}

/* ---- How long a body is ------------------------------------------------------------------- */

Test(request, lengths)
{
    static const char *const bad[] = {
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5,6\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5.0\r\n",
        "Content-Length: 9223372036854775808\r\n",
        "Content-Length: 18446744073709551621\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding : chunked\r\n",
        /* what a client takes of a server that is old, a server does not take of a client */
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: 5\n",
        "Content-Length:\r\n 5\r\n",
        "Content-Length: 5\r\nA: b\r\n c\r\n",
        "Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
    };
    struct t_web web;
    struct t_http_client b;
    char all[512];
    open_site(&web);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(all, sizeof all, "POST /tell HTTP/1.1\r\n" HEAD "%s\r\nhello" BEHIND, bad[i]);
        t_http_client_open(&b, web.port);
        t_http_client_say(&b, all);
        t_http_client_hear(&b);
        cr_assert(b.status == 400 || b.status == 501, "%u: %s", b.status, bad[i]);
        cr_assert(t_http_client_line(&b, "Connection: close"));
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
    }
    cr_assert_eq(atomic_load(&calls), 0);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b,
                      "POST /tell HTTP/1.1\r\n" HEAD "CONTENT-LENGTH: \t5 \r\n\r\nhello" BEHIND);
    t_http_client_assert(&b, 200, "POST /tell 5 none [hello]");
    t_http_client_assert(&b, 200, "");
    cr_assert_eq(atomic_load(&calls), 1);
    t_http_client_say(&b, "POST /tell HTTP/1.1\r\n" HEAD
                          "Content-Length: 00000000000000000005\r\n\r\nhello" BEHIND);
    t_http_client_hear(&b);
    cr_assert_eq(b.status, 200);
    t_http_client_assert(&b, 200, "");
    cr_assert_eq(atomic_load(&calls), 2);
    t_http_client_close(&b);
    t_web_close(&web);
}

/* Nobody could say of which host, or which path, these are. */
Test(request, targets_and_hosts)
{
    static const char *const bad[] = {
        "GET /a\\b HTTP/1.1\r\nHost: h\r\n",
        "GET http://h/a\\b HTTP/1.1\r\nHost: h\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n",
        "GET / HTTP/1.1\r\nHost: \t\r\n",
        "GET http://h\\@evil/ HTTP/1.1\r\nHost: h\r\n",
        "GET http:///x HTTP/1.1\r\nHost: h\r\n",
    };
    struct t_web web;
    struct t_http_client b;
    char all[256];
    open_site(&web);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(all, sizeof all, "%s\r\n" BEHIND, bad[i]);
        t_http_client_open(&b, web.port);
        t_http_client_say(&b, all);
        t_http_client_assert(&b, 400, NULL);
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
    }
    cr_assert_eq(atomic_load(&calls), 0);
    t_web_close(&web);
}

/* HTTP/1.0 knows no chunks. */
Test(request, chunks_of_http_1_0)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b,
                      "POST /tell HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" BEHIND);
    t_http_client_assert(&b, 400, NULL);
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    cr_assert_eq(atomic_load(&calls), 0);
    t_web_close(&web);
}

/* ---- Targets and methods ------------------------------------------------------------------ */

Test(request, forms_of_targets)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, "\r\n\r\nGET http://y:1/tell?a HTTP/1.1\r\n" HEAD "\r\n");
    t_http_client_assert(&b, 200, "GET http://y:1/tell?a none none []");
    t_http_client_say(&b, "\r\nGET HTTP://y HTTP/1.1\r\n" HEAD "\r\n");
    t_http_client_assert(&b, 200, "home");
    t_http_client_say(&b, "GET http://y?a HTTP/1.1\r\n" HEAD "\r\n");
    t_http_client_assert(&b, 200, "home");
    t_http_client_say(&b, "GET /a/.././/%74ell/ HTTP/1.1\r\n" HEAD "\r\n");
    t_http_client_assert(&b, 200, "GET /a/.././/%74ell/ none none []");
    t_http_client_say(&b, "FROBNICATE /tell HTTP/1.1\r\n" HEAD "\r\n");
    t_http_client_assert(&b, 200, "FROBNICATE /tell none none []");
    t_http_client_say(&b, "OPTIONS * HTTP/1.1\r\n" HEAD "\r\n");
    t_http_client_head(&b); /* which has no body */
    cr_assert_eq(b.status, 204);
    t_http_client_say(&b, "PUT / HTTP/1.1\r\n" HEAD "\r\n");
    t_http_client_assert(&b, 405, NULL);
    t_http_client_say(&b, "CONNECT y:1 HTTP/1.1\r\nHost: y:1\r\n\r\n");
    t_http_client_assert(&b, 501, NULL);
    t_http_client_close(&b);
    t_web_close(&web);
}

/* ---- Bodies that nobody reads ------------------------------------------------------------- */

/* The client is held up until the answer comes, and the server does not hoard what it sends. */
Test(request, huge_body_that_is_not_read)
{
    size_t sum = 0, size = 65536;
    ssize_t n;
    uint8_t *data = t_pattern_new(size, 1);
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, "POST /keep HTTP/1.1\r\n" HEAD "Content-Length: 99999999999\r\n\r\n");
    nng_aio *aio = t_pending_queue_take(&desk);
    size_t before = t_proc_rss();
    for (int quiet = 0; quiet < 20;) {
        n = send(b.fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        sum += n > 0 ? (size_t) n : 0;
        quiet = n > 0 ? 0 : quiet + 1;
        usleep(n > 0 ? 0 : 5000);
        cr_assert_lt(sum, (size_t) 64 << 20, "nobody holds it up");
    }
    cr_assert_lt(t_proc_rss(), before + ((size_t) 4 << 20));
    t_answer(aio, "enough", 6);
    t_http_client_assert(&b, 200, "enough");
    cr_assert(t_http_client_line(&b, "Connection: close"));
    t_http_client_close(&b);
    free(data);
    t_web_close(&web);
}

/* The handler answers before the body has come, which comes then. */
Test(request, answered_before_the_body)
{
    static const char *const heads[] = { "Content-Length: 5", "Transfer-Encoding: chunked" };
    static const char *const bodies[] = { "hello", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n" };
    struct t_web web;
    struct t_http_client b;
    char text[256];
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text, "POST /keep HTTP/1.1\r\n" HEAD "%s\r\n\r\n", heads[i]);
        for (size_t part = 0; part <= strlen(bodies[i]); part++) {
            t_http_client_say(&b, text);
            t_http_client_send(&b, bodies[i], part);
            t_answer(t_pending_queue_take(&desk), "early", 5);
            t_http_client_assert(&b, 200, "early");
            cr_assert_not(t_http_client_line(&b, "Connection: close"));
            t_http_client_say(&b, bodies[i] + part);
            t_http_client_get(&b, "/");
            t_http_client_assert(&b, 200, "home");
        }
    }
    t_http_client_close(&b);
    t_web_close(&web);
}
