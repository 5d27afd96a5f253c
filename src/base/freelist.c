/* SPDX-License-Identifier: MIT */
#include "base/freelist.h"

#include "base/check.h"

#include <stdbool.h>
#include <stdlib.h>

#define STEP 128U   /* sizes are rounded up to a multiple of this */
#define SIZES 12U   /* so many of them; larger blocks are not kept */
#define KEPT 131072 /* bytes that are kept of each size, at the most */

struct block {
    struct block *next;
};

static _Thread_local struct {
    bool keeps;
    unsigned n[SIZES];
    struct block *first[SIZES];
} mine;

void nu_freelists_keep(void)
{
#ifndef NU_ASAN /* which finds the use of what was freed only if it is freed */
    mine.keeps = true;
#endif
}

void nu_freelists_drop(void)
{
    mine.keeps = false;
    for (unsigned i = 0; i < SIZES; i++) {
        while (mine.first[i] != NULL) {
            struct block *block = mine.first[i];
            mine.first[i] = block->next;
            free(block);
        }
        mine.n[i] = 0;
    }
}

/* SIZES: none, the block is too large. */
static size_t freelist_index_of(size_t size)
{
    size_t i = size > 0 ? (size - 1) / STEP : 0;
    return i < SIZES ? i : SIZES;
}

void *nu_freelist_take(size_t size)
{
    size_t i = freelist_index_of(size);
    if (i == SIZES) {
        return malloc(size);
    }
    struct block *block = mine.first[i];
    if (block == NULL) {
        return malloc((i + 1) * STEP);
    }
    mine.first[i] = block->next;
    mine.n[i]--;
    return block;
}

void nu_freelist_give(void *p, size_t size)
{
    struct block *block = p;
    size_t i = freelist_index_of(size);
    if (block == NULL || !mine.keeps || i == SIZES || (mine.n[i] + 1) * (i + 1) * STEP > KEPT) {
        free(block);
        return;
    }
    block->next = mine.first[i];
    mine.first[i] = block;
    mine.n[i]++;
}
