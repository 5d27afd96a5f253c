/* SPDX-License-Identifier: MIT */
/*
 * What a look-up costs: how many places of the table it looks at. The source is compiled here once
 * more, under other names, to count them.
 */
static unsigned long probed;

#define NU_PROBED() ((void) probed++)
#define nu_router_new counted_new
#define nu_router_free counted_free
#define nu_router_with counted_with
#define nu_router_without counted_without
#define nu_router_find counted_find
#define nu_router_allow counted_allow
#define nu_router_knows counted_knows

#include "http/router.c"

#include <criterion/criterion.h>
#include <stdio.h>

static void nothing(nng_aio *aio)
{
    (void) aio;
}

/* Handlers "/i/item" for every i below n, every fourth of them for a host. */
static struct nu_router *make(unsigned n)
{
    struct nu_router *router = router_sized(n); /* adding one by one copies them each time */
    cr_assert_not_null(router);
    for (unsigned i = 0; i < n; i++) {
        nng_http_handler *h;
        char uri[32];
        sprintf(uri, "/%u/item", i);
        cr_assert_eq(nng_http_handler_alloc(&h, uri, nothing), 0);
        cr_assert_eq(nng_http_handler_set_host(h, i % 4 == 0 ? "host" : NULL), 0);
        router_append(router, h);
        nng_http_handler_free(h);
    }
    return router;
}

struct cost {
    unsigned long most;
    double mean;
};

/* Of finding each handler, or of paths beside them. */
static struct cost measure(const struct nu_router *router, const char *form, unsigned want)
{
    struct cost cost = { 0 };
    unsigned long total = 0;
    for (unsigned i = 0; i < router->n; i++) {
        char path[64];
        unsigned status = 0;
        snprintf(path, sizeof path, form, i);
        probed = 0;
        nng_http_handler *h =
            counted_find(router, router_slice("GET"), router_slice("host"), path, &status);
        cr_assert_eq(h != NULL ? 200 : status, want, "%s", path);
        cost.most = probed > cost.most ? probed : cost.most;
        total += probed;
    }
    cost.mean = (double) total / router->n;
    return cost;
}

/* The URIs have two '/', which makes three beginnings, each with and without the host. */
#define KEYS 6

Test(router_cost, ten_thousand_handlers_are_as_quick_as_ten, .timeout = 60)
{
    static const struct {
        const char *form;
        unsigned want;
    } paths[] = {
        { "/%u/item", 200 }, { "/%u/item/", 200 },
        { "/%u/none", 404 }, { "/%u/item/a/b/c/d/e/f", 404 },
        { "/none", 404 },
    };
    for (unsigned n = 10; n <= 10000; n *= 1000) {
        struct nu_router *router = make(n);
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
            struct cost cost = measure(router, paths[i].form, paths[i].want);
            cr_assert_leq(cost.mean, 2 * KEYS, "%u handlers, %s: %g", n, paths[i].form, cost.mean);
            cr_assert_leq(cost.most, 6 * KEYS, "%u handlers, %s: %lu", n, paths[i].form, cost.most);
        }
        counted_free(router);
    }
}

Test(router_cost, a_long_path_costs_no_more_than_a_short_one, .timeout = 60)
{
    static char path[8193];
    struct nu_router *router = make(10);
    unsigned status;
    for (size_t n = 0; n < sizeof path - 1; n++) {
        path[n] = '/';
        path[n + 1] = '\0';
        probed = 0;
        cr_assert_null(
            counted_find(router, router_slice("PUT"), router_slice("host"), path, &status));
        cr_assert_leq(probed, 6 * KEYS, "%zu", n);
    }
    counted_free(router);
}

/* Without a host in the table, none is looked for. */
Test(router_cost, one_handler, .timeout = 60)
{
    struct nu_router *none = counted_new(), *router;
    nng_http_handler *h;
    unsigned status;
    cr_assert_eq(nng_http_handler_alloc(&h, "/", nothing), 0);
    cr_assert_eq(counted_with(none, h, &router), 0);
    probed = 0;
    cr_assert_eq(counted_find(router, router_slice("GET"), router_slice("host"), "/", &status), h);
    cr_assert_leq(probed, 2);
    nng_http_handler_free(h);
    counted_free(none);
    counted_free(router);
}
