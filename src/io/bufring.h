/* SPDX-License-Identifier: MIT */
/*
 * A loop's provided buffers: the kernel takes one when data arrives, so a connection that waits
 * owns none. Owner thread only. Where the kernel has no buffer rings, or memory is short, it is
 * just empty.
 */
#ifndef NU_IO_BUFRING_H
#define NU_IO_BUFRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io_uring;
struct io_uring_buf_ring;

#define NU_BUFRING_GROUP 1
#define NU_BUFRING_COUNT 256U
#define NU_BUFRING_SIZE 4096U
#define NU_BUFRING_SHIFT 16U /* of a buffer's number in the flags of a completion */

struct nu_bufring {
    uint8_t *bytes;                 /* NU_BUFRING_COUNT buffers; NULL: there are none */
    struct io_uring_buf_ring *ring; /* shared with the kernel, which picks; NULL: we pick */
    uint16_t *free;                 /* then: the buffers that are not taken, the last given last */
    unsigned nfree;
};

/* 0 or -errno. Leaves it empty on failure. */
int nu_bufring_open(struct nu_bufring *bufs, struct io_uring *uring);
void nu_bufring_close(struct nu_bufring *bufs, struct io_uring *uring);

/* The same without a ring of the kernel's: nu_bufring_pick() is what the kernel does otherwise. */
int nu_bufring_open_own(struct nu_bufring *bufs);
void nu_bufring_close_own(struct nu_bufring *bufs);

/* Takes a buffer, for a completion whose flags name it; false: all are taken. */
bool nu_bufring_pick(struct nu_bufring *bufs, uint32_t *flags);

/* The buffer a completion's flags name; the caller has it until nu_bufring_give(). */
static inline uint8_t *nu_bufring_take(const struct nu_bufring *bufs, uint32_t cqe_flags)
{
    return bufs->bytes + (size_t) (cqe_flags >> NU_BUFRING_SHIFT) * NU_BUFRING_SIZE;
}
void nu_bufring_give(struct nu_bufring *bufs, uint8_t *buffer);

#endif
