/* SPDX-License-Identifier: MIT */
/* Redirect handlers. */
#include "support/web.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

TestSuite(answer_redirect, .timeout = 60);

static nng_http_handler *add(struct t_web *web, const char *uri, uint16_t status,
                             const char *location, bool tree)
{
    nng_http_handler *h;
    cr_assert_eq(nng_http_handler_alloc_redirect(&h, uri, status, location), 0);
    if (tree) {
        cr_assert_eq(nng_http_handler_set_tree(h), 0);
    }
    t_web_add(web, h);
    return h;
}

static void open_site(struct t_web *web)
{
    t_web_open(web);
    t_web_static(web, "/", "home");
    add(web, "/one", 0, "http://new.example/1", false);
    add(web, "/tree", 308, "http://new.example", true);
    add(web, "/deep/er", 307, "/else/where", true);
    t_web_start(web);
}

static void assert_location(struct t_http_client *b, unsigned status, const char *location)
{
    char line[512];
    t_http_client_assert(b, status, NULL);
    snprintf(line, sizeof line, "Location: %s", location);
    cr_assert(t_http_client_line(b, line), "not %s but %s", location, b->head);
    cr_assert_not(t_http_client_line(b, "Connection: close"));
}

Test(answer_redirect, refused)
{
    static const char *const locations[] = { "/a\rb", "/a\nb", "/\r\nX: y", "/\x7f", "/\x01" };
    nng_http_handler *h;
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(nng_http_handler_alloc_redirect(&h, "/", 0, locations[i]), NNG_EINVAL);
    }
    cr_assert_eq(nng_http_handler_alloc_redirect(&h, "/", 0, NULL), NNG_EINVAL);
    cr_assert_eq(nng_http_handler_alloc_redirect(&h, "/", 299, "/"), NNG_EINVAL);
    cr_assert_eq(nng_http_handler_alloc_redirect(&h, "/", 400, "/"), NNG_EINVAL);
    cr_assert_eq(nng_http_handler_alloc_redirect(&h, "/", 1, "/"), NNG_EINVAL);
}

Test(answer_redirect, statuses)
{
    static const uint16_t statuses[] = { 0, 301, 302, 303, 307, 308 };
    struct t_web web;
    struct t_http_client b;
    char uri[8];
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 6; i++) {
        snprintf(uri, sizeof uri, "/s%d", i);
        add(&web, uri, statuses[i], "/new", false);
        t_http_client_get(&b, uri);
        assert_location(&b, statuses[i] != 0 ? statuses[i] : 301, "/new");
        cr_assert(t_http_client_line(&b, "Content-Type: text/html; charset=utf-8"));
    }
    t_http_client_close(&b);
    t_web_close(&web);
}

/* What the request has beyond the handler's URI is kept, however that was spelled. */
Test(answer_redirect, locations)
{
    static const struct {
        const char *target, *location;
    } cases[] = {
        { "/one", "http://new.example/1" },
        { "/one/", "http://new.example/1" }, /* no tree: the same path */
        { "/one?a=b&c", "http://new.example/1?a=b&c" },
        { "/one?", "http://new.example/1?" },
        { "/o%6Ee?a%20b", "http://new.example/1?a%20b" },
        { "//one?a", "http://new.example/1?a" },
        { "/x/../one?a", "http://new.example/1?a" },
        { "/one?http://x/../one", "http://new.example/1?http://x/../one" },
        { "http://h/one?a", "http://new.example/1?a" },
        { "http://h:1/%6fne?a", "http://new.example/1?a" },
        { "/tree", "http://new.example" },
        { "/tree?a", "http://new.example?a" },
        { "/tree/", "http://new.example/" },
        { "/tree/a/b/?c", "http://new.example/a/b/?c" },
        { "/tree/a%20b%3fc%25d?e%20", "http://new.example/a%20b%3Fc%25d?e%20" },
        { "/tree/a%0d%0aX:y%ff%22%3C", "http://new.example/a%0D%0AX:y%FF%22%3C" },
        { "/tree/~a-b._c;d=e,f+g!h$i&j'(k)*@l:m",
          "http://new.example/~a-b._c;d=e,f+g!h$i&j'(k)*@l:m" },
        { "/%74ree/a", "http://new.example/a" },
        { "/./tree//a", "http://new.example/a" },
        { "/tree/x/../a/", "http://new.example/a/" },
        { "/tree@evil.example/../tree/a", "http://new.example/a" },
        { "/tree.evil.example/../tree", "http://new.example" },
        { "http://h/tree:80/../tree/a", "http://new.example/a" },
        { "/tree//evil.example/a", "http://new.example/evil.example/a" },
        { "/deep/er/a?b", "/else/where/a?b" },
        { "/deep/%65r/a?b", "/else/where/a?b" },
    };
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        t_http_client_get(&b, cases[i].target);
        unsigned status = strstr(cases[i].location, "/1") != NULL      ? 301
                          : strstr(cases[i].location, "where") != NULL ? 307
                                                                       : 308;
        assert_location(&b, status, cases[i].location);
    }
    t_http_client_get(&b, "/treeful");
    t_http_client_assert(&b, 404, NULL);
    t_http_client_close(&b);
    t_web_close(&web);
}

/* Heads that the server remembers, each with a field of its own: whatever order they come in, the
 * path and the query that go into an answer are those of its own request. */
Test(answer_redirect, heads_that_come_again)
{
    static const struct {
        const char *target, *location; /* NULL: the page at "/" */
    } cases[] = {
        { "/tree/long/path?with=a&long=query", "http://new.example/long/path?with=a&long=query" },
        { "/?q", NULL },
        { "/tree/b?c", "http://new.example/b?c" },
        { "/tree", "http://new.example" },
        { "/?another=query", NULL },
    };
    const size_t n = sizeof cases / sizeof *cases;
    struct t_web web;
    struct t_http_client b;
    char text[256];
    open_site(&web);
    t_http_client_open(&b, web.port);
    for (size_t i = 0; i < 5 * n * n; i++) {
        size_t k = (i / (2 * n) + 1) * i % n; /* in other steps each time, and some twice in turn */
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\nX: %zu\r\n\r\n", cases[k].target,
                 k);
        t_http_client_say(&b, text);
        if (cases[k].location == NULL) {
            t_http_client_assert(&b, 200, "home");
        } else {
            assert_location(&b, 308, cases[k].location);
        }
    }
    t_http_client_close(&b);
    t_web_close(&web);
}

/* A tree of everything. */
Test(answer_redirect, of_the_root)
{
    struct t_web web;
    struct t_http_client b;
    t_web_open(&web);
    add(&web, "/", 302, "https://new.example", true);
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/");
    assert_location(&b, 302, "https://new.example/");
    t_http_client_get(&b, "/a/b?c");
    assert_location(&b, 302, "https://new.example/a/b?c");
    t_http_client_get(&b, "/?c");
    assert_location(&b, 302, "https://new.example/?c");
    t_http_client_get(&b, "http://h?c");
    assert_location(&b, 302, "https://new.example/?c");
    t_http_client_get(&b, "//evil.example/a");
    assert_location(&b, 302, "https://new.example/evil.example/a");
    t_http_client_close(&b);
    t_web_close(&web);
}

/* A redirection to somewhere on this server does not become one to elsewhere. */
Test(answer_redirect, to_nothing_but_the_path)
{
    struct t_web web;
    struct t_http_client b;
    t_web_open(&web);
    add(&web, "/old", 302, "", true);
    add(&web, "/older", 302, "/", true);
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/old/a");
    assert_location(&b, 302, "/a");
    t_http_client_get(&b, "/old//evil.example/a");
    assert_location(&b, 302, "/evil.example/a");
    t_http_client_get(&b, "/older/evil.example/a");
    assert_location(&b, 302, "/evil.example/a");
    t_http_client_get(&b, "/older?a");
    assert_location(&b, 302, "/?a");
    t_http_client_close(&b);
    t_web_close(&web);
}

static atomic_int calls;

static void count_call(nng_aio *aio)
{
    atomic_fetch_add(&calls, 1);
    t_answer(aio, "", 0);
}

/* For all methods, and with bodies that are thrown away. */
Test(answer_redirect, methods_and_bodies)
{
    static const char *const methods[] = { "GET",   "POST",    "PUT",   "DELETE",
                                           "PATCH", "OPTIONS", "TRACE", "FROBNICATE" };
    struct t_web web;
    struct t_http_client b;
    char text[256];
    open_site(&web);
    t_web_callback(&web, "/count", count_call);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 8; i++) {
        snprintf(text, sizeof text, "%s /one HTTP/1.1\r\nHost: x\r\n\r\n", methods[i]);
        t_http_client_say(&b, text);
        assert_location(&b, 301, "http://new.example/1");
        snprintf(text, sizeof text,
                 "%s /one HTTP/1.1\r\nHost: x\r\nContent-Length: 34\r\n\r\n"
                 "POST /count HTTP/1.1\r\nHost: x\r\n\r\n ",
                 methods[i]);
        t_http_client_say(&b, text);
        assert_location(&b, 301, "http://new.example/1");
        snprintf(text, sizeof text,
                 "%s /one HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "22\r\nPOST /count HTTP/1.1\r\nHost: x\r\n\r\n \r\n0\r\n\r\n",
                 methods[i]);
        t_http_client_say(&b, text);
        t_http_client_get(&b, "/");
        assert_location(&b, 301, "http://new.example/1");
        t_http_client_assert(&b, 200, "home");
    }
    t_http_client_say(&b, "HEAD /one HTTP/1.1\r\nHost: x\r\n\r\n");
    t_http_client_get(&b, "/");
    t_http_client_head(&b);
    cr_assert_eq(b.status, 301);
    t_http_client_assert(&b, 200, "home");
    cr_assert_eq(atomic_load(&calls), 0);
    t_http_client_close(&b);
    t_web_close(&web);
}

Test(answer_redirect, one_method)
{
    struct t_web web;
    nng_http_handler *h;
    struct t_http_client b;
    open_site(&web);
    cr_assert_eq(nng_http_handler_alloc_redirect(&h, "/put", 303, "/done"), 0);
    cr_assert_eq(nng_http_handler_set_method(h, "PUT"), 0);
    t_web_add(&web, h);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, "PUT /put HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
    assert_location(&b, 303, "/done");
    t_http_client_get(&b, "/put");
    t_http_client_assert(&b, 405, NULL);
    t_http_client_close(&b);
    t_web_close(&web);
}
