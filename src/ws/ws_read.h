/* SPDX-License-Identifier: MIT */
/* What comes in: bytes of the stream become frames, frames messages, and these go to receives or
 * are queued. Owner, with the lock held. */
#ifndef NU_WS_WS_READ_H
#define NU_WS_WS_READ_H

#include "ws/ws_state.h"

/* Looks at all that was received and that there is room for. True: for long enough; there is more.
 */
bool nu_ws_read(struct nu_ws *ws);

/* Before the stream is read: whether what comes goes straight to a receive, ws->direct. */
void nu_ws_read_aim(struct nu_ws *ws);

/* n bytes have gone there, and no more will. */
void nu_ws_read_aimed(struct nu_ws *ws, size_t n);

/* Whether a read that goes there has to end, once. */
bool nu_ws_read_recall(struct nu_ws *ws);

/* Whether the stream is to be read: all that has come was looked at, and more is wanted. */
bool nu_ws_read_wanted(const struct nu_ws *ws);

/* Ends receives that nothing more will come for. */
void nu_ws_read_end(struct nu_ws *ws);

/* Frees what is queued. */
void nu_ws_read_drop(struct nu_ws *ws);

#endif
