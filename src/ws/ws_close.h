/* SPDX-License-Identifier: MIT */
/*
 * How a WebSocket comes to its end (RFC 6455 7): by our user's wish, by the peer's, by what the
 * peer must not do, or by the end of its connection. Owner, with the lock held.
 */
#ifndef NU_WS_WS_CLOSE_H
#define NU_WS_WS_CLOSE_H

#include "ws/ws_state.h"

/* Our user closes it: all that pends ends, the peer is told, and is to answer. */
void nu_ws_close_begin(struct nu_ws *ws);

/* The same when all that is being sent is framed, but what the peer sends is still taken. */
void nu_ws_close_finish(struct nu_ws *ws);

/* CLOSING, finished: the peer has its time from when it was heard last, and since the last message.
 * False: that is over. */
bool nu_ws_close_wait(struct nu_ws *ws);

/* The peer has sent a close frame. It is answered when all that came before is over: taken by its
 * receives, and what these have made our user send is written; but not much later. */
void nu_ws_close_heard(struct nu_ws *ws, uint16_t code, struct nu_slice reason);

/* What the peer did is refused, at the same moment, with a code; nothing that it sends behind it is
 * looked at. Receives then end with `err`. */
void nu_ws_close_refuse(struct nu_ws *ws, enum nu_ws_code code, const char *reason, int err);

/* Does either, if its moment has come, or `now`. */
void nu_ws_close_judge(struct nu_ws *ws, bool now);

/* The stream has ended, and all that came was looked at. */
void nu_ws_close_ended(struct nu_ws *ws);

/* It is given up. */
void nu_ws_close_lost(struct nu_ws *ws, int err);

/* Whether the connection is to be closed now: no more is owed, or awaited. */
bool nu_ws_close_due(const struct nu_ws *ws);

/* Arms the timer for the next look at pings and idleness; whoever receives need not move it. */
void nu_ws_watch(struct nu_ws *ws);

/* The timer has fired while it was OPEN. */
void nu_ws_watch_fired(struct nu_ws *ws);

#endif
