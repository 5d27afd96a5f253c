/* SPDX-License-Identifier: MIT */
#include "http/conn.h"
#include "support/proc.h"
#include "support/scripted_peer.h"

#include <criterion/criterion.h>
#include <linux/sockios.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(transact, .timeout = 60);

/* ---- Framing ------------------------------------------------------------------------------ */

#define OK "HTTP/1.1 200 OK\r\n"

/* Responses, and what is left of them; `close`: the connection ends with them. */
static const struct framing {
    const char *method;
    const char *text;
    unsigned status;
    const char *body;
    long long length;
    bool close;
} framings[] = {
    { "GET", OK "Content-Length: 5\r\n\r\nhello", 200, "hello", 5, false },
    { "GET", OK "Content-Length: 0\r\n\r\n", 200, "", 0, false },
    { "GET", OK "content-length: 005\r\n\r\nhello", 200, "hello", 5, false },
    { "GET", "HTTP/1.1 404\r\nContent-Length: 2\r\n\r\nno", 404, "no", 2, false },
    { "GET", OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "", 0, false },
    { "GET",
      OK "Transfer-Encoding: Chunked\r\nTrailer: X-A\r\n\r\n5\r\nhello\r\n00a;x=\"y\"\r\n, "
         "dear sir\r\n0\r\nX-A: 1\r\nTransfer-Encoding: x\r\n\r\n",
      200, "hello, dear sir", 15, false },
    { "HEAD", OK "Content-Length: 5\r\n\r\n", 200, "", 5, false },
    { "HEAD", OK "\r\n", 200, "", -1, false },
    { "HEAD", OK "Transfer-Encoding: chunked\r\n\r\n", 200, NULL, 0, false },
    { "GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", -1, false },
    { "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", 204, "", 7, false },
    { "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 304, "", 7, false },
    { "GET", "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 2\r\n\r\nok", 200, "ok", 2,
      false },
    { "GET",
      "HTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 3\r\n\r\nHTTP/1.1 102 "
      "Processing\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
      201, "", 0, false },
    { "GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", 101,
      "", -1, false },
    { "CONNECT", OK "Content-Length: 5\r\n\r\n", 200, "", 5, false },
    { "CONNECT", "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 403, "no", 2, false },
    { "GET", OK "Connection: close\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", 5, true },
    { "GET", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", 5, true },
    { "GET", OK "\r\nuntil the end", 200, "until the end", 13, true },
    { "GET", "HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end", 13, true },
    { "GET", OK "\r\n", 200, "", 0, true },
    /* Servers that are old. */
    { "GET", "HTTP/1.1 200 OK\nA: b\nContent-Length: 5\n\nhello", 200, "hello", 5, false },
    { "GET", OK "X-A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", 5, false },
    { "GET", OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", 5, false },
    { "GET", OK "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", 5,
      false },
    { "GET", OK "Transfer-Encoding: identity\r\n\r\nuntil the end", 200, "until the end", 13,
      true },
    { "GET",
      OK "Transfer-Encoding: chunked\r\n\r\n5  \r\nhello\r\n1 ; a = b\r\n!\r\n0 \r\nX-A: "
         "b\r\n c\r\n\r\n",
      200, "hello!", 6, false },
};

#define FRAMINGS (sizeof framings / sizeof framings[0])

static bool until_close(const struct framing *f)
{
    return f->close && strstr(f->text, "Content-Length") == NULL;
}

static void assert_framing(struct t_scripted_peer *t, const struct framing *f)
{
    size_t count = f->body != NULL ? strlen(f->body) : 0;
    t_scripted_peer_finish_count(t, 0, count);
    cr_assert_eq(nng_http_res_get_status(t->res), f->status);
    if (f->body != NULL) {
        t_assert_body(t->res, f->body, f->length);
    }
    cr_assert_null(nng_http_res_get_header(t->res, "Link")); /* an interim response's */
}

/* The connection is good for another one, or says that it is not. */
static void assert_next(struct t_scripted_peer *t, const struct framing *f)
{
    cr_assert_eq(nng_http_req_set_method(t->req, "GET"), 0);
    t_scripted_peer_start(t, t_scripted_peer_transact);
    if (f->close) {
        t_scripted_peer_finish_count(t, NNG_ECONNSHUT, 0);
        t_scripted_peer_hear_no_more(t);
    } else {
        t_scripted_peer_hear_request(t, "GET");
        t_scripted_peer_say(t, OK "Content-Length: 4\r\n\r\nnext");
        t_scripted_peer_finish_count(t, 0, 4);
        t_assert_body(t->res, "next", 4);
    }
}

/* All of it at once, or byte by byte. */
static void talk_framing(const struct framing *f, unsigned mode, bool slow)
{
    struct t_scripted_peer t;
    t_scripted_peer_open_request(&t, mode, f->method);
    cr_assert_eq(nng_http_res_copy_data(t.res, "old", 3), 0);
    t_scripted_peer_start(&t, t_scripted_peer_transact);
    t_scripted_peer_hear_request(&t, f->method);
    if (!slow) {
        t_scripted_peer_say(&t, f->text);
    }
    for (size_t i = 0; slow && f->text[i] != '\0'; i++) {
        cr_assert(nng_aio_busy(t.track.aio));
        t_scripted_peer_send(&t, f->text + i, 1);
    }
    if (until_close(f)) {
        cr_assert(nng_aio_busy(t.track.aio));
        cr_assert_eq(shutdown(t.pair.fd, SHUT_WR), 0);
    }
    assert_framing(&t, f);
    assert_next(&t, f);
    t_scripted_peer_close(&t);
}

Test(transact, framings)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        for (size_t i = 0; i < FRAMINGS; i++) {
            talk_framing(&framings[i], mode, false);
            talk_framing(&framings[i], mode, true);
        }
    }
}

/* The server closes, or resets, after every number of bytes. */
Test(transact, truncations)
{
    for (size_t i = 0; i < FRAMINGS; i++) {
        const struct framing *f = &framings[i];
        size_t len = strlen(f->text);
        const char *head = strstr(f->text, "\r\n\r\n") + 4;
        for (size_t n = 0; n < len; n++) {
            struct t_scripted_peer t;
            bool reset = n % 2 == 1, whole = false;
            t_scripted_peer_open_request(&t, NU_CALLED, f->method);
            t_scripted_peer_start(&t, t_scripted_peer_transact);
            t_scripted_peer_hear_request(&t, f->method);
            t_scripted_peer_send(&t, f->text, n);
            if (reset) {
                t_pair_reset(&t.pair);
            } else {
                cr_assert_eq(shutdown(t.pair.fd, SHUT_WR), 0);
                whole = until_close(f) && f->text + n >= head;
            }
            t_scripted_peer_finish(&t, whole ? 0 : reset ? NNG_ECONNRESET : NNG_ECONNSHUT);
            cr_assert_eq(nng_aio_count(t.track.aio), whole ? (size_t) (f->text + n - head) : 0);
            if (!whole) {
                void *data;
                size_t size;
                nng_http_res_get_data(t.res, &data, &size);
                cr_assert_null(data);
            }
            t_scripted_peer_close(&t);
        }
    }
}

/* What was received can be sent on as it is. */
Test(transact, sent_on)
{
    struct t_scripted_peer t, on;
    t_scripted_peer_open_request(&t, 0, "GET");
    t_scripted_peer_open(&on, 0);
    t_scripted_peer_start(&t, t_scripted_peer_transact);
    t_scripted_peer_say(
        &t, OK "A: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    t_scripted_peer_finish(&t, 0);
    nng_http_conn_write_res(on.pair.conn, t.res, on.track.aio);
    t_scripted_peer_finish(&on, 0);
    t_scripted_peer_hear(&on, OK "A: b\r\nContent-Length: 5\r\n\r\nabcde");
    t_scripted_peer_close(&on);
    t_scripted_peer_close(&t);
}

/* What follows a 101 is the caller's. */
Test(transact, upgrade)
{
    struct t_scripted_peer t;
    char text[3];
    t_scripted_peer_open_request(&t, NU_CALLED, "GET");
    t_scripted_peer_start(&t, t_scripted_peer_transact);
    t_scripted_peer_say(&t, "HTTP/1.1 101 Switching Protocols\r\n\r\nraw");
    t_scripted_peer_finish(&t, 0);
    t_aio_probe_buffer(&t.track, text, 3);
    nng_http_conn_read_all(t.pair.conn, t.track.aio);
    t_scripted_peer_finish(&t, 0);
    cr_assert(memcmp(text, "raw", 3) == 0);
    t_scripted_peer_close(&t);
}

/* ---- What is refused ---------------------------------------------------------------------- */

static void assert_refused(const char *head, size_t fill, const char *tail, int result)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer t;
        char *text = calloc(1, fill + 1);
        memset(text, 'x', fill);
        t_scripted_peer_open_request(&t, mode, "GET");
        t_scripted_peer_start(&t, t_scripted_peer_transact);
        t_scripted_peer_hear_request(&t, "GET");
        t_scripted_peer_say(&t, head);
        t_scripted_peer_say(&t, text);
        t_scripted_peer_say(&t, tail);
        t_scripted_peer_finish_count(&t, result, 0);
        t_scripted_peer_start(&t, t_scripted_peer_transact); /* it must not take what is left */
        t_scripted_peer_finish_count(&t, NNG_ESTATE, 0);
        t_scripted_peer_hear_no_more(&t);
        t_scripted_peer_close(&t);
        free(text);
    }
}

Test(transact, malformed)
{
    assert_refused("HTTP/1.1 2000 OK\r\n\r\n", 0, "", NNG_EPROTO);
    assert_refused("HTTP/2 200\r\n\r\n", 0, "", NNG_EPROTO);
    assert_refused("220 ready\r\n", 0, "", NNG_EPROTO);
    assert_refused(OK "Content-Length: -1\r\n\r\n", 0, "", NNG_EPROTO);
    assert_refused(OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 0, "", NNG_EPROTO);
    assert_refused(OK "Transfer-Encoding: gzip, chunked\r\n\r\n", 0, "", NNG_EPROTO);
    assert_refused(OK "Transfer-Encoding: chunked\r\n\r\n", 0, "g\r\n", NNG_EPROTO);
    assert_refused(OK "Transfer-Encoding: chunked\r\n\r\n", 0, "2\r\nabc\r\n", NNG_EPROTO);
    assert_refused(OK "Transfer-Encoding: chunked\r\n\r\n", 0, "ffffffffffffffff1\r\n", NNG_EPROTO);
}

Test(transact, limits)
{
    assert_refused(OK "X: ", 16384, "", NNG_EMSGSIZE);
    assert_refused(OK "Content-Length: 268435457\r\n\r\n", 0, "", NNG_EMSGSIZE);
    assert_refused(OK "Content-Length: 9223372036854775807\r\n\r\n", 0, "", NNG_EMSGSIZE);
    assert_refused(OK "Transfer-Encoding: chunked\r\n\r\n", 0, "10000001\r\n", NNG_EMSGSIZE);
    assert_refused(OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 0, "ffffffe\r\n",
                   NNG_EMSGSIZE);
    assert_refused(OK "Transfer-Encoding: chunked\r\n\r\n1;", 256, "", NNG_EPROTO);
    assert_refused(OK "Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", 8192, "", NNG_EPROTO);
}

/* Interim responses without end are none that a client waits for. */
Test(transact, interim)
{
    static char text[80 * 32];
    for (int i = 0; i < 64; i++) {
        strcat(text, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    struct framing enough = { "GET", text, 200, "ok", 2, false };
    strcat(text, OK "Content-Length: 2\r\n\r\nok");
    struct t_scripted_peer t;
    t_scripted_peer_open_request(&t, 0, "GET");
    t_scripted_peer_start(&t, t_scripted_peer_transact);
    t_scripted_peer_hear_request(&t, "GET");
    t_scripted_peer_say(&t, text);
    assert_framing(&t, &enough);
    t_scripted_peer_close(&t);
    memcpy(strstr(text, OK), "HTTP/1.1 100", 12);
    assert_refused(text, 0, "", NNG_EPROTO);
}

/* One chunk may be all of the body. */
Test(transact, limit_of_a_chunk)
{
    struct t_scripted_peer t;
    t_scripted_peer_open_request(&t, NU_CALLED, "GET");
    t_scripted_peer_start(&t, t_scripted_peer_transact);
    t_scripted_peer_say(&t, OK "Transfer-Encoding: chunked\r\n\r\n10000000\r\nabc");
    cr_assert_eq(shutdown(t.pair.fd, SHUT_WR), 0);
    t_scripted_peer_finish_count(&t, NNG_ECONNSHUT, 0);
    t_scripted_peer_close(&t);
}

/* A body that ends with the connection may not be larger either; and one of just that size is
 * good. */
static void flood(size_t size, int result)
{
    struct t_scripted_peer t;
    size_t step = (size_t) 1 << 20;
    char *data = calloc(1, step);
    ssize_t n = 1;
    t_scripted_peer_open_request(&t, NU_CALLED, "GET");
    t_scripted_peer_start(&t, t_scripted_peer_transact);
    t_scripted_peer_say(&t, OK "\r\n");
    for (size_t sent = 0; n > 0 && sent<size; sent += n> 0 ? (size_t) n : 0) {
        n = send(t.pair.fd, data, size - sent < step ? size - sent : step, MSG_NOSIGNAL);
    }
    (void) shutdown(t.pair.fd, SHUT_WR);
    t_scripted_peer_finish_count(&t, result, result == 0 ? size : 0);
    t_scripted_peer_close(&t);
    free(data);
}

Test(transact, limit_until_close)
{
    flood(NNG_URING_MAX_BODY, 0);
    flood(NNG_URING_MAX_BODY + 1, NNG_EMSGSIZE);
}

Test(transact, without_uri)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer t;
        t_scripted_peer_open(&t, mode);
        t_scripted_peer_start(&t, t_scripted_peer_transact);
        t_scripted_peer_finish_count(&t, NNG_EINVAL, 0);
        t_scripted_peer_hear_no_more(&t);
        t_scripted_peer_close(&t);
    }
}

/* ---- Large bodies ------------------------------------------------------------------------- */

static void *echo_body(void *arg)
{
    int fd = *(int *) arg;
    uint8_t *data = malloc(NU_PLENTY);
    for (size_t left = NU_PLENTY; left > 0;) {
        ssize_t n = recv(fd, data, left, 0);
        cr_assert_gt(n, 0);
        for (ssize_t sent = 0; sent < n;) {
            ssize_t m = send(fd, data + sent, (size_t) (n - sent), MSG_NOSIGNAL);
            cr_assert_gt(m, 0);
            sent += m;
        }
        left -= (size_t) n;
    }
    free(data);
    return NULL;
}

/* More in each direction than the connection holds: who waits for the other's end never ends. */
Test(transact, both_directions)
{
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer t;
        pthread_t thread;
        void *got;
        size_t size;
        t_scripted_peer_open_request(&t, mode, "POST");
        cr_assert_eq(nng_http_req_set_data(t.req, data, NU_PLENTY), 0);
        t_scripted_peer_start(&t, t_scripted_peer_transact);
        t_scripted_peer_hear(&t, "POST /x HTTP/1.1\r\nContent-Length: 2097152\r\n\r\n");
        t_scripted_peer_say(&t, OK "Content-Length: 2097152\r\n\r\n");
        cr_assert_eq(pthread_create(&thread, NULL, echo_body, &t.pair.fd), 0);
        t_scripted_peer_finish_count(&t, 0, NU_PLENTY);
        nng_http_res_get_data(t.res, &got, &size);
        cr_assert_eq(size, NU_PLENTY);
        t_pattern_assert(got, 0, NU_PLENTY, 1);
        pthread_join(thread, NULL);
        t_scripted_peer_close(&t);
    }
    free(data);
}

/* In chunks of all sizes, or until the end. */
Test(transact, large)
{
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    for (int chunked = 0; chunked < 2; chunked++) {
        struct t_scripted_peer t;
        void *got;
        size_t size, n = 1;
        char line[32];
        t_scripted_peer_open_request(&t, NU_CALLED, "GET");
        t_scripted_peer_start(&t, t_scripted_peer_transact);
        t_scripted_peer_say(&t, chunked ? OK "Transfer-Encoding: chunked\r\n\r\n" : OK "\r\n");
        for (size_t sent = 0; sent < NU_PLENTY; sent += n) {
            n = n * 3 % 100003;
            n = n < NU_PLENTY - sent ? n : NU_PLENTY - sent;
            sprintf(line, "%zx\r\n", n);
            t_scripted_peer_say(&t, chunked ? line : "");
            t_scripted_peer_send(&t, data + sent, n);
            t_scripted_peer_say(&t, chunked ? "\r\n" : "");
        }
        t_scripted_peer_say(&t, chunked ? "0\r\n\r\n" : "");
        cr_assert_eq(shutdown(t.pair.fd, SHUT_WR), 0);
        t_scripted_peer_finish_count(&t, 0, NU_PLENTY);
        nng_http_res_get_data(t.res, &got, &size);
        t_pattern_assert(got, 0, NU_PLENTY, 1);
        t_scripted_peer_close(&t);
    }
    free(data);
}

/* ---- Answers that come early -------------------------------------------------------------- */

/* A server that has heard enough says so and closes, or goes on not reading. */
Test(transact, early_refusal)
{
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    for (unsigned mode = 0; mode < 3 * NU_MODES; mode++) {
        struct t_scripted_peer t;
        t_scripted_peer_open_request(&t, mode % NU_MODES, "POST");
        cr_assert_eq(nng_http_req_set_data(t.req, data, NU_PLENTY), 0);
        t_scripted_peer_start(&t, t_scripted_peer_transact);
        t_scripted_peer_hear(&t, "POST /x");
        t_scripted_peer_say(
            &t, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
        if (mode / NU_MODES == 1) {
            t_pair_reset(&t.pair);
        } else if (mode / NU_MODES == 2) {
            cr_assert_eq(shutdown(t.pair.fd, SHUT_WR), 0);
        }
        t_scripted_peer_finish(&t, 0);
        cr_assert_eq(nng_http_res_get_status(t.res), 413);
        t_assert_body(t.res, "no", 2);
        t_scripted_peer_close(&t);
    }
    free(data);
}

static void refuse_and_reset(void *arg)
{
    struct t_scripted_peer *t = arg;
    int left = 1;
    t_scripted_peer_say(t, "HTTP/1.1 413 Too Large\r\nContent-Length: 40000\r\n\r\n");
    uint8_t *page = t_pattern_new(40000, 2);
    t_scripted_peer_send(t, page, 40000);
    free(page);
    while (left > 0) { /* until all of it has arrived */
        cr_assert_eq(ioctl(t->pair.fd, SIOCOUTQ, &left), 0);
        usleep(100);
    }
    t_pair_reset(&t->pair);
}

/* The reset is seen by the write, before the answer is read: for the owner is kept busy. */
Test(transact, early_refusal_unread)
{
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer t;
        void *got;
        size_t size;
        t_scripted_peer_open_request(&t, mode, "POST");
        cr_assert_eq(nng_http_req_set_data(t.req, data, NU_PLENTY), 0);
        t_scripted_peer_start(&t, t_scripted_peer_transact);
        t_scripted_peer_hear(&t, "POST /x");
        t_on_owner(t.pair.conn, refuse_and_reset, &t);
        t_scripted_peer_finish_count(&t, 0, 40000);
        nng_http_res_get_data(t.res, &got, &size);
        t_pattern_assert(got, 0, 40000, 2);
        t_scripted_peer_close(&t);
    }
    free(data);
}

static uint64_t answered(nng_http_conn *conn)
{
    nu_lock(&conn->stream->lock);
    uint64_t n = conn->answered;
    nu_unlock(&conn->stream->lock);
    return n;
}

/* The connection is to be kept, so the rest of the request is awaited; unless it is reset. */
Test(transact, early_answer)
{
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    for (unsigned mode = 0; mode < 2 * NU_MODES; mode++) {
        struct t_scripted_peer t;
        char byte;
        t_scripted_peer_open_request(&t, mode % NU_MODES, "POST");
        cr_assert_eq(nng_http_req_set_data(t.req, data, NU_PLENTY), 0);
        t_scripted_peer_start(&t, t_scripted_peer_transact);
        t_scripted_peer_hear(&t, "POST /x HTTP/1.1\r\nContent-Length: 2097152\r\n\r\n");
        t_scripted_peer_say(&t, OK "Content-Length: 2\r\n\r\nok");
        cr_assert_eq(recv(t.pair.fd, &byte, 1, MSG_PEEK), 1);
        cr_assert(nng_aio_busy(t.track.aio));
        if (mode < NU_MODES) {
            t_peer_read(t.pair.fd, 0, NU_PLENTY, 1);
        } else {
            while (answered(t.pair.conn) == 0) {
                usleep(100); /* its response must have arrived */
            }
            t_pair_reset(&t.pair);
        }
        t_scripted_peer_finish_count(&t, 0, 2);
        t_assert_body(t.res, "ok", 2);
        t_scripted_peer_close(&t);
    }
    free(data);
}

/* The server goes without a word while the request is written. */
Test(transact, reset_while_writing)
{
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer t;
        t_scripted_peer_open_request(&t, mode, "POST");
        cr_assert_eq(nng_http_req_set_data(t.req, data, NU_PLENTY), 0);
        t_scripted_peer_start(&t, t_scripted_peer_transact);
        t_scripted_peer_hear(&t, "POST /x");
        t_pair_reset(&t.pair);
        t_scripted_peer_finish_count(&t, NNG_ECONNRESET, 0);
        t_scripted_peer_close(&t);
    }
    free(data);
}
