/* SPDX-License-Identifier: MIT */
/* Connections of balancers that say whom they speak for (the PROXY protocol). */
#include "support/peer.h"
#include "support/tls_relay.h"
#include "support/web.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <nng/uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(session_proxy, .timeout = 120);

#define V1 "PROXY TCP4 203.0.113.7 192.0.2.1 4711 80\r\n"
#define GET "GET /who HTTP/1.1\r\nHost: x\r\n\r\n"

static const char v2[] = "\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
                         "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x12\x67\0\x50";

static const char v2_local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/* The address that a handler sees. */
static void who(nng_aio *aio)
{
    nng_sockaddr addr;
    char text[INET6_ADDRSTRLEN] = "nobody";
    cr_assert_eq(nng_uring_conn_remote_addr(nng_aio_get_input(aio, 2), &addr), 0);
    if (addr.s_family == NNG_AF_INET) {
        inet_ntop(AF_INET, &addr.s_in.sa_addr, text, sizeof text);
    } else if (addr.s_family == NNG_AF_INET6) {
        inet_ntop(AF_INET6, addr.s_in6.sa_addr, text, sizeof text);
    }
    t_answer(aio, text, strlen(text));
}

static void open_web(struct t_web *web, const char *trusted, bool proxy, nng_duration ms)
{
    t_web_open(web);
    t_web_callback(web, "/who", who);
    cr_assert_eq(nng_uring_server_set_trusted(web->server, trusted, proxy), 0);
    cr_assert_eq(nng_uring_server_set_limit(web->server, NNG_URING_HEAD_TIMEOUT, (uint64_t) ms), 0);
    t_web_start(web);
    cr_assert_eq(nng_uring_server_set_trusted(web->server, NULL, false), NNG_EBUSY);
}

/* All at once, with the request behind it, and byte by byte. */
static void assert_client(unsigned port, const void *header, size_t n, const char *client)
{
    char text[256];
    struct t_http_client b;
    memcpy(text, header, n);
    strcpy(text + n, GET);
    for (int round = 0; round < 2; round++) {
        size_t size = n + strlen(GET), step = round == 0 ? size : 1;
        t_http_client_open(&b, port);
        for (size_t i = 0; i < size; i += step) {
            t_http_client_send(&b, text + i, step);
        }
        t_http_client_assert(&b, 200, client);
        t_http_client_get(&b, "/who"); /* and for all that follow */
        t_http_client_assert(&b, 200, client);
        t_http_client_close(&b);
    }
}

Test(session_proxy, trusted)
{
    struct t_web web;
    open_web(&web, "127.0.0.0/8,::1", true, 60000);
    assert_client(web.port, V1, strlen(V1), "203.0.113.7");
    assert_client(web.port, v2, sizeof v2 - 1, "2001:db8::7");
    assert_client(web.port, "PROXY UNKNOWN\r\n", 15, "127.0.0.1");
    assert_client(web.port, v2_local, sizeof v2_local - 1, "127.0.0.1");
    t_web_close(&web);
}

/* The longest there may be, and one that is longer; a second one is no request. */
Test(session_proxy, lengths)
{
    struct t_web web;
    struct t_http_client b;
    char long_one[4096] = { 0 };
    open_web(&web, "127.0.0.1", true, 60000);
    for (int round = 0; round < 2; round++) {
        memcpy(long_one, v2, sizeof v2 - 1);
        long_one[14] = (char) (round == 0 ? 0x0f : 0x10);
        long_one[15] = (char) (round == 0 ? 0xf0 : 0);
        t_http_client_open(&b, web.port);
        t_http_client_send(&b, long_one, sizeof long_one);
        if (round == 0) {
            t_http_client_get(&b, "/who");
            t_http_client_assert(&b, 200, "2001:db8::7");
        } else {
            cr_assert_eq(t_http_client_await_end(&b), 0);
        }
        t_http_client_close(&b);
    }
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, V1 V1 GET);
    t_http_client_hear(&b);
    cr_assert_eq(b.status, 400);
    t_http_client_close(&b);
    t_web_close(&web);
}

/* Without a header, or with a bad one, it is closed; with one that does not come in time, too. */
Test(session_proxy, without_one)
{
    struct t_web web;
    struct t_http_client b;
    open_web(&web, "127.0.0.1", true, 300);
    static const char *const texts[] = { GET, "PROXY TCP9 ", "PROXY TCP4 203.0.113.7 ", "" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        t_http_client_open(&b, web.port);
        t_http_client_say(&b, texts[i]);
        cr_assert_eq(t_http_client_await_end(&b), 0);
        t_http_client_close(&b);
    }
    t_web_close(&web);
}

/* Who is not among them is not believed, and cannot be taken for another one. */
Test(session_proxy, not_trusted)
{
    struct t_web web;
    struct t_http_client b;
    open_web(&web, "192.0.2.0/24,unix", true, 60000);
    t_web_assert(&web, "/who", 200, "127.0.0.1");
    for (int round = 0; round < 2; round++) {
        t_http_client_open(&b, web.port);
        t_http_client_send(&b, round == 0 ? V1 : v2, round == 0 ? strlen(V1) : sizeof v2 - 1);
        t_http_client_hear(&b);
        cr_assert_eq(b.status, 400);
        t_http_client_close(&b);
    }
    t_web_close(&web);
    open_web(&web, "127.0.0.1", false, 60000); /* believed, but not by this protocol */
    t_web_assert(&web, "/who", 200, "127.0.0.1");
    cr_assert_eq(nng_uring_server_set_trusted(web.server, "10.0.0.0/99", true), NNG_EINVAL);
    t_web_close(&web);
}

/* TLS begins behind it, in the same packet or in another one. */
Test(session_proxy, before_tls)
{
    nng_url *url;
    nng_http_server *server;
    nng_http_handler *handler;
    nng_sockaddr at;
    nng_tls_config *config = t_tls_server_config();
    cr_assert_eq(nng_url_parse(&url, "https://127.0.0.1:0"), 0);
    cr_assert_eq(nng_http_server_hold(&server, url), 0);
    nng_url_free(url);
    cr_assert_eq(nng_http_server_set_tls(server, config), 0);
    cr_assert_eq(nng_http_handler_alloc(&handler, "/who", who), 0);
    cr_assert_eq(nng_http_server_add_handler(server, handler), 0);
    cr_assert_eq(nng_uring_server_set_trusted(server, "127.0.0.1", true), 0);
    cr_assert_eq(nng_http_server_start(server), 0);
    cr_assert_eq(nng_http_server_get_addr(server, &at), 0);
    for (int round = 0; round < 2; round++) {
        int fd = t_connect(ntohs(at.s_in.sa_port));
        int flags = MSG_NOSIGNAL | (round == 0 ? MSG_MORE : 0);
        cr_assert_eq(send(fd, V1, strlen(V1), flags), (ssize_t) strlen(V1));
        int plain = t_tls_relay(fd, false, 0);
        char answer[512] = "";
        size_t have = 0;
        ssize_t n;
        cr_assert_eq(send(plain, GET, strlen(GET), MSG_NOSIGNAL), (ssize_t) strlen(GET));
        while (strstr(answer, "203.0.113.7") == NULL &&
               (n = recv(plain, answer + have, sizeof answer - 1 - have, 0)) > 0) {
            have += (size_t) n;
        }
        cr_assert_not_null(strstr(answer, "203.0.113.7"), "%s", answer);
        close(plain);
    }
    nng_http_server_release(server);
    nng_tls_config_free(config);
}
