/* SPDX-License-Identifier: MIT */
#include "net/rx.h"

#include <stdlib.h>
#include <string.h>

#define MIN_ROOM 1024U
#define FIRST_CAP 4096U

void nu_rx_clear(struct nu_rx *rx, struct nu_bufring *bufs)
{
    if (rx->base != NULL && rx->cap == 0) {
        nu_bufring_give(bufs, rx->base);
    } else {
        free(rx->base);
    }
    memset(rx, 0, sizeof *rx);
}

/* Our own memory with room for `room` more bytes, unconsumed ones moved to its start. */
static bool rx_own(struct nu_rx *rx, struct nu_bufring *bufs, size_t room)
{
    size_t len = nu_rx_len(rx);
    if (rx->cap - rx->len >= room && rx->cap > 0) {
        return true;
    }
    if (rx->cap > 0 && rx->cap - len >= room) {
        memmove(rx->base, rx->base + rx->off, len);
        rx->off = 0;
        rx->len = len;
        return true;
    }
    size_t cap = rx->cap > 0 ? rx->cap * 2 : FIRST_CAP;
    while (cap - len < room) {
        cap *= 2;
    }
    uint8_t *base = malloc(cap);
    if (base == NULL) {
        return false;
    }
    if (len > 0) {
        memcpy(base, nu_rx_data(rx), len);
    }
    nu_rx_clear(rx, bufs);
    *rx = (struct nu_rx){ .base = base, .len = len, .cap = cap };
    return true;
}

bool nu_rx_add(struct nu_rx *rx, struct nu_bufring *bufs, uint8_t *buffer, size_t n)
{
    bool ok = rx_own(rx, bufs, n);
    if (ok) {
        memcpy(rx->base + rx->len, buffer, n);
        rx->len += n;
    }
    nu_bufring_give(bufs, buffer);
    return ok;
}

bool nu_rx_own(struct nu_rx *rx, struct nu_bufring *bufs)
{
    return rx_own(rx, bufs, 1);
}

uint8_t *nu_rx_room(struct nu_rx *rx, struct nu_bufring *bufs, size_t *room)
{
    if (!rx_own(rx, bufs, MIN_ROOM)) {
        return NULL;
    }
    *room = rx->cap - rx->len;
    return rx->base + rx->len;
}

void nu_rx_grew(struct nu_rx *rx, size_t n)
{
    rx->len += n;
}
