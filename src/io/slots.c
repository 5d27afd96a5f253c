/* SPDX-License-Identifier: MIT */
#include "io/slots.h"

#include <stdlib.h>

#define FIRST_SLOTS 64U

bool nu_slots_grow(struct nu_loop *loop)
{
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
