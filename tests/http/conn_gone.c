/* SPDX-License-Identifier: MIT */
/* What operations say whose peer is gone: NNG's errors, but for writes of vectors. */
#include "http/conn.h"
#include "support/peer.h"
#include "support/tls_relay.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <nng/nng.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(conn_gone, .timeout = 60);

#define OPS 3 /* one after the other */

struct setting {
    struct nu_pair pair;
    nng_aio *aio;
    nng_http_req *req;
    nng_http_res *res;
};

static void set_up(struct setting *s)
{
    t_pair_open(&s->pair);
    cr_assert_eq(nng_aio_alloc(&s->aio, NULL, NULL), 0);
    nng_aio_set_timeout(s->aio, 120000);
    cr_assert_eq(nng_http_req_alloc(&s->req, NULL), 0);
    cr_assert_eq(nng_http_req_set_uri(s->req, "/"), 0);
    cr_assert_eq(nng_http_res_alloc(&s->res), 0);
}

static void tear_down(struct setting *s)
{
    t_pair_close(&s->pair);
    nng_aio_free(s->aio);
    nng_http_req_free(s->req);
    nng_http_res_free(s->res);
}

/* ---- Operations --------------------------------------------------------------------------- */

static void op_transact(struct setting *s)
{
    nng_http_conn_transact(s->pair.conn, s->req, s->res, s->aio);
}

static void op_write_req(struct setting *s)
{
    nng_http_conn_write_req(s->pair.conn, s->req, s->aio);
}

static void op_write_res(struct setting *s)
{
    nng_http_conn_write_res(s->pair.conn, s->res, s->aio);
}

static void set_vector(struct setting *s)
{
    nng_iov iov = { "hello", 5 };
    cr_assert_eq(nng_aio_set_iov(s->aio, 1, &iov), 0);
}

static void op_write(struct setting *s)
{
    set_vector(s);
    nng_http_conn_write(s->pair.conn, s->aio);
}

static void op_write_all(struct setting *s)
{
    set_vector(s);
    nng_http_conn_write_all(s->pair.conn, s->aio);
}

/* ---- The peer ----------------------------------------------------------------------------- */

/* The end has come here, too. */
static void await_end(struct setting *s)
{
    struct nu_stream *stream = s->pair.conn->stream;
    for (int end = 0; end == 0; usleep(100)) {
        nu_lock(&stream->lock);
        end = stream->end;
        nu_unlock(&stream->lock);
    }
}

static void closes(struct setting *s)
{
    close(s->pair.fd);
    s->pair.fd = -1;
    await_end(s);
}

static void resets(struct setting *s)
{
    t_pair_reset(&s->pair);
    await_end(s);
}

/* What it did not expect came, so that it resets us: when nothing is answered any more. */
static void await_reset(struct setting *s)
{
    int err = 0;
    for (int i = 0; i < 20000 && err != EPIPE; i++, usleep(100)) {
        char byte;
        err = send(s->pair.conn->tcp.fd, &byte, 0, MSG_NOSIGNAL) < 0 ? errno : 0;
    }
    cr_assert_eq(err, EPIPE);
}

static void has_refused(struct setting *s)
{
    char byte = 'x';
    closes(s);
    cr_assert_eq(send(s->pair.conn->tcp.fd, &byte, 1, MSG_NOSIGNAL), 1);
    await_reset(s);
}

static const struct {
    const char *what;
    void (*peer)(struct setting *s);
    void (*op)(struct setting *s);
    int results[OPS];
} table[] = {
    { "transact, closed", closes, op_transact, { NNG_ECLOSED, NNG_ECLOSED, NNG_ECLOSED } },
    { "write_req, closed", closes, op_write_req, { NNG_ECLOSED, NNG_ECLOSED, NNG_ECLOSED } },
    { "transact, reset", resets, op_transact, { NNG_ECONNRESET, NNG_ECLOSED, NNG_ECLOSED } },
    { "write_req, reset", resets, op_write_req, { NNG_ECONNRESET, NNG_ECLOSED, NNG_ECLOSED } },
    { "write_res, reset", resets, op_write_res, { NNG_ECONNRESET, NNG_ECLOSED, NNG_ECLOSED } },
    { "write, reset", resets, op_write, { NNG_ECONNRESET, NNG_ECONNRESET, NNG_ECONNRESET } },
    { "write_all, reset",
      resets,
      op_write_all,
      { NNG_ECONNRESET, NNG_ECONNRESET, NNG_ECONNRESET } },
    { "transact, refused", has_refused, op_transact, { NNG_ECLOSED, NNG_ECLOSED, NNG_ECLOSED } },
    { "write_req, refused", has_refused, op_write_req, { NNG_ECLOSED, NNG_ECLOSED, NNG_ECLOSED } },
    { "write_res, refused", has_refused, op_write_res, { NNG_ECLOSED, NNG_ECLOSED, NNG_ECLOSED } },
    { "write, refused", has_refused, op_write, { NNG_ECONNRESET, NNG_ECONNRESET, NNG_ECONNRESET } },
    { "write_all, refused",
      has_refused,
      op_write_all,
      { NNG_ECONNRESET, NNG_ECONNRESET, NNG_ECONNRESET } },
};

static void start_op(void *arg)
{
    void **args = arg;
    void (*op)(struct setting *) = (void (*)(struct setting *)) args[1];
    op(args[0]);
}

Test(conn_gone, results)
{
    for (size_t i = 0; i < 2 * sizeof table / sizeof table[0]; i++) {
        bool owner = i % 2 == 0; /* or an application's thread, which writes for itself */
        struct setting s;
        if (t_tls_wanted() && table[i / 2].peer == has_refused) {
            continue; /* it writes past us */
        }
        set_up(&s);
        table[i / 2].peer(&s);
        for (int k = 0; k < OPS; k++) {
            void *args[2] = { &s, (void *) table[i / 2].op };
            if (owner) {
                t_on_owner(s.pair.conn, start_op, args);
            } else {
                start_op(args);
            }
            nng_aio_wait(s.aio);
            cr_assert_eq(nng_aio_result(s.aio), table[i / 2].results[k], "%s, %d: %s",
                         table[i / 2].what, k, nng_strerror(nng_aio_result(s.aio)));
            cr_assert_eq(nng_aio_count(s.aio), 0);
        }
        tear_down(&s);
    }
}

/* A kept connection that the server has closed while it was idle: not a byte of the request goes
 * out, so that it can be sent on another one, whatever it asks for. */
Test(conn_gone, found_out_before_anything_is_sent)
{
    for (int i = 0; i < 2; i++) {
        struct setting s;
        char byte;
        set_up(&s);
        cr_assert_eq(shutdown(s.pair.fd, SHUT_WR), 0);
        await_end(&s);
        (i == 0 ? op_transact : op_write_req)(&s);
        nng_aio_wait(s.aio);
        cr_assert_eq(nng_aio_result(s.aio), NNG_ECLOSED);
        nng_http_conn_close(s.pair.conn);
        s.pair.conn = NULL;
        cr_assert_eq(recv(s.pair.fd, &byte, 1, 0), 0);
        tear_down(&s);
    }
}

/* Who has sent its last may still be answered. */
Test(conn_gone, half_closed_peers_are_answered)
{
    struct setting s;
    char text[64] = "";
    set_up(&s);
    cr_assert_eq(shutdown(s.pair.fd, SHUT_WR), 0);
    await_end(&s);
    op_write_res(&s);
    nng_aio_wait(s.aio);
    cr_assert_eq(nng_aio_result(s.aio), 0);
    cr_assert_gt(recv(s.pair.fd, text, sizeof text - 1, 0), 0);
    cr_assert_eq(strncmp(text, "HTTP/1.1 200 ", 13), 0);
    tear_down(&s);
}

/* A close while the response is awaited is NNG_ECONNSHUT, as ever: the request has been sent. */
Test(conn_gone, closed_after_it_was_sent)
{
    struct setting s;
    char text[256];
    set_up(&s);
    op_transact(&s);
    cr_assert_gt(recv(s.pair.fd, text, sizeof text, 0), 0);
    closes(&s);
    nng_aio_wait(s.aio);
    cr_assert_eq(nng_aio_result(s.aio), NNG_ECONNSHUT);
    op_transact(&s);
    nng_aio_wait(s.aio);
    cr_assert_eq(nng_aio_result(s.aio), NNG_ECLOSED);
    tear_down(&s);
}
