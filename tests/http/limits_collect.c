/* SPDX-License-Identifier: MIT */
/* A server's limit on the bytes of bodies that it collects. */
#include "base/cgroup.h"
#include "support/confine.h"
#include "support/proc.h"
#include "support/scale.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(limits_collect, .timeout = 120);

#define MIB ((size_t) 1 << 20)
#define UPLOADS 70

static struct t_pending_queue desk = NU_DESK;

static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

static void open_site(struct t_web *web, uint64_t bytes)
{
    t_web_open(web);
    t_web_callback(web, "/keep", keep);
    cr_assert_eq(nng_uring_server_set_limit(web->server, NNG_URING_COLLECT_BYTES, bytes), 0);
    t_web_start(web);
}

static void assert_busy(struct t_http_client *b)
{
    t_http_client_assert(b, 503, NULL);
    cr_assert(t_http_client_line(b, "Retry-After: 1"));
    t_http_client_close(b);
}

static bool has_come(const struct t_http_client *b)
{
    struct pollfd pfd = { b->fd, POLLIN, 0 };
    return poll(&pfd, 1, 0) == 1;
}

static void begin(struct t_http_client *b, unsigned port, bool chunked, size_t size)
{
    char head[128];
    t_http_client_open(b, port);
    if (chunked) {
        snprintf(head, sizeof head,
                 "POST /keep HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n",
                 size);
    } else {
        snprintf(head, sizeof head, "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
                 size);
    }
    t_http_client_say(b, head);
}

/* 70 uploads of a MiB without their last byte: those that fit are kept, all others get a 503; when
 * the handler has answered one, there is room for another. */
static void uploads(bool chunked)
{
    struct t_web web;
    static struct t_http_client b[UPLOADS], one;
    unsigned kept = 0, last = 0, served = 0;
    char *bytes = calloc(1, MIB);
    open_site(&web, 16 * MIB);
    size_t before = t_proc_rss();
    for (int i = 0; i < UPLOADS; i++) {
        begin(&b[i], web.port, chunked, MIB);
        t_http_client_send(&b[i], bytes, MIB - 1); /* also who is refused is listened to */
    }
    for (unsigned answered = 0, i = 0; answered < UPLOADS - 16; i++) { /* until all are read */
        answered = 0;
        for (int k = 0; k < UPLOADS; k++) {
            answered += has_come(&b[k]);
        }
        usleep(1000);
        cr_assert_lt(i, 20000, "%u are refused", answered);
    }
    /* in chunks: what was outgrown below malloc()'s threshold for mmap() may stay with it */
    size_t most = before + (chunked ? 32 : 24) * MIB;
#ifndef NU_SANITIZED
    cr_assert_lt(t_proc_rss(), most, "%zu", t_proc_rss() - before);
#endif
    (void) most;
    for (unsigned i = 0; i < UPLOADS; i++) {
        if (has_come(&b[i])) {
            assert_busy(&b[i]);
            b[i].fd = -1;
        } else {
            kept++;
            last = i;
        }
    }
    cr_assert(kept >= 8 && kept <= 16, "%u", kept);
    for (unsigned i = 0; i <= last; i++) {
        if (b[i].fd < 0) {
            continue;
        }
        t_http_client_say(&b[i], chunked ? "x\r\n0\r\n\r\n" : "x");
        while (!has_come(&b[i]) && t_pending_queue_count(&desk) == 0) {
            usleep(200);
        }
        if (has_come(&b[i])) {
            cr_assert(chunked, "its length was known"); /* it had not needed all of it before */
            assert_busy(&b[i]);
            continue;
        }
        t_answer(t_pending_queue_take(&desk), "kept", 4);
        t_http_client_assert(&b[i], 200, "kept");
        t_http_client_close(&b[i]);
        served++;
    }
    cr_assert_geq(served, 4);
    for (int i = 0; i < 20; i++) { /* nothing is left of any of them */
        begin(&one, web.port, chunked, MIB);
        t_http_client_send(&one, bytes, MIB);
        t_http_client_say(&one, chunked ? "\r\n0\r\n\r\n" : "");
        t_answer(t_pending_queue_take(&desk), "kept", 4);
        t_http_client_assert(&one, 200, "kept");
        t_http_client_close(&one);
    }
    free(bytes);
    t_web_close(&web);
}

Test(limits_collect, by_length)
{
    uploads(false);
}

Test(limits_collect, in_chunks)
{
    uploads(true);
}

/* It counts while the handler works on it, and goes with a client that gives up. */
Test(limits_collect, until_the_answer)
{
    struct t_web web;
    struct t_http_client b, other;
    char *bytes = calloc(1, MIB);
    open_site(&web, MIB + MIB / 2);
    begin(&b, web.port, false, MIB);
    t_http_client_send(&b, bytes, MIB);
    nng_aio *aio = t_pending_queue_take(&desk);
    begin(&other, web.port, false, MIB);
    assert_busy(&other);
    t_answer(aio, "kept", 4);
    t_http_client_assert(&b, 200, "kept");
    begin(&other, web.port, false, MIB);
    t_http_client_send(&other, bytes, MIB / 2);
    t_http_client_assert_silent(&other);
    t_http_client_reset(&other);
    t_proc_await_fds(web.fds + 1000); /* any number */
    for (int i = 0;; i++) {           /* it is gone a moment later */
        begin(&other, web.port, false, MIB);
        t_http_client_send(&other, bytes, MIB);
        while (!has_come(&other) && t_pending_queue_count(&desk) == 0) {
            usleep(200);
        }
        if (!has_come(&other)) {
            break;
        }
        assert_busy(&other);
        usleep(10000);
        cr_assert_lt(i, 2000);
    }
    t_answer(t_pending_queue_take(&desk), "kept", 4);
    t_http_client_assert(&other, 200, "kept");
    t_http_client_close(&other);
    t_http_client_close(&b);
    free(bytes);
    t_web_close(&web);
}

/* No waiting makes room for what is larger than all. */
Test(limits_collect, larger_than_all)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web, MIB / 2);
    begin(&b, web.port, false, MIB);
    t_http_client_assert(&b, 413, NULL);
    t_http_client_close(&b);
    t_web_close(&web);
}

Test(limits_collect, default_is_a_quarter)
{
    struct t_web web;
    uint64_t value;
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    t_web_open(&web);
    cr_assert_eq(nng_uring_server_get_limit(web.server, NNG_URING_COLLECT_BYTES, &value), 0);
    cr_assert_eq(value, nu_cgroup_memory() / 4);
    cr_assert(value > 0 && value <= (uint64_t) pages * (uint64_t) size / 4);
    t_web_close(&web);
}

/* Of what the cgroup allows, where that is less: 70 uploads of a MiB do not fill a container. */
Test(limits_collect, default_in_a_container)
{
    struct t_web web;
    uint64_t value;
    if (!t_memory_max(64 * MIB)) {
        cr_skip_test("no mounts of its own here");
    }
    t_web_open(&web);
    cr_assert_eq(nng_uring_server_get_limit(web.server, NNG_URING_COLLECT_BYTES, &value), 0);
    cr_assert_eq(value, 16 * MIB);
    t_web_close(&web);
}
