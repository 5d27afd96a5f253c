/* SPDX-License-Identifier: MIT */
/* Bodies that a handler reads come in reads as large as what has arrived. */
#include "http/request_body.h"

#include "support/peer.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SIZE ((size_t) 60000) /* what a socket takes that nobody reads from */
#define VECTOR ((size_t) 65536)

static struct t_pending_queue desk = NU_DESK;

static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

static size_t read_some(nng_http_conn *conn, uint8_t *p, size_t n, int *err)
{
    nng_iov iov[2] = { { p, n / 3 }, { p + n / 3, n - n / 3 } };
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, 10000);
    cr_assert_eq(nng_aio_set_iov(aio, 2, iov), 0);
    nng_http_conn_read(conn, aio);
    nng_aio_wait(aio);
    *err = nng_aio_result(aio);
    size_t count = nng_aio_count(aio);
    nng_aio_free(aio);
    return count;
}

/* The vector is larger than what is left, and another request lies behind the body. */
Test(request_body, large_reads, .timeout = 60)
{
    struct t_web web;
    struct t_http_client b;
    nng_http_handler *h;
    char head[128];
    uint8_t *sent = t_pattern_new(SIZE, 3), *got = malloc(VECTOR);
    cr_assert_not_null(got);
    t_web_open(&web);
    cr_assert_eq(nng_http_handler_alloc(&h, "/read", keep), 0);
    cr_assert_eq(nng_http_handler_set_method(h, "POST"), 0);
    cr_assert_eq(nng_http_handler_collect_body(h, false, 0), 0);
    t_web_add(&web, h);
    t_web_static(&web, "/", "home");
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    for (int round = 0; round < 3; round++) {
        size_t sum = 0;
        unsigned reads = 0;
        int err = 0;
        snprintf(head, sizeof head, "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
                 SIZE);
        t_http_client_say(&b, head);
        nng_aio *aio = t_pending_queue_take(&desk);
        t_http_client_send(&b, sent, SIZE);
        t_http_client_get(&b, "/");
        while (err == 0) {
            size_t n = read_some(nng_aio_get_input(aio, 2), got, VECTOR, &err);
            cr_assert_leq(sum + n, SIZE);
            cr_assert_arr_eq(got, sent + sum, n);
            memset(got, 0, n);
            sum += n;
            reads++;
        }
        cr_assert_eq(err, NNG_ECONNSHUT, "%s", nng_strerror(err));
        cr_assert_eq(sum, SIZE);
        cr_assert_lt(reads, 6, "%u",
                     reads); /* the end among them; 16 and more in pieces of 4 KiB */
        t_answer(aio, "read", 4);
        t_http_client_assert(&b, 200, "read");
        t_http_client_assert(&b, 200, "home");
    }
    t_http_client_close(&b);
    t_web_close(&web);
    free(sent);
    free(got);
}

/* A thread that reads where there is no body is told so, and not when the client sends more; it was
 * not cut off when the client has sent its last. */
Test(request_body, of_nothing, .timeout = 60)
{
    struct t_web web;
    struct t_http_client b;
    uint8_t byte;
    int err;
    t_web_open(&web);
    (void) t_web_callback(&web, "/read", keep);
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    for (int round = 0; round < 3; round++) {
        t_http_client_get(&b, "/read");
        nng_aio *aio = t_pending_queue_take(&desk);
        if (round == 2) {
            cr_assert_eq(shutdown(b.fd, SHUT_WR), 0);
            nng_msleep(50); /* it may be heard of before or after */
        }
        cr_assert_eq(read_some(nng_aio_get_input(aio, 2), &byte, 1, &err), 0);
        cr_assert_eq(err, NNG_ECONNSHUT, "%s", nng_strerror(err));
        t_answer(aio, "read", 4);
        t_http_client_assert(&b, 200, "read");
    }
    t_http_client_close(&b);
    t_web_close(&web);
}
