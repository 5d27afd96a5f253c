/* SPDX-License-Identifier: MIT */
#include "io/op.h"

#include "base/clock.h"
#include "io/counters.h"
#include "io/loop.h"
#include "io/slots.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

void nu_op_init(struct nu_op *op, struct nu_loop *loop, nu_op_done done)
{
    memset(op, 0, sizeof *op);
    op->loop = loop;
    op->done = done;
    op->fd = -1;
    op->deadline = NU_NEVER;
    nu_list_init(&op->link);
}

/* Hands it to the ring. false: there is no room, neither now nor after a submit. */
static inline bool op_prepare(struct nu_op *op)
{
    struct nu_loop *loop = op->loop;
    struct nu_ring *ring = loop->ring;
    if (!nu_slots_reserve(loop)) {
        return false;
    }
    uint64_t user_data = nu_slots_next(loop);
    if (!ring->kind->prepare(ring, op, user_data)) {
        nu_loop_flush(loop);
        if (!ring->kind->prepare(ring, op, user_data)) {
            return false;
        }
    }
    nu_slots_take(loop, op);
    nu_op_set_state(op, NU_OP_KERNEL);
    return true;
}

void nu_op_submit(struct nu_op *op)
{
    assert(op->state == NU_OP_IDLE);
    op->cancel = false;
    if (nu_list_empty(&op->loop->backlog) && op_prepare(op)) {
        return;
    }
    nu_op_set_state(op, NU_OP_BACKLOG);
    nu_list_append(&op->loop->backlog, &op->link);
}

static bool op_submit_cancel(struct nu_op *op)
{
    struct nu_loop *loop = op->loop;
    struct nu_ring *ring = loop->ring;
    uint64_t user_data = nu_slots_user_data(loop, op);
    if (!ring->kind->cancel(ring, user_data)) {
        nu_loop_flush(loop);
        if (!ring->kind->cancel(ring, user_data)) {
            return false;
        }
    }
    nu_count(NU_COUNT_CANCELLATIONS, 1);
    return true;
}

/* ENOENT: the op has just ended; or the kernel is about to try it again, having found its socket
 * ready (for a write, the end of what the peer sends is enough), and knows it nowhere. EALREADY: a
 * kernel thread works on it, and was told; asking again and again would spin while a disk is slow.
 */
static void op_cancelled(struct nu_loop *loop, int res)
{
    if (res == -ENOENT) {
        loop->cancels++;
    }
}

/* A linked timeout that fired, but did not find its op for the same reason, does not fire again. */
static void op_expired(struct nu_loop *loop, uint64_t user_data, int res)
{
    struct nu_op *op =
        res == -ENOENT || res == -EALREADY ? nu_slots_find(loop, user_data, true) : NULL;
    if (op != NULL) {
        nu_op_cancel(op);
    }
}

void nu_op_complete(struct nu_loop *loop, uint64_t user_data, int res, uint32_t flags)
{
    if (user_data == NU_RING_CANCELLATION) {
        op_cancelled(loop, res);
        return;
    }
    if ((user_data & NU_RING_TIMEOUT) != 0) {
        op_expired(loop, user_data & ~NU_RING_TIMEOUT, res);
        return;
    }
    struct nu_op *op = nu_slots_find(loop, user_data, (flags & NU_OP_F_MORE) != 0);
    if (op != NULL) {
        op->done(op, res, flags);
    }
}

void nu_op_cancel(struct nu_op *op)
{
    if (op->state == NU_OP_IDLE || op->cancel) {
        return;
    }
    op->cancel = true;
    if (op->state == NU_OP_KERNEL && !op_submit_cancel(op)) {
        op->loop->cancels++; /* nu_op_retry() sees to it */
    }
}

/* Cancellations first: they find their ops by walking the slots, which is fine for so rare a case.
 */
void nu_op_retry(struct nu_loop *loop)
{
    if (loop->cancels > 0) {
        loop->cancels = 0;
        for (uint32_t i = 0; i < loop->nslots; i++) {
            struct nu_op *op = loop->slots[i].op;
            if (op != NULL && op->cancel && !op_submit_cancel(op)) {
                loop->cancels++;
            }
        }
    }
    while (!nu_list_empty(&loop->backlog)) {
        struct nu_op *op = nu_container(loop->backlog.next, struct nu_op, link);
        if (op->cancel) {
            nu_list_remove(&op->link);
            nu_op_set_state(op, NU_OP_IDLE);
            op->done(op, -ECANCELED, 0);
        } else if (op_prepare(op)) {
            nu_list_remove(&op->link);
        } else {
            break;
        }
    }
}
