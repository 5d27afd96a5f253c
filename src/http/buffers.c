#include "http/buffers.h"

#include <sys/mman.h>

uint8_t *nu_buffers_take(struct nu_buffers *buffers)
{
    if (buffers->n > 0) {
        return buffers->kept[--buffers->n];
    }
    void *p =
        mmap(NULL, NU_BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED ? p : NULL;
}

void nu_buffers_give(struct nu_buffers *buffers, uint8_t *buffer)
{
    if (buffers->n < NU_BUFFERS_KEPT) {
        buffers->kept[buffers->n++] = buffer;
    } else {
        munmap(buffer, NU_BUFFER_SIZE);
    }
}

void nu_buffers_free(struct nu_buffers *buffers)
{
    while (buffers->n > 0) {
        munmap(buffers->kept[--buffers->n], NU_BUFFER_SIZE);
    }
}
