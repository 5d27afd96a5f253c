/* SPDX-License-Identifier: MIT */
#include "wire/utf8.h"

#include <string.h>

#define HIGH_BITS 0x8080808080808080U

/* The first byte of a character beyond ASCII: how many follow, and what the next may be. */
static bool utf8_lead(struct nu_utf8 *utf8, uint8_t byte)
{
    utf8->least = 0x80;
    utf8->most = 0xbf;
    if (byte < 0xc2 || byte > 0xf4) {
        return false; /* a continuation, an overlong form of ASCII, or above U+10FFFF */
    }
    utf8->more = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    switch (byte) {
    case 0xe0:
        utf8->least = 0xa0; /* else it were overlong */
        break;
    case 0xed:
        utf8->most = 0x9f; /* else a surrogate */
        break;
    case 0xf0:
        utf8->least = 0x90; /* else overlong */
        break;
    case 0xf4:
        utf8->most = 0x8f; /* else above U+10FFFF */
        break;
    default:
        break;
    }
    return true;
}

static bool utf8_continue(struct nu_utf8 *utf8, uint8_t byte)
{
    if (byte < utf8->least || byte > utf8->most) {
        return false;
    }
    utf8->more--;
    utf8->least = 0x80;
    utf8->most = 0xbf;
    return true;
}

/* How many bytes of ASCII there are at least. */
static size_t utf8_ascii(const uint8_t *buf, size_t len)
{
    size_t n = 0;
    uint64_t word;
    while (len - n >= sizeof word) {
        memcpy(&word, buf + n, sizeof word);
        if ((word & HIGH_BITS) != 0) {
            break;
        }
        n += sizeof word;
    }
    return n;
}

bool nu_utf8_next(struct nu_utf8 *utf8, const void *buf, size_t len)
{
    const uint8_t *p = buf;
    const uint8_t *end = p + len;
    while (p < end) {
        if (utf8->more > 0) {
            if (!utf8_continue(utf8, *p++)) {
                return false;
            }
            continue;
        }
        p += utf8_ascii(p, (size_t) (end - p));
        if (p < end && *p < 0x80) {
            p++;
        } else if (p < end && !utf8_lead(utf8, *p++)) {
            return false;
        }
    }
    return true;
}
