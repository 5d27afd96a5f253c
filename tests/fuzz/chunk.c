/* SPDX-License-Identifier: MIT */
/*
 * The decoder of chunked bodies: in one piece, and in pieces whose sizes follow from the first four
 * bytes of the input. The first of them also says whether it is read leniently. The rest is the
 * body.
 */
#include "wire/chunk.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum nu_parse rv;
    size_t used;
    size_t n; /* bytes of body */
    const char *reason;
};

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* Pieces of 1 to `most` bytes; the body goes to `body`, which has room for n bytes. */
static struct outcome decode(const char *text, size_t n, size_t most, uint32_t seed, bool lenient,
                             char *body)
{
    struct nu_chunked chunked = { .lenient = lenient };
    struct outcome out = { .rv = NU_PARSE_MORE };

    while (out.rv == NU_PARSE_MORE && out.used < n) {
        seed = seed * 1664525 + 1013904223;
        size_t piece = 1 + (seed >> 16) % most;
        size_t used;
        if (piece > n - out.used) {
            piece = n - out.used;
        }
        /* The copy ends where its memory ends. */
        char *buf = malloc(piece);
        require(buf != NULL);
        memcpy(buf, text + out.used, piece);

        struct nu_slice data;
        out.rv = nu_chunked_next(&chunked, buf, piece, &used, &data);
        require(used > 0 && used <= piece && data.n <= used);
        require(data.n == 0 || (out.rv == NU_PARSE_MORE && data.p + data.n == buf + used));
        /* What is left in the piece is looked at again only when there was data, or at the end. */
        require(used == piece || data.n > 0 || out.rv != NU_PARSE_MORE);
        memcpy(body + out.n, data.p, data.n);
        out.n += data.n;
        out.used += used;
        free(buf);
    }
    require((out.rv == NU_PARSE_BAD) == (chunked.bad_reason != NULL));
    require(out.n <= chunked.total && chunked.total <= INT64_MAX);
    require(out.rv != NU_PARSE_DONE || out.n == chunked.total);
    require(out.rv != NU_PARSE_DONE || memcmp(text + out.used - 2, "\r\n", 2) == 0);
    out.reason = chunked.bad_reason;
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t seed;

    if (size <= sizeof(seed)) {
        return 0;
    }
    memcpy(&seed, data, sizeof(seed));
    const char *text = (const char *) data + sizeof(seed);
    size_t n = size - sizeof(seed);
    char *one = malloc(n);
    char *two = malloc(n);
    require(one != NULL && two != NULL);

    struct outcome whole = decode(text, n, n, UINT32_MAX, data[0] % 2 == 1, one);
    for (size_t most = 1; most <= 64; most *= 4) {
        struct outcome pieces = decode(text, n, most, seed, data[0] % 2 == 1, two);
        require(pieces.rv == whole.rv && pieces.used == whole.used && pieces.n == whole.n);
        require(pieces.reason == whole.reason && memcmp(one, two, whole.n) == 0);
    }
    free(one);
    free(two);
    return 0;
}
