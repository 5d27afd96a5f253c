/* SPDX-License-Identifier: MIT */
#include "net/stream.h"

#include "io/vec.h"
#include "net/aio_queue.h"

#include <string.h>

void nu_stream_init(struct nu_stream *stream, const struct nu_stream_ops *ops, struct nu_loop *loop,
                    void (*gone)(struct nu_stream *stream), void *user)
{
    memset(stream, 0, sizeof *stream);
    stream->ops = ops;
    stream->loop = loop;
    stream->user = user;
    stream->gone = gone;
    atomic_init(&stream->lock.state, NU_LOCK_FREE);
    nu_list_init(&stream->writes);
    nu_list_init(&stream->reads);
}

/* ---- Reads -------------------------------------------------------------------------------- */

/* Copies from rx to where the vector has room. */
static void stream_fill_vector(struct nu_stream *stream, struct nu_aio_io *io)
{
    size_t have = nu_rx_len(&stream->rx);
    if (have > 0) {
        size_t n = nu_vec_put(io->iov, io->niov, io->done, nu_rx_data(&stream->rx), have);
        nu_stream_consume(stream, n);
        io->done += n;
    }
}

/* A vector that it asks for and that what is in rx fills is for it to look at, too. */
int nu_stream_look(struct nu_stream *stream, nng_aio *aio, int end)
{
    struct nu_aio_io *io = &aio->io;
    nu_stream_take take = (nu_stream_take) io->own[0].fn;
    for (;;) {
        int err = take(aio, stream, end);
        if (err != NU_PENDING || !nu_stream_read_wants_vector(io)) {
            return err != NU_PENDING || end == 0 ? err : end;
        }
        stream_fill_vector(stream, io);
        if (nu_stream_read_wants_vector(io)) {
            return end == 0 ? NU_PENDING : end;
        }
    }
}

int nu_stream_end_read(struct nu_stream *stream, nng_aio *aio, int err)
{
    return aio->io.kind == NU_READ_UNTIL ? nu_stream_look(stream, aio, err) : err;
}

int nu_stream_serve(struct nu_stream *stream, nng_aio *aio)
{
    int err = NU_PENDING;
    if (stream->end == NNG_ENOMEM) {
        return NNG_ENOMEM;
    }
    if (aio->io.kind == NU_READ_UNTIL) {
        err = nu_stream_look(stream, aio, 0);
    } else if (aio->io.kind != NU_READ_FILL) {
        stream_fill_vector(stream, &aio->io);
        err = nu_stream_read_satisfied(&aio->io) ? 0 : NU_PENDING;
    }
    return err == NU_PENDING && stream->end != 0 ? nu_stream_end_read(stream, aio, stream->end)
                                                 : err;
}

void nu_stream_lose(struct nu_stream *stream)
{
    nu_rx_clear(&stream->rx, &stream->loop->buffers);
    stream->end = NNG_ENOMEM;
}

/* ---- Writes ------------------------------------------------------------------------------- */

int nu_stream_gone(struct nu_stream *stream, int err)
{
    bool known = stream->gone_known || stream->end == NNG_ECONNSHUT;
    if (err != NNG_ECONNRESET) {
        return err;
    }
    stream->gone_known = true;
    return known ? NNG_ECLOSED : NNG_ECONNRESET;
}

int nu_stream_write_error(struct nu_stream *stream, const nng_aio *aio, int err)
{
    int gone = nu_stream_gone(stream, err);
    return aio->io.kind == NU_WRITE_MESSAGE ? gone : err;
}

void nu_stream_note_written(struct nu_stream *stream, const nng_aio *aio, int err)
{
    if (aio->io.done > 0) {
        atomic_store_explicit(&stream->truncated, err != 0 && nu_stream_write_whole(aio),
                              memory_order_relaxed);
    }
}

void nu_stream_end_write(struct nu_stream *stream, nng_aio *aio, int err)
{
    bool cut = err != 0 && nu_stream_write_whole(aio) && aio->io.done > 0;
    struct nu_list *behind = aio->link.next;
    nu_stream_note_written(stream, aio, err);
    nu_aio_queue_end(aio, nu_stream_write_error(stream, aio, err));
    if (cut) { /* those before it, over TLS, have their bytes on the way */
        nu_aio_queue_end_from(&stream->writes, behind,
                              stream->life != NU_STREAM_OPEN ? NNG_ECLOSED : NNG_ECANCELED);
    }
}
