/* SPDX-License-Identifier: MIT */
#include "http/router.h"

#include "http/handler.h"
#include "wire/chars.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#ifndef NU_PROBED
#define NU_PROBED() ((void) 0) /* a test counts the places looked at */
#endif

static bool router_is(struct nu_slice slice, const char *text)
{
    return strncmp(text, slice.p, slice.n) == 0 && text[slice.n] == '\0';
}

/* "Name:80" and "[::1]:80" without their port, and without a name's trailing dot. */
static struct nu_slice router_bare_host(struct nu_slice host)
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

static struct nu_slice router_slice(const char *text)
{
    return (struct nu_slice){ text, strlen(text) };
}

/* ---- Keys --------------------------------------------------------------------------------- */

/* FNV-1a. Only handlers get into the table, so a client that chooses its paths can slow nothing. */
#define HASH_NONE UINT64_C(14695981039346656037)

static uint64_t router_hash_byte(uint64_t hash, char byte)
{
    return (hash ^ (unsigned char) byte) * UINT64_C(1099511628211);
}

static uint64_t router_hash_host(struct nu_slice host)
{
    uint64_t hash = HASH_NONE;
    for (size_t i = 0; i < host.n; i++) {
        hash = router_hash_byte(hash, nu_chars_lower(host.p[i]));
    }
    return hash;
}

/* `host` is 0 for none. */
static uint32_t router_hash_key(uint64_t host, uint64_t uri)
{
    uint64_t hash = uri ^ (host * 3);
    return (uint32_t) (((hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

/* ---- Making ------------------------------------------------------------------------------- */

static bool router_same_host(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcasecmp(a, b) == 0);
}

static bool router_same_method(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Whether `uri` lies below the handler's, which is a tree. */
static bool router_below(const nng_http_handler *h, const char *uri)
{
    size_t len = strlen(h->uri);
    return h->tree && strncmp(h->uri, uri, len) == 0 && uri[len] == '/';
}

/* As in NNG: handlers of different hosts or methods never stand in each other's way. */
static bool router_conflict(const nng_http_handler *a, const nng_http_handler *b)
{
    if (!router_same_host(a->host, b->host) || !router_same_method(a->method, b->method)) {
        return false;
    }
    if (strcmp(a->uri, b->uri) == 0) {
        return true;
    }
    return (a->exclusive || b->exclusive) && (router_below(a, b->uri) || router_below(b, a->uri));
}

static atomic_uint_least64_t router_numbers;

/* With room for so many handlers; at most half the places of the table are taken then. */
static struct nu_router *router_sized(size_t n)
{
    size_t places = 2;
    while (places < 2 * n) {
        places *= 2;
    }
    struct nu_router *router =
        calloc(1, sizeof *router + places * sizeof router->routes[0] + 2 * n * sizeof(void *));
    if (router != NULL) {
        router->number = atomic_fetch_add(&router_numbers, 1) + 1;
        router->mask = (uint32_t) (places - 1);
        router->v = (nng_http_handler **) &router->routes[places];
        router->methods = (const char **) &router->v[n];
    }
    return router;
}

static void router_append(struct nu_router *router, nng_http_handler *h)
{
    uint64_t uri = HASH_NONE;
    unsigned depth = 0;
    size_t len = 0;
    for (; h->uri[len] != '\0'; len++) {
        depth += h->uri[len] == '/';
        uri = router_hash_byte(uri, h->uri[len]);
    }
    uint32_t hash = router_hash_key(
        h->host != NULL ? router_hash_host(router_bare_host(router_slice(h->host))) : 0, uri);
    uint32_t place = hash & router->mask;
    while (router->routes[place].handler != 0) {
        place = (place + 1) & router->mask;
    }
    if (h->method != NULL && !nu_router_knows(router, router_slice(h->method))) {
        router->methods[router->nmethods++] = h->method;
    }
    nu_handler_hold(h);
    router->v[router->n++] = h;
    router->routes[place] = (struct nu_route){ hash, router->n };
    router->hosts = router->hosts || h->host != NULL;
    router->deepest = depth > router->deepest ? depth : router->deepest;
    router->longest = len > router->longest ? len : router->longest;
}

/* All of another router's, in front of what will be appended. */
static void router_copy(struct nu_router *to, const struct nu_router *from)
{
    if (to->mask != from->mask) {
        for (unsigned i = 0; i < from->n; i++) {
            router_append(to, from->v[i]);
        }
        return;
    }
    memcpy(to->routes, from->routes, ((size_t) from->mask + 1) * sizeof from->routes[0]);
    memcpy(to->v, from->v, from->n * sizeof(nng_http_handler *));
    memcpy(to->methods, from->methods, from->nmethods * sizeof from->methods[0]);
    to->n = from->n;
    to->nmethods = from->nmethods;
    to->deepest = from->deepest;
    to->longest = from->longest;
    to->hosts = from->hosts;
    for (unsigned i = 0; i < to->n; i++) {
        nu_handler_hold(to->v[i]);
    }
}

struct nu_router *nu_router_new(void)
{
    return router_sized(0);
}

void nu_router_free(struct nu_router *router)
{
    for (unsigned i = 0; router != NULL && i < router->n; i++) {
        nu_handler_drop(router->v[i]);
    }
    free(router);
}

int nu_router_with(const struct nu_router *router, nng_http_handler *handler,
                   struct nu_router **out)
{
    for (unsigned i = 0; i < router->n; i++) {
        if (router_conflict(handler, router->v[i])) {
            return NNG_EADDRINUSE;
        }
    }
    struct nu_router *to = router_sized((size_t) router->n + 1);
    if (to == NULL) {
        return NNG_ENOMEM;
    }
    router_copy(to, router);
    router_append(to, handler);
    *out = to;
    return 0;
}

int nu_router_without(const struct nu_router *router, const nng_http_handler *handler,
                      struct nu_router **out)
{
    struct nu_router *to = router_sized(router->n);
    if (to == NULL) {
        return NNG_ENOMEM;
    }
    for (unsigned i = 0; i < router->n; i++) {
        if (router->v[i] != handler) {
            router_append(to, router->v[i]);
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

/* Goes over the handlers for a request, whatever their method: shorter URIs first. */
struct walk {
    const struct nu_router *router;
    const char *path;
    struct nu_slice host;
    uint64_t host_hash;
    size_t n; /* bytes of the path that are looked for now */
    uint64_t hash;
    unsigned depth; /* '/' among them */
    bool for_host;  /* those for the host, that is; else those for any */
    uint32_t key;   /* the hash of both */
    uint32_t place; /* where to look next */
};

static void router_look_for(struct walk *walk, bool for_host)
{
    walk->for_host = for_host;
    walk->key = router_hash_key(for_host ? walk->host_hash : 0, walk->hash);
    walk->place = walk->key & walk->router->mask;
}

/* Goes on to where the next '/' or the end is; false when no URI can be so long. */
static bool router_next_prefix(struct walk *walk)
{
    const char *path = walk->path;
    if (path[walk->n] == '\0' || walk->depth == walk->router->deepest) {
        return false;
    }
    walk->depth++;
    do {
        if (walk->n == walk->router->longest) {
            return false;
        }
        walk->hash = router_hash_byte(walk->hash, path[walk->n++]);
    } while (path[walk->n] != '\0' && path[walk->n] != '/');
    router_look_for(walk, walk->router->hosts);
    return true;
}

/* Begins with the URI "/", which is kept as "". */
static bool router_first_prefix(struct walk *walk, const struct nu_router *router,
                                struct nu_slice host, const char *path)
{
    *walk = (struct walk){ .router = router, .path = path, .hash = HASH_NONE };
    if (router->hosts) {
        walk->host = host.n > 0 ? router_bare_host(host) : host;
        walk->host_hash = router_hash_host(walk->host);
    }
    router_look_for(walk, router->hosts);
    return path[0] == '/' || path[0] == '\0';
}

static bool router_fits(const struct walk *walk, const nng_http_handler *h)
{
    const char *rest = walk->path + walk->n;
    bool whole = rest[0] == '\0' || rest[1] == '\0'; /* a '/' at the end does not count */
    if (!(whole || h->tree) || !router_is((struct nu_slice){ walk->path, walk->n }, h->uri)) {
        return false;
    }
    if (h->host == NULL || !walk->for_host) {
        return h->host == NULL && !walk->for_host;
    }
    struct nu_slice host = router_bare_host(router_slice(h->host));
    return host.n == walk->host.n && nu_chars_same(host.p, walk->host.p, host.n);
}

/* The next handler with the prefix for its URI: for the host, then for any; each as added. */
static nng_http_handler *router_next_handler(struct walk *walk)
{
    const struct nu_router *router = walk->router;
    for (;;) {
        struct nu_route route = router->routes[walk->place];
        NU_PROBED();
        walk->place = (walk->place + 1) & router->mask;
        if (route.handler != 0) {
            nng_http_handler *h = router->v[route.handler - 1];
            if (route.hash == walk->key && router_fits(walk, h)) {
                return h;
            }
        } else if (walk->for_host) {
            router_look_for(walk, false);
        } else {
            return NULL;
        }
    }
}

nng_http_handler *nu_router_find(const struct nu_router *router, struct nu_slice method,
                                 struct nu_slice host, const char *path, unsigned *status)
{
    bool head = router_is(method, "HEAD"), seen = false;
    nng_http_handler *found = NULL;
    struct walk walk;
    for (bool more = router_first_prefix(&walk, router, host, path); more;
         more = router_next_prefix(&walk)) {
        nng_http_handler *h, *get = NULL; /* get would answer HEAD, if none does so itself */
        while ((h = router_next_handler(&walk)) != NULL && h->method != NULL &&
               !router_is(method, h->method)) {
            if (get == NULL && head && strcmp(h->method, "GET") == 0) {
                get = h;
            }
            seen = true;
        }
        h = h != NULL ? h : get;
        found = h != NULL ? h : found;
    }
    *status = seen ? NNG_HTTP_STATUS_METHOD_NOT_ALLOWED : NNG_HTTP_STATUS_NOT_FOUND;
    return found;
}

/* ---- Methods ------------------------------------------------------------------------------ */

static bool router_listed(const char *list, const char *method)
{
    size_t len = strlen(method);
    for (const char *p = list; (p = strstr(p, method)) != NULL; p += len) {
        if ((p == list || p[-1] == ' ') && (p[len] == ',' || p[len] == '\0')) {
            return true;
        }
    }
    return false;
}

/* Returns the new length of the list. */
static size_t router_add_method(char *list, size_t n, size_t size, const char *method)
{
    size_t len = strlen(method), comma = n > 0 ? 2 : 0;
    if (n + comma + len >= size || !nu_chars_all(method, len, NU_CHAR_TOKEN) ||
        router_listed(list, method)) {
        return n;
    }
    memcpy(list + n, ", ", comma);
    memcpy(list + n + comma, method, len + 1);
    return n + comma + len;
}

unsigned nu_router_allow(const struct nu_router *router, struct nu_slice host, const char *path,
                         char *out, size_t outlen)
{
    size_t n = 0;
    struct walk walk;
    if (outlen > 0) {
        out[0] = '\0';
    }
    for (bool more = router_first_prefix(&walk, router, host, path); more;
         more = router_next_prefix(&walk)) {
        for (nng_http_handler *h; (h = router_next_handler(&walk)) != NULL;) {
            if (h->method != NULL) {
                n = router_add_method(out, n, outlen, h->method);
            }
            if (h->method != NULL && strcmp(h->method, "GET") == 0) {
                n = router_add_method(out, n, outlen, "HEAD");
            }
        }
    }
    return (unsigned) n;
}

bool nu_router_knows(const struct nu_router *router, struct nu_slice method)
{
    for (unsigned i = 0; i < router->nmethods; i++) {
        if (router_is(method, router->methods[i])) {
            return true;
        }
    }
    return false;
}
