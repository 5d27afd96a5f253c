/* A server's limits on time: for heads, idle connections, bodies and answers. */
#include "support/peer.h"
#include "support/proc.h"
#include "support/scale.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(limits_time, .timeout = 120);

#define SHORT 100 /* ms */
#define BIG ((size_t) 32 << 20)

static struct nu_desk desk = NU_DESK;

static void echo(nng_aio *aio)
{
    void  *data;
    size_t size;
    nng_http_req_get_data(nng_aio_get_input(aio, 0), &data, &size);
    nu_answer(aio, data, size);
}

static void keep(nng_aio *aio)
{
    nu_desk_put(&desk, aio);
}

struct site {
    struct nu_web web;
    unsigned      fds; /* when no browser is there */
};

/* With one limit that is short; the others do not count. */
static void open_site(struct site *site, enum nng_uring_limit limit, uint64_t ms)
{
    nu_web_open(&site->web);
    nu_web_static(&site->web, "/", "home");
    nu_web_callback(&site->web, "/echo", echo);
    nu_web_callback(&site->web, "/keep", keep);
    for (unsigned i = NNG_URING_HEAD_TIMEOUT; i <= NNG_URING_WRITE_TIMEOUT; i++) {
        cr_assert_eq(nng_uring_server_set_limit(site->web.server, (enum nng_uring_limit) i,
                                                i == limit ? ms : 0),
                     0);
    }
    nu_web_start(&site->web);
    site->fds = nu_proc_fds();
}

static void close_site(struct site *site)
{
    nu_web_close(&site->web);
}

static void assert_408(struct nu_browser *b)
{
    nu_browser_assert(b, 408, NULL);
    cr_assert(nu_browser_line(b, "Connection: close"));
    nu_browser_assert_end(b);
    nu_browser_close(b);
}

static bool has_come(const struct nu_browser *b)
{
    struct pollfd pfd = { b->fd, POLLIN, 0 };
    return poll(&pfd, 1, 0) == 1;
}

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

/* ---- Heads -------------------------------------------------------------------------------- */

Test(limits_time, head)
{
    static const char *const parts[] = { "G", "GET / HTTP/1.1\r\nHost: x\r\n", "\r\n", "\r" };
    struct site              site;
    struct nu_browser        b[8];
    open_site(&site, NNG_URING_HEAD_TIMEOUT, SHORT);
    nng_time began = nng_clock();
    for (int i = 0; i < 8; i++) {
        nu_browser_open(&b[i], site.web.port);
        if (i % 2 == 1) {
            nu_browser_get(&b[i], "/");
        }
        nu_browser_say(&b[i], parts[i / 2]);
    }
    for (int i = 0; i < 8; i++) {
        if (i % 2 == 1) {
            nu_browser_assert(&b[i], 200, "home");
        }
        assert_408(&b[i]);
        cr_assert_geq(nng_clock(), began + SHORT - 10);
    }
    close_site(&site);
}

/* A byte every so often is no head. */
Test(limits_time, head_in_driblets)
{
    static const char head[] = "GET / HTTP/1.1\r\nHost: x\r\nX: ";
    struct site       site;
    struct nu_browser b;
    open_site(&site, NNG_URING_HEAD_TIMEOUT, 2 * SHORT);
    nu_browser_open(&b, site.web.port);
    for (size_t i = 0; !has_come(&b); i++) {
        nu_browser_send(&b, i < sizeof head - 1 ? head + i : "x", 1);
        usleep(10000);
        cr_assert_lt(i, 2000, "it waits for 20 seconds");
    }
    assert_408(&b);
    close_site(&site);
}

/* The time is that of a head: not of the pause before, nor of the handler. */
Test(limits_time, head_alone)
{
    struct site       site;
    struct nu_browser b;
    open_site(&site, NNG_URING_HEAD_TIMEOUT, SHORT);
    nu_browser_open(&b, site.web.port);
    for (int i = 0; i < 2; i++) {
        nu_browser_assert_silent(&b); /* which takes as long, too */
        nu_browser_assert_silent(&b);
        nu_browser_say(&b, "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n");
        nu_browser_assert_silent(&b);
        nu_browser_assert_silent(&b);
        nu_browser_say(&b, "x");
        nng_aio *aio = nu_desk_take(&desk);
        nu_browser_assert_silent(&b);
        nu_browser_assert_silent(&b);
        nu_answer(aio, "kept", 4);
        nu_browser_assert(&b, 200, "kept");
    }
    nu_browser_close(&b);
    close_site(&site);
}

/* ---- Idle connections --------------------------------------------------------------------- */

Test(limits_time, idle)
{
    struct site       site;
    struct nu_browser b[4];
    open_site(&site, NNG_URING_IDLE_TIMEOUT, SHORT);
    nng_time began = nng_clock();
    for (int i = 0; i < 4; i++) {
        nu_browser_open(&b[i], site.web.port);
    }
    nu_browser_get(&b[1], "/");
    nu_browser_get(&b[2], "/echo");
    nu_browser_say(&b[3], "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
    nu_browser_assert(&b[1], 200, "home");
    nu_browser_assert(&b[2], 200, "");
    nu_browser_assert(&b[3], 200, "x");
    for (int i = 0; i < 4; i++) {
        nu_browser_assert_end(&b[i]);
        cr_assert_geq(nng_clock(), began + SHORT - 10);
        nu_browser_close(&b[i]);
    }
    close_site(&site);
}

/* One that has something in hand is not idle; nor one that asks now and then. */
Test(limits_time, not_idle)
{
    struct site       site;
    struct nu_browser b;
    open_site(&site, NNG_URING_IDLE_TIMEOUT, 4 * SHORT);
    nu_browser_open(&b, site.web.port);
    for (int i = 0; i < 20; i++) {
        nu_browser_get(&b, "/");
        nu_browser_assert(&b, 200, "home");
        usleep(SHORT * 400);
    }
    nu_browser_get(&b, "/keep");
    nng_aio *aio = nu_desk_take(&desk);
    for (int i = 0; i < 8; i++) {
        nu_browser_assert_silent(&b);
    }
    nu_answer(aio, "kept", 4);
    nu_browser_assert(&b, 200, "kept");
    nu_browser_say(&b, "GET / HT");
    for (int i = 0; i < 8; i++) {
        nu_browser_assert_silent(&b);
    }
    nu_browser_say(&b, "TP/1.1\r\nHost: x\r\n\r\n");
    nu_browser_assert(&b, 200, "home");
    nu_browser_assert_end(&b);
    nu_browser_close(&b);
    close_site(&site);
}

/* ---- Bodies ------------------------------------------------------------------------------- */

static const char *const bodies[] = {
    "Content-Length: 5\r\n\r\n",
    "Content-Length: 5\r\n\r\nhell",
    "Transfer-Encoding: chunked\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhell",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
};

Test(limits_time, body)
{
    struct site       site;
    struct nu_browser b[5];
    open_site(&site, NNG_URING_BODY_TIMEOUT, SHORT);
    for (int i = 0; i < 5; i++) {
        nu_browser_open(&b[i], site.web.port);
        nu_browser_say(&b[i], "POST /echo HTTP/1.1\r\nHost: x\r\n");
        nu_browser_say(&b[i], bodies[i]);
    }
    for (int i = 0; i < 5; i++) {
        assert_408(&b[i]);
    }
    close_site(&site);
}

/* The client was told to send it, and does not. */
Test(limits_time, body_after_continue)
{
    struct site       site;
    struct nu_browser b;
    open_site(&site, NNG_URING_BODY_TIMEOUT, SHORT);
    nu_browser_open(&b, site.web.port);
    nu_browser_say(&b, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                       "Content-Length: 5\r\n\r\n");
    nu_browser_assert(&b, 100, NULL);
    assert_408(&b);
    close_site(&site);
}

/* It was answered already: there is only the end left. */
Test(limits_time, body_that_nobody_reads)
{
    struct site       site;
    struct nu_browser b[5];
    open_site(&site, NNG_URING_BODY_TIMEOUT, SHORT);
    for (int i = 0; i < 5; i++) {
        nu_browser_open(&b[i], site.web.port);
        nu_browser_say(&b[i], "GET / HTTP/1.1\r\nHost: x\r\n");
        nu_browser_say(&b[i], bodies[i]);
    }
    for (int i = 0; i < 5; i++) {
        nu_browser_assert(&b[i], 200, "home");
        nu_browser_assert_end(&b[i]);
        nu_browser_close(&b[i]);
    }
    close_site(&site);
}

/* As long as there is something every now and then. */
Test(limits_time, body_in_driblets)
{
    static const char *const texts[] = {
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n12345678901234567890",
        ("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
         "5\r\n12345\r\n5\r\n67890\r\n00000a;x\r\n1234567890\r\n0\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n12345678901234567890",
    };
    struct site       site;
    struct nu_browser b[3];
    const char       *rest[3];
    open_site(&site, NNG_URING_BODY_TIMEOUT, 5 * SHORT);
    for (int i = 0; i < 3; i++) {
        nu_browser_open(&b[i], site.web.port);
        rest[i] = strstr(texts[i], "\r\n\r\n");
        nu_browser_send(&b[i], texts[i], (size_t) (rest[i] - texts[i]));
    }
    nng_time began = nng_clock();
    for (size_t left = 1; left > 0;) {
        left = 0;
        for (int i = 0; i < 3; i++) {
            if (*rest[i] != '\0') {
                nu_browser_send(&b[i], rest[i]++, 1);
            }
            left += strlen(rest[i]);
        }
        usleep(SHORT * 400);
    }
    cr_assert_geq(nng_clock(), began + 10 * SHORT);
    nu_browser_assert(&b[0], 200, "12345678901234567890");
    nu_browser_assert(&b[1], 200, "12345678901234567890");
    nu_browser_assert(&b[2], 200, "home");
    for (int i = 0; i < 3; i++) {
        nu_browser_close(&b[i]);
    }
    close_site(&site);
}

/* ---- Answers ------------------------------------------------------------------------------ */

static char path[]   = "/tmp/nu-limits-XXXXXX"; /* a hole, which is nowhere in the page cache */
static char cached[] = "/tmp/nu-limits-XXXXXX";

static void add_big(struct nu_web *web)
{
    nng_http_handler *h;
    uint8_t          *data = nu_pattern_new(BIG, 3);
    int               fd   = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(ftruncate(fd, (off_t) BIG), 0);
    close(fd);
    cr_assert_eq(nng_http_handler_alloc_static(&h, "/static", data, BIG, NULL), 0);
    nu_web_add(web, h);
    cr_assert_eq(nng_http_handler_alloc_file(&h, "/file", path), 0);
    nu_web_add(web, h);
    fd = mkstemp(cached);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, data, BIG), (ssize_t) BIG);
    close(fd);
    cr_assert_eq(nng_http_handler_alloc_file(&h, "/cached", cached), 0);
    nu_web_add(web, h);
    free(data);
}

static void remove_big(void)
{
    unlink(path);
    unlink(cached);
}

/* Clients that ask and do not read are cut off, and what was to be sent to them goes. */
Test(limits_time, not_read)
{
    static const char *const targets[] = { "/static", "/file", "/cached", "/keep" };
    struct site              site;
    struct nu_browser        b[4];
    open_site(&site, NNG_URING_WRITE_TIMEOUT, SHORT);
    add_big(&site.web);
    size_t before = nu_proc_rss();
    for (int i = 0; i < 4; i++) {
        nu_browser_open_small(&b[i], site.web.port);
        nu_browser_get(&b[i], targets[i]);
    }
    nng_aio *aio  = nu_desk_take(&desk);
    uint8_t *data = nu_pattern_new(BIG, 3);
    nu_answer(aio, data, BIG);
    free(data);
    nu_proc_await_fds(site.fds + 4); /* our ends alone */
    for (int i = 0; i < 4; i++) {
        cr_assert_lt(nu_browser_await_end(&b[i]), BIG);
        nu_browser_close(&b[i]);
    }
#ifndef NU_SANITIZED
    while (nu_proc_rss() >= before + BIG / 2) { /* it goes a moment after the descriptors */
        usleep(1000);
    }
#endif
    (void) before;
    nu_web_assert(&site.web, "/", 200, "home");
    remove_big();
    close_site(&site);
}

/* One that asks on and on and reads nothing. */
static sem_t entered, leave;

static void hold_loop(nng_aio *aio)
{
    sem_post(&entered);
    sem_wait(&leave);
    nu_answer(aio, "held", 4);
}

static void answer_late(nng_aio *aio)
{
    char *body = calloc(1, BIG);
    nng_msleep(5 * SHORT);
    nu_answer(aio, body, BIG);
    free(body);
}

/* The time that a handler takes counts for no answer, not even one that a turn of the loop finds
 * behind another. */
Test(limits_time, answer_behind_a_handler_that_blocks)
{
    struct site       site;
    struct nu_browser holds, quick, late;
    sem_init(&entered, 0, 0);
    sem_init(&leave, 0, 0);
    setenv("NNG_URING_LOOPS", "1", 1);
    open_site(&site, NNG_URING_WRITE_TIMEOUT, SHORT);
    nu_web_callback(&site.web, "/hold", hold_loop);
    nu_web_callback(&site.web, "/late", answer_late);
    nu_browser_open(&holds, site.web.port);
    nu_browser_open(&quick, site.web.port);
    nu_browser_open(&late, site.web.port);
    nu_browser_get(&quick, "/");
    nu_browser_assert(&quick, 200, "home");
    nu_browser_get(&late, "/");
    nu_browser_assert(&late, 200, "home");
    nu_browser_get(&holds, "/hold");
    sem_wait(&entered);
    nu_browser_get(&quick, "/echo"); /* the loop finds both at once when it comes back */
    nu_browser_get(&late, "/late");
    sem_post(&leave);
    nu_browser_assert(&holds, 200, "held");
    nu_browser_assert(&quick, 200, "");
    nu_browser_hear(&late);
    cr_assert_eq(late.size, BIG);
    nu_browser_close(&holds);
    nu_browser_close(&quick);
    nu_browser_close(&late);
    close_site(&site);
}

Test(limits_time, pipelined_and_not_read)
{
    struct site       site;
    struct nu_browser b;
    open_site(&site, NNG_URING_WRITE_TIMEOUT, SHORT);
    nu_browser_open_small(&b, site.web.port);
    while (send(b.fd, GET GET GET GET, 4 * (sizeof GET - 1), MSG_NOSIGNAL) > 0) {
    }
    nu_browser_close(&b);
    nu_proc_await_fds(site.fds);
    close_site(&site);
}

/* Takes a little every 20 ms: never nothing for as long as the limit, and far from fast enough to
 * make room for the next part within it. */
static size_t read_slowly(struct nu_browser *b, nng_duration ms)
{
    nng_time until = nng_clock() + (nng_time) ms;
    char     bytes[4096];
    size_t   sum = 0;
    while (nng_clock() < until) {
        ssize_t n = recv(b->fd, bytes, sizeof bytes, 0);
        cr_assert_gt(n, 0, "it was cut off");
        sum += (size_t) n;
        usleep(20000);
    }
    return sum;
}

Test(limits_time, read_slowly_but_steadily)
{
    static const char *const targets[] = { "/static", "/file", "/cached" };
    struct site              site;
    open_site(&site, NNG_URING_WRITE_TIMEOUT, 4 * SHORT);
    add_big(&site.web);
    for (int i = 0; i < 3; i++) {
        struct nu_browser b;
        nu_browser_open_small(&b, site.web.port);
        nu_browser_get(&b, targets[i]);
        size_t sum = read_slowly(&b, 3000);
        shutdown(b.fd, SHUT_WR);
        cr_assert_gt(sum + nu_browser_await_end(&b), BIG);
        nu_browser_close(&b);
    }
    remove_big();
    close_site(&site);
}
