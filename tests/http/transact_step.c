/* SPDX-License-Identifier: MIT */
/* Whether the next response on a connection is the one to the next request. */
#include "http/conn.h"
#include "support/proc.h"
#include "support/scripted_peer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(transact_step, .timeout = 60);

#define OK "HTTP/1.1 200 OK\r\n"

static void transact(struct t_scripted_peer *t)
{
    nng_http_conn_transact(t->pair.conn, t->req, t->res, t->track.aio);
}

static void open_talk(struct t_scripted_peer *t, unsigned mode)
{
    t_scripted_peer_open(t, mode);
    cr_assert_eq(nng_http_req_set_uri(t->req, "/x"), 0);
}

static void wait_for_answer(nng_http_conn *conn)
{
    for (uint64_t n = 0; n == 0; usleep(100)) {
        nu_lock(&conn->stream->lock);
        n = conn->answered;
        nu_unlock(&conn->stream->lock);
    }
}

/* The response is there, but the request will never be: the next one would continue its body. */
Test(transact_step, torn_request)
{
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer t;
        open_talk(&t, mode);
        cr_assert_eq(nng_http_req_set_data(t.req, data, NU_PLENTY), 0);
        t_scripted_peer_start(&t, transact);
        t_scripted_peer_hear(&t, "GET /x HTTP/1.1\r\nContent-Length: 2097152\r\n\r\n");
        t_scripted_peer_say(&t, OK "Content-Length: 2\r\n\r\nok");
        wait_for_answer(t.pair.conn);
        nng_aio_cancel(t.track.aio);
        t_scripted_peer_finish_count(&t, NNG_ECANCELED, 0);
        cr_assert_eq(nng_http_req_set_data(t.req, NULL, 0), 0);
        t_scripted_peer_start(&t, transact);
        t_scripted_peer_finish_count(&t, NNG_ESTATE, 0);
        nng_http_conn_close(t.pair.conn);
        t.pair.conn = NULL;
        cr_assert_lt(t_peer_rest(t.pair.fd, 0, 1), NU_PLENTY);
        t_scripted_peer_close(&t);
    }
    free(data);
}

/* RFC 9112 9.2: what comes behind the last response that was asked for is none. */
static void assert_not_taken(unsigned mode, const char *method, const char *text)
{
    struct t_scripted_peer t;
    open_talk(&t, mode);
    cr_assert_eq(nng_http_req_set_method(t.req, method), 0);
    t_scripted_peer_start(&t, transact);
    t_scripted_peer_hear(&t, method);
    t_scripted_peer_hear(&t, " /x HTTP/1.1\r\n\r\n");
    t_scripted_peer_say(&t, text);
    t_scripted_peer_finish(&t, 0);
    t_scripted_peer_start(&t, transact);
    t_scripted_peer_finish_count(&t, NNG_ESTATE, 0);
    t_scripted_peer_hear_no_more(&t);
    t_scripted_peer_close(&t);
}

Test(transact_step, unasked)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        assert_not_taken(mode, "GET",
                         OK "Content-Length: 2\r\n\r\nok" OK "Content-Length: 4\r\n\r\nevil");
        assert_not_taken(mode, "HEAD",
                         OK "Content-Length: 44\r\n\r\n" OK "Content-Length: 4\r\n\r\nevil");
        assert_not_taken(mode, "GET", OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n\r\n");
    }
}

static void wait_for_bytes(nng_http_conn *conn)
{
    for (size_t n = 0; n == 0; usleep(100)) {
        nu_lock(&conn->stream->lock);
        n = nu_rx_len(&conn->stream->rx);
        nu_unlock(&conn->stream->lock);
    }
}

/* Nor is what came before the first: a server may have lost its patience. */
Test(transact_step, unasked_before)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer t;
        open_talk(&t, mode);
        t_scripted_peer_say(&t, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
        wait_for_bytes(t.pair.conn);
        t_scripted_peer_start(&t, transact);
        t_scripted_peer_finish_count(&t, NNG_ESTATE, 0);
        t_scripted_peer_hear_no_more(&t);
        t_scripted_peer_close(&t);
    }
}
