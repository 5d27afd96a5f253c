/* SPDX-License-Identifier: MIT */
#include "io/slots.h"

#include "io/loop.h"
#include "io/op.h"

#include <stdlib.h>

#define FIRST_SLOTS 64U

bool nu_slots_reserve(struct nu_loop *loop)
{
    if (loop->free_slot < loop->nslots) {
        return true;
    }
    uint32_t n = loop->nslots == 0 ? FIRST_SLOTS : loop->nslots * 2;
    if (n <= loop->nslots) {
        return false;
    }
    struct nu_slot *slots = realloc(loop->slots, n * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    for (uint32_t i = loop->nslots; i < n; i++) {
        slots[i] = (struct nu_slot){ .next_free = i + 1 };
    }
    loop->free_slot = loop->nslots;
    loop->slots = slots;
    loop->nslots = n;
    return true;
}

static uint64_t slots_user_data(const struct nu_loop *loop, uint32_t slot)
{
    return (uint64_t) loop->slots[slot].generation << 32 | (slot + 1);
}

uint64_t nu_slots_user_data(const struct nu_loop *loop, const struct nu_op *op)
{
    return slots_user_data(loop, op->slot);
}

uint64_t nu_slots_next(const struct nu_loop *loop)
{
    return slots_user_data(loop, loop->free_slot);
}

uint64_t nu_slots_take(struct nu_loop *loop, struct nu_op *op)
{
    struct nu_slot *slot = &loop->slots[loop->free_slot];
    op->slot = loop->free_slot;
    loop->free_slot = slot->next_free;
    slot->op = op;
    loop->in_kernel++;
    return nu_slots_user_data(loop, op);
}

struct nu_op *nu_slots_find(struct nu_loop *loop, uint64_t user_data, bool more)
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
