/* SPDX-License-Identifier: MIT */
#include "http/handler.h"

#include "support/proc.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static int destroyed;

static void destroy(void *data)
{
    cr_assert_eq(data, &destroyed);
    destroyed++;
}

static void nothing(nng_aio *aio)
{
    nng_aio_finish(aio, NNG_EINTERNAL);
}

Test(handler, refused, .timeout = 10)
{
    nng_http_handler *h;
    cr_assert_eq(nng_http_handler_alloc_static(&h, "/", NULL, 1, NULL), NNG_EINVAL);
    cr_assert_eq(nng_http_handler_alloc_file(&h, "/", NULL), NNG_EINVAL);
    cr_assert_eq(nng_http_handler_alloc_file(&h, "/", ""), NNG_EINVAL);
    cr_assert_eq(nng_http_handler_alloc_directory(&h, "/", ""), NNG_EINVAL);
    nng_http_handler_free(NULL);
}

/* What NNG makes of anything, and refuses when it is added. */
Test(handler, refused_when_added, .timeout = 60)
{
    struct t_web web;
    nng_http_handler *h[6];
    t_web_open(&web);
    cr_assert_eq(nng_http_handler_alloc(&h[0], "/", NULL), 0);
    cr_assert_eq(nng_http_handler_alloc(&h[1], "x", nothing), 0);
    cr_assert_eq(nng_http_handler_alloc_static(&h[2], "x", "", 0, NULL), 0);
    cr_assert_eq(nng_http_handler_alloc_directory(&h[3], "x", "/"), 0);
    cr_assert_eq(nng_http_handler_alloc_file(&h[4], "x/", "/"), 0);
    cr_assert_eq(nng_http_handler_alloc_redirect(&h[5], "*", 0, "/"), 0);
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(nng_http_server_add_handler(web.server, h[i]), NNG_EINVAL, "%d", i);
        nng_http_handler_free(h[i]);
    }
    cr_assert_eq(nng_http_handler_alloc(&h[0], NULL, nothing), 0); /* it is "/" */
    t_web_add(&web, h[0]);
    t_web_start(&web);
    t_web_assert(&web, "/", 500, NULL);
    t_web_close(&web);
}

/* The server is running and the handler added: the next request sees it. */
Test(handler, collect_body_when_added, .timeout = 60)
{
    static const char request[] = "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";
    struct t_web web;
    struct t_http_client b;
    nng_http_handler *h;
    t_web_open(&web);
    cr_assert_eq(nng_http_handler_alloc(&h, "/x", nothing), 0);
    cr_assert_eq(nng_http_handler_set_method(h, "POST"), 0);
    t_web_add(&web, h);
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    for (int round = 0; round < 3; round++) {
        static const unsigned status[] = { 500, 413, 500 }; /* 500: it was called */
        cr_assert_eq(nng_http_handler_collect_body(h, true, round == 1 ? 3 : 4), 0);
        t_http_client_say(&b, request);
        t_http_client_assert(&b, status[round], NULL);
        if (round == 1) {
            t_http_client_close(&b);
            t_http_client_open(&b, web.port);
        }
    }
    t_http_client_close(&b);
    t_web_close(&web);
}

/* A content type that would add a header line, or end the head. */
Test(handler, content_type, .timeout = 10)
{
    static const char *const bad[] = {
        "text/plain\r\nX: y", "a\nb", "a\rb", "a\tb", "\x7f", "a\x01"
    };
    nng_http_handler *h;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(nng_http_handler_alloc_static(&h, "/", "x", 1, bad[i]), NNG_EINVAL);
    }
    cr_assert_eq(nng_http_handler_alloc_static(&h, "/", NULL, 0, "text/html; charset=utf-8"), 0);
    nng_http_handler_free(h);
}

/* What was passed in may go. */
Test(handler, copies, .timeout = 60)
{
    struct t_web web;
    nng_http_handler *h;
    char uri[] = "/x", text[] = "text", type[] = "text/x", method[] = "GET";
    t_web_open(&web);
    cr_assert_eq(nng_http_handler_alloc_static(&h, uri, text, 4, type), 0);
    cr_assert_eq(nng_http_handler_set_method(h, method), 0);
    memset(uri, '?', 2);
    memset(text, '?', 4);
    memset(type, '?', 6);
    memset(method, '?', 3);
    t_web_add(&web, h);
    t_web_start(&web);
    t_web_assert(&web, "/x", 200, "text");
    t_web_close(&web);
}

Test(handler, setters_when_added, .timeout = 60)
{
    struct t_web web;
    nng_http_handler *h;
    t_web_open(&web);
    cr_assert_eq(nng_http_handler_alloc(&h, "/", nothing), 0);
    cr_assert_null(nng_http_handler_get_data(h));
    for (int added = 0; added < 3; added++) {
        int err = added > 0 ? NNG_EBUSY : 0; /* for good: a loop may still look at it */
        cr_assert_eq(nng_http_handler_set_method(h, "PUT"), err);
        cr_assert_eq(nng_http_handler_set_host(h, "x"), err);
        cr_assert_eq(nng_http_handler_set_tree(h), err);
        cr_assert_eq(nng_http_handler_set_tree_exclusive(h), err);
        cr_assert_eq(nng_http_handler_collect_body(h, true, 1), 0);
        cr_assert_eq(nng_http_handler_set_data(h, &destroyed, destroy), err);
        cr_assert_eq(nng_http_handler_get_data(h), &destroyed);
        if (added == 0) {
            t_web_add(&web, h);
        } else if (added == 1) {
            cr_assert_eq(nng_http_server_del_handler(web.server, h), 0);
        }
    }
    t_web_close(&web);
    cr_assert_eq(destroyed, 0);
    nng_http_handler_free(h);
    nng_fini(); /* until then a loop may still look at it */
    cr_assert_eq(destroyed, 1);
}

/* A handler serves in one place; taken out, it may go to another. */
Test(handler, one_server_at_a_time, .timeout = 60)
{
    struct t_web web;
    nng_url *url;
    nng_http_server *other;
    nng_http_handler *h;
    t_web_open(&web);
    cr_assert_eq(nng_url_parse(&url, "http://127.0.0.2:0"), 0);
    cr_assert_eq(nng_http_server_hold(&other, url), 0);
    nng_url_free(url);
    cr_assert_eq(nng_http_handler_alloc(&h, "/", nothing), 0);
    t_web_add(&web, h);
    cr_assert_eq(nng_http_server_add_handler(other, h), NNG_EBUSY);
    cr_assert_eq(nng_http_server_del_handler(other, h), NNG_ENOENT);
    cr_assert_eq(nng_http_server_del_handler(web.server, h), 0);
    cr_assert_eq(nng_http_server_add_handler(other, h), 0);
    nng_http_server_release(other);
    t_web_close(&web);
}

Test(handler, goes_with_the_server, .timeout = 60)
{
    struct t_web web;
    nng_http_handler *h[4];
    t_web_open(&web);
    for (int i = 0; i < 4; i++) {
        char uri[] = "/0";
        uri[1] = (char) ('0' + i);
        cr_assert_eq(nng_http_handler_alloc(&h[i], uri, nothing), 0);
        cr_assert_eq(nng_http_handler_set_data(h[i], &destroyed, destroy), 0);
        t_web_add(&web, h[i]);
    }
    t_web_start(&web);
    cr_assert_eq(nng_http_server_add_handler(web.server, h[0]), NNG_EADDRINUSE);
    cr_assert_eq(nng_http_server_del_handler(web.server, h[1]), 0);
    nng_http_handler_free(h[1]);
    t_web_assert(&web, "/0", 500, NULL);
    t_web_assert(&web, "/1", 404, NULL);
    t_web_close(&web);
    nng_fini();
    cr_assert_eq(destroyed, 4);
}

static void free_it(void *data)
{
    free(data);
}

Test(handler, data_may_be_freed_by_its_owner, .timeout = 10)
{
    nng_http_handler *h;
    cr_assert_eq(nng_http_handler_alloc(&h, "", nothing), 0);
    cr_assert_eq(nng_http_handler_set_data(h, malloc(10), free_it), 0);
    nng_http_handler_free(h);
}
