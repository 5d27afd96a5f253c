/* SPDX-License-Identifier: MIT */
/* Servers on sockets that were there before them, and outlive them. */
#include "support/peer.h"
#include "support/proc.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <nng/uring.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(sockets, .timeout = 120);

#define BROWSERS 16
#define MANY 256

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
        cr_assert_eq(nng_uring_server_drain(old.server, 60000), 0);
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

/* However many a process with more loops has handed over. */
Test(sockets, more_than_loops)
{
    struct t_web web;
    unsigned port;
    cr_assert_eq(setenv("NNG_URING_LOOPS", "2", 1), 0);
    t_web_open(&web);
    int fd = nu_listen(&port, 0);
    t_web_static(&web, "/", "here");
    for (int i = 0; i < MANY / 8; i++) {
        cr_assert_eq(nng_uring_server_add_socket(web.server, copy_of(fd)), 0);
    }
    t_web_start(&web);
    cr_assert_eq(web.port, port);
    for (int i = 0; i < BROWSERS; i++) {
        t_web_assert(&web, "/", 200, "here");
    }
    close(fd);
    t_web_close(&web);
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

static void take_over(struct t_web *from, struct t_web *web)
{
    static const char *const urls[] = { "http://127.0.0.1:1", "http://127.0.0.1:2" };
    static unsigned round;
    nng_url *url;
    int fds[MANY];
    size_t n = 0;
    cr_assert_eq(nng_url_parse(&url, urls[round++ % 2]), 0);
    cr_assert_eq(nng_http_server_hold(&web->server, url), 0);
    nng_url_free(url);
    cr_assert_eq(nng_uring_server_get_sockets(web->server, fds, &n), NNG_ESTATE);
    t_web_static(web, "/", "new");
    cr_assert_eq(nng_uring_server_get_sockets(from->server, fds, &n), NNG_EMSGSIZE);
    cr_assert_gt(n, 0);
    cr_assert_leq(n, MANY);
    cr_assert_eq(nng_uring_server_get_sockets(from->server, fds, &n), 0);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(nng_uring_server_add_socket(web->server, fds[i]), 0);
    }
    cr_assert_eq(nng_http_server_start(web->server), 0);
    web->port = from->port;
}

/* A loop that is busy with it may not have got so far yet. */
static void assert_ends(struct t_http_client *b)
{
    do {
        t_http_client_get(b, "/");
        t_http_client_assert(b, 200, "old");
    } while (!t_http_client_line(b, "Connection: close"));
    t_http_client_assert_end(b);
    t_http_client_close(b);
}

/* Who has a connection of the old one's is answered, and told to come back, by a new one. */
Test(sockets, handed_over)
{
    struct t_web first, second, third;
    struct t_http_client idle, busy;
    t_web_open(&first);
    t_web_static(&first, "/", "old");
    t_web_start(&first);
    t_http_client_open(&idle, first.port);
    t_http_client_open(&busy, first.port);
    for (int i = 0; i < 2; i++) { /* both are accepted */
        t_http_client_get(i == 0 ? &idle : &busy, "/");
        t_http_client_assert(i == 0 ? &idle : &busy, 200, "old");
    }
    take_over(&first, &second);
    cr_assert_eq(nng_uring_server_leave(first.server, 0), NNG_ETIMEDOUT);
    cr_assert_eq(nng_uring_server_leave(first.server, 300), NNG_ETIMEDOUT);
    for (int i = 0; i < BROWSERS; i++) {
        t_web_assert(&second, "/", 200, "new");
    }
    assert_ends(&busy);
    cr_assert_eq(nng_uring_server_leave(first.server, 100), NNG_ETIMEDOUT);
    assert_ends(&idle);
    cr_assert_eq(nng_uring_server_leave(first.server, NNG_DURATION_INFINITE), 0);
    cr_assert_eq(nng_uring_server_drain(first.server, 60000), 0);
    take_over(&second, &third); /* and so on */
    cr_assert_eq(nng_uring_server_drain(second.server, 60000), 0);
    nng_http_server_release(second.server);
    t_web_assert(&third, "/", 200, "new");
    nng_http_server_release(third.server);
    t_web_close(&first);
}

/* When it has left, nobody is accepted by it any more. */
Test(sockets, left)
{
    struct t_web web;
    unsigned port;
    int fd = nu_listen(&port, 0);
    for (int round = 0; round < 8; round++) {
        open_on(&web, copy_of(fd), "here");
        web.fds -= 1; /* the copy was there before */
        t_web_assert(&web, "/", 200, "here");
        (void) nng_uring_server_leave(web.server, 0);
        t_http_client_open_later(&browsers[0]);
        t_http_client_connect(&browsers[0], port);
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        cr_assert_eq(poll(&ready, 1, 10000), 1, "it was accepted by who has left");
        int taken = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        cr_assert_geq(taken, 0);
        close(taken);
        t_http_client_close(&browsers[0]);
        t_web_close(&web);
    }
    close(fd);
}
