/* SPDX-License-Identifier: MIT */
#include "net/tcp_write.h"

#include "base/clock.h"
#include "io/counters.h"
#include "net/aio_queue.h"
#include "net/tcp_file.h"

#include <errno.h>
#include <poll.h>

#define LOOK_AFTER NU_SECOND /* at the peer, while a write waits */

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
static inline int tcp_write_verdict(struct nu_tcp *tcp, const nng_aio *aio, int res)
{
    switch (res) {
    case -ECANCELED:
    case -EINTR:
        if (tcp->write_op.deadline < aio->deadline && !tcp_write_stop_here(tcp, aio)) {
            return NU_PENDING; /* it was time for another look at the peer */
        }
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
    bool written = tcp->write_op.kind == NU_OP_WRITEV;
    if (written && (aio->io.done == aio->io.total || !nu_stream_write_whole(aio))) {
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

/*
 * io_uring takes the end of what the peer sends for room. There it tries a write that waits over
 * and over, and then gives it a kernel thread to wait on, of which there are few. So at a peer that
 * has sent its last a poll waits, which tells the one from the other. A peer may do so while the
 * write waits; hence another look now and then.
 */
static bool tcp_write_at_half_closed(struct nu_tcp *tcp)
{
    struct pollfd pfd = { .fd = tcp->fd, .events = POLLRDHUP };
    if (!tcp->half_closed && poll(&pfd, 1, 0) == 1) {
        tcp->half_closed = (pfd.revents & POLLRDHUP) != 0;
    }
    return tcp->half_closed;
}

static inline void tcp_write_submit_vec(struct nu_tcp *tcp, nng_aio *aio)
{
    struct nu_loop *loop = tcp->stream.loop;
    struct nu_op *op = &tcp->write_op;
    bool nowait = tcp->writing != NU_TCP_WRITE_WAIT && loop->ring->nowait;
    op->kind = NU_OP_WRITEV;
    op->arg.vec = (struct nu_op_vec){ aio->io.iov, aio->io.niov, aio->io.done };
    op->rw_flags = nowait ? RWF_NOWAIT : 0;
    op->deadline = NU_NEVER;
    /* A deadline costs a second SQE, so it is paid for only when there is something to wait for. */
    if (!nowait) {
        uint64_t look = nu_loop_now(loop) + LOOK_AFTER;
        op->deadline = look < aio->deadline ? look : aio->deadline;
    }
    nu_op_submit(op);
}

static void tcp_write_submit_poll(struct nu_tcp *tcp, const nng_aio *aio)
{
    struct nu_op *op = &tcp->write_op;
    op->kind = tcp->half_closed ? NU_OP_POLLS : NU_OP_POLL;
    op->deadline = aio->deadline;
    nu_op_submit(op);
}

/* A file goes out here and now, and only the wait for room is the kernel's. */
static int tcp_write_send_file(struct nu_tcp *tcp, nng_aio *aio)
{
    int err = nu_tcp_file_step(tcp, &aio->io, tcp->writing == NU_TCP_WRITE_WAIT);
    if (err == NU_PENDING) {
        tcp_write_submit_poll(tcp, aio);
    }
    return err;
}

/* NU_PENDING when the kernel has something to do for it now, else how it ended. */
static inline int tcp_write_submit(struct nu_tcp *tcp, nng_aio *aio, enum nu_tcp_writing how)
{
    tcp->writing = how;
    if (aio->io.kind == NU_WRITE_FILE) {
        int err = tcp_write_send_file(tcp, aio);
        tcp->writing = err == NU_PENDING ? how : NU_TCP_WRITE_NONE;
        return err;
    }
    if (how == NU_TCP_WRITE_ROOM) {
        tcp_write_submit_poll(tcp, aio);
    } else {
        tcp_write_submit_vec(tcp, aio);
    }
    return NU_PENDING;
}

/* After a part has gone the socket is full, and a try without waiting is wasted. */
static enum nu_tcp_writing tcp_write_how_to_wait(struct nu_tcp *tcp)
{
    return tcp_write_at_half_closed(tcp) ? NU_TCP_WRITE_ROOM : NU_TCP_WRITE_WAIT;
}

/* Pages of a file do not go through the ring, and are always tried. */
static enum nu_tcp_writing tcp_write_how_to_begin(struct nu_tcp *tcp, const nng_aio *aio)
{
    if (aio->io.done > 0) {
        return tcp_write_how_to_wait(tcp);
    }
    bool can_try = aio->io.kind == NU_WRITE_FILE || tcp->stream.loop->ring->nowait;
    return can_try ? NU_TCP_WRITE_TRY : NU_TCP_WRITE_WAIT;
}

/* The queue's first write, if none is under way. */
static inline void tcp_write_next(struct nu_tcp *tcp)
{
    nng_aio *aio;
    while (tcp->writing == NU_TCP_WRITE_NONE && (aio = tcp_write_first(tcp)) != NULL) {
        if (nu_aio_expired(aio)) {
            tcp_write_end(tcp, aio, NNG_ETIMEDOUT);
            continue;
        }
        nu_aio_timer_stop(aio);
        tcp->write_abort = 0;
        int err = tcp_write_submit(tcp, aio, tcp_write_how_to_begin(tcp, aio));
        if (err != NU_PENDING) {
            tcp_write_end(tcp, aio, err);
        }
    }
}

void nu_tcp_write_next(struct nu_tcp *tcp)
{
    tcp_write_next(tcp);
}

/* A poll says something, and goes on: it is ended if that is more than the peer's end. */
static void tcp_write_polled(struct nu_tcp *tcp, int res)
{
    if ((res & (POLLOUT | POLLERR | POLLHUP)) != 0) {
        tcp->writing = NU_TCP_WRITE_BACK;
        nu_op_cancel(&tcp->write_op);
    }
}

static enum nu_tcp_writing tcp_write_how_to_go_on(struct nu_tcp *tcp, const nng_aio *aio,
                                                  enum nu_tcp_writing before, int res)
{
    if (aio->io.kind == NU_WRITE_FILE) {
        return NU_TCP_WRITE_WAIT;
    }
    if (before == NU_TCP_WRITE_ROOM || before == NU_TCP_WRITE_BACK) {
        return NU_TCP_WRITE_ANEW;
    }
    if (before == NU_TCP_WRITE_ANEW && res == -EAGAIN) {
        return NU_TCP_WRITE_WAIT; /* no memory for what there is room for: a poll would spin */
    }
    return tcp_write_how_to_wait(tcp);
}

/* What the kernel had has ended. NU_PENDING: there is more to do, and it is begun. */
static inline int tcp_write_ended(struct nu_tcp *tcp, nng_aio *aio, int res)
{
    bool written = tcp->write_op.kind == NU_OP_WRITEV;
    enum nu_tcp_writing before = tcp->writing;
    if (before == NU_TCP_WRITE_BACK) {
        res = POLLOUT; /* however we have ended it */
    }
    tcp->writing = NU_TCP_WRITE_NONE;
    if (res > 0 && written) {
        aio->io.done += (size_t) res;
    } else if (res > 0) {
        tcp->half_closed = tcp->half_closed || (res & POLLRDHUP) != 0;
    }
    int err = tcp_write_verdict(tcp, aio, res);
    nu_count(NU_COUNT_DEADLINES_FIRED, res == -ECANCELED && err == NNG_ETIMEDOUT);
    if (err != NU_PENDING) {
        return err;
    }
    nu_count(NU_COUNT_SHORT_WRITES, res > 0 && written);
    return tcp_write_submit(tcp, aio, tcp_write_how_to_go_on(tcp, aio, before, res));
}

void nu_tcp_write_done(struct nu_op *op, int res, uint32_t flags)
{
    struct nu_tcp *tcp = nu_container(op, struct nu_tcp, write_op);
    nu_lock(&tcp->stream.lock);
    if ((flags & NU_OP_F_MORE) != 0) {
        tcp_write_polled(tcp, res);
        nu_unlock(&tcp->stream.lock);
        return;
    }
    nng_aio *aio = tcp_write_first(tcp);
    int err = tcp_write_ended(tcp, aio, res);
    if (err == NU_PENDING) {
        nu_unlock(&tcp->stream.lock);
        return;
    }
    tcp_write_end(tcp, aio, err);
    if (tcp->stream.life != NU_STREAM_OPEN) {
        nu_tcp_closing(tcp);
        return;
    }
    tcp_write_next(tcp);
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

/* What a try has written. */
static int tcp_write_tried(struct nu_tcp *tcp, ssize_t n, size_t *done)
{
    if (n == -EAGAIN || n == -EINTR) {
        return NU_PENDING;
    }
    if (n <= 0) {
        return n < 0 ? nu_tcp_failure(tcp, (int) -n) : NNG_ECONNRESET;
    }
    *done = (size_t) n;
    return 0;
}

/* An application thread writes for itself when nobody is before it, rather than wake the owner.
 * NU_PENDING leaves the rest, or all of it, to the owner. */
static int tcp_write_attempt(struct nu_tcp *tcp, nng_aio *aio)
{
    ssize_t n = tcp->stream.loop->ring->kind->try_writev(tcp->fd, aio->io.iov, aio->io.niov);
    int err = tcp_write_tried(tcp, n, &aio->io.done);
    bool over = aio->io.done == aio->io.total || aio->io.kind == NU_WRITE_SOME;
    return err == 0 && !over ? NU_PENDING : err;
}

int nu_tcp_write_now(struct nu_tcp *tcp, const struct iovec *iov, unsigned niov, size_t total,
                     size_t *done)
{
    int err = NU_PENDING;
    *done = 0;
    nu_lock(&tcp->stream.lock);
    if (tcp->stream.life != NU_STREAM_OPEN) {
        err = NNG_ECLOSED;
    } else if (atomic_load_explicit(&tcp->stream.truncated, memory_order_relaxed)) {
        err = NNG_ECANCELED;
    } else if (nu_list_empty(&tcp->stream.writes)) {
        ssize_t n = tcp->stream.loop->ring->kind->try_send(tcp->fd, iov, niov);
        err = tcp_write_tried(tcp, n, done);
    }
    nu_unlock(&tcp->stream.lock);
    return err == 0 && *done < total ? NU_PENDING : err;
}

/* The attempt, and if it is not enough the queue. */
static inline int tcp_write_start(struct nu_stream *stream, nng_aio *aio)
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
        tcp_write_next(tcp);
    } else {
        nu_tcp_wake(tcp);
    }
    return NU_PENDING;
}

void nu_tcp_write(struct nu_stream *stream, nng_aio *aio, enum nu_write kind)
{
    nu_stream_start(stream, aio, (int) kind, tcp_write_start);
}
