/* SPDX-License-Identifier: MIT */
#include "http/file.h"

#include "support/peer.h"
#include "support/proc.h"
#include "support/site.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- Content ------------------------------------------------------------------------------ */

static const size_t sizes[] = {
    0, 1, 255, 4096, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 3 << 20
};

#define SIZES (sizeof sizes / sizeof sizes[0])

Test(file, content, .timeout = 120)
{
    struct t_site site;
    struct t_http_client b;
    t_site_open(&site);
    t_http_client_open(&b, site.web.port);
    for (unsigned i = 0; i < SIZES; i++) {
        char line[64];
        uint8_t *data = t_pattern_new(sizes[i] + 1, i);
        t_site_make(&site, "root/f.html", data, sizes[i]);
        snprintf(line, sizeof line, "Content-Length: %zu", sizes[i]);
        for (int round = 0; round < 3; round++) {
            t_http_client_get(&b, "/f.html");
            t_http_client_say(&b, "HEAD /f.html HTTP/1.1\r\nHost: x\r\n\r\n");
            t_http_client_get(&b, "/static");
            t_http_client_hear(&b);
            cr_assert_eq(b.status, 200);
            cr_assert(t_http_client_line(&b, line));
            cr_assert(t_http_client_line(&b, "Content-Type: text/html"));
            cr_assert_eq(b.size, sizes[i]);
            t_pattern_assert((uint8_t *) b.body, 0, sizes[i], i);
            t_http_client_head(&b);
            cr_assert_eq(b.status, 200);
            cr_assert(t_http_client_line(&b, line));
            t_http_client_assert(&b, 200, "home");
        }
        free(data);
    }
    t_http_client_close(&b);
    t_site_close(&site);
}

Test(file, file_handler, .timeout = 60)
{
    struct t_site site;
    nng_http_handler *h;
    t_site_open(&site);
    t_site_text(&site, "one.txt", "first");
    cr_assert_eq(nng_http_handler_alloc_file(&h, "/one", t_site_at(&site, "one.txt")), 0);
    t_web_add(&site.web, h);
    cr_assert_eq(nng_http_handler_alloc_file(&h, "/dir", site.dir), 0);
    t_web_add(&site.web, h);
    t_web_assert(&site.web, "/one", 200, "first");
    t_site_text(&site, "one.txt", "second time"); /* it is read anew */
    t_web_assert(&site.web, "/one", 200, "second time");
    t_web_assert(&site.web, "/one/", 200, "second time");
    t_web_assert(&site.web, "/one/x", 404, NULL);
    t_web_assert(&site.web, "/dir", 404, NULL);
    unlink(t_site_at(&site, "one.txt"));
    t_web_assert(&site.web, "/one", 404, NULL);
    t_site_close(&site);
}

Test(file, http_1_0_and_close, .timeout = 60)
{
    struct t_site site;
    struct t_http_client b;
    t_site_open(&site);
    t_site_text(&site, "root/f", "content");
    t_http_client_open(&b, site.web.port);
    t_http_client_say(&b, "GET /f HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    t_http_client_assert(&b, 200, "content");
    cr_assert(t_http_client_line(&b, "Connection: keep-alive"));
    t_http_client_say(&b, "GET /f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    shutdown(b.fd, SHUT_WR);
    t_http_client_assert(&b, 200, "content");
    cr_assert(t_http_client_line(&b, "Connection: close"));
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    t_site_close(&site);
}

/* ---- Names -------------------------------------------------------------------------------- */

Test(file, indexes, .timeout = 60)
{
    struct t_site site;
    t_site_open(&site);
    cr_assert_eq(mkdir(t_site_at(&site, "root/a"), 0755), 0);
    cr_assert_eq(mkdir(t_site_at(&site, "root/a/index.html"), 0755), 0);
    cr_assert_eq(mkdir(t_site_at(&site, "root/b"), 0755), 0);
    t_site_text(&site, "root/index.html", "root");
    t_site_text(&site, "root/b/index.htm", "htm");
    t_web_assert(&site.web, "/", 200, "root");
    t_web_assert(&site.web, "/?q", 200, "root");
    t_web_assert(&site.web, "//", 200, "root");
    t_web_assert(&site.web, "/a", 404, NULL);
    t_web_assert(&site.web, "/b", 200, "htm");
    t_web_assert(&site.web, "/b/", 200, "htm");
    t_site_text(&site, "root/b/index.html", "html");
    t_web_assert(&site.web, "/b/", 200, "html");
    t_web_assert(&site.web, "/b/index.htm", 200, "htm");
    t_web_assert(&site.web, "/b/index.html/", 404, NULL);
    t_web_assert(&site.web, "/b/index.html/x", 404, NULL);
    t_site_close(&site);
}

Test(file, odd_names, .timeout = 60)
{
    char name[256], target[300];
    struct t_site site;
    t_site_open(&site);
    t_site_text(&site, "root/a b?c#d%41", "odd");
    t_web_assert(&site.web, "/a%20b%3fc%23d%2541", 200, "odd");
    t_web_assert(&site.web, "/a%20b%3fc%23d%41", 404, NULL);
    t_site_text(&site, "root/\xc3\xa9\xff\n", "bytes");
    t_web_assert(&site.web, "/%c3%A9%ff%0a", 200, "bytes");
    memset(name, 'n', 255);
    name[255] = '\0';
    snprintf(target, sizeof target, "root/%s", name);
    t_site_text(&site, target, "long");
    t_web_assert(&site.web, target + 4, 200, "long");
    strcat(target, "n");
    t_web_assert(&site.web, target + 4, 404, NULL);
    t_site_text(&site, "root/...", "dots");
    t_web_assert(&site.web, "/...", 200, "dots");
    t_site_close(&site);
}

static const char *const outside[] = {
    "/../secret",
    "/%2e%2e/secret",
    "/.%2E/secret",
    "/a/../../secret",
    "/..%2fsecret",
    "/%2e%2e%2fsecret",
    "/..%5csecret",
    "//../secret",
    "/absolute",
    "/relative",
    "/above/secret",
    "/absolute/",
    "/loop",
    "/%2e%2e%00/secret",
    "/dangling",
    "/..;/secret",
    "/%252e%252e/secret",
    "/a%2f..%2f..%2fsecret",
    "http://x/../secret",
    "http://x/%2e%2e/secret",
    "http://x/..%2Fsecret",
    "/up/secret",
    "/up/root/../secret",
};

Test(file, nothing_outside_the_root, .timeout = 60)
{
    char target[128];
    struct t_site site;
    t_site_open(&site);
    t_site_text(&site, "secret", "secret");
    snprintf(target, sizeof target, "%s/secret", site.dir);
    cr_assert_eq(mkdir(t_site_at(&site, "root/a"), 0755), 0);
    cr_assert_eq(symlink(target, t_site_at(&site, "root/absolute")), 0);
    cr_assert_eq(symlink("../secret", t_site_at(&site, "root/relative")), 0);
    cr_assert_eq(symlink("..", t_site_at(&site, "root/above")), 0);
    cr_assert_eq(symlink(site.dir, t_site_at(&site, "root/up")), 0);
    cr_assert_eq(symlink("loop", t_site_at(&site, "root/loop")), 0);
    cr_assert_eq(symlink("nothing", t_site_at(&site, "root/dangling")), 0);
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        struct t_http_client b;
        t_http_client_open(&b, site.web.port);
        t_http_client_get(&b, outside[i]);
        t_http_client_hear(&b);
        cr_assert(b.status == 404 || b.status == 400, "%s: %u", outside[i], b.status);
        cr_assert_null(memmem(b.body, b.size, "secret", 6), "%s", outside[i]);
        t_http_client_close(&b);
    }
    /* What leads out and in again stays out; links within are followed. */
    cr_assert_eq(symlink("../root/f", t_site_at(&site, "root/out-and-in")), 0);
    cr_assert_eq(symlink("../f", t_site_at(&site, "root/a/link")), 0);
    cr_assert_eq(symlink("a", t_site_at(&site, "root/b")), 0);
    t_site_text(&site, "root/f", "inside");
    t_web_assert(&site.web, "/out-and-in", 404, NULL);
    t_web_assert(&site.web, "/a/link", 200, "inside");
    t_web_assert(&site.web, "/b/link", 200, "inside");
    t_web_assert(&site.web, "/a/../f", 200, "inside");
    t_web_assert(&site.web, "/./a/.././/f", 200, "inside");
    t_site_close(&site);
}

Test(file, no_such_root, .timeout = 60)
{
    struct t_web web;
    t_web_open(&web);
    t_web_directory(&web, "/a", "/no/such/directory");
    t_web_directory(&web, "/b", "/etc/passwd");
    t_web_start(&web);
    t_web_assert(&web, "/a/x", 404, NULL);
    t_web_assert(&web, "/b", 404, NULL);
    t_web_assert(&web, "/b/x", 404, NULL);
    t_web_close(&web);
}

/* ---- What is not a readable file ---------------------------------------------------------- */

Test(file, not_regular, .timeout = 60)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    struct t_site site;
    nng_http_handler *h;
    t_site_open(&site);
    cr_assert_eq(mkfifo(t_site_at(&site, "root/fifo"), 0644), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    strcpy(sun.sun_path, t_site_at(&site, "root/socket"));
    cr_assert_eq(bind(fd, (struct sockaddr *) &sun, sizeof sun), 0);
    cr_assert_eq(nng_http_handler_alloc_file(&h, "/null", "/dev/null"), 0);
    t_web_add(&site.web, h);
    cr_assert_eq(nng_http_handler_alloc_file(&h, "/tty", "/dev/tty"), 0);
    t_web_add(&site.web, h);
    t_web_directory(&site.web, "/dev", "/dev");
    t_web_assert(&site.web, "/fifo", 404, NULL);
    t_web_assert(&site.web, "/socket", 404, NULL);
    t_web_assert(&site.web, "/null", 404, NULL);
    t_web_assert(&site.web, "/tty", 404, NULL);
    t_web_assert(&site.web, "/dev/zero", 404, NULL);
    t_web_assert(&site.web, "/dev/tty", 404, NULL);
    close(fd);
    t_site_close(&site);
}

Test(file, unreadable, .timeout = 60)
{
    struct t_site site;
    if (geteuid() == 0) { /* may read everything: be somebody else */
        cr_assert_eq(setgroups(0, NULL), 0);
        cr_assert_eq(setresgid(65534, 65534, 65534), 0);
        cr_assert_eq(setresuid(65534, 65534, 65534), 0);
        cr_assert_eq(prctl(PR_SET_DUMPABLE, 1), 0); /* or LeakSanitizer and /proc/self/fd refuse */
    }
    t_site_open(&site);
    t_site_text(&site, "root/f", "secret");
    cr_assert_eq(chmod(t_site_at(&site, "root/f"), 0), 0);
    cr_assert_eq(mkdir(t_site_at(&site, "root/d"), 0), 0);
    t_web_assert(&site.web, "/f", 403, NULL);
    t_web_assert(&site.web, "/d", 403, NULL);
    t_web_assert(&site.web, "/d/f", 403, NULL);
    cr_assert_eq(chmod(t_site_at(&site, "root/d"), 0700), 0);
    t_site_close(&site);
}

/* ---- Files that change while they are sent ------------------------------------------------ */

#define BIG ((size_t) 24 << 20)

static void ask_big(struct t_site *site, struct t_http_client *b)
{
    uint8_t *data = t_pattern_new(BIG, 2);
    t_site_make(site, "root/big", data, BIG);
    free(data);
    t_http_client_open_small(b, site->web.port);
    t_http_client_get(b, "/big");
    t_http_client_get(b, "/static");
    t_http_client_head(b);
    cr_assert(t_http_client_line(b, "Content-Length: 25165824"));
}

Test(file, shrinks, .timeout = 60)
{
    struct t_site site;
    struct t_http_client b;
    t_site_open(&site);
    ask_big(&site, &b);
    cr_assert_eq(truncate(t_site_at(&site, "root/big"), 1000), 0);
    cr_assert_lt(t_http_client_await_end(&b), BIG); /* broken off, not padded */
    t_http_client_close(&b);
    t_proc_await_fds(site.fds);
    t_web_assert(&site.web, "/static", 200, "home");
    t_site_close(&site);
}

Test(file, grows, .timeout = 60)
{
    struct t_site site;
    struct t_http_client b;
    t_site_open(&site);
    ask_big(&site, &b);
    int fd = open(t_site_at(&site, "root/big"), O_WRONLY | O_APPEND | O_CLOEXEC);
    cr_assert_eq(write(fd, "more", 4), 4);
    close(fd);
    t_peer_read(b.fd, b.len - b.used, BIG - (b.len - b.used), 2);
    t_pattern_assert((uint8_t *) b.buf + b.used, 0, b.len - b.used, 2);
    b.len = b.used = 0;
    t_http_client_assert(&b, 200, "home");
    t_http_client_close(&b);
    t_site_close(&site);
}

/* ---- What it holds ------------------------------------------------------------------------ */

Test(file, descriptors_come_back, .timeout = 120)
{
    struct t_site site;
    t_site_open(&site);
    uint8_t *data = t_pattern_new((size_t) 1 << 20, 1);
    t_site_make(&site, "root/f", data, (size_t) 1 << 20);
    free(data);
    for (int i = 0; i < 200; i++) {
        struct t_http_client b;
        t_http_client_open_small(&b, site.web.port);
        t_http_client_get(&b, "/f");
        if (i % 4 == 0) {
            t_http_client_hear(&b);
            cr_assert_eq(b.size, (size_t) 1 << 20);
        } else if (i % 4 == 1) {
            t_http_client_head(&b);
        }
        if (i % 3 == 0) {
            t_http_client_reset(&b);
        } else {
            t_http_client_close(&b);
        }
    }
    t_proc_await_fds(site.fds);
    t_web_assert(&site.web, "/static", 200, "home");
    t_site_close(&site);
}
