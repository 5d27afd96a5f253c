/* SPDX-License-Identifier: MIT */
#include "io/bufring.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

_Static_assert(NU_BUFRING_SHIFT == IORING_CQE_BUFFER_SHIFT, "the kernel's");

#define RING_BYTES (NU_BUFRING_COUNT * sizeof(struct io_uring_buf))
#define ALL_BYTES ((size_t) NU_BUFRING_COUNT * NU_BUFRING_SIZE)

static void bufring_add(struct nu_bufring *bufs, unsigned id, int offset)
{
    io_uring_buf_ring_add(bufs->ring, bufs->bytes + (size_t) id * NU_BUFRING_SIZE, NU_BUFRING_SIZE,
                          (unsigned short) id, io_uring_buf_ring_mask(NU_BUFRING_COUNT), offset);
}

static void *bufring_map(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

int nu_bufring_open(struct nu_bufring *bufs, struct io_uring *uring)
{
    int err = -ENOMEM;
    bufs->ring = bufring_map(RING_BYTES);
    bufs->bytes = bufring_map(ALL_BYTES);
    if (bufs->ring != NULL && bufs->bytes != NULL) {
        struct io_uring_buf_reg reg = { .ring_addr = (uint64_t) (uintptr_t) bufs->ring,
                                        .ring_entries = NU_BUFRING_COUNT,
                                        .bgid = NU_BUFRING_GROUP };
        err = io_uring_register_buf_ring(uring, &reg, 0);
    }
    if (err != 0) {
        if (bufs->ring != NULL) {
            munmap(bufs->ring, RING_BYTES);
        }
        if (bufs->bytes != NULL) {
            munmap(bufs->bytes, ALL_BYTES);
        }
        memset(bufs, 0, sizeof *bufs);
        return err;
    }
    io_uring_buf_ring_init(bufs->ring);
    for (unsigned id = 0; id < NU_BUFRING_COUNT; id++) {
        bufring_add(bufs, id, (int) id);
    }
    io_uring_buf_ring_advance(bufs->ring, (int) NU_BUFRING_COUNT);
    return 0;
}

void nu_bufring_close(struct nu_bufring *bufs, struct io_uring *uring)
{
    if (bufs->ring != NULL) {
        io_uring_unregister_buf_ring(uring, NU_BUFRING_GROUP);
        munmap(bufs->ring, RING_BYTES);
        munmap(bufs->bytes, ALL_BYTES);
        memset(bufs, 0, sizeof *bufs);
    }
}

int nu_bufring_open_own(struct nu_bufring *bufs)
{
    memset(bufs, 0, sizeof *bufs);
    bufs->free = malloc(NU_BUFRING_COUNT * sizeof *bufs->free);
    bufs->bytes = bufs->free != NULL ? bufring_map(ALL_BYTES) : NULL;
    if (bufs->bytes == NULL) {
        free(bufs->free);
        bufs->free = NULL;
        return -ENOMEM;
    }
    while (bufs->nfree < NU_BUFRING_COUNT) { /* the first one is the last to be given */
        bufs->free[bufs->nfree] = (uint16_t) (NU_BUFRING_COUNT - 1 - bufs->nfree);
        bufs->nfree++;
    }
    return 0;
}

void nu_bufring_close_own(struct nu_bufring *bufs)
{
    if (bufs->bytes != NULL) {
        munmap(bufs->bytes, ALL_BYTES);
        free(bufs->free);
        memset(bufs, 0, sizeof *bufs);
    }
}

bool nu_bufring_pick(struct nu_bufring *bufs, uint32_t *flags)
{
    if (bufs->nfree == 0) {
        return false;
    }
    *flags = IORING_CQE_F_BUFFER | (uint32_t) bufs->free[--bufs->nfree] << IORING_CQE_BUFFER_SHIFT;
    return true;
}

void nu_bufring_give(struct nu_bufring *bufs, uint8_t *buffer)
{
    unsigned id = (unsigned) ((size_t) (buffer - bufs->bytes) / NU_BUFRING_SIZE);
    if (bufs->ring == NULL) {
        bufs->free[bufs->nfree++] = (uint16_t) id;
        return;
    }
    bufring_add(bufs, id, 0);
    io_uring_buf_ring_advance(bufs->ring, 1);
}
