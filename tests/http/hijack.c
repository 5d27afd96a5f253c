/* SPDX-License-Identifier: MIT */
#include "http/session.h"
#include "support/proc.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a callback took away from its server, and its aio. */
struct prey {
    nng_http_conn *conn;
    nng_http_req *req;
};

static struct t_pending_queue desk = NU_DESK;
static struct prey prey;

static void take(nng_aio *aio)
{
    prey.conn = nng_aio_get_input(aio, 2);
    prey.req = nng_aio_get_input(aio, 0);
    cr_assert_eq(nng_http_hijack(prey.conn), 0);
    cr_assert_eq(nng_http_hijack(prey.conn), NNG_EINVAL);
    t_pending_queue_put(&desk, aio);
}

static void take_and_finish(nng_aio *aio)
{
    take(aio);
    nng_aio_finish(aio, 0);
}

static void take_close_finish(nng_aio *aio)
{
    take(aio);
    nng_http_conn_close(prey.conn);
    nng_http_req_free(prey.req);
    nng_aio_finish(aio, 0);
}

static void take_finish_close(nng_aio *aio)
{
    take(aio);
    nng_aio_finish(aio, 0);
    nng_http_conn_close(prey.conn);
    nng_http_req_free(prey.req);
}

struct site {
    struct t_web web;
    unsigned fds;
    struct t_http_client b;
};

/* Asks for what `cb` takes away, with more bytes behind the request. */
static void open_site(struct site *site, void (*cb)(nng_aio *))
{
    t_web_open(&site->web);
    site->web.fds++; /* this thread may make a ring of its own, to write with */
    t_web_static(&site->web, "/", "home");
    t_web_callback(&site->web, "/take", cb);
    t_web_start(&site->web);
    site->fds = t_proc_fds() + 1;
    t_http_client_open(&site->b, site->web.port);
    t_http_client_say(&site->b, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
                                "GET /take HTTP/1.1\r\nHost: x\r\nUpgrade: y\r\n\r\nraw bytes");
    t_http_client_assert(&site->b, 200, "home");
}

static void close_site(struct site *site)
{
    t_http_client_close(&site->b);
    t_web_close(&site->web);
}

static size_t transfer(void (*op)(nng_http_conn *, nng_aio *), void *p, size_t n, int result)
{
    nng_iov iov = { p, n };
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    cr_assert_eq(nng_aio_set_iov(aio, 1, &iov), 0);
    op(prey.conn, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), result, "%s", nng_strerror(nng_aio_result(aio)));
    n = nng_aio_count(aio);
    nng_aio_free(aio);
    return n;
}

static void assert_ours(struct site *site, char *sent)
{
    char back[64];
    size_t n = strlen(sent);
    t_http_client_say(&site->b, sent);
    cr_assert_eq(transfer(nng_http_conn_read_all, back, n, 0), n);
    cr_assert_arr_eq(back, sent, n);
    cr_assert_eq(transfer(nng_http_conn_write_all, sent, n, 0), n);
    cr_assert_eq(recv(site->b.fd, back, n, MSG_WAITALL), (ssize_t) n);
    cr_assert_arr_eq(back, sent, n);
}

static void let_go(struct site *site)
{
    nng_http_conn_close(prey.conn);
    nng_http_req_free(prey.req);
    t_http_client_assert_end(&site->b);
}

Test(hijack, buffered_bytes, .timeout = 60)
{
    char bytes[9];
    struct site site;
    open_site(&site, take_and_finish);
    t_pending_queue_take(&desk);
    cr_assert_str_eq(nng_http_req_get_header(prey.req, "Upgrade"), "y");
    cr_assert_eq(transfer(nng_http_conn_read_all, bytes, sizeof bytes, 0), sizeof bytes);
    cr_assert_arr_eq(bytes, "raw bytes", sizeof bytes);
    assert_ours(&site, (char[]){ "GET / HTTP/1.1\r\nHost: x\r\n\r\n" });
    shutdown(site.b.fd, SHUT_WR);
    transfer(nng_http_conn_read, bytes, sizeof bytes, NNG_ECONNSHUT);
    let_go(&site);
    close_site(&site);
}

Test(hijack, outlives_the_server, .timeout = 60)
{
    char bytes[9];
    struct site site;
    open_site(&site, take_and_finish);
    t_pending_queue_take(&desk);
    nng_http_server_stop(site.web.server);
    nng_http_server_release(site.web.server);
    cr_assert_eq(transfer(nng_http_conn_read_all, bytes, sizeof bytes, 0), sizeof bytes);
    assert_ours(&site, (char[]){ "still there" });
    let_go(&site);
    t_http_client_close(&site.b);
    t_proc_await_fds(site.fds);
}

/* The aio is finished when the server has long gone, */
Test(hijack, server_goes_before_finish, .timeout = 60)
{
    struct site site;
    open_site(&site, take);
    nng_aio *aio = t_pending_queue_take(&desk);
    nng_http_server_release(site.web.server);
    t_proc_await_fds(site.fds);
    nng_aio_finish(aio, 0);
    let_go(&site);
    t_http_client_close(&site.b);
    t_proc_await_fds(site.fds);
}

/* with a response that has nowhere to go, or an error. */
Test(hijack, response_into_the_void, .timeout = 60)
{
    for (int i = 0; i < 2; i++) {
        char bytes[9];
        struct site site;
        open_site(&site, take);
        nng_aio *aio = t_pending_queue_take(&desk);
        if (i == 0) {
            t_answer(aio, "nobody reads this", 17);
        } else {
            nng_aio_finish(aio, NNG_EINTERNAL);
        }
        t_http_client_assert_silent(&site.b);
        cr_assert_eq(transfer(nng_http_conn_read_all, bytes, sizeof bytes, 0), sizeof bytes);
        assert_ours(&site, (char[]){ "ours" });
        let_go(&site);
        close_site(&site);
    }
}

Test(hijack, close_in_callback, .timeout = 60)
{
    void (*const cbs[])(nng_aio *) = { take_close_finish, take_finish_close };
    for (int i = 0; i < 2; i++) {
        struct site site;
        open_site(&site, cbs[i]);
        t_pending_queue_take(&desk);
        t_http_client_await_end(&site.b);
        close_site(&site);
    }
}

Test(hijack, close_elsewhere, .timeout = 60)
{
    for (int i = 0; i < 2; i++) {
        struct site site;
        open_site(&site, take);
        nng_aio *aio = t_pending_queue_take(&desk);
        if (i == 0) {
            nng_aio_finish(aio, 0);
        }
        nng_http_conn_close(prey.conn);
        nng_http_req_free(prey.req);
        t_http_client_await_end(&site.b);
        if (i == 1) {
            nng_aio_finish(aio, 0);
        }
        close_site(&site);
    }
}

/* The server does not count it among those it waits for. */
Test(hijack, a_stop_does_not_touch_it, .timeout = 60)
{
    char bytes[9];
    struct site site;
    open_site(&site, take);
    nng_aio *aio = t_pending_queue_take(&desk);
    nng_http_server_stop(site.web.server);
    cr_assert_eq(transfer(nng_http_conn_read_all, bytes, sizeof bytes, 0), sizeof bytes);
    assert_ours(&site, (char[]){ "ours" });
    nng_aio_finish(aio, 0);
    let_go(&site);
    close_site(&site);
}

Test(hijack, only_in_a_callback, .timeout = 60)
{
    struct site site;
    open_site(&site, take_and_finish);
    t_pending_queue_take(&desk);
    cr_assert_eq(nng_http_hijack(prey.conn), NNG_EINVAL);
    let_go(&site);
    close_site(&site);
}
