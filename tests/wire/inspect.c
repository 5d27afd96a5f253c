/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <nng/supplemental/http/http.h>
#include <nng/uring.h>
#include <stdio.h>
#include <string.h>

static nng_http_req *request_for(const char *uri)
{
    nng_http_req *req;
    cr_assert_eq(nng_http_req_alloc(&req, NULL), 0);
    cr_assert_eq(nng_http_req_set_uri(req, uri), 0);
    return req;
}

Test(inspect, headers, .timeout = 10)
{
    char got[256] = "";
    const char *name, *value;
    void *cursor = NULL;
    nng_http_req *req = request_for("/");
    cr_assert_not(nng_uring_req_next_header(req, &name, &value, &cursor));
    cr_assert_eq(nng_http_req_set_header(req, "A", "1"), 0);
    cr_assert_eq(nng_http_req_add_header(req, "B", "2"), 0);
    cr_assert_eq(nng_http_req_set_header(req, "C", "3"), 0);
    cr_assert_eq(nng_http_req_add_header(req, "b", "4"), 0);
    cr_assert_eq(nng_http_req_del_header(req, "C"), 0);
    cr_assert_eq(nng_http_req_set_header(req, "Empty", ""), 0);
    cursor = NULL;
    while (nng_uring_req_next_header(req, &name, &value, &cursor)) {
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s=%s;", name, value);
    }
    cr_assert_str_eq(got, "A=1;B=2, 4;Empty=;");
    nng_http_req_free(req);
}

/* A field each, as they go out. */
Test(inspect, set_cookie, .timeout = 10)
{
    char got[256] = "";
    const char *name, *value;
    void *cursor = NULL;
    nng_http_res *res;
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_http_res_add_header(res, "Set-Cookie", "a=1"), 0);
    cr_assert_eq(nng_http_res_add_header(res, "X", "y"), 0);
    cr_assert_eq(nng_http_res_add_header(res, "Set-Cookie", "b=2"), 0);
    while (nng_uring_res_next_header(res, &name, &value, &cursor)) {
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s=%s;", name, value);
    }
    cr_assert_not_null(strstr(got, "Set-Cookie=a=1;"), "%s", got);
    cr_assert_not_null(strstr(got, "Set-Cookie=b=2;"), "%s", got);
    cr_assert_not_null(strstr(got, "X=y;"), "%s", got);
    cr_assert_null(strstr(got, "a=1, b=2"), "%s", got);
    nng_http_res_free(res);
}

Test(inspect, path, .timeout = 10)
{
    static const char *const paths[][2] = {
        { "/a%20b/../c/./d?x=%2F", "/c/d" },
        { "/%41/", "/A/" },
        { "http://host/p?q", "/p" },
    };
    static const char *const bad[] = { "/a%2Fb", "/%00", "/%zz", "*", "", "/../x" };
    char path[64];
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        nng_http_req *req = request_for(paths[i][0]);
        cr_assert_eq(nng_uring_req_get_path(req, path, sizeof path), 0, "%s", paths[i][0]);
        cr_assert_str_eq(path, paths[i][1]);
        cr_assert_eq(nng_uring_req_get_path(req, path, 2), NNG_EMSGSIZE);
        nng_http_req_free(req);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        nng_http_req *req = request_for(bad[i]);
        cr_assert_eq(nng_uring_req_get_path(req, path, sizeof path), NNG_EINVAL, "%s", bad[i]);
        nng_http_req_free(req);
    }
}

static void assert_value(const char *uri, const char *name, int err, const char *want)
{
    char value[16] = "?";
    nng_http_req *req = request_for(uri);
    cr_assert_eq(nng_uring_req_get_query(req, name, value, sizeof value), err, "%s", uri);
    if (err == 0) {
        cr_assert_str_eq(value, want, "%s: %s", uri, value);
    }
    nng_http_req_free(req);
}

Test(inspect, query, .timeout = 10)
{
    assert_value("/p?a=1&b=x%20y+z&a=3&c&d=", "a", 0, "1");
    assert_value("/p?a=1&b=x%20y+z&a=3&c&d=", "b", 0, "x y z");
    assert_value("/p?a=1&b=x%20y+z&a=3&c&d=", "c", 0, "");
    assert_value("/p?a=1&b=x%20y+z&a=3&c&d=", "d", 0, "");
    assert_value("/p?a=1", "A", NNG_ENOENT, NULL);
    assert_value("/p?ab=1", "a", NNG_ENOENT, NULL);
    assert_value("/p?a=1", "ab", NNG_ENOENT, NULL);
    assert_value("/p", "a", NNG_ENOENT, NULL);
    assert_value("/p?", "a", NNG_ENOENT, NULL);
    assert_value("/p?&&=&a=b=c", "a", 0, "b=c");
    assert_value("/p?%61%2B=%26", "a+", 0, "&");
    assert_value("/p?a=1#f&b=2", "b", NNG_ENOENT, NULL);
    assert_value("/p?a=%", "a", NNG_EINVAL, NULL);
    assert_value("/p?a=%4", "a", NNG_EINVAL, NULL);
    assert_value("/p?a=%00", "a", NNG_EINVAL, NULL);
    assert_value("/p?%zz=1&a=2", "a", 0, "2");
    assert_value("/p?a=123456789012345", "a", 0, "123456789012345");
    assert_value("/p?a=1234567890123456", "a", NNG_EMSGSIZE, NULL);
    assert_value("/p?=1", "", 0, "1");
}
