/* SPDX-License-Identifier: MIT */
/*
 * What goes out: sends become frames in `next`; when the stream is free, these become those of
 * `flight`, which it writes. A frame that has begun cannot be taken back, or the peer would take
 * what follows for its rest: it is owed, goes out whatever becomes of its send, and counts.
 *
 * A server's large payload is not copied: the stream writes it from where it lies. A send that is
 * to end meanwhile has the write told to end, and ends with that; what is owed is then a copy.
 *
 * All of this: owner, with the lock held.
 */
#ifndef NU_WS_WS_WRITE_H
#define NU_WS_WS_WRITE_H

#include "ws/ws_state.h"

/* Puts sends into frames, as many as are to be written next. False: a message was not completed, so
 * that nothing can follow, and all that could go out before has. */
bool nu_ws_write_frames(struct nu_ws *ws);

/* Ends a send before its time, with what is owed of it as its count; now, or with the write that is
 * under way from its memory, */
void nu_ws_write_end(struct nu_ws *ws, nng_aio *aio, int err);

/* and that has to end early for it: said once. */
bool nu_ws_write_recall(struct nu_ws *ws);

/* Likewise all of them; the frame in hand is then complete. `lost`: nothing more will be written.
 */
void nu_ws_write_end_all(struct nu_ws *ws, int err, bool lost);

/* Whether there is something to write, and the stream is free: it is then in `flight`. */
bool nu_ws_write_start(struct nu_ws *ws);

/* The stream has taken n bytes of it; err says whether that is all it will take. Returns that, or 0
 * where it was merely told to end: what is left goes out with the next write. */
int nu_ws_written(struct nu_ws *ws, size_t n, int err);

/* All memory for this goes; nothing is being written. */
void nu_ws_write_free(struct nu_ws *ws);

/* All that is owed is written. */
static inline bool nu_ws_write_idle(const struct nu_ws *ws)
{
    return !ws->writing && ws->next.len == 0;
}

#endif
