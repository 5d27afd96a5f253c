/* SPDX-License-Identifier: MIT */
#include "http/file_bufpool.h"

#include <sys/mman.h>

uint8_t *nu_file_bufpool_take(struct nu_file_bufpool *buffers)
{
    if (buffers->n > 0) {
        return buffers->kept[--buffers->n];
    }
    void *p =
        mmap(NULL, NU_BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED ? p : NULL;
}

void nu_file_bufpool_give(struct nu_file_bufpool *buffers, uint8_t *buffer)
{
    if (buffers->n < NU_BUFFERS_KEPT) {
        buffers->kept[buffers->n++] = buffer;
    } else {
        munmap(buffer, NU_BUFFER_SIZE);
    }
}

void nu_file_bufpool_free(struct nu_file_bufpool *buffers)
{
    while (buffers->n > 0) {
        munmap(buffers->kept[--buffers->n], NU_BUFFER_SIZE);
    }
}
