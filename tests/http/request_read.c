/* SPDX-License-Identifier: MIT */
/* Handlers that read the body of a request themselves, through the connection. */
#include "support/peer.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(request_read, .timeout = 120);

static struct t_pending_queue desk = NU_DESK;
static atomic_int calls;

static void count_call(nng_aio *aio)
{
    atomic_fetch_add(&calls, 1);
    t_answer(aio, "", 0);
}

static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

/* ---- A handler that answers with what it could read, and with how that ended --------------- */

struct reader {
    nng_aio *handlers, *own;
    bool all;
    size_t piece, size;
    char data[(2 << 20) + 65536];
};

static void read_next(struct reader *r)
{
    nng_http_conn *conn = nng_aio_get_input(r->handlers, 2);
    size_t first = r->piece / 3;
    nng_iov iov[] = { { r->data + r->size, first },
                      { r->data + r->size, 0 },
                      { r->data + r->size + first, r->piece - first } };
    cr_assert_eq(nng_aio_set_iov(r->own, 3, iov), 0);
    if (r->all) {
        nng_http_conn_read_all(conn, r->own);
    } else {
        nng_http_conn_read(conn, r->own);
    }
}

static atomic_uint reads; /* that have ended, of all readers */

static void answer(struct reader *r, int err)
{
    nng_http_res *res;
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_http_res_copy_data(res, r->data, r->size), 0);
    cr_assert_eq(nng_http_res_set_header(res, "X-End", nng_strerror(err)), 0);
    nng_aio_set_output(r->handlers, 0, res);
    nng_aio_finish(r->handlers, 0);
    nng_aio_reap(r->own);
    free(r);
}

static void have_read(void *arg)
{
    struct reader *r = arg;
    int err = nng_aio_result(r->own);
    size_t n = nng_aio_count(r->own);
    cr_assert_leq(n, r->piece);
    cr_assert(err != 0 || (r->all ? n == r->piece : n > 0));
    r->size += n;
    atomic_fetch_add(&reads, 1);
    if (err == 0) {
        read_next(r);
    } else {
        answer(r, err);
    }
}

/* "/read?7" reads in pieces of up to 7 bytes, "/read?a7" in pieces of exactly 7. */
static void read_body(nng_aio *aio)
{
    struct reader *r = malloc(sizeof *r);
    cr_assert_not_null(r);
    const char *query = strchr(nng_http_req_get_uri(nng_aio_get_input(aio, 0)), '?') + 1;
    r->handlers = aio;
    r->all = *query == 'a';
    r->piece = strtoul(query + r->all, NULL, 10);
    r->size = 0;
    cr_assert_eq(nng_aio_alloc(&r->own, have_read, r), 0);
    read_next(r);
}

static void add(struct t_web *web, const char *uri, void (*cb)(nng_aio *))
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
    t_web_callback(web, "/count", count_call);
    add(web, "/read", read_body);
    add(web, "/keep", keep);
    t_web_start(web);
}

static void assert_read(struct t_http_client *b, const void *body, size_t size, int end)
{
    char line[64];
    t_http_client_hear(b);
    cr_assert_eq(b->status, 200, "%u", b->status);
    snprintf(line, sizeof line, "X-End: %s", nng_strerror(end));
    cr_assert(t_http_client_line(b, line), "not %s but %s", line, b->head);
    cr_assert_eq(b->size, size);
    cr_assert_arr_eq(b->body, body, size);
}

#define HEAD "Host: x\r\n"
#define BEHIND "POST /count HTTP/1.1\r\n" HEAD "\r\n"

static const char body[] = "the quick brown fox";
static const char *const framings[] = {
    "Content-Length: 19\r\n\r\nthe quick brown fox",
    "Transfer-Encoding: chunked\r\n\r\n13\r\nthe quick brown fox\r\n0\r\n\r\n",
    ("Transfer-Encoding: chunked\r\n\r\n4;a=b\r\nthe \r\n1\r\nq\r\n00e\r\nuick brown fox\r\n"
     "0;x\r\nTrailer: y\r\n\r\n"),
};

static const char *const ways[] = { "1",  "2",  "7",  "19",  "20",  "9999",
                                    "a1", "a2", "a7", "a19", "a20", "a9999" };

/* ---- All of the body, and nothing else ---------------------------------------------------- */

/* The next request has come with the body. */
Test(request_read, in_one_piece)
{
    struct t_web web;
    struct t_http_client b;
    char text[512];
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (size_t i = 0; i < 3 * sizeof ways / sizeof *ways; i++) {
        snprintf(text, sizeof text,
                 "POST /read?%s HTTP/1.1\r\n" HEAD "%sGET / HTTP/1.1\r\n" HEAD "\r\n", ways[i / 3],
                 framings[i % 3]);
        t_http_client_say(&b, text);
        assert_read(&b, body, sizeof body - 1, NNG_ECONNSHUT);
        t_http_client_assert(&b, 200, "home");
    }
    t_http_client_close(&b);
    t_web_close(&web);
}

Test(request_read, in_two_pieces)
{
    struct t_web web;
    struct t_http_client b;
    char text[512];
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (size_t way = 1; way < sizeof ways / sizeof *ways; way += 4) {
        for (int i = 0; i < 3; i++) {
            snprintf(text, sizeof text,
                     "POST /read?%s HTTP/1.1\r\n" HEAD "%sGET / HTTP/1.1\r\n" HEAD "\r\n",
                     ways[way], framings[i]);
            size_t len = strlen(text);
            for (size_t cut = (size_t) (strstr(text, "\r\n\r\n") - text); cut < len - 20; cut++) {
                t_http_client_send(&b, text, cut);
                usleep(300);
                t_http_client_send(&b, text + cut, len - cut);
                assert_read(&b, body, sizeof body - 1, NNG_ECONNSHUT);
                t_http_client_assert(&b, 200, "home");
            }
        }
    }
    t_http_client_close(&b);
    t_web_close(&web);
}

Test(request_read, byte_by_byte)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 6; i++) {
        t_http_client_say(&b, i < 3 ? "POST /read?8 HTTP/1.1\r\n" HEAD
                                    : "POST /read?a8 HTTP/1.1\r\n" HEAD);
        for (const char *p = framings[i % 3]; *p != '\0'; p++) {
            t_http_client_send(&b, p, 1);
            usleep(200);
        }
        assert_read(&b, body, sizeof body - 1, NNG_ECONNSHUT);
    }
    t_http_client_close(&b);
    t_web_close(&web);
}

Test(request_read, no_body)
{
    static const char *const heads[] = { "\r\n", "Content-Length: 0\r\n\r\n",
                                         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" };
    struct t_web web;
    struct t_http_client b;
    char text[256];
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 6; i++) {
        snprintf(text, sizeof text, "GET /read?%s HTTP/1.1\r\n" HEAD "%s", i < 3 ? "5" : "a5",
                 heads[i % 3]);
        t_http_client_say(&b, text);
        t_http_client_get(&b, "/");
        assert_read(&b, "", 0, NNG_ECONNSHUT);
        t_http_client_assert(&b, 200, "home");
    }
    t_http_client_close(&b);
    t_web_close(&web);
}

static void send_large(struct t_http_client *b, const uint8_t *data, size_t size, bool chunked)
{
    char line[64];
    snprintf(line, sizeof line,
             chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: %zu\r\n\r\n", size);
    t_http_client_say(b, line);
    for (size_t at = 0, n; at < size; at += n) {
        n = size - at < 50000 ? size - at : 50000;
        snprintf(line, sizeof line, "%zx\r\n", n);
        t_http_client_say(b, chunked ? line : "");
        t_http_client_send(b, data + at, n);
        t_http_client_say(b, chunked ? "\r\n" : "");
    }
    t_http_client_say(b, chunked ? "0\r\n\r\n" : "");
}

Test(request_read, large)
{
    static const char *const pieces[] = { "1000", "65536", "a1000", "a65536", "a1048577" };
    size_t size = ((size_t) 2 << 20) - 5;
    uint8_t *data = t_pattern_new(size, 2);
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 10; i++) {
        t_http_client_say(&b, "POST /read?");
        t_http_client_say(&b, pieces[i / 2]);
        t_http_client_say(&b, " HTTP/1.1\r\n" HEAD);
        send_large(&b, data, size, i % 2 == 0);
        t_http_client_get(&b, "/");
        assert_read(&b, data, size, NNG_ECONNSHUT);
        t_http_client_assert(&b, 200, "home");
    }
    free(data);
    t_http_client_close(&b);
    t_web_close(&web);
}

/* What has come of a chunk is read at once, not buffer by buffer of the loop's, 4 KiB each. */
Test(request_read, large_chunk)
{
    size_t size = (size_t) 2 << 20;
    uint8_t *data = t_pattern_new(size, 2);
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, "POST /read?65536 HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\n\r\n"
                          "200000\r\n");
    t_http_client_send(&b, data, size);
    t_http_client_say(&b, "\r\n0\r\n\r\n");
    assert_read(&b, data, size, NNG_ECONNSHUT);
    cr_assert_lt(atomic_load(&reads), size / 4096 / 2);
    free(data);
    t_http_client_close(&b);
    t_web_close(&web);
}

/* ---- Bodies that end badly ---------------------------------------------------------------- */

Test(request_read, malformed_chunks)
{
    static const char *const bad[] = { "x\r\n", "5\r\nhello0", "0\r\n:\r\n\r\n", "1\nx\r\n",
                                       "5;\r\nhello\r\n" };
    struct t_web web;
    open_site(&web);
    for (int i = 0; i < 10; i++) {
        struct t_http_client b;
        char text[512];
        bool hello = i / 2 == 1;
        snprintf(text, sizeof text,
                 "POST /read?%s HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\n\r\n"
                 "3\r\nabc\r\n%s\r\n\r\n" BEHIND,
                 i % 2 == 0 ? "4" : "a20", bad[i / 2]);
        t_http_client_open(&b, web.port);
        t_http_client_say(&b, text);
        assert_read(&b, hello ? "abchello" : "abc", hello ? 8 : 3, NNG_EPROTO);
        cr_assert(t_http_client_line(&b, "Connection: close"));
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
    }
    cr_assert_eq(atomic_load(&calls), 0);
    t_web_close(&web);
}

/* A body that was cut short is not to be taken for a whole one. */
Test(request_read, cut_short)
{
    static const char *const cut[] = {
        "Content-Length: 19\r\n\r\nthe quick brown fo",
        "Transfer-Encoding: chunked\r\n\r\n13\r\nthe quick brown fo",
        "Transfer-Encoding: chunked\r\n\r\n12\r\nthe quick brown fo\r\n",
        "Transfer-Encoding: chunked\r\n\r\n12\r\nthe quick brown fo\r\n0\r\nX: y\r\n",
    };
    struct t_web web;
    open_site(&web);
    for (int i = 0; i < 8; i++) {
        struct t_http_client b;
        char text[256];
        snprintf(text, sizeof text, "POST /read?%s HTTP/1.1\r\n" HEAD "%s",
                 i % 2 == 0 ? "9" : "a99", cut[i / 2]);
        t_http_client_open(&b, web.port);
        t_http_client_say(&b, text);
        shutdown(b.fd, SHUT_WR);
        assert_read(&b, body, 18, NNG_ECONNRESET);
        cr_assert(t_http_client_line(&b, "Connection: close"));
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
    }
    t_web_close(&web);
}

/* ---- Handlers that read as they like ------------------------------------------------------- */

/* One read on a thread of the test's; the result. */
static int read_here(nng_aio *handlers, void *data, size_t size, nng_duration ms, size_t *count)
{
    nng_iov iov = { data, size };
    nng_aio *own;
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    cr_assert_eq(nng_aio_set_iov(own, 1, &iov), 0);
    nng_aio_set_timeout(own, ms);
    nng_http_conn_read_all(nng_aio_get_input(handlers, 2), own);
    nng_aio_wait(own);
    int err = nng_aio_result(own);
    *count = nng_aio_count(own);
    nng_aio_free(own);
    return err;
}

/* From another thread, with a time limit that passes: what came before is not lost. */
Test(request_read, later_and_late)
{
    struct t_web web;
    struct t_http_client b;
    char got[32];
    size_t n;
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 3; i++) {
        const char *text = framings[i], *cut = strstr(text, "brown");
        t_http_client_say(&b, "POST /keep HTTP/1.1\r\n" HEAD);
        t_http_client_send(&b, text, (size_t) (cut - text));
        nng_aio *aio = t_pending_queue_take(&desk);
        int err = read_here(aio, got, 19, 50, &n);
        cr_assert_eq(err, NNG_ETIMEDOUT, "%s", nng_strerror(err));
        cr_assert_leq(n, 10);
        t_http_client_say(&b, cut);
        size_t rest;
        cr_assert_eq(read_here(aio, got + n, 19 - n, 20000, &rest), 0);
        cr_assert_eq(n + rest, 19);
        cr_assert_arr_eq(got, body, 19);
        cr_assert_eq(read_here(aio, got, 1, 20000, &n), NNG_ECONNSHUT);
        cr_assert_eq(n, 0);
        t_answer(aio, "read", 4);
        t_http_client_assert(&b, 200, "read");
    }
    t_http_client_get(&b, "/");
    t_http_client_assert(&b, 200, "home");
    t_http_client_close(&b);
    t_web_close(&web);
}

/* A part of it, every one; the rest is thrown away. */
Test(request_read, in_part)
{
    struct t_web web;
    struct t_http_client b;
    char got[32];
    size_t n;
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 3; i++) {
        for (size_t part = 0; part < 19; part++) {
            t_http_client_say(&b, "POST /keep HTTP/1.1\r\n" HEAD);
            t_http_client_say(&b, framings[i]);
            t_http_client_get(&b, "/");
            nng_aio *aio = t_pending_queue_take(&desk);
            if (part > 0) {
                cr_assert_eq(read_here(aio, got, part, 20000, &n), 0);
                cr_assert_arr_eq(got, body, part);
            }
            t_answer(aio, "read", 4);
            t_http_client_assert(&b, 200, "read");
            t_http_client_assert(&b, 200, "home");
        }
    }
    t_http_client_close(&b);
    t_web_close(&web);
}
