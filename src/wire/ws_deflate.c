/* SPDX-License-Identifier: MIT */
#include "wire/ws_deflate.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

/* Both ends leave this out at the end of a message: an empty block without compression, but for the
 * bits it begins with (RFC 7692 7.2.1). */
static const uint8_t tail[] = { 0x00, 0x00, 0xff, 0xff };

/* Blocks of a message that say that they are the last (7.2.3.4): each costs a copy of the window.
 */
#define FINAL_BLOCKS_MAX 8

/* ---- Memory ------------------------------------------------------------------------------- */

/* zlib's memLevel: a hash table, and a buffer for half a window, so that what does not become
 * smaller is still there to be stored. */
static int ws_deflate_level(int bits)
{
    return bits - 7;
}

/* What zconf.h says that zlib takes, and what is beside it. */
size_t nu_ws_deflate_memory(int send_bits, int recv_bits)
{
    size_t send = ((size_t) 1 << (send_bits + 2)) +
                  ((size_t) 1 << (ws_deflate_level(send_bits) + 9)) +
                  ((size_t) 1 << (ws_deflate_level(send_bits) + 6)) + 7168;
    size_t recv = ((size_t) 1 << recv_bits) + 8192;
    return send + recv;
}

int nu_ws_deflate_window(int bits, size_t memory)
{
    while (memory > 0 && bits >= NU_WS_WINDOW_MIN && nu_ws_deflate_memory(bits, bits) > memory) {
        bits--;
    }
    return bits >= NU_WS_WINDOW_MIN ? bits : 0;
}

/* ---- Compressing -------------------------------------------------------------------------- */

struct nu_ws_deflater {
    z_stream z;
};

struct nu_ws_deflater *nu_ws_deflater_new(int bits)
{
    struct nu_ws_deflater *deflater = calloc(1, sizeof *deflater);
    if (deflater != NULL && deflateInit2(&deflater->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -bits,
                                         ws_deflate_level(bits), Z_DEFAULT_STRATEGY) != Z_OK) {
        free(deflater);
        return NULL;
    }
    return deflater;
}

void nu_ws_deflater_free(struct nu_ws_deflater *deflater)
{
    if (deflater != NULL) {
        (void) deflateEnd(&deflater->z);
        free(deflater);
    }
}

/* One round: as much as there is room for. False: no memory. */
static bool ws_deflate_step(z_stream *z, int flush, struct nu_buf *out)
{
    size_t room = z->avail_in < 512 ? 512 : (size_t) z->avail_in / 2;
    if (nu_buf_reserve(out, room) != 0) {
        return false;
    }
    room = out->cap - out->len;
    z->avail_out = room < UINT_MAX ? (uInt) room : UINT_MAX;
    z->next_out = (Bytef *) out->data + out->len;
    uInt before = z->avail_out;
    (void) deflate(z, flush); /* can only find that there is nothing to do */
    out->len += before - z->avail_out;
    return true;
}

/* Without the tail; a message needs at least the bits that the tail's block begins with. */
static bool ws_deflate_finish(size_t from, struct nu_buf *out)
{
    size_t n = out->len - from;
    if (n >= sizeof tail && memcmp(out->data + out->len - sizeof tail, tail, sizeof tail) == 0) {
        out->len -= sizeof tail;
        n -= sizeof tail;
    }
    if (n == 0) {
        nu_buf_add(out, tail, 1);
    }
    return nu_buf_error(out) == 0;
}

bool nu_ws_deflate(struct nu_ws_deflater *deflater, const void *data, size_t n,
                   enum nu_ws_flush flush, struct nu_buf *out)
{
    z_stream *z = &deflater->z;
    size_t from = out->len;
    z->next_in = (Bytef *) (uintptr_t) data;
    do {
        uInt piece = n < UINT_MAX ? (uInt) n : UINT_MAX;
        bool last = n == piece;
        z->avail_in = piece;
        do {
            if (!ws_deflate_step(z, last && flush != NU_WS_FLUSH_NONE ? Z_SYNC_FLUSH : Z_NO_FLUSH,
                                 out)) {
                return false;
            }
        } while (z->avail_out == 0);
        n -= piece;
    } while (n > 0);
    return flush != NU_WS_FLUSH_END || ws_deflate_finish(from, out);
}

/* ---- Decompressing ------------------------------------------------------------------------ */

struct nu_ws_inflater {
    z_stream z;
    bool begun;            /* a byte of the message was here */
    bool at_tail;          /* all of them were */
    unsigned tail_used;    /* bytes of the tail that were taken */
    unsigned final_blocks; /* of the message */
};

struct nu_ws_inflater *nu_ws_inflater_new(int bits)
{
    struct nu_ws_inflater *inflater = calloc(1, sizeof *inflater);
    if (inflater != NULL && inflateInit2(&inflater->z, -bits) != Z_OK) {
        free(inflater);
        return NULL;
    }
    return inflater;
}

void nu_ws_inflater_free(struct nu_ws_inflater *inflater)
{
    if (inflater != NULL) {
        (void) inflateEnd(&inflater->z);
        free(inflater);
    }
}

/* After a block that says it is the last others may follow, with the window as it was (7.2.3.4). */
static enum nu_ws_inflated ws_inflate_restart(struct nu_ws_inflater *inflater)
{
    return ++inflater->final_blocks <= FINAL_BLOCKS_MAX && inflateResetKeep(&inflater->z) == Z_OK
               ? NU_WS_INFLATED
               : NU_WS_INFLATED_BAD;
}

/* Until the input is used up, or the room. */
static enum nu_ws_inflated ws_inflate_run(struct nu_ws_inflater *inflater)
{
    z_stream *z = &inflater->z;
    for (;;) {
        int found = inflate(z, Z_SYNC_FLUSH);
        if (found == Z_STREAM_END) {
            enum nu_ws_inflated restarted = ws_inflate_restart(inflater);
            if (restarted != NU_WS_INFLATED) {
                return restarted;
            }
            if (z->avail_in > 0 && z->avail_out > 0) {
                continue;
            }
        } else if (found == Z_MEM_ERROR) {
            return NU_WS_INFLATED_NO_MEMORY;
        } else if (found != Z_OK && found != Z_BUF_ERROR) {
            return NU_WS_INFLATED_BAD;
        }
        return z->avail_out == 0 ? NU_WS_INFLATED_PART : NU_WS_INFLATED;
    }
}

/* Between two blocks: where the tail leaves what is well-formed. */
static bool ws_inflate_is_between(const z_stream *z)
{
    return (z->data_type & 0xff) == 128;
}

/* What the message's end stands for. */
static enum nu_ws_inflated ws_inflate_tail(struct nu_ws_inflater *inflater)
{
    z_stream *z = &inflater->z;
    z->next_in = (Bytef *) (uintptr_t) (tail + inflater->tail_used);
    z->avail_in = (uInt) (sizeof tail - inflater->tail_used);
    enum nu_ws_inflated found = ws_inflate_run(inflater);
    inflater->tail_used = (unsigned) sizeof tail - z->avail_in;
    if (found != NU_WS_INFLATED) {
        return found;
    }
    inflater->at_tail = inflater->begun = false;
    inflater->tail_used = inflater->final_blocks = 0;
    return ws_inflate_is_between(z) ? NU_WS_INFLATED : NU_WS_INFLATED_BAD;
}

enum nu_ws_inflated nu_ws_inflate(struct nu_ws_inflater *inflater, const void *data, size_t n,
                                  bool end, size_t *used, void *out, size_t room, size_t *made)
{
    z_stream *z = &inflater->z;
    enum nu_ws_inflated found = NU_WS_INFLATED;
    uInt most = room < UINT_MAX ? (uInt) room : UINT_MAX;
    uInt piece = n < UINT_MAX ? (uInt) n : UINT_MAX;
    *used = *made = 0;
    inflater->begun = inflater->begun || n > 0;
    if (!inflater->begun) { /* an empty message without even its one byte: some send it */
        return NU_WS_INFLATED;
    }
    z->next_out = out;
    z->avail_out = most;
    if (!inflater->at_tail) {
        z->next_in = (Bytef *) (uintptr_t) data;
        z->avail_in = piece;
        found = ws_inflate_run(inflater);
        *used = piece - z->avail_in;
        if (found == NU_WS_INFLATED && piece < n) {
            found = NU_WS_INFLATED_PART;
        }
        inflater->at_tail = found == NU_WS_INFLATED && end;
    }
    if (inflater->at_tail) {
        found = ws_inflate_tail(inflater);
    }
    *made = most - z->avail_out;
    return found;
}
