/* SPDX-License-Identifier: MIT */
#include "net/tcp_read.h"

#include "io/counters.h"
#include "io/try_inline.h"
#include "net/aio_queue.h"
#include "net/tcp_direct.h"

#include <errno.h>
#include <pthread.h>

#define HABIT 8 /* reads in a row that a thread sleeps for, until it receives for itself */

/* ---- The owner's side --------------------------------------------------------------------- */

/* Into a buffer the kernel picks when there is something. */
static inline int tcp_read_submit_provided(struct nu_tcp *tcp, enum nu_tcp_reading how)
{
    struct nu_op *op = &tcp->read_op;
    if (!nu_rx_settle(&tcp->stream.rx, &tcp->stream.loop->buffers)) {
        return NNG_ENOMEM;
    }
    tcp->reading = how;
    op->kind = NU_OP_RECV_PROVIDED;
    op->fd = tcp->fd;
    nu_op_submit(op);
    return NU_PENDING;
}

/* Into our own memory. */
static int tcp_read_submit_own(struct nu_tcp *tcp)
{
    struct nu_op *op = &tcp->read_op;
    size_t room;
    uint8_t *p = nu_rx_room(&tcp->stream.rx, &tcp->stream.loop->buffers, &room);
    if (p == NULL) {
        return NNG_ENOMEM;
    }
    tcp->reading = NU_TCP_READ_OWN;
    op->kind = NU_OP_RECV;
    op->fd = tcp->fd;
    op->arg.buf.base = p;
    op->arg.buf.len = room;
    nu_op_submit(op);
    return NU_PENDING;
}

static int tcp_read_submit_vec(struct nu_tcp *tcp, nng_aio *aio)
{
    struct nu_op *op = &tcp->read_op;
    tcp->reading = NU_TCP_READ_VECTOR;
    op->kind = NU_OP_READV;
    op->fd = tcp->fd;
    op->arg.vec = (struct nu_op_vec){ aio->io.iov, aio->io.niov, aio->io.done };
    nu_op_submit(op);
    return NU_PENDING;
}

static inline int tcp_read_submit(struct nu_tcp *tcp, nng_aio *aio)
{
    if (aio->io.kind != NU_READ_FILL && nu_stream_read_wants_vector(&aio->io)) {
        return tcp_read_submit_vec(tcp, aio);
    }
    if (tcp->stream.loop->buffers.bytes == NULL) {
        return tcp_read_submit_own(tcp);
    }
    return tcp_read_submit_provided(tcp, tcp->read_ahead ? NU_TCP_READ_AHEAD : NU_TCP_READ_FILL);
}

static inline void tcp_read_next(struct nu_tcp *tcp)
{
    nng_aio *aio;
    while ((tcp->reading == NU_TCP_READ_AHEAD || tcp->reading == NU_TCP_READ_NONE) &&
           (aio = nu_aio_queue_first(&tcp->stream.reads)) != NULL) {
        int err = nu_stream_serve(&tcp->stream, aio);
        if (err == NU_PENDING && aio->io.kind == NU_READ_FILL &&
            tcp->reading == NU_TCP_READ_AHEAD) {
            tcp->reading = NU_TCP_READ_FILL; /* nobody's receive is its own from here on */
            tcp->read_abort = 0;
        }
        if (err == NU_PENDING && tcp->reading == NU_TCP_READ_NONE) {
            tcp->read_abort = 0;
            if (tcp->read_ahead) {
                nu_aio_timer_start(aio); /* one that its thread was to receive has none yet */
            }
            err = tcp_read_submit(tcp, aio);
        }
        if (err == NU_PENDING) {
            return;
        }
        nu_aio_queue_end(aio, err);
    }
}

/* Between the owner's turns, other threads consume what is in rx, and they can give no buffer back.
 * No read waits then for more in rx: tcp_read_submit_provided() has settled it for that one. */
static void tcp_read_settle(struct nu_tcp *tcp)
{
    if (tcp->read_ahead && !nu_rx_settle(&tcp->stream.rx, &tcp->stream.loop->buffers)) {
        nu_stream_lose(&tcp->stream);
    }
}

/* Bytes for rx: in the buffer that the completion names, or where we had them put. */
static inline bool tcp_read_fill_rx(struct nu_tcp *tcp, enum nu_tcp_reading was, size_t n,
                                    uint32_t flags)
{
    if (was == NU_TCP_READ_OWN) {
        nu_rx_grew(&tcp->stream.rx, n);
        return true;
    }
    struct nu_bufring *bufs = &tcp->stream.loop->buffers;
    bool ok = nu_rx_lend(&tcp->stream.rx, bufs, nu_bufring_take(bufs, flags), n);
    if (!ok) {
        nu_stream_lose(&tcp->stream);
    }
    return ok;
}

/* Bytes have arrived where the op was to put them. */
static inline int tcp_read_arrived(struct nu_tcp *tcp, enum nu_tcp_reading was, nng_aio *aio,
                                   size_t n, uint32_t flags)
{
    bool vector = was == NU_TCP_READ_VECTOR;
    if (vector || aio->io.kind == NU_READ_FILL) {
        aio->io.done += n;
    }
    if (!vector && !tcp_read_fill_rx(tcp, was, n, flags)) {
        return NNG_ENOMEM;
    }
    if (aio->io.kind == NU_READ_UNTIL) {
        return nu_stream_look(&tcp->stream, aio, 0);
    }
    return !vector || nu_stream_read_satisfied(&aio->io) ? 0 : NU_PENDING;
}

/* The peer has sent its last. Where a write was told of a reset, the receive sees a mere end. */
static int tcp_read_note_end(struct nu_tcp *tcp)
{
    tcp->stream.end = tcp->reset ? NNG_ECONNRESET : NNG_ECONNSHUT;
    return tcp->stream.end;
}

/* ---- A thread that receives for itself ---------------------------------------------------- */

/* All of this on any thread, with the lock held. What the kernel says where there was nothing to
 * receive but the end, or a failure; NU_PENDING: there may be more. */
static int tcp_read_no_bytes(struct nu_tcp *tcp, ssize_t n)
{
    if (n == -EAGAIN || n == -EINTR) {
        return NU_PENDING;
    }
    if (n < 0) {
        tcp->stream.end = nu_tcp_failure(tcp, (int) -n);
    } else {
        (void) tcp_read_note_end(tcp);
    }
    return tcp->stream.end;
}

static int tcp_read_into_rx(struct nu_tcp *tcp, ssize_t *n)
{
    struct iovec room;
    room.iov_base = nu_rx_room(&tcp->stream.rx, &tcp->stream.loop->buffers, &room.iov_len);
    if (room.iov_base == NULL) {
        return NNG_ENOMEM;
    }
    *n = nu_try_readv_inline(tcp->fd, &room, 1, 0);
    return 0;
}

static int tcp_read_receive(struct nu_tcp *tcp, nng_aio *aio)
{
    const struct nu_aio_io *io = &aio->io;
    bool vector = nu_stream_read_wants_vector(io);
    ssize_t n;
    if (vector) {
        n = nu_try_readv_inline(tcp->fd, io->iov, io->niov, io->done);
    } else if (tcp_read_into_rx(tcp, &n) != 0) {
        return NNG_ENOMEM;
    }
    if (n > 0) {
        return tcp_read_arrived(tcp, vector ? NU_TCP_READ_VECTOR : NU_TCP_READ_OWN, aio, (size_t) n,
                                0);
    }
    int err = tcp_read_no_bytes(tcp, n);
    return err != NU_PENDING ? nu_stream_end_read(&tcp->stream, aio, err) : NU_PENDING;
}

/* Whoever ends the read meanwhile takes the reads back. */
static void tcp_read_directly(struct nu_tcp *tcp, nng_aio *aio)
{
    uint64_t until = aio->deadline;
    int err;
    tcp->reading = NU_TCP_READ_DIRECT;
    do {
        if (!nu_tcp_direct_wait(tcp, until)) {
            return;
        }
        err = tcp_read_receive(tcp, aio);
        if (err == NU_PENDING && nu_aio_expired(aio)) {
            err = NNG_ETIMEDOUT;
        }
    } while (err == NU_PENDING);
    tcp->reading = NU_TCP_READ_NONE;
    nu_aio_queue_end(aio, err);
    if (!nu_list_empty(&tcp->stream.reads)) {
        nu_tcp_wake(tcp);
    }
}

/* Called without it. The read may have ended meanwhile, or become the owner's. */
static void tcp_read_help(struct nu_aio_helper *helper, nng_aio *aio)
{
    struct nu_tcp *tcp = nu_container(helper, struct nu_tcp_direct, helper)->tcp;
    nu_lock(&tcp->stream.lock);
    nng_aio *first = nu_aio_queue_first(&tcp->stream.reads);
    if (tcp->stream.life == NU_STREAM_OPEN && tcp->reading == NU_TCP_READ_NONE && first != NULL &&
        first == aio) {
        tcp_read_directly(tcp, first);
    }
    nu_tcp_direct_leave(tcp);
    nu_unlock(&tcp->stream.lock);
}

static void tcp_read_look(struct nu_tcp *tcp)
{
    ssize_t n = nu_peek_inline(tcp->fd);
    if (n > 0 && tcp_read_into_rx(tcp, &n) == 0 && n > 0) {
        nu_rx_grew(&tcp->stream.rx, (size_t) n);
        n = nu_peek_inline(tcp->fd); /* the end may be right behind */
    }
    if (n <= 0) {
        (void) tcp_read_no_bytes(tcp, n);
    }
}

/* A thread that is to be cancelled would go with the lock in its hands. */
void nu_tcp_read_catch_up(struct nu_tcp *tcp)
{
    const struct nu_stream *stream = &tcp->stream;
    int cancelable;
    if (tcp->direct == NULL || tcp->reading != NU_TCP_READ_NONE || stream->end != 0 ||
        stream->life != NU_STREAM_OPEN || !nu_list_empty(&stream->reads) ||
        nu_rx_len(&stream->rx) > 0) {
        return;
    }
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
    tcp_read_look(tcp);
    pthread_setcancelstate(cancelable, NULL);
}

/* The owner's part: the first read, if there is one, is about to end, or to be served. */
static void tcp_read_learn(struct nu_tcp *tcp)
{
    nng_aio *aio = nu_aio_queue_first(&tcp->stream.reads);
    if (!tcp->read_ahead || !tcp->stream.loop->ring->kind->receive_inline || tcp->direct != NULL ||
        aio == NULL) {
        return;
    }
    bool waited_for = nu_tcp_direct_suits(aio) && nu_aio_is_waited_for(aio);
    tcp->waited_for = (uint8_t) (waited_for ? tcp->waited_for + 1 : 0);
    if (tcp->waited_for == HABIT) {
        tcp->waited_for = 0;
        nu_tcp_direct_begin(tcp, tcp_read_help);
    }
}

/* ---- What the kernel has received --------------------------------------------------------- */

static int tcp_read_verdict(struct nu_tcp *tcp, enum nu_tcp_reading was, nng_aio *aio, int res,
                            uint32_t flags)
{
    if (res > 0) {
        int err = tcp_read_arrived(tcp, was, aio, (size_t) res, flags);
        if (err != NU_PENDING) {
            return err;
        }
    } else if (res == 0) {
        return nu_stream_end_read(&tcp->stream, aio, tcp_read_note_end(tcp));
    } else if (res == -ENOBUFS && was != NU_TCP_READ_FILL) {
        return NNG_ENOMEM; /* else the loop's buffers were out for a moment */
    } else if (res != -ECANCELED && res != -EINTR && res != -ENOBUFS) {
        return nu_stream_end_read(&tcp->stream, aio, nu_tcp_failure(tcp, -res));
    }
    if (tcp->read_abort != 0) {
        return tcp->read_abort;
    }
    if (tcp->stream.life != NU_STREAM_OPEN) {
        return NNG_ECLOSED;
    }
    nu_count(NU_COUNT_NO_BUFFERS, res == -ENOBUFS);
    return res == -ENOBUFS ? tcp_read_submit_own(tcp) : tcp_read_submit(tcp, aio);
}

/* The first read's receive has ended. */
static void tcp_read_end_own(struct nu_tcp *tcp, enum nu_tcp_reading was, int res, uint32_t flags)
{
    nng_aio *aio = nu_aio_queue_first(&tcp->stream.reads);
    int err = tcp_read_verdict(tcp, was, aio, res, flags);
    if (err != NU_PENDING) {
        tcp_read_learn(tcp);
        nu_aio_queue_end(aio, err);
    }
}

/* The loop's buffers were out for a moment: the first read, if it needs one, waits without. */
static void tcp_read_do_without(struct nu_tcp *tcp)
{
    nng_aio *aio = nu_aio_queue_first(&tcp->stream.reads);
    nu_count(NU_COUNT_NO_BUFFERS, 1);
    if (aio == NULL || nu_stream_read_wants_vector(&aio->io) ||
        tcp->stream.life != NU_STREAM_OPEN) {
        return;
    }
    tcp->read_abort = 0;
    int err = tcp_read_submit_own(tcp);
    if (err != NU_PENDING) {
        nu_aio_queue_end(aio, err);
    }
}

/* Nobody's receive has ended. What it says is for the reads that are queued, or will be. */
static void tcp_read_end_ahead(struct nu_tcp *tcp, int res, uint32_t flags)
{
    if (res > 0) {
        (void) tcp_read_fill_rx(tcp, NU_TCP_READ_AHEAD, (size_t) res, flags);
    } else if (res == 0) {
        (void) tcp_read_note_end(tcp);
    } else if (res == -ENOBUFS) {
        tcp_read_do_without(tcp);
    } else if (res != -ECANCELED && res != -EINTR) {
        tcp->stream.end = nu_tcp_failure(tcp, -res);
    }
}

/* Receives for reads that are still to come, so that they find the bytes or at least need not wake
 * the owner; but only a little, for the peer is to notice that nobody reads. */
static void tcp_read_arm(struct nu_tcp *tcp)
{
    bool direct = tcp->direct != NULL && !tcp->direct->over;
    if (tcp->read_ahead && !direct && tcp->reading == NU_TCP_READ_NONE &&
        tcp->stream.loop->buffers.bytes != NULL && tcp->stream.end == 0 &&
        nu_rx_len(&tcp->stream.rx) < NU_BUFRING_SIZE) {
        (void) tcp_read_submit_provided(
            tcp, NU_TCP_READ_AHEAD); /* fails only where tcp_read_settle() does */
    }
}

/* From here on receives go before the reads again, and their deadlines are kept here. */
static void tcp_read_take_over(struct nu_tcp *tcp)
{
    nng_aio *aio = nu_aio_queue_first(&tcp->stream.reads);
    if (aio != NULL) {
        nu_aio_timer_start(aio);
    }
    tcp_read_arm(tcp);
}

void nu_tcp_read_woken(struct nu_tcp *tcp)
{
    if (nu_tcp_direct_over(tcp)) {
        tcp_read_take_over(tcp);
    }
    tcp_read_next(tcp);
}

/* Whether the socket holds more than was received. */
static bool tcp_read_more_to_come(const struct nu_tcp *tcp, int res, uint32_t flags)
{
    if (tcp->reading == NU_TCP_READ_VECTOR) {
        const struct nu_aio_io *io = &nu_aio_queue_first(&tcp->stream.reads)->io;
        return res > 0 && (size_t) res == io->total - io->done;
    }
    return res == -ENOBUFS || (flags & NU_OP_F_NONEMPTY) != 0;
}

void nu_tcp_read_done(struct nu_op *op, int res, uint32_t flags)
{
    struct nu_tcp *tcp = nu_container(op, struct nu_tcp, read_op);
    nu_lock(&tcp->stream.lock);
    if (res <= 0 && (flags & NU_OP_F_BUFFER) != 0) {
        struct nu_bufring *bufs = &tcp->stream.loop->buffers;
        nu_bufring_give(bufs, nu_bufring_take(bufs, flags));
    }
    bool more = tcp_read_more_to_come(tcp, res, flags);
    enum nu_tcp_reading was = tcp->reading;
    tcp->reading = NU_TCP_READ_NONE;
    if (tcp->direct != NULL) {
        (void) nu_tcp_direct_over(tcp);
    }
    if (was == NU_TCP_READ_AHEAD) {
        nu_loop_stir(tcp->stream.loop);
        tcp_read_learn(tcp);
        tcp_read_end_ahead(tcp, res, flags);
    } else {
        tcp_read_end_own(tcp, was, res, flags);
    }
    if (tcp->stream.life != NU_STREAM_OPEN) {
        nu_tcp_closing(tcp);
        return;
    }
    tcp_read_next(tcp);
    if (!more) {
        tcp_read_arm(tcp);
    }
    tcp_read_settle(tcp);
    nu_unlock(&tcp->stream.lock);
}

/* Whether the kernel works for the first read. */
static bool tcp_read_in_kernel(const struct nu_tcp *tcp)
{
    return tcp->reading == NU_TCP_READ_FILL || tcp->reading == NU_TCP_READ_OWN ||
           tcp->reading == NU_TCP_READ_VECTOR;
}

/* Where threads receive for themselves, a read may have ended while its cancel function was on its
 * way, and its aio be in use again. */
static bool tcp_read_cancels(struct nu_tcp *tcp, nng_aio *aio)
{
    const struct nu_list *n = tcp->stream.reads.next;
    while (n != &tcp->stream.reads && n != &aio->link) {
        n = n->next;
    }
    return n == &aio->link && nu_aio_is_cancelled(aio);
}

/* The aio's cancel function. What the kernel holds ends with its completion, the rest here. */
static void tcp_read_cancel(nng_aio *aio, void *arg, int err)
{
    struct nu_tcp *tcp = arg;
    nu_lock(&tcp->stream.lock);
    if (!tcp_read_cancels(tcp, aio)) {
        nu_unlock(&tcp->stream.lock);
        return;
    }
    bool first = tcp->stream.reads.next == &aio->link;
    if (first && tcp->reading == NU_TCP_READ_DIRECT) {
        nu_tcp_direct_release(tcp);
    }
    if (first && tcp_read_in_kernel(tcp)) {
        if (tcp->read_abort == 0) {
            tcp->read_abort = err;
        }
        nu_op_cancel(&tcp->read_op);
    } else {
        nu_aio_queue_end(aio, err);
        if (tcp->stream.life == NU_STREAM_OPEN) {
            tcp_read_next(tcp); /* it may have been the first */
        }
    }
    nu_unlock(&tcp->stream.lock);
}

void nu_tcp_read_close(struct nu_tcp *tcp)
{
    struct nu_list *reads = &tcp->stream.reads;
    if (tcp->reading == NU_TCP_READ_DIRECT) {
        nu_tcp_direct_release(tcp);
    }
    nng_aio *first = tcp_read_in_kernel(tcp) ? nu_aio_queue_first(reads) : NULL;
    nu_op_cancel(&tcp->read_op);
    nu_aio_queue_end_all(reads, first, NNG_ECLOSED);
}

/* ---- Starting ----------------------------------------------------------------------------- */

static inline int tcp_read_start(struct nu_stream *stream, nng_aio *aio)
{
    struct nu_tcp *tcp = nu_tcp_of(stream);
    bool owner = stream->loop == nu_loop_self();
    bool alone = nu_list_empty(&stream->reads);
    bool direct = !owner && nu_tcp_direct_free_for(tcp, aio);
    int err = NU_PENDING;
    if (stream->life != NU_STREAM_OPEN) {
        return NNG_ECLOSED;
    }
    if (tcp->read_ahead && !owner && alone) {
        err = nu_stream_serve(stream, aio);
    }
    if (direct && err == NU_PENDING) {
        nu_tcp_direct_offer(tcp, aio);
    }
    if (err == NU_PENDING) {
        int aborted = nu_aio_schedule(aio, stream->loop, tcp_read_cancel, tcp);
        err = aborted != 0 ? aborted : NU_PENDING;
    }
    if (err != NU_PENDING) {
        return err;
    }
    nu_list_append(&stream->reads, &aio->link);
    if (direct) {
        return NU_PENDING; /* its thread waits for it, or the owner takes over */
    }
    if (tcp->direct != NULL) {
        nu_tcp_direct_end(tcp);
    }
    nu_aio_timer_start(aio);
    if (alone && owner) {
        tcp_read_next(tcp);
    } else if (alone && (tcp->reading != NU_TCP_READ_AHEAD || !tcp->read_ahead)) {
        nu_tcp_wake(tcp); /* nobody has looked yet: it may need no more bytes */
    }
    return NU_PENDING;
}

void nu_tcp_read(struct nu_stream *stream, nng_aio *aio, enum nu_read kind)
{
    nu_stream_start(stream, aio, (int) kind, tcp_read_start);
}

void nu_tcp_read_ahead(struct nu_tcp *tcp)
{
    nu_lock(&tcp->stream.lock);
    tcp->read_ahead = true;
    tcp_read_arm(tcp);
    nu_unlock(&tcp->stream.lock);
}

bool nu_tcp_read_begin(struct nu_tcp *tcp)
{
    const struct nu_stream *stream = &tcp->stream;
    nu_lock(&tcp->stream.lock);
    if (tcp->reading == NU_TCP_READ_NONE && stream->life == NU_STREAM_OPEN && stream->end == 0 &&
        nu_list_empty(&stream->reads) && nu_rx_len(&stream->rx) == 0 &&
        stream->loop->buffers.bytes != NULL) {
        (void) tcp_read_submit_provided(tcp, NU_TCP_READ_AHEAD);
    }
    bool begun = tcp->reading == NU_TCP_READ_AHEAD;
    nu_unlock(&tcp->stream.lock);
    return begun;
}

bool nu_tcp_read_is_begun(struct nu_tcp *tcp, unsigned *stirred)
{
    nu_lock(&tcp->stream.lock);
    bool begun = tcp->reading == NU_TCP_READ_AHEAD;
    *stirred = atomic_load(&tcp->stream.loop->stirred);
    nu_unlock(&tcp->stream.lock);
    return begun;
}
