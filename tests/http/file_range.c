/* SPDX-License-Identifier: MIT */
/* What a file's answer says of its version, and what clients make of it. */
#include "http/file_head.h"

#include "support/peer.h"
#include "support/proc.h"
#include "support/site.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SIZE ((size_t) 1 << 20) /* of "/f", several reads */
#define MODIFIED 784111777
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

static void make_f(struct t_site *site)
{
    uint8_t *data = t_pattern_new(SIZE, 1);
    t_site_make(site, "root/f", data, SIZE);
    t_site_date(site, "root/f", MODIFIED, 123456789);
    free(data);
}

/* Asks for /f with these lines in the head. */
static void ask(struct t_http_client *b, const char *method, const char *format, const char *value)
{
    char lines[512], text[1024];
    snprintf(lines, sizeof lines, format, value);
    snprintf(text, sizeof text, "%s /f HTTP/1.1\r\nHost: x\r\n%s\r\n", method, lines);
    t_http_client_say(b, text);
}

static bool has_field(const struct t_http_client *b, const char *name)
{
    char text[64];
    snprintf(text, sizeof text, "\r\n%s: ", name);
    return strcasestr(b->head, text) != NULL;
}

static void get_field(const struct t_http_client *b, const char *name, char value[128])
{
    char text[64];
    snprintf(text, sizeof text, "\r\n%s: ", name);
    const char *p = strcasestr(b->head, text);
    cr_assert_not_null(p, "%s: %s", name, b->head);
    p += strlen(text);
    snprintf(value, 128, "%.*s", (int) strcspn(p, "\r"), p);
}

static void assert_field(const struct t_http_client *b, const char *name, const char *want)
{
    char value[128];
    get_field(b, name, value);
    cr_assert_str_eq(value, want, "%s", name);
}

static void assert_whole(struct t_http_client *b)
{
    t_http_client_hear(b);
    cr_assert_eq(b->status, 200, "%u", b->status);
    cr_assert_eq(b->size, SIZE);
    t_pattern_assert((uint8_t *) b->body, 0, SIZE, 1);
    cr_assert_not(has_field(b, "Content-Range"));
}

static void assert_part(struct t_http_client *b, uint64_t from, uint64_t end)
{
    char range[128];
    t_http_client_hear(b);
    cr_assert_eq(b->status, 206, "%u", b->status);
    snprintf(range, sizeof range, "bytes %" PRIu64 "-%" PRIu64 "/%zu", from, end - 1, SIZE);
    assert_field(b, "Content-Range", range);
    assert_field(b, "Content-Type", "application/octet-stream");
    assert_field(b, "Accept-Ranges", "bytes");
    assert_field(b, "Last-Modified", DATE);
    cr_assert(has_field(b, "ETag"));
    cr_assert_eq(b->size, end - from);
    t_pattern_assert((uint8_t *) b->body, from, b->size, 1);
}

/* An answer without a body: the next one must follow at once. */
static void assert_bare(struct t_http_client *b, unsigned status)
{
    t_http_client_head(b);
    cr_assert_eq(b->status, status, "%u", b->status);
    t_http_client_get(b, "/static");
    t_http_client_assert(b, 200, "home");
}

/* ---- Versions ----------------------------------------------------------------------------- */

Test(file_range, head_is_that_of_get, .timeout = 60)
{
    struct t_site site;
    struct t_http_client b;
    char get[sizeof b.head];
    t_site_open(&site);
    make_f(&site);
    t_http_client_open(&b, site.web.port);
    ask(&b, "GET", "%s", "");
    assert_whole(&b);
    assert_field(&b, "Last-Modified", DATE);
    assert_field(&b, "Accept-Ranges", "bytes");
    assert_field(&b, "Content-Type", "application/octet-stream");
    strcpy(get, b.head);
    static const char *const names[] = { "Last-Modified", "ETag", "Accept-Ranges", "Content-Type",
                                         "Content-Length" };
    static const char *const lines[] = { "", "Range: bytes=1-2\r\n", "Range: bytes=9999999-\r\n" };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        ask(&b, "HEAD", "%s", lines[i]);
        t_http_client_head(&b);
        cr_assert_eq(b.status, 200);
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            struct t_http_client other = { 0 };
            char value[128];
            strcpy(other.head, get);
            get_field(&other, names[k], value);
            assert_field(&b, names[k], value);
        }
        cr_assert_not(has_field(&b, "Content-Range"));
        ask(&b, "GET", "%s", "");
        assert_whole(&b);
    }
    t_http_client_close(&b);
    t_site_close(&site);
}

static void get_tag(struct t_site *site, char tag[128])
{
    struct t_http_client b;
    t_http_client_open(&b, site->web.port);
    ask(&b, "HEAD", "%s", "");
    t_http_client_head(&b);
    cr_assert_eq(b.status, 200);
    get_field(&b, "ETag", tag);
    t_http_client_close(&b);
}

Test(file_range, another_version_has_another_tag, .timeout = 60)
{
    struct t_site site;
    char tags[6][128];
    t_site_open(&site);
    t_site_text(&site, "root/f", "one");
    t_site_date(&site, "root/f", MODIFIED, 1);
    get_tag(&site, tags[0]);
    get_tag(&site, tags[1]);
    cr_assert_str_eq(tags[0], tags[1]);
    cr_assert_eq(tags[0][0], '"');
    t_site_date(&site, "root/f", MODIFIED, 2);
    get_tag(&site, tags[1]);
    t_site_date(&site, "root/f", MODIFIED + 1, 1);
    get_tag(&site, tags[2]);
    t_site_text(&site, "root/f", "four");
    t_site_date(&site, "root/f", MODIFIED, 1);
    get_tag(&site, tags[3]);
    t_site_date(&site, "root/f", -MODIFIED, 1);
    get_tag(&site, tags[4]);
    t_site_text(&site, "root/new", "two");
    t_site_date(&site, "root/new", MODIFIED, 1);
    char *from = strdup(t_site_at(&site, "root/new"));
    cr_assert_eq(rename(from, t_site_at(&site, "root/f")), 0);
    free(from);
    get_tag(&site, tags[5]);
    for (int i = 0; i < 6; i++) {
        for (int k = 0; k < i; k++) {
            cr_assert_str_neq(tags[i], tags[k], "%d %d", i, k);
        }
    }
    t_site_close(&site);
}

/* What may still change within one tick of the clock is good for a cache only. */
Test(file_range, a_fresh_file, .timeout = 60)
{
    struct t_site site;
    struct t_http_client b;
    char tag[128], date[128];
    t_site_open(&site);
    make_f(&site);
    t_site_date(&site, "root/f", time(NULL) + 1000, 5);
    t_http_client_open(&b, site.web.port);
    ask(&b, "GET", "%s", "");
    assert_whole(&b);
    get_field(&b, "ETag", tag);
    cr_assert_eq(strncmp(tag, "W/\"", 3), 0, "%s", tag);
    get_field(&b, "Last-Modified", date);
    struct tm tm = { 0 };
    cr_assert_not_null(strptime(date, "%a, %d %b %Y %T GMT", &tm));
    cr_assert_leq(timegm(&tm), time(NULL));
    ask(&b, "GET", "Range: bytes=0-1\r\nIf-Range: %s\r\n", tag);
    assert_whole(&b);
    ask(&b, "GET", "Range: bytes=0-1\r\nIf-Range: %s\r\n", tag + 2);
    assert_whole(&b);
    ask(&b, "GET", "If-None-Match: %s\r\n", tag);
    assert_bare(&b, 304);
    t_site_date(&site, "root/f", MODIFIED, 0);
    ask(&b, "HEAD", "%s", "");
    t_http_client_head(&b);
    get_field(&b, "ETag", tag);
    cr_assert_eq(tag[0], '"', "%s", tag);
    t_http_client_close(&b);
    t_site_close(&site);
}

/* Whole seconds are of a file system that may not tell what came within two of them. */
Test(file_range, age_of_a_strong_tag, .timeout = 60)
{
    struct t_site site;
    char tag[128];
    t_site_open(&site);
    make_f(&site);
    t_site_date(&site, "root/f", time(NULL), 0);
    get_tag(&site, tag);
    cr_assert_eq(strncmp(tag, "W/\"", 3), 0, "%s", tag);
    t_site_date(&site, "root/f", time(NULL) - 4, 0);
    nng_msleep(25); /* on older kernels that change is young, too */
    get_tag(&site, tag);
    cr_assert_eq(tag[0], '"', "%s", tag);
    t_site_close(&site);
}

/* What a reproducible build, `rsync -t` and `tar` leave: the same name, size, time and even inode.
 */
Test(file_range, other_bytes_of_the_same_size_and_time, .timeout = 60)
{
    struct t_site site;
    struct t_http_client b;
    char tag[128], other[128];
    t_site_open(&site);
    t_site_text(&site, "root/f", "old bytes");
    t_site_date(&site, "root/f", MODIFIED, 0);
    nng_msleep(25);
    get_tag(&site, tag);
    t_site_text(&site, "root/f", "new bytes");
    t_site_date(&site, "root/f", MODIFIED, 0);
    nng_msleep(25);
    get_tag(&site, other);
    cr_assert_str_neq(tag, other);
    t_http_client_open(&b, site.web.port);
    ask(&b, "GET", "If-None-Match: %s\r\n", tag);
    t_http_client_assert(&b, 200, "new bytes");
    ask(&b, "GET", "Range: bytes=4-\r\nIf-Range: %s\r\n", tag);
    t_http_client_assert(&b, 200, "new bytes");
    ask(&b, "GET", "Range: bytes=4-\r\nIf-Range: %s\r\n", DATE);
    t_http_client_assert(&b, 200, "new bytes");
    ask(&b, "GET", "Range: bytes=4-\r\nIf-Range: %s\r\n", other);
    t_http_client_assert(&b, 206, "bytes");
    t_http_client_close(&b);
    t_site_close(&site);
}

/* Images and packages whose files have no date: that of the epoch says nothing. */
Test(file_range, no_date, .timeout = 60)
{
    struct t_site site;
    struct t_http_client b;
    t_site_open(&site);
    t_site_text(&site, "root/f", "bytes");
    t_http_client_open(&b, site.web.port);
    for (int second = 0; second < 2; second++) {
        t_site_date(&site, "root/f", second, 0);
        ask(&b, "GET", "If-Modified-Since: Thu, 01 Jan 1970 00:00:01 GMT\r\n%s", "");
        t_http_client_assert(&b, 200, "bytes");
        cr_assert_not(has_field(&b, "Last-Modified"));
        cr_assert(has_field(&b, "ETag"));
        ask(&b, "GET", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n%s", "");
        t_http_client_assert(&b, 200, "bytes");
        ask(&b, "GET", "Range: bytes=1-\r\nIf-Range: Thu, 01 Jan 1970 00:00:0%s GMT\r\n",
            second == 0 ? "0" : "1");
        t_http_client_assert(&b, 200, "bytes");
    }
    t_http_client_close(&b);
    t_site_close(&site);
}

/* ---- Conditions --------------------------------------------------------------------------- */

Test(file_range, round_trips, .timeout = 60)
{
    struct t_site site;
    struct t_http_client b;
    char tag[128];
    t_site_open(&site);
    make_f(&site);
    t_http_client_open(&b, site.web.port);
    ask(&b, "GET", "%s", "");
    assert_whole(&b);
    get_field(&b, "ETag", tag);
    static const char *const same[] = {
        "If-None-Match: %s\r\n",
        "If-None-Match: \"other\", W/%s\r\n",
        "If-None-Match: *\r\nX: %s\r\n",
        "If-Modified-Since: " DATE "\r\nX: %s\r\n",
        "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\nX: %s\r\n",
        "Range: bytes=0-1\r\nIf-None-Match: %s\r\n",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        for (int head = 0; head < 2; head++) {
            ask(&b, head ? "HEAD" : "GET", same[i], tag);
            t_http_client_head(&b);
            cr_assert_eq(b.status, 304, "%s", same[i]);
            assert_field(&b, "ETag", tag);
            assert_field(&b, "Last-Modified", DATE);
            cr_assert_not(has_field(&b, "Content-Length"));
            cr_assert_not(has_field(&b, "Content-Type"));
            cr_assert_not(has_field(&b, "Transfer-Encoding"));
            t_http_client_get(&b, "/static");
            t_http_client_assert(&b, 200, "home");
        }
    }
    ask(&b, "GET", "If-Match: \"other\"\r\nRange: bytes=0-1\r\n%s", "");
    t_http_client_assert(&b, 412, NULL);
    cr_assert_gt(b.size, 0);
    ask(&b, "HEAD", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n%s", "");
    assert_bare(&b, 412);
    ask(&b, "GET", "If-Match: %s\r\nRange: bytes=5-8\r\n", tag);
    assert_part(&b, 5, 9);
    ask(&b, "GET", "If-Range: %s\r\nRange: bytes=5-8\r\n", tag);
    assert_part(&b, 5, 9);
    ask(&b, "GET", "If-Range: %s\r\nRange: bytes=-8\r\n", tag);
    assert_part(&b, SIZE - 8, SIZE);
    ask(&b, "GET", "If-Range: " DATE "\r\nRange: bytes=-8\r\n%s", "");
    assert_whole(&b);

    /* Another version: nothing that the client has is good any more. */
    t_site_date(&site, "root/f", MODIFIED + 1, 0);
    ask(&b, "GET", "If-None-Match: %s\r\nIf-Modified-Since: " DATE "\r\n", tag);
    assert_whole(&b);
    ask(&b, "GET", "If-Modified-Since: " DATE "\r\n%s", "");
    assert_whole(&b);
    ask(&b, "GET", "If-Range: %s\r\nRange: bytes=5-8\r\n", tag);
    assert_whole(&b);
    ask(&b, "GET", "If-Range: " DATE "\r\nRange: bytes=5-8\r\n%s", "");
    assert_whole(&b);
    ask(&b, "GET", "If-Range: %s\r\nRange: bytes=99999999-\r\n", tag);
    assert_whole(&b);
    ask(&b, "GET", "If-Match: %s\r\n", tag);
    t_http_client_assert(&b, 412, NULL);
    t_http_client_close(&b);
    t_site_close(&site);
}

/* A handler for any method: with others, there are no conditions and no parts. */
Test(file_range, other_methods, .timeout = 60)
{
    struct t_site site;
    struct t_http_client b;
    nng_http_handler *h;
    t_site_open(&site);
    t_site_text(&site, "any", "content");
    cr_assert_eq(nng_http_handler_alloc_file(&h, "/any", t_site_at(&site, "any")), 0);
    cr_assert_eq(nng_http_handler_set_method(h, NULL), 0);
    t_web_add(&site.web, h);
    t_http_client_open(&b, site.web.port);
    t_http_client_say(&b, "POST /any HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n"
                          "If-None-Match: *\r\nIf-Match: \"x\"\r\nContent-Length: 0\r\n\r\n");
    t_http_client_assert(&b, 200, "content");
    t_http_client_say(&b, "GET /any HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n");
    t_http_client_assert(&b, 206, "co");
    t_http_client_close(&b);
    t_site_close(&site);
}

/* ---- Ranges ------------------------------------------------------------------------------- */

Test(file_range, parts, .timeout = 60)
{
    static const struct {
        const char *range;
        uint64_t from, end;
    } parts[] = {
        { "bytes=0-0", 0, 1 },
        { "bytes=0-", 0, SIZE },
        { "bytes=0-1048575", 0, SIZE },
        { "bytes=0-99999999999999999999999", 0, SIZE },
        { "bytes=1-1048574", 1, SIZE - 1 },
        { "bytes=262143-262144", 262143, 262145 },
        { "bytes=1000-900000", 1000, 900001 },
        { "bytes=1048575-", SIZE - 1, SIZE },
        { "bytes=-1", SIZE - 1, SIZE },
        { "bytes=-300000", SIZE - 300000, SIZE },
        { "bytes=-1048576", 0, SIZE },
        { "bytes=-18446744073709551616", 0, SIZE },
    };
    static const char *const ignored[] = {
        "Range: bytes=0-1,2-3\r\n%s",
        "Range: bytes=9-8\r\n%s",
        "Range: lines=0-1\r\n%s",
        "Range: bytes=\r\n%s",
        "Range: bytes=a-b\r\n%s",
        "Range:\r\n%s",
        "Range: bytes=0-1\r\nRange: bytes=2-3\r\n%s",
    };
    struct t_site site;
    struct t_http_client b;
    t_site_open(&site);
    make_f(&site);
    t_http_client_open(&b, site.web.port);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        ask(&b, "GET", "Range: %s\r\n", parts[i].range);
        t_http_client_get(&b, "/static"); /* pipelined: it must follow exactly */
        assert_part(&b, parts[i].from, parts[i].end);
        t_http_client_assert(&b, 200, "home");
    }
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
        ask(&b, "GET", ignored[i], "");
        assert_whole(&b);
    }
    t_http_client_say(&b, "GET /f HTTP/1.0\r\nRange: bytes=7-8\r\nConnection: keep-alive\r\n\r\n");
    assert_part(&b, 7, 9);
    t_http_client_close(&b);
    t_site_close(&site);
}

Test(file_range, not_satisfiable, .timeout = 60)
{
    static const char *const ranges[] = { "bytes=1048576-", "bytes=1048576-1048577", "bytes=-0",
                                          "bytes=18446744073709551616-" };
    struct t_site site;
    struct t_http_client b;
    t_site_open(&site);
    make_f(&site);
    t_http_client_open(&b, site.web.port);
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        ask(&b, "GET", "Range: %s\r\n", ranges[i]);
        t_http_client_assert(&b, 416, NULL);
        assert_field(&b, "Content-Range", "bytes */1048576");
        assert_field(&b, "Content-Type", "text/html; charset=utf-8");
        cr_assert_not_null(memmem(b.body, b.size, "416", 3));
    }
    t_http_client_close(&b);
    t_site_close(&site);
}

Test(file_range, empty_file, .timeout = 60)
{
    struct t_site site;
    struct t_http_client b;
    t_site_open(&site);
    t_site_text(&site, "root/f", "");
    t_site_date(&site, "root/f", MODIFIED, 0);
    t_http_client_open(&b, site.web.port);
    static const char *const whole[] = { "", "Range: bytes=-5\r\n", "Range: bytes=x\r\n" };
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        ask(&b, "GET", "%s", whole[i]);
        t_http_client_assert(&b, 200, "");
        assert_field(&b, "Content-Length", "0");
        assert_field(&b, "Last-Modified", DATE);
    }
    ask(&b, "GET", "%s", "Range: bytes=0-\r\n");
    t_http_client_assert(&b, 416, NULL);
    assert_field(&b, "Content-Range", "bytes */0");
    ask(&b, "HEAD", "%s", "Range: bytes=0-\r\n");
    assert_bare(&b, 200);
    ask(&b, "GET", "%s", "If-Modified-Since: " DATE "\r\n");
    assert_bare(&b, 304);
    t_http_client_close(&b);
    t_site_close(&site);
}

/* ---- Large files -------------------------------------------------------------------------- */

#define HUGE ((off_t) 5 << 30)

Test(file_range, five_gigabytes, .timeout = 60)
{
    struct t_site site;
    struct t_http_client b;
    t_site_open(&site);
    int fd = open(t_site_at(&site, "root/f"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    cr_assert_geq(fd, 0);
    cr_assert_eq(ftruncate(fd, HUGE), 0); /* a hole, but for these */
    cr_assert_eq(pwrite(fd, "the end", 7, HUGE - 7), 7);
    cr_assert_eq(pwrite(fd, "4 GiB", 5, ((off_t) 1 << 32) - 2), 5);
    close(fd);
    size_t before = t_proc_rss();
    t_http_client_open(&b, site.web.port);
    ask(&b, "HEAD", "%s", "");
    t_http_client_head(&b);
    assert_field(&b, "Content-Length", "5368709120");
    ask(&b, "GET", "%s", "Range: bytes=-7\r\n");
    t_http_client_assert(&b, 206, "the end");
    assert_field(&b, "Content-Range", "bytes 5368709113-5368709119/5368709120");
    ask(&b, "GET", "%s", "Range: bytes=5368709116-\r\n");
    t_http_client_assert(&b, 206, " end");
    ask(&b, "GET", "%s", "Range: bytes=4294967294-4294967298\r\n");
    t_http_client_assert(&b, 206, "4 GiB");
    ask(&b, "GET", "%s", "Range: bytes=5368709120-\r\n");
    t_http_client_assert(&b, 416, NULL);
    assert_field(&b, "Content-Range", "bytes */5368709120");
    ask(&b, "GET", "%s", ""); /* the client does not wait for all of it */
    t_http_client_head(&b);
    assert_field(&b, "Content-Length", "5368709120");
    cr_assert_lt(t_proc_rss(), before + ((size_t) 64 << 20));
    t_http_client_reset(&b);
    t_proc_await_fds(site.fds);
    t_site_close(&site);
}

#define BIG ((size_t) 24 << 20)

Test(file_range, a_part_shrinks, .timeout = 60)
{
    struct t_site site;
    struct t_http_client b;
    t_site_open(&site);
    uint8_t *data = t_pattern_new(BIG, 2);
    t_site_make(&site, "root/f", data, BIG);
    free(data);
    t_http_client_open_small(&b, site.web.port);
    ask(&b, "GET", "%s", "Range: bytes=1000-\r\n");
    t_http_client_get(&b, "/static");
    t_http_client_head(&b);
    cr_assert_eq(b.status, 206);
    cr_assert_eq(truncate(t_site_at(&site, "root/f"), 2000), 0);
    cr_assert_lt(t_http_client_await_end(&b), BIG - 1000); /* broken off, not padded */
    t_http_client_close(&b);
    t_proc_await_fds(site.fds);
    t_site_close(&site);
}

Test(file_range, a_part_of_what_grows, .timeout = 60)
{
    struct t_site site;
    struct t_http_client b;
    t_site_open(&site);
    uint8_t *data = t_pattern_new(BIG, 2);
    t_site_make(&site, "root/f", data, BIG);
    t_http_client_open_small(&b, site.web.port);
    ask(&b, "GET", "%s", "Range: bytes=1000-\r\n");
    t_http_client_get(&b, "/static");
    t_http_client_head(&b);
    cr_assert_eq(b.status, 206);
    int fd = open(t_site_at(&site, "root/f"), O_WRONLY | O_APPEND | O_CLOEXEC);
    cr_assert_eq(write(fd, "more", 4), 4);
    close(fd);
    size_t had = b.len - b.used, left = BIG - 1000 - had;
    t_pattern_assert((uint8_t *) b.buf + b.used, 1000, had, 2);
    t_peer_read(b.fd, 1000 + had, left, 2);
    b.len = b.used = 0;
    t_http_client_assert(&b, 200, "home");
    t_http_client_close(&b);
    free(data);
    t_site_close(&site);
}
