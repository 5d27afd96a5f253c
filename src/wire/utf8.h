/* SPDX-License-Identifier: MIT */
/*
 * Checks that text is UTF-8 (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF.
 * Text may come in pieces; the first byte that proves it bad is the one that is refused.
 */
#ifndef NU_WIRE_UTF8_H
#define NU_WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: between two characters. */
struct nu_utf8 {
    uint8_t more;        /* bytes of the character in hand that are still to come */
    uint8_t least, most; /* what the next of them may be */
};

/* Whether these bytes, after those before, can be a part of good text. Not to be asked again after
 * it was not. */
bool nu_utf8_next(struct nu_utf8 *utf8, const void *buf, size_t len);

/* Whether the text may end here. */
static inline bool nu_utf8_complete(const struct nu_utf8 *utf8)
{
    return utf8->more == 0;
}

#endif
