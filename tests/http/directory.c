/* SPDX-License-Identifier: MIT */
/* What a directory has in place of its files, and what it says of them. */
#include "http/directory.h"

#include "support/site.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(directory, .timeout = 120);

static struct t_site site;
static struct t_http_client b;
static nng_http_handler *h;

/* A directory of its own, "in", at /in. */
static void begin(void)
{
    char path[512];
    t_site_open(&site);
    cr_assert_eq(mkdir(t_site_at(&site, "in"), 0755), 0);
    snprintf(path, sizeof path, "%s", t_site_at(&site, "in"));
    cr_assert_eq(nng_http_handler_alloc_directory(&h, "/in", path), 0);
    cr_assert_eq(nng_http_handler_set_tree(h), 0); /* another one is at / */
}

static void start(void)
{
    t_web_add(&site.web, h);
    t_http_client_open(&b, site.web.port);
}

static void finish(void)
{
    t_http_client_close(&b);
    t_site_close(&site);
}

static void ask(const char *method, const char *path, const char *lines)
{
    char text[1024];
    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", method, path, lines);
    t_http_client_say(&b, text);
}

static void assert_got(const char *path, const char *lines, unsigned status, const char *body)
{
    ask("GET", path, lines);
    t_http_client_assert(&b, status, body);
}

#define assert_line(line) cr_assert(t_http_client_line(&b, line), "'%s' is not in %s", line, b.head)
#define assert_no_line(line) cr_assert_null(strstr(b.head, "\r\n" line), "%s", b.head)

/* ---- Files that were compressed before ---------------------------------------------------- */

static void get_etag(char etag[160])
{
    const char *p = strstr(b.head, "\r\nETag: ");
    cr_assert_not_null(p);
    snprintf(etag, 160, "%.*s", (int) strcspn(p + 8, "\r"), p + 8);
}

Test(directory, precompressed)
{
    char plain[160], gzip[160], line[256];
    begin();
    cr_assert_eq(nng_uring_handler_set_precompressed(h, true), 0);
    t_site_text(&site, "in/a.html", "as it is");
    t_site_text(&site, "in/a.html.gz", "gzipped");
    t_site_text(&site, "in/a.html.br", "brotli");
    t_site_text(&site, "in/index.html", "index");
    t_site_text(&site, "in/index.html.zst", "zstd");
    t_site_date(&site, "in/a.html.gz", 784111777, 0);
    cr_assert_eq(mkdir(t_site_at(&site, "in/b.gz"), 0755), 0);
    t_site_text(&site, "in/b", "b");
    t_site_text(&site, "in/only.gz", "only");
    start();
    cr_assert_eq(nng_uring_handler_set_precompressed(h, false), NNG_EBUSY);

    assert_got("/in/a.html", "", 200, "as it is");
    assert_line("Vary: Accept-Encoding");
    assert_no_line("Content-Encoding");
    get_etag(plain);
    assert_got("/in/a.html", "Accept-Encoding: gzip, br\r\n", 200, "brotli");
    assert_line("Content-Encoding: br");
    assert_line("Content-Type: text/html");
    assert_line("Vary: Accept-Encoding");
    assert_got("/in/a.html", "Accept-Encoding: gzip, br;q=0, zstd\r\n", 200, "gzipped");
    assert_line("Content-Encoding: gzip");
    get_etag(gzip);
    cr_assert_str_neq(plain, gzip);

    snprintf(line, sizeof line, "Accept-Encoding: gzip\r\nIf-None-Match: %s\r\n", gzip);
    ask("GET", "/in/a.html", line);
    t_http_client_head(&b);
    cr_assert_eq(b.status, 304);
    assert_line("Vary: Accept-Encoding");
    snprintf(line, sizeof line, "If-None-Match: %s\r\n", gzip);
    assert_got("/in/a.html", line, 200, "as it is");
    assert_got("/in/a.html", "Accept-Encoding: gzip\r\nRange: bytes=1-2\r\n", 206, "zi");
    assert_line("Content-Range: bytes 1-2/7");
    assert_line("Content-Encoding: gzip");
    ask("HEAD", "/in/a.html", "Accept-Encoding: gzip\r\n");
    t_http_client_head(&b);
    assert_line("Content-Length: 7");

    assert_got("/in/a.html", "Accept-Encoding: zstd, identity;q=0\r\n", 406, NULL);
    assert_got("/in/none", "Accept-Encoding: gzip, identity;q=0\r\n", 404, NULL);
    assert_got("/in/", "Accept-Encoding: zstd\r\n", 200, "zstd");
    assert_line("Content-Type: text/html");
    assert_got("/in/b", "Accept-Encoding: gzip\r\n", 200, "b");
    assert_got("/in/only", "", 404, NULL);
    finish();
}

/* By default nothing of that. */
Test(directory, as_it_is)
{
    begin();
    t_site_text(&site, "in/a", "as it is");
    t_site_text(&site, "in/a.gz", "gzipped");
    start();
    assert_got("/in/a", "Accept-Encoding: gzip\r\nOrigin: http://a\r\n", 200, "as it is");
    assert_no_line("Vary");
    assert_no_line("Cache-Control");
    assert_no_line("Access-Control");
    assert_got("/in/", "", 404, NULL);
    finish();
}

/* ---- Lists -------------------------------------------------------------------------------- */

Test(directory, listing)
{
    begin();
    cr_assert_eq(nng_uring_handler_set_listing(h, true), 0);
    cr_assert_eq(mkdir(t_site_at(&site, "in/z"), 0755), 0);
    cr_assert_eq(mkdir(t_site_at(&site, "in/z/deep"), 0755), 0);
    t_site_text(&site, "in/b", "four");
    t_site_date(&site, "in/b", 784111777, 0);
    t_site_text(&site, "in/<&\"'> ?%", "");
    t_site_text(&site, "in/.hidden", "");
    cr_assert_eq(mkfifo(t_site_at(&site, "in/fifo"), 0600), 0);
    start();
    ask("GET", "/in/", "");
    t_http_client_hear(&b);
    cr_assert_eq(b.status, 200);
    assert_line("Content-Type: text/html; charset=utf-8");
    char *page = strndup(b.body, b.size);
    cr_assert_not_null(strstr(page, "<title>Index of /in/</title>"));
    const char *dir = strstr(page, "<a href=\"./z/\">z/</a></td><td>");
    const char *odd =
        strstr(page, "<a href=\"./%3C%26%22%27%3E%20%3F%25\">&lt;&amp;&quot;&#39;&gt; ?%</a>");
    const char *file =
        strstr(page, "<a href=\"./b\">b</a></td><td>1994-11-06 08:49</td><td>4</td>");
    cr_assert(dir != NULL && odd != NULL && file != NULL, "%s", page);
    cr_assert(dir < odd && odd < file, "directories first, then by name: %s", page);
    cr_assert_null(strstr(page, "hidden"));
    cr_assert_null(strstr(page, "fifo"));
    cr_assert_null(strstr(page, "../"), "there is no way up from the top");
    free(page);
    ask("HEAD", "/in/", "");
    t_http_client_head(&b);
    cr_assert_eq(b.status, 200);

    assert_got("/in/z", "", 301, NULL);
    assert_line("Location: /in/z/");
    ask("GET", "/in/z/", "");
    t_http_client_hear(&b);
    cr_assert_eq(b.status, 200);
    cr_assert_not_null(strstr(b.body, "<a href=\"../\">"));
    cr_assert_not_null(strstr(b.body, "<a href=\"./deep/\">"));
    assert_got("/in/none/", "", 404, NULL);
    t_site_text(&site, "in/z/index.html", "index");
    assert_got("/in/z/", "", 200, "index");
    finish();
}

/* Who has gone meanwhile leaves nothing behind: t_site_close() counts descriptors. */
Test(directory, listing_for_nobody)
{
    begin();
    cr_assert_eq(nng_uring_handler_set_listing(h, true), 0);
    start();
    for (int i = 0; i < 50; i++) {
        struct t_http_client gone;
        t_http_client_open(&gone, site.web.port);
        t_http_client_get(&gone, "/in/");
        t_http_client_reset(&gone);
    }
    ask("GET", "/in/", "");
    t_http_client_hear(&b);
    cr_assert_eq(b.status, 200);
    finish();
}

/* ---- One file for all --------------------------------------------------------------------- */

Test(directory, fallback)
{
    begin();
    cr_assert_eq(nng_uring_handler_set_fallback(h, ""), NNG_EINVAL);
    cr_assert_eq(nng_uring_handler_set_fallback(h, "dir/"), NNG_EINVAL);
    cr_assert_eq(nng_uring_handler_set_fallback(h, "/a-rather-long/name/of/app.html"), 0);
    cr_assert_eq(nng_uring_handler_set_fallback(h, "/app.html"), 0);
    cr_assert_eq(nng_uring_handler_set_precompressed(h, true), 0);
    cr_assert_eq(mkdir(t_site_at(&site, "in/d"), 0755), 0);
    t_site_text(&site, "in/f", "f");
    start();
    assert_got("/in/none", "", 404, NULL);
    t_site_text(&site, "in/app.html", "app");
    t_site_text(&site, "in/app.html.gz", "zipped");
    assert_got("/in/f", "", 200, "f");
    assert_got("/in/x", "", 200, "app");
    assert_line("Content-Type: text/html");
    assert_got("/in/x/y/z?q", "Accept-Encoding: gzip\r\n", 200, "zipped");
    assert_got("/in/d", "", 200, "app");
    assert_got("/in/f/x", "", 200, "app");
    assert_got("/in/", "", 200, "app");
    assert_got("/elsewhere", "", 404, NULL);
    finish();
}

/* ---- Fields ------------------------------------------------------------------------------- */

Test(directory, cache_rules)
{
    begin();
    cr_assert_eq(nng_uring_handler_add_cache_rule(h, "*.css", "no\nline"), NNG_EINVAL);
    cr_assert_eq(nng_uring_handler_add_cache_rule(h, "", "no-store"), NNG_EINVAL);
    cr_assert_eq(nng_uring_handler_add_cache_rule(h, "/deep/*", "no-store"), 0);
    cr_assert_eq(nng_uring_handler_add_cache_rule(h, "*.css", "public, max-age=60"), 0);
    cr_assert_eq(mkdir(t_site_at(&site, "in/deep"), 0755), 0);
    cr_assert_eq(mkdir(t_site_at(&site, "in/deep/er"), 0755), 0);
    t_site_text(&site, "in/a.css", "a");
    t_site_text(&site, "in/a.js", "b");
    t_site_text(&site, "in/deep/er/a.css", "c");
    start();
    assert_got("/in/a.css", "", 200, "a");
    assert_line("Cache-Control: public, max-age=60");
    assert_got("/in/a.js", "", 200, "b");
    assert_no_line("Cache-Control");
    assert_got("/in/deep/er/a.css", "", 200, "c");
    assert_line("Cache-Control: no-store");
    ask("GET", "/in/a.css", "If-None-Match: *\r\n");
    t_http_client_head(&b);
    cr_assert_eq(b.status, 304);
    assert_line("Cache-Control: public, max-age=60");
    finish();
}

Test(directory, origins)
{
    static const char *const bad[] = { "", "a.example", "https://", "https://a/", "http://*.a" };
    begin();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(nng_uring_handler_add_origin(h, bad[i]), NNG_EINVAL, "%s", bad[i]);
    }
    cr_assert_eq(nng_uring_handler_add_origin(h, "HTTPS://A.Example"), 0);
    cr_assert_eq(nng_uring_handler_add_origin(h, "https://b.example:444"), 0);
    t_site_text(&site, "in/a", "a");
    cr_assert_eq(mkdir(t_site_at(&site, "in/deep"), 0755), 0);
    t_site_text(&site, "in/deep/index.html", "b");
    cr_assert_eq(nng_uring_handler_set_slash_redirects(h, true), 0);
    start();
    assert_got("/in/a", "Origin: https://b.example:444\r\n", 200, "a");
    assert_line("Access-Control-Allow-Origin: https://b.example:444");
    assert_line("Vary: Origin");
    assert_got("/in/a", "Origin: https://evil.example\r\n", 200, "a");
    assert_no_line("Access-Control");
    assert_line("Vary: Origin");
    assert_got("/in/none", "Origin: https://a.example\r\n", 404, NULL);
    assert_line("Access-Control-Allow-Origin: https://a.example");
    assert_got("/in/none", "Origin: https://evil.example\r\n", 404, NULL);
    assert_no_line("Access-Control");
    assert_line("Vary: Origin");
    assert_got("/in/deep", "Origin: https://a.example\r\n", 301, NULL);
    assert_line("Access-Control-Allow-Origin: https://a.example");
    assert_line("Location: /in/deep/");
    ask("OPTIONS", "/in/a",
        "Origin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n"
        "Access-Control-Request-Headers: range\r\n");
    t_http_client_head(&b);
    cr_assert_eq(b.status, 204);
    assert_line("Access-Control-Allow-Origin: https://a.example");
    assert_line("Access-Control-Allow-Methods: GET, HEAD, OPTIONS");
    assert_line("Access-Control-Allow-Headers: range");
    ask("PUT", "/in/a", "Origin: https://a.example\r\n");
    t_http_client_hear(&b);
    cr_assert_eq(b.status, 405);
    assert_line("Access-Control-Allow-Origin: https://a.example");
    assert_line("Vary: Origin");
    assert_no_line("Access-Control-Allow-Methods");
    ask("OPTIONS", "/in/a",
        "Origin: https://evil.example\r\nAccess-Control-Request-Method: GET\r\n");
    t_http_client_head(&b);
    assert_no_line("Access-Control");
    finish();
}

Test(directory, all_origins)
{
    begin();
    cr_assert_eq(nng_uring_handler_add_origin(h, "*"), 0);
    t_site_text(&site, "in/a", "a");
    start();
    assert_got("/in/a", "", 200, "a");
    assert_line("Access-Control-Allow-Origin: *");
    assert_no_line("Vary");
    finish();
}
