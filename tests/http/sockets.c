/* SPDX-License-Identifier: MIT */
/* Servers on sockets that were there before them, and outlive them. */
#include "support/peer.h"
#include "support/proc.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <nng/uring.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(sockets, .timeout = 120);

#define BROWSERS 16

static struct t_http_client browsers[BROWSERS];

static void open_on(struct t_web *web, int fd, const char *says)
{
    t_web_open(web);
    t_web_static(web, "/", says);
    cr_assert_eq(nng_uring_server_add_socket(web->server, fd), 0);
    t_web_start(web);
}

static int copy_of(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    cr_assert_geq(copy, 0);
    return copy;
}

/* All who connect are served, whichever loop takes them; who does so afterwards is by the next. */
Test(sockets, one_after_the_other)
{
    struct t_web web;
    unsigned port;
    int fd = nu_listen(&port, 0);
    for (int round = 0; round < 3; round++) {
        open_on(&web, copy_of(fd), "here");
        web.fds -= 1; /* the copy was there before */
        cr_assert_eq(web.port, port);
        for (int i = 0; i < BROWSERS; i++) {
            if (round == 0) {
                t_http_client_open(&browsers[i], port);
                t_http_client_get(&browsers[i], "/");
            }
            t_http_client_assert(&browsers[i], 200, "here");
            t_http_client_close(&browsers[i]);
        }
        cr_assert_eq(nng_uring_server_drain(web.server, 10000), 0);
        for (int i = 0; i < BROWSERS; i++) { /* nobody accepts them yet */
            t_http_client_open_later(&browsers[i]);
            t_http_client_connect(&browsers[i], port);
            t_http_client_get(&browsers[i], "/");
        }
        web.fds += BROWSERS + 1;
        t_web_close(&web);
    }
    for (int i = 0; i < BROWSERS; i++) {
        t_http_client_close(&browsers[i]);
    }
    close(fd);
}

/* One starts while the other ends: nobody is refused, or cut off. */
Test(sockets, two_at_a_time)
{
    struct t_web old, new;
    unsigned port;
    struct t_http_client b;
    int fd = nu_listen(&port, 0);
    open_on(&old, copy_of(fd), "here");
    for (int round = 0; round < 8; round++) {
        nng_url *url;
        nng_http_handler *h;
        /* a server of its own, for there is one for each host and port of a URL */
        cr_assert_eq(nng_url_parse(&url, round % 2 ? "http://localhost:0" : "http://127.0.0.1:1"),
                     0);
        cr_assert_eq(nng_http_server_hold(&new.server, url), 0);
        nng_url_free(url);
        cr_assert_eq(nng_http_handler_alloc_static(&h, "/", "here", 4, NULL), 0);
        cr_assert_eq(nng_http_server_add_handler(new.server, h), 0);
        cr_assert_eq(nng_uring_server_add_socket(new.server, copy_of(fd)), 0);
        cr_assert_eq(nng_http_server_start(new.server), 0);
        for (int i = 0; i < BROWSERS; i++) {
            t_http_client_open(&browsers[i], port);
            t_http_client_get(&browsers[i], "/");
        }
        cr_assert_eq(nng_uring_server_drain(old.server, 10000), 0);
        nng_http_server_release(old.server);
        for (int i = 0; i < BROWSERS; i++) {
            t_http_client_assert(&browsers[i], 200, "here");
            t_http_client_close(&browsers[i]);
        }
        old.server = new.server;
    }
    t_http_client_open(&b, port);
    t_http_client_close(&b);
    nng_http_server_release(old.server);
    close(fd);
}

/* The server owns it only if it takes it. */
Test(sockets, that_do_not_listen)
{
    struct t_web web;
    unsigned port;
    int fd = nu_listen(&port, 0), files[2];
    t_web_open(&web);
    cr_assert_eq(pipe2(files, O_CLOEXEC), 0);
    cr_assert_eq(nng_uring_server_add_socket(web.server, files[0]), NNG_EINVAL);
    close(files[0]);
    close(files[1]);
    int plain = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(nng_uring_server_add_socket(web.server, plain), NNG_EINVAL);
    cr_assert_eq(nng_uring_server_add_socket(web.server, -1), NNG_EINVAL);
    close(plain);
    t_web_start(&web);
    cr_assert_neq(web.port, port);
    cr_assert_eq(nng_uring_server_add_socket(web.server, fd), NNG_EBUSY);
    close(fd);
    t_web_close(&web);
}
