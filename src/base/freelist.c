/* SPDX-License-Identifier: MIT */
#include "base/freelist.h"

#include "base/check.h"

#include <stdlib.h>

_Thread_local struct nu_freelists nu_freelists_mine;

void nu_freelists_keep(void)
{
#ifndef NU_ASAN /* which finds the use of what was freed only if it is freed */
    nu_freelists_mine.keeps = true;
#endif
}

void nu_freelists_drop(void)
{
    struct nu_freelists *mine = &nu_freelists_mine;
    mine->keeps = false;
    for (unsigned i = 0; i < NU_FREELIST_SIZES; i++) {
        while (mine->first[i] != NULL) {
            struct nu_freelist_block *block = mine->first[i];
            mine->first[i] = block->next;
            free(block);
        }
        mine->n[i] = 0;
    }
}

void *nu_freelist_take_new(size_t size)
{
    size_t i = nu_freelist_index_of(size);
    return malloc(i == NU_FREELIST_SIZES ? size : (i + 1) * NU_FREELIST_STEP);
}

void nu_freelist_give_back(void *p)
{
    free(p);
}
