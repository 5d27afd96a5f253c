/* SPDX-License-Identifier: MIT */
#include "wire/range.h"

#include "wire/chars.h"

/* The number at the start of *s, which is left with the rest; UINT64_MAX for all that are larger.
 * There may be no digit at all. */
static uint64_t range_take_number(struct nu_slice *s)
{
    uint64_t value = 0;
    while (s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9') {
        uint64_t digit = (uint64_t) (s->p[0] - '0');
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
        s->p++;
        s->n--;
    }
    return value;
}

/* The last bytes. All of an empty file are no bytes, which no Content-Range can say. */
static enum nu_range range_read_suffix(struct nu_slice s, uint64_t size, uint64_t *from,
                                       uint64_t *end)
{
    size_t digits = s.n;
    uint64_t length = range_take_number(&s);
    if (digits == 0 || s.n > 0 || (size == 0 && length > 0)) {
        return NU_RANGE_WHOLE;
    }
    *from = length < size ? size - length : 0;
    *end = size;
    return length > 0 ? NU_RANGE_PART : NU_RANGE_BEYOND;
}

enum nu_range nu_range_read(struct nu_slice value, uint64_t size, uint64_t *from, uint64_t *end)
{
    static const char unit[] = "bytes=";
    struct nu_slice s = value;
    if (s.n <= sizeof unit - 1 || !nu_chars_same(s.p, unit, sizeof unit - 1)) {
        return NU_RANGE_WHOLE;
    }
    s.p += sizeof unit - 1;
    s.n -= sizeof unit - 1;
    if (s.p[0] == '-') {
        return range_read_suffix((struct nu_slice){ s.p + 1, s.n - 1 }, size, from, end);
    }
    size_t digits = s.n;
    uint64_t first = range_take_number(&s);
    if (s.n == digits || s.n == 0 || s.p[0] != '-') {
        return NU_RANGE_WHOLE;
    }
    s.p++;
    s.n--;
    uint64_t last = s.n > 0 ? range_take_number(&s) : UINT64_MAX;
    if (s.n > 0 || last < first) {
        return NU_RANGE_WHOLE;
    }
    *from = first;
    *end = last < size ? last + 1 : size;
    return first < size ? NU_RANGE_PART : NU_RANGE_BEYOND;
}
