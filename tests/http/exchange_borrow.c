/* SPDX-License-Identifier: MIT */
/* What a response may borrow from the request it answers, and for how long. */
#include "http/exchange.h"

#include "support/peer.h"
#include "support/proc.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HUGE_BODY ((size_t) 8 << 20) /* more than sockets hold */

static struct t_pending_queue desk = NU_DESK;

/* ---- A handler that answers with what it finds in the request ----------------------------- */

enum source { BODY, CHUNKS, FIELD, URI, METHOD, HANDLER, NSOURCES };

/* Which source a request is about is the first letter of its X-Source. */
static void borrow(nng_http_req *req, nng_http_handler *h, nng_http_res *res)
{
    const char *from = nng_http_req_get_header(req, "X-Source");
    void *data = NULL;
    size_t size = 0;
    switch (from[0] - '0') {
    case FIELD:
        data = (void *) nng_http_req_get_header(req, "X-Text");
        break;
    case URI:
        data = (void *) nng_http_req_get_uri(req);
        break;
    case METHOD:
        data = (void *) nng_http_req_get_method(req);
        break;
    case HANDLER:
        data = nng_http_handler_get_data(h);
        break;
    default:
        nng_http_req_get_data(req, &data, &size);
        break;
    }
    size = size > 0 || data == NULL ? size : strlen(data);
    cr_assert_eq(nng_http_res_set_data(res, data, size), 0);
}

static void answer_borrowed(nng_aio *aio)
{
    nng_http_res *res;
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    borrow(nng_aio_get_input(aio, 0), nng_aio_get_input(aio, 1), res);
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

static void put_aside(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

static void add_handler(struct t_web *web, const char *uri, void (*cb)(nng_aio *), void *data)
{
    nng_http_handler *h;
    cr_assert_eq(nng_http_handler_alloc(&h, uri, cb), 0);
    cr_assert_eq(nng_http_handler_set_method(h, NULL), 0);
    cr_assert_eq(nng_http_handler_set_tree(h), 0);
    cr_assert_eq(nng_http_handler_collect_body(h, true, HUGE_BODY), 0);
    cr_assert_eq(nng_http_handler_set_data(h, data, free), 0);
    t_web_add(web, h);
}

static char *letters(size_t size)
{
    char *text = malloc(size + 1);
    cr_assert_not_null(text);
    for (size_t i = 0; i < size; i++) {
        text[i] = (char) ('a' + t_pattern(i, 1) % 26);
    }
    text[size] = '\0';
    return text;
}

static void open_web(struct t_web *web, const char *text)
{
    t_web_open(web);
    add_handler(web, "/now", answer_borrowed, strdup(text));
    add_handler(web, "/later", put_aside, strdup(text));
    cr_assert_eq(nng_uring_server_set_limit(web->server, NNG_URING_HEAD_BYTES, (size_t) 64 * 1024),
                 0);
    t_web_start(web);
}

/* ---- What may be borrowed ----------------------------------------------------------------- */

/* Asks for the text to come back from that source. */
static void ask(struct t_http_client *b, const char *method, const char *where, enum source source,
                const char *text)
{
    char head[256];
    size_t size = strlen(text);
    bool in_uri = source == URI;
    snprintf(head, sizeof head, "%s %s", source == METHOD ? text : method, where);
    t_http_client_say(b, head);
    t_http_client_say(b, in_uri ? "?" : "");
    t_http_client_say(b, in_uri ? text : "");
    snprintf(head, sizeof head, " HTTP/1.1\r\nHost: x\r\nX-Source: %d\r\nX-Text: ", (int) source);
    t_http_client_say(b, head);
    t_http_client_say(b, source == FIELD ? text : "");
    if (source == CHUNKS) {
        snprintf(head, sizeof head, "\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n", size);
    } else {
        snprintf(head, sizeof head, "\r\nContent-Length: %zu\r\n\r\n", source == BODY ? size : 0);
    }
    t_http_client_say(b, head);
    t_http_client_say(b, source == BODY || source == CHUNKS ? text : "");
    t_http_client_say(b, source == CHUNKS ? "\r\n0\r\n\r\n" : "");
}

static void expect(struct t_http_client *b, const char *where, enum source source, const char *text)
{
    char *all = NULL;
    cr_assert_gt(
        asprintf(&all, "%s%s%s", source == URI ? where : "", source == URI ? "?" : "", text), 0);
    t_http_client_assert(b, 200, all);
    free(all);
}

/* Every source, at sizes that are copied, pointed at, and written in several pieces. */
Test(exchange_borrow, table, .timeout = 120)
{
    static const size_t sizes[] = { 1, 31, 1000, 2048, 2049, 8000, 30000, 200000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *text = letters(sizes[i]);
        struct t_web web;
        struct t_http_client b;
        open_web(&web, text);
        t_http_client_open_small(&b, web.port);
        for (int source = 0; source < NSOURCES; source++) {
            if ((source == METHOD && sizes[i] > 31) || (source == URI && sizes[i] > 8000) ||
                (source == FIELD && sizes[i] > 30000)) {
                continue;
            }
            ask(&b, "POST", "/now", source, text);
            expect(&b, "/now", source, text);
            ask(&b, "POST", "/later", source, text);
            answer_borrowed(t_pending_queue_take(&desk));
            expect(&b, "/later", source, text);
            if (source != METHOD) {
                ask(&b, "HEAD", "/now", source, text);
                t_http_client_head(&b);
                cr_assert_eq(b.status, 200);
            }
        }
        t_http_client_close(&b);
        t_web_close(&web);
        free(text);
    }
}

/* Many requests in one go; each response is of its own request. */
Test(exchange_borrow, pipelined, .timeout = 60)
{
    char *text = letters(5000);
    struct t_web web;
    struct t_http_client b;
    open_web(&web, text);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 100; i++) {
        ask(&b, "POST", "/now", i % NSOURCES, text + (i % NSOURCES == METHOD ? 4990 : i * 40));
    }
    for (int i = 0; i < 100; i++) {
        enum source source = i % NSOURCES;
        expect(&b, "/now", source,
               source == HANDLER ? text : text + (source == METHOD ? 4990 : i * 40));
    }
    t_http_client_close(&b);
    t_web_close(&web);
    free(text);
}

/* ---- Connections that end early ----------------------------------------------------------- */

static void fail(nng_aio *aio)
{
    nng_http_res *res;
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    borrow(nng_aio_get_input(aio, 0), nng_aio_get_input(aio, 1), res);
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, NNG_EINTERNAL);
}

/* An error takes the place of the response. */
Test(exchange_borrow, failed, .timeout = 60)
{
    char *text = letters(100000);
    struct t_web web;
    struct t_http_client b;
    open_web(&web, text);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 3; i++) {
        ask(&b, "POST", "/later", BODY, text);
        fail(t_pending_queue_take(&desk));
        t_http_client_assert(&b, 500, NULL);
    }
    t_http_client_close(&b);
    t_web_close(&web);
    free(text);
}

enum end { BEFORE, RESET, STOP, TIMEOUT, NENDS };

/* The client asks for more than it reads, and the connection ends in the midst of the response, or
 * before it. The response is still pointing into the request then. */
static void end_early(enum end end, const char *text)
{
    struct t_web web;
    struct t_http_client b;
    open_web(&web, "x");
    if (end == TIMEOUT) {
        nng_http_server_stop(web.server);
        t_proc_await_fds(web.fds);
        cr_assert_eq(nng_uring_server_set_limit(web.server, NNG_URING_WRITE_TIMEOUT, 200), 0);
        t_web_start(&web);
    }
    unsigned fds = t_proc_fds();
    t_http_client_open_small(&b, web.port);
    ask(&b, "POST", "/later", BODY, text);
    nng_aio *aio = t_pending_queue_take(&desk);
    if (end == BEFORE) {
        t_http_client_reset(&b);
    }
    answer_borrowed(aio);
    if (end == RESET) {
        t_http_client_head(&b);
        t_http_client_reset(&b);
    } else if (end == STOP) {
        t_http_client_head(&b);
        nng_http_server_stop(web.server);
        cr_assert_lt(t_http_client_await_end(&b), HUGE_BODY);
        t_http_client_close(&b);
    } else if (end == TIMEOUT) {
        t_proc_await_fds(fds + 1); /* it is not read until then */
        cr_assert_lt(t_http_client_await_end(&b), HUGE_BODY);
        t_http_client_close(&b);
    }
    t_web_close(&web);
}

Test(exchange_borrow, ends_early, .timeout = 60)
{
    char *text = letters(HUGE_BODY - 1);
    for (int end = 0; end < NENDS; end++) {
        end_early(end, text);
    }
    free(text);
}
