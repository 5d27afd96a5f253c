/* SPDX-License-Identifier: MIT */
#include "http/request_body.h"

#include "io/vec.h"

/* Everything before it has been written, so there is room; where there is none, the client goes on
 * without being told, after a while of its own choice. It must not come in the midst of a response
 * that a handler has begun. */
void nu_request_body_continue(struct nu_request *r)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (r->expects && !atomic_load_explicit(&r->written, memory_order_relaxed)) {
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

/* Moves what has come of the body, and nothing that lies behind it. */
static int request_body_take(struct nu_request *r, nng_aio *aio, struct nu_stream *stream, bool all)
{
    struct nu_rx *rx = &stream->rx;
    size_t want = request_body_room(aio->args), used;
    enum nu_parse result = NU_PARSE_MORE;
    struct nu_slice data;
    while (nu_body_reader_unread(&r->body) && aio->io.done < want && nu_rx_len(rx) > 0) {
        size_t have = nu_rx_len(rx), room = want - aio->io.done;
        result = nu_body_reader_next(&r->body, (const char *) nu_rx_data(rx),
                                     have < room ? have : room, &used, &data);
        aio->io.done += nu_vec_put(aio->args->iov, aio->args->niov, aio->io.done, data.p, data.n);
        nu_stream_consume(stream, used);
    }
    if (result == NU_PARSE_BAD) {
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
    return NU_PENDING;
}

/* The peer has sent its last, and the body is not complete. */
static int request_body_cut_short(struct nu_request *r, int end)
{
    r->last = true;
    return end == NNG_ECONNSHUT ? NNG_ECONNRESET : end;
}

static int request_body_take_some(nng_aio *aio, struct nu_stream *stream, int end)
{
    struct nu_request *r = aio->io.own[1].p;
    return end != 0 ? request_body_cut_short(r, end) : request_body_take(r, aio, stream, false);
}

static int request_body_take_all(nng_aio *aio, struct nu_stream *stream, int end)
{
    struct nu_request *r = aio->io.own[1].p;
    return end != 0 ? request_body_cut_short(r, end) : request_body_take(r, aio, stream, true);
}

void nu_request_body_read(struct nu_request *r, nng_aio *aio, enum nu_read kind)
{
    nu_stream_read_until(r->conn->stream, aio,
                         kind == NU_READ_ALL ? request_body_take_all : request_body_take_some, r);
}
