/* SPDX-License-Identifier: MIT */
#include "http/session.h"

#include "support/peer.h"
#include "support/proc.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server with "/", "/0" to "/9" and a callback at "/call", which says so. */
struct site {
    struct t_web web;
    unsigned fds; /* before anything was asked */
};

static void call(nng_aio *aio)
{
    t_answer(aio, "called", 6);
}

static void open_site_with(struct site *site, enum nng_uring_limit limit, uint64_t value)
{
    char uri[] = "/0", text[] = "text 0";
    t_web_open(&site->web);
    cr_assert_eq(nng_uring_server_set_limit(site->web.server, limit, value), 0);
    t_web_static(&site->web, "/", "home");
    for (int i = 0; i < 10; i++) {
        uri[1] = text[5] = (char) ('0' + i);
        t_web_static(&site->web, uri, text);
    }
    t_web_callback(&site->web, "/call", call);
    t_web_start(&site->web);
    site->fds = t_proc_fds();
}

static void open_site(struct site *site)
{
    open_site_with(site, NNG_URING_HEAD_TIMEOUT, 10000); /* as it is anyway */
}

static void close_site(struct site *site)
{
    t_web_close(&site->web);
}

/* ---- One request after the other ---------------------------------------------------------- */

Test(session, keep_alive, .timeout = 60)
{
    struct site site;
    struct t_http_client b;
    open_site(&site);
    t_http_client_open(&b, site.web.port);
    for (int i = 0; i < 50; i++) {
        t_http_client_get(&b, "/");
        t_http_client_assert(&b, 200, "home");
        cr_assert(t_http_client_line(&b, "Content-Type: text/plain"));
        cr_assert_not(t_http_client_line(&b, "Connection: close"));
        t_http_client_say(&b, "HEAD /1 HTTP/1.1\r\nHost: x\r\n\r\n");
        t_http_client_head(&b);
        cr_assert_eq(b.status, 200);
        cr_assert(t_http_client_line(&b, "Content-Length: 6"));
        t_http_client_get(&b, "/call");
        t_http_client_assert(&b, 200, "called");
        t_http_client_get(&b, "/none");
        t_http_client_assert(&b, 404, NULL);
        t_http_client_say(&b, "PUT / HTTP/1.1\r\nHost: x\r\n\r\n");
        t_http_client_assert(&b, 405, NULL);
    }
    t_http_client_close(&b);
    close_site(&site);
}

Test(session, byte_by_byte, .timeout = 60)
{
    static const char request[] = "\r\nGET /%37?x HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n";
    struct site site;
    struct t_http_client b;
    open_site(&site);
    t_http_client_open(&b, site.web.port);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof request - 1; i++) {
            t_http_client_send(&b, request + i, 1);
            usleep(200);
        }
        t_http_client_assert(&b, 200, "text 7");
    }
    t_http_client_close(&b);
    close_site(&site);
}

/* Every place where a request can be cut in two. */
Test(session, in_two_pieces, .timeout = 60)
{
    static const char request[] = "GET /4 HTTP/1.1\r\nHost: x\r\n\r\n";
    struct site site;
    struct t_http_client b;
    open_site(&site);
    t_http_client_open(&b, site.web.port);
    for (size_t i = 1; i < sizeof request - 1; i++) {
        t_http_client_send(&b, request, i);
        usleep(500);
        t_http_client_send(&b, request + i, sizeof request - 1 - i);
        t_http_client_assert(&b, 200, "text 4");
    }
    t_http_client_close(&b);
    close_site(&site);
}

/* ---- Pipelining --------------------------------------------------------------------------- */

/* `n` requests for "/0", "/1" and so on, in one piece. */
static void say_pipelined(struct t_http_client *b, unsigned n)
{
    static const char request[] = "GET /0 HTTP/1.1\r\nHost: x\r\n\r\n";
    char *all = malloc(n * (sizeof request - 1) + 1);
    cr_assert_not_null(all);
    for (unsigned i = 0; i < n; i++) {
        char *p = stpcpy(all + i * (sizeof request - 1), request);
        *strchr(p - (sizeof request - 1), '0') = (char) ('0' + i % 10);
    }
    t_http_client_say(b, all);
    free(all);
}

static void hear_pipelined(struct t_http_client *b, unsigned n)
{
    char text[] = "text 0";
    for (unsigned i = 0; i < n; i++) {
        text[5] = (char) ('0' + i % 10);
        t_http_client_assert(b, 200, text);
    }
}

Test(session, pipelined, .timeout = 60)
{
    struct site site;
    struct t_http_client b;
    open_site(&site);
    t_http_client_open(&b, site.web.port);
    for (unsigned n = 1; n <= 100; n++) {
        say_pipelined(&b, n);
        hear_pipelined(&b, n);
    }
    t_http_client_close(&b);
    close_site(&site);
}

Test(session, pipelined_are_gathered, .timeout = 60)
{
    struct site site;
    struct t_http_client b;
    struct tcp_info info;
    socklen_t len = sizeof info;
    open_site(&site);
    t_http_client_open(&b, site.web.port);
    say_pipelined(&b, 100);
    hear_pipelined(&b, 100);
    cr_assert_eq(getsockopt(b.fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    cr_assert_leq(info.tcpi_data_segs_in, 8, "100 answers in %u pieces", info.tcpi_data_segs_in);
    t_http_client_close(&b);
    close_site(&site);
}

/* More requests than the server takes in at once. */
Test(session, pipelined_by_thousands, .timeout = 120)
{
    struct site site;
    struct t_http_client b;
    open_site(&site);
    t_http_client_open(&b, site.web.port);
    say_pipelined(&b, 3000);
    hear_pipelined(&b, 3000);
    t_http_client_close(&b);
    close_site(&site);
}

Test(session, pipelined_mix, .timeout = 60)
{
    static const char *const targets[] = { "/",     "/none",    "/call",    "/files/a", "/1",
                                           "/call", "/files/b", "/files/a", "/",        "/nono" };
    static const unsigned statuses[] = { 200, 404, 200, 200, 200, 200, 404, 200, 200, 404 };
    static const char *const bodies[] = { "home",   NULL, "called", "file a", "text 1",
                                          "called", NULL, "file a", "home",   NULL };
    char dir[] = "/tmp/nu-session-XXXXXX", path[64];
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a", dir);
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    fputs("file a", file);
    fclose(file);

    struct site site;
    struct t_http_client b;
    open_site(&site);
    t_web_directory(&site.web, "/files", dir);
    char all[4096] = "";
    for (int i = 0; i < 10; i++) {
        sprintf(all + strlen(all), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
    }
    t_http_client_open(&b, site.web.port);
    for (int round = 0; round < 20; round++) {
        t_http_client_say(&b, all);
        for (int i = 0; i < 10; i++) {
            t_http_client_assert(&b, statuses[i], bodies[i]);
        }
    }
    t_http_client_close(&b);
    t_web_close(&site.web);
    unlink(path);
    rmdir(dir);
}

/* ---- The last request --------------------------------------------------------------------- */

Test(session, connection_close, .timeout = 60)
{
    static const char *const targets[] = { "/", "/call", "/none" };
    struct site site;
    open_site(&site);
    for (int i = 0; i < 3; i++) {
        char text[128];
        struct t_http_client b;
        snprintf(text, sizeof text,
                 "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
                 "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                 "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n",
                 targets[i]);
        t_http_client_open(&b, site.web.port);
        t_http_client_say(&b, text);
        t_http_client_assert(&b, 200, "text 1");
        t_http_client_hear(&b);
        cr_assert(t_http_client_line(&b, "Connection: close"));
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
    }
    close_site(&site);
}

Test(session, http_1_0, .timeout = 60)
{
    static const char *const targets[] = { "/", "/call", "/none" };
    struct site site;
    open_site(&site);
    for (int i = 0; i < 3; i++) {
        char text[128];
        struct t_http_client b;
        t_http_client_open(&b, site.web.port);
        for (int round = 0; round < 3; round++) {
            sprintf(text, "GET %s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", targets[i]);
            t_http_client_say(&b, text);
            t_http_client_hear(&b);
            cr_assert(t_http_client_line(&b, "Connection: keep-alive"));
        }
        sprintf(text, "GET %s HTTP/1.0\r\n\r\n", targets[i]);
        t_http_client_say(&b, text);
        t_http_client_hear(&b);
        cr_assert(t_http_client_line(&b, "Connection: close"));
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
    }
    close_site(&site);
}

Test(session, bad_requests, .timeout = 60)
{
    static const struct {
        const char *text;
        unsigned status;
    } bad[] = {
        { "nonsense\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
        { "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { "GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505 },
        { "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
          400 },
    };
    struct site site;
    open_site(&site);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (unsigned before = 0; before < 3; before++) {
            struct t_http_client b;
            char all[512] = "";
            for (unsigned n = 0; n < before; n++) {
                strcat(all, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
            }
            strcat(all, bad[i].text);
            t_http_client_open(&b, site.web.port);
            t_http_client_say(&b, all);
            for (unsigned n = 0; n < before; n++) {
                t_http_client_assert(&b, 200, "home");
            }
            t_http_client_assert(&b, bad[i].status, NULL);
            if (strstr(bad[i].text, "%00") == NULL) { /* that one is framed well */
                cr_assert(t_http_client_line(&b, "Connection: close"));
                t_http_client_assert_end(&b);
            }
            t_http_client_close(&b);
        }
    }
    close_site(&site);
}

static atomic_int calls;

static void count_call(nng_aio *aio)
{
    atomic_fetch_add(&calls, 1);
    t_answer(aio, "", 0);
}

/* What follows a refused request is never run, nor is the body of one that nobody collects. */
Test(session, bytes_behind_are_no_request, .timeout = 60)
{
    static const char *const first[] = {
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
    };
    struct site site;
    open_site(&site);
    t_web_callback(&site.web, "/count", count_call);
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        struct t_http_client b;
        char all[256];
        snprintf(all, sizeof all, "%sPOST /count HTTP/1.1\r\nHost: xx\r\n\r\n", first[i]);
        t_http_client_open(&b, site.web.port);
        t_http_client_say(&b, all);
        t_http_client_hear(&b);
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
    }
    cr_assert_eq(atomic_load(&calls), 0);
    close_site(&site);
}

/* A body that nobody reads, with a request in it, is thrown away; what follows it is answered. */
Test(session, bodies_are_drained, .timeout = 60)
{
    static const char *const first[] = {
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 35\r\n\r\n",
        "GET /none HTTP/1.1\r\nHost: x\r\nContent-Length: 35\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 35\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n23\r\n",
    };
    struct site site;
    struct t_http_client b;
    open_site(&site);
    t_web_callback(&site.web, "/count", count_call);
    t_http_client_open(&b, site.web.port);
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        char all[256];
        snprintf(all, sizeof all,
                 "%sPOST /count HTTP/1.1\r\nHost: x\r\n\r\nxx%sGET /3 HTTP/1.1\r\n"
                 "Host: x\r\n\r\n",
                 first[i], i == 3 ? "\r\n0\r\n\r\n" : "");
        t_http_client_say(&b, all);
        t_http_client_hear(&b);
        cr_assert_not(t_http_client_line(&b, "Connection: close"));
        t_http_client_assert(&b, 200, "text 3");
    }
    t_http_client_close(&b);
    cr_assert_eq(atomic_load(&calls), 0);
    close_site(&site);
}

/* The last response arrives although the server has not read all that was sent to it. */
Test(session, lingers, .timeout = 60)
{
    static const char *const first[] = { "nonsense\r\n\r\n",
                                         "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" };
    size_t size = (size_t) 512 << 10;
    uint8_t *junk = t_pattern_new(size, 1);
    struct site site;
    open_site(&site);
    for (int i = 0; i < 2; i++) {
        struct t_http_client b;
        t_http_client_open(&b, site.web.port);
        t_http_client_say(&b, first[i]);
        t_http_client_send(&b, junk, size);
        t_http_client_assert(&b, i == 0 ? 400 : 200, i == 0 ? NULL : "home");
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
    }
    free(junk);
    close_site(&site);
}

/* A body that is refused, for the method or for its length: by a client that writes all of it
 * before it reads, and by a slow one. */
Test(session, refused_uploads, .timeout = 60)
{
    static const struct {
        const char *path;
        size_t n;
        bool slow;
        unsigned status;
    } table[] = {
        { "/", (size_t) 8 << 20, false, 405 },
        { "/call", (size_t) 8 << 20, false, 413 },
        { "/", (size_t) 600 << 10, true, 405 },
        { "/call", (size_t) 3 << 20, true, 413 },
    };
    uint8_t *junk = t_pattern_new((size_t) 8 << 20, 1);
    struct site site;
    open_site(&site);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct t_http_client b;
        char head[128];
        size_t n = table[i].n, most = table[i].slow ? (size_t) 600 << 10 : n;
        t_http_client_open(&b, site.web.port);
        snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
                 table[i].path, n);
        t_http_client_say(&b, head);
        for (size_t sent = 0; table[i].slow && sent < most; sent += (size_t) 30 << 10) {
            t_http_client_send(&b, junk, (size_t) 30 << 10);
            usleep(200000); /* 150 KB/s: longer than a fixed time for all would be */
        }
        if (!table[i].slow) {
            t_http_client_send(&b, junk, n);
        }
        t_http_client_assert(&b, table[i].status, NULL);
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
    }
    free(junk);
    close_site(&site);
}

/* A byte in every turn moves no deadline. */
Test(session, lingers_until_its_deadline, .timeout = 60)
{
    struct site site;
    struct t_http_client b;
    open_site_with(&site, NNG_URING_LINGER_TIMEOUT, 500);
    nng_time began = nng_clock();
    t_http_client_open(&b, site.web.port);
    t_http_client_say(&b, "GET / HTTP/1.0\r\n\r\n");
    while (send(b.fd, "x", 1, MSG_NOSIGNAL) > 0 || errno == EINTR) {
        cr_assert_lt(nng_clock(), began + 20000);
        usleep(200);
    }
    cr_assert_geq(nng_clock(), began + 400);
    t_http_client_close(&b);
    close_site(&site);
}

/* It may say as many bytes as the option has it, and not many more (what sockets hold). */
Test(session, lingers_for_some_bytes, .timeout = 60)
{
    static const size_t limits[] = { (size_t) 1 << 20, (size_t) 24 << 20 };
    uint8_t *junk = t_pattern_new(65536, 1);
    for (int i = 0; i < 2; i++) {
        struct site site;
        struct t_http_client b;
        size_t sum = 0;
        open_site_with(&site, NNG_URING_LINGER_BYTES, limits[i]);
        t_http_client_open(&b, site.web.port);
        t_http_client_say(&b, "GET / HTTP/1.0\r\n\r\n");
        for (ssize_t n; (n = send(b.fd, junk, 65536, MSG_NOSIGNAL)) > 0;) {
            sum += (size_t) n;
            cr_assert_lt(sum, limits[i] + ((size_t) 12 << 20));
        }
        cr_assert_gt(sum, limits[i]);
        t_http_client_close(&b);
        close_site(&site);
    }
    free(junk);
}

/* One that will not stop sending is cut off, one that will not close too. */
Test(session, lingers_not_for_ever, .timeout = 60)
{
    uint8_t *junk = t_pattern_new(65536, 1);
    struct site site;
    struct t_http_client talker, idler;
    open_site(&site);
    t_http_client_open(&idler, site.web.port);
    t_http_client_say(&idler, "GET / HTTP/1.0\r\n\r\n");
    t_http_client_assert(&idler, 200, "home");
    t_http_client_open(&talker, site.web.port);
    t_http_client_say(&talker, "GET / HTTP/1.0\r\n\r\n");
    size_t sum = 0;
    while (send(talker.fd, junk, 65536, MSG_NOSIGNAL) > 0 || errno == EINTR) {
        sum += 65536;
        cr_assert_lt(sum, (size_t) 64 << 20);
    }
    t_proc_await_fds(site.fds + 2); /* our ends alone */
    t_http_client_close(&talker);
    t_http_client_close(&idler);
    free(junk);
    close_site(&site);
}

Test(session, half_closed, .timeout = 60)
{
    struct site site;
    struct t_http_client b;
    open_site(&site);
    t_http_client_open(&b, site.web.port);
    say_pipelined(&b, 70);
    t_http_client_get(&b, "/call");
    t_http_client_get(&b, "/");
    shutdown(b.fd, SHUT_WR);
    hear_pipelined(&b, 70);
    t_http_client_assert(&b, 200, "called");
    t_http_client_assert(&b, 200, "home");
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    close_site(&site);
}
