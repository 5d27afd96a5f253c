/* SPDX-License-Identifier: MIT */
/* A WebSocket on an HTTP connection that was upgraded, as an nng_stream. */
#ifndef NU_WS_WS_H
#define NU_WS_WS_H

#include "ws/ws_state.h"

/* What it is made of; the connection is its own from here on. */
struct nu_ws_params {
    nng_http_conn *conn; /* what the peer has sent behind the head is still there to be read */
    nng_http_req *req;   /* that has opened it */
    const nng_http_res *res;
    const struct nu_ws_settings *settings;
    const struct nu_ws_deflate *deflate; /* what was agreed upon */
    bool client;
};

/* NNG_ENOMEM: then nothing has changed. Owner of the connection's loop. */
int nu_ws_new(nng_stream **streamp, const struct nu_ws_params *params);

/* The WebSocket that this is, or NULL. */
struct nu_ws *nu_ws_of(nng_stream *stream);

/* For an aio that is begun, and whose vector is set up. Any thread. */
void nu_ws_recv(struct nu_ws *ws, nng_aio *aio, enum nu_ws_recv kind);
void nu_ws_send(struct nu_ws *ws, nng_aio *aio, enum nu_ws_opcode type, bool more);

/* Closes it unless it is closed. The reason is copied. Any thread. */
void nu_ws_close(struct nu_ws *ws, uint16_t code, const char *reason);

/* The same, behind all that is being sent, and what the peer still sends is received. */
void nu_ws_finish(struct nu_ws *ws, uint16_t code, const char *reason);

#endif
