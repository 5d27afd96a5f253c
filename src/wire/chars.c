/* SPDX-License-Identifier: MIT */
#include "wire/chars.h"

#include <string.h>

#define T NU_CHAR_TOKEN
#define G NU_CHAR_TARGET
#define H NU_CHAR_HOST
#define X NU_CHAR_TEXT
#define P NU_CHAR_PLAIN

const uint8_t nu_chars[256] = {
    ['\t'] = X,
    [' '] = X,
    ['!'] = T | G | H | X,
    ['"'] = G | X,
    ['#'] = T | X,
    ['$'] = T | G | H | X,
    ['%'] = T | G | X,
    ['&'] = T | G | H | X,
    ['\''] = T | G | H | X,
    ['('] = G | H | X,
    [')'] = G | H | X,
    ['*'] = T | G | H | X,
    ['+'] = T | G | H | X,
    [','] = G | X,
    ['-'] = T | G | H | X | P,
    ['.'] = T | G | H | X | P,
    ['/'] = G | X,
    ['0' ... '9'] = T | G | H | X | P,
    [':'] = G | X,
    [';'] = G | H | X,
    ['<'] = G | X,
    ['='] = G | H | X,
    ['>' ... '@'] = G | X,
    ['A' ... 'Z'] = T | G | H | X | P,
    ['[' ... ']'] = G | X,
    ['^'] = T | G | X,
    ['_'] = T | G | H | X | P,
    ['`'] = T | G | X,
    ['a' ... 'z'] = T | G | H | X | P,
    ['{'] = G | X,
    ['|'] = T | G | X,
    ['}'] = G | X,
    ['~'] = T | G | H | X | P,
    [128 ... 255] = X,
};

/* Not 0 when any of eight bytes is below 0x20 (HTAB is) or is DEL. */
static uint64_t chars_controls(const char *p)
{
    const uint64_t ones = UINT64_MAX / 255; /* 0x01 in every byte */
    uint64_t v;

    memcpy(&v, p, 8);
    uint64_t del = v ^ (ones * 0x7f);
    return (((v - ones * 0x20) & ~v) | ((del - ones) & ~del)) & (ones * 0x80);
}

/* Not 0 when any of eight bytes is neither a letter nor '-'. */
static uint64_t chars_unusual(const char *p)
{
    const uint64_t ones = UINT64_MAX / 255, tops = ones * 0x80;
    uint64_t v;

    memcpy(&v, p, 8);
    uint64_t low = (v | ones * 0x20) & ~tops;
    uint64_t letter = (low + ones * (0x80 - 'a')) & ~(low + ones * (0x7f - 'z'));
    uint64_t dash = ~(((v & ~tops) ^ ones * '-') + ones * 0x7f);
    return (~(letter | dash) | v) & tops;
}

/* Eight bytes at a time; where there is a hit, one by one. */
static inline bool chars_by_eight(const char *p, size_t n, uint64_t (*hit_in)(const char *p),
                                  enum nu_char class)
{
    if (n < 8) {
        return nu_chars_all(p, n, class);
    }
    uint64_t hit = hit_in(p + n - 8);
    for (size_t i = 0; i + 8 < n; i += 8) {
        hit |= hit_in(p + i);
    }
    return hit == 0 || nu_chars_all(p, n, class);
}

bool nu_chars_text(const char *p, size_t n)
{
    return chars_by_eight(p, n, chars_controls, NU_CHAR_TEXT);
}

bool nu_chars_token(const char *p, size_t n)
{
    return chars_by_eight(p, n, chars_unusual, NU_CHAR_TOKEN);
}

static int chars_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = nu_chars_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int nu_chars_hex(char high, char low)
{
    int h = chars_digit(high);
    int l = chars_digit(low);

    return h < 0 || l < 0 ? -1 : h * 16 + l;
}
