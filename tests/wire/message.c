/* SPDX-License-Identifier: MIT */
#include "wire/message.h"

#include "wire/url.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(message, .timeout = 30);

static void expect_req(const nng_http_req *req, const char *text)
{
    struct nu_buf buf = { 0 };

    cr_assert_eq(nu_req_print(req, &buf), 0);
    nu_buf_add(&buf, "", 1);
    cr_assert_str_eq(buf.data, text);
    nu_buf_free(&buf);
}

static void expect_res(const nng_http_res *res, const char *text)
{
    struct nu_buf buf = { 0 };

    cr_assert_eq(nu_res_print(res, &buf), 0);
    nu_buf_add(&buf, "", 1);
    cr_assert_str_eq(buf.data, text);
    nu_buf_free(&buf);
}

static nng_http_req *new_req(const char *text)
{
    nng_http_req *req = NULL;
    nng_url *url = NULL;

    cr_assert(text == NULL || nng_url_parse(&url, text) == 0, "%s", text);
    cr_assert_eq(nng_http_req_alloc(&req, url), 0);
    nng_url_free(url);
    return req;
}

static nng_http_res *new_res(void)
{
    nng_http_res *res = NULL;

    cr_assert_eq(nng_http_res_alloc(&res), 0);
    return res;
}

/* ---- Requests ----------------------------------------------------------------------------- */

static void check_fresh(nng_http_req *req)
{
    void *data;
    size_t size;

    cr_assert_str_eq(nng_http_req_get_method(req), "GET");
    cr_assert_str_eq(nng_http_req_get_version(req), "HTTP/1.1");
    cr_assert_str_eq(nng_http_req_get_uri(req), "");
    cr_assert_null(nng_http_req_get_header(req, "Host"));
    cr_assert_null(nng_http_req_get_header(req, "Content-Length"));
    nng_http_req_get_data(req, &data, &size);
    cr_assert_null(data);
    cr_assert_eq(size, 0);
}

Test(message, request_defaults_and_reset)
{
    nng_http_req *req = new_req(NULL);

    check_fresh(req);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(nng_http_req_set_method(req, "POST"), 0);
        cr_assert_eq(nng_http_req_set_version(req, "HTTP/1.0"), 0);
        cr_assert_eq(nng_http_req_set_uri(req, "/x"), 0);
        cr_assert_eq(nng_http_req_set_header(req, "Host", "h"), 0);
        cr_assert_eq(nng_http_req_copy_data(req, "body", 4), 0);
        expect_req(req, "POST /x HTTP/1.0\r\nHost: h\r\nContent-Length: 4\r\n\r\n");
        nng_http_req_reset(req);
        check_fresh(req);
    }
    nng_http_req_free(req);
    nng_http_req_free(NULL);
}

Test(message, request_for_a_url)
{
    static const struct {
        const char *url;
        const char *uri;
        const char *host;
    } cases[] = {
        { "http://example.com", "/", "example.com" },
        { "http://Example.COM/", "/", "example.com" },
        { "http://example.com:80/x", "/x", "example.com" },
        { "https://example.com:443/x", "/x", "example.com" },
        { "https://example.com:80/x", "/x", "example.com:80" },
        { "http://example.com:8080/a/../b?c=d#e", "/b?c=d", "example.com:8080" },
        { "http://example.com?q", "/?q", "example.com" },
        { "http://example.com?q#f", "/?q", "example.com" },
        { "http://example.com#f", "/", "example.com" },
        { "http://u:p@example.com/", "/", "example.com" },
        { "http://[::1]/x", "/x", "[::1]" },
        { "http://[::1]:80/x", "/x", "[::1]" },
        { "http://[::1]:8080/x", "/x", "[::1]:8080" },
        { "http://[fe80::1%25eth0]:8080/x", "/x", "[fe80::1]:8080" },
        { "ws://example.com/x", "/x", "example.com" },
        { "http://*:80/x", "/x", "" },
        { "http://*:8080/x", "/x", "" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        nng_http_req *req = new_req(cases[i].url);
        cr_assert_str_eq(nng_http_req_get_uri(req), cases[i].uri, "%s", cases[i].url);
        cr_assert_str_eq(nng_http_req_get_header(req, "host"), cases[i].host, "%s", cases[i].url);
        cr_assert_str_eq(nng_http_req_get_method(req), "GET");
        nng_http_req_free(req);
    }
}

Test(message, request_for_a_url_without_host)
{
    nng_http_req *req = NULL;
    nng_url *url;

    cr_assert_eq(nng_url_parse(&url, "ipc:///tmp/x"), 0);
    cr_assert_eq(nng_http_req_alloc(&req, url), NNG_EINVAL);
    cr_assert_null(req);
    nng_url_free(url);
}

Test(message, null_sets_the_default_again)
{
    nng_http_req *req = new_req(NULL);
    nng_http_res *res = new_res();

    nng_http_req_set_method(req, "PUT");
    nng_http_req_set_version(req, "HTTP/1.0");
    nng_http_req_set_uri(req, "/x");
    cr_assert_eq(nng_http_req_set_method(req, NULL), 0);
    cr_assert_eq(nng_http_req_set_version(req, NULL), 0);
    cr_assert_eq(nng_http_req_set_uri(req, NULL), 0);
    check_fresh(req);
    nng_http_res_set_version(res, "HTTP/1.0");
    nng_http_res_set_reason(res, "Fine");
    cr_assert_eq(nng_http_res_set_version(res, NULL), 0);
    cr_assert_eq(nng_http_res_set_reason(res, NULL), 0);
    expect_res(res, "HTTP/1.1 200 OK\r\n\r\n");
    nng_http_req_free(req);
    nng_http_res_free(res);
}

Test(message, nothing_can_break_the_start_line)
{
    nng_http_req *req = new_req(NULL);
    nng_http_res *res = new_res();

    nng_http_req_set_method(req, "PUT");
    nng_http_req_set_uri(req, "/old");
    nng_http_res_set_reason(res, "Old");
    for (int c = 1; c < 256; c++) {
        char text[] = { '/', (char) c, 'x', '\0' };
        bool control = c < ' ' || c == 0x7f;
        if (control) {
            cr_assert_eq(nng_http_req_set_uri(req, text), NNG_EINVAL, "%d", c);
        }
        if (control || c == ' ') {
            cr_assert_eq(nng_http_req_set_method(req, text + 1), NNG_EINVAL, "%d", c);
            cr_assert_eq(nng_http_req_set_version(req, text), NNG_EINVAL);
        }
        if (control && c != '\t') {
            cr_assert_eq(nng_http_res_set_reason(res, text), NNG_EINVAL, "%d", c);
        }
    }
    cr_assert_eq(nng_http_req_set_method(req, ""), NNG_EINVAL);
    cr_assert_eq(nng_http_req_set_method(req, "G\xc3\xa9T"), NNG_EINVAL);
    static const char *const versions[] = { "",         "HTTP/1",     "HTTP/1.10", "http/1.1",
                                            "HTTP/1.x", "HTTP/1.1\n", "HTTP/11",   "HTTP/a.1" };
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        cr_assert_eq(nng_http_req_set_version(req, versions[i]), NNG_EINVAL, "%s", versions[i]);
        cr_assert_eq(nng_http_res_set_version(res, versions[i]), NNG_EINVAL, "%s", versions[i]);
    }
    expect_req(req, "PUT /old HTTP/1.1\r\n\r\n");
    expect_res(res, "HTTP/1.1 200 Old\r\n\r\n");
    nng_http_req_free(req);
    nng_http_res_free(res);
}

Test(message, targets_as_printed)
{
    static const struct {
        const char *uri;
        const char *target;
    } cases[] = {
        { "", "/" },
        { "/", "/" },
        { "?q", "/?q" },
        { "#f", "/" },
        { "/a#f", "/a" },
        { "/a?b#f#g", "/a?b" },
        { "/\xc3\xa9/\xff?\x80", "/%C3%A9/%FF?%80" },
        { "/%c3%a9", "/%c3%a9" },
        { "/a b?c d#e f", "/a%20b?c%20d" },
        { " HTTP/1.1", "%20HTTP/1.1" },
        { "/a\\b?c\\d \\", "/a%5Cb?c%5Cd%20%5C" },
        { "*", "*" },
        { "http://h/x", "http://h/x" },
    };
    nng_http_req *req = new_req(NULL);
    char text[64];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(nng_http_req_set_uri(req, cases[i].uri), 0);
        cr_assert_str_eq(nng_http_req_get_uri(req), cases[i].uri);
        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n\r\n", cases[i].target);
        expect_req(req, text);
    }
    nng_http_req_free(req);
}

Test(message, setting_the_same_thing_for_ever_takes_no_more_memory)
{
    nng_http_req *req = new_req(NULL);
    nng_http_res *res = new_res();

    for (int i = 0; i < 200000; i++) {
        cr_assert_eq(nng_http_req_set_uri(req, i % 2 ? "/a" : "/a/longer/path?with=a&query"), 0);
        cr_assert_eq(nng_http_req_set_method(req, i % 2 ? "GET" : "OPTIONS"), 0);
        cr_assert_eq(nng_http_res_set_reason(res, i % 2 ? "a" : "b c d"), 0);
    }
    /* The strings still lie where they lay: a longer one was made once. */
    const char *uri = nng_http_req_get_uri(req);
    cr_assert_eq(nng_http_req_set_uri(req, "/a/longer/path?with=a&query"), 0);
    cr_assert_eq(nng_http_req_get_uri(req), uri);
    nng_http_req_free(req);
    nng_http_res_free(res);
}

Test(message, strings_of_the_message_itself)
{
    nng_http_req *req = new_req("http://h/some/path?query");

    cr_assert_eq(nng_http_req_set_uri(req, nng_http_req_get_uri(req) + 5), 0);
    cr_assert_str_eq(nng_http_req_get_uri(req), "/path?query");
    cr_assert_eq(nng_http_req_set_header(req, "X-Uri", nng_http_req_get_uri(req)), 0);
    cr_assert_str_eq(nng_http_req_get_header(req, "x-uri"), "/path?query");
    nng_http_req_free(req);
}

/* ---- Bodies ------------------------------------------------------------------------------- */

Test(message, data_is_borrowed_or_copied)
{
    nng_http_req *req = new_req(NULL);
    char text[] = "data";
    void *data;
    size_t size;

    cr_assert_eq(nng_http_req_set_data(req, text, 4), 0);
    nng_http_req_get_data(req, &data, &size);
    cr_assert_eq(data, text);
    cr_assert_eq(size, 4);
    cr_assert_str_eq(nng_http_req_get_header(req, "Content-Length"), "4");

    cr_assert_eq(nng_http_req_copy_data(req, text, 3), 0);
    text[0] = 'x';
    nng_http_req_get_data(req, &data, &size);
    cr_assert_eq(size, 3);
    cr_assert_eq(memcmp(data, "dat", 3), 0);
    cr_assert_str_eq(nng_http_req_get_header(req, "Content-Length"), "3");

    /* A copy of the message's own data. */
    cr_assert_eq(nng_http_req_copy_data(req, (char *) data + 1, 2), 0);
    nng_http_req_get_data(req, &data, &size);
    cr_assert_eq(memcmp(data, "at", 2), 0);
    nng_http_req_free(req);
}

Test(message, empty_data_is_data)
{
    nng_http_res *res = new_res();
    void *data;
    size_t size;

    cr_assert_null(nng_http_res_get_header(res, "Content-Length"));
    cr_assert_eq(nng_http_res_copy_data(res, "", 0), 0);
    expect_res(res, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_assert_eq(nng_http_res_set_data(res, NULL, 0), 0);
    cr_assert_eq(nng_http_res_set_data(res, "x", 1), 0);
    cr_assert_eq(nng_http_res_copy_data(res, NULL, 0), 0);
    nng_http_res_get_data(res, &data, &size);
    cr_assert_null(data);
    cr_assert_eq(size, 0);
    cr_assert_eq(nng_http_res_set_data(res, NULL, 1), NNG_EINVAL);
    cr_assert_eq(nng_http_res_copy_data(res, NULL, 1), NNG_EINVAL);
    expect_res(res, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    nng_http_res_free(res);
}

Test(message, content_length_is_not_cut_to_32_bits)
{
    nng_http_res *res = new_res();
    char byte;

    cr_assert_eq(nng_http_res_set_data(res, &byte, (size_t) 5 << 30), 0);
    cr_assert_str_eq(nng_http_res_get_header(res, "Content-Length"), "5368709120");
    cr_assert_eq(nng_http_res_set_data(res, &byte, SIZE_MAX), 0);
    cr_assert_str_eq(nng_http_res_get_header(res, "Content-Length"), "18446744073709551615");
    nng_http_res_free(res);
}

Test(message, given_data_is_freed)
{
    nng_http_req *req = new_req(NULL);
    nng_http_res *res = new_res();

    cr_assert_eq(nu_req_give_data(req, malloc(5), 5), 0);
    cr_assert_eq(nu_req_give_data(req, malloc(6), 6), 0);
    cr_assert_eq(nu_res_give_data(res, malloc(7), 7), 0);
    nng_http_res_reset(res);
    cr_assert_eq(nu_res_give_data(res, NULL, 7), NNG_EINVAL);
    nng_http_req_free(req);
    nng_http_res_free(res);
}

/* ---- Responses ---------------------------------------------------------------------------- */

Test(message, response_defaults_and_reset)
{
    nng_http_res *res = new_res();

    for (int i = 0; i < 3; i++) {
        expect_res(res, "HTTP/1.1 200 OK\r\n\r\n");
        cr_assert_eq(nng_http_res_get_status(res), 200);
        cr_assert_eq(nng_http_res_set_status(res, 404), 0);
        cr_assert_str_eq(nng_http_res_get_reason(res), "Not Found");
        cr_assert_eq(nng_http_res_set_reason(res, "Gone fishing"), 0);
        cr_assert_eq(nng_http_res_set_version(res, "HTTP/1.0"), 0);
        cr_assert_eq(nng_http_res_set_header(res, "A", "b"), 0);
        cr_assert_eq(nng_http_res_add_header(res, "A", "c"), 0);
        cr_assert_str_eq(nng_http_res_get_header(res, "a"), "b, c");
        cr_assert_eq(nng_http_res_copy_data(res, "x", 1), 0);
        expect_res(res, "HTTP/1.0 404 Gone fishing\r\nA: b, c\r\nContent-Length: 1\r\n\r\n");
        cr_assert_eq(nng_http_res_del_header(res, "a"), 0);
        cr_assert_eq(nng_http_res_del_header(res, "a"), NNG_ENOENT);
        nng_http_res_reset(res);
    }
    nng_http_res_free(res);
    nng_http_res_free(NULL);
}

Test(message, status_codes)
{
    nng_http_res *res = new_res();

    cr_assert_eq(nng_http_res_set_status(res, 99), NNG_EINVAL);
    cr_assert_eq(nng_http_res_set_status(res, 0), NNG_EINVAL);
    cr_assert_eq(nng_http_res_set_status(res, 1000), NNG_EINVAL);
    cr_assert_eq(nng_http_res_set_status(res, 65535), NNG_EINVAL);
    cr_assert_eq(nng_http_res_get_status(res), 200);
    cr_assert_eq(nng_http_res_set_status(res, 599), 0);
    expect_res(res, "HTTP/1.1 599 Unknown Status\r\n\r\n");
    cr_assert_eq(nng_http_res_set_status(res, 100), 0);
    cr_assert_eq(nng_http_res_set_status(res, 999), 0);
    cr_assert_eq(nng_http_res_set_reason(res, ""), 0);
    expect_res(res, "HTTP/1.1 999 \r\n\r\n");
    nng_http_res_free(res);
}

Test(message, error_responses)
{
    nng_http_res *res = NULL;
    void *data;
    size_t size;
    char length[32];

    cr_assert_eq(nng_http_res_alloc_error(&res, 99), NNG_EINVAL);
    cr_assert_null(res);
    cr_assert_eq(nng_http_res_alloc_error(&res, 404), 0);
    cr_assert(res->error_page);
    cr_assert_eq(nng_http_res_get_status(res), 404);
    nng_http_res_get_data(res, &data, &size);
    cr_assert_not_null(memmem(data, size, "<title>404 Not Found</title>", 28));
    snprintf(length, sizeof(length), "%zu", size);
    cr_assert_str_eq(nng_http_res_get_header(res, "Content-Length"), length);
    cr_assert_str_eq(nng_http_res_get_header(res, "Content-Type"), "text/html; charset=utf-8");

    cr_assert_eq(nng_http_res_set_data(res, NULL, 1), NNG_EINVAL);
    cr_assert(res->error_page);
    cr_assert_eq(nng_http_res_set_data(res, "mine", 4), 0);
    cr_assert_not(res->error_page);

    nng_http_res_set_header(res, "Retry-After", "5");
    nng_http_res_set_reason(res, "Mine");
    cr_assert_eq(nu_res_set_error(res, 503), 0);
    cr_assert(res->error_page);
    cr_assert_str_eq(nng_http_res_get_header(res, "Retry-After"), "5");
    cr_assert_str_eq(nng_http_res_get_reason(res), "Service Unavailable");
    nng_http_res_reset(res);
    cr_assert_not(res->error_page);
    nng_http_res_free(res);
}

/* ---- From a parsed head ------------------------------------------------------------------- */

static struct nu_field fields[NU_MAX_FIELDS];

Test(message, load_a_request)
{
    static const char text[] = "\r\nPUT /a%20b?c HTTP/1.2\r\nHost:h\r\nA: 1\r\na:2\r\n"
                               "Set-Cookie: x\r\nSet-Cookie: y\r\nE:\r\n\r\nbody";
    struct nu_head head = { .fields = fields, .maxfields = NU_MAX_FIELDS };
    nng_http_req *req = new_req(NULL);
    char *copy = strdup(text);

    for (int i = 0; i < 3; i++) {
        memcpy(copy, text, sizeof(text));
        cr_assert_eq(nu_parse_request(copy, sizeof(text) - 1, &head), NU_PARSE_DONE);
        cr_assert_eq(nu_req_load(req, &head), 0);
        memset(copy, 'x', sizeof(text) - 1);
        cr_assert_str_eq(nng_http_req_get_method(req), "PUT");
        cr_assert_str_eq(nng_http_req_get_uri(req), "/a%20b?c");
        cr_assert_str_eq(nng_http_req_get_version(req), "HTTP/1.2");
        cr_assert_str_eq(nng_http_req_get_header(req, "host"), "h");
        cr_assert_str_eq(nng_http_req_get_header(req, "a"), "1, 2");
        cr_assert_str_eq(nng_http_req_get_header(req, "e"), "");
        expect_req(req, "PUT /a%20b?c HTTP/1.2\r\nHost: h\r\nA: 1, 2\r\nSet-Cookie: x\r\n"
                        "Set-Cookie: y\r\nE: \r\n\r\n");
        cr_assert_eq(nng_http_req_set_method(req, "PROPPATCH"), 0);
        cr_assert_eq(nng_http_req_set_uri(req, "/"), 0);
        cr_assert_eq(nng_http_req_set_version(req, "HTTP/1.1"), 0);
        cr_assert_eq(nng_http_req_set_header(req, "A", "a longer value"), 0);
        cr_assert_eq(nng_http_req_del_header(req, "Set-Cookie"), 0);
        expect_req(req, "PROPPATCH / HTTP/1.1\r\nHost: h\r\nA: a longer value\r\nE: \r\n\r\n");
        nng_http_req_reset(req);
        check_fresh(req);
    }
    free(copy);
    nng_http_req_free(req);
}

Test(message, load_a_request_without_fields)
{
    struct nu_head head = { .fields = fields, .maxfields = NU_MAX_FIELDS };
    nng_http_req *req = new_req(NULL);

    cr_assert_eq(nu_parse_request("GET / HTTP/1.0\r\n\r\n", 18, &head), NU_PARSE_DONE);
    cr_assert_eq(nu_req_load(req, &head), 0);
    expect_req(req, "GET / HTTP/1.0\r\n\r\n");
    nng_http_req_free(req);
}

Test(message, load_responses)
{
    static const struct {
        const char *text;
        const char *printed;
    } cases[] = {
        { "HTTP/1.1 404 Not here\r\nA:b\r\n\r\n", "HTTP/1.1 404 Not here\r\nA: b\r\n\r\n" },
        { "HTTP/1.0 200 \r\nA:b\r\nA:c\r\n\r\n", "HTTP/1.0 200 \r\nA: b, c\r\n\r\n" },
        { "HTTP/1.1 204\r\n\r\n", "HTTP/1.1 204 \r\n\r\n" },
        { "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n",
          "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n" },
    };
    nng_http_res *res = new_res();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nu_head head = { .fields = fields, .maxfields = NU_MAX_FIELDS };
        cr_assert_eq(nu_parse_response(cases[i].text, strlen(cases[i].text), &head), NU_PARSE_DONE);
        nng_http_res_reset(res);
        cr_assert_eq(nu_res_load(res, &head), 0);
        expect_res(res, cases[i].printed);
    }
    nng_http_res_free(res);
}

Test(message, load_as_many_fields_as_there_can_be)
{
    static char text[32768];
    struct nu_head head = { .fields = fields, .maxfields = NU_MAX_FIELDS, .max_head = 32768 };
    nng_http_req *req = new_req(NULL);
    size_t n = (size_t) sprintf(text, "GET / HTTP/1.1\r\nHost: h\r\n");

    for (int i = 1; i < NU_MAX_FIELDS; i++) {
        n += (size_t) sprintf(text + n, "%s: %d\r\n", i % 2 ? "Set-Cookie" : "Same", i);
    }
    n += (size_t) sprintf(text + n, "\r\n");
    cr_assert_eq(nu_parse_request(text, n, &head), NU_PARSE_DONE);
    for (int round = 0; round < 3; round++) {
        nng_http_req_reset(req);
        cr_assert_eq(nu_req_load(req, &head), 0);
        cr_assert_eq(strncmp(nng_http_req_get_header(req, "set-cookie"), "1, 3, 5, 7, ", 12), 0);
        cr_assert_eq(strncmp(nng_http_req_get_header(req, "same"), "2, 4, 6, 8, ", 12), 0);
    }
    nng_http_req_free(req);
}
