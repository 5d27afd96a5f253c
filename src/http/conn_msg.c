/* SPDX-License-Identifier: MIT */
/* Whole messages on a connection: reading their heads, writing all of them. */
#include "http/conn.h"
#include "wire/message.h"

#include <string.h>

/* ---- Reading ------------------------------------------------------------------------------ */

typedef enum nu_parse (*parser)(const char *buf, size_t len, struct nu_head *head);
typedef int (*loader)(void *message, const struct nu_head *head);

/* A head that is not good stays in rx: it is for the caller to make something of the connection. */
static int conn_msg_take_head(nng_aio *aio, struct nu_stream *stream,
                              struct nu_head_progress *progress, parser parse, loader load)
{
    struct nu_field fields[NU_MAX_FIELDS];
    struct nu_head head = { .fields = fields, .maxfields = NU_MAX_FIELDS, .progress = progress };
    size_t len = nu_rx_len(&stream->rx);
    enum nu_parse rv = NU_PARSE_MORE;
    if (len > 0) {
        rv = parse((const char *) nu_rx_data(&stream->rx), len, &head);
    }
    if (rv == NU_PARSE_MORE) {
        return NU_PENDING;
    }
    if (rv == NU_PARSE_BAD) {
        return head.bad_status == 431 || head.bad_status == 414 ? NNG_EMSGSIZE : NNG_EPROTO;
    }
    int err = load(aio->io.own[1].p, &head);
    if (err == 0) {
        aio->io.done = head.length;
        nu_stream_consume(stream, head.length);
    }
    return err;
}

static int conn_msg_load_req(void *req, const struct nu_head *head)
{
    int err = nu_req_load(req, head);
    if (err != 0) {
        nng_http_req_reset(req);
    }
    return err;
}

static int conn_msg_load_res(void *res, const struct nu_head *head)
{
    int err = nu_res_load(res, head);
    if (err != 0) {
        nng_http_res_reset(res);
    }
    return err;
}

static int conn_msg_take_req(nng_aio *aio, struct nu_stream *stream, int end)
{
    nng_http_req *req = aio->io.own[1].p;
    return end != 0 ? NU_PENDING
                    : conn_msg_take_head(aio, stream, &req->progress, nu_parse_request,
                                         conn_msg_load_req);
}

static int conn_msg_take_res(nng_aio *aio, struct nu_stream *stream, int end)
{
    nng_http_res *res = aio->io.own[1].p;
    return end != 0 ? NU_PENDING
                    : conn_msg_take_head(aio, stream, &res->progress, nu_parse_response,
                                         conn_msg_load_res);
}

void nng_http_conn_read_req(nng_http_conn *conn, nng_http_req *req, nng_aio *aio)
{
    if (nng_aio_begin(aio) && !nu_conn_refuse_lent(conn, aio)) {
        nng_http_req_reset(req);
        req->progress = (struct nu_head_progress){ 0 };
        nu_stream_read_until(conn->stream, aio, conn_msg_take_req, req);
    }
}

void nng_http_conn_read_res(nng_http_conn *conn, nng_http_res *res, nng_aio *aio)
{
    if (nng_aio_begin(aio) && !nu_conn_refuse_lent(conn, aio)) {
        nng_http_res_reset(res);
        res->progress = (struct nu_head_progress){ 0 };
        nu_stream_read_until(conn->stream, aio, conn_msg_take_res, res);
    }
}

/* ---- Writing ------------------------------------------------------------------------------ */

static void conn_msg_write_printed(nng_http_conn *conn, nng_aio *aio,
                                   const struct nu_printed *printed, int err)
{
    if (err != 0) {
        aio->loop = conn->stream->loop;
        nu_aio_finish(aio, err, 0);
        return;
    }
    aio->io =
        (struct nu_aio_io){ .iov = printed->iov, .niov = printed->niov, .total = printed->total };
    nu_conn_write(conn, aio, NU_WRITE_MESSAGE);
}

void nng_http_conn_write_req(nng_http_conn *conn, nng_http_req *req, nng_aio *aio)
{
    if (nng_aio_begin(aio)) {
        int gone = nu_conn_gone(conn);
        conn_msg_write_printed(conn, aio, &req->printed, gone != 0 ? gone : nu_req_finalize(req));
    }
}

void nng_http_conn_write_res(nng_http_conn *conn, nng_http_res *res, nng_aio *aio)
{
    if (nng_aio_begin(aio)) {
        conn_msg_write_printed(conn, aio, &res->printed, nu_res_finalize(res));
    }
}
