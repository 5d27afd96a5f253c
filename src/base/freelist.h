/* SPDX-License-Identifier: MIT */
/*
 * Memory for what comes and goes with every request. A loop's thread keeps the blocks that are
 * given back on it for the next request: one turn can want and return more of them than malloc()
 * keeps at hand. Other threads, and everything under AddressSanitizer, go to malloc() and free().
 * A block may be given back on another thread than it was taken on.
 */
#ifndef NU_BASE_BLOCK_H
#define NU_BASE_BLOCK_H

#include <stddef.h>

/* The calling thread keeps blocks from here on; until it drops them all, and keeps no more. */
void nu_freelists_keep(void);
void nu_freelists_drop(void);

/* At least `size` bytes, not zeroed. NULL: no memory. */
void *nu_freelist_take(size_t size);

/* Back, with the size it was taken for. NULL is allowed. */
void nu_freelist_give(void *p, size_t size);

#endif
