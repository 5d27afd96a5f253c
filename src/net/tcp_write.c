/* SPDX-License-Identifier: MIT */
#include "net/tcp_write.h"

#include "base/clock.h"
#include "io/counters.h"
#include "io/features.h"
#include "io/runtime.h"
#include "io/try_inline.h"
#include "net/tcp_file.h"

#include <errno.h>

#define AGAIN (-1) /* a verdict: not over yet */

static nng_aio *tcp_write_first(const struct nu_tcp *tcp)
{
    return nu_list_empty(&tcp->writes) ? NULL : nu_container(tcp->writes.next, nng_aio, link);
}

/* ---- The end of a write ------------------------------------------------------------------- */

/* Why a write ends whose attempt was broken off: somebody's wish, ours, or its deadline. */
static int tcp_write_broken_off(const struct nu_tcp *tcp)
{
    if (tcp->write_abort != 0) {
        return tcp->write_abort;
    }
    return tcp->closed ? NNG_ECLOSED : NNG_ETIMEDOUT;
}

static bool tcp_write_stop_here(const struct nu_tcp *tcp, const nng_aio *aio)
{
    return tcp->write_abort != 0 || tcp->closed || nu_aio_expired(aio);
}

/* Whether all of the write was promised. */
static bool tcp_write_whole(const nng_aio *aio)
{
    return aio->io.kind != NU_WRITE_SOME;
}

/* The outcome table of design.md. AGAIN: there is more to do, and nothing speaks against it. */
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
        return tcp_write_stop_here(tcp, aio) ? tcp_write_broken_off(tcp) : AGAIN;
    case 0: /* not for a vector with bytes in it; certainly not again and again */
        return NNG_ECONNRESET;
    default:
        break;
    }
    if (res < 0) {
        return nu_tcp_failure(tcp, -res);
    }
    if (aio->io.done == aio->io.total || !tcp_write_whole(aio)) {
        return 0;
    }
    return tcp_write_stop_here(tcp, aio) ? tcp_write_broken_off(tcp) : AGAIN;
}

static void tcp_write_note_torn(struct nu_tcp *tcp, const nng_aio *aio, int err)
{
    if (aio->io.done > 0) {
        tcp->stream_truncated = err != 0 && tcp_write_whole(aio);
    }
}

/*
 * Takes a write out of the queue and finishes it. Those behind a write_all that failed half-way
 * were promised a place in an intact stream, so they are not sent.
 */
static void tcp_write_end(struct nu_tcp *tcp, nng_aio *aio, int err)
{
    bool cut = err != 0 && tcp_write_whole(aio) && aio->io.done > 0;
    nu_list_remove(&aio->link);
    if (aio->io.kind == NU_WRITE_FILE) {
        nu_tcp_file_end(tcp);
    }
    tcp_write_note_torn(tcp, aio, err);
    nu_aio_end(aio, err, aio->io.done);
    while (cut && (aio = tcp_write_first(tcp)) != NULL) {
        nu_list_remove(&aio->link);
        nu_aio_end(aio, tcp->closed ? NNG_ECLOSED : NNG_ECANCELED, 0);
    }
}

/* ---- The owner's side --------------------------------------------------------------------- */

static void tcp_write_submit_vec(struct nu_tcp *tcp, nng_aio *aio)
{
    struct nu_op *op = &tcp->write_op;
    op->kind = NU_OP_WRITEV;
    op->fd = tcp->fd;
    op->arg.vec = (struct nu_op_vec){ aio->io.iov, aio->io.niov, aio->io.done };
    op->deadline = tcp->blocking ? aio->deadline : NU_NEVER;
    /* A deadline costs a second SQE, so it is paid for only when there is something to wait for. */
    op->rw_flags = !tcp->blocking && aio->deadline != NU_NEVER ? RWF_NOWAIT : 0;
    nu_op_submit(op);
}

/* A file goes out here and now, and only the wait for room is the kernel's: a patient one has had
 * it. */
static int tcp_write_send_file(struct nu_tcp *tcp, nng_aio *aio)
{
    struct nu_op *op = &tcp->write_op;
    int err = nu_tcp_file_step(tcp, &aio->io, tcp->blocking);
    if (err != EAGAIN) {
        return err == 0 ? 0 : nu_tcp_failure(tcp, err);
    }
    op->kind = NU_OP_POLL;
    op->fd = tcp->fd;
    op->deadline = aio->deadline;
    nu_op_submit(op);
    return AGAIN;
}

/* AGAIN when the kernel has something to do for it now, else how it ended. */
static int tcp_write_submit(struct nu_tcp *tcp, nng_aio *aio)
{
    if (aio->io.kind == NU_WRITE_FILE) {
        return tcp_write_send_file(tcp, aio);
    }
    tcp_write_submit_vec(tcp, aio);
    return AGAIN;
}

void nu_tcp_write_next(struct nu_tcp *tcp)
{
    nng_aio *aio;
    while (tcp->write_op.state == NU_OP_IDLE && (aio = tcp_write_first(tcp)) != NULL) {
        if (nu_aio_expired(aio)) {
            tcp_write_end(tcp, aio, NNG_ETIMEDOUT);
            continue;
        }
        nu_aio_timer_stop(aio);
        tcp->write_abort = 0;
        /* After a part has gone the socket is full, and a try without waiting is wasted. */
        tcp->blocking = !nu_has(NU_HAS_NOWAIT) || aio->io.done > 0;
        int err = tcp_write_submit(tcp, aio);
        if (err != AGAIN) {
            tcp_write_end(tcp, aio, err);
        }
    }
}

void nu_tcp_write_done(struct nu_op *op, int res, uint32_t flags)
{
    struct nu_tcp *tcp = nu_container(op, struct nu_tcp, write_op);
    (void) flags;
    nu_lock(&tcp->lock);
    nng_aio *aio = tcp_write_first(tcp);
    if (res > 0 && op->kind == NU_OP_WRITEV) {
        aio->io.done += (size_t) res;
    }
    int err = tcp_write_verdict(tcp, aio, res);
    nu_count(NU_COUNT_DEADLINES_FIRED, res == -ECANCELED && err == NNG_ETIMEDOUT);
    if (err == AGAIN) {
        nu_count(NU_COUNT_SHORT_WRITES, res > 0 && op->kind == NU_OP_WRITEV);
        tcp->blocking = true;
        err = tcp_write_submit(tcp, aio);
    }
    if (err == AGAIN) {
        nu_unlock(&tcp->lock);
        return;
    }
    tcp_write_end(tcp, aio, err);
    if (tcp->closed) {
        nu_tcp_closing(tcp);
        return;
    }
    nu_tcp_write_next(tcp);
    nu_unlock(&tcp->lock);
}

/* The aio's cancel function. What the kernel holds ends with its completion, the rest here. */
static void tcp_write_cancel(nng_aio *aio, void *arg, int err)
{
    struct nu_tcp *tcp = arg;
    nu_lock(&tcp->lock);
    if (tcp->write_op.state != NU_OP_IDLE && aio == tcp_write_first(tcp)) {
        if (tcp->write_abort == 0) {
            tcp->write_abort = err;
        }
        nu_op_cancel(&tcp->write_op);
    } else {
        tcp_write_end(tcp, aio, err);
    }
    nu_unlock(&tcp->lock);
}

void nu_tcp_write_close(struct nu_tcp *tcp)
{
    bool busy = tcp->write_op.state != NU_OP_IDLE;
    nng_aio *head = busy ? tcp_write_first(tcp) : NULL;
    if (busy) {
        nu_op_cancel(&tcp->write_op);
    }
    struct nu_list *next;
    for (struct nu_list *n = tcp->writes.next; n != &tcp->writes; n = next) {
        nng_aio *aio = nu_container(n, nng_aio, link);
        next = n->next;
        if (aio != head) {
            nu_list_remove(n);
            nu_aio_end(aio, NNG_ECLOSED, aio->io.done);
        }
    }
}

/* ---- Starting ----------------------------------------------------------------------------- */

/*
 * An application thread writes for itself when nobody is before it, rather than wake the owner. The
 * result is a verdict; AGAIN leaves the rest, or all of it, to the owner.
 */
static int tcp_write_attempt(struct nu_tcp *tcp, nng_aio *aio)
{
    ssize_t n = nu_try_writev_inline(tcp->fd, aio->io.iov, aio->io.niov);
    if (n == -EAGAIN || n == -EINTR) {
        return AGAIN;
    }
    if (n <= 0) {
        return n < 0 ? nu_tcp_failure(tcp, (int) -n) : NNG_ECONNRESET;
    }
    aio->io.done = (size_t) n;
    return aio->io.done == aio->io.total || aio->io.kind == NU_WRITE_SOME ? 0 : AGAIN;
}

/* With the lock held: AGAIN when the aio is in the queue now, else how it ended. */
static int tcp_write_start(struct nu_tcp *tcp, nng_aio *aio)
{
    bool owner = tcp->loop == nu_loop_self();
    int err = AGAIN;
    if (tcp->closed) {
        return NNG_ECLOSED;
    }
    if (!owner && nu_list_empty(&tcp->writes)) {
        err = tcp_write_attempt(tcp, aio);
    }
    if (err != AGAIN) {
        return err;
    }
    err = nu_aio_schedule(aio, tcp->loop, tcp_write_cancel, tcp);
    if (err != 0) {
        return err;
    }
    if (!owner || tcp_write_first(tcp) != NULL) {
        nu_aio_timer_start(
            aio); /* while it is queued; in the kernel, the linked timeout sees to it */
    }
    nu_list_append(&tcp->writes, &aio->link);
    if (owner) {
        nu_tcp_write_next(tcp);
    } else {
        nu_tcp_wake(tcp);
    }
    return AGAIN;
}

void nu_tcp_write(struct nu_tcp *tcp, nng_aio *aio, enum nu_write kind)
{
    aio->loop = tcp->loop;
    aio->io.kind = kind;
    aio->io.done = 0;
    if (nu_aio_expired(aio)) {
        nu_aio_finish(aio, NNG_ETIMEDOUT, 0);
        return;
    }
    nu_lock(&tcp->lock);
    int err = tcp_write_start(tcp, aio);
    if (err != AGAIN) {
        tcp_write_note_torn(tcp, aio, err);
        nu_aio_finish(aio, err, aio->io.done); /* under the lock: callbacks keep the bytes' order */
    }
    nu_unlock(&tcp->lock);
}
