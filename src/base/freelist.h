/* SPDX-License-Identifier: MIT */
/*
 * Memory for what comes and goes with every request. A loop's thread keeps the blocks that are
 * given back on it for the next request: one turn can want and return more of them than malloc()
 * keeps at hand. Other threads, and everything under AddressSanitizer, go to malloc() and free().
 * A block may be given back on another thread than it was taken on.
 */
#ifndef NU_BASE_BLOCK_H
#define NU_BASE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#define NU_FREELIST_STEP 128U   /* sizes are rounded up to a multiple of this */
#define NU_FREELIST_SIZES 12U   /* so many of them; larger blocks are not kept */
#define NU_FREELIST_KEPT 131072 /* bytes that are kept of each size, at the most */

struct nu_freelist_block {
    struct nu_freelist_block *next;
};

/* The calling thread's: what the functions below look at. */
struct nu_freelists {
    bool keeps;
    unsigned n[NU_FREELIST_SIZES];
    struct nu_freelist_block *first[NU_FREELIST_SIZES];
};

extern _Thread_local struct nu_freelists nu_freelists_mine;

/* The calling thread keeps blocks from here on; until it drops them all, and keeps no more. */
void nu_freelists_keep(void);
void nu_freelists_drop(void);

/* What the next two do where no block is at hand, or where it is not kept. */
void *nu_freelist_take_new(size_t size);
void nu_freelist_give_back(void *p);

/* NU_FREELIST_SIZES: none, the block is too large. */
static inline size_t nu_freelist_index_of(size_t size)
{
    size_t i = size > 0 ? (size - 1) / NU_FREELIST_STEP : 0;
    return i < NU_FREELIST_SIZES ? i : NU_FREELIST_SIZES;
}

/* At least `size` bytes, not zeroed. NULL: no memory. */
static inline void *nu_freelist_take(size_t size)
{
    struct nu_freelists *mine = &nu_freelists_mine;
    size_t i = nu_freelist_index_of(size);
    if (i == NU_FREELIST_SIZES || mine->first[i] == NULL) {
        return nu_freelist_take_new(size);
    }
    struct nu_freelist_block *block = mine->first[i];
    mine->first[i] = block->next;
    mine->n[i]--;
    return block;
}

/* Back, with the size it was taken for. NULL is allowed. */
static inline void nu_freelist_give(void *p, size_t size)
{
    struct nu_freelists *mine = &nu_freelists_mine;
    struct nu_freelist_block *block = p;
    size_t i = nu_freelist_index_of(size);
    if (block == NULL || !mine->keeps || i == NU_FREELIST_SIZES ||
        (mine->n[i] + 1) * (i + 1) * NU_FREELIST_STEP > NU_FREELIST_KEPT) {
        nu_freelist_give_back(p);
        return;
    }
    block->next = mine->first[i];
    mine->first[i] = block;
    mine->n[i]++;
}

#endif
