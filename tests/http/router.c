/* SPDX-License-Identifier: MIT */
#include "http/router.h"

#include "http/handler.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void nothing(nng_aio *aio)
{
    (void) aio;
}

/* "METHOD HOST URI", where "*" stands for any method or host; a '+' behind the URI makes it a tree,
 * a '!' an exclusive one. */
static nng_http_handler *make(const char *text)
{
    char method[16], host[64], uri[64];
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
    int err = nu_router_with(*router, h, &with);
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
    unsigned status = 0;
    nng_http_handler *h = nu_router_find(router, slice(method), slice(host), path, &status);
    return h != NULL ? nng_http_handler_get_data(h) : status == 404 ? "404" : "405";
}

#define SITE(...)                                                                                  \
    static const char *const texts[] = { __VA_ARGS__ };                                            \
    struct nu_router *router = make_router(texts, sizeof texts / sizeof *texts)

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

/* Whatever was added in between. */
Test(router, head_of_the_same_uri, .timeout = 10)
{
    SITE("GET * /d", "GET * /e", "HEAD * /d", "GET host /f", "GET * /e/g", "HEAD * /f");
    assert_found("HEAD", "x", "/d", "HEAD * /d");
    assert_found("HEAD", "x", "/e", "GET * /e");
    assert_found("HEAD", "host", "/f", "HEAD * /f");
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
    cr_assert_eq(add(&router, "GET * /d/e"), NNG_EADDRINUSE);
    cr_assert_eq(add(&router, "GET * /d/e+"), NNG_EADDRINUSE);
    cr_assert_eq(add(&router, "PUT * /d/e"), 0);    /* another method's, as in NNG */
    cr_assert_eq(add(&router, "GET host /d/e"), 0); /* another host's */
    cr_assert_eq(add(&router, "GET * /de"), 0);
    cr_assert_eq(add(&router, "GET host /e/f+"), NNG_EADDRINUSE);
    cr_assert_eq(add(&router, "GET * /e/f+"), 0);
    cr_assert_eq(add(&router, "GET * /f!"), NNG_EADDRINUSE); /* one is there already */
    cr_assert_eq(add(&router, "PUT * /f!"), 0);
    cr_assert_eq(add(&router, "* * /c/d/e!"), NNG_EADDRINUSE); /* in a tree, exclusive or not */
    cr_assert_eq(add(&router, "GET host /f!"), 0);
    cr_assert_eq(add(&router, "GET * /!"), NNG_EADDRINUSE);
    cr_assert_eq(add(&router, "GET * /+"), NNG_EADDRINUSE); /* an exclusive one is in it */
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

/* ---- Allow -------------------------------------------------------------------------------- */

static const char *allow(const struct nu_router *router, const char *host, const char *path)
{
    static char list[256];
    memset(list, 'x', sizeof list);
    cr_assert_eq(nu_router_allow(router, slice(host), path, list, sizeof list), strlen(list));
    return list;
}

Test(router, allow, .timeout = 10)
{
    SITE("GET * /a", "PUT * /a", "PUT host /a", "MY-OWN host /a", "POST * /b+", "HEAD * /c",
         "GET * /c", "* * /d", "DELETE * /b/c", "OWN * /b/c/d");
    cr_assert_str_eq(allow(router, "x", "/a"), "GET, HEAD, PUT");
    cr_assert_str_eq(allow(router, "x", "/a/"), "GET, HEAD, PUT");
    cr_assert_str_eq(allow(router, "HOST:80", "/a"), "PUT, MY-OWN, GET, HEAD");
    cr_assert_str_eq(allow(router, "x", "/a/b"), "");
    cr_assert_str_eq(allow(router, "x", "/b"), "POST");
    cr_assert_str_eq(allow(router, "x", "/b/c"), "POST, DELETE");
    cr_assert_str_eq(allow(router, "x", "/b/c/d"), "POST, OWN");
    cr_assert_str_eq(allow(router, "x", "/c"), "HEAD, GET");
    cr_assert_str_eq(allow(router, "x", "/d"), "");
    cr_assert_str_eq(allow(router, "x", "/"), "");
    nu_router_free(router);
}

/* Parts of a name are other names. */
Test(router, allow_similar_names, .timeout = 10)
{
    SITE("GETS * /a", "XGET * /a", "GET-X * /a", "GET * /a", "G * /a", "GET * /+", "ET * /+");
    cr_assert_str_eq(allow(router, "x", "/a"), "GET, HEAD, ET, GETS, XGET, GET-X, G");
    nu_router_free(router);
}

Test(router, allow_leaves_out_what_does_not_fit, .timeout = 10)
{
    SITE("DELETE * /a", "GET * /a", "PUT * /a");
    const char *wants[] = { "", "", "", "", "GET", "GET", "GET", "DELETE", "DELETE" };
    char list[32];
    for (unsigned size = 0; size < sizeof wants / sizeof *wants; size++) {
        memset(list, 'x', sizeof list);
        unsigned n = nu_router_allow(router, slice("x"), "/a", list, size);
        cr_assert(size == 0 || strcmp(list, wants[size]) == 0, "%u: %s", size, list);
        cr_assert_eq(n, size == 0 ? 0 : strlen(list));
        cr_assert_eq(list[size], 'x');
    }
    cr_assert_eq(nu_router_allow(router, slice("x"), "/a", list, 22), 17);
    cr_assert_str_eq(list, "DELETE, GET, HEAD");
    cr_assert_eq(nu_router_allow(router, slice("x"), "/a", list, 23), 22);
    cr_assert_str_eq(list, "DELETE, GET, HEAD, PUT");
    nu_router_free(router);
}

Test(router, knows, .timeout = 10)
{
    SITE("GET * /a", "MY-OWN host /a/b", "* * /c", "MY-OWN * /d");
    cr_assert(nu_router_knows(router, slice("GET")));
    cr_assert(nu_router_knows(router, slice("MY-OWN")));
    cr_assert(!nu_router_knows(router, slice("MY-OW")));
    cr_assert(!nu_router_knows(router, slice("MY-OWNS")));
    cr_assert(!nu_router_knows(router, slice("my-own")));
    cr_assert(!nu_router_knows(router, slice("PUT")));
    for (int i = 0; i < 2; i++) { /* the second goes with the last handler that has it */
        struct nu_router *less;
        cr_assert(nu_router_knows(router, slice("MY-OWN")));
        cr_assert_eq(nu_router_without(router, router->v[i == 0 ? 1 : 2], &less), 0);
        nu_router_free(router);
        router = less;
    }
    cr_assert(!nu_router_knows(router, slice("MY-OWN")));
    nu_router_free(router);
}

/* ---- Against a plain search --------------------------------------------------------------- */

static struct nu_slice without_port(const char *host)
{
    struct nu_slice bare = slice(host);
    const char *colon = strrchr(host, ':');
    if (colon != NULL && strchr(colon, ']') == NULL) {
        bare.n = (size_t) (colon - host);
    }
    bare.n -= bare.n > 0 && host[bare.n - 1] == '.';
    return bare;
}

static bool matches(const nng_http_handler *h, const char *host, const char *path)
{
    size_t len = strlen(h->uri);
    if (strncmp(h->uri, path, len) != 0 || (path[len] != '\0' && path[len] != '/') ||
        !(h->tree || path[len] == '\0' || path[len + 1] == '\0')) {
        return false;
    }
    if (h->host == NULL) {
        return true;
    }
    struct nu_slice want = without_port(h->host), got = without_port(host);
    return want.n == got.n && strncasecmp(want.p, got.p, want.n) == 0;
}

/* The best of those whose method is `method` (NULL: any method at all), or NULL. */
static nng_http_handler *best(const struct nu_router *router, const char *method, const char *host,
                              const char *path, bool by_name)
{
    nng_http_handler *found = NULL;
    for (unsigned i = 0; i < router->n; i++) {
        nng_http_handler *h = router->v[i];
        if (!matches(h, host, path) || (h->method == NULL && by_name) ||
            (method != NULL && h->method != NULL && strcmp(method, h->method) != 0)) {
            continue;
        }
        if (found == NULL || strlen(h->uri) > strlen(found->uri) ||
            (strlen(h->uri) == strlen(found->uri) && h->host != NULL && found->host == NULL)) {
            found = h;
        }
    }
    return found;
}

static nng_http_handler *plain_find(const struct nu_router *router, const char *method,
                                    const char *host, const char *path, unsigned *status)
{
    nng_http_handler *found = best(router, method, host, path, false);
    if (strcmp(method, "HEAD") == 0) {
        nng_http_handler *get = best(router, "GET", host, path, true);
        if (get != NULL && (found == NULL || strlen(get->uri) > strlen(found->uri))) {
            found = get;
        }
    }
    *status = best(router, NULL, host, path, false) != NULL ? 405 : 404;
    return found;
}

static const char *pick(const char *const *from, size_t n)
{
    return from[(size_t) rand() % n];
}

#define PICK(...)                                                                                  \
    pick((const char *const[]){ __VA_ARGS__ },                                                     \
         sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

/* "", or segments that are often the same and sometimes empty. */
static void random_path(char *out, int most)
{
    int segments = rand() % (most + 1);
    out[0] = '\0';
    for (int i = 0; i < segments; i++) {
        strcat(out, "/");
        strcat(out, PICK("a", "a", "b", "ab", "A", "c", ""));
    }
}

static void random_handler(char *out)
{
    char uri[64];
    random_path(uri, 4);
    sprintf(out, "%s %s /%s%s", PICK("GET", "GET", "HEAD", "PUT", "OWN", "get", "*"),
            PICK("*", "*", "*", "host", "HOST:80", "other", "[::1]:80", "host."),
            uri[0] == '/' ? uri + 1 : uri, PICK("", "+", "+", "!"));
}

static void compare(const struct nu_router *router, const char *path)
{
    const char *method = PICK("GET", "HEAD", "PUT", "OWN", "get", "POST");
    const char *host = PICK("", "x", "host", "Host:8080", "host.", "other", "[::1]", ":80");
    unsigned status = 0, plain_status = 0;
    nng_http_handler *plain = plain_find(router, method, host, path, &plain_status);
    nng_http_handler *found = nu_router_find(router, slice(method), slice(host), path, &status);
    cr_assert_eq(found, plain, "%s %s %s: %s, not %s", method, host, path,
                 found != NULL ? (char *) nng_http_handler_get_data(found) : "none",
                 plain != NULL ? (char *) nng_http_handler_get_data(plain) : "none");
    cr_assert(found != NULL || status == plain_status);
    if (found == NULL) { /* what is not allowed is not listed, and the other way round */
        char list[256], *save;
        bool any = false;
        nu_router_allow(router, slice(host), path, list, sizeof list);
        for (char *one = strtok_r(list, ", ", &save); one != NULL; any = true) {
            cr_assert_str_neq(one, method);
            cr_assert_not_null(plain_find(router, one, host, path, &status), "%s", one);
            one = strtok_r(NULL, ", ", &save);
        }
        cr_assert_eq(any, plain_status == 405);
    }
}

Test(router, finds_what_a_plain_search_finds, .timeout = 60)
{
    static char texts[64][128];
    srand(1);
    for (int round = 0; round < 300; round++) {
        struct nu_router *router = nu_router_new();
        int n = 1 + rand() % 64;
        for (int i = 0; i < n; i++) {
            random_handler(texts[i]);
            add(&router, texts[i]); /* it may be in conflict with one that is there */
        }
        while (router->n > 0 && rand() % 4 != 0) {
            struct nu_router *less;
            cr_assert_eq(nu_router_without(router, router->v[(unsigned) rand() % router->n], &less),
                         0);
            nu_router_free(router);
            router = less;
        }
        for (int i = 0; i < 300; i++) {
            char path[64];
            random_path(path, 6);
            compare(router, path);
        }
        nu_router_free(router);
    }
}

/* ---- Large -------------------------------------------------------------------------------- */

Test(router, deep_paths, .timeout = 60)
{
    static char path[8193], uri[8193 + 16], text[8193 + 32];
    SITE("GET * /+", "PUT * /a/a+", "POST * /a/a/b");
    for (size_t n = 2; n <= 8192; n += 2) {
        memcpy(path + n - 2, "/a", 3);
        compare(router, path);
    }
    assert_found("GET", "x", path, "GET * /+");
    assert_found("PUT", "x", path, "PUT * /a/a+");
    assert_found("POST", "x", path, "405");
    memset(path + 1, 'a', 8191); /* one long segment */
    assert_found("GET", "x", path, "GET * /+");
    memset(path, '/', 8192);
    assert_found("GET", "x", path, "GET * /+");
    assert_found("PUT", "x", path, "405");

    /* A URI as long as the path. */
    nng_http_handler *h;
    struct nu_router *with;
    for (size_t n = 0; n < 8192; n += 2) {
        memcpy(uri + n, "/a", 3);
    }
    cr_assert_eq(nng_http_handler_alloc(&h, uri, nothing), 0);
    cr_assert_eq(nu_router_with(router, h, &with), 0);
    unsigned status;
    cr_assert_eq(nu_router_find(with, slice("GET"), slice("x"), uri, &status), h);
    memcpy(text, uri, sizeof uri);
    strcat(text, "/");
    cr_assert_eq(nu_router_find(with, slice("GET"), slice("x"), text, &status), h);
    strcat(text, "/");
    cr_assert_neq(nu_router_find(with, slice("GET"), slice("x"), text, &status), h);
    memcpy(text, uri, sizeof uri);
    text[8191] = 'b';
    cr_assert_eq(nu_router_find(with, slice("GET"), slice("x"), text, &status), router->v[0]);
    nng_http_handler_free(h);
    nu_router_free(with);
    nu_router_free(router);
}
