/* SPDX-License-Identifier: MIT */
#include "http/server.h"

#include "net/address.h"
#include "support/owner.h"
#include "support/peer.h"
#include "support/proc.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The outcome of holding the server for that URL. */
static int hold(nng_http_server **server, const char *text)
{
    nng_url *url;
    cr_assert_eq(nng_url_parse(&url, text), 0, "%s", text);
    int err = nng_http_server_hold(server, url);
    nng_url_free(url);
    return err;
}

static void hold_port(nng_http_server **server, const char *host, unsigned port)
{
    char text[64];
    snprintf(text, sizeof text, "http://%s:%u", host, port);
    cr_assert_eq(hold(server, text), 0);
}

/* ---- Holding ------------------------------------------------------------------------------ */

Test(server, hold_twice, .timeout = 60)
{
    nng_http_server *a, *b, *c;
    cr_assert_eq(hold(&a, "http://LOCALHOST:0/x"), 0);
    cr_assert_eq(hold(&b, "http://localhost:0/y"), 0);
    cr_assert_eq(hold(&c, "http://localhost:1"), 0);
    cr_assert_eq(a, b);
    cr_assert_neq(a, c);
    nng_http_server_release(a);
    cr_assert_eq(nng_http_server_start(b), 0);
    nng_http_server_release(b);
    nng_http_server_release(c);
    nng_http_server_release(NULL);
}

Test(server, hold_refused, .timeout = 60)
{
    nng_http_server *server;
    cr_assert_eq(hold(&server, "tcp://127.0.0.1:1"), NNG_EADDRINVAL);
    cr_assert_eq(hold(&server, "httpfoo://127.0.0.1:1"), NNG_EADDRINVAL);
    cr_assert_eq(hold(&server, "wsx://127.0.0.1:1"), NNG_EADDRINVAL);
    cr_assert_eq(hold(&server, "https6://127.0.0.1:1"), NNG_EADDRINVAL);
    cr_assert_eq(hold(&server, "http6://127.0.0.1:1"), NNG_EADDRINVAL);
    cr_assert_eq(hold(&server, "http://no.such.name.invalid:1"), NNG_EADDRINVAL);
}

Test(server, addresses, .timeout = 60)
{
    static const char *const urls[] = { "http://127.0.0.1:0", "http4://:0", "http://localhost:0" };
    for (int i = 0; i < 3; i++) {
        struct t_web web = { NULL, 0, 0 };
        cr_assert_eq(hold(&web.server, urls[i]), 0);
        t_web_static(&web, "/", "home");
        t_web_start(&web);
        t_web_assert(&web, "/", 200, "home");
        nng_http_server_release(web.server);
    }
}

/* One that is bound to all addresses of both families. */
Test(server, all_addresses, .timeout = 60)
{
    nng_sockaddr addr;
    struct t_web web;
    cr_assert_eq(hold(&web.server, "http://:0"), 0);
    t_web_static(&web, "/", "home");
    int err = nng_http_server_start(web.server);
    if (err == NNG_ENOTSUP || err == NNG_EADDRINVAL) {
        nng_http_server_release(web.server);
        cr_skip_test("no IPv6 here");
    }
    cr_assert_eq(err, 0);
    cr_assert_eq(nng_http_server_get_addr(web.server, &addr), 0);
    cr_assert_eq(addr.s_family, NNG_AF_INET6);
    web.port = (unsigned) (addr.s_in6.sa_port >> 8 | (addr.s_in6.sa_port & 255) << 8);
    t_web_assert(&web, "/", 200, "home");
    nng_http_server_release(web.server);
}

/* Whether somebody listens there. */
static bool connects(const char *host, unsigned port)
{
    struct sockaddr_storage ss;
    socklen_t len;
    char text[8];
    snprintf(text, sizeof text, "%u", port);
    cr_assert_eq(nu_address_parse(host, text, AF_UNSPEC, &ss, &len), 0);
    int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    bool ok = connect(fd, (struct sockaddr *) &ss, len) == 0;
    close(fd);
    return ok;
}

/* A name with two addresses, or several times the same one, is listened on at all of them. */
Test(server, names_of_several_addresses, .timeout = 60)
{
    static const char *const urls[] = { "http://localhost.test:0", "http4://localhost.test:0",
                                        "http6://localhost.test:0" };
    if (!t_ipv6_here()) {
        cr_skip_test("no IPv6 here");
    }
    for (unsigned i = 0; i < 3; i++) {
        struct t_web web = { NULL, 0, 0 };
        unsigned fds = t_proc_fds();
        cr_assert_eq(hold(&web.server, urls[i]), 0);
        t_web_static(&web, "/", "home");
        t_web_start(&web);
        if (i == 0) { /* the loops are there now */
            fds = t_proc_fds() - 2 * nng_uring_loops();
        }
        cr_assert_eq(t_proc_fds() - fds, (i == 0 ? 2 : 1) * nng_uring_loops());
        cr_assert_eq(connects("127.0.0.1", web.port), i != 2);
        cr_assert_eq(connects("::1", web.port), i != 1);
        if (i != 2) {
            t_web_assert(&web, "/", 200, "home");
        }
        nng_http_server_stop(web.server);
        cr_assert(!connects("127.0.0.1", web.port) && !connects("::1", web.port));
        nng_http_server_release(web.server);
        t_proc_await_fds(fds);
    }
}

/* An address of the name that this machine has not does not keep the others from being served. */
Test(server, names_of_addresses_that_are_not_here, .timeout = 60)
{
    struct t_web web = { NULL, 0, 0 };
    cr_assert_eq(hold(&web.server, "http://elsewhere.test:0"), 0);
    t_web_static(&web, "/", "home");
    t_web_start(&web);
    t_web_assert(&web, "/", 200, "home");
    nng_http_server_release(web.server);
    cr_assert_eq(hold(&web.server, "http6://elsewhere.test:0"), 0);
    cr_assert_eq(nng_http_server_start(web.server), NNG_EADDRINVAL);
    nng_http_server_release(web.server);
}

/* ---- Starting and stopping ---------------------------------------------------------------- */

Test(server, starts_are_counted, .timeout = 60)
{
    nng_sockaddr addr;
    struct t_web web;
    t_web_open(&web);
    t_web_static(&web, "/", "home");
    cr_assert_eq(nng_http_server_get_addr(web.server, &addr), NNG_ESTATE);
    nng_http_server_stop(web.server); /* harmless */
    t_web_start(&web);
    cr_assert_eq(nng_http_server_start(web.server), 0);
    nng_http_server_stop(web.server);
    t_web_assert(&web, "/", 200, "home");
    nng_http_server_stop(web.server);
    cr_assert_eq(nng_http_server_get_addr(web.server, &addr), NNG_ESTATE);
    t_proc_await_fds(web.fds);
    nng_http_server_stop(web.server);
    t_web_close(&web);
}

/* Listens at a port that is still nobody else's when that is over. */
static int occupy(unsigned *port)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *port = t_port();
    sin.sin_port = htons((uint16_t) *port);
    cr_assert_eq(bind(fd, (struct sockaddr *) &sin, sizeof sin), 0);
    cr_assert_eq(listen(fd, 1), 0);
    return fd;
}

Test(server, port_in_use, .timeout = 60)
{
    unsigned port;
    int listener = occupy(&port);
    nng_http_server *server;
    hold_port(&server, "127.0.0.1", port);
    cr_assert_eq(nng_http_server_start(server), NNG_EADDRINUSE);
    unsigned fds = t_proc_fds(); /* the library has started */
    cr_assert_eq(nng_http_server_start(server), NNG_EADDRINUSE);
    t_proc_await_fds(fds);
    close(listener);
    cr_assert_eq(nng_http_server_start(server), 0);
    nng_http_server_release(server);
}

/* Those of this library share ports among themselves, but only within one server. */
Test(server, port_in_use_by_another_server, .timeout = 60)
{
    struct t_web web;
    nng_http_server *other;
    t_web_open(&web);
    t_web_static(&web, "/", "home");
    t_web_start(&web);
    hold_port(&other, "localhost", web.port);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(nng_http_server_start(other), NNG_EADDRINUSE);
    }
    t_web_assert(&web, "/", 200, "home");
    nng_http_server_stop(web.server);
    cr_assert_eq(nng_http_server_start(other), 0);
    cr_assert_eq(nng_http_server_get_addr(web.server, &(nng_sockaddr){ 0 }), NNG_ESTATE);
    nng_http_server_release(other);
    t_web_close(&web);
}

struct late_start {
    nng_http_server *server;
    atomic_bool over;
    int err;
};

static void *start_late(void *arg)
{
    struct late_start *late = arg;
    late->err = nng_http_server_start(late->server);
    atomic_store(&late->over, true);
    return NULL;
}

/* Whether the address was free again long before the second was over in which that is waited for,
 * which on a busy machine it may not have been. */
static bool start_while_in_use(void)
{
    unsigned port;
    int listener = occupy(&port);
    struct late_start late = { .over = false };
    struct t_web web = { NULL, port, 0 };
    pthread_t thread;
    nng_time begun = nng_clock();
    hold_port(&late.server, "127.0.0.1", port);
    web.server = late.server;
    cr_assert_eq(pthread_create(&thread, NULL, start_late, &late), 0);
    usleep(50000);
    t_web_static(&web, "/", "home"); /* takes the server's lock */
    bool over = atomic_load(&late.over);
    close(listener);
    bool in_time = nng_clock() - begun < 500;
    pthread_join(thread, NULL);
    if (in_time) {
        cr_assert_not(over);
        cr_assert_eq(late.err, 0, "%s", nng_strerror(late.err));
        t_web_assert(&web, "/", 200, "home");
    }
    nng_http_server_release(late.server);
    return in_time;
}

/* An address that becomes free in time is taken; until then the server can be worked with, and a
 * loop does not wait for it. */
Test(server, port_in_use_for_a_while, .timeout = 60)
{
    while (!start_while_in_use()) {
    }
}

static void start_here(void *arg)
{
    struct late_start *late = arg;
    nng_time begun = nng_clock();
    late->err = nng_http_server_start(late->server);
    atomic_store(&late->over, nng_clock() - begun < 900);
}

/* Where it is waited for that never takes less than a second. */
Test(server, port_in_use_on_a_loop, .timeout = 60)
{
    unsigned port;
    int listener = occupy(&port);
    struct late_start late = { .over = false };
    hold_port(&late.server, "127.0.0.1", port);
    for (int tries = 0; tries < 10 && !atomic_load(&late.over); tries++) {
        t_run_on(t_a_loop(0), start_here, &late);
        cr_assert_eq(late.err, NNG_EADDRINUSE);
    }
    cr_assert(atomic_load(&late.over));
    close(listener);
    nng_http_server_release(late.server);
}

Test(server, several_at_once, .timeout = 60)
{
    struct t_web web[5];
    unsigned fds[5];
    for (int i = 0; i < 5; i++) {
        char host[32], text[8];
        snprintf(host, sizeof host, "http://127.0.0.%d:0", i + 1);
        snprintf(text, sizeof text, "home %d", i);
        t_web_open(&web[i]);
        nng_http_server_release(web[i].server);
        fds[i] = t_proc_fds();
        cr_assert_eq(hold(&web[i].server, host), 0);
        t_web_static(&web[i], "/", text);
        t_web_start(&web[i]);
    }
    for (int i = 4; i >= 0; i--) {
        struct t_http_client b;
        char text[64];
        snprintf(text, sizeof text, "http://127.0.0.%d:%u", i + 1, web[i].port);
        nng_http_server *same;
        cr_assert_eq(hold(&same, text), 0); /* of that number, not of port 0 */
        cr_assert_neq(same, web[i].server);
        nng_http_server_release(same);
        if (i == 0) {
            t_http_client_open(&b, web[i].port);
            t_http_client_get(&b, "/");
            t_http_client_assert(&b, 200, "home 0");
            t_http_client_close(&b);
        }
        nng_http_server_release(web[i].server);
        t_proc_await_fds(fds[i]);
    }
}

Test(server, start_again_on_the_same_port, .timeout = 60)
{
    struct t_web web;
    struct t_http_client b;
    unsigned port = t_port();
    t_web_open(&web);
    nng_http_server_release(web.server);
    hold_port(&web.server, "127.0.0.1", port);
    t_web_static(&web, "/", "home");
    for (int i = 0; i < 50; i++) {
        t_web_start(&web);
        cr_assert_eq(web.port, port);
        t_http_client_open(&b, port);
        t_http_client_get(&b, "/");
        t_http_client_assert(&b, 200, "home");
        nng_http_server_stop(web.server); /* this side closes: TIME_WAIT, or a reset */
        if (i % 2 == 0) {
            t_http_client_await_end(&b);
        }
        t_http_client_close(&b);
    }
    t_web_close(&web);
}

/* One in place of another: nobody finds none; on error all is as it was. */
Test(server, handler_in_place_of_another)
{
    struct t_web web;
    nng_http_handler *one, *two, *other;
    t_web_open(&web);
    cr_assert_eq(nng_http_handler_alloc_static(&one, "/", "one", 3, NULL), 0);
    cr_assert_eq(nng_http_handler_alloc_static(&two, "/", "two", 3, NULL), 0);
    cr_assert_eq(nng_http_handler_alloc_static(&other, "/other", "other", 5, NULL), 0);
    cr_assert_eq(nng_http_server_add_handler(web.server, one), 0);
    cr_assert_eq(nng_http_server_add_handler(web.server, other), 0);
    t_web_start(&web);
    t_web_assert(&web, "/", 200, "one");
    cr_assert_eq(nng_uring_server_replace_handler(web.server, other, two), NNG_EADDRINUSE);
    cr_assert_eq(nng_uring_server_replace_handler(web.server, two, two), NNG_ENOENT);
    cr_assert_eq(nng_uring_server_replace_handler(web.server, other, one), NNG_EADDRINUSE);
    t_web_assert(&web, "/", 200, "one");
    cr_assert_eq(nng_uring_server_replace_handler(web.server, one, two), 0);
    nng_http_handler_free(one);
    t_web_assert(&web, "/", 200, "two");
    t_web_assert(&web, "/other", 200, "other");
    cr_assert_eq(nng_uring_server_replace_handler(web.server, two, other), NNG_EADDRINUSE);
    t_web_close(&web);
}
