/* SPDX-License-Identifier: MIT */
/*
 * Buffers for the pieces of files. They are large, so a port keeps a few for the next download,
 * with their pages in place, and the rest goes back to the system at once. Owner thread only.
 */
#ifndef NU_HTTP_BUFFERS_H
#define NU_HTTP_BUFFERS_H

#include <stddef.h>
#include <stdint.h>

#define NU_BUFFER_SIZE ((size_t) 256 * 1024)
#define NU_BUFFERS_KEPT 16U

/* All zero: none is kept. */
struct nu_file_bufpool {
    unsigned n;
    uint8_t *kept[NU_BUFFERS_KEPT];
};

/* NU_BUFFER_SIZE bytes; NULL: no memory. */
uint8_t *nu_file_bufpool_take(struct nu_file_bufpool *buffers);

void nu_file_bufpool_give(struct nu_file_bufpool *buffers, uint8_t *buffer);

/* Gives back those that are kept. */
void nu_file_bufpool_free(struct nu_file_bufpool *buffers);

#endif
