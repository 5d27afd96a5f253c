#include "http/router.h"

#include "http/handler.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct nu_router *nu_router_new(void)
{
    return calloc(1, sizeof(struct nu_router));
}

void nu_router_free(struct nu_router *router)
{
    for (unsigned i = 0; router != NULL && i < router->n; i++) {
        nu_handler_drop(router->v[i]);
    }
    free(router);
}

/* ---- Making ------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcasecmp(a, b) == 0);
}

/* Whether `path` is uri itself or lies below it; one trailing '/' of `path` does not count. */
static bool below(const char *uri, const char *path, bool tree)
{
    size_t len = strlen(uri);
    if (strncmp(uri, path, len) != 0 || (path[len] != '\0' && path[len] != '/')) {
        return false;
    }
    return tree || path[len] == '\0' || path[len + 1] == '\0';
}

static bool conflict(const nng_http_handler *a, const nng_http_handler *b)
{
    if (!same_text(a->host, b->host)) {
        return false;
    }
    if (strcmp(a->uri, b->uri) == 0 && same_text(a->method, b->method)) {
        return true;
    }
    return (a->exclusive && below(a->uri, b->uri, true)) ||
           (b->exclusive && below(b->uri, a->uri, true));
}

static bool before(const nng_http_handler *a, const nng_http_handler *b)
{
    size_t la = strlen(a->uri), lb = strlen(b->uri);
    return la != lb ? la > lb : a->host != NULL && b->host == NULL;
}

static struct nu_router *sized(unsigned n)
{
    struct nu_router *router = malloc(sizeof *router + n * sizeof(nng_http_handler *));
    if (router != NULL) {
        router->n = 0;
    }
    return router;
}

static void append(struct nu_router *router, nng_http_handler *handler)
{
    nu_handler_hold(handler);
    router->v[router->n++] = handler;
}

int nu_router_with(const struct nu_router *router, nng_http_handler *handler,
                   struct nu_router **out)
{
    for (unsigned i = 0; i < router->n; i++) {
        if (conflict(handler, router->v[i])) {
            return NNG_EADDRINUSE;
        }
    }
    struct nu_router *to = sized(router->n + 1);
    if (to == NULL) {
        return NNG_ENOMEM;
    }
    unsigned i = 0;
    for (; i < router->n && !before(handler, router->v[i]); i++) {
        append(to, router->v[i]);
    }
    append(to, handler);
    for (; i < router->n; i++) {
        append(to, router->v[i]);
    }
    *out = to;
    return 0;
}

int nu_router_without(const struct nu_router *router, const nng_http_handler *handler,
                      struct nu_router **out)
{
    struct nu_router *to = sized(router->n);
    if (to == NULL) {
        return NNG_ENOMEM;
    }
    for (unsigned i = 0; i < router->n; i++) {
        if (router->v[i] != handler) {
            append(to, router->v[i]);
        }
    }
    if (to->n == router->n) {
        nu_router_free(to);
        return NNG_ENOENT;
    }
    *out = to;
    return 0;
}

/* ---- Finding ------------------------------------------------------------------------------ */

static bool is(struct nu_slice slice, const char *text)
{
    return slice.n == strlen(text) && memcmp(slice.p, text, slice.n) == 0;
}

/* "Name:80" and "[::1]:80" without their port, and without a name's trailing dot. */
static struct nu_slice bare_host(struct nu_slice host)
{
    const char *colon = memrchr(host.p, ':', host.n);
    if (colon != NULL && memchr(colon, ']', host.n - (size_t) (colon - host.p)) == NULL) {
        host.n = (size_t) (colon - host.p);
    }
    if (host.n > 0 && host.p[host.n - 1] == '.') {
        host.n--;
    }
    return host;
}

static bool host_matches(const nng_http_handler *handler, struct nu_slice host)
{
    if (handler->host == NULL) {
        return true;
    }
    struct nu_slice want = { handler->host, strlen(handler->host) };
    want                 = bare_host(want);
    return host.n == want.n && strncasecmp(host.p, want.p, host.n) == 0;
}

nng_http_handler *nu_router_find(const struct nu_router *router, struct nu_slice method,
                                 struct nu_slice host, const char *path, unsigned *status)
{
    bool              head = is(method, "HEAD"), seen = false;
    nng_http_handler *get = NULL; /* would answer HEAD, if none of its URI does so itself */
    host                  = host.n > 0 ? bare_host(host) : host;
    for (unsigned i = 0; i < router->n; i++) {
        nng_http_handler *h = router->v[i];
        if (get != NULL && strcmp(get->uri, h->uri) != 0) {
            break;
        }
        if (!below(h->uri, path, h->tree) || !host_matches(h, host)) {
            continue;
        }
        if (h->method == NULL || is(method, h->method)) {
            return h;
        }
        if (get == NULL && head && strcmp(h->method, "GET") == 0) {
            get = h;
        }
        seen = true;
    }
    *status = seen ? NNG_HTTP_STATUS_METHOD_NOT_ALLOWED : NNG_HTTP_STATUS_NOT_FOUND;
    return get;
}
