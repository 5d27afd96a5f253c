/* SPDX-License-Identifier: MIT */
#include "http/exchange.h"

#include "support/peer.h"
#include "support/proc.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct t_pending_queue desk = NU_DESK;

struct site {
    struct t_web web;
    unsigned fds;
};

static void open_site(struct site *site, void (*cb)(nng_aio *))
{
    t_web_open(&site->web);
    t_web_static(&site->web, "/", "home");
    t_web_callback(&site->web, "/call", cb);
    t_web_start(&site->web);
    site->fds = t_proc_fds();
}

static void close_site(struct site *site)
{
    t_web_close(&site->web);
}

/* ---- What a callback is given ------------------------------------------------------------- */

/* Answers with what it was asked. */
static void describe(nng_aio *aio)
{
    char text[512];
    void *data;
    size_t size;
    nng_http_req *req = nng_aio_get_input(aio, 0);
    nng_http_handler *h = nng_aio_get_input(aio, 1);
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_sockaddr addr;
    cr_assert_not_null(h);
    cr_assert_eq(nng_uring_conn_remote_addr(conn, &addr), 0);
    nng_http_req_get_data(req, &data, &size);
    const char *x = nng_http_req_get_header(req, "x-field");
    snprintf(text, sizeof text, "%s %s %s %s [%.*s]", nng_http_req_get_method(req),
             nng_http_req_get_uri(req), nng_http_req_get_version(req), x != NULL ? x : "none",
             (int) size, (char *) data);
    t_answer(aio, text, strlen(text));
}

Test(exchange, request, .timeout = 60)
{
    struct site site;
    struct t_http_client b;
    open_site(&site, describe);
    t_http_client_open(&b, site.web.port);
    t_http_client_say(&b,
                      "GET /%63all?a=%20 HTTP/1.1\r\nHost: x\r\nX-Field: 1\r\nX-FIELD: 2\r\n\r\n");
    t_http_client_assert(&b, 200, "GET /%63all?a=%20 HTTP/1.1 1, 2 []");
    t_http_client_say(&b, "POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
    t_http_client_assert(&b, 200, "POST /call HTTP/1.1 none [body]");
    t_http_client_say(&b, "PUT /call/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    t_http_client_assert(&b, 200, "PUT /call/ HTTP/1.1 none []");
    t_http_client_say(&b, "HEAD /call HTTP/1.1\r\nHost: x\r\n\r\n");
    t_http_client_head(&b);
    cr_assert(t_http_client_line(&b, "Content-Length: 27"));
    t_http_client_get(&b, "/");
    t_http_client_assert(&b, 200, "home");
    t_http_client_close(&b);
    close_site(&site);
}

/* ---- Bodies ------------------------------------------------------------------------------- */

static void echo(nng_aio *aio)
{
    void *data;
    size_t size;
    nng_http_req_get_data(nng_aio_get_input(aio, 0), &data, &size);
    t_answer(aio, data, size);
}

static void post(struct t_http_client *b, size_t size)
{
    char text[128];
    snprintf(text, sizeof text, "POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
             size);
    t_http_client_say(b, text);
}

Test(exchange, body_in_pieces, .timeout = 60)
{
    static const size_t sizes[] = { 1, 100, 16383, 70000, (size_t) 1 << 20 };
    struct site site;
    struct t_http_client b;
    open_site(&site, echo);
    t_http_client_open(&b, site.web.port);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t piece = 1; piece <= sizes[i]; piece *= 11) {
            uint8_t *data = t_pattern_new(sizes[i], 5);
            bool hurry = sizes[i] / piece > 200; /* the rest in one */
            post(&b, sizes[i]);
            for (size_t sent = 0, n = 0; sent < sizes[i]; sent += n) {
                n = hurry && sent >= 100 * piece ? sizes[i] - sent : piece;
                n = n < sizes[i] - sent ? n : sizes[i] - sent;
                t_http_client_send(&b, data + sent, n);
                usleep(100);
            }
            t_http_client_get(&b, "/");
            t_http_client_hear(&b);
            cr_assert_eq(b.status, 200);
            cr_assert_eq(b.size, sizes[i]);
            cr_assert_arr_eq(b.body, data, sizes[i]);
            t_http_client_assert(&b, 200, "home");
            free(data);
        }
    }
    t_http_client_close(&b);
    close_site(&site);
}

Test(exchange, body_too_large, .timeout = 60)
{
    static const char *const lengths[] = { "1048577", "4294967296", "9223372036854775807" };
    struct site site;
    open_site(&site, echo);
    for (int i = 0; i < 3; i++) {
        char text[256];
        struct t_http_client b;
        t_http_client_open(&b, site.web.port);
        snprintf(text, sizeof text,
                 "POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\nGET / HTTP/1.1\r\n",
                 lengths[i]);
        t_http_client_say(&b, text);
        t_http_client_assert(&b, 413, NULL);
        cr_assert(t_http_client_line(&b, "Connection: close"));
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
    }
    close_site(&site);
}

Test(exchange, limit_of_body, .timeout = 60)
{
    struct site site;
    nng_http_handler *h;
    struct t_http_client b;
    open_site(&site, echo);
    cr_assert_eq(nng_http_handler_alloc(&h, "/small", echo), 0);
    cr_assert_eq(nng_http_handler_set_method(h, "POST"), 0);
    cr_assert_eq(nng_http_handler_collect_body(h, true, 4), 0);
    t_web_add(&site.web, h);
    t_http_client_open(&b, site.web.port);
    t_http_client_say(&b, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
    t_http_client_assert(&b, 200, "body");
    t_http_client_say(&b, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nbody5");
    t_http_client_assert(&b, 413, NULL);
    t_http_client_say(&b, "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\n\r\n");
    t_http_client_assert(&b, 200, "body");
    t_http_client_say(&b, "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "2\r\nbo\r\n3\r\ndy5\r\n");
    t_http_client_assert(&b, 413, NULL);
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    close_site(&site);
}

Test(exchange, chunked_body, .timeout = 60)
{
    struct site site;
    struct t_http_client b;
    open_site(&site, echo);
    t_http_client_open(&b, site.web.port);
    t_http_client_say(&b, "POST /call HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "4\r\nbody\r\n0\r\n\r\n");
    t_http_client_assert(&b, 200, "body");
    t_http_client_close(&b);
    close_site(&site);
}

/* Reads the body itself, and waits for it. */
static void read_body(nng_aio *aio)
{
    char body[8];
    nng_iov iov = { body, sizeof body };
    nng_aio *own;
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    cr_assert_eq(nng_aio_set_iov(own, 1, &iov), 0);
    nng_http_conn_read_all(nng_aio_get_input(aio, 2), own);
    nng_aio_wait(own);
    cr_assert_eq(nng_aio_result(own), 0);
    nng_aio_free(own);
    t_answer(aio, body, sizeof body);
}

static void add_reader(struct site *site, const char *uri, void (*cb)(nng_aio *))
{
    nng_http_handler *h;
    cr_assert_eq(nng_http_handler_alloc(&h, uri, cb), 0);
    cr_assert_eq(nng_http_handler_set_method(h, NULL), 0);
    cr_assert_eq(nng_http_handler_collect_body(h, false, 0), 0);
    t_web_add(&site->web, h);
}

Test(exchange, body_not_collected, .timeout = 60)
{
    struct site site;
    struct t_http_client b;
    open_site(&site, echo);
    add_reader(&site, "/read", read_body);
    t_http_client_open(&b, site.web.port);
    t_http_client_say(&b, "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n1234");
    usleep(10000);
    t_http_client_say(&b, "5678");
    t_http_client_assert(&b, 200, "12345678");
    t_http_client_close(&b);
    close_site(&site);
}

/* Begins its response, reads the body (8 bytes), and sends that behind it. */
static void write_then_read(nng_aio *aio)
{
    static char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n";
    char body[8];
    nng_iov iov[] = { { head, sizeof head - 1 }, { body, sizeof body } };
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_aio *own;
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(nng_aio_set_iov(own, 1, &iov[i > 0]), 0);
        if (i == 1) {
            nng_http_conn_read_all(conn, own);
        } else {
            nng_http_conn_write_all(conn, own);
        }
        nng_aio_wait(own);
        cr_assert_eq(nng_aio_result(own), 0);
    }
    nng_aio_free(own);
    nng_aio_finish(aio, 0);
}

/* 100 (Continue) is said when the handler reads, but not in the midst of its response. */
Test(exchange, continued_when_read, .timeout = 60)
{
    static const char rest[] = "HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                               "Content-Length: 8\r\n\r\n";
    struct site site;
    struct t_http_client b;
    char text[128];
    open_site(&site, echo);
    add_reader(&site, "/read", read_body);
    add_reader(&site, "/write", write_then_read);
    t_http_client_open(&b, site.web.port);
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text, "POST /read %s", rest);
        t_http_client_say(&b, text);
        t_http_client_head(&b);
        cr_assert_eq(b.status, 100);
        t_http_client_say(&b, "12345678");
        t_http_client_assert(&b, 200, "12345678");

        snprintf(text, sizeof text, "POST /write %s", rest);
        t_http_client_say(&b, text);
        usleep(10000); /* for what must not come */
        t_http_client_say(&b, "abcdefgh");
        t_http_client_assert(&b, 200, "abcdefgh");
    }
    t_http_client_close(&b);
    close_site(&site);
}

/* ---- Answers ------------------------------------------------------------------------------ */

static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

Test(exchange, later, .timeout = 60)
{
    struct site site;
    struct t_http_client b[20], other;
    open_site(&site, keep);
    for (int i = 0; i < 20; i++) {
        t_http_client_open(&b[i], site.web.port);
        t_http_client_get(&b[i], "/call");
        t_http_client_get(&b[i], "/");
    }
    t_http_client_open(&other, site.web.port); /* nobody else has to wait */
    t_http_client_get(&other, "/");
    t_http_client_assert(&other, 200, "home");
    t_http_client_close(&other);
    for (int i = 0; i < 20; i++) {
        t_answer(t_pending_queue_take(&desk), "late", 4);
    }
    for (int i = 0; i < 20; i++) {
        t_http_client_assert(&b[i], 200, "late");
        t_http_client_assert(&b[i], 200, "home");
        t_http_client_close(&b[i]);
    }
    close_site(&site);
}

static void fail_at_once(nng_aio *aio)
{
    nng_aio_finish(aio, NNG_EINTERNAL);
}

Test(exchange, error, .timeout = 60)
{
    struct site site;
    struct t_http_client b;
    open_site(&site, fail_at_once);
    t_web_callback(&site.web, "/later", keep);
    t_http_client_open(&b, site.web.port);
    for (int i = 0; i < 5; i++) {
        nng_http_res *res;
        t_http_client_get(&b, "/call");
        t_http_client_assert(&b, 500, NULL);
        t_http_client_get(&b, "/later");
        nng_aio *aio = t_pending_queue_take(&desk);
        cr_assert_eq(nng_http_res_alloc(&res), 0);
        nng_aio_set_output(aio, 0, res); /* given away all the same */
        nng_aio_finish(aio, NNG_ENOENT);
        t_http_client_assert(&b, 500, NULL);
    }
    t_http_client_close(&b);
    close_site(&site);
}

/* One answer of each kind that has something peculiar about it. */
static void answer_peculiar(nng_aio *aio)
{
    nng_http_res *res;
    const char *uri = nng_http_req_get_uri(nng_aio_get_input(aio, 0));
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    if (strcmp(uri, "/call?close") == 0) {
        nng_http_res_copy_data(res, "bye", 3);
        nng_http_res_set_header(res, "Connection", "close");
    } else if (strcmp(uri, "/call?204") == 0) {
        nng_http_res_set_status(res, 204);
    } else if (strcmp(uri, "/call?304") == 0) {
        nng_http_res_set_status(res, 304);
    } else if (strcmp(uri, "/call?body304") == 0) {
        nng_http_res_copy_data(res, "no body", 7);
        nng_http_res_set_status(res, 304);
    } else if (strcmp(uri, "/call?cookies") == 0) {
        nng_http_res_add_header(res, "Set-Cookie", "a=1");
        nng_http_res_add_header(res, "Set-Cookie", "b=2");
    }
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

Test(exchange, peculiar_answers, .timeout = 60)
{
    struct site site;
    struct t_http_client b;
    open_site(&site, answer_peculiar);
    t_http_client_open(&b, site.web.port);
    t_http_client_get(&b, "/call?nothing");
    t_http_client_assert(&b, 200, "");
    cr_assert(t_http_client_line(&b, "Content-Length: 0"));
    t_http_client_get(&b, "/call?204");
    t_http_client_assert(&b, 204, "");
    cr_assert_null(strstr(b.head, "Content-Length"));
    t_http_client_get(&b, "/call?304");
    t_http_client_assert(&b, 304, "");
    t_http_client_get(&b, "/call?body304");
    t_http_client_head(&b);
    cr_assert_eq(b.status, 304);
    t_http_client_get(&b, "/call?cookies");
    t_http_client_assert(&b, 200, "");
    cr_assert(t_http_client_line(&b, "Set-Cookie: a=1"));
    cr_assert(t_http_client_line(&b, "Set-Cookie: b=2"));
    t_http_client_get(&b, "/call?close");
    t_http_client_get(&b, "/");
    t_http_client_assert(&b, 200, "bye");
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    close_site(&site);
}

/* ---- Callbacks that do it themselves ------------------------------------------------------ */

static const char by_hand[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

struct own {
    nng_aio *aio, *handlers;
};

static void own_written(void *arg)
{
    struct own *own = arg;
    nng_aio_finish(own->handlers, nng_aio_result(own->aio));
    nng_aio_reap(own->aio);
    free(own);
}

static void write_it(nng_aio *aio)
{
    struct own *own = malloc(sizeof *own);
    nng_iov iov = { (void *) (uintptr_t) by_hand, sizeof by_hand - 1 };
    cr_assert_not_null(own);
    own->handlers = aio;
    cr_assert_eq(nng_aio_alloc(&own->aio, own_written, own), 0);
    cr_assert_eq(nng_aio_set_iov(own->aio, 1, &iov), 0);
    nng_http_conn_write_all(nng_aio_get_input(aio, 2), own->aio);
}

static void write_from_elsewhere(nng_aio *aio)
{
    nng_iov iov = { (void *) (uintptr_t) by_hand, sizeof by_hand - 1 };
    nng_aio *own;
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    cr_assert_eq(nng_aio_set_iov(own, 1, &iov), 0);
    nng_http_conn_write_all(nng_aio_get_input(aio, 2), own);
    nng_aio_wait(own);
    cr_assert_eq(nng_aio_result(own), 0);
    nng_aio_free(own);
    nng_aio_finish(aio, 0);
}

Test(exchange, output_null, .timeout = 60)
{
    struct site site;
    struct t_http_client b;
    open_site(&site, write_it);
    site.web.fds++; /* this thread makes a ring of its own, to write with */
    t_web_callback(&site.web, "/later", keep);
    t_http_client_open(&b, site.web.port);
    for (int i = 0; i < 5; i++) {
        t_http_client_get(&b, "/call");
        t_http_client_get(&b, "/");
        t_http_client_get(&b, "/later");
        t_http_client_assert(&b, 200, "hi");
        t_http_client_assert(&b, 200, "home");
        write_from_elsewhere(t_pending_queue_take(&desk));
        t_http_client_assert(&b, 200, "hi");
    }
    t_http_client_close(&b);
    close_site(&site);
}

static void wait_inside(nng_aio *aio)
{
    nng_aio *own;
    cr_assert_eq(nng_aio_alloc(&own, NULL, NULL), 0);
    nng_sleep_aio(30, own);
    nng_aio_wait(own);
    cr_assert_eq(nng_aio_result(own), 0);
    nng_aio_free(own);
    describe(aio);
}

/* A callback that waits holds up nobody, not even others that wait on the same loop. */
Test(exchange, waits_inside, .timeout = 60)
{
    struct site site;
    struct t_http_client b[10];
    setenv("NNG_URING_LOOPS", "1", 1);
    open_site(&site, wait_inside);
    for (int i = 0; i < 10; i++) {
        char target[32];
        t_http_client_open(&b[i], site.web.port);
        sprintf(target, "/call?%d", i);
        t_http_client_get(&b[i], target);
        t_http_client_get(&b[i], "/");
    }
    t_web_assert(&site.web, "/", 200, "home");
    for (int i = 0; i < 10; i++) {
        char text[64];
        sprintf(text, "GET /call?%d HTTP/1.1 none []", i);
        t_http_client_assert(&b[i], 200, text);
        t_http_client_assert(&b[i], 200, "home");
        t_http_client_close(&b[i]);
    }
    close_site(&site);
}

/* ---- Clients that do not wait ------------------------------------------------------------- */

Test(exchange, client_gone_meanwhile, .timeout = 60)
{
    struct site site;
    open_site(&site, keep);
    for (int i = 0; i < 40; i++) {
        struct t_http_client b;
        t_http_client_open(&b, site.web.port);
        t_http_client_get(&b, "/call");
        nng_aio *aio = t_pending_queue_take(&desk);
        if (i % 2 == 0) {
            t_http_client_close(&b);
        } else {
            t_http_client_reset(&b);
        }
        if (i % 4 < 2) {
            t_answer(aio, "late", 4);
        } else {
            nng_aio_finish(aio, NNG_EINTERNAL);
        }
    }
    t_proc_await_fds(site.fds);
    t_web_assert(&site.web, "/", 200, "home");
    close_site(&site);
}

Test(exchange, half_closed, .timeout = 60)
{
    struct site site;
    struct t_http_client b;
    open_site(&site, keep);
    t_http_client_open(&b, site.web.port);
    post(&b, 4);
    t_http_client_say(&b, "body");
    shutdown(b.fd, SHUT_WR);
    nng_aio *aio = t_pending_queue_take(&desk);
    usleep(10000);
    t_answer(aio, "late", 4);
    t_http_client_assert(&b, 200, "late");
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    close_site(&site);
}

/* It will never get the whole body. */
Test(exchange, half_closed_in_body, .timeout = 60)
{
    struct site site;
    struct t_http_client b;
    open_site(&site, keep);
    t_http_client_open(&b, site.web.port);
    post(&b, 4);
    t_http_client_say(&b, "bod");
    shutdown(b.fd, SHUT_WR);
    cr_assert_eq(t_http_client_await_end(&b), 0);
    t_http_client_close(&b);
    close_site(&site);
}
