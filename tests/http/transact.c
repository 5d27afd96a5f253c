#include "http/conn.h"
#include "support/proc.h"
#include "support/talk.h"

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

static void transact(struct nu_talk *t)
{
    nng_http_conn_transact(t->pair.conn, t->req, t->res, t->track.aio);
}

static void open_talk(struct nu_talk *t, unsigned mode, const char *method)
{
    nu_talk_open(t, mode);
    cr_assert_eq(nng_http_req_set_method(t->req, method), 0);
    cr_assert_eq(nng_http_req_set_uri(t->req, "/x"), 0);
}

static void hear_request(struct nu_talk *t, const char *method)
{
    nu_talk_hear(t, method);
    nu_talk_hear(t, " /x HTTP/1.1\r\n\r\n");
}

/* The body, and that the length in the head is its own; -1: the head has none. */
static void assert_body(nng_http_res *res, const char *body, long long length)
{
    void       *data;
    size_t      size;
    const char *field = nng_http_res_get_header(res, "Content-Length");
    nng_http_res_get_data(res, &data, &size);
    cr_assert_eq(size, strlen(body), "%zu bytes", size);
    cr_assert_eq(data == NULL, size == 0);
    cr_assert(size == 0 || memcmp(data, body, size) == 0);
    cr_assert_eq(field == NULL, length < 0);
    cr_assert(field == NULL || atoll(field) == length);
    cr_assert_null(nng_http_res_get_header(res, "Transfer-Encoding"));
    cr_assert_null(nng_http_res_get_header(res, "Trailer"));
}

/* ---- Framing ------------------------------------------------------------------------------ */

#define OK "HTTP/1.1 200 OK\r\n"

/* Responses, and what is left of them; `close`: the connection ends with them. */
static const struct framing {
    const char *method;
    const char *text;
    unsigned    status;
    const char *body;
    long long   length;
    bool        close;
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
};

#define FRAMINGS (sizeof framings / sizeof framings[0])

static bool until_close(const struct framing *f)
{
    return f->close && strstr(f->text, "Content-Length") == NULL;
}

static void assert_framing(struct nu_talk *t, const struct framing *f)
{
    size_t count = f->body != NULL ? strlen(f->body) : 0;
    nu_talk_finish_count(t, 0, count);
    cr_assert_eq(nng_http_res_get_status(t->res), f->status);
    if (f->body != NULL) {
        assert_body(t->res, f->body, f->length);
    }
    cr_assert_null(nng_http_res_get_header(t->res, "Link")); /* an interim response's */
}

/* The connection is good for another one, or says that it is not. */
static void assert_next(struct nu_talk *t, const struct framing *f)
{
    cr_assert_eq(nng_http_req_set_method(t->req, "GET"), 0);
    nu_talk_start(t, transact);
    if (f->close) {
        nu_talk_finish_count(t, NNG_ECONNSHUT, 0);
        nu_talk_hear_no_more(t);
    } else {
        hear_request(t, "GET");
        nu_talk_say(t, OK "Content-Length: 4\r\n\r\nnext");
        nu_talk_finish_count(t, 0, 4);
        assert_body(t->res, "next", 4);
    }
}

/* All of it at once, or byte by byte. */
static void talk_framing(const struct framing *f, unsigned mode, bool slow)
{
    struct nu_talk t;
    open_talk(&t, mode, f->method);
    cr_assert_eq(nng_http_res_copy_data(t.res, "old", 3), 0);
    nu_talk_start(&t, transact);
    hear_request(&t, f->method);
    if (!slow) {
        nu_talk_say(&t, f->text);
    }
    for (size_t i = 0; slow && f->text[i] != '\0'; i++) {
        cr_assert(nng_aio_busy(t.track.aio));
        nu_talk_send(&t, f->text + i, 1);
    }
    if (until_close(f)) {
        cr_assert(nng_aio_busy(t.track.aio));
        cr_assert_eq(shutdown(t.pair.fd, SHUT_WR), 0);
    }
    assert_framing(&t, f);
    assert_next(&t, f);
    nu_talk_close(&t);
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
        const struct framing *f    = &framings[i];
        size_t                len  = strlen(f->text);
        const char           *head = strstr(f->text, "\r\n\r\n") + 4;
        for (size_t n = 0; n < len; n++) {
            struct nu_talk t;
            bool           reset = n % 2 == 1, whole = false;
            open_talk(&t, NU_CALLED, f->method);
            nu_talk_start(&t, transact);
            hear_request(&t, f->method);
            nu_talk_send(&t, f->text, n);
            if (reset) {
                nu_pair_reset(&t.pair);
            } else {
                cr_assert_eq(shutdown(t.pair.fd, SHUT_WR), 0);
                whole = until_close(f) && f->text + n >= head;
            }
            nu_talk_finish(&t, whole ? 0 : reset ? NNG_ECONNRESET : NNG_ECONNSHUT);
            cr_assert_eq(nng_aio_count(t.track.aio), whole ? (size_t) (f->text + n - head) : 0);
            if (!whole) {
                void  *data;
                size_t size;
                nng_http_res_get_data(t.res, &data, &size);
                cr_assert_null(data);
            }
            nu_talk_close(&t);
        }
    }
}

/* What was received can be sent on as it is. */
Test(transact, sent_on)
{
    struct nu_talk t, on;
    open_talk(&t, 0, "GET");
    nu_talk_open(&on, 0);
    nu_talk_start(&t, transact);
    nu_talk_say(&t,
                OK "A: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    nu_talk_finish(&t, 0);
    nng_http_conn_write_res(on.pair.conn, t.res, on.track.aio);
    nu_talk_finish(&on, 0);
    nu_talk_hear(&on, OK "A: b\r\nContent-Length: 5\r\n\r\nabcde");
    nu_talk_close(&on);
    nu_talk_close(&t);
}

/* What follows a 101 is the caller's. */
Test(transact, upgrade)
{
    struct nu_talk t;
    char           text[3];
    open_talk(&t, NU_CALLED, "GET");
    nu_talk_start(&t, transact);
    nu_talk_say(&t, "HTTP/1.1 101 Switching Protocols\r\n\r\nraw");
    nu_talk_finish(&t, 0);
    nu_track_buffer(&t.track, text, 3);
    nng_http_conn_read_all(t.pair.conn, t.track.aio);
    nu_talk_finish(&t, 0);
    cr_assert(memcmp(text, "raw", 3) == 0);
    nu_talk_close(&t);
}

/* ---- What is refused ---------------------------------------------------------------------- */

static void assert_refused(const char *head, size_t fill, const char *tail, int result)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct nu_talk t;
        char          *text = calloc(1, fill + 1);
        memset(text, 'x', fill);
        open_talk(&t, mode, "GET");
        nu_talk_start(&t, transact);
        hear_request(&t, "GET");
        nu_talk_say(&t, head);
        nu_talk_say(&t, text);
        nu_talk_say(&t, tail);
        nu_talk_finish_count(&t, result, 0);
        nu_talk_start(&t, transact); /* it must not take what is left */
        nu_talk_finish_count(&t, NNG_ESTATE, 0);
        nu_talk_hear_no_more(&t);
        nu_talk_close(&t);
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
    struct nu_talk t;
    open_talk(&t, 0, "GET");
    nu_talk_start(&t, transact);
    hear_request(&t, "GET");
    nu_talk_say(&t, text);
    assert_framing(&t, &enough);
    nu_talk_close(&t);
    memcpy(strstr(text, OK), "HTTP/1.1 100", 12);
    assert_refused(text, 0, "", NNG_EPROTO);
}

/* One chunk may be all of the body. */
Test(transact, limit_of_a_chunk)
{
    struct nu_talk t;
    open_talk(&t, NU_CALLED, "GET");
    nu_talk_start(&t, transact);
    nu_talk_say(&t, OK "Transfer-Encoding: chunked\r\n\r\n10000000\r\nabc");
    cr_assert_eq(shutdown(t.pair.fd, SHUT_WR), 0);
    nu_talk_finish_count(&t, NNG_ECONNSHUT, 0);
    nu_talk_close(&t);
}

/* A body that ends with the connection may not be larger either; and one of just that size is
 * good. */
static void flood(size_t size, int result)
{
    struct nu_talk t;
    size_t         step = (size_t) 1 << 20;
    char          *data = calloc(1, step);
    ssize_t        n    = 1;
    open_talk(&t, NU_CALLED, "GET");
    nu_talk_start(&t, transact);
    nu_talk_say(&t, OK "\r\n");
    for (size_t sent = 0; n > 0 && sent<size; sent += n> 0 ? (size_t) n : 0) {
        n = send(t.pair.fd, data, size - sent < step ? size - sent : step, MSG_NOSIGNAL);
    }
    (void) shutdown(t.pair.fd, SHUT_WR);
    nu_talk_finish_count(&t, result, result == 0 ? size : 0);
    nu_talk_close(&t);
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
        struct nu_talk t;
        nu_talk_open(&t, mode);
        nu_talk_start(&t, transact);
        nu_talk_finish_count(&t, NNG_EINVAL, 0);
        nu_talk_hear_no_more(&t);
        nu_talk_close(&t);
    }
}

/* ---- Large bodies ------------------------------------------------------------------------- */

static void *echo_body(void *arg)
{
    int      fd   = *(int *) arg;
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
    uint8_t *data = nu_pattern_new(NU_PLENTY, 1);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct nu_talk t;
        pthread_t      thread;
        void          *got;
        size_t         size;
        open_talk(&t, mode, "POST");
        cr_assert_eq(nng_http_req_set_data(t.req, data, NU_PLENTY), 0);
        nu_talk_start(&t, transact);
        nu_talk_hear(&t, "POST /x HTTP/1.1\r\nContent-Length: 2097152\r\n\r\n");
        nu_talk_say(&t, OK "Content-Length: 2097152\r\n\r\n");
        cr_assert_eq(pthread_create(&thread, NULL, echo_body, &t.pair.fd), 0);
        nu_talk_finish_count(&t, 0, NU_PLENTY);
        nng_http_res_get_data(t.res, &got, &size);
        cr_assert_eq(size, NU_PLENTY);
        nu_pattern_assert(got, 0, NU_PLENTY, 1);
        pthread_join(thread, NULL);
        nu_talk_close(&t);
    }
    free(data);
}

/* In chunks of all sizes, or until the end. */
Test(transact, large)
{
    uint8_t *data = nu_pattern_new(NU_PLENTY, 1);
    for (int chunked = 0; chunked < 2; chunked++) {
        struct nu_talk t;
        void          *got;
        size_t         size, n = 1;
        char           line[32];
        open_talk(&t, NU_CALLED, "GET");
        nu_talk_start(&t, transact);
        nu_talk_say(&t, chunked ? OK "Transfer-Encoding: chunked\r\n\r\n" : OK "\r\n");
        for (size_t sent = 0; sent < NU_PLENTY; sent += n) {
            n = n * 3 % 100003;
            n = n < NU_PLENTY - sent ? n : NU_PLENTY - sent;
            sprintf(line, "%zx\r\n", n);
            nu_talk_say(&t, chunked ? line : "");
            nu_talk_send(&t, data + sent, n);
            nu_talk_say(&t, chunked ? "\r\n" : "");
        }
        nu_talk_say(&t, chunked ? "0\r\n\r\n" : "");
        cr_assert_eq(shutdown(t.pair.fd, SHUT_WR), 0);
        nu_talk_finish_count(&t, 0, NU_PLENTY);
        nng_http_res_get_data(t.res, &got, &size);
        nu_pattern_assert(got, 0, NU_PLENTY, 1);
        nu_talk_close(&t);
    }
    free(data);
}

/* ---- Answers that come early -------------------------------------------------------------- */

/* A server that has heard enough says so and closes, or goes on not reading. */
Test(transact, early_refusal)
{
    uint8_t *data = nu_pattern_new(NU_PLENTY, 1);
    for (unsigned mode = 0; mode < 3 * NU_MODES; mode++) {
        struct nu_talk t;
        open_talk(&t, mode % NU_MODES, "POST");
        cr_assert_eq(nng_http_req_set_data(t.req, data, NU_PLENTY), 0);
        nu_talk_start(&t, transact);
        nu_talk_hear(&t, "POST /x");
        nu_talk_say(&t,
                    "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
        if (mode / NU_MODES == 1) {
            nu_pair_reset(&t.pair);
        } else if (mode / NU_MODES == 2) {
            cr_assert_eq(shutdown(t.pair.fd, SHUT_WR), 0);
        }
        nu_talk_finish(&t, 0);
        cr_assert_eq(nng_http_res_get_status(t.res), 413);
        assert_body(t.res, "no", 2);
        nu_talk_close(&t);
    }
    free(data);
}

static void refuse_and_reset(void *arg)
{
    struct nu_talk *t    = arg;
    int             left = 1;
    nu_talk_say(t, "HTTP/1.1 413 Too Large\r\nContent-Length: 40000\r\n\r\n");
    uint8_t *page = nu_pattern_new(40000, 2);
    nu_talk_send(t, page, 40000);
    free(page);
    while (left > 0) { /* until all of it has arrived */
        cr_assert_eq(ioctl(t->pair.fd, SIOCOUTQ, &left), 0);
        usleep(100);
    }
    nu_pair_reset(&t->pair);
}

/* The reset is seen by the write, before the answer is read: for the owner is kept busy. */
Test(transact, early_refusal_unread)
{
    uint8_t *data = nu_pattern_new(NU_PLENTY, 1);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct nu_talk t;
        void          *got;
        size_t         size;
        open_talk(&t, mode, "POST");
        cr_assert_eq(nng_http_req_set_data(t.req, data, NU_PLENTY), 0);
        nu_talk_start(&t, transact);
        nu_talk_hear(&t, "POST /x");
        nu_on_owner(t.pair.conn, refuse_and_reset, &t);
        nu_talk_finish_count(&t, 0, 40000);
        nng_http_res_get_data(t.res, &got, &size);
        nu_pattern_assert(got, 0, 40000, 2);
        nu_talk_close(&t);
    }
    free(data);
}

static uint64_t answered(nng_http_conn *conn)
{
    nu_lock(&conn->tcp.lock);
    uint64_t n = conn->answered;
    nu_unlock(&conn->tcp.lock);
    return n;
}

/* The connection is to be kept, so the rest of the request is awaited; unless it is reset. */
Test(transact, early_answer)
{
    uint8_t *data = nu_pattern_new(NU_PLENTY, 1);
    for (unsigned mode = 0; mode < 2 * NU_MODES; mode++) {
        struct nu_talk t;
        char           byte;
        open_talk(&t, mode % NU_MODES, "POST");
        cr_assert_eq(nng_http_req_set_data(t.req, data, NU_PLENTY), 0);
        nu_talk_start(&t, transact);
        nu_talk_hear(&t, "POST /x HTTP/1.1\r\nContent-Length: 2097152\r\n\r\n");
        nu_talk_say(&t, OK "Content-Length: 2\r\n\r\nok");
        cr_assert_eq(recv(t.pair.fd, &byte, 1, MSG_PEEK), 1);
        cr_assert(nng_aio_busy(t.track.aio));
        if (mode < NU_MODES) {
            nu_peer_read(t.pair.fd, 0, NU_PLENTY, 1);
        } else {
            while (answered(t.pair.conn) == 0) {
                usleep(100); /* its response must have arrived */
            }
            nu_pair_reset(&t.pair);
        }
        nu_talk_finish_count(&t, 0, 2);
        assert_body(t.res, "ok", 2);
        nu_talk_close(&t);
    }
    free(data);
}

/* The server goes without a word while the request is written. */
Test(transact, reset_while_writing)
{
    uint8_t *data = nu_pattern_new(NU_PLENTY, 1);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct nu_talk t;
        open_talk(&t, mode, "POST");
        cr_assert_eq(nng_http_req_set_data(t.req, data, NU_PLENTY), 0);
        nu_talk_start(&t, transact);
        nu_talk_hear(&t, "POST /x");
        nu_pair_reset(&t.pair);
        nu_talk_finish_count(&t, NNG_ECONNRESET, 0);
        nu_talk_close(&t);
    }
    free(data);
}

/* ---- Several on one connection ------------------------------------------------------------ */

enum { MANY = 40 };

/* One of many. */
struct one {
    struct nu_track track;
    nng_http_req   *req;
    nng_http_res   *res;
    nng_http_conn  *conn;
    char            uri[16];
};

static void open_one(struct one *o, nng_http_conn *conn, int i, unsigned mode)
{
    nu_track_open(&o->track, mode);
    cr_assert_eq(nng_http_req_alloc(&o->req, NULL), 0);
    cr_assert_eq(nng_http_res_alloc(&o->res), 0);
    sprintf(o->uri, "/%d", i);
    cr_assert_eq(nng_http_req_set_uri(o->req, o->uri), 0);
    o->conn = conn;
}

static void start_one(void *arg)
{
    struct one *o = arg;
    nng_http_conn_transact(o->conn, o->req, o->res, o->track.aio);
}

static void close_one(struct one *o)
{
    nu_track_close(&o->track);
    nng_http_req_free(o->req);
    nng_http_res_free(o->res);
}

/* Answers each request with its URI, in a different framing every time, until the end. */
static void *answer_uris(void *arg)
{
    int    fd = *(int *) arg, n = 0;
    char   in[16384], out[256];
    size_t len = 0;
    for (ssize_t got; (got = recv(fd, in + len, sizeof in - 1 - len, 0)) > 0;) {
        char *end;
        len += (size_t) got;
        for (in[len] = '\0'; (end = strstr(in, "\r\n\r\n")) != NULL; in[len] = '\0') {
            char uri[16];
            cr_assert_eq(sscanf(in, "GET %15s HTTP/1.1", uri), 1);
            int size =
                n % 3 == 0 ? sprintf(out, OK "Content-Length: %zu\r\n\r\n%s", strlen(uri), uri)
                : n % 3 == 1
                    ? sprintf(out,
                              OK "Transfer-Encoding: chunked\r\n\r\n1\r\n/\r\n%zx"
                                 "\r\n%s\r\n0\r\n\r\n",
                              strlen(uri) - 1, uri + 1)
                    : sprintf(out,
                              "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: %zu\r\n\r\n%s",
                              strlen(uri), uri);
            cr_assert_eq(send(fd, out, (size_t) size, MSG_NOSIGNAL), size);
            n++;
            len -= (size_t) (end + 4 - in);
            memmove(in, end + 4, len);
        }
    }
    return NULL;
}

Test(transact, pipelined)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct nu_pair pair;
        struct one     ones[MANY];
        pthread_t      thread;
        nu_pair_open(&pair);
        for (int i = 0; i < MANY; i++) {
            open_one(&ones[i], pair.conn, i, mode);
            if (mode & NU_ON_OWNER) {
                nu_on_owner(pair.conn, start_one, &ones[i]);
            } else {
                start_one(&ones[i]);
            }
        }
        cr_assert_eq(pthread_create(&thread, NULL, answer_uris, &pair.fd), 0);
        for (int i = 0; i < MANY; i++) {
            nu_track_assert(&ones[i].track, 1, 0);
            assert_body(ones[i].res, ones[i].uri, (long long) strlen(ones[i].uri));
            close_one(&ones[i]);
        }
        nng_http_conn_close(pair.conn);
        pair.conn = NULL;
        pthread_join(thread, NULL);
        nu_pair_close(&pair);
    }
}

static void *ask_often(void *arg)
{
    struct one *o = arg;
    for (int i = 0; i < 100; i++) {
        start_one(o);
        nng_aio_wait(o->track.aio);
        cr_assert_eq(nng_aio_result(o->track.aio), 0);
        assert_body(o->res, o->uri, (long long) strlen(o->uri));
    }
    return NULL;
}

/* Threads that know nothing of each other get their own responses. */
Test(transact, from_many_threads)
{
    enum { THREADS = 8 };
    struct nu_pair pair;
    struct one     ones[THREADS];
    pthread_t      threads[THREADS], server;
    nu_pair_open(&pair);
    cr_assert_eq(pthread_create(&server, NULL, answer_uris, &pair.fd), 0);
    for (int i = 0; i < THREADS; i++) {
        open_one(&ones[i], pair.conn, i * 1000, i & 1 ? NU_CALLED : 0);
        cr_assert_eq(pthread_create(&threads[i], NULL, ask_often, &ones[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        close_one(&ones[i]);
    }
    nng_http_conn_close(pair.conn);
    pair.conn = NULL;
    pthread_join(server, NULL);
    nu_pair_close(&pair);
}

/* After one that was given up, those behind it must not get its response. */
Test(transact, given_up)
{
    struct nu_pair pair;
    struct one     ones[4];
    char           byte;
    nu_pair_open(&pair);
    for (int i = 0; i < 4; i++) {
        open_one(&ones[i], pair.conn, i, NU_CALLED);
    }
    for (int i = 0; i < 3; i++) {
        start_one(&ones[i]);
        cr_assert_eq(recv(pair.fd, &byte, 1, 0), 1);
    }
    nng_aio_cancel(ones[1].track.aio);
    nu_track_assert(&ones[1].track, 1, NNG_ECANCELED);
    const char *text = OK "Content-Length: 1\r\n\r\n0";
    cr_assert_eq(send(pair.fd, text, strlen(text), 0), (ssize_t) strlen(text));
    nu_track_assert(&ones[0].track, 1, 0);
    assert_body(ones[0].res, "0", 1);
    nu_track_assert(&ones[2].track, 1, NNG_ESTATE);
    start_one(&ones[3]);
    nu_track_assert(&ones[3].track, 1, NNG_ESTATE);
    for (int i = 0; i < 4; i++) {
        close_one(&ones[i]);
    }
    nu_pair_close(&pair);
}

/* ---- Ends at every stage ------------------------------------------------------------------ */

/* What has come when the operation ends early. The first one is in the middle of the write. */
static const char *const stages[] = {
    NULL,
    "",
    "HTTP/1.1 100 Continue\r\n\r\n",
    OK "Content-Le",
    OK "Content-Length: 10\r\n\r\nhalf",
    OK "Transfer-Encoding: chunked\r\n\r\n5",
    OK "Transfer-Encoding: chunked\r\n\r\n5\r\nha",
    OK "Transfer-Encoding: chunked\r\n\r\n0\r\n",
    OK "\r\nhalf",
};

#define STAGES (sizeof stages / sizeof stages[0])

enum cut { TIMEOUT, CANCEL, ABORT, STOP, FREE, CLOSE, CUTS };

static const int cut_results[CUTS] = { NNG_ETIMEDOUT, NNG_ECANCELED, NNG_EINTR,
                                       NNG_ECANCELED, NNG_ECLOSED,   NNG_ECLOSED };

static void make_cut(struct nu_talk *t, enum cut cut)
{
    switch (cut) {
    case CANCEL:
        nng_aio_cancel(t->track.aio);
        break;
    case ABORT:
        nng_aio_abort(t->track.aio, NNG_EINTR);
        break;
    case STOP:
        nng_aio_stop(t->track.aio);
        break;
    case FREE:
        nng_aio_free(t->track.aio);
        t->track.aio = NULL;
        break;
    case CLOSE:
        nng_http_conn_close(t->pair.conn);
        t->pair.conn = NULL;
        break;
    default:
        break;
    }
}

static void cut_at(unsigned mode, size_t stage, enum cut cut, const void *data)
{
    struct nu_talk t;
    open_talk(&t, mode & ~(unsigned) NU_TIMED, "POST");
    if (stages[stage] == NULL) {
        cr_assert_eq(nng_http_req_set_data(t.req, data, NU_PLENTY), 0);
    }
    if (cut == TIMEOUT) {
        nng_aio_set_timeout(t.track.aio, 20);
    }
    nu_talk_start(&t, transact);
    if (stages[stage] != NULL) {
        hear_request(&t, "POST");
        nu_talk_say(&t, stages[stage]);
        if (mode & NU_TIMED) {
            usleep(500); /* have it arrive, now and then */
        }
    }
    make_cut(&t, cut);
    if (cut != FREE) {
        nu_talk_finish_count(&t, cut_results[cut], 0);
    } else if (mode & NU_CALLED) {
        cr_assert_eq(t.track.calls, 1);
        cr_assert_eq(t.track.result, NNG_ECLOSED);
    }
    if (cut < STOP) { /* the connection is open, and out of step */
        nng_aio_set_timeout(t.track.aio, NNG_DURATION_INFINITE);
        nu_talk_start(&t, transact);
        nu_talk_finish_count(&t, NNG_ESTATE, 0);
    }
    nu_talk_close(&t);
}

Test(transact, cut)
{
    void *data = calloc(1, NU_PLENTY);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        for (size_t stage = 0; stage < STAGES; stage++) {
            for (int cut = 0; cut < CUTS; cut++) {
                cut_at(mode, stage, (enum cut) cut, data);
            }
        }
    }
    free(data);
}

Test(transact, no_time)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct nu_talk t;
        open_talk(&t, mode, "GET");
        nng_aio_set_expire(t.track.aio, nng_clock() - 1);
        nu_talk_start(&t, transact);
        nu_talk_finish_count(&t, NNG_ETIMEDOUT, 0);
        nu_talk_start(&t, transact); /* nothing was sent, so nothing is lost */
        nu_talk_say(&t, OK "Content-Length: 0\r\n\r\n");
        nu_talk_finish(&t, 0);
        nu_talk_close(&t);
    }
}

/* An aio that was stopped begins nothing. */
Test(transact, stopped)
{
    struct nu_talk t;
    open_talk(&t, NU_CALLED, "GET");
    nng_aio_stop(t.track.aio);
    nu_talk_start(&t, transact);
    nng_aio_wait(t.track.aio);
    cr_assert_eq(nng_aio_result(t.track.aio), NNG_ECANCELED);
    cr_assert_eq(nu_track_calls(&t.track), 0);
    nu_talk_hear_no_more(&t);
    nu_talk_close(&t);
}

/* One deadline for everything, though every part of it comes in time. */
Test(transact, one_deadline)
{
    struct nu_talk t;
    open_talk(&t, NU_CALLED, "GET");
    nng_aio_set_timeout(t.track.aio, 200);
    nng_time began = nng_clock();
    nu_talk_start(&t, transact);
    nu_talk_say(&t, OK "\r\n");
    while (nng_aio_busy(t.track.aio)) {
        nu_talk_say(&t, "x");
        usleep(1000);
    }
    nu_talk_finish_count(&t, NNG_ETIMEDOUT, 0);
    cr_assert_geq(nng_clock() - began, 199);
    cr_assert_lt(nng_clock() - began, 5000);
    nu_talk_close(&t);
}
