/* SPDX-License-Identifier: MIT */
/* Frames of what goes out, put together in ws->next, and the memory for that, of which an idle
 * WebSocket has none. Owner, with the lock held. */
#ifndef NU_WS_WS_PUT_H
#define NU_WS_WS_PUT_H

#include "ws/ws_state.h"

/* Bytes of frames, after which the stream has to be free again. */
#define NU_WS_AHEAD ((size_t) 64 * 1024)

/* Room for n more bytes of frames, and all that their way out takes. 0 or NNG_ENOMEM. */
int nu_ws_put_reserve(struct nu_ws *ws, size_t n);

/* The same in another of its buffers. */
int nu_ws_put_reserve_in(struct nu_buf *buf, size_t n);

/* All memory for this goes; nothing is being written. */
void nu_ws_put_release(struct nu_ws *ws);

/* The header of a frame. There is room for it. */
void nu_ws_put_head(struct nu_ws *ws, enum nu_ws_opcode opcode, bool final, bool compressed,
                    size_t len);

/* Payload of the frame in hand. Likewise. */
void nu_ws_put_payload(struct nu_ws *ws, const void *data, size_t n);

/* The same from where it lies, in the memory of a send: what is a server's is not masked. It goes
 * behind what is in `next` now, with the next write. Likewise; and no write is under way, and this
 * is the only such payload. */
void nu_ws_put_lent(struct nu_ws *ws, nng_aio *aio, struct iovec payload);

/* Puts a control frame in, at most NU_WS_CONTROL_MAX bytes, between two frames. With no memory for
 * it, it is left out. */
void nu_ws_put_control(struct nu_ws *ws, enum nu_ws_opcode opcode, const void *data, size_t n);

/* The same for the answer to a ping, which may have to wait for the frame in hand to end; */
void nu_ws_put_pong(struct nu_ws *ws, const void *data, size_t n);

/* one that has waited goes now, if it can; or never. */
void nu_ws_put_due_pong(struct nu_ws *ws);
void nu_ws_put_drop_pong(struct nu_ws *ws);

#endif
