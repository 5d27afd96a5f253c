/* SPDX-License-Identifier: MIT */
#include "wire/ws_deflate.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>

TestSuite(ws_deflate, .timeout = 120);

/* ---- RFC 7692 7.2.3 ----------------------------------------------------------------------- */

#define BYTES(...)                                                                                 \
    {                                                                                              \
        (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })                 \
    }

struct bytes {
    const uint8_t *p;
    size_t n;
};

/* Messages to one inflater after the other, and what they say; NULL: it is refused. */
static const struct {
    struct bytes bytes;
    const char *text;
    bool fresh; /* a new inflater begins with it */
} messages[] = {
    { BYTES(0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00), "Hello", true },
    { BYTES(0xf2, 0x00, 0x11, 0x00, 0x00), "Hello", false },
    { BYTES(0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00), "Hello", false },
    { BYTES(0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00), "Hello", true },
    { BYTES(0xf2, 0x00, 0x11, 0x00, 0x00), "Hello", false }, /* the window is still there */
    { BYTES(0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00), "Hello",
      true },
    { BYTES(0x00), "", false },
    { { NULL, 0 }, "", false },
    { BYTES(0xf2, 0x00, 0x11, 0x00, 0x00), "Hello", false },
    /* Refused: a cut block, a window that is empty, a block of the fourth kind, no
     * padding after the last block, too many last blocks. */
    { BYTES(0xf2, 0x48, 0xcd), NULL, true },
    { BYTES(0xf2, 0x00, 0x11, 0x00, 0x00), NULL, true },
    { BYTES(0x07), NULL, true },
    { BYTES(0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00), NULL, true },
    { BYTES(3, 0, 3, 0, 3, 0, 3, 0, 3, 0, 3, 0, 3, 0, 3, 0, 3, 0, 0), NULL, true },
};

/* All of a message, `step` bytes at a time into as little room. */
static bool t_inflate(struct nu_ws_inflater *inflater, const uint8_t *p, size_t n, size_t step,
                      struct nu_buf *out)
{
    size_t at = 0;
    for (;;) {
        uint8_t room[4096];
        size_t used, made, piece = n - at < step ? n - at : step;
        uint8_t *copy = malloc(piece + 1); /* ends where the memory does, nearly */
        if (piece > 0) {
            memcpy(copy, p + at, piece);
        }
        enum nu_ws_inflated found =
            nu_ws_inflate(inflater, copy, piece, at + piece == n, &used, room,
                          step < sizeof room ? step : sizeof room, &made);
        free(copy);
        cr_assert(used <= piece && made <= sizeof room);
        nu_buf_add(out, room, made);
        at += used;
        if (found == NU_WS_INFLATED_BAD) {
            return false;
        }
        cr_assert_neq(found, NU_WS_INFLATED_NO_MEMORY);
        if (found == NU_WS_INFLATED && at == n) {
            return true;
        }
    }
}

static void t_read_messages(size_t step)
{
    struct nu_ws_inflater *inflater = NULL;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        struct nu_buf out = { 0 };
        if (messages[i].fresh) {
            nu_ws_inflater_free(inflater);
            inflater = nu_ws_inflater_new(NU_WS_WINDOW_MAX);
            cr_assert_not_null(inflater);
        }
        bool good = t_inflate(inflater, messages[i].bytes.p, messages[i].bytes.n, step, &out);
        cr_assert_eq(good, messages[i].text != NULL, "%zu by %zu", i, step);
        if (good) {
            size_t n = strlen(messages[i].text);
            cr_assert(out.len == n && (n == 0 || memcmp(out.data, messages[i].text, n) == 0),
                      "%zu by %zu", i, step);
        }
        nu_buf_free(&out);
    }
    nu_ws_inflater_free(inflater);
}

Test(ws_deflate, examples_of_the_rfc)
{
    t_read_messages(4096);
    t_read_messages(1);
    t_read_messages(2);
}

/* ---- There and back ----------------------------------------------------------------------- */

/* Text that repeats itself from afar, and noise. */
static void t_fill(uint8_t *p, size_t n, bool noise)
{
    uint32_t seed = 7;
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525 + 1013904223;
        p[i] = noise ? (uint8_t) (seed >> 24) : (uint8_t) ("etaoin shrdlu"[(seed >> 28) % 13]);
    }
}

static void t_there_and_back(int bits, bool noise, size_t n, size_t step)
{
    struct nu_ws_deflater *deflater = nu_ws_deflater_new(bits);
    struct nu_ws_inflater *inflater = nu_ws_inflater_new(bits);
    uint8_t *plain = malloc(n + 1);
    cr_assert(deflater != NULL && inflater != NULL && plain != NULL);
    t_fill(plain, n, noise);
    size_t sizes[3];
    for (int message = 0; message < 3; message++) {
        struct nu_buf packed = { 0 }, out = { 0 };
        for (size_t at = 0;;) {
            size_t piece = n - at < step ? n - at : step;
            enum nu_ws_flush flush = at + piece == n    ? NU_WS_FLUSH_END
                                     : message % 2 == 0 ? NU_WS_FLUSH_NONE
                                                        : NU_WS_FLUSH_PART;
            cr_assert(nu_ws_deflate(deflater, plain + at, piece, flush, &packed));
            at += piece;
            if (at == n) {
                break;
            }
        }
        sizes[message] = packed.len;
        cr_assert(t_inflate(inflater, (uint8_t *) packed.data, packed.len, 1000, &out));
        cr_assert(out.len == n && (n == 0 || memcmp(out.data, plain, n) == 0));
        nu_buf_free(&packed);
        nu_buf_free(&out);
    }
    if (!noise && n >= 4096) {
        cr_assert_lt(sizes[0], n * 3 / 4);
    }
    if (!noise && n == 4096 && bits == NU_WS_WINDOW_MAX) { /* it is in the window already */
        cr_assert_lt(sizes[2], n / 20, "%zu", sizes[2]);
    }
    cr_assert_leq(sizes[0], n + n / 40 + 64 + 10 * (n / step), "%zu of %zu", sizes[0], n);
    nu_ws_deflater_free(deflater);
    nu_ws_inflater_free(inflater);
    free(plain);
}

Test(ws_deflate, there_and_back)
{
    static const size_t lengths[] = { 0, 1, 16, 64, 4096, 65536, 300001 };
    for (int bits = NU_WS_WINDOW_MIN; bits <= NU_WS_WINDOW_MAX; bits += 3) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            t_there_and_back(bits, false, lengths[i], SIZE_MAX);
            t_there_and_back(bits, false, lengths[i], 5000);
            t_there_and_back(bits, true, lengths[i], 70000);
        }
    }
}

/* What expands without end does so in pieces of the room that there is. */
Test(ws_deflate, a_bomb_goes_off_in_pieces)
{
    struct nu_ws_deflater *deflater = nu_ws_deflater_new(NU_WS_WINDOW_MAX);
    struct nu_ws_inflater *inflater = nu_ws_inflater_new(NU_WS_WINDOW_MAX);
    const size_t n = (size_t) 1 << 22;
    char *zeros = calloc(1, n), room[4096];
    struct nu_buf packed = { 0 };
    size_t used, made, at = 0, all = 0;
    enum nu_ws_inflated found;
    cr_assert(nu_ws_deflate(deflater, zeros, n, NU_WS_FLUSH_END, &packed));
    cr_assert_lt(packed.len, n / 900);
    do {
        found = nu_ws_inflate(inflater, packed.data + at, packed.len - at, true, &used, room,
                              sizeof room, &made);
        at += used;
        all += made;
        cr_assert(found == NU_WS_INFLATED || (found == NU_WS_INFLATED_PART && made == sizeof room));
    } while (found == NU_WS_INFLATED_PART);
    cr_assert_eq(all, n);
    nu_ws_deflater_free(deflater);
    nu_ws_inflater_free(inflater);
    nu_buf_free(&packed);
    free(zeros);
}

/* ---- Memory ------------------------------------------------------------------------------- */

Test(ws_deflate, windows_that_fit)
{
    cr_assert_eq(nu_ws_deflate_window(15, 0), 15);
    cr_assert_eq(nu_ws_deflate_window(12, 0), 12);
    cr_assert_eq(nu_ws_deflate_window(15, (size_t) 320 * 1024), 15);
    cr_assert_eq(nu_ws_deflate_window(15, 1024), 0);
    int before = 0;
    for (size_t memory = 16384; memory < (size_t) 512 * 1024; memory += 4096) {
        int bits = nu_ws_deflate_window(15, memory);
        cr_assert_geq(bits, before);
        cr_assert(bits == 0 || nu_ws_deflate_memory(bits, bits) <= memory);
        before = bits;
    }
    cr_assert_eq(before, 15);
}
