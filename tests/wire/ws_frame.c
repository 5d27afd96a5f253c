/* SPDX-License-Identifier: MIT */
#include "wire/ws_frame.h"

#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(ws_frame, .timeout = 60);

#define BYTES(literal) (literal), sizeof(literal) - 1

/* What a reader finds, as text: one letter and the bytes for each thing, data of a frame joined. */
struct outcome {
    char text[1024];
    size_t n;
    size_t used;
    enum nu_ws_code code;
};

static void say(struct outcome *out, const char *data, size_t n)
{
    cr_assert(out->n + n < sizeof out->text);
    memcpy(out->text + out->n, data, n);
    out->n += n;
    out->text[out->n] = '\0';
}

static void note(struct outcome *out, const struct nu_ws_reader *r, enum nu_ws_found found,
                 struct nu_slice data, bool end)
{
    static const char *const kinds[16] = {
        [NU_WS_CLOSE] = "[close ", [NU_WS_PING] = "[ping ", [NU_WS_PONG] = "[pong "
    };
    if (found == NU_WS_CONTROL) {
        say(out, kinds[r->opcode], strlen(kinds[r->opcode]));
        say(out, data.p, data.n);
        say(out, "]", 1);
    } else if (found == NU_WS_DATA) {
        say(out, data.p, data.n);
        if (end) {
            say(out, r->message == NU_WS_TEXT ? "<T>" : "<B>", 3);
        }
    }
}

static struct outcome read_frames(struct nu_ws_reader r, const char *bytes, size_t n, size_t step)
{
    struct outcome out = { .n = 0 };
    while (out.code == 0 && out.used < n) {
        size_t piece = n - out.used < step ? n - out.used : step;
        char *buf = guard_copy(bytes + out.used, piece);
        size_t at = 0;
        while (at < piece && out.code == 0) {
            struct nu_slice data;
            size_t used;
            bool end;
            enum nu_ws_found found =
                nu_ws_reader_next(&r, buf + at, piece - at, &used, &data, &end);
            cr_assert(used <= piece - at);
            note(&out, &r, found, data, end);
            at += used;
            if (found == NU_WS_BAD) {
                out.code = r.bad_code;
                cr_assert_not_null(r.bad_reason);
                cr_assert_eq(nu_ws_reader_next(&r, buf, piece, &used, &data, &end), NU_WS_BAD);
                cr_assert_eq(used, 0);
            } else {
                cr_assert(found != NU_WS_MORE || at == piece);
            }
        }
        out.used += at;
    }
    nu_ws_reader_fini(&r);
    return out;
}

/* In pieces of every size the outcome is the same. */
static struct outcome read_any(struct nu_ws_reader r, const char *bytes, size_t n)
{
    struct outcome whole = read_frames(r, bytes, n, n);
    for (size_t step = 1; step < n && step < 40; step++) {
        struct outcome pieces = read_frames(r, bytes, n, step);
        cr_assert_str_eq(pieces.text, whole.text);
        cr_assert_eq(pieces.code, whole.code);
        cr_assert_eq(pieces.used, whole.used);
    }
    return whole;
}

/* ---- What a server sends: nothing is masked ------------------------------------------------ */

static const struct {
    const char *bytes;
    size_t n;
    const char *text;
    int code;
} unmasked[] = {
    { BYTES("\x81\x05Hello"), "Hello<T>", 0 },
    { BYTES("\x82\x02\x01\x02"), "\x01\x02<B>", 0 },
    { BYTES("\x81\x00"), "<T>", 0 },
    { BYTES("\x01\x03Hel\x80\x02lo"), "Hello<T>", 0 },
    { BYTES("\x01\x00\x00\x00\x80\x00"), "<T>", 0 },
    { BYTES("\x01\x03Hel\x89\x02hi\x8a\x00\x80\x02lo"), "Hel[ping hi][pong ]lo<T>", 0 },
    { BYTES("\x88\x00"), "[close ]", 0 },
    { BYTES("\x88\x04\x03\xe9zz"), "[close \x03\xe9zz]", 0 },
    { BYTES("\x81\x01"
            "a\x81\x01"
            "b"),
      "a<T>b<T>", 0 },
    /* lengths */
    { BYTES("\x82\x7e\x00\x7d"), "", 1002 },
    { BYTES("\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff"), "", 1002 },
    { BYTES("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00"), "", 1002 },
    { BYTES("\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x00"), "", 1009 },
    /* reserved bits and opcodes */
    { BYTES("\xc1\x00"), "", 1002 },
    { BYTES("\xa1\x00"), "", 1002 },
    { BYTES("\x91\x00"), "", 1002 },
    { BYTES("\x83\x00"), "", 1002 },
    { BYTES("\x87\x00"), "", 1002 },
    { BYTES("\x8b\x00"), "", 1002 },
    { BYTES("\x8f\x00"), "", 1002 },
    { BYTES("\xc9\x00"), "", 1002 },
    /* control frames */
    { BYTES("\x09\x00"), "", 1002 },
    { BYTES("\x08\x00"), "", 1002 },
    { BYTES("\x89\x7e\x00\x7e"), "", 1002 },
    { BYTES("\x88\x7f"), "", 1002 },
    /* fragments */
    { BYTES("\x80\x00"), "", 1002 },
    { BYTES("\x00\x01"
            "a"),
      "", 1002 },
    { BYTES("\x01\x01"
            "a\x81\x01"
            "b"),
      "a", 1002 },
    { BYTES("\x01\x01"
            "a\x02\x01"
            "b"),
      "a", 1002 },
    { BYTES("\x81\x01"
            "a\x80\x01"
            "b"),
      "a<T>", 1002 },
    /* masks */
    { BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "", 1002 },
};

Test(ws_frame, from_a_server)
{
    for (size_t i = 0; i < sizeof unmasked / sizeof unmasked[0]; i++) {
        struct nu_ws_reader r = { .max_frame = 65536 };
        struct outcome out = read_any(r, unmasked[i].bytes, unmasked[i].n);
        cr_assert_str_eq(out.text, unmasked[i].text, "%zu", i);
        cr_assert_eq((int) out.code, unmasked[i].code, "%zu: %d", i, (int) out.code);
    }
}

/* The RFC's own examples (5.7). */
Test(ws_frame, from_a_client)
{
    struct nu_ws_reader r = { .masked = true };
    struct outcome out =
        read_any(r, BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
                          "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x82\x80\x01\x02\x03\x04"));
    cr_assert_str_eq(out.text, "Hello<T>[pong Hello]<B>");
    out = read_any(r, BYTES("\x81\x05Hello"));
    cr_assert_eq(out.code, NU_WS_PROTOCOL_ERROR);
    cr_assert_eq(out.used, 2);
}

Test(ws_frame, deflate_takes_rsv1_on_a_first_frame_only)
{
    struct nu_ws_reader r = { .deflate = true };
    struct nu_slice data;
    size_t used;
    bool end;
    char first[] = "\x41\x01x", more[] = "\xc0\x01y", ping[] = "\xc9\x00";
    cr_assert_eq(nu_ws_reader_next(&r, first, 3, &used, &data, &end), NU_WS_DATA);
    cr_assert(r.compressed && !end);
    struct nu_ws_reader s = r;
    cr_assert_eq(nu_ws_reader_next(&r, more, 3, &used, &data, &end), NU_WS_BAD);
    cr_assert_eq(nu_ws_reader_next(&s, ping, 2, &used, &data, &end), NU_WS_BAD);
}

Test(ws_frame, counts_the_frames_of_a_message)
{
    struct nu_ws_reader r = { .masked = false };
    char bytes[] = "\x01\x01"
                   "a\x89\x00\x00\x01"
                   "b\x80\x01"
                   "c";
    size_t at = 0, used;
    struct nu_slice data;
    bool end = false;
    while (!end) {
        cr_assert_neq(nu_ws_reader_next(&r, bytes + at, sizeof bytes - 1 - at, &used, &data, &end),
                      NU_WS_BAD);
        at += used;
    }
    cr_assert_eq(r.frames, 3);
}

/* ---- What we send ------------------------------------------------------------------------- */

Test(ws_frame, what_is_written_is_read)
{
    static const uint64_t lengths[] = { 0, 1, 125, 126, 127, 65535, 65536, 1000000 };
    static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    for (unsigned i = 0; i < 2 * sizeof lengths / sizeof lengths[0]; i++) {
        bool masked = i % 2 == 1;
        uint64_t len = lengths[i / 2], seen = 0;
        char *bytes = malloc(NU_WS_HEAD_MAX + len);
        cr_assert_not_null(bytes);
        size_t n = nu_ws_frame_head((uint8_t *) bytes, NU_WS_BINARY, true, false, len,
                                    masked ? mask : NULL);
        cr_assert_eq(n, (len < 126 ? 2U : len < 65536 ? 4U : 10U) + (masked ? 4U : 0U));
        for (uint64_t j = 0; j < len; j++) {
            bytes[n + j] = (char) (j * 7);
        }
        if (masked) {
            nu_ws_mask(bytes + n, bytes + n, len, mask, 0);
        }
        struct nu_ws_reader r = { .masked = masked };
        size_t at = 0, used;
        bool end = false;
        while (!end) {
            struct nu_slice data;
            size_t piece = n + len - at < 777 ? n + len - at : 777;
            cr_assert_neq(nu_ws_reader_next(&r, bytes + at, piece, &used, &data, &end), NU_WS_BAD);
            for (size_t j = 0; j < data.n; j++) {
                cr_assert_eq(data.p[j], (char) ((seen + j) * 7));
            }
            seen += data.n;
            at += used;
        }
        cr_assert_eq(seen, len);
        cr_assert_eq(at, n + len);
        free(bytes);
    }
}

Test(ws_frame, masks_at_any_place_and_length)
{
    static const uint8_t mask[4] = { 1, 20, 0x80, 0xff };
    for (size_t len = 0; len < 70; len++) {
        for (unsigned from = 0; from < 9; from++) {
            char text[70];
            for (size_t i = 0; i < len; i++) {
                text[i] = (char) (i * 11);
            }
            char *buf = guard_copy(text, len);
            nu_ws_mask(buf, buf, len, mask, from);
            for (size_t i = 0; i < len; i++) {
                cr_assert_eq((uint8_t) buf[i],
                             (uint8_t) ((uint8_t) text[i] ^ mask[(i + from) & 3]));
            }
        }
    }
}

/* ---- Close frames ------------------------------------------------------------------------- */

Test(ws_frame, close_codes)
{
    for (unsigned code = 0; code < 65536; code++) {
        bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                    (code >= 3000 && code <= 4999);
        cr_assert_eq(nu_ws_code_valid(code), good, "%u", code);
    }
}

Test(ws_frame, close_payloads)
{
    struct nu_slice reason;
    uint16_t code;
    cr_assert_eq(nu_ws_close_parse("", 0, &code, &reason), 0);
    cr_assert(code == NU_WS_NO_CODE && reason.n == 0);
    cr_assert_eq(nu_ws_close_parse("\x03\xe8", 2, &code, &reason), 0);
    cr_assert(code == 1000 && reason.n == 0);
    cr_assert_eq(nu_ws_close_parse("\x03\xe9"
                                   "bye",
                                   5, &code, &reason),
                 0);
    cr_assert(code == 1001 && reason.n == 3 && memcmp(reason.p, "bye", 3) == 0);
    cr_assert_eq(nu_ws_close_parse("\x03", 1, &code, &reason), 1002);
    cr_assert_eq(nu_ws_close_parse("\x03\xed", 2, &code, &reason), 1002);
    cr_assert_eq(nu_ws_close_parse("\x03\xe8\xff", 3, &code, &reason), 1007);
    cr_assert_eq(nu_ws_close_parse("\x03\xe8\xe2\x82", 4, &code, &reason), 1007);
}
