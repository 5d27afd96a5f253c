/* SPDX-License-Identifier: MIT */
/* Clients that ask before they send a body: Expect: 100-continue (RFC 9110 10.1.1). */
#include "support/peer.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(request_expect, .timeout = 120);

static struct t_pending_queue desk = NU_DESK;
static atomic_int calls;

static void echo(nng_aio *aio)
{
    void *data;
    size_t size;
    atomic_fetch_add(&calls, 1);
    nng_http_req_get_data(nng_aio_get_input(aio, 0), &data, &size);
    t_answer(aio, data, size);
}

static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

/* "/echo" collects up to 10 bytes, "/keep" nothing. */
static void open_site(struct t_web *web)
{
    nng_http_handler *h;
    t_web_open(web);
    t_web_static(web, "/", "home");
    cr_assert_eq(nng_http_handler_alloc(&h, "/echo", echo), 0);
    cr_assert_eq(nng_http_handler_set_method(h, "POST"), 0);
    cr_assert_eq(nng_http_handler_collect_body(h, true, 10), 0);
    t_web_add(web, h);
    cr_assert_eq(nng_http_handler_alloc(&h, "/keep", keep), 0);
    cr_assert_eq(nng_http_handler_set_method(h, "POST"), 0);
    cr_assert_eq(nng_http_handler_collect_body(h, false, 0), 0);
    t_web_add(web, h);
    t_web_start(web);
}

#define EXPECT "Host: x\r\nExpect: 100-Continue\r\n"
#define LENGTH "Content-Length: 5\r\n\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static const char *const framings[] = { LENGTH, CHUNKED };
static const char *const bodies[] = { "hello", "5\r\nhello\r\n0\r\n\r\n" };

static void assert_continue(struct t_http_client *b)
{
    t_http_client_head(b);
    cr_assert_eq(b->status, 100);
    cr_assert_str_eq(b->head, "HTTP/1.1 100 Continue\r\n");
}

Test(request_expect, collected)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 6; i++) {
        t_http_client_say(&b, "POST /echo HTTP/1.1\r\n" EXPECT);
        t_http_client_say(&b, framings[i % 2]);
        assert_continue(&b);
        t_http_client_assert_silent(&b);
        t_http_client_say(&b, bodies[i % 2]);
        t_http_client_get(&b, "/");
        t_http_client_assert(&b, 200, "hello");
        t_http_client_assert(&b, 200, "home");
    }
    t_http_client_close(&b);
    t_web_close(&web);
}

/* Behind other requests: their answers come first. */
Test(request_expect, pipelined)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 6; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\n"
                 "GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo HTTP/1.1\r\n" EXPECT "%s",
                 framings[i % 2]);
        t_http_client_say(&b, text);
        t_http_client_assert(&b, 200, "home");
        t_http_client_assert(&b, 404, NULL);
        t_http_client_assert(&b, 200, "home");
        assert_continue(&b);
        t_http_client_say(&b, bodies[i % 2]);
        t_http_client_assert(&b, 200, "hello");
    }
    t_http_client_close(&b);
    t_web_close(&web);
}

/* A handler that reads by itself is what asks for the body. */
Test(request_expect, read_by_the_handler)
{
    struct t_web web;
    struct t_http_client b;
    char got[5];
    nng_iov iov = { got, 5 };
    nng_aio *own;
    open_site(&web);
    t_http_client_open(&b, web.port);
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    for (int i = 0; i < 6; i++) {
        t_http_client_say(&b, "POST /keep HTTP/1.1\r\n" EXPECT);
        t_http_client_say(&b, framings[i % 2]);
        nng_aio *aio = t_pending_queue_take(&desk);
        t_http_client_assert_silent(&b);
        cr_assert_eq(nng_aio_set_iov(own, 1, &iov), 0);
        nng_http_conn_read_all(nng_aio_get_input(aio, 2), own);
        assert_continue(&b);
        t_http_client_say(&b, bodies[i % 2]);
        nng_aio_wait(own);
        cr_assert_eq(nng_aio_result(own), 0);
        cr_assert_arr_eq(got, "hello", 5);
        t_answer(aio, "read", 4);
        t_http_client_assert(&b, 200, "read");
        cr_assert_not(t_http_client_line(&b, "Connection: close"));
    }
    nng_aio_free(own);
    t_http_client_close(&b);
    t_web_close(&web);
}

/* One that does not: the client need not send it, so what it sends next could be either. */
Test(request_expect, not_read_by_the_handler)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    for (int i = 0; i < 2; i++) {
        t_http_client_open(&b, web.port);
        t_http_client_say(&b, "POST /keep HTTP/1.1\r\n" EXPECT);
        t_http_client_say(&b, framings[i]);
        t_answer(t_pending_queue_take(&desk), "no", 2);
        t_http_client_assert(&b, 200, "no");
        cr_assert(t_http_client_line(&b, "Connection: close"));
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
    }
    t_web_close(&web);
}

/* Nobody is told to send what is there already, all or a part of it; or what is not coming. */
Test(request_expect, not_told)
{
    static const struct {
        const char *head, *now, *later, *body;
    } requests[] = {
        { "POST /echo HTTP/1.1\r\n" EXPECT LENGTH, "hello", "", "hello" },
        { "POST /echo HTTP/1.1\r\n" EXPECT LENGTH, "hel", "lo", "hello" },
        { "POST /echo HTTP/1.1\r\n" EXPECT CHUNKED, "5\r\nhello\r\n0\r\n\r\n", "", "hello" },
        { "POST /echo HTTP/1.1\r\n" EXPECT CHUNKED, "5\r", "\nhello\r\n0\r\n\r\n", "hello" },
        { "POST /echo HTTP/1.1\r\n" EXPECT "\r\n", "", "", "" },
        { "POST /echo HTTP/1.1\r\n" EXPECT "Content-Length: 0\r\n\r\n", "", "", "" },
        { "GET / HTTP/1.1\r\n" EXPECT "\r\n", "", "", "home" },
        { "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\n" EXPECT LENGTH, "", "hello", "hello" },
    };
    struct t_web web;
    struct t_http_client b;
    char text[256];
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        snprintf(text, sizeof text, "%s%s", requests[i].head, requests[i].now);
        t_http_client_say(&b, text);
        if (requests[i].later[0] != '\0') {
            t_http_client_assert_silent(&b);
            t_http_client_say(&b, requests[i].later);
        }
        t_http_client_assert(&b, 200, requests[i].body);
    }
    t_http_client_close(&b);
    t_web_close(&web);
}

/* The final status comes at once, and is the last: nobody knows whether a body will follow. */
Test(request_expect, refused)
{
    static const struct {
        const char *request;
        unsigned status;
    } refused[] = {
        { "POST /none HTTP/1.1\r\n" EXPECT LENGTH, 404 },
        { "POST /none HTTP/1.1\r\n" EXPECT CHUNKED, 404 },
        { "POST / HTTP/1.1\r\n" EXPECT LENGTH, 405 },
        { "POST /echo HTTP/1.1\r\n" EXPECT "Content-Length: 11\r\n\r\n", 413 },
        { "GET / HTTP/1.1\r\n" EXPECT LENGTH, 200 },
        { "GET / HTTP/1.1\r\n" EXPECT CHUNKED, 200 },
        { "POST /echo HTTP/1.1\r\n" EXPECT "Content-Length: x\r\n\r\n", 400 },
    };
    struct t_web web;
    open_site(&web);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct t_http_client b;
        t_http_client_open(&b, web.port);
        t_http_client_say(&b, refused[i].request);
        t_http_client_assert(&b, refused[i].status, NULL);
        cr_assert(t_http_client_line(&b, "Connection: close"), "%s", refused[i].request);
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
    }
    cr_assert_eq(atomic_load(&calls), 0);
    t_web_close(&web);
}

/* Refused only when the chunks turn out to be too much. */
Test(request_expect, refused_later)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, "POST /echo HTTP/1.1\r\n" EXPECT CHUNKED);
    assert_continue(&b);
    t_http_client_say(&b, "b\r\nhello world\r\n");
    t_http_client_assert(&b, 413, NULL);
    cr_assert(t_http_client_line(&b, "Connection: close"));
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    t_web_close(&web);
}
