/* SPDX-License-Identifier: MIT */
/*
 * A byte stream to a peer, whatever carries it: what HTTP and all else above needs of a connection.
 * An implementation (net/tcp.h is the first) embeds a struct nu_stream, and names its functions in
 * a table; callers use the functions below.
 *
 * A stream lives on one loop. Starting a read or a write and closing may be done from any thread;
 * the end of every operation that had to wait happens on the loop's owner. `lock` guards what is
 * marked with it. It is taken before an aio's lock, never the other way round, and no callback runs
 * under it.
 */
#ifndef NU_NET_STREAM_H
#define NU_NET_STREAM_H

#include "base/list.h"
#include "io/aio.h"
#include "io/lock.h"
#include "io/loop.h"
#include "net/rx.h"

struct nu_stream;

#define NU_PENDING (-1) /* in place of an NNG error: it is not over yet */

enum nu_stream_life {
    NU_STREAM_OPEN,
    NU_STREAM_CLOSING, /* nothing new is begun, all that is pending ends NNG_ECLOSED */
    NU_STREAM_DEAD,    /* the descriptor is closed, nothing is left but the memory */
};

enum nu_read {
    NU_READ_SOME,  /* done when at least one byte is in the vector */
    NU_READ_ALL,   /* done when the vector is full */
    NU_READ_FILL,  /* done when stream->rx holds more than before; no vector is used */
    NU_READ_UNTIL, /* done when the reader's function says so: nu_stream_read_until() */
};

enum nu_write {
    NU_WRITE_SOME,    /* done when at least one byte is written */
    NU_WRITE_ALL,     /* done when every byte is */
    NU_WRITE_FILE,    /* the same, with a part of a file behind the vector; owner only */
    NU_WRITE_MESSAGE, /* as NU_WRITE_ALL, with NNG's errors for a peer that is gone */
};

/*
 * A part of a file that a NU_WRITE_FILE sends: aio->io.own[0].cp, and counted in its total. It
 * stays as it is, and the descriptor open, until the write has ended. That its pages are in the
 * page cache is for the caller to see to, or the loop waits for the disk; where they have left it
 * while the write waited for room, it ends well, but short. A file that ends too early ends the
 * write with an error.
 */
struct nu_stream_file {
    int fd;
    uint64_t from;
    size_t len;
};

/* What the functions below say; all of them are there. */
struct nu_stream_ops {
    void (*read)(struct nu_stream *stream, nng_aio *aio, enum nu_read kind);
    void (*write)(struct nu_stream *stream, nng_aio *aio, enum nu_write kind);
    void (*close)(struct nu_stream *stream, bool abortive);
    void (*shut)(struct nu_stream *stream);
    void (*shutdown_write)(struct nu_stream *stream);
    void (*send_now)(struct nu_stream *stream, const void *data, size_t n);
    size_t (*unacked)(const struct nu_stream *stream);
    size_t (*unread)(const struct nu_stream *stream);
    int (*local_addr)(struct nu_stream *stream, nng_sockaddr *addr);
    int (*remote_addr)(struct nu_stream *stream, nng_sockaddr *addr);
    int (*set_keepalive)(struct nu_stream *stream, bool on);
};

struct nu_stream {
    /* constant */
    const struct nu_stream_ops *ops;
    struct nu_loop *loop;
    void *user;                             /* whose stream it is */
    void (*gone)(struct nu_stream *stream); /* the last call: the memory may go. Any thread after
                                             * nng_fini() */
    struct nu_mutex lock;

    /* under lock */
    enum nu_stream_life life;
    atomic_bool truncated; /* the last bytes that were written are not the end of their write_all;
                            * read without it */
    bool gone_known; /* NNG_ECONNRESET is not what NNG says any more: an operation has ended so,
                      * or the peer had closed before it refused our bytes (EPIPE) */
    int end;         /* the error reads end with when rx is empty; 0: more may come. With
                      * NNG_ENOMEM bytes were lost, and nothing is read any more */
    struct nu_list writes; /* aios in the order of their bytes */
    struct nu_list reads;
    struct nu_rx rx; /* received, not consumed; the owner's alone while no read is under way */
};

/* ---- For users ---------------------------------------------------------------------------- */

/*
 * Reads into the vector in aio->io, which is set up (but for NU_READ_FILL). The aio is begun; its
 * count is the bytes that came, whatever its result. NNG_ECONNSHUT when the peer has sent its last.
 * Any thread; NU_READ_FILL, and whoever looks at stream->rx without the lock, on the owner only.
 */
static inline void nu_stream_read(struct nu_stream *stream, nng_aio *aio, enum nu_read kind)
{
    stream->ops->read(stream, aio, kind);
}

/*
 * Reads until take(aio, stream, end) has what it wants; aio->io.own[1].p is `arg`. It is called on
 * the owner (but see nu_tcp_read_ahead()), with the stream's lock held, so it may start or end
 * nothing on it,
 *   with end 0 when the read's turn has come, and whenever more has come: to stream->rx (at first
 *   there may be nothing in it) or to the vector that it asked for, which need not be full;
 *   with the error, NNG_ECONNSHUT for instance, when the stream has ended or failed.
 * It consumes what it wants from stream->rx, and returns 0 or the NNG error that the read ends
 * with, or NU_PENDING (after `end`, the read then ends with that). With NU_PENDING it may set iov,
 * niov, total and done in aio->io: as long as done is below total, bytes (those in stream->rx
 * first) go straight to the vector, else to stream->rx. The count of the aio is what is in `done`
 * at the end. take is not called for a read that ends for another reason: a cancellation, its
 * deadline, a close, or want of memory.
 */
typedef int (*nu_stream_take)(nng_aio *aio, struct nu_stream *stream, int end);

static inline void nu_stream_read_until(struct nu_stream *stream, nng_aio *aio, nu_stream_take take,
                                        void *arg)
{
    aio->io = (struct nu_aio_io){ .own = { { .fn = (void (*)(void)) take }, { .p = arg } } };
    stream->ops->read(stream, aio, NU_READ_UNTIL);
}

/*
 * Writes the vector in aio->io, which is set up. The aio is begun, and finishes with the bytes the
 * peer can receive as its count, whatever its result. Any thread.
 */
static inline void nu_stream_write(struct nu_stream *stream, nng_aio *aio, enum nu_write kind)
{
    stream->ops->write(stream, aio, kind);
}

/*
 * Ends everything that is pending with NNG_ECLOSED, closes the stream when the kernel has let go of
 * all buffers, then calls `gone`. What was written before still reaches the peer, unless
 * `abortive`. Returns at once. Any thread; once.
 */
static inline void nu_stream_close(struct nu_stream *stream, bool abortive)
{
    stream->ops->close(stream, abortive);
}

/*
 * The same, abortively, but for `gone`: that waits for nu_stream_close(). Others may go on calling.
 * Owner only.
 */
static inline void nu_stream_shut(struct nu_stream *stream)
{
    stream->ops->shut(stream);
}

/* No more bytes will follow to the peer; reading goes on. Owner only. */
static inline void nu_stream_shutdown_write(struct nu_stream *stream)
{
    stream->ops->shutdown_write(stream);
}

/* Sends a few bytes if there is room for them, when no write is pending. Owner only; with or
 * without the lock. */
static inline void nu_stream_send_now(struct nu_stream *stream, const void *data, size_t n)
{
    stream->ops->send_now(stream, data, n);
}

/* Bytes that were written and that the peer has not acknowledged. Owner only. */
static inline size_t nu_stream_unacked(const struct nu_stream *stream)
{
    return stream->ops->unacked(stream);
}

/* Bytes that have come and that nobody has received yet. Owner only. */
static inline size_t nu_stream_unread(const struct nu_stream *stream)
{
    return stream->ops->unread(stream);
}

/* Both ends' addresses; NNG_ECLOSED when closed. Any thread. */
static inline int nu_stream_local_addr(struct nu_stream *stream, nng_sockaddr *addr)
{
    return stream->ops->local_addr(stream, addr);
}

static inline int nu_stream_remote_addr(struct nu_stream *stream, nng_sockaddr *addr)
{
    return stream->ops->remote_addr(stream, addr);
}

/* Keep-alive probes of TCP. NNG_ECLOSED when closed. Any thread. */
static inline int nu_stream_set_keepalive(struct nu_stream *stream, bool on)
{
    return stream->ops->set_keepalive(stream, on);
}

/* Consumes n bytes of stream->rx. */
static inline void nu_stream_consume(struct nu_stream *stream, size_t n)
{
    nu_rx_consume(&stream->rx, &stream->loop->buffers, n);
}

/* ---- For implementations ------------------------------------------------------------------ */

void nu_stream_init(struct nu_stream *stream, const struct nu_stream_ops *ops, struct nu_loop *loop,
                    void (*gone)(struct nu_stream *stream), void *user);

/* Starts a read or a write. start(stream, aio) is called with the lock held, and returns NU_PENDING
 * when the aio is in its queue, else the error it ends with. */
typedef int (*nu_stream_starter)(struct nu_stream *stream, nng_aio *aio);
static inline void nu_stream_start(struct nu_stream *stream, nng_aio *aio, int kind,
                                   nu_stream_starter start)
{
    aio->loop = stream->loop;
    aio->io.kind = kind;
    aio->io.done = 0;
    if (nu_aio_expired(aio)) {
        nu_aio_finish(aio, NNG_ETIMEDOUT, 0);
        return;
    }
    nu_lock(&stream->lock);
    int err = start(stream, aio);
    if (err != NU_PENDING) {
        nu_aio_finish(aio, err, aio->io.done); /* under the lock: callbacks keep the bytes' order */
    }
    nu_unlock(&stream->lock);
}

/* Whether the read has what it wants, and whether bytes for it go straight to its vector. */
static inline bool nu_stream_read_satisfied(const struct nu_aio_io *io)
{
    return io->done == io->total || (io->kind == NU_READ_SOME && io->done > 0);
}

static inline bool nu_stream_read_wants_vector(const struct nu_aio_io *io)
{
    return io->done < io->total;
}

/* What the first read makes of what is in rx, and of the end; NU_PENDING: it needs more. */
int nu_stream_serve(struct nu_stream *stream, nng_aio *aio);

/* Has an NU_READ_UNTIL's function look at what there is. Likewise. */
int nu_stream_look(struct nu_stream *stream, nng_aio *aio, int end);

/* The error that a read ends with where the stream has ended with `err`. */
int nu_stream_end_read(struct nu_stream *stream, nng_aio *aio, int err);

/* Received bytes were lost: nothing is read any more. Owner only. */
void nu_stream_lose(struct nu_stream *stream);

/* Whether all of the write was promised. */
static inline bool nu_stream_write_whole(const nng_aio *aio)
{
    return aio->io.kind != NU_WRITE_SOME;
}

/*
 * The error of an operation that ends with `err`, as NNG has it: a reset is NNG_ECONNRESET once,
 * and NNG_ECLOSED ever after. With the lock held.
 */
int nu_stream_gone(struct nu_stream *stream, int err);

/* The same for a write, if its kind asks for that; others are NNG_ECONNRESET each time. */
int nu_stream_write_error(struct nu_stream *stream, const nng_aio *aio, int err);

/* Remembers how the bytes of a write that has ended leave the stream. */
void nu_stream_note_written(struct nu_stream *stream, const nng_aio *aio, int err);

/*
 * Takes a write out of the queue and finishes it. Those behind a write_all that failed half-way
 * were promised a place in an intact stream, so they are not sent.
 */
void nu_stream_end_write(struct nu_stream *stream, nng_aio *aio, int err);

#endif
