/* SPDX-License-Identifier: MIT */
/* Upgrades that are refused, and who decides on it. */
#include "support/peer.h"
#include "support/ws_peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <nng/nng.h>
#include <nng/stream.h>
#include <nng/supplemental/http/http.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(ws_upgrades, .timeout = 120);

#define GOOD                                                                                       \
    "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"        \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* ---- A server, and requests to it ----------------------------------------------------------- */

static nng_stream_listener *t_listener(int *port, uint16_t (*check)(void *arg, nng_http_req *req),
                                       void *arg)
{
    nng_stream_listener *l;
    cr_assert_eq(nng_stream_listener_alloc(&l, "ws://127.0.0.1:0/ws"), 0);
    cr_assert_eq(nng_stream_listener_set_string(l, NNG_URING_OPT_WS_ORIGINS,
                                                "https://example.org, https://example.net:8443"),
                 0);
    cr_assert_eq(nng_uring_ws_listener_set_check(l, check, arg), 0);
    cr_assert_eq(nng_stream_listener_listen(l), 0);
    cr_assert_eq(nng_uring_ws_listener_set_check(l, check, arg), NNG_EBUSY);
    cr_assert_eq(nng_stream_listener_get_int(l, NNG_OPT_TCP_BOUND_PORT, port), 0);
    return l;
}

/* Sends a request; its answer's head. */
static void t_ask(int fd, const char *line, const char *fields, char answer[4096])
{
    size_t n = 0;
    char text[2048];
    int len = snprintf(text, sizeof text, "%s HTTP/1.1\r\n%s\r\n", line, fields);
    cr_assert_eq(send(fd, text, (size_t) len, MSG_NOSIGNAL), len);
    answer[0] = '\0';
    while (strstr(answer, "\r\n\r\n") == NULL) {
        ssize_t got = recv(fd, answer + n, 4095 - n, 0);
        cr_assert_gt(got, 0, "no answer to %s", text);
        n += (size_t) got;
        answer[n] = '\0';
    }
}

static unsigned t_status(const char *answer)
{
    unsigned status = 0;
    cr_assert_eq(sscanf(answer, "HTTP/1.1 %u ", &status), 1, "%s", answer);
    return status;
}

/* ---- What a request has to be --------------------------------------------------------------- */

static const struct {
    unsigned status;
    const char *line, *fields;
} requests[] = {
    { 101, "GET /ws", GOOD },
    { 101, "GET /ws", GOOD "Origin: https://example.org\r\n" },
    { 101, "GET /ws", GOOD "Origin: HTTPS://Example.NET:8443\r\n" },
    { 403, "GET /ws", GOOD "Origin: https://example.com\r\n" },
    { 403, "GET /ws", GOOD "Origin: http://example.org\r\n" },
    { 403, "GET /ws", GOOD "Origin: https://example.org.evil.test\r\n" },
    { 403, "GET /ws", GOOD "Origin: null\r\n" },
    { 400, "GET /ws", "Host: x\r\n" },
    { 400, "GET /ws",
      "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\n" },
    { 400, "GET /ws",
      "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short==\r\n" },
    { 400, "GET /ws",
      "Host: x\r\nUpgrade: websocket\r\nConnection: keep-alive\r\n"
      "Sec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" },
    { 400, "GET /ws",
      "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" },
    { 426, "GET /ws",
      "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 8\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" },
    { 405, "POST /ws", GOOD "Content-Length: 0\r\n" },
    { 404, "GET /elsewhere", GOOD },
};

Test(ws_upgrades, requests)
{
    int port;
    nng_stream_listener *l = t_listener(&port, NULL, NULL);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        char answer[4096];
        int fd = t_connect((unsigned) port);
        t_ask(fd, requests[i].line, requests[i].fields, answer);
        unsigned status = t_status(answer);
        cr_assert_eq(status, requests[i].status, "%zu: %s", i, answer);
        bool version = strstr(answer, "\r\nSec-WebSocket-Version: 13\r\n") != NULL;
        cr_assert_eq(version, status == 426, "%s", answer);
        close(fd);
    }
    nng_stream_listener_free(l);
}

/* Answers that are being written when the connection is handed over go out, and before its own. */
Test(ws_upgrades, behind_others)
{
    static const uint8_t ping[] = { 0x89, 0x81, 0, 0, 0, 0, 'x' }, pong[] = { 0x8a, 1, 'x' };
    int port;
    nng_stream_listener *l = t_listener(&port, NULL, NULL);
    for (unsigned i = 0; i < 8; i++) {
        char answer[4096];
        size_t n;
        int fd = t_connect((unsigned) port);
        t_ask(fd, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /ws",
              GOOD, answer);
        cr_assert_eq(t_status(answer), 404);
        cr_assert_eq(send(fd, ping, sizeof ping, MSG_NOSIGNAL), sizeof ping);
        for (n = strlen(answer); memcmp(answer + n - sizeof pong, pong, sizeof pong) != 0;) {
            ssize_t got = recv(fd, answer + n, sizeof answer - 1 - n, 0);
            cr_assert_gt(got, 0, "no pong after %s", answer);
            n += (size_t) got;
            answer[n] = '\0';
        }
        const char *second = strstr(answer + 1, "HTTP/1.1 404");
        cr_assert_not_null(second, "%s", answer);
        cr_assert_not_null(strstr(second, "HTTP/1.1 101"), "%s", answer);
        close(fd);
    }
    nng_stream_listener_free(l);
}

/* ---- Who else decides ----------------------------------------------------------------------- */

/* Sees the head, and says what its header X-Answer says. */
static uint16_t t_check(void *arg, nng_http_req *req)
{
    const char *answer = nng_http_req_get_header(req, "X-Answer");
    atomic_fetch_add((atomic_int *) arg, 1);
    cr_assert_str_eq(nng_http_req_get_uri(req), "/ws?token=1");
    return answer != NULL ? (uint16_t) atoi(answer) : 0;
}

Test(ws_upgrades, a_function_decides)
{
    static const unsigned statuses[] = { 401, 403, 503 };
    atomic_int asked = 0;
    char fields[512], answer[4096];
    int port;
    nng_stream_listener *l = t_listener(&port, t_check, &asked);
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        int fd = t_connect((unsigned) port);
        snprintf(fields, sizeof fields, GOOD "X-Answer: %u\r\n", statuses[i]);
        t_ask(fd, "GET /ws?token=1", fields, answer);
        cr_assert_eq(t_status(answer), statuses[i]);
        close(fd);
    }
    int fd = t_connect((unsigned) port);
    t_ask(fd, "GET /ws?token=1", GOOD, answer);
    cr_assert_eq(t_status(answer), 101);
    cr_assert_eq(atomic_load(&asked), 4);
    close(fd);
    fd = t_connect((unsigned) port); /* it is not asked about what is refused anyway */
    t_ask(fd, "GET /ws?token=1", GOOD "Origin: https://example.com\r\n", answer);
    cr_assert_eq(t_status(answer), 403);
    cr_assert_eq(atomic_load(&asked), 4);
    close(fd);
    nng_stream_listener_free(l);
}

/* So many may wait to be accepted; who comes then is told to come back, and can once one is. */
Test(ws_upgrades, too_many_to_accept)
{
    enum { READY = 128 };
    int fds[READY + 2], port;
    char answer[4096];
    nng_stream_listener *l = t_listener(&port, NULL, NULL);
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    for (int i = 0; i < READY; i++) {
        fds[i] = t_connect((unsigned) port);
        t_ask(fds[i], "GET /ws", GOOD, answer);
        cr_assert_eq(t_status(answer), 101);
    }
    fds[READY] = t_connect((unsigned) port);
    t_ask(fds[READY], "GET /ws", GOOD, answer);
    cr_assert_eq(t_status(answer), 503);
    nng_stream_listener_accept(l, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), 0);
    fds[READY + 1] = t_connect((unsigned) port);
    t_ask(fds[READY + 1], "GET /ws", GOOD, answer);
    cr_assert_eq(t_status(answer), 101);
    nng_stream_free(nng_aio_get_output(aio, 0));
    nng_aio_free(aio);
    nng_stream_listener_free(l);
    for (int i = 0; i < READY + 2; i++) {
        close(fds[i]);
    }
}

/* ---- The first instant ---------------------------------------------------------------------- */

/* Asks on one connection for as long as there is no handler. */
static void *t_knock(void *arg)
{
    char answer[4096];
    int fd = t_connect((unsigned) *(int *) arg);
    do {
        t_ask(fd, "GET /late", GOOD "Content-Length: 0\r\n", answer);
        const char *body = strstr(answer, "\r\n\r\n") + 4, *at = strstr(answer, "Content-Length: ");
        size_t left = at != NULL ? strtoul(at + 16, NULL, 10) : 0, have = strlen(body);
        while (left > have && t_status(answer) == 404) {
            ssize_t got = recv(fd, answer, sizeof answer, 0);
            cr_assert_gt(got, 0);
            have += (size_t) got;
            memcpy(answer, "HTTP/1.1 404 ", 14);
        }
    } while (t_status(answer) == 404);
    close(fd);
    return (void *) (uintptr_t) t_status(answer);
}

/* Nobody who finds the handler is told that it is closed. */
Test(ws_upgrades, from_the_first_instant)
{
    int port;
    nng_stream_listener *first = t_listener(&port, NULL, NULL), *late;
    for (int i = 0; i < 30; i++) {
        pthread_t thread;
        void *status;
        cr_assert_eq(nng_stream_listener_alloc(&late, "ws://127.0.0.1:0/late"), 0);
        cr_assert_eq(pthread_create(&thread, NULL, t_knock, &port), 0);
        nng_msleep(1);
        cr_assert_eq(nng_stream_listener_listen(late), 0);
        pthread_join(thread, &status);
        cr_assert_eq((uintptr_t) status, 101);
        nng_stream_listener_free(late);
    }
    nng_stream_listener_free(first);
}
