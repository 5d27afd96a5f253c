/* SPDX-License-Identifier: MIT */
/*
 * The reader of WebSocket frames: in one piece, and in pieces whose sizes follow from the first
 * four bytes of the input. The fifth says which end reads, and with what limits.
 */
#include "wire/ws_frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* Everything that was found, in a row. */
struct outcome {
    char *text;
    size_t n;
    size_t used;
    int code;
};

static void say(struct outcome *out, const void *data, size_t n)
{
    memcpy(out->text + out->n, data, n);
    out->n += n;
}

static void note(struct outcome *out, const struct nu_ws_reader *r, enum nu_ws_found found,
                 struct nu_slice data, bool end)
{
    if (found == NU_WS_CONTROL) {
        uint16_t code;
        struct nu_slice reason;
        char kind = (char) r->opcode;
        require(data.n <= NU_WS_CONTROL_MAX && r->final);
        say(out, &kind, 1);
        say(out, data.p, data.n);
        require(nu_ws_close_parse(data.p, data.n, &code, &reason) != 0 || reason.n <= data.n);
    } else if (found == NU_WS_DATA) {
        require(data.n > 0 || end);
        require(r->message == NU_WS_TEXT || r->message == NU_WS_BINARY);
        say(out, data.p, data.n);
        if (end) {
            say(out, r->compressed ? "c" : "e", 1);
        }
    }
}

static struct outcome read_all(struct nu_ws_reader r, const uint8_t *bytes, size_t n, size_t most,
                               uint32_t seed, char *text)
{
    struct outcome out = { .text = text };
    while (out.used < n && out.code == 0) {
        seed = seed * 1664525 + 1013904223;
        size_t piece = 1 + (seed >> 16) % most, at = 0;
        piece = piece < n - out.used ? piece : n - out.used;
        char *buf = malloc(piece);
        require(buf != NULL);
        memcpy(buf, bytes + out.used, piece);
        while (at < piece && out.code == 0) {
            struct nu_slice data_found;
            size_t used;
            bool end;
            enum nu_ws_found found =
                nu_ws_reader_next(&r, buf + at, piece - at, &used, &data_found, &end);
            require(used <= piece - at);
            note(&out, &r, found, data_found, end);
            out.code = (int) r.bad_code;
            require((found == NU_WS_BAD) == (out.code != 0));
            require(found != NU_WS_MORE || used == piece - at);
            at += used;
        }
        out.used += at;
        free(buf);
    }
    nu_ws_reader_fini(&r);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t seed;
    if (size <= sizeof seed + 1) {
        return 0;
    }
    memcpy(&seed, data, sizeof seed);
    struct nu_ws_reader r = { .masked = (data[4] & 1) != 0,
                              .deflate = (data[4] & 2) != 0,
                              .max_frame = (data[4] & 4) != 0 ? 100 : 0 };
    const uint8_t *bytes = data + 5;
    size_t n = size - 5;
    char *one = malloc(3 * n + 1);
    char *two = malloc(3 * n + 1);
    require(one != NULL && two != NULL);
    struct outcome whole = read_all(r, bytes, n, n, UINT32_MAX, one);
    for (size_t most = 1; most <= 64; most *= 4) {
        struct outcome pieces = read_all(r, bytes, n, most, seed, two);
        require(pieces.code == whole.code && pieces.used == whole.used && pieces.n == whole.n);
        require(memcmp(one, two, whole.n) == 0);
    }
    free(one);
    free(two);
    return 0;
}
