/* SPDX-License-Identifier: MIT */
/*
 * A WebSocket's peer that a test plays by hand, as a server or a client, with frames written down
 * as words:
 *
 *   T:text B:bytes C:rest    a message, or the end of one; in small letters it goes on
 *   Z:text Y:bytes           a message that is compressed, in one frame; Z/100:text in frames of
 *                            100 bytes. T and B are what is expected of one
 *   P:x O:x X:1000,bye       ping, pong, close (X: without a code; x:bytes with this payload)
 *   Fnn:x                    a frame that begins with this byte
 *   R:nnnn                   these bytes
 *   T*70000:ab               the payload so many times
 *   T$70000:3                so many bytes of the third of the texts there are
 *
 * In a payload %nn is a byte.
 */
#ifndef NU_TESTS_SUPPORT_WS_PEER_H
#define NU_TESTS_SUPPORT_WS_PEER_H

#include "base/buf.h"

#include <nng/stream.h>
#include <stdbool.h>

struct t_ws_deflate; /* what it has compressed with */

struct t_ws_peer {
    int fd;
    bool client;                  /* that is what the peer is */
    size_t piece;                 /* bytes that it sends at a time; 0: all */
    bool said_bye;                /* it has sent a close frame */
    struct t_ws_deflate *deflate; /* NULL: nothing was agreed on */
    unsigned compressed;          /* messages that came compressed */
    size_t received;              /* bytes of payload in those */
    struct nu_buf in;
};

/* Upgrades a connection of ours, or the library's. `fields` are lines that are added. */
void t_ws_peer_connect(struct t_ws_peer *peer, unsigned port, const char *path, const char *fields);
void t_ws_peer_accept(struct t_ws_peer *peer, int listener);

/* The same, but the server agrees with those to a client's extensions; NULL: to none. */
void t_ws_peer_accept_with(struct t_ws_peer *peer, int listener, const char *extensions);

void t_ws_peer_close(struct t_ws_peer *peer);

/* Sends frames, and receives exactly those; after a close frame, answers it and awaits the end of
 * the connection. `what` is for messages of failure. */
void t_ws_peer_send(struct t_ws_peer *peer, const char *frames);
void t_ws_peer_expect(struct t_ws_peer *peer, const char *frames, const char *what);

/* The first byte of the next frame, which stays there. */
unsigned t_ws_peer_peek(struct t_ws_peer *peer);

/* One of the library's, and the peer that it has accepted. */
struct t_ws_server {
    nng_stream_listener *listener;
    nng_stream *stream;
    struct t_ws_peer peer;
};

/* It waits so long, in ms, for the peer's close frame. */
void t_ws_server_open(struct t_ws_server *server, nng_duration close_timeout);
void t_ws_server_close(struct t_ws_server *server);

#endif
