/* SPDX-License-Identifier: MIT */
/* Sessions of clients that read slowly, not at all, or that vanish; and of many clients. */
#include "http/session.h"
#include "support/peer.h"
#include "support/proc.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

struct site {
    struct t_web web;
    unsigned fds; /* before anything was asked */
};

static void call(nng_aio *aio)
{
    t_answer(aio, "called", 6);
}

static void open_site(struct site *site)
{
    t_web_open(&site->web);
    t_web_static(&site->web, "/", "home");
    t_web_static(&site->web, "/3", "text 3");
    t_web_callback(&site->web, "/call", call);
    t_web_start(&site->web);
    site->fds = t_proc_fds();
}

static void close_site(struct site *site)
{
    t_web_close(&site->web);
}

static void add_big(struct t_web *web, size_t size)
{
    nng_http_handler *h;
    uint8_t *data = t_pattern_new(size, 3);
    cr_assert_eq(nng_http_handler_alloc_static(&h, "/big", data, size, NULL), 0);
    t_web_add(web, h);
    free(data);
}

Test(session_clients, slow_reader, .timeout = 120)
{
    size_t size = (size_t) 8 << 20;
    struct site site;
    struct t_http_client b;
    open_site(&site);
    add_big(&site.web, size);
    t_http_client_open_small(&b, site.web.port);
    t_http_client_get(&b, "/big");
    t_http_client_get(&b, "/");
    usleep(100000);
    t_http_client_head(&b);
    t_http_client_close(&b); /* one that loses patience */

    t_http_client_open_small(&b, site.web.port);
    t_http_client_get(&b, "/big");
    t_http_client_get(&b, "/");
    usleep(100000);
    t_http_client_hear(&b);
    cr_assert_eq(b.size, size);
    t_pattern_assert((uint8_t *) b.body, 0, size, 3);
    cr_assert(t_http_client_line(&b, "Content-Type: application/octet-stream"));
    t_http_client_assert(&b, 200, "home");
    t_http_client_close(&b);
    close_site(&site);
}

/* One that asks on and on and reads nothing makes the server stop reading, not hoard answers. */
Test(session_clients, back_pressure, .timeout = 60)
{
    char asks[2900];
    struct site site;
    struct t_http_client b;
    open_site(&site);
    add_big(&site.web, (size_t) 1 << 20);
    for (int i = 0; i < 100; i++) {
        memcpy(asks + i * 29, "GET /big HTTP/1.1\r\nHost:x\r\n\r\n", 29);
    }
    t_http_client_open_small(&b, site.web.port);
    size_t rss = t_proc_rss(), sum = 0;
    ssize_t n;
    for (int quiet = 0; quiet < 100; quiet++) {
        while ((n = send(b.fd, asks, sizeof asks, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0) {
            sum += (size_t) n;
            quiet = 0;
        }
        usleep(1000);
    }
    cr_assert_lt(sum, (size_t) 32 << 20);
    cr_assert_lt(t_proc_rss(), rss + ((size_t) 32 << 20));
    t_web_assert(&site.web, "/", 200, "home");
    t_http_client_reset(&b);
    close_site(&site);
}

/* What a client that vanishes may have sent before. */
static const char *const stages[] = {
    "",
    "GE",
    "GET /big HTTP/1.1\r\nHost: x\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /big HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /file HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /big HTTP/1.0\r\n\r\n",
    "GET /call HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
    "POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nsome of it",
    "nonsense\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /big HTTP/1.1\r\nHost: x\r\n\r\nGET /call HTTP/1.1\r\n",
};

#define STAGES (sizeof stages / sizeof stages[0])

Test(session_clients, clients_that_vanish, .timeout = 120)
{
    struct site site;
    nng_http_handler *h;
    open_site(&site);
    add_big(&site.web, (size_t) 8 << 20);
    cr_assert_eq(nng_http_handler_alloc_file(&h, "/file", "/proc/self/exe"), 0);
    t_web_add(&site.web, h);
    for (unsigned i = 0; i < STAGES * 12; i++) {
        struct t_http_client b;
        t_http_client_open_small(&b, site.web.port);
        t_http_client_say(&b, stages[i % STAGES]);
        usleep(i / STAGES % 3 * 500); /* earlier or later */
        if (i / STAGES % 2 == 0) {
            t_http_client_close(&b);
        } else {
            t_http_client_reset(&b);
        }
    }
    t_proc_await_fds(site.fds);
    t_web_assert(&site.web, "/", 200, "home");
    close_site(&site);
}

Test(session_clients, thousand_connections, .timeout = 120)
{
    static struct t_http_client b[1000];
    struct site site;
    open_site(&site);
    for (int i = 0; i < 1000; i++) {
        t_http_client_open(&b[i], site.web.port);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++) {
            t_http_client_get(&b[i], i % 2 == 0 ? "/" : "/3");
        }
        for (int i = 0; i < 1000; i++) {
            t_http_client_assert(&b[i], 200, i % 2 == 0 ? "home" : "text 3");
        }
    }
    for (int i = 0; i < 1000; i++) {
        t_http_client_close(&b[i]);
    }
    close_site(&site);
}

/* ---- Time limits ---------------------------------------------------------------------------- */

#define TRICKLERS 64

/* Sends a byte more of a head. Whether it was told 408 instead. */
static bool trickle(struct t_http_client *b, size_t at)
{
    static const char head[] = "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ";
    char told[16] = "";
    send(b->fd, at < sizeof head - 1 ? head + at : "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (recv(b->fd, told, 12, MSG_DONTWAIT) <= 0) {
        return false;
    }
    cr_assert_str_eq(told, "HTTP/1.1 408");
    return true;
}

/* The time for a head runs out although bytes of it come all the time, also when one of them comes
 * at the very moment. */
Test(session_clients, trickled_heads, .timeout = 60)
{
    struct t_web web;
    struct t_http_client b[TRICKLERS];
    bool told[TRICKLERS] = { false };
    t_web_open(&web);
    cr_assert_eq(nng_uring_server_set_limit(web.server, NNG_URING_HEAD_TIMEOUT, 50), 0);
    cr_assert_eq(nng_uring_server_set_limit(web.server, NNG_URING_HEAD_BYTES, 1 << 20), 0);
    t_web_static(&web, "/", "home");
    t_web_start(&web);
    for (int i = 0; i < TRICKLERS; i++) {
        t_http_client_open(&b[i], web.port);
    }
    unsigned left = TRICKLERS;
    nng_time until = nng_clock() + 20000;
    for (size_t at = 0; left > 0 && nng_clock() < until; at++) {
        for (int i = 0; i < TRICKLERS; i++) {
            if (!told[i] && trickle(&b[i], at)) {
                told[i] = true;
                left--;
            }
        }
    }
    cr_assert_eq(left, 0);
    for (int i = 0; i < TRICKLERS; i++) {
        t_http_client_close(&b[i]);
    }
    t_web_close(&web);
}

/* ---- Long heads ----------------------------------------------------------------------------- */

static uint64_t cpu_us(void)
{
    struct rusage usage;
    cr_assert_eq(getrusage(RUSAGE_SELF, &usage), 0);
    return (uint64_t) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

#define BLOCKS 10 /* of bytes, by turns, for the machine may be busier one moment than another */

/* The time that some bytes take that come one by one. */
static uint64_t bytes_cost(struct t_http_client *b)
{
    uint64_t before = cpu_us();
    for (int i = 0; i < 2000 / BLOCKS; i++) {
        t_http_client_say(b, "x");
        usleep(100); /* it is read by itself */
    }
    return cpu_us() - before;
}

/* A byte is looked at once, however much of the head is here before it. */
Test(session_clients, long_head, .timeout = 60)
{
    struct t_web web;
    struct t_http_client b, other;
    char *text = malloc((size_t) 1 << 20);
    size_t n = 0;
    uint64_t first = 0, last = 0;
    cr_assert_not_null(text);
    for (int i = 0; i < 4000; i++) {
        n += (size_t) sprintf(text + n, "\r\nX-%04d: %0240d", i, i);
    }
    t_web_open(&web);
    cr_assert_eq(nng_uring_server_set_limit(web.server, NNG_URING_HEAD_BYTES, 1 << 20), 0);
    cr_assert_eq(nng_uring_server_set_limit(web.server, NNG_URING_HEAD_FIELDS, 4096), 0);
    t_web_static(&web, "/", "home");
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    t_http_client_open(&other, web.port);
    t_http_client_say(&b, "GET / HTTP/1.1\r\nHost: x\r\nX-First: ");
    t_http_client_say(&other, "GET / HTTP/1.1\r\nHost: x\r\nX-First: ");
    t_http_client_send(&b, text, n);
    for (int i = 0; i < BLOCKS; i++) {
        first += bytes_cost(&other);
        last += bytes_cost(&b);
    }
    cr_assert_lt(last, 2 * first, "%lu us, and then %lu", (unsigned long) first,
                 (unsigned long) last);
    t_http_client_close(&other);
    t_http_client_say(&b, "\r\n\r\n");
    t_http_client_assert(&b, 200, "home");
    t_http_client_close(&b);
    t_web_close(&web);
    free(text);
}
