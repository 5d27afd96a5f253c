/* SPDX-License-Identifier: MIT */
#include "net/tcp_read.h"

#include "io/counters.h"
#include "io/runtime.h"
#include "io/vec.h"

#include <errno.h>

#define AGAIN NU_READ_MORE /* a verdict: not over yet */

static nng_aio *tcp_read_first(const struct nu_tcp *tcp)
{
    return nu_list_empty(&tcp->reads) ? NULL : nu_container(tcp->reads.next, nng_aio, link);
}

static void tcp_read_end(nng_aio *aio, int err)
{
    nu_list_remove(&aio->link);
    nu_aio_end(aio, err, aio->io.done);
}

/* ---- Bytes that are here already ---------------------------------------------------------- */

/* Copies from rx to where the vector has room. */
static void tcp_read_serve(struct nu_tcp *tcp, struct nu_aio_io *io)
{
    size_t have = nu_rx_len(&tcp->rx);
    if (have > 0) {
        size_t n = nu_vec_put(io->iov, io->niov, io->done, nu_rx_data(&tcp->rx), have);
        nu_rx_consume(&tcp->rx, &tcp->loop->buffers, n);
        io->done += n;
    }
}

static bool tcp_read_satisfied(const struct nu_aio_io *io)
{
    return io->done == io->total || (io->kind == NU_READ_SOME && io->done > 0);
}

static bool tcp_read_wants_vector(const struct nu_aio_io *io)
{
    return io->done < io->total;
}

/* Has the reader look at what there is. A vector that it asks for and that what is in rx fills is
 * for it to look at, too. */
static int tcp_read_look(struct nu_tcp *tcp, nng_aio *aio, int end)
{
    struct nu_aio_io *io = &aio->io;
    for (;;) {
        int err = io->take(aio, tcp, end);
        if (err != NU_READ_MORE || !tcp_read_wants_vector(io)) {
            return err != NU_READ_MORE || end == 0 ? err : end;
        }
        tcp_read_serve(tcp, io);
        if (tcp_read_wants_vector(io)) {
            return end == 0 ? AGAIN : end;
        }
    }
}

/* The stream is over. Where a write was told of a reset, the receive has seen a mere end. */
static int tcp_read_ended(struct nu_tcp *tcp, nng_aio *aio)
{
    int err = tcp->reset ? NNG_ECONNRESET : tcp->over;
    return aio->io.kind == NU_READ_UNTIL ? tcp_read_look(tcp, aio, err) : err;
}

/* A read begins, or goes on, with what is here. */
static int tcp_read_use_rx(struct nu_tcp *tcp, nng_aio *aio)
{
    int err = AGAIN;
    if (tcp->rx_lost) {
        return NNG_ENOMEM;
    }
    if (aio->io.kind == NU_READ_UNTIL) {
        err = tcp_read_look(tcp, aio, 0);
    } else if (aio->io.kind != NU_READ_FILL) {
        tcp_read_serve(tcp, &aio->io);
        err = tcp_read_satisfied(&aio->io) ? 0 : AGAIN;
    }
    return err == AGAIN && tcp->over != 0 ? tcp_read_ended(tcp, aio) : err;
}

/* ---- The owner's side --------------------------------------------------------------------- */

/* Into a buffer the kernel picks when there is something, or into our own memory. */
static int tcp_read_submit_fill(struct nu_tcp *tcp, bool plain)
{
    struct nu_op *op = &tcp->read_op;
    tcp->plain = plain || tcp->loop->buffers.ring == NULL;
    if (!tcp->plain && !nu_rx_settle(&tcp->rx, &tcp->loop->buffers)) {
        return NNG_ENOMEM;
    }
    op->kind = NU_OP_RECV_PROVIDED;
    tcp->armed = tcp->read_ahead && !tcp->plain;
    if (tcp->plain) {
        size_t room;
        uint8_t *p = nu_rx_room(&tcp->rx, &tcp->loop->buffers, &room);
        if (p == NULL) {
            return NNG_ENOMEM;
        }
        op->kind = NU_OP_RECV;
        op->arg.buf.base = p;
        op->arg.buf.len = room;
    }
    op->fd = tcp->fd;
    nu_op_submit(op);
    return AGAIN;
}

static int tcp_read_submit(struct nu_tcp *tcp, nng_aio *aio)
{
    if (aio->io.kind == NU_READ_FILL ||
        (aio->io.kind == NU_READ_UNTIL && !tcp_read_wants_vector(&aio->io))) {
        return tcp_read_submit_fill(tcp, false);
    }
    struct nu_op *op = &tcp->read_op;
    op->kind = NU_OP_READV;
    op->fd = tcp->fd;
    op->arg.vec = (struct nu_op_vec){ aio->io.iov, aio->io.niov, aio->io.done };
    nu_op_submit(op);
    return AGAIN;
}

void nu_tcp_read_next(struct nu_tcp *tcp)
{
    nng_aio *aio;
    while ((tcp->armed || tcp->read_op.state == NU_OP_IDLE) &&
           (aio = tcp_read_first(tcp)) != NULL) {
        int err = tcp_read_use_rx(tcp, aio);
        if (err == AGAIN && !tcp->armed) {
            tcp->read_abort = 0;
            err = tcp_read_submit(tcp, aio);
        }
        if (err == AGAIN) {
            return;
        }
        tcp_read_end(aio, err);
    }
}

/* Between the owner's turns, other threads consume what is in rx, and they can give no buffer back.
 * No read waits then for more in rx: tcp_read_submit_fill() has settled it for that one. */
static void tcp_read_settle(struct nu_tcp *tcp)
{
    if (tcp->read_ahead && !nu_rx_settle(&tcp->rx, &tcp->loop->buffers)) {
        nu_rx_clear(&tcp->rx, &tcp->loop->buffers);
        tcp->rx_lost = true;
    }
}

/* Bytes for rx: in the buffer that the completion names, or where we had them put. */
static bool tcp_read_fill_rx(struct nu_tcp *tcp, size_t n, uint32_t flags)
{
    if (tcp->plain) {
        nu_rx_grew(&tcp->rx, n);
        return true;
    }
    struct nu_bufring *bufs = &tcp->loop->buffers;
    return nu_rx_lend(&tcp->rx, bufs, nu_bufring_take(bufs, flags), n);
}

/* Bytes have arrived where the op was to put them. */
static int tcp_read_arrived(struct nu_tcp *tcp, nng_aio *aio, size_t n, uint32_t flags)
{
    bool vector = tcp->read_op.kind == NU_OP_READV;
    if (vector || aio->io.kind == NU_READ_FILL) {
        aio->io.done += n;
    }
    if (!vector && !tcp_read_fill_rx(tcp, n, flags)) {
        tcp->rx_lost = true;
        return NNG_ENOMEM;
    }
    if (aio->io.kind == NU_READ_UNTIL) {
        return vector && tcp_read_wants_vector(&aio->io) ? AGAIN : tcp_read_look(tcp, aio, 0);
    }
    return !vector || tcp_read_satisfied(&aio->io) ? 0 : AGAIN;
}

static int tcp_read_verdict(struct nu_tcp *tcp, nng_aio *aio, int res, uint32_t flags)
{
    if (res > 0) {
        int err = tcp_read_arrived(tcp, aio, (size_t) res, flags);
        if (err != AGAIN) {
            return err;
        }
    } else if (res == 0) {
        tcp->over = NNG_ECONNSHUT;
        return tcp_read_ended(tcp, aio);
    } else if (res == -ENOBUFS && tcp->read_op.kind != NU_OP_RECV_PROVIDED) {
        return NNG_ENOMEM; /* else the loop's buffers were out for a moment */
    } else if (res != -ECANCELED && res != -EINTR && res != -ENOBUFS) {
        int err = nu_tcp_failure(tcp, -res);
        return aio->io.kind == NU_READ_UNTIL ? tcp_read_look(tcp, aio, err) : err;
    }
    if (tcp->read_abort != 0) {
        return tcp->read_abort;
    }
    if (tcp->closed) {
        return NNG_ECLOSED;
    }
    nu_count(NU_COUNT_NO_BUFFERS, res == -ENOBUFS);
    return res == -ENOBUFS ? tcp_read_submit_fill(tcp, true) : tcp_read_submit(tcp, aio);
}

/* The first read's receive has ended. */
static void tcp_read_end_own(struct nu_tcp *tcp, int res, uint32_t flags)
{
    nng_aio *aio = tcp_read_first(tcp);
    int err = tcp_read_verdict(tcp, aio, res, flags);
    if (err != AGAIN) {
        tcp_read_end(aio, err);
    }
}

/* The loop's buffers were out for a moment: the first read, if it needs one, waits without. */
static void tcp_read_do_without(struct nu_tcp *tcp)
{
    nng_aio *aio = tcp_read_first(tcp);
    nu_count(NU_COUNT_NO_BUFFERS, 1);
    if (aio == NULL || tcp_read_wants_vector(&aio->io) || tcp->closed) {
        return;
    }
    tcp->read_abort = 0;
    int err = tcp_read_submit_fill(tcp, true);
    if (err != AGAIN) {
        tcp_read_end(aio, err);
    }
}

/* Nobody's receive has ended. What it says is for the reads that are queued, or will be. */
static void tcp_read_end_armed(struct nu_tcp *tcp, int res, uint32_t flags)
{
    tcp->armed = false;
    if (res > 0) {
        tcp->rx_lost = !tcp_read_fill_rx(tcp, (size_t) res, flags);
    } else if (res == 0) {
        tcp->over = NNG_ECONNSHUT;
    } else if (res == -ENOBUFS) {
        tcp_read_do_without(tcp);
    } else if (res != -ECANCELED && res != -EINTR) {
        tcp->over = nu_tcp_failure(tcp, -res);
    }
}

/* Receives for reads that are still to come, so that they find the bytes or at least need not wake
 * the owner; but only a little, for the peer is to notice that nobody reads. */
static void tcp_read_arm(struct nu_tcp *tcp)
{
    if (tcp->read_ahead && tcp->read_op.state == NU_OP_IDLE && tcp->loop->buffers.ring != NULL &&
        tcp->over == 0 && !tcp->rx_lost && nu_rx_len(&tcp->rx) < NU_BUFRING_SIZE) {
        (void) tcp_read_submit_fill(tcp, false); /* fails only where tcp_read_settle() does */
    }
}

/* Whether the socket holds more than was received. */
static bool tcp_read_more_to_come(const struct nu_tcp *tcp, int res, uint32_t flags)
{
    if (tcp->read_op.kind == NU_OP_READV) {
        const struct nu_aio_io *io = &tcp_read_first(tcp)->io;
        return res > 0 && (size_t) res == io->total - io->done;
    }
    return res == -ENOBUFS || (flags & IORING_CQE_F_SOCK_NONEMPTY) != 0;
}

void nu_tcp_read_done(struct nu_op *op, int res, uint32_t flags)
{
    struct nu_tcp *tcp = nu_container(op, struct nu_tcp, read_op);
    nu_lock(&tcp->lock);
    if (res <= 0 && (flags & IORING_CQE_F_BUFFER) != 0) {
        struct nu_bufring *bufs = &tcp->loop->buffers;
        nu_bufring_give(bufs, nu_bufring_take(bufs, flags));
    }
    bool more = tcp_read_more_to_come(tcp, res, flags);
    if (tcp->armed) {
        tcp_read_end_armed(tcp, res, flags);
    } else {
        tcp_read_end_own(tcp, res, flags);
    }
    if (tcp->closed) {
        nu_tcp_closing(tcp);
        return;
    }
    nu_tcp_read_next(tcp);
    if (!more) {
        tcp_read_arm(tcp);
    }
    tcp_read_settle(tcp);
    nu_unlock(&tcp->lock);
}

static bool tcp_read_in_kernel(const struct nu_tcp *tcp)
{
    return tcp->read_op.state != NU_OP_IDLE && !tcp->armed;
}

/* The aio's cancel function. What the kernel holds ends with its completion, the rest here. */
static void tcp_read_cancel(nng_aio *aio, void *arg, int err)
{
    struct nu_tcp *tcp = arg;
    nu_lock(&tcp->lock);
    if (tcp_read_in_kernel(tcp) && aio == tcp_read_first(tcp)) {
        if (tcp->read_abort == 0) {
            tcp->read_abort = err;
        }
        nu_op_cancel(&tcp->read_op);
    } else {
        tcp_read_end(aio, err);
        if (!tcp->closed) {
            nu_tcp_read_next(tcp); /* it may have been the first */
        }
    }
    nu_unlock(&tcp->lock);
}

void nu_tcp_read_close(struct nu_tcp *tcp)
{
    nng_aio *head = tcp_read_in_kernel(tcp) ? tcp_read_first(tcp) : NULL;
    nu_op_cancel(&tcp->read_op);
    struct nu_list *next;
    for (struct nu_list *n = tcp->reads.next; n != &tcp->reads; n = next) {
        nng_aio *aio = nu_container(n, nng_aio, link);
        next = n->next;
        if (aio != head) {
            tcp_read_end(aio, NNG_ECLOSED);
        }
    }
}

/* ---- Starting ----------------------------------------------------------------------------- */

/* With the lock held: AGAIN when the aio is in the queue now, else how it ended. */
static int tcp_read_start(struct nu_tcp *tcp, nng_aio *aio)
{
    bool owner = tcp->loop == nu_loop_self();
    bool alone = nu_list_empty(&tcp->reads);
    int err = AGAIN;
    if (tcp->closed) {
        return NNG_ECLOSED;
    }
    if (tcp->read_ahead && !owner && alone) {
        err = tcp_read_use_rx(tcp, aio);
    }
    if (err == AGAIN) {
        err = nu_aio_schedule(aio, tcp->loop, tcp_read_cancel, tcp);
        err = err == 0 ? AGAIN : err;
    }
    if (err != AGAIN) {
        return err;
    }
    nu_aio_timer_start(aio);
    nu_list_append(&tcp->reads, &aio->link);
    if (alone && owner) {
        nu_tcp_read_next(tcp);
    } else if (alone && !tcp->armed) {
        nu_tcp_wake(tcp);
    }
    return AGAIN;
}

void nu_tcp_read(struct nu_tcp *tcp, nng_aio *aio, enum nu_read kind)
{
    aio->loop = tcp->loop;
    aio->io.kind = kind;
    aio->io.done = 0;
    if (nu_aio_expired(aio)) {
        nu_aio_finish(aio, NNG_ETIMEDOUT, 0);
        return;
    }
    nu_lock(&tcp->lock);
    int err = tcp_read_start(tcp, aio);
    if (err != AGAIN) {
        nu_aio_finish(aio, err, aio->io.done); /* under the lock: callbacks keep the bytes' order */
    }
    nu_unlock(&tcp->lock);
}

void nu_tcp_read_ahead(struct nu_tcp *tcp)
{
    nu_lock(&tcp->lock);
    tcp->read_ahead = true;
    tcp_read_arm(tcp);
    nu_unlock(&tcp->lock);
}
