/* SPDX-License-Identifier: MIT */
#include "net/tcp_write.h"

#include "base/clock.h"
#include "io/counters.h"
#include "net/aio_queue.h"
#include "net/tcp_file.h"

#include <errno.h>

static nng_aio *tcp_write_first(const struct nu_tcp *tcp)
{
    return nu_aio_queue_first(&tcp->stream.writes);
}

/* ---- The end of a write ------------------------------------------------------------------- */

/* Why a write ends whose attempt was broken off: somebody's wish, ours, or its deadline. */
static int tcp_write_broken_off(const struct nu_tcp *tcp)
{
    if (tcp->write_abort != 0) {
        return tcp->write_abort;
    }
    return tcp->stream.life != NU_STREAM_OPEN ? NNG_ECLOSED : NNG_ETIMEDOUT;
}

static bool tcp_write_stop_here(const struct nu_tcp *tcp, const nng_aio *aio)
{
    return tcp->write_abort != 0 || tcp->stream.life != NU_STREAM_OPEN || nu_aio_expired(aio);
}

/* How an attempt ends is decided from its completion and our state alone. NU_PENDING: there is more
 * to do, and nothing speaks against it. */
static int tcp_write_verdict(struct nu_tcp *tcp, const nng_aio *aio, int res)
{
    switch (res) {
    case -ECANCELED:
    case -EINTR:
        return tcp_write_broken_off(tcp);
    case -EAGAIN: /* there is no room, so it has to wait */
        if ((tcp->write_op.rw_flags & RWF_NOWAIT) == 0) {
            return NNG_EAGAIN; /* one that waits is not told so */
        }
        return tcp_write_stop_here(tcp, aio) ? tcp_write_broken_off(tcp) : NU_PENDING;
    case 0: /* not for a vector with bytes in it; certainly not again and again */
        return NNG_ECONNRESET;
    default:
        break;
    }
    if (res < 0) {
        return nu_tcp_failure(tcp, -res);
    }
    if (aio->io.done == aio->io.total || !nu_stream_write_whole(aio)) {
        return 0;
    }
    return tcp_write_stop_here(tcp, aio) ? tcp_write_broken_off(tcp) : NU_PENDING;
}

static void tcp_write_end(struct nu_tcp *tcp, nng_aio *aio, int err)
{
    if (aio->io.kind == NU_WRITE_FILE) {
        nu_tcp_file_end(tcp);
    }
    nu_stream_end_write(&tcp->stream, aio, err);
}

/* ---- The owner's side --------------------------------------------------------------------- */

static void tcp_write_submit_vec(struct nu_tcp *tcp, nng_aio *aio)
{
    struct nu_op *op = &tcp->write_op;
    bool waits = tcp->writing == NU_TCP_WRITE_WAIT;
    op->kind = NU_OP_WRITEV;
    op->fd = tcp->fd;
    op->arg.vec = (struct nu_op_vec){ aio->io.iov, aio->io.niov, aio->io.done };
    op->deadline = waits ? aio->deadline : NU_NEVER;
    /* A deadline costs a second SQE, so it is paid for only when there is something to wait for. */
    op->rw_flags = !waits && aio->deadline != NU_NEVER ? RWF_NOWAIT : 0;
    nu_op_submit(op);
}

/* A file goes out here and now, and only the wait for room is the kernel's. */
static int tcp_write_send_file(struct nu_tcp *tcp, nng_aio *aio)
{
    struct nu_op *op = &tcp->write_op;
    int err = nu_tcp_file_step(tcp, &aio->io, tcp->writing == NU_TCP_WRITE_WAIT);
    if (err == NU_PENDING) {
        op->kind = NU_OP_POLL;
        op->fd = tcp->fd;
        op->deadline = aio->deadline;
        nu_op_submit(op);
    }
    return err;
}

/* NU_PENDING when the kernel has something to do for it now, else how it ended. */
static int tcp_write_submit(struct nu_tcp *tcp, nng_aio *aio, enum nu_tcp_writing how)
{
    tcp->writing = how;
    if (aio->io.kind == NU_WRITE_FILE) {
        int err = tcp_write_send_file(tcp, aio);
        tcp->writing = err == NU_PENDING ? how : NU_TCP_WRITE_NONE;
        return err;
    }
    tcp_write_submit_vec(tcp, aio);
    return NU_PENDING;
}

/* After a part has gone the socket is full, and a try without waiting is wasted. Pages of a file
 * are not in the ring, and always tried. */
static enum nu_tcp_writing tcp_write_how(const struct nu_tcp *tcp, const nng_aio *aio)
{
    bool can_try = aio->io.kind == NU_WRITE_FILE || tcp->stream.loop->ring->nowait;
    return can_try && aio->io.done == 0 ? NU_TCP_WRITE_TRY : NU_TCP_WRITE_WAIT;
}

void nu_tcp_write_next(struct nu_tcp *tcp)
{
    nng_aio *aio;
    while (tcp->writing == NU_TCP_WRITE_NONE && (aio = tcp_write_first(tcp)) != NULL) {
        if (nu_aio_expired(aio)) {
            tcp_write_end(tcp, aio, NNG_ETIMEDOUT);
            continue;
        }
        nu_aio_timer_stop(aio);
        tcp->write_abort = 0;
        int err = tcp_write_submit(tcp, aio, tcp_write_how(tcp, aio));
        if (err != NU_PENDING) {
            tcp_write_end(tcp, aio, err);
        }
    }
}

void nu_tcp_write_done(struct nu_op *op, int res, uint32_t flags)
{
    struct nu_tcp *tcp = nu_container(op, struct nu_tcp, write_op);
    (void) flags;
    nu_lock(&tcp->stream.lock);
    nng_aio *aio = tcp_write_first(tcp);
    if (res > 0 && op->kind == NU_OP_WRITEV) {
        aio->io.done += (size_t) res;
    }
    tcp->writing = NU_TCP_WRITE_NONE;
    int err = tcp_write_verdict(tcp, aio, res);
    nu_count(NU_COUNT_DEADLINES_FIRED, res == -ECANCELED && err == NNG_ETIMEDOUT);
    if (err == NU_PENDING) {
        nu_count(NU_COUNT_SHORT_WRITES, res > 0 && op->kind == NU_OP_WRITEV);
        err = tcp_write_submit(tcp, aio, NU_TCP_WRITE_WAIT);
    }
    if (err == NU_PENDING) {
        nu_unlock(&tcp->stream.lock);
        return;
    }
    tcp_write_end(tcp, aio, err);
    if (tcp->stream.life != NU_STREAM_OPEN) {
        nu_tcp_closing(tcp);
        return;
    }
    nu_tcp_write_next(tcp);
    nu_unlock(&tcp->stream.lock);
}

/* The aio's cancel function. What the kernel holds ends with its completion, the rest here. */
static void tcp_write_cancel(nng_aio *aio, void *arg, int err)
{
    struct nu_tcp *tcp = arg;
    nu_lock(&tcp->stream.lock);
    if (tcp->writing != NU_TCP_WRITE_NONE && aio == tcp_write_first(tcp)) {
        if (tcp->write_abort == 0) {
            tcp->write_abort = err;
        }
        nu_op_cancel(&tcp->write_op);
    } else {
        tcp_write_end(tcp, aio, err);
    }
    nu_unlock(&tcp->stream.lock);
}

void nu_tcp_write_close(struct nu_tcp *tcp)
{
    nng_aio *first = tcp->writing != NU_TCP_WRITE_NONE ? tcp_write_first(tcp) : NULL;
    nu_op_cancel(&tcp->write_op);
    nu_aio_queue_end_all(&tcp->stream.writes, first, NNG_ECLOSED);
}

/* ---- Starting ----------------------------------------------------------------------------- */

/* An application thread writes for itself when nobody is before it, rather than wake the owner.
 * NU_PENDING leaves the rest, or all of it, to the owner. */
static int tcp_write_attempt(struct nu_tcp *tcp, nng_aio *aio)
{
    ssize_t n = tcp->stream.loop->ring->kind->try_writev(tcp->fd, aio->io.iov, aio->io.niov);
    if (n == -EAGAIN || n == -EINTR) {
        return NU_PENDING;
    }
    if (n <= 0) {
        return n < 0 ? nu_tcp_failure(tcp, (int) -n) : NNG_ECONNRESET;
    }
    aio->io.done = (size_t) n;
    return aio->io.done == aio->io.total || aio->io.kind == NU_WRITE_SOME ? 0 : NU_PENDING;
}

/* The attempt, and if it is not enough the queue. */
static int tcp_write_start(struct nu_stream *stream, nng_aio *aio)
{
    struct nu_tcp *tcp = nu_tcp_of(stream);
    bool owner = stream->loop == nu_loop_self();
    bool alone = nu_list_empty(&stream->writes);
    int err = NU_PENDING;
    if (stream->life != NU_STREAM_OPEN) {
        return NNG_ECLOSED;
    }
    if (!owner && alone) {
        err = tcp_write_attempt(tcp, aio);
    }
    if (err == NU_PENDING) {
        int aborted = nu_aio_schedule(aio, stream->loop, tcp_write_cancel, tcp);
        err = aborted != 0 ? aborted : NU_PENDING;
    }
    if (err != NU_PENDING) {
        nu_stream_note_written(stream, aio, err);
        return nu_stream_write_error(stream, aio, err);
    }
    if (!owner || !alone) {
        nu_aio_timer_start(
            aio); /* while it is queued; in the kernel, the linked timeout sees to it */
    }
    nu_list_append(&stream->writes, &aio->link);
    if (owner) {
        nu_tcp_write_next(tcp);
    } else {
        nu_tcp_wake(tcp);
    }
    return NU_PENDING;
}

void nu_tcp_write(struct nu_stream *stream, nng_aio *aio, enum nu_write kind)
{
    nu_stream_start(stream, aio, (int) kind, tcp_write_start);
}
