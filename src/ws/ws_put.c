/* SPDX-License-Identifier: MIT */
#include "ws/ws_put.h"

#include "base/freelist.h"
#include "base/random.h"

#include <stdlib.h>

/* Of memory that small messages take, which the loop keeps: an idle WebSocket has none. */
#define BLOCK ((size_t) 256)

/* ---- Masks -------------------------------------------------------------------------------- */

/* They must not be foreseen (RFC 6455 5.3), but a system call for each would be too much. */
static _Thread_local struct {
    uint8_t bytes[256];
    unsigned used; /* and one more than that once it is filled */
    bool filled;
} masks;

static void ws_put_new_mask(uint8_t mask[4])
{
    if (!masks.filled || masks.used == sizeof masks.bytes) {
        nu_random(masks.bytes, sizeof masks.bytes);
        masks.filled = true;
        masks.used = 0;
    }
    memcpy(mask, masks.bytes + masks.used, 4);
    masks.used += 4;
}

/* ---- Memory ------------------------------------------------------------------------------- */

int nu_ws_put_reserve_in(struct nu_buf *buf, size_t n)
{
    return nu_buf_reserve_block(buf, n, BLOCK);
}

static void ws_put_dispose(nng_aio *aio)
{
    nu_freelist_give(nu_container(aio, struct nu_ws_flight, aio), sizeof(struct nu_ws_flight));
}

static struct nu_ws_flight *ws_put_new_flight(struct nu_ws *ws)
{
    struct nu_ws_flight *flight = nu_freelist_take(sizeof *flight);
    if (flight != NULL) {
        nu_aio_init(&flight->aio, ws->wrote, ws);
        flight->aio.dispose = ws_put_dispose;
        flight->aio.local = true;
        flight->frames = (struct nu_buf){ 0 };
        flight->lent = NULL;
        flight->lent_err = 0;
        flight->recalled = false;
    }
    return flight;
}

int nu_ws_put_reserve(struct nu_ws *ws, size_t n)
{
    if (ws->flight == NULL && (ws->flight = ws_put_new_flight(ws)) == NULL) {
        return NNG_ENOMEM;
    }
    return nu_ws_put_reserve_in(&ws->next, n);
}

void nu_ws_put_release(struct nu_ws *ws)
{
    if (ws->flight != NULL) {
        nu_buf_free_block(&ws->flight->frames, BLOCK);
        nng_aio_reap(&ws->flight->aio); /* which frees it, once its callback has returned */
        ws->flight = NULL;
    }
    nu_buf_free_block(&ws->next, BLOCK);
    nu_buf_free_block(&ws->marks, BLOCK);
}

/* ---- Frames ------------------------------------------------------------------------------- */

void nu_ws_put_head(struct nu_ws *ws, enum nu_ws_opcode opcode, bool final, bool compressed,
                    size_t len)
{
    uint8_t *at = (uint8_t *) ws->next.data + ws->next.len;
    if (ws->client) {
        ws_put_new_mask(ws->mask);
    }
    size_t n = nu_ws_frame_head(at, opcode, final, compressed, len, ws->client ? ws->mask : NULL);
    ws->next.len += n;
    ws->framed += n;
    ws->frame_left = len;
    ws->frame_at = 0;
}

void nu_ws_put_payload(struct nu_ws *ws, const void *data, size_t n)
{
    uint8_t *at = (uint8_t *) ws->next.data + ws->next.len;
    if (n == 0) {
        return;
    }
    if (ws->client) {
        nu_ws_mask(at, data, n, ws->mask, ws->frame_at);
    } else {
        memcpy(at, data, n);
    }
    ws->next.len += n;
    ws->framed += n;
    ws->frame_left -= n;
    ws->frame_at += n;
}

void nu_ws_put_lent(struct nu_ws *ws, nng_aio *aio, struct iovec payload)
{
    struct nu_ws_flight *flight = ws->flight;
    flight->lent = aio;
    flight->payload = payload;
    flight->before = ws->next.len;
    ws->framed += payload.iov_len;
    ws->frame_left -= payload.iov_len;
    ws->frame_at += payload.iov_len;
}

void nu_ws_put_control(struct nu_ws *ws, enum nu_ws_opcode opcode, const void *data, size_t n)
{
    if (nu_ws_put_reserve(ws, NU_WS_HEAD_MAX + n) != 0) {
        ws->next.failed = false; /* which is nothing to those who send after it */
        return;
    }
    nu_ws_put_head(ws, opcode, true, false, n);
    nu_ws_put_payload(ws, data, n);
}

void nu_ws_put_pong(struct nu_ws *ws, const void *data, size_t n)
{
    if (ws->frame_left == 0 && ws->next.len < NU_WS_AHEAD) {
        nu_ws_put_control(ws, NU_WS_PONG, data, n);
        return;
    }
    free(ws->pong); /* the last ping's is enough (RFC 6455 5.5.3) */
    ws->pong = malloc(n + 1);
    ws->pong_length = n;
    if (ws->pong != NULL && n > 0) {
        memcpy(ws->pong, data, n);
    }
}

void nu_ws_put_drop_pong(struct nu_ws *ws)
{
    free(ws->pong);
    ws->pong = NULL;
}

void nu_ws_put_due_pong(struct nu_ws *ws)
{
    if (ws->pong != NULL && ws->frame_left == 0) {
        nu_ws_put_control(ws, NU_WS_PONG, ws->pong, ws->pong_length);
        nu_ws_put_drop_pong(ws);
    }
}
