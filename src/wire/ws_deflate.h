/* SPDX-License-Identifier: MIT */
/*
 * The compression of WebSocket messages (RFC 7692 7.2): what a message's frames carry together, and
 * back. Pure: bytes in, bytes out. However the bytes are cut, the outcome is the same, but for a
 * peer that refers to what its window does not hold any more: it may be found out. One thread at a
 * time.
 */
#ifndef NU_WIRE_WS_DEFLATE_H
#define NU_WIRE_WS_DEFLATE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define NU_WS_WINDOW_MIN 9 /* log2 of the least window; zlib has none of 8 */
#define NU_WS_WINDOW_MAX 15

/* ---- Memory ------------------------------------------------------------------------------- */

/* About what both directions take together with these windows, in bytes. */
size_t nu_ws_deflate_memory(int send_bits, int recv_bits);

/* The largest window, at most `bits`, with which both directions take no more than `memory` (0:
 * any). 0: there is none. */
int nu_ws_deflate_window(int bits, size_t memory);

/* ---- Compressing -------------------------------------------------------------------------- */

/* How a call ends. */
enum nu_ws_flush {
    NU_WS_FLUSH_NONE, /* bytes may stay behind */
    NU_WS_FLUSH_PART, /* the peer can make out all so far */
    NU_WS_FLUSH_END,  /* the message is complete */
};

struct nu_ws_deflater;

/* NULL: no memory. */
struct nu_ws_deflater *nu_ws_deflater_new(int bits);
void nu_ws_deflater_free(struct nu_ws_deflater *deflater); /* NULL is allowed */

/*
 * Appends what n more bytes become. The window goes over from one message to the next: who has
 * agreed not to let it takes a new deflater for each. A new one is good before any message.
 * False: no memory; only nu_ws_deflater_free() is left, and the message cannot be completed.
 */
bool nu_ws_deflate(struct nu_ws_deflater *deflater, const void *data, size_t n,
                   enum nu_ws_flush flush, struct nu_buf *out);

/* ---- Decompressing ------------------------------------------------------------------------ */

enum nu_ws_inflated {
    NU_WS_INFLATED,      /* all input is used up, and everything it says written */
    NU_WS_INFLATED_PART, /* there is more to come: call again with what is not used */
    NU_WS_INFLATED_BAD,  /* it is no such data; only nu_ws_inflater_free() is left */
    NU_WS_INFLATED_NO_MEMORY,
};

struct nu_ws_inflater;

/* NULL: no memory. */
struct nu_ws_inflater *nu_ws_inflater_new(int bits);
void nu_ws_inflater_free(struct nu_ws_inflater *inflater); /* NULL is allowed */

/*
 * Takes bytes of a message, *used of them, and writes *made at `out`; `end` says that the n bytes
 * are its last, also when they are given again. As for the window, it is as with a deflater.
 */
enum nu_ws_inflated nu_ws_inflate(struct nu_ws_inflater *inflater, const void *data, size_t n,
                                  bool end, size_t *used, void *out, size_t room, size_t *made);

#endif
