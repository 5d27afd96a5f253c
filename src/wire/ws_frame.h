/* SPDX-License-Identifier: MIT */
/*
 * WebSocket frames (RFC 6455 5) as text: what a peer sends is taken apart, what we send gets its
 * header and its mask. Pure: no socket, no clock, no thread. However the bytes are cut, the outcome
 * is the same. What a frame may say by itself and after the frames before it is checked here; what
 * messages say (UTF-8, compression, their length) is for src/ws.
 */
#ifndef NU_WIRE_WS_FRAME_H
#define NU_WIRE_WS_FRAME_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NU_WS_HEAD_MAX 14     /* bytes of a header */
#define NU_WS_CONTROL_MAX 125 /* bytes of a control frame's payload (5.5) */

enum nu_ws_opcode {
    NU_WS_CONTINUATION = 0x0,
    NU_WS_TEXT = 0x1,
    NU_WS_BINARY = 0x2,
    NU_WS_CLOSE = 0x8,
    NU_WS_PING = 0x9,
    NU_WS_PONG = 0xa,
};

/* Codes of a close frame that we have a use for (7.4.1). */
enum nu_ws_code {
    NU_WS_NORMAL = 1000,
    NU_WS_GOING_AWAY = 1001,
    NU_WS_PROTOCOL_ERROR = 1002,
    NU_WS_UNSUPPORTED = 1003,
    NU_WS_NO_CODE = 1005,  /* never sent: the close frame was empty */
    NU_WS_ABNORMAL = 1006, /* never sent: there was no close frame */
    NU_WS_INVALID_DATA = 1007,
    NU_WS_POLICY = 1008,
    NU_WS_TOO_BIG = 1009,
    NU_WS_NO_EXTENSION = 1010,
    NU_WS_INTERNAL_ERROR = 1011,
};

/* What a call has found. */
enum nu_ws_found {
    NU_WS_MORE,    /* nothing to act on; goes on with what follows */
    NU_WS_DATA,    /* bytes of a data frame, unmasked: `data`; maybe the last ones: `message_end` */
    NU_WS_CONTROL, /* a whole control frame: `opcode`, and its payload in `data` */
    NU_WS_BAD,     /* the connection fails, with `bad_code` */
};

/* All zero but for what is constant: before the first frame. */
struct nu_ws_reader {
    /* constant */
    bool masked;        /* the peer is a client, so its frames are masked; else they must not be */
    bool deflate;       /* permessage-deflate was agreed upon: RSV1 has a meaning (RFC 7692) */
    uint64_t max_frame; /* bytes of payload; 0: no limit */

    /* of the frame in hand */
    enum nu_ws_opcode opcode;
    bool final;
    bool payload;         /* its header is complete */
    uint8_t masked_bytes; /* of the payload so far, modulo 4 */
    uint8_t nhead;        /* bytes of its header so far */
    uint64_t left;        /* bytes of payload to come */
    uint8_t mask[4];
    uint8_t head[NU_WS_HEAD_MAX];
    uint8_t ncontrol; /* bytes of the payload of a control frame that came in pieces */
    uint8_t *control; /* these, until the next call after it was found; NULL: no such frame */

    /* of the message in hand */
    bool in_message;           /* its first frame was here, its last was not */
    bool compressed;           /* RSV1 was set */
    enum nu_ws_opcode message; /* NU_WS_TEXT or NU_WS_BINARY */
    unsigned frames;           /* frames of it so far */

    enum nu_ws_code bad_code; /* after NU_WS_BAD */
    const char *bad_reason;   /* likewise; static text */
};

/*
 * Takes the next bytes, *used of them, and unmasks them where they lie. A message without bytes is
 * found as NU_WS_DATA with empty data and *message_end. What is found is good until the next call,
 * as long as the bytes are. After NU_WS_BAD, which may be for want of memory
 * (NU_WS_INTERNAL_ERROR), a call takes nothing and says the same.
 */
enum nu_ws_found nu_ws_reader_next(struct nu_ws_reader *reader, void *buf, size_t len, size_t *used,
                                   struct nu_slice *data, bool *message_end);

/* Bytes of the data frame in hand that are still to come; 0: no such frame is in hand. */
static inline uint64_t nu_ws_reader_left(const struct nu_ws_reader *reader)
{
    return reader->payload && (reader->opcode & 0x8U) == 0 ? reader->left : 0;
}

/* Frees what it holds. */
void nu_ws_reader_fini(struct nu_ws_reader *reader);

/* What is to be sent before `len` bytes of payload; returns the header's length. `mask` NULL: a
 * server's frame. */
size_t nu_ws_frame_head(uint8_t head[NU_WS_HEAD_MAX], enum nu_ws_opcode opcode, bool final,
                        bool compressed, uint64_t len, const uint8_t mask[4]);

/* Masks or unmasks (5.3): `from` is the place of the first byte within the payload. dst may be src.
 */
void nu_ws_mask(void *dst, const void *src, size_t len, const uint8_t mask[4], uint64_t from);

/* Whether a close frame may carry this code (7.4). */
bool nu_ws_code_valid(unsigned code);

/*
 * Takes a close frame's payload apart: *code is NU_WS_NO_CODE where it is empty, *reason points
 * into it. Returns 0, or the code to fail the connection with.
 */
int nu_ws_close_parse(const void *payload, size_t len, uint16_t *code, struct nu_slice *reason);

#endif
