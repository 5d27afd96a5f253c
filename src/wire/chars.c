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

bool nu_chars_text(const char *p, size_t n)
{
    if (n < 8) {
        return nu_chars_all(p, n, NU_CHAR_TEXT);
    }
    uint64_t hit = chars_controls(p + n - 8);
    for (size_t i = 0; i + 8 < n; i += 8) {
        hit |= chars_controls(p + i);
    }
    return hit == 0 || nu_chars_all(p, n, NU_CHAR_TEXT);
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

bool nu_chars_token(const char *p, size_t n)
{
    if (n < 8) {
        return nu_chars_all(p, n, NU_CHAR_TOKEN);
    }
    uint64_t hit = chars_unusual(p + n - 8);
    for (size_t i = 0; i + 8 < n; i += 8) {
        hit |= chars_unusual(p + i);
    }
    return hit == 0 || nu_chars_all(p, n, NU_CHAR_TOKEN);
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
