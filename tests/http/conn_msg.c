/* SPDX-License-Identifier: MIT */
#include "support/scripted_peer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

TestSuite(conn_msg, .timeout = 60);

typedef void (*operation)(struct t_scripted_peer *s);

static void read_req(struct t_scripted_peer *s)
{
    nng_http_conn_read_req(s->pair.conn, s->req, s->track.aio);
}

static void read_res(struct t_scripted_peer *s)
{
    nng_http_conn_read_res(s->pair.conn, s->res, s->track.aio);
}

static void write_req(struct t_scripted_peer *s)
{
    nng_http_conn_write_req(s->pair.conn, s->req, s->track.aio);
}

static void write_res(struct t_scripted_peer *s)
{
    nng_http_conn_write_res(s->pair.conn, s->res, s->track.aio);
}

static void conn_read(struct t_scripted_peer *s)
{
    nng_http_conn_read(s->pair.conn, s->track.aio);
}

/* ---- Reading ------------------------------------------------------------------------------ */

static const char request[] =
    "POST /a?b HTTP/1.1\r\nHost: h\r\nX: 1\r\nContent-Length: 4\r\nx: 2\r\n\r\n";
static const char response[] = "HTTP/1.1 404 Not here\r\nServer: s\r\nContent-Length: 4\r\n\r\n";

#define LEN(text) (sizeof(text) - 1)

static void assert_request(struct t_scripted_peer *s)
{
    void *data;
    size_t size;
    cr_assert_str_eq(nng_http_req_get_method(s->req), "POST");
    cr_assert_str_eq(nng_http_req_get_uri(s->req), "/a?b");
    cr_assert_str_eq(nng_http_req_get_version(s->req), "HTTP/1.1");
    cr_assert_str_eq(nng_http_req_get_header(s->req, "x"), "1, 2");
    cr_assert_str_eq(nng_http_req_get_header(s->req, "content-length"), "4");
    cr_assert_null(nng_http_req_get_header(s->req, "Old"));
    nng_http_req_get_data(s->req, &data, &size);
    cr_assert_null(data);
    cr_assert_eq(size, 0);
}

static void assert_response(struct t_scripted_peer *s)
{
    void *data;
    size_t size;
    cr_assert_eq(nng_http_res_get_status(s->res), 404);
    cr_assert_str_eq(nng_http_res_get_reason(s->res), "Not here");
    cr_assert_str_eq(nng_http_res_get_header(s->res, "server"), "s");
    cr_assert_null(nng_http_res_get_header(s->res, "Old"));
    nng_http_res_get_data(s->res, &data, &size);
    cr_assert_null(data);
    cr_assert_eq(size, 0);
}

static void fill_messages(struct t_scripted_peer *s)
{
    cr_assert_eq(nng_http_req_set_header(s->req, "Old", "x"), 0);
    cr_assert_eq(nng_http_req_copy_data(s->req, "old", 3), 0);
    cr_assert_eq(nng_http_res_set_header(s->res, "Old", "x"), 0);
    cr_assert_eq(nng_http_res_copy_data(s->res, "old", 3), 0);
}

/* The head alone, whichever comes first, into a message that was used before. What is behind it is
 * for others to read. */
Test(conn_msg, read)
{
    for (unsigned mode = 0; mode < 2 * NU_MODES; mode++) {
        struct t_scripted_peer s;
        char body[8];
        bool early = mode >= NU_MODES;
        t_scripted_peer_open(&s, mode % NU_MODES);
        fill_messages(&s);
        t_aio_probe_buffer(&s.track, body, sizeof body);
        for (int i = 0; i < 4; i++) {
            const char *text = i & 1 ? response : request;
            size_t n = strlen(text);
            if (early) {
                t_scripted_peer_send(&s, text, n);
            }
            t_scripted_peer_start(&s, i & 1 ? read_res : read_req);
            if (!early) {
                t_scripted_peer_send(&s, text, n);
            }
            t_scripted_peer_send(&s, "body", 4);
            t_scripted_peer_finish_count(&s, 0, n);
            if (i & 1) {
                assert_response(&s);
            } else {
                assert_request(&s);
            }
            for (size_t had = 0; had < 4; had += nng_aio_count(s.track.aio)) {
                t_scripted_peer_start(&s, conn_read);
                t_scripted_peer_finish(&s, 0);
                cr_assert(memcmp(body, &"body"[had], nng_aio_count(s.track.aio)) == 0);
            }
        }
        t_scripted_peer_close(&s);
    }
}

Test(conn_msg, read_byte_by_byte)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer s;
        t_scripted_peer_open(&s, mode);
        t_scripted_peer_start(&s, read_req);
        for (size_t i = 0; i < LEN(request); i++) {
            cr_assert(nng_aio_busy(s.track.aio));
            t_scripted_peer_send(&s, request + i, 1);
        }
        t_scripted_peer_finish_count(&s, 0, LEN(request));
        assert_request(&s);
        t_scripted_peer_start(&s, read_res);
        for (size_t i = 0; i < LEN(response); i++) {
            cr_assert(nng_aio_busy(s.track.aio));
            t_scripted_peer_send(&s, response + i, 1);
        }
        t_scripted_peer_finish_count(&s, 0, LEN(response));
        assert_response(&s);
        t_scripted_peer_close(&s);
    }
}

/* Started at once, each gets its own. */
Test(conn_msg, read_in_order)
{
    enum { READS = 10 };
    struct t_scripted_peer s[READS];
    char text[64];
    t_scripted_peer_open(&s[0], 0);
    for (int i = 0; i < READS; i++) {
        if (i > 0) {
            t_scripted_peer_open(&s[i], NU_CALLED);
            t_pair_close(&s[i].pair);
            s[i].pair = s[0].pair;
        }
        t_scripted_peer_start(&s[i], read_res);
    }
    for (int i = 0; i < READS; i++) {
        int n = snprintf(text, sizeof text, "HTTP/1.1 %d OK\r\n\r\n", 200 + i);
        t_scripted_peer_send(&s[0], text, (size_t) n);
    }
    for (int i = 0; i < READS; i++) {
        t_scripted_peer_finish_count(&s[i], 0, LEN("HTTP/1.1 200 OK\r\n\r\n"));
        cr_assert_eq(nng_http_res_get_status(s[i].res), 200 + i);
    }
    for (int i = READS; i-- > 0;) {
        if (i > 0) {
            s[i].pair = (struct nu_pair){ .fd = -1 };
        }
        t_scripted_peer_close(&s[i]);
    }
}

Test(conn_msg, read_truncated)
{
    for (size_t n = 0; n < LEN(request); n += n < 4 ? 1 : 7) {
        for (int i = 0; i < 2; i++) {
            struct t_scripted_peer s;
            t_scripted_peer_open(&s, NU_CALLED);
            fill_messages(&s);
            t_scripted_peer_start(&s, i == 0 ? read_req : read_res);
            t_scripted_peer_send(&s, i == 0 ? request : response,
                                 i == 0 || n < LEN(response) ? n : 10);
            cr_assert_eq(shutdown(s.pair.fd, SHUT_WR), 0);
            t_scripted_peer_finish_count(&s, NNG_ECONNSHUT, 0);
            cr_assert_eq(nng_http_req_get_header(s.req, "Old") == NULL, i == 0);
            cr_assert_eq(nng_http_res_get_header(s.res, "Old") == NULL, i == 1);
            t_scripted_peer_close(&s);
        }
    }
}

static void assert_refused(operation op, const char *text, size_t n, int result)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer s;
        char first;
        t_scripted_peer_open(&s, mode);
        t_scripted_peer_start(&s, op);
        t_scripted_peer_send(&s, text, n);
        t_scripted_peer_finish_count(&s, result, 0);
        t_aio_probe_buffer(&s.track, &first, 1);
        t_scripted_peer_start(&s, conn_read);
        t_scripted_peer_finish_count(&s, 0, 1);
        cr_assert_eq(first, text[0]);
        t_scripted_peer_close(&s);
    }
}

Test(conn_msg, read_malformed)
{
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\n\r\n", /* no Host */
        "GET / HTTP/1.1\nHost: h\n\n",
        "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    static const char *const responses[] = {
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "220 mail.example ESMTP\r\n",
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        assert_refused(read_req, requests[i], strlen(requests[i]), NNG_EPROTO);
    }
    for (size_t i = 0; i < sizeof responses / sizeof responses[0]; i++) {
        assert_refused(read_res, responses[i], strlen(responses[i]), NNG_EPROTO);
    }
}

Test(conn_msg, read_too_large)
{
    static char text[32768];
    size_t n = (size_t) sprintf(text, "HTTP/1.1 200 OK\r\n");
    while (n <= 16384) {
        n += (size_t) sprintf(text + n, "X%zu: %0200d\r\n", n, 0);
    }
    assert_refused(read_res, text, n, NNG_EMSGSIZE);
    n = (size_t) sprintf(text, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 128; i++) {
        n += (size_t) sprintf(text + n, "X%d:\r\n", i);
    }
    n += (size_t) sprintf(text + n, "\r\n");
    assert_refused(read_req, text, n, NNG_EMSGSIZE);
    n = (size_t) sprintf(text, "GET /%0*d HTTP/1.1\r\nHost: h\r\n\r\n", 8192, 0);
    assert_refused(read_req, text, n, NNG_EMSGSIZE);
}

/* What ends a read early costs no byte. */
Test(conn_msg, read_ends_early)
{
    for (unsigned mode = 0; mode < 2 * NU_MODES; mode++) {
        struct t_scripted_peer s;
        bool timed = mode >= NU_MODES;
        t_scripted_peer_open(&s, mode % NU_MODES);
        t_scripted_peer_send(&s, request, 30);
        nng_aio_set_timeout(s.track.aio, timed ? 20 : NNG_DURATION_INFINITE);
        t_scripted_peer_start(&s, read_req);
        if (!timed) {
            nng_aio_abort(s.track.aio, NNG_EINTR);
        }
        t_scripted_peer_finish_count(&s, timed ? NNG_ETIMEDOUT : NNG_EINTR, 0);
        nng_aio_set_timeout(s.track.aio, NNG_DURATION_INFINITE);
        t_scripted_peer_start(&s, read_req);
        t_scripted_peer_send(&s, request + 30, LEN(request) - 30);
        t_scripted_peer_finish_count(&s, 0, LEN(request));
        assert_request(&s);
        t_scripted_peer_close(&s);
    }
}

Test(conn_msg, read_lost)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer s;
        t_scripted_peer_open(&s, mode);
        t_scripted_peer_start(&s, read_res);
        t_pair_reset(&s.pair);
        t_scripted_peer_finish_count(&s, NNG_ECONNRESET, 0);
        t_scripted_peer_close(&s);
        t_scripted_peer_open(&s, mode);
        t_scripted_peer_start(&s, read_req);
        nng_http_conn_close(s.pair.conn);
        s.pair.conn = NULL;
        t_scripted_peer_finish_count(&s, NNG_ECLOSED, 0);
        t_scripted_peer_close(&s);
    }
}

/* ---- Writing ------------------------------------------------------------------------------ */

/* What is changed between two writes counts. */
Test(conn_msg, write_request)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer s;
        t_scripted_peer_open(&s, mode);
        cr_assert_eq(nng_http_req_set_uri(s.req, "/x"), 0);
        t_scripted_peer_start(&s, write_req);
        t_scripted_peer_finish_count(&s, 0, LEN("GET /x HTTP/1.1\r\n\r\n"));
        t_scripted_peer_hear(&s, "GET /x HTTP/1.1\r\n\r\n");
        cr_assert_eq(nng_http_req_set_header(s.req, "Host", "h"), 0);
        cr_assert_eq(nng_http_req_set_method(s.req, "POST"), 0);
        cr_assert_eq(nng_http_req_set_data(s.req, "body", 4), 0);
        t_scripted_peer_start(&s, write_req);
        t_scripted_peer_finish(&s, 0);
        t_scripted_peer_hear(&s, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
        cr_assert_eq(nng_http_req_del_header(s.req, "Host"), 0);
        cr_assert_eq(nng_http_req_copy_data(s.req, "other body", 10), 0);
        t_scripted_peer_start(&s, write_req);
        t_scripted_peer_finish(&s, 0);
        t_scripted_peer_hear(&s, "POST /x HTTP/1.1\r\nContent-Length: 10\r\n\r\nother body");
        cr_assert_eq(nng_http_req_set_data(s.req, NULL, 0), 0);
        t_scripted_peer_start(&s, write_req);
        t_scripted_peer_finish(&s, 0);
        t_scripted_peer_hear(&s, "POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
        t_scripted_peer_hear_no_more(&s);
        t_scripted_peer_close(&s);
    }
}

Test(conn_msg, write_response)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer s;
        t_scripted_peer_open(&s, mode);
        cr_assert_eq(nng_http_res_copy_data(s.res, "body", 4), 0);
        t_scripted_peer_start(&s, write_res);
        t_scripted_peer_finish(&s, 0);
        t_scripted_peer_hear(&s, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody");
        static const unsigned bodiless[] = { 100, 101, 204, 304 };
        for (int i = 0; i < 4; i++) {
            char text[128];
            nng_http_res_set_status(s.res, (uint16_t) bodiless[i]);
            sprintf(text, "HTTP/1.1 %u %s\r\nContent-Length: 4\r\n\r\n", bodiless[i],
                    nng_http_res_get_reason(s.res));
            t_scripted_peer_start(&s, write_res);
            t_scripted_peer_finish_count(&s, 0, strlen(text));
            t_scripted_peer_hear(&s, text);
        }
        t_scripted_peer_hear_no_more(&s);
        t_scripted_peer_close(&s);
    }
}

Test(conn_msg, write_without_uri)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer s;
        t_scripted_peer_open(&s, mode);
        t_scripted_peer_start(&s, write_req);
        t_scripted_peer_finish_count(&s, NNG_EINVAL, 0);
        t_scripted_peer_hear_no_more(&s);
        t_scripted_peer_close(&s);
    }
}

/* More than the connection can hold: head and body in one stream, and the truth when it is cut. */
Test(conn_msg, write_large)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n";
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        for (int cut = 0; cut < 2; cut++) {
            struct t_scripted_peer s;
            t_scripted_peer_open(&s, mode);
            cr_assert_eq(nng_http_res_set_data(s.res, data, NU_PLENTY), 0);
            t_scripted_peer_start(&s, write_res);
            cr_assert(nng_aio_busy(s.track.aio));
            if (cut) {
                nng_aio_cancel(s.track.aio);
                t_scripted_peer_finish(&s, NNG_ECANCELED);
            }
            t_scripted_peer_hear(&s, head);
            if (!cut) {
                t_peer_read(s.pair.fd, 0, NU_PLENTY, 1);
                t_scripted_peer_finish_count(&s, 0, LEN(head) + NU_PLENTY);
            }
            size_t count = nng_aio_count(s.track.aio) - LEN(head);
            t_pair_assert_rest(&s.pair, cut ? 0 : NU_PLENTY, cut ? count : 0, 1);
            t_scripted_peer_close(&s);
        }
    }
    free(data);
}

/* What is written can be read. */
Test(conn_msg, there_and_back)
{
    struct t_scripted_peer s;
    t_scripted_peer_open(&s, NU_CALLED);
    cr_assert_eq(nng_http_req_set_uri(s.req, "/caf\xc3\xa9#x"), 0);
    cr_assert_eq(nng_http_req_set_header(s.req, "Host", "h"), 0);
    cr_assert_eq(nng_http_req_set_header(s.req, "X-Text", "\xc3\xa9"), 0);
    t_scripted_peer_start(&s, write_req);
    t_scripted_peer_finish(&s, 0);
    char text[256];
    ssize_t n = recv(s.pair.fd, text, sizeof text, 0);
    cr_assert_eq(n, (ssize_t) nng_aio_count(s.track.aio));
    t_scripted_peer_send(&s, text, (size_t) n);
    t_scripted_peer_start(&s, read_req);
    t_scripted_peer_finish_count(&s, 0, (size_t) n);
    cr_assert_str_eq(nng_http_req_get_uri(s.req), "/caf%C3%A9");
    cr_assert_str_eq(nng_http_req_get_header(s.req, "X-Text"), "\xc3\xa9");
    t_scripted_peer_close(&s);
}
