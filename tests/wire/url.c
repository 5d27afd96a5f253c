/* SPDX-License-Identifier: MIT */
#include "wire/url.h"

#include "support/guard.h"

#include <nng/nng.h>

#include <criterion/criterion.h>

#include <string.h>

TestSuite(url, .timeout = 30);

static void same(const char *got, const char *expected, const char *member, const char *raw)
{
    if (expected == NULL) {
        cr_assert_null(got, "%s of %s", member, raw);
    } else {
        cr_assert_not_null(got, "%s of %s", member, raw);
        cr_assert_str_eq(got, expected, "%s of %s is %s", member, raw, got);
    }
}

static const nng_url urls[] = {
#define URL(raw, scheme, user, host, name, port, path, query, fragment, requri)                    \
    {                                                                                              \
        (raw), (scheme), (user), (host), (name), (port), (path), (query), (fragment), (requri)     \
    }
    URL("http://www.google.com", "http", NULL, "www.google.com", "www.google.com", "80", "", NULL,
        NULL, ""),
    URL("HTTP://WWW.Google.COM/", "http", NULL, "www.google.com", "www.google.com", "80", "/", NULL,
        NULL, "/"),
    URL("https://h:1234/some", "https", NULL, "h:1234", "h", "1234", "/some", NULL, NULL, "/some"),
    URL("http://U:p@h/", "http", "U:p", "h", "h", "80", "/", NULL, NULL, "/"),
    URL("http://@h/", "http", "", "h", "h", "80", "/", NULL, NULL, "/"),
    URL("http://h?q=1", "http", NULL, "h", "h", "80", "", "q=1", NULL, "?q=1"),
    URL("http://h#f", "http", NULL, "h", "h", "80", "", NULL, "f", "#f"),
    URL("http://h?q#f?x#y", "http", NULL, "h", "h", "80", "", "q", "f?x#y", "?q#f?x#y"),
    URL("http://h/a?#", "http", NULL, "h", "h", "80", "/a", "", "", "/a?#"),
    URL("http://h/a#x/../y", "http", NULL, "h", "h", "80", "/a", NULL, "x/../y", "/a#x/../y"),
    URL("http://[::1]", "http", NULL, "[::1]", "::1", "80", "", NULL, NULL, ""),
    URL("http://[::1]:8080/x", "http", NULL, "[::1]:8080", "::1", "8080", "/x", NULL, NULL, "/x"),
    URL("http://[FE80::1%25eth0]/", "http", NULL, "[fe80::1%25eth0]", "fe80::1%eth0", "80", "/",
        NULL, NULL, "/"),
    URL("http://[FE80::A%25Br-LAN.2]:80/", "http", NULL, "[fe80::a%25Br-LAN.2]:80",
        "fe80::a%Br-LAN.2", "80", "/", NULL, NULL, "/"),
    URL("http://[fe80::1%25]/", "http", NULL, "[fe80::1%25]", "fe80::1%25", "80", "/", NULL, NULL,
        "/"),
    URL("http://[fe80::1%2]/", "http", NULL, "[fe80::1%2]", "fe80::1%2", "80", "/", NULL, NULL,
        "/"),
    URL("http://H:/x", "http", NULL, "h", "h", "80", "/x", NULL, NULL, "/x"),
    URL("https://h:", "https", NULL, "h", "h", "443", "", NULL, NULL, ""),
    URL("http://[::1]:", "http", NULL, "[::1]", "::1", "80", "", NULL, NULL, ""),
    URL("http://*:/", "http", NULL, "", "", "80", "/", NULL, NULL, "/"),
    URL("http://u%5c:,;@h/", "http", "u%5c:,;", "h", "h", "80", "/", NULL, NULL, "/"),
    URL("http://h/a b?c d#e f", "http", NULL, "h", "h", "80", "/a b", "c d", "e f", "/a b?c d#e f"),
    URL("http://[fe80::1%eth0]:1", "http", NULL, "[fe80::1%eth0]:1", "fe80::1%eth0", "1", "", NULL,
        NULL, ""),
    URL("http://*:80/x", "http", NULL, ":80", "", "80", "/x", NULL, NULL, "/x"),
    URL("http://*", "http", NULL, "", "", "80", "", NULL, NULL, ""),
    URL("http://:80/", "http", NULL, ":80", "", "80", "/", NULL, NULL, "/"),
    URL("http:///x", "http", NULL, "", "", "80", "/x", NULL, NULL, "/x"),
    URL("http://", "http", NULL, "", "", "80", "", NULL, NULL, ""),
    URL("http://h:0", "http", NULL, "h:0", "h", "0", "", NULL, NULL, ""),
    URL("http://h:65535", "http", NULL, "h:65535", "h", "65535", "", NULL, NULL, ""),
    URL("tcp://127.0.0.1", "tcp", NULL, "127.0.0.1", "127.0.0.1", "", "", NULL, NULL, ""),
    URL("ws://x", "ws", NULL, "x", "x", "80", "", NULL, NULL, ""),
    URL("wss6://x", "wss6", NULL, "x", "x", "443", "", NULL, NULL, ""),
    URL("http4://x", "http4", NULL, "x", "x", "80", "", NULL, NULL, ""),
    URL("tls+tcp://x:1/", "tls+tcp", NULL, "x:1", "x", "1", "/", NULL, NULL, "/"),
    URL("a1+-.://x", "a1+-.", NULL, "x", "x", "", "", NULL, NULL, ""),
    URL("http+unix://%2Ftmp%2fA%20b.sock/x?y", "http+unix", NULL, "%2Ftmp%2fA%20b.sock",
        "/tmp/A b.sock", "", "/x", "y", NULL, "/x?y"),
    URL("http+unix://x.sock", "http+unix", NULL, "x.sock", "x.sock", "", "", NULL, NULL, ""),
    URL("http+unix://%C3%a9%FF", "http+unix", NULL, "%C3%a9%FF", "\xc3\xa9\xff", "", "", NULL, NULL,
        ""),
    URL("http+unix:///x", "http+unix", NULL, "", "", "", "/x", NULL, NULL, "/x"),
    /* schemes that have only a path */
    URL("ipc:///tmp/foo", "ipc", NULL, NULL, NULL, NULL, "/tmp/foo", NULL, NULL, NULL),
    URL("IPC://Tmp/a b?x#y", "ipc", NULL, NULL, NULL, NULL, "Tmp/a b?x#y", NULL, NULL, NULL),
    URL("unix:///tmp/../x", "unix", NULL, NULL, NULL, NULL, "/tmp/../x", NULL, NULL, NULL),
    URL("abstract://foo%00", "abstract", NULL, NULL, NULL, NULL, "foo%00", NULL, NULL, NULL),
    URL("inproc://", "inproc", NULL, NULL, NULL, NULL, "", NULL, NULL, NULL),
};

static void check_url(const nng_url *url, const nng_url *expected)
{
    const char *raw = expected->u_rawurl;

    same(url->u_rawurl, expected->u_rawurl, "rawurl", raw);
    same(url->u_scheme, expected->u_scheme, "scheme", raw);
    same(url->u_userinfo, expected->u_userinfo, "userinfo", raw);
    same(url->u_host, expected->u_host, "host", raw);
    same(url->u_hostname, expected->u_hostname, "hostname", raw);
    same(url->u_port, expected->u_port, "port", raw);
    same(url->u_path, expected->u_path, "path", raw);
    same(url->u_query, expected->u_query, "query", raw);
    same(url->u_fragment, expected->u_fragment, "fragment", raw);
    same(url->u_requri, expected->u_requri, "requri", raw);
}

Test(url, members)
{
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        nng_url *url;
        nng_url *clone;
        size_t n = strlen(urls[i].u_rawurl) + 1;
        cr_assert_eq(nng_url_parse(&url, guard_copy(urls[i].u_rawurl, n)), 0, "%s",
                     urls[i].u_rawurl);
        check_url(url, &urls[i]);
        cr_assert_eq(nng_url_clone(&clone, url), 0);
        nng_url_free(url);
        check_url(clone, &urls[i]);
        nng_url_free(clone);
    }
    nng_url_free(NULL);
}

Test(url, paths)
{
    static const struct {
        const char *path; /* with query and fragment */
        const char *requri;
    } cases[] = {
        { "/a/b/../c", "/a/c" },
        { "/a/./b/.", "/a/b" },
        { "/a/b/..", "/a" },
        { "/a/b/../", "/a/" },
        { "/..", "" },
        { "/../", "/" },
        { "/../../a", "/a" },
        { "/.", "" },
        { "/./", "/" },
        { "/a//b///c", "/a/b/c" },
        { "//", "/" },
        { "/a//", "/a/" },
        { "//a", "/a" },
        { "/...", "/..." },
        { "/..a/.b/c..", "/..a/.b/c.." },
        { "/%2e%2e/a", "/a" },
        { "/a/%2E./b", "/b" },
        { "/%2e", "" },
        { "/%41%61%7e%2d%5f%2E%30", "/Aa~-_.0" },
        { "/%2f%2F", "/%2F%2F" },
        { "/a%2f..%2fb", "/a%2F..%2Fb" },
        { "/%20%3f%23%25", "/%20%3F%23%25" },
        { "/%00%01%7f", "/%00%01%7F" },
        { "/%c3%a9", "/\xc3\xa9" },
        { "/\xc3\xa9", "/\xc3\xa9" },
        { "/\xc3%a9", "/\xc3\xa9" },
        { "/%e0%a0%80", "/\xe0\xa0\x80" },
        { "/%ed%9f%bf", "/\xed\x9f\xbf" },
        { "/%ef%bf%bf", "/\xef\xbf\xbf" },
        { "/%f0%90%80%80", "/\xf0\x90\x80\x80" },
        { "/%f4%8f%bf%bf", "/\xf4\x8f\xbf\xbf" },
        { "/a?b=../c//d&%41%2f", "/a?b=../c//d&A%2F" },
        { "/a;b=c,d&e=f+g!*'()[]@:", "/a;b=c,d&e=f+g!*'()[]@:" },
        { "/a|b\"c<d>e\\f^g`h{i}", "/a|b\"c<d>e\\f^g`h{i}" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char raw[128] = "http://h";
        nng_url *url;
        strcat(raw, cases[i].path);
        cr_assert_eq(nng_url_parse(&url, raw), 0, "%s", raw);
        cr_assert_str_eq(url->u_requri, cases[i].requri, "%s", raw);
        nng_url_free(url);
    }
}

Test(url, refused)
{
    static const char *const bad[] = {
        "",
        "h",
        "http",
        "http:",
        "http:x",
        "http:/x",
        "://x",
        "1http://x",
        "+a://x",
        "ht tp://x",
        "ht/tp://x",
        " http://x",
        "h\xc3\xa9://x",
        "http+unix://%2Ftmp%00x/",
        "http+unix://%2Ftmp%2",
        "http+unix://%2Ftmp%2G/",
        "http+unix://%",
        "http+unix://x:80/",
        "http+unix://a b/",
        "http+unix://[::1]/",
        "http://::/",
        "http://h::/",
        "http://[fe80::1%]/",
        "http://[fe80::1%25/]/",
        "http://[fe80::1%25a b]/",
        "http://[fe80::1%25a%25b]/",
        "http://h\\@evil/",
        "http://h\\.x@evil/",
        "http://<h>@evil/",
        "http://h%@evil/",
        "http://h%4@evil/",
        "http://h:abc/",
        "http://h:http/",
        "http://h:-1/",
        "http://h:+1/",
        "http://h:1 /",
        "http://h:1:2/",
        "http://h:65536/",
        "http://h:4294967376/",
        "http://h:99999999999999999999/",
        "http://::1/",
        "http://[::1/",
        "http://[::1",
        "http://[",
        "http://[]/",
        "http://[::1]x/",
        "http://[::1]]/",
        "http://[:::]/",
        "http://[1.2.3.4]/",
        "http://[::1%]/",
        "http://[::1%a/b]/",
        "http://[g::1]/",
        "http://a@b@c/",
        "http://a\x01@b/",
        "http://a b/",
        "http://a\tb/",
        "http://a\r\nb/",
        "http://a<b/",
        "http://a\\b/",
        "http://a,b/",
        "http://a%41/",
        "http://\xc3\xa9/",
        "http://h/a\tb",
        "http://h/a\r\nX: y",
        "http://h/a\x7f",
        "http://h/%",
        "http://h/%4",
        "http://h/%zz",
        "http://h/%4z",
        "http://h/%%41",
        "http://h/?%",
        "http://h/#%",
        /* not UTF-8 */
        "http://h/%80",
        "http://h/%c3",
        "http://h/%c3%28",
        "http://h/%c3a",
        "http://h/%c0%80",
        "http://h/%c1%bf",
        "http://h/%e0%80%80",
        "http://h/%e0%9f%bf",
        "http://h/%ed%a0%80",
        "http://h/%e2%82",
        "http://h/%f0%8f%bf%bf",
        "http://h/%f4%90%80%80",
        "http://h/%f5%80%80%80",
        "http://h/%f0%9f%98",
        "http://h/%ff",
        "http://h/\xff",
        "http://h/?\xff",
        "http://h/#\xff",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        nng_url *url = NULL;
        cr_assert_eq(nng_url_parse(&url, guard_copy(bad[i], strlen(bad[i]) + 1)), NNG_EINVAL, "%s",
                     bad[i]);
        cr_assert_null(url);
    }
    nng_url *url = NULL;
    cr_assert_eq(nng_url_parse(&url, NULL), NNG_EINVAL);
}

/* ---- Request targets ---------------------------------------------------------------------- */

static const struct {
    const char *target;
    const char *path;  /* NULL: refused */
    const char *query; /* NULL: there is none */
} targets[] = {
    { "/", "/", NULL },
    { "/?", "/", "" },
    { "/a/b.html", "/a/b.html", NULL },
    { "/a/b/", "/a/b/", NULL },
    { "/a?b=c?d/../%2e", "/a", "b=c?d/../%2e" },
    { "/a%20b", "/a b", NULL },
    { "/%61%62", "/ab", NULL },
    { "/%c3%a9", "/\xc3\xa9", NULL },
    { "/%ff", "/\xff", NULL },
    { "/%0d%0a", "/\r\n", NULL },
    { "/%3f%23%25", "/?#%", NULL },
    { "/%253f", "/%3f", NULL },
    { "/%25%32%66", "/%2f", NULL },
    { "/%5c..%5c", "/\\..\\", NULL },
    { "/a\\..\\b", "/a\\..\\b", NULL },
    { "/+", "/+", NULL },
    { "//a", "/a", NULL },
    { "///", "/", NULL },
    { "/a//b", "/a/b", NULL },
    { "/.", "/", NULL },
    { "/./", "/", NULL },
    { "/a/.", "/a", NULL },
    { "/a/./b", "/a/b", NULL },
    { "/a/../b", "/b", NULL },
    { "/a/b/../../c", "/c", NULL },
    { "/a/..", "/", NULL },
    { "/a/../", "/", NULL },
    { "/a//../b", "/b", NULL },
    { "/a/%2e%2e/b", "/b", NULL },
    { "/a/.%2E/b", "/b", NULL },
    { "/%2e/a", "/a", NULL },
    { "/...", "/...", NULL },
    { "/..a/a..", "/..a/a..", NULL },
    { "/a?/../..", "/a", "/../.." },
    { "http://h/a?b", "/a", "b" },
    { "HTTPS://h:1/a/../b", "/b", NULL },
    { "http://h", "/", NULL },
    { "http://h?a", "/", "a" },
    { "http://h/", "/", NULL },
    /* above the root */
    { "/..", NULL, NULL },
    { "/../", NULL, NULL },
    { "/../etc/passwd", NULL, NULL },
    { "/a/../../b", NULL, NULL },
    { "/a/../../a/b", NULL, NULL },
    { "/./../a", NULL, NULL },
    { "//../a", NULL, NULL },
    { "/%2e%2e/a", NULL, NULL },
    { "/%2e./a", NULL, NULL },
    { "/.%2e", NULL, NULL },
    { "/%2E%2E", NULL, NULL },
    { "http://h/..", NULL, NULL },
    /* separators and ends that were not there */
    { "/a%2fb", NULL, NULL },
    { "/a%2F..%2Fb", NULL, NULL },
    { "/..%2fa", NULL, NULL },
    { "/%00", NULL, NULL },
    { "/a%00.html", NULL, NULL },
    /* escapes */
    { "/%", NULL, NULL },
    { "/%4", NULL, NULL },
    { "/%zz", NULL, NULL },
    { "/%4z", NULL, NULL },
    { "/%%41", NULL, NULL },
    { "/%u0041", NULL, NULL },
    { "/%-1", NULL, NULL },
    { "/% 1", NULL, NULL },
    { "/%4?1", NULL, NULL },
    /* bytes and forms */
    { "", NULL, NULL },
    { "a", NULL, NULL },
    { "?a", NULL, NULL },
    { "*", NULL, NULL },
    { "h:80", NULL, NULL },
    { "ftp://h/", NULL, NULL },
    { "http:/h/", NULL, NULL },
    { "http://", NULL, NULL },
    { "http:///a", NULL, NULL },
    { "http://?a", NULL, NULL },
    { "/a b", NULL, NULL },
    { "/a#b", NULL, NULL },
    { "/a?b#c", NULL, NULL },
    { "/\x01", NULL, NULL },
    { "/\r\n", NULL, NULL },
    { "/\x7f", NULL, NULL },
    { "/\xc3\xa9", NULL, NULL },
    { "/?\xc3\xa9", NULL, NULL },
};

Test(url, targets)
{
    char out[128];

    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        const char *target = targets[i].target;
        size_t n = strlen(target);
        size_t len = 0;
        struct nu_slice query = { 0 };
        const char *copy = guard_copy(target, n);
        int rv = nu_target_decode(copy, n, out, sizeof(out), &len, &query);
        if (targets[i].path == NULL) {
            cr_assert_eq(rv, NNG_EINVAL, "%s", target);
            continue;
        }
        cr_assert_eq(rv, 0, "%s", target);
        cr_assert_str_eq(out, targets[i].path, "%s", target);
        cr_assert_eq(len, strlen(out));
        if (targets[i].query == NULL) {
            cr_assert_null(query.p, "%s", target);
        } else {
            cr_assert(query.p >= copy && query.p + query.n == copy + n, "%s", target);
            cr_assert_eq(query.n, strlen(targets[i].query));
            cr_assert_eq(memcmp(query.p, targets[i].query, query.n), 0);
        }
    }
}

Test(url, target_room)
{
    static const char *const samples[] = { "/", "/a/b", "/%41", "http://h", "/a/../b?c", "//a" };

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        size_t n = strlen(samples[i]);
        bool fits = false;
        for (size_t room = 0; room <= n + 2; room++) {
            struct nu_slice query;
            size_t len;
            int rv = nu_target_decode(samples[i], n, guard(room), room, &len, &query);
            cr_assert(rv == 0 || rv == NNG_EMSGSIZE);
            cr_assert(rv == 0 ? len < room : !fits, "%s in %zu", samples[i], room);
            fits = rv == 0;
        }
        cr_assert(fits, "%s", samples[i]);
    }
}

Test(url, a_target_with_a_NUL_in_it)
{
    char out[16];
    size_t len;
    struct nu_slice query;

    cr_assert_eq(nu_target_decode("/a\0b", 4, out, sizeof(out), &len, &query), NNG_EINVAL);
}

Test(url, every_single_escape)
{
    static const char hex[] = "0123456789abcdef";

    for (int c = 0; c < 256; c++) {
        char target[] = { '/', 'a', '%', hex[c >> 4], hex[c & 15] };
        char out[8];
        size_t len;
        struct nu_slice query;
        int rv = nu_target_decode(target, 5, out, sizeof(out), &len, &query);
        cr_assert_eq(rv, c == 0 || c == '/' ? NNG_EINVAL : 0, "%d", c);
        cr_assert(rv != 0 || (len == 3 && out[2] == (char) c), "%d", c);
    }
}
