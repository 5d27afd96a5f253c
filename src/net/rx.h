/* SPDX-License-Identifier: MIT */
/*
 * Bytes a connection has received and nobody has consumed yet, always contiguous. They lie in one
 * of the loop's buffers (lent, while they are looked at) or in memory of our own (while more is
 * awaited); an empty one owns nothing. Owner thread only, but for consuming what lies in our own.
 */
#ifndef NU_NET_RX_H
#define NU_NET_RX_H

#include "io/bufring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nu_rx {
    uint8_t *base; /* NULL when empty */
    size_t off;    /* consumed bytes at the start */
    size_t len;    /* bytes received, consumed ones included */
    size_t cap;    /* of our own memory; 0 when the buffer is lent */
};

static inline const uint8_t *nu_rx_data(const struct nu_rx *rx)
{
    return rx->base + rx->off;
}

static inline size_t nu_rx_len(const struct nu_rx *rx)
{
    return rx->len - rx->off;
}

/* Of nu_rx_lend(), where there are bytes already. */
bool nu_rx_add(struct nu_rx *rx, struct nu_bufring *bufs, uint8_t *buffer, size_t n);

/* Takes n (at least 1) bytes in a buffer of the loop's. False when there is no memory to add them.
 */
static inline bool nu_rx_lend(struct nu_rx *rx, struct nu_bufring *bufs, uint8_t *buffer, size_t n)
{
    if (rx->base != NULL) {
        return nu_rx_add(rx, bufs, buffer, n);
    }
    *rx = (struct nu_rx){ .base = buffer, .len = n };
    return true;
}

/* Of nu_rx_settle(), where there is a lent buffer. */
bool nu_rx_own(struct nu_rx *rx, struct nu_bufring *bufs);

/* Gives a lent buffer back, keeping what is not consumed in our own memory. False: no memory. */
static inline bool nu_rx_settle(struct nu_rx *rx, struct nu_bufring *bufs)
{
    return rx->base == NULL || rx->cap > 0 || nu_rx_own(rx, bufs);
}

/* Where the next bytes may be put, and how many (at least 1); NULL: no memory. Then tell
 * nu_rx_grew(). */
uint8_t *nu_rx_room(struct nu_rx *rx, struct nu_bufring *bufs, size_t *room);
void nu_rx_grew(struct nu_rx *rx, size_t n);

/* Forgets everything. */
void nu_rx_clear(struct nu_rx *rx, struct nu_bufring *bufs);

/* Consumes n of nu_rx_len() bytes; with the last one, the memory goes back. */
static inline void nu_rx_consume(struct nu_rx *rx, struct nu_bufring *bufs, size_t n)
{
    rx->off += n;
    if (rx->off == rx->len) {
        nu_rx_clear(rx, bufs);
    }
}

#endif
