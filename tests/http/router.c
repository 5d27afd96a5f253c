#include "http/router.h"

#include "http/handler.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void nothing(nng_aio *aio)
{
    (void) aio;
}

/* "METHOD HOST URI", where "*" stands for any method or host; a '+' behind the URI makes it a tree,
 * a '!' an exclusive one. */
static nng_http_handler *make(const char *text)
{
    char              method[16], host[64], uri[64];
    nng_http_handler *h;
    cr_assert_eq(sscanf(text, "%15s %63s %63s", method, host, uri), 3);
    char *last = uri + strlen(uri) - 1, mark = *last;
    if (mark == '+' || mark == '!') {
        *last = '\0';
    }
    cr_assert_eq(nng_http_handler_alloc(&h, uri, nothing), 0);
    cr_assert_eq(nng_http_handler_set_method(h, strcmp(method, "*") != 0 ? method : NULL), 0);
    cr_assert_eq(nng_http_handler_set_host(h, strcmp(host, "*") != 0 ? host : ""), 0);
    if (mark == '+') {
        cr_assert_eq(nng_http_handler_set_tree(h), 0);
    } else if (mark == '!') {
        cr_assert_eq(nng_http_handler_set_tree_exclusive(h), 0);
    }
    cr_assert_eq(nng_http_handler_set_data(h, (void *) (uintptr_t) text, NULL), 0);
    return h;
}

static int add(struct nu_router **router, const char *text)
{
    nng_http_handler *h = make(text);
    struct nu_router *with;
    int               err = nu_router_with(*router, h, &with);
    nng_http_handler_free(h); /* the router holds it */
    if (err == 0) {
        nu_router_free(*router);
        *router = with;
    }
    return err;
}

static struct nu_router *make_router(const char *const *texts, size_t n)
{
    struct nu_router *router = nu_router_new();
    cr_assert_not_null(router);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(add(&router, texts[i]), 0, "%s", texts[i]);
    }
    return router;
}

static struct nu_slice slice(const char *text)
{
    return (struct nu_slice){ text, strlen(text) };
}

/* What make() was given for the handler that answers; or "404" or "405". */
static const char *find(const struct nu_router *router, const char *method, const char *host,
                        const char *path)
{
    unsigned          status = 0;
    nng_http_handler *h      = nu_router_find(router, slice(method), slice(host), path, &status);
    return h != NULL ? nng_http_handler_get_data(h) : status == 404 ? "404" : "405";
}

#define SITE(...)                                                                                  \
    static const char *const texts[] = { __VA_ARGS__ };                                            \
    struct nu_router        *router  = make_router(texts, sizeof texts / sizeof *texts)

#define assert_found(method, host, path, want)                                                     \
    cr_assert_str_eq(find(router, method, host, path), want, "%s %s %s", method, host, path)

Test(router, empty, .timeout = 10)
{
    struct nu_router *router = nu_router_new();
    assert_found("GET", "x", "/", "404");
    nu_router_free(router);
    nu_router_free(NULL);
}

Test(router, longest_path_first, .timeout = 10)
{
    SITE("GET * /+", "GET * /a/b+", "GET * /a+", "GET * /a/b/c", "GET * /ab");
    assert_found("GET", "x", "/", "GET * /+");
    assert_found("GET", "x", "/b", "GET * /+");
    assert_found("GET", "x", "/a", "GET * /a+");
    assert_found("GET", "x", "/a/", "GET * /a+");
    assert_found("GET", "x", "/a/c", "GET * /a+");
    assert_found("GET", "x", "/a/bc", "GET * /a+");
    assert_found("GET", "x", "/a/b", "GET * /a/b+");
    assert_found("GET", "x", "/a/b/", "GET * /a/b+");
    assert_found("GET", "x", "/a/b/c", "GET * /a/b/c");
    assert_found("GET", "x", "/a/b/c/", "GET * /a/b/c");
    assert_found("GET", "x", "/a/b/c/d", "GET * /a/b+");
    assert_found("GET", "x", "/ab", "GET * /ab");
    assert_found("GET", "x", "/abc", "GET * /+");
    assert_found("GET", "x", "/A", "GET * /+");
    nu_router_free(router);
}

Test(router, no_tree, .timeout = 10)
{
    SITE("GET * /", "GET * /x/");
    assert_found("GET", "", "/", "GET * /");
    assert_found("GET", "", "/x", "GET * /x/");
    assert_found("GET", "", "/x/", "GET * /x/");
    assert_found("GET", "", "/x/y", "404");
    assert_found("GET", "", "/y", "404");
    nu_router_free(router);
}

Test(router, host_over_none, .timeout = 10)
{
    SITE("GET * /", "GET Example.org /", "GET [::1] /", "GET with.port:80 /", "GET * /long",
         "GET example.org /short+");
    assert_found("GET", "example.org", "/", "GET Example.org /");
    assert_found("GET", "EXAMPLE.ORG:8080", "/", "GET Example.org /");
    assert_found("GET", "example.org.", "/", "GET Example.org /");
    assert_found("GET", "example.org.:80", "/", "GET Example.org /");
    assert_found("GET", "example.or", "/", "GET * /");
    assert_found("GET", "www.example.org", "/", "GET * /");
    assert_found("GET", "", "/", "GET * /");
    assert_found("GET", "[::1]", "/", "GET [::1] /");
    assert_found("GET", "[::1]:80", "/", "GET [::1] /");
    assert_found("GET", "[::2]", "/", "GET * /");
    assert_found("GET", "with.port", "/", "GET with.port:80 /");
    assert_found("GET", "with.port:81", "/", "GET with.port:80 /");
    assert_found("GET", "example.org", "/long", "GET * /long");
    assert_found("GET", "example.org", "/short/x", "GET example.org /short+");
    assert_found("GET", "x", "/short/x", "404");
    nu_router_free(router);
}

Test(router, methods, .timeout = 10)
{
    SITE("GET * /a", "PUT * /a", "* * /b", "POST * /c", "* * /c+", "PUT * /", "GET host /d");
    assert_found("GET", "x", "/a", "GET * /a");
    assert_found("PUT", "x", "/a", "PUT * /a");
    assert_found("POST", "x", "/a", "405");
    assert_found("get", "x", "/a", "405");
    assert_found("GE", "x", "/a", "405");
    assert_found("DELETE", "x", "/b", "* * /b");
    assert_found("HEAD", "x", "/b", "* * /b");
    assert_found("POST", "x", "/c", "POST * /c");
    assert_found("POST", "x", "/c/d", "* * /c+");
    assert_found("GET", "x", "/", "405");
    assert_found("PUT", "x", "/d", "404");
    assert_found("PUT", "host", "/d", "405");
    assert_found("PUT", "x", "/e", "404");
    nu_router_free(router);
}

/* HEAD goes to the GET handler of the very path, but to one for HEAD if it is there. */
Test(router, head, .timeout = 10)
{
    SITE("GET * /a", "HEAD * /+", "GET * /b", "HEAD * /b", "PUT * /c", "GET host /d", "GET * /d");
    assert_found("HEAD", "x", "/a", "GET * /a");
    assert_found("HEAD", "x", "/b", "HEAD * /b");
    assert_found("HEAD", "x", "/c", "HEAD * /+");
    assert_found("HEAD", "x", "/", "HEAD * /+");
    assert_found("HEAD", "host", "/d", "GET host /d");
    assert_found("HEAD", "x", "/d", "GET * /d");
    assert_found("GET", "x", "/", "405");
    nu_router_free(router);
}

Test(router, conflicts, .timeout = 10)
{
    SITE("GET * /a", "GET host /b", "* * /c+", "GET * /d!", "GET host /e!", "GET * /f/g");
    cr_assert_eq(add(&router, "GET * /a"), NNG_EADDRINUSE);
    cr_assert_eq(add(&router, "GET * /a/"), NNG_EADDRINUSE);
    cr_assert_eq(add(&router, "GET * /a+"), NNG_EADDRINUSE);
    cr_assert_eq(add(&router, "PUT * /a"), 0);
    cr_assert_eq(add(&router, "GET HOST /b"), NNG_EADDRINUSE);
    cr_assert_eq(add(&router, "GET * /b"), 0);
    cr_assert_eq(add(&router, "* * /c"), NNG_EADDRINUSE);
    cr_assert_eq(add(&router, "GET * /c"), 0);
    cr_assert_eq(add(&router, "* * /c/d+"), 0);
    cr_assert_eq(add(&router, "PUT * /d"), NNG_EADDRINUSE);
    cr_assert_eq(add(&router, "PUT * /d/e"), NNG_EADDRINUSE);
    cr_assert_eq(add(&router, "PUT host /d/e"), 0); /* another host's */
    cr_assert_eq(add(&router, "GET * /de"), 0);
    cr_assert_eq(add(&router, "GET host /e/f+"), NNG_EADDRINUSE);
    cr_assert_eq(add(&router, "GET * /e/f+"), 0);
    cr_assert_eq(add(&router, "PUT * /f!"), NNG_EADDRINUSE); /* one is there already */
    cr_assert_eq(add(&router, "GET host /f!"), 0);
    cr_assert_eq(add(&router, "GET * /!"), NNG_EADDRINUSE);
    cr_assert_eq(add(&router, "GET * /+"), 0);
    nu_router_free(router);
}

Test(router, without, .timeout = 10)
{
    SITE("GET * /a", "GET * /b");
    nng_http_handler *a = router->v[0], *other = make("GET * /a");
    struct nu_router *less, *none;
    cr_assert_eq(nu_router_without(router, other, &less), NNG_ENOENT);
    cr_assert_eq(nu_router_without(router, a, &less), 0);
    cr_assert_eq(less->n, 1);
    cr_assert_eq(router->n, 2); /* as it was */
    cr_assert_eq(nu_router_without(less, a, &none), NNG_ENOENT);
    cr_assert_eq(nu_router_without(less, less->v[0], &none), 0);
    cr_assert_eq(none->n, 0);
    cr_assert_eq(nu_router_without(none, a, &less), NNG_ENOENT);
    nng_http_handler_free(other);
    nu_router_free(router);
    nu_router_free(less);
    nu_router_free(none);
}

/* The first that was added, where nothing else decides. */
Test(router, first_added, .timeout = 10)
{
    SITE("* * /a", "GET * /a", "* host /b", "GET host /b");
    assert_found("GET", "x", "/a", "* * /a");
    assert_found("GET", "host", "/b", "* host /b");
    nu_router_free(router);
}
