/* SPDX-License-Identifier: MIT */
/* OPTIONS (RFC 9110 9.3.7): what the server can do, and what can be done with a path. */
#include "support/web.h"

#include <criterion/criterion.h>

TestSuite(options, .timeout = 60);

static void answer(nng_aio *aio)
{
    t_answer(aio, "mine", 4);
}

static void open_server(struct t_web *web)
{
    nng_http_handler *handler;
    t_web_open(web);
    t_web_static(web, "/", "home");
    cr_assert_eq(nng_http_handler_alloc(&handler, "/form", answer), 0);
    cr_assert_eq(nng_http_handler_set_method(handler, "POST"), 0);
    t_web_add(web, handler);
    cr_assert_eq(nng_http_handler_alloc(&handler, "/own", answer), 0);
    cr_assert_eq(nng_http_handler_set_method(handler, "OPTIONS"), 0);
    t_web_add(web, handler);
    t_web_callback(web, "/any", answer);
    t_web_start(web);
}

Test(options, of_a_path_and_of_the_server)
{
    static const struct {
        const char *request;
        unsigned status;
        const char *allow; /* NULL: a handler answers, or nobody */
    } table[] = {
        { "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 204, "Allow: GET, HEAD, POST, OPTIONS" },
        { "OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n", 204, "Allow: GET, HEAD, OPTIONS" },
        { "OPTIONS /form HTTP/1.1\r\nHost: x\r\n\r\n", 204, "Allow: POST, OPTIONS" },
        { "OPTIONS /any HTTP/1.1\r\nHost: x\r\n\r\n", 200, NULL },
        { "OPTIONS /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404, NULL },
        { "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Allow: GET, HEAD, OPTIONS" },
        { "DELETE /own HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Allow: OPTIONS" },
        { "DELETE /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404, NULL },
        { "OPTIONS / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", 204,
          "Allow: GET, HEAD, OPTIONS" },
    };
    struct t_web web;
    struct t_http_client b;
    open_server(&web);
    t_http_client_open(&b, web.port);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) { /* on one connection */
        t_http_client_say(&b, table[i].request);
        if (table[i].status == 204) {
            t_http_client_head(&b);
            cr_assert_eq(b.status, 204, "%s", table[i].request);
        } else {
            t_http_client_assert(&b, table[i].status, NULL);
        }
        cr_assert(table[i].allow == NULL || t_http_client_line(&b, table[i].allow), "%s\n%s",
                  table[i].request, b.head);
    }
    t_http_client_close(&b);
    t_web_close(&web);
}

/* What HAProxy asks for unless told otherwise. */
Test(options, http_1_0)
{
    struct t_web web;
    struct t_http_client b;
    open_server(&web);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, "OPTIONS / HTTP/1.0\r\n\r\n");
    t_http_client_head(&b);
    cr_assert_eq(b.status, 204);
    cr_assert(t_http_client_line(&b, "Allow: GET, HEAD, OPTIONS"));
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    t_web_close(&web);
}
