/* SPDX-License-Identifier: MIT */
#include "http/request_body.h"

#include "io/vec.h"

#include <stdlib.h>

/* Where there is no room for it, the client goes on without being told, after a while of its own
 * choice. It must not come in the midst of a response that a handler has begun, nor of one before
 * it: while that is being written, the next look sends it, or nobody does (RFC 9110 10.1.1). */
void nu_request_body_continue(struct nu_request *r)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (r->expects && nu_list_empty(&r->conn->stream->writes) &&
        !atomic_load_explicit(&r->written, memory_order_relaxed)) {
        r->expects = false;
        nu_stream_send_now(r->conn->stream, text, sizeof text - 1);
    }
}

static size_t request_body_room(const struct nu_aio_args *args)
{
    size_t room = 0;
    for (unsigned i = 0; i < args->niov; i++) {
        room += args->iov[i].iov_len;
    }
    return room;
}

/* How many bytes of the body come next, with nothing in between. The end of a chunk is better
 * received together with what follows. */
static uint64_t request_body_ahead(const struct nu_body_reader *body)
{
    uint64_t left = body->chunked ? nu_chunked_data(&body->chunks) : body->left;
    return body->chunked && left < NU_BUFRING_SIZE ? 0 : left;
}

/* Has what comes next go straight to the vector, as far as it is the body's; without memory for
 * that it takes the way round. */
static void request_body_read_directly(struct nu_request *r, nng_aio *aio)
{
    const struct nu_aio_args *args = aio->args;
    uint64_t ahead = request_body_ahead(&r->body);
    uint64_t end = ahead > 0 ? aio->io.done + ahead : 0; /* in the vector */
    size_t total = 0;
    unsigned n = 0;
    if (end > 0 && r->iov == NULL && (r->iov = malloc(NU_AIO_IOVS * sizeof *r->iov)) == NULL) {
        return;
    }
    for (; n < args->niov && total < end; n++) {
        r->iov[n] = args->iov[n];
        if (r->iov[n].iov_len > end - total) {
            r->iov[n].iov_len = (size_t) (end - total);
        }
        total += r->iov[n].iov_len;
    }
    aio->io.iov = r->iov;
    aio->io.niov = n;
    aio->io.total = total;
    r->taken = aio->io.done;
}

/* Bytes that were read directly, since the last look. */
static void request_body_note(struct nu_request *r, nng_aio *aio)
{
    size_t n = aio->io.total > 0 ? aio->io.done - r->taken : 0;
    if (n > 0 && r->body.chunked) {
        nu_chunked_skip(&r->body.chunks, n);
    } else {
        r->body.left -= n;
    }
    aio->io.total = 0; /* until it is asked for again */
}

/* Moves what has come of the body, and nothing that lies behind it. */
static enum nu_parse request_body_move(struct nu_request *r, nng_aio *aio, struct nu_stream *stream,
                                       size_t want)
{
    struct nu_rx *rx = &stream->rx;
    enum nu_parse result = NU_PARSE_MORE;
    struct nu_slice data;
    size_t used;
    while (nu_body_reader_unread(&r->body) && aio->io.done < want && nu_rx_len(rx) > 0) {
        size_t have = nu_rx_len(rx), room = want - aio->io.done;
        result = nu_body_reader_next(&r->body, (const char *) nu_rx_data(rx),
                                     have < room ? have : room, &used, &data);
        aio->io.done += nu_vec_put(aio->args->iov, aio->args->niov, aio->io.done, data.p, data.n);
        nu_stream_consume(stream, used);
    }
    return result;
}

static int request_body_take(struct nu_request *r, nng_aio *aio, struct nu_stream *stream, bool all)
{
    size_t want = request_body_room(aio->args);
    request_body_note(r, aio);
    if (request_body_move(r, aio, stream, want) == NU_PARSE_BAD) {
        r->last = true;
        return NNG_EPROTO;
    }
    if (aio->io.done == want || (!all && aio->io.done > 0)) {
        return 0;
    }
    if (!nu_body_reader_unread(&r->body)) {
        return NNG_ECONNSHUT;
    }
    nu_request_body_continue(r);
    request_body_read_directly(r, aio);
    return NU_PENDING;
}

/* The peer has sent its last, and the body is not complete. */
static int request_body_cut_short(struct nu_request *r, int end)
{
    r->last = true;
    return end == NNG_ECONNSHUT ? NNG_ECONNRESET : end;
}

static int request_body_serve(nng_aio *aio, struct nu_stream *stream, int end, bool all)
{
    struct nu_request *r = aio->io.own[1].p;
    if (atomic_load(&r->lease) == NU_LEASE_CLOSED) {
        return NNG_ECLOSED;
    }
    bool cut = end != 0 && nu_body_reader_unread(&r->body);
    return cut ? request_body_cut_short(r, end) : request_body_take(r, aio, stream, all);
}

static int request_body_take_some(nng_aio *aio, struct nu_stream *stream, int end)
{
    return request_body_serve(aio, stream, end, false);
}

static int request_body_take_all(nng_aio *aio, struct nu_stream *stream, int end)
{
    return request_body_serve(aio, stream, end, true);
}

void nu_request_body_read(struct nu_request *r, nng_aio *aio, enum nu_read kind)
{
    nu_stream_read_until(r->conn->stream, aio,
                         kind == NU_READ_ALL ? request_body_take_all : request_body_take_some, r);
}
