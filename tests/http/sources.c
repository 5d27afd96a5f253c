/* SPDX-License-Identifier: MIT */
/* What one client's address may have and do. */
#include "http/sources.h"

#include "support/counted.h"
#include "support/web.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <malloc.h>
#include <nng/stream.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(sources, .timeout = 120);

#define GET "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"

static void open_web(struct t_web *web, uint64_t connections, uint64_t requests)
{
    t_web_open(web);
    t_web_static(web, "/a", "a");
    cr_assert_eq(nng_uring_server_set_limit(web->server, NNG_URING_CLIENT_CONNECTIONS, connections),
                 0);
    cr_assert_eq(nng_uring_server_set_limit(web->server, NNG_URING_CLIENT_REQUESTS, requests), 0);
}

/* From one of the addresses of this machine: 127.0.0.N. */
static int come_from(const struct t_web *web, uint32_t n)
{
    struct sockaddr_in from = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl((INADDR_LOOPBACK & ~255U) + n) };
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t) web->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *) &from, sizeof from), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *) &to, sizeof to), 0);
    return fd;
}

/* The status of an answer without a body of more than a few bytes; 0: it was closed instead. */
static unsigned ask(int fd, const char *request)
{
    char answer[4096] = "";
    size_t have = 0, n = strlen(request);
    unsigned status = 0, length = 0;
    ssize_t got;
    if (send(fd, request, n, MSG_NOSIGNAL) != (ssize_t) n) {
        return 0;
    }
    const char *body = NULL, *field;
    while ((body == NULL || strlen(body) < length + 4) &&
           (got = recv(fd, answer + have, sizeof answer - 1 - have, 0)) > 0) {
        have += (size_t) got;
        answer[have] = '\0';
        body = strstr(answer, "\r\n\r\n");
        field = strstr(answer, "Content-Length: ");
        length = field != NULL ? (unsigned) atoi(field + 16) : 0;
    }
    (void) sscanf(answer, "HTTP/1.1 %u", &status);
    return status;
}

static bool is_served(const struct t_web *web, uint32_t n, const char *request)
{
    int fd = come_from(web, n);
    unsigned status = ask(fd, request);
    close(fd);
    cr_assert(status == 200 || status == 0, "%u", status);
    return status == 200;
}

/* One more than it may have is closed, others are served; and it, when one has ended. */
Test(sources, connections)
{
    struct t_web web;
    open_web(&web, 2, 0);
    t_web_start(&web);
    int one = come_from(&web, 1), two = come_from(&web, 1);
    cr_assert_eq(ask(one, GET), 200);
    cr_assert_eq(ask(two, GET), 200);
    uint64_t before = t_counted("clients_refused");
    for (int i = 0; i < 20; i++) {
        cr_assert_not(is_served(&web, 1, GET));
        cr_assert(is_served(&web, 2, GET));
    }
    cr_assert_eq(t_counted("clients_refused"), before + 20);
    cr_assert_eq(ask(one, GET), 200);
    close(two);
    while (!is_served(&web, 1, GET)) { /* the server hears of it soon */
    }
    cr_assert_eq(nng_uring_server_change_limit(web.server, NNG_URING_CLIENT_CONNECTIONS, 0), 0);
    int three[8];
    for (int i = 0; i < 8; i++) {
        while (three[i] = come_from(&web, 1), ask(three[i], GET) == 0) { /* likewise */
            close(three[i]);
        }
    }
    for (int i = 0; i < 8; i++) {
        close(three[i]);
    }
    close(one);
    t_web_close(&web);
}

/* Balancers have as many as they like; whom they speak for is counted. */
Test(sources, balancers)
{
    struct t_web web;
    int kept[6];
    open_web(&web, 1, 1);
    cr_assert_eq(nng_uring_server_set_trusted(web.server, "127.0.0.9", false), 0);
    t_web_start(&web);
    for (int i = 0; i < 6; i++) {
        kept[i] = come_from(&web, 9);
        cr_assert_eq(ask(kept[i], GET), 200);
    }
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(ask(kept[i], GET), 200);
        close(kept[i]);
    }
    t_web_close(&web);

    open_web(&web, 1, 0);
    cr_assert_eq(nng_uring_server_set_trusted(web.server, "127.0.0.9", true), 0);
    t_web_start(&web);
    int fd = come_from(&web, 9);
    cr_assert_eq(ask(fd, "PROXY TCP4 192.0.2.1 192.0.2.9 1 80\r\n" GET), 200);
    cr_assert_not(is_served(&web, 9, "PROXY TCP4 192.0.2.1 192.0.2.9 2 80\r\n" GET));
    cr_assert(is_served(&web, 9, "PROXY TCP4 192.0.2.2 192.0.2.9 1 80\r\n" GET));
    cr_assert(is_served(&web, 9, "PROXY UNKNOWN\r\n" GET));
    close(fd);
    t_web_close(&web);
}

#define FOR(whom) "GET /a HTTP/1.1\r\nHost: x\r\n" whom "\r\n\r\n"

/* Each client that a balancer tells of may ask, whichever balancer it comes by; what else is said
 * of it does not count. */
Test(sources, forwarded_requests)
{
    struct t_web web;
    open_web(&web, 0, 1);
    cr_assert_eq(nng_uring_server_set_trusted(web.server, "127.0.0.8/31", false), 0);
    t_web_start(&web);
    int one = come_from(&web, 9), other = come_from(&web, 8);
    uint64_t before = t_counted("clients_throttled");
    for (int tries = 0; t_counted("clients_throttled") < before + 2; tries++) {
        cr_assert_lt(tries, 100000, "nobody is throttled");
        (void) ask(tries % 2 == 0 ? one : other, FOR("X-Forwarded-For: 198.51.100.7, 192.0.2.1"));
    }
    cr_assert_eq(ask(one, FOR("X-Forwarded-For: 192.0.2.1, 198.51.100.7")), 200);
    cr_assert_eq(ask(one, FOR("Forwarded: for=\"[2001:db8:1::1]:80\"")), 200);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(ask(one, FOR("X-Forwarded-For: unknown")), 200);
        cr_assert_eq(ask(other, FOR("X-Forwarded-For: 127.0.0.9")), 200, "a balancer");
        cr_assert_eq(ask(one, GET), 200);
    }
    close(one);
    close(other);
    int liar = come_from(&web, 7); /* nobody who is trusted: it counts itself */
    unsigned status = 200, said = 0;
    while (status == 200 && said < 250) {
        char text[256];
        snprintf(text, sizeof text, FOR("X-Forwarded-For: 203.0.113.%u"), ++said);
        status = ask(liar, text);
    }
    cr_assert_eq(status, 429);
    close(liar);
    t_web_close(&web);
}

/* Those beyond are answered, and may come again. They are of one packet, and so of one moment. */
Test(sources, requests)
{
    struct t_web web;
    struct t_http_client b;
    open_web(&web, 0, 1);
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, GET POST GET);
    t_http_client_assert(&b, 200, "a");
    for (int i = 0; i < 2; i++) {
        t_http_client_hear(&b);
        cr_assert_eq(b.status, 429);
        cr_assert(t_http_client_line(&b, "Retry-After: 1"));
    }
    while (b.status == 429) {
        t_http_client_get(&b, "/a");
        t_http_client_hear(&b);
    }
    cr_assert_eq(b.status, 200);
    t_http_client_close(&b);
    cr_assert(is_served(&web, 2, GET)); /* another one */
    t_web_close(&web);
}

/* A connection of its own for each request is no way round it. */
Test(sources, requests_of_many_connections)
{
    struct t_web web;
    unsigned status = 200;
    open_web(&web, 0, 1);
    t_web_start(&web);
    uint64_t before = t_counted("clients_throttled");
    for (int i = 0; i < 1000 && status == 200; i++) {
        int fd = come_from(&web, 1);
        status = ask(fd, GET);
        close(fd);
    }
    cr_assert_eq(status, 429);
    cr_assert_eq(t_counted("clients_throttled"), before + 1);
    t_web_close(&web);
}

/* ---- WebSockets ---------------------------------------------------------------------------- */

#define UPGRADE                                                                                    \
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                 \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* What a connection has become is still its client's. */
Test(sources, websockets)
{
    nng_stream_listener *listener;
    nng_aio *aio;
    int port;
    setenv("NNG_URING_LIMITS", "client-connections=1", 1);
    cr_assert_eq(nng_stream_listener_alloc(&listener, "ws://127.0.0.1:0/ws"), 0);
    cr_assert_eq(nng_stream_listener_listen(listener), 0);
    cr_assert_eq(nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    struct t_web web = { .port = (unsigned) port };
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    for (int i = 0; i < 3; i++) {
        int fd = come_from(&web, 1);
        for (unsigned status; (status = ask(fd, UPGRADE)) != 101; fd = come_from(&web, 1)) {
            cr_assert(i > 0 && status == 0, "the one before may not be quite gone");
            close(fd);
        }
        nng_stream_listener_accept(listener, aio);
        nng_aio_wait(aio);
        cr_assert_eq(nng_aio_result(aio), 0);
        int other = come_from(&web, 1);
        cr_assert_eq(ask(other, UPGRADE), 0);
        close(other);
        nng_stream_free(nng_aio_get_output(aio, 0));
        close(fd);
    }
    nng_aio_free(aio);
    nng_stream_listener_free(listener);
}

/* ---- Addresses ----------------------------------------------------------------------------- */

static nng_sockaddr address(const char *text)
{
    nng_sockaddr addr = { 0 };
    if (inet_pton(AF_INET, text, &addr.s_in.sa_addr) == 1) {
        addr.s_in.sa_family = NNG_AF_INET;
    } else {
        cr_assert_eq(inet_pton(AF_INET6, text, addr.s_in6.sa_addr), 1);
        addr.s_in6.sa_family = NNG_AF_INET6;
    }
    return addr;
}

static bool admits(const struct nu_service *service, const char *text, struct nu_source **source)
{
    nng_sockaddr addr = address(text);
    return nu_sources_admit(service, &addr, source);
}

Test(sources, addresses)
{
    static struct nu_service service;
    struct nu_source *a, *b, *c;
    nng_sockaddr local = { .s_family = NNG_AF_IPC };
    cr_assert(admits(&service, "192.0.2.1", &a));
    cr_assert_null(a, "nothing is limited");
    service.limits[NNG_URING_CLIENT_CONNECTIONS] = 1;
    cr_assert(nu_sources_admit(&service, &local, &a));
    cr_assert_null(a);
    cr_assert(admits(&service, "192.0.2.1", &a));
    cr_assert(admits(&service, "2001:db8:0:1::1", &b));
    cr_assert_not(admits(&service, "::ffff:192.0.2.1", &c));
    cr_assert_not(admits(&service, "2001:db8:0:1:ffff::2", &c));
    cr_assert(admits(&service, "2001:db8:0:2::1", &c));
    nu_source_leave(c);
    nu_source_leave(b);
    cr_assert(admits(&service, "2001:db8:0:1:ffff::2", &b));
    nu_source_leave(b);
    nu_source_leave(a);
    nu_source_leave(NULL);
}

/* Who has gone is forgotten, and takes no memory. */
Test(sources, are_forgotten)
{
    enum { AT_ONCE = 1000, ROUNDS = 20 };
    static struct nu_service service;
    static struct nu_source *sources[AT_ONCE];
    service.limits[NNG_URING_CLIENT_CONNECTIONS] = 1;
    struct mallinfo2 before = mallinfo2();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        for (uint32_t j = 0; j < AT_ONCE; j++) {
            nng_sockaddr addr = { .s_in = { NNG_AF_INET, 0, htonl(i * AT_ONCE + j) } };
            cr_assert(nu_sources_admit(&service, &addr, &sources[j]));
        }
        for (uint32_t j = 0; j < AT_ONCE; j++) {
            nu_source_leave(sources[j]);
        }
    }
    struct mallinfo2 after = mallinfo2();
    cr_assert_lt(after.uordblks, before.uordblks + (64U << 10));
}
