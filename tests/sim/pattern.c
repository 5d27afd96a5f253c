/* SPDX-License-Identifier: MIT */
#include "sim/pattern.h"

#include "sim/seed.h"

#include <string.h>

#define SIZE ((size_t) 1 << 19)
#define STREAMS 65521U /* a stream begins at one of so many places */
#define APART 521U     /* of one stream's beginning and the next one's, modulo that */

static uint64_t bytes[SIZE / sizeof(uint64_t)]; /* zeros: they are to be made yet */

static void pattern_make(void)
{
    uint64_t x = 1;
    for (size_t i = 0; i < SIZE / sizeof x; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bytes[i] = x ^ x >> 32;
    }
}

const uint8_t *sim_pattern(unsigned stream, size_t at, size_t n)
{
    if (bytes[0] == 0) {
        pattern_make();
    }
    size_t begin = stream % STREAMS * APART % STREAMS;
    sim_check(begin + at + n <= SIZE, "a stream is too long");
    return (const uint8_t *) bytes + begin + at;
}

size_t sim_pattern_same(const void *p, size_t n, unsigned stream, size_t at)
{
    const uint8_t *is = p, *want = sim_pattern(stream, at, n);
    if (n == 0 || memcmp(is, want, n) == 0) {
        return n;
    }
    size_t i = 0;
    while (is[i] == want[i]) {
        i++;
    }
    return i;
}
