/* SPDX-License-Identifier: MIT */
/* What could make a client take one response for a part of another. */
#include "http/session.h"

#include "support/web.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(session_framing, .timeout = 60);

#define MANY 200

static char page[4000]; /* is pointed at, not copied: two parts of a batch for each answer */

static void fill_page(void)
{
    memset(page, 'x', sizeof page - 1);
}

static void answer_page(nng_aio *aio)
{
    t_answer(aio, page, sizeof page - 1);
}

/* Requests with a body that nobody wants, all in one piece: each is answered, then drained. */
static void ask_many(const struct t_web *web, const char *request)
{
    struct t_http_client b;
    size_t n = strlen(request);
    char *all = malloc(MANY * n);
    cr_assert_not_null(all);
    for (size_t i = 0; i < MANY; i++) {
        memcpy(all + i * n, request, n);
    }
    t_http_client_open(&b, web->port);
    t_http_client_send(&b, all, MANY * n);
    for (unsigned i = 0; i < MANY; i++) {
        t_http_client_assert(&b, 200, page);
    }
    t_http_client_close(&b);
    free(all);
}

Test(session_framing, batches_are_bounded)
{
    struct t_web web;
    nng_http_handler *handler;
    setenv("NNG_URING_CALLBACKS", "inline", 1);
    fill_page();
    t_web_open(&web);
    t_web_static(&web, "/static", page);
    cr_assert_eq(nng_http_handler_alloc(&handler, "/call", answer_page), 0);
    cr_assert_eq(nng_http_handler_collect_body(handler, false, 0), 0);
    t_web_add(&web, handler);
    t_web_start(&web);
    ask_many(&web, "GET /static HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nX");
    ask_many(&web,
             "GET /static HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    ask_many(&web, "GET /call HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nX");
    t_web_close(&web);
}

/* ---- Responses that a handler has begun itself --------------------------------------------- */

static void write_text(nng_aio *aio, const char *text)
{
    nng_iov iov = { (void *) (uintptr_t) text, strlen(text) };
    nng_aio *own;
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    cr_assert_eq(nng_aio_set_iov(own, 1, &iov), 0);
    nng_http_conn_write_all(nng_aio_get_input(aio, 2), own);
    nng_aio_wait(own);
    cr_assert_eq(nng_aio_result(own), 0);
    nng_aio_free(own);
}

/* A part of a response, and then its source fails. */
static void fail_half_way(nng_aio *aio)
{
    write_text(aio, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe beginning");
    nng_aio_finish(aio, NNG_EINTERNAL);
}

static void assert_cut(const char *mode)
{
    struct t_web web;
    struct t_http_client b;
    setenv("NNG_URING_CALLBACKS", mode, 1);
    t_web_open(&web);
    t_web_callback(&web, "/half", fail_half_way);
    t_web_static(&web, "/", "here");
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, "GET /half HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    t_http_client_head(&b);
    cr_assert_eq(b.status, 200);
    size_t rest = t_http_client_await_end(&b); /* nothing follows the part */
    cr_assert_leq(rest, strlen("the beginning"), "%zu", rest);
    t_http_client_close(&b);
    t_web_close(&web);
}

Test(session_framing, nothing_follows_a_part_of_a_response)
{
    assert_cut("inline");
}

Test(session_framing, nothing_follows_a_part_that_a_worker_has_written)
{
    assert_cut("workers");
}

/* ---- 100 (Continue) ------------------------------------------------------------------------ */

/* Reads its body at once, which may send a 100. */
static void read_body(nng_aio *aio)
{
    char body[8];
    nng_iov iov = { body, sizeof body };
    nng_aio *own;
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    cr_assert_eq(nng_aio_set_iov(own, 1, &iov), 0);
    nng_http_conn_read(nng_aio_get_input(aio, 2), own);
    nng_aio_wait(own);
    cr_assert_eq(nng_aio_result(own), 0);
    t_answer(aio, body, nng_aio_count(own));
    nng_aio_free(own);
}

/* It does not come before, or in the midst of, the answer to the request before. */
Test(session_framing, continue_waits_for_the_answer_before)
{
    struct t_web web;
    struct t_http_client b;
    nng_http_handler *handler;
    size_t size = (size_t) 4 << 20;
    char *large = malloc(size + 1);
    cr_assert_not_null(large);
    memset(large, 'y', size);
    large[size] = '\0';
    setenv("NNG_URING_CALLBACKS", "inline", 1);
    t_web_open(&web);
    t_web_static(&web, "/large", large);
    cr_assert_eq(nng_http_handler_alloc(&handler, "/up", read_body), 0);
    cr_assert_eq(nng_http_handler_set_method(handler, "POST"), 0);
    cr_assert_eq(nng_http_handler_collect_body(handler, false, 0), 0);
    t_web_add(&web, handler);
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
                          "POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                          "Expect: 100-continue\r\n\r\n");
    t_http_client_assert(&b, 200, large);
    t_http_client_say(&b, "hello"); /* RFC 9110 10.1.1: a client does not wait for ever */
    t_http_client_head(&b);
    if (b.status == 100) {
        t_http_client_head(&b);
    }
    cr_assert_eq(b.status, 200);
    t_http_client_close(&b);
    t_web_close(&web);
    free(large);
}
