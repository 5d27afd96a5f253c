/* SPDX-License-Identifier: MIT */
/*
 * Which op a completion belongs to. user_data names a slot and its generation, never a pointer, so
 * a completion or a timeout that comes late finds nobody rather than the slot's next user. 0 is
 * nobody's. Owner thread only.
 */
#ifndef NU_IO_SLOTS_H
#define NU_IO_SLOTS_H

#include "io/loop.h"
#include "io/op.h"

#include <stdbool.h>
#include <stdint.h>

/* Of nu_slots_reserve(), where none is. */
bool nu_slots_grow(struct nu_loop *loop);

/* Makes sure that one slot is free; false when there is no memory for more. */
static inline bool nu_slots_reserve(struct nu_loop *loop)
{
    return loop->free_slot < loop->nslots || nu_slots_grow(loop);
}

/* The user_data of whoever has that slot, this time. */
static inline uint64_t nu_slots_name(const struct nu_loop *loop, uint32_t slot)
{
    return (uint64_t) loop->slots[slot].generation << 32 | (slot + 1);
}

/* The user_data of who takes a slot next (there is one). */
static inline uint64_t nu_slots_next(const struct nu_loop *loop)
{
    return nu_slots_name(loop, loop->free_slot);
}

/* The user_data of an op that has a slot. */
static inline uint64_t nu_slots_user_data(const struct nu_loop *loop, const struct nu_op *op)
{
    return nu_slots_name(loop, op->slot);
}

/* Gives `op` that slot and returns its user_data. */
static inline uint64_t nu_slots_take(struct nu_loop *loop, struct nu_op *op)
{
    struct nu_slot *slot = &loop->slots[loop->free_slot];
    op->slot = loop->free_slot;
    loop->free_slot = slot->next_free;
    slot->op = op;
    loop->in_kernel++;
    return nu_slots_name(loop, op->slot);
}

/* The op a completion belongs to, or NULL. The slot is freed unless `more` completions follow. */
static inline struct nu_op *nu_slots_find(struct nu_loop *loop, uint64_t user_data, bool more)
{
    uint32_t index = (uint32_t) user_data - 1;
    if (index >= loop->nslots || loop->slots[index].generation != user_data >> 32) {
        return NULL;
    }
    struct nu_slot *slot = &loop->slots[index];
    struct nu_op *op = slot->op;
    if (op != NULL && !more) {
        slot->op = NULL;
        slot->generation++;
        slot->next_free = loop->free_slot;
        loop->free_slot = index;
        loop->in_kernel--;
        nu_op_set_state(op, NU_OP_IDLE);
    }
    return op;
}

#endif
