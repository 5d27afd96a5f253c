/* SPDX-License-Identifier: MIT */
/*
 * Compressed messages: the input as messages that a peer has compressed, whole and in pieces that
 * follow from its first four bytes; and as text that is compressed and has to come back. The fifth
 * byte says which, and with what window the latter.
 */
#include "wire/ws_deflate.h"

#include <stdint.h>
#include <stdlib.h>

#define MOST ((size_t) 1 << 16) /* of what a message becomes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static size_t piece_of(uint32_t *seed, size_t most, size_t left)
{
    *seed = *seed * 1664525 + 1013904223;
    size_t piece = 1 + (*seed >> 8) % most;
    return piece < left ? piece : left;
}

/* One message in pieces of at most `most` bytes, into rooms of that. */
static enum nu_ws_inflated inflate_message(struct nu_ws_inflater *inflater, const uint8_t *p,
                                           size_t n, size_t most, uint32_t seed, struct nu_buf *out)
{
    enum nu_ws_inflated found;
    size_t at = 0, left = piece_of(&seed, most, n);
    do {
        char room[512];
        size_t used, made, most_made = piece_of(&seed, most, sizeof room);
        char *copy = malloc(left > 0 ? left : 1);
        require(copy != NULL);
        memcpy(copy, p + at, left);
        found = nu_ws_inflate(inflater, copy, left, at + left == n, &used, room, most_made, &made);
        free(copy);
        require(used <= left && made <= most_made);
        require(found != NU_WS_INFLATED_PART || used > 0 || made > 0);
        nu_buf_add(out, room, made);
        at += used;
        left -= used;
        if (found == NU_WS_INFLATED && at < n) {
            require(left == 0);
            left = piece_of(&seed, most, n - at);
            found = NU_WS_INFLATED_PART;
        }
    } while (found == NU_WS_INFLATED_PART && out->len < MOST);
    return found;
}

/* Whole and in pieces are the same. */
static void inflate_both(const uint8_t *p, size_t n, uint32_t seed)
{
    struct nu_ws_inflater *a = nu_ws_inflater_new(NU_WS_WINDOW_MAX);
    struct nu_ws_inflater *b = nu_ws_inflater_new(NU_WS_WINDOW_MAX);
    require(a != NULL && b != NULL);
    for (int message = 0; message < 2; message++) { /* the second with the window of the first */
        struct nu_buf one = { 0 }, two = { 0 };
        enum nu_ws_inflated whole = inflate_message(a, p, n, SIZE_MAX / 2, seed, &one);
        enum nu_ws_inflated pieces = inflate_message(b, p, n, 7, seed, &two);
        bool same = one.len == two.len && whole == pieces;
        size_t least = one.len < two.len ? one.len : two.len;
        require(same || (one.len >= MOST && two.len >= MOST));
        require(least == 0 || memcmp(one.data, two.data, least) == 0);
        nu_buf_free(&one);
        nu_buf_free(&two);
        if (whole != NU_WS_INFLATED) {
            break;
        }
    }
    nu_ws_inflater_free(a);
    nu_ws_inflater_free(b);
}

static void there_and_back(const uint8_t *p, size_t n, uint32_t seed, int bits)
{
    struct nu_ws_deflater *deflater = nu_ws_deflater_new(bits);
    struct nu_ws_inflater *inflater = nu_ws_inflater_new(bits);
    require(deflater != NULL && inflater != NULL);
    for (int message = 0; message < 3; message++) {
        struct nu_buf packed = { 0 }, out = { 0 };
        size_t at = 0;
        do {
            size_t piece = piece_of(&seed, 100, n - at);
            enum nu_ws_flush flush = at + piece == n ? NU_WS_FLUSH_END : seed >> 30 & 1U;
            require(nu_ws_deflate(deflater, p + at, piece, flush, &packed));
            at += piece;
        } while (at < n);
        require(inflate_message(inflater, (uint8_t *) packed.data, packed.len, 64, seed, &out) ==
                NU_WS_INFLATED);
        require(out.len == n && (n == 0 || memcmp(out.data, p, n) == 0));
        nu_buf_free(&packed);
        nu_buf_free(&out);
    }
    nu_ws_deflater_free(deflater);
    nu_ws_inflater_free(inflater);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t seed;
    if (size <= sizeof seed) {
        return 0;
    }
    memcpy(&seed, data, sizeof seed);
    int bits = NU_WS_WINDOW_MIN + data[4] % (NU_WS_WINDOW_MAX - NU_WS_WINDOW_MIN + 1);
    const uint8_t *p = data + 5;
    size_t n = size - 5;
    if ((data[4] & 0x80) != 0 && n <= 4096) {
        there_and_back(p, n, seed, bits);
    } else {
        inflate_both(p, n, seed);
    }
    return 0;
}
