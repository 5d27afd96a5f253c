/* SPDX-License-Identifier: MIT */
#include "http/response_reader.h"

#include "wire/message.h"
#include "wire/parse.h"
#include "wire/status.h"

#include <nng/uring.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 16384U /* of a body that may have any length */

void nu_response_reader_init(struct nu_response_reader *in, nng_http_req *req, nng_http_res *res)
{
    const char *method = nng_http_req_get_method(req);
    *in = (struct nu_response_reader){ .res = res, .chunked.lenient = true };
    in->head = strcmp(method, "HEAD") == 0;
    in->connect = strcmp(method, "CONNECT") == 0;
}

void nu_response_reader_fini(struct nu_response_reader *in)
{
    nu_buf_free(&in->body);
}

/* ---- The body ----------------------------------------------------------------------------- */

/* A body that has grown by doubling takes no more than it needs from now on. */
static void response_reader_fit(struct nu_buf *body)
{
    char *data = body->len > 0 ? realloc(body->data, body->len) : NULL;
    if (body->len == 0) {
        nu_buf_free(body);
    } else if (data != NULL) {
        body->data = data;
    }
}

/* The body is complete: the response gets it, with the Content-Length it has now, and nothing in
 * the head says otherwise any more. */
static int response_reader_give(struct nu_response_reader *in)
{
    if (in->phase != NU_INCOMING_LENGTH) {
        response_reader_fit(&in->body);
    }
    int err = nu_res_give_data(in->res, in->body.data, in->body.len); /* freed on error */
    in->body = (struct nu_buf){ 0 };
    if (err == 0 && in->phase == NU_INCOMING_CHUNKED) {
        (void) nng_http_res_del_header(in->res, "Transfer-Encoding");
        (void) nng_http_res_del_header(in->res, "Trailer"); /* need not be there */
    }
    return err;
}

/* The next bytes go into the body, up to `total` bytes of it. */
static int response_reader_want(struct nu_response_reader *in, nng_aio *aio, size_t total)
{
    if (nu_buf_reserve(&in->body, total) != 0) {
        return NNG_ENOMEM;
    }
    in->iov = (struct iovec){ in->body.data, total };
    aio->io.iov = &in->iov;
    aio->io.niov = 1;
    aio->io.total = total;
    return NU_PENDING;
}

static int response_reader_take_length(struct nu_response_reader *in, const nng_aio *aio)
{
    if (aio->io.done < aio->io.total) {
        return NU_PENDING;
    }
    in->body.len = aio->io.done;
    return response_reader_give(in);
}

static int response_reader_take_until_close(struct nu_response_reader *in, nng_aio *aio, int end)
{
    size_t done = aio->io.done, total = aio->io.total;
    if (end == NNG_ECONNSHUT) {
        in->body.len = done;
        return response_reader_give(in);
    }
    if (end != 0 || done < total) {
        return NU_PENDING;
    }
    if (done > NNG_URING_MAX_BODY) {
        return NNG_EMSGSIZE;
    }
    /* One byte more than may be there tells whether there is more. */
    total = total == 0 ? FIRST_CAP : total * 2;
    return response_reader_want(in, aio,
                                total <= NNG_URING_MAX_BODY ? total : NNG_URING_MAX_BODY + 1);
}

static int response_reader_take_chunks(struct nu_response_reader *in, nng_aio *aio,
                                       struct nu_stream *stream)
{
    enum nu_parse rv = NU_PARSE_MORE;
    while (rv == NU_PARSE_MORE && nu_rx_len(&stream->rx) > 0) {
        struct nu_slice data;
        size_t used;
        rv = nu_chunked_next(&in->chunked, (const char *) nu_rx_data(&stream->rx),
                             nu_rx_len(&stream->rx), &used, &data);
        if (rv == NU_PARSE_BAD) {
            return NNG_EPROTO;
        }
        nu_buf_add(&in->body, data.p, data.n);
        nu_stream_consume(stream, used);
        if (nu_buf_error(&in->body) != 0) {
            return NNG_ENOMEM;
        }
        /* What is announced counts, so that it need not come first. */
        if (in->chunked.total + in->chunked.left > NNG_URING_MAX_BODY) {
            return NNG_EMSGSIZE;
        }
    }
    aio->io.done = in->body.len;
    return rv == NU_PARSE_DONE ? response_reader_give(in) : NU_PENDING;
}

/* ---- The head ----------------------------------------------------------------------------- */

/*
 * Finds out how the body ends. Memory for a body of known length is taken at once: nothing is
 * copied when it grows then, and the kernel provides pages of so large a piece only as bytes come,
 * so announcing much costs us little.
 */
static int response_reader_begin_body(struct nu_response_reader *in, nng_aio *aio,
                                      const struct nu_head *head)
{
    bool granted = in->connect && head->status / 100 == 2;
    in->last = !head->keep_alive;
    if (in->head || granted || nu_status_bodiless(head->status)) {
        return 0;
    }
    if (head->chunked) {
        in->phase = NU_INCOMING_CHUNKED;
        return NU_PENDING;
    }
    if (!head->has_length) {
        in->phase = NU_INCOMING_CLOSE;
        in->last = true;
        return NU_PENDING;
    }
    if (head->content_length > NNG_URING_MAX_BODY) {
        return NNG_EMSGSIZE;
    }
    in->phase = NU_INCOMING_LENGTH;
    return head->content_length > 0 ? response_reader_want(in, aio, (size_t) head->content_length)
                                    : 0;
}

/* The final head, after any number of interim ones; 101 is final for it has a say in all else. */
static int response_reader_take_head(struct nu_response_reader *in, nng_aio *aio,
                                     struct nu_stream *stream)
{
    struct nu_field fields[NU_MAX_FIELDS];
    while (nu_rx_len(&stream->rx) > 0) {
        struct nu_head head = { .fields = fields,
                                .maxfields = NU_MAX_FIELDS,
                                .progress = &in->progress };
        enum nu_parse rv = nu_parse_response((const char *) nu_rx_data(&stream->rx),
                                             nu_rx_len(&stream->rx), &head);
        if (rv == NU_PARSE_MORE) {
            return NU_PENDING;
        }
        if (rv == NU_PARSE_BAD) {
            return head.bad_status == 431 ? NNG_EMSGSIZE : NNG_EPROTO;
        }
        bool interim = head.status < 200 && head.status != NNG_HTTP_STATUS_SWITCHING;
        if (interim && in->interim++ == NU_MAX_INTERIM) {
            return NNG_EPROTO;
        }
        int err = interim ? 0 : nu_res_load(in->res, &head);
        nu_stream_consume(stream, head.length);
        if (err != 0) {
            nng_http_res_reset(in->res);
            return err;
        }
        if (!interim) {
            return response_reader_begin_body(in, aio, &head);
        }
    }
    return NU_PENDING;
}

int nu_response_reader_take(struct nu_response_reader *in, nng_aio *aio, struct nu_stream *stream,
                            int end)
{
    if (in->phase == NU_INCOMING_HEAD) {
        int err = end != 0 ? NU_PENDING : response_reader_take_head(in, aio, stream);
        if (err != NU_PENDING) {
            return err;
        }
    }
    switch (in->phase) {
    case NU_INCOMING_LENGTH:
        return response_reader_take_length(in, aio);
    case NU_INCOMING_CHUNKED:
        return response_reader_take_chunks(in, aio, stream);
    case NU_INCOMING_CLOSE:
        return response_reader_take_until_close(in, aio, end);
    default:
        return NU_PENDING;
    }
}
