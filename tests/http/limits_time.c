/* SPDX-License-Identifier: MIT */
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
#define LONG 2000 /* ms; longer than a busy machine lets a client wait */
#define BIG ((size_t) 32 << 20)

static struct t_pending_queue desk = NU_DESK;

static void echo(nng_aio *aio)
{
    void *data;
    size_t size;
    nng_http_req_get_data(nng_aio_get_input(aio, 0), &data, &size);
    t_answer(aio, data, size);
}

static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

struct site {
    struct t_web web;
    unsigned fds; /* when no browser is there */
};

/* With one limit that is short; the others do not count. */
static void open_site(struct site *site, enum nng_uring_limit limit, uint64_t ms)
{
    t_web_open(&site->web);
    t_web_static(&site->web, "/", "home");
    t_web_callback(&site->web, "/echo", echo);
    t_web_callback(&site->web, "/keep", keep);
    for (unsigned i = NNG_URING_HEAD_TIMEOUT; i <= NNG_URING_WRITE_TIMEOUT; i++) {
        cr_assert_eq(nng_uring_server_set_limit(site->web.server, (enum nng_uring_limit) i,
                                                i == limit ? ms : 0),
                     0);
    }
    cr_assert_eq(nng_uring_server_set_limit(site->web.server, NNG_URING_BODY_RATE, 0), 0);
    t_web_start(&site->web);
    site->fds = t_proc_fds();
}

static void close_site(struct site *site)
{
    t_web_close(&site->web);
}

static void assert_408(struct t_http_client *b)
{
    t_http_client_assert(b, 408, NULL);
    cr_assert(t_http_client_line(b, "Connection: close"));
    t_http_client_assert_end(b);
    t_http_client_close(b);
}

static bool has_come(const struct t_http_client *b)
{
    struct pollfd pfd = { b->fd, POLLIN, 0 };
    return poll(&pfd, 1, 0) == 1;
}

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

/* ---- Heads -------------------------------------------------------------------------------- */

Test(limits_time, head)
{
    static const char *const parts[] = { "G", "GET / HTTP/1.1\r\nHost: x\r\n", "\r\n", "\r" };
    struct site site;
    struct t_http_client b[8];
    open_site(&site, NNG_URING_HEAD_TIMEOUT, SHORT);
    nng_time began = nng_clock();
    for (int i = 0; i < 8; i++) {
        t_http_client_open(&b[i], site.web.port);
        if (i % 2 == 1) {
            t_http_client_get(&b[i], "/");
        }
        t_http_client_say(&b[i], parts[i / 2]);
    }
    for (int i = 0; i < 8; i++) {
        if (i % 2 == 1) {
            t_http_client_assert(&b[i], 200, "home");
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
    struct site site;
    struct t_http_client b;
    open_site(&site, NNG_URING_HEAD_TIMEOUT, 2 * SHORT);
    t_http_client_open(&b, site.web.port);
    for (size_t i = 0; !has_come(&b); i++) {
        t_http_client_send(&b, i < sizeof head - 1 ? head + i : "x", 1);
        usleep(10000);
        cr_assert_lt(i, 2000, "it waits for 20 seconds");
    }
    assert_408(&b);
    close_site(&site);
}

/* The time is that of a head: not of the pause before, nor of the handler. */
Test(limits_time, head_alone)
{
    struct site site;
    struct t_http_client b;
    open_site(&site, NNG_URING_HEAD_TIMEOUT, SHORT);
    t_http_client_open(&b, site.web.port);
    for (int i = 0; i < 2; i++) {
        t_http_client_assert_silent(&b); /* which takes as long, too */
        t_http_client_assert_silent(&b);
        t_http_client_say(&b, "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n");
        t_http_client_assert_silent(&b);
        t_http_client_assert_silent(&b);
        t_http_client_say(&b, "x");
        nng_aio *aio = t_pending_queue_take(&desk);
        t_http_client_assert_silent(&b);
        t_http_client_assert_silent(&b);
        t_answer(aio, "kept", 4);
        t_http_client_assert(&b, 200, "kept");
    }
    t_http_client_close(&b);
    close_site(&site);
}

/* ---- Idle connections --------------------------------------------------------------------- */

Test(limits_time, idle)
{
    struct site site;
    struct t_http_client b[4];
    open_site(&site, NNG_URING_IDLE_TIMEOUT, LONG);
    nng_time began = nng_clock();
    for (int i = 0; i < 4; i++) {
        t_http_client_open(&b[i], site.web.port);
    }
    t_http_client_get(&b[1], "/");
    t_http_client_get(&b[2], "/echo");
    t_http_client_say(&b[3], "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
    t_http_client_assert(&b[1], 200, "home");
    t_http_client_assert(&b[2], 200, "");
    t_http_client_assert(&b[3], 200, "x");
    for (int i = 0; i < 4; i++) {
        t_http_client_assert_end(&b[i]);
        cr_assert_geq(nng_clock(), began + LONG - 10);
        t_http_client_close(&b[i]);
    }
    close_site(&site);
}

/* One that has something in hand is not idle; nor one that asks now and then. */
Test(limits_time, not_idle)
{
    struct site site;
    struct t_http_client b;
    open_site(&site, NNG_URING_IDLE_TIMEOUT, LONG);
    t_http_client_open(&b, site.web.port);
    for (int i = 0; i < 13; i++) {
        t_http_client_get(&b, "/");
        t_http_client_assert(&b, 200, "home");
        usleep(LONG * 100);
    }
    t_http_client_get(&b, "/keep");
    nng_aio *aio = t_pending_queue_take(&desk);
    nng_msleep(LONG + SHORT);
    t_http_client_assert_silent(&b);
    t_answer(aio, "kept", 4);
    t_http_client_assert(&b, 200, "kept");
    t_http_client_say(&b, "GET / HT");
    nng_msleep(LONG + SHORT);
    t_http_client_assert_silent(&b);
    t_http_client_say(&b, "TP/1.1\r\nHost: x\r\n\r\n");
    t_http_client_assert(&b, 200, "home");
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
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
    struct site site;
    struct t_http_client b[5];
    open_site(&site, NNG_URING_BODY_TIMEOUT, SHORT);
    for (int i = 0; i < 5; i++) {
        t_http_client_open(&b[i], site.web.port);
        t_http_client_say(&b[i], "POST /echo HTTP/1.1\r\nHost: x\r\n");
        t_http_client_say(&b[i], bodies[i]);
    }
    for (int i = 0; i < 5; i++) {
        assert_408(&b[i]);
    }
    close_site(&site);
}

/* The client was told to send it, and does not. */
Test(limits_time, body_after_continue)
{
    struct site site;
    struct t_http_client b;
    open_site(&site, NNG_URING_BODY_TIMEOUT, SHORT);
    t_http_client_open(&b, site.web.port);
    t_http_client_say(&b, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                          "Content-Length: 5\r\n\r\n");
    t_http_client_assert(&b, 100, NULL);
    assert_408(&b);
    close_site(&site);
}

/* It was answered already: there is only the end left. */
Test(limits_time, body_that_nobody_reads)
{
    struct site site;
    struct t_http_client b[5];
    open_site(&site, NNG_URING_BODY_TIMEOUT, SHORT);
    for (int i = 0; i < 5; i++) {
        t_http_client_open(&b[i], site.web.port);
        t_http_client_say(&b[i], "GET / HTTP/1.1\r\nHost: x\r\n");
        t_http_client_say(&b[i], bodies[i]);
    }
    for (int i = 0; i < 5; i++) {
        t_http_client_assert(&b[i], 200, "home");
        t_http_client_assert_end(&b[i]);
        t_http_client_close(&b[i]);
    }
    close_site(&site);
}

/* As long as there is something every now and then: for longer than the limit in all. */
Test(limits_time, body_in_driblets)
{
    static const char *const texts[] = {
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n12345678901234567890",
        ("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
         "5\r\n12345\r\n5\r\n67890\r\n00000a;x\r\n1234567890\r\n0\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n12345678901234567890",
    };
    struct site site;
    struct t_http_client b[3];
    const char *rest[3];
    open_site(&site, NNG_URING_BODY_TIMEOUT, LONG);
    for (int i = 0; i < 3; i++) {
        t_http_client_open(&b[i], site.web.port);
        rest[i] = strstr(texts[i], "\r\n\r\n");
        t_http_client_send(&b[i], texts[i], (size_t) (rest[i] - texts[i]));
    }
    nng_time began = nng_clock();
    for (size_t left = 1; left > 0;) {
        left = 0;
        for (int i = 0; i < 3; i++) {
            size_t most = i == 1 ? 2 : 1, n = strnlen(rest[i], most);
            t_http_client_send(&b[i], rest[i], n);
            rest[i] += n;
            left += strlen(rest[i]);
        }
        usleep(SHORT * 1000);
    }
    cr_assert_geq(nng_clock(), began + LONG);
    t_http_client_assert(&b[0], 200, "12345678901234567890");
    t_http_client_assert(&b[1], 200, "12345678901234567890");
    t_http_client_assert(&b[2], 200, "home");
    for (int i = 0; i < 3; i++) {
        t_http_client_close(&b[i]);
    }
    close_site(&site);
}

/* ---- Answers ------------------------------------------------------------------------------ */

static char path[] = "/tmp/nu-limits-XXXXXX"; /* a hole, which is nowhere in the page cache */
static char cached[] = "/tmp/nu-limits-XXXXXX";

static void add_big(struct t_web *web)
{
    nng_http_handler *h;
    uint8_t *data = t_pattern_new(BIG, 3);
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(ftruncate(fd, (off_t) BIG), 0);
    close(fd);
    cr_assert_eq(nng_http_handler_alloc_static(&h, "/static", data, BIG, NULL), 0);
    t_web_add(web, h);
    cr_assert_eq(nng_http_handler_alloc_file(&h, "/file", path), 0);
    t_web_add(web, h);
    fd = mkstemp(cached);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, data, BIG), (ssize_t) BIG);
    close(fd);
    cr_assert_eq(nng_http_handler_alloc_file(&h, "/cached", cached), 0);
    t_web_add(web, h);
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
    struct site site;
    struct t_http_client b[4];
    open_site(&site, NNG_URING_WRITE_TIMEOUT, SHORT);
    add_big(&site.web);
    size_t before = t_proc_rss();
    for (int i = 0; i < 4; i++) {
        t_http_client_open_small(&b[i], site.web.port);
        t_http_client_get(&b[i], targets[i]);
    }
    nng_aio *aio = t_pending_queue_take(&desk);
    uint8_t *data = t_pattern_new(BIG, 3);
    t_answer(aio, data, BIG);
    free(data);
    t_proc_await_fds(site.fds + 4); /* our ends alone */
    for (int i = 0; i < 4; i++) {
        cr_assert_lt(t_http_client_await_end(&b[i]), BIG);
        t_http_client_close(&b[i]);
    }
#ifndef NU_SANITIZED
    while (t_proc_rss() >= before + BIG / 2) { /* it goes a moment after the descriptors */
        usleep(1000);
    }
#endif
    (void) before;
    t_web_assert(&site.web, "/", 200, "home");
    remove_big();
    close_site(&site);
}

/* What its system takes in the first moment, before it stops, is no reason to wait twice. */
Test(limits_time, not_read_and_cut_off_in_time)
{
    static const char *const targets[] = { "/static", "/file", "/cached" };
    struct site site;
    struct t_http_client b[3];
    nng_time before, began = 0;
    open_site(&site, NNG_URING_WRITE_TIMEOUT, 2 * LONG);
    add_big(&site.web);
    for (int i = 0; i < 3; i++) {
        t_http_client_open_small(&b[i], site.web.port);
        before = nng_clock();
        t_http_client_get(&b[i], targets[i]);
        t_http_client_head(&b[i]);
        began = nng_clock();
    }
    t_proc_await_fds(site.fds + 3); /* our ends alone */
    cr_assert(nng_clock() >= before + 2 * LONG - 10 && nng_clock() < began + 4 * LONG - 10,
              "%lu ms", (unsigned long) (nng_clock() - began));
    for (int i = 0; i < 3; i++) {
        t_http_client_close(&b[i]);
    }
    remove_big();
    close_site(&site);
}

/* One that asks on and on and reads nothing. */
static sem_t entered, leave;

static void hold_loop(nng_aio *aio)
{
    sem_post(&entered);
    sem_wait(&leave);
    t_answer(aio, "held", 4);
}

static void answer_late(nng_aio *aio)
{
    char *body = calloc(1, BIG);
    nng_msleep(LONG + 10 * SHORT);
    t_answer(aio, body, BIG);
    free(body);
}

/* The time that a handler takes counts for no answer, not even one that a turn of the loop finds
 * behind another. */
Test(limits_time, answer_behind_a_handler_that_blocks)
{
    struct site site;
    struct t_http_client holds, quick, late;
    sem_init(&entered, 0, 0);
    sem_init(&leave, 0, 0);
    setenv("NNG_URING_LOOPS", "1", 1);
    open_site(&site, NNG_URING_WRITE_TIMEOUT, LONG);
    t_web_callback(&site.web, "/hold", hold_loop);
    t_web_callback(&site.web, "/late", answer_late);
    t_http_client_open(&holds, site.web.port);
    t_http_client_open(&quick, site.web.port);
    t_http_client_open(&late, site.web.port);
    t_http_client_get(&quick, "/");
    t_http_client_assert(&quick, 200, "home");
    t_http_client_get(&late, "/");
    t_http_client_assert(&late, 200, "home");
    t_http_client_get(&holds, "/hold");
    sem_wait(&entered);
    t_http_client_get(&quick, "/echo"); /* the loop finds both at once when it comes back */
    t_http_client_get(&late, "/late");
    sem_post(&leave);
    t_http_client_assert(&holds, 200, "held");
    t_http_client_assert(&quick, 200, "");
    t_http_client_hear(&late);
    cr_assert_eq(late.size, BIG);
    t_http_client_close(&holds);
    t_http_client_close(&quick);
    t_http_client_close(&late);
    close_site(&site);
}

Test(limits_time, pipelined_and_not_read)
{
    struct site site;
    struct t_http_client b;
    open_site(&site, NNG_URING_WRITE_TIMEOUT, SHORT);
    t_http_client_open_small(&b, site.web.port);
    while (send(b.fd, GET GET GET GET, 4 * (sizeof GET - 1), MSG_NOSIGNAL) > 0) {
    }
    t_http_client_close(&b);
    t_proc_await_fds(site.fds);
    close_site(&site);
}

/* Takes a little every 20 ms: never nothing for as long as the limit, and far from fast enough to
 * make room for the next part within it. */
static size_t read_slowly(struct t_http_client *b, nng_duration ms)
{
    nng_time until = nng_clock() + (nng_time) ms;
    char bytes[1024];
    size_t sum = 0;
    while (nng_clock() < until) {
        ssize_t n = recv(b->fd, bytes, sizeof bytes, 0);
        cr_assert_gt(n, 0, "it was cut off");
        sum += (size_t) n;
        usleep(20000);
    }
    return sum;
}

static void *read_all_of_it(void *arg)
{
    struct t_http_client *b = arg;
    size_t sum = read_slowly(b, 3 * LONG);
    shutdown(b->fd, SHUT_WR);
    cr_assert_gt(sum + t_http_client_await_end(b), BIG);
    t_http_client_close(b);
    return NULL;
}

Test(limits_time, read_slowly_but_steadily)
{
    static const char *const targets[] = { "/static", "/file", "/cached" };
    struct site site;
    struct t_http_client b[3];
    pthread_t threads[3];
    open_site(&site, NNG_URING_WRITE_TIMEOUT, LONG);
    add_big(&site.web);
    for (int i = 0; i < 3; i++) {
        t_http_client_open_small(&b[i], site.web.port);
        t_http_client_get(&b[i], targets[i]);
        cr_assert_eq(pthread_create(&threads[i], NULL, read_all_of_it, &b[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    remove_big();
    close_site(&site);
}

/* Who takes something all the time, but less than it has to, holds no connection for long. */
Test(limits_time, read_too_slowly)
{
    static const char *const targets[] = { "/static", "/file", "/cached" };
    struct site site;
    struct t_http_client b[3];
    open_site(&site, NNG_URING_WRITE_TIMEOUT, LONG);
    add_big(&site.web);
    cr_assert_eq(nng_uring_server_change_limit(site.web.server, NNG_URING_WRITE_RATE, 10000000), 0);
    for (int i = 0; i < 3; i++) {
        t_http_client_open_small(&b[i], site.web.port);
        t_http_client_get(&b[i], targets[i]);
        t_http_client_head(&b[i]);
    }
    char bytes[1024];
    while (t_proc_fds() > site.fds + 3) { /* our ends */
        for (int i = 0; i < 3; i++) {
            (void) recv(b[i].fd, bytes, sizeof bytes, MSG_DONTWAIT);
        }
        usleep(20000);
    }
    for (int i = 0; i < 3; i++) {
        cr_assert_lt(t_http_client_await_end(&b[i]), BIG);
        t_http_client_close(&b[i]);
    }
    remove_big();
    close_site(&site);
}
