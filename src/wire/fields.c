/* SPDX-License-Identifier: MIT */
#include "wire/fields.h"

#include "wire/chars.h"

#include <string.h>

static bool fields_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The end of the line at p, and of those folded into it, line end included. */
static const char *fields_line_end(const char *p, const char *end)
{
    do {
        p = (const char *) memchr(p, '\n', (size_t) (end - p)) + 1;
    } while (p < end && (*p == ' ' || *p == '\t'));
    return p;
}

struct nu_slice nu_fields_trim(const char *p, const char *end)
{
    while (end > p && fields_is_blank(end[-1])) {
        end--;
    }
    while (p < end && fields_is_blank(*p)) {
        p++;
    }
    return (struct nu_slice){ p, (size_t) (end - p) };
}

struct nu_slice nu_fields_next_member(struct nu_slice *list)
{
    const char *p = list->p, *end = p + list->n;
    const char *comma = memchr(p, ',', list->n);
    *list = (struct nu_slice){ 0 };
    if (comma != NULL) {
        *list = (struct nu_slice){ comma + 1, (size_t) (end - comma) - 1 };
    }
    return nu_fields_trim(p, comma != NULL ? comma : end);
}

bool nu_fields_decimal(struct nu_slice s, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint64_t digit = (uint64_t) s.p[i] - '0';
        if (digit > 9 || *value > ((uint64_t) INT64_MAX - digit) / 10) {
            return false;
        }
        *value = *value * 10 + digit;
    }
    return s.n > 0;
}

bool nu_fields_read(const char *p, const char *end, struct nu_field *fields, unsigned max,
                    unsigned *n)
{
    for (*n = 0; p < end && *n < max; ++*n) {
        const char *next = fields_line_end(p, end);
        size_t name = nu_chars_span(p, (size_t) (next - p), NU_CHAR_TOKEN);
        if (name == 0 || p[name] != ':') {
            return false;
        }
        fields[*n] = (struct nu_field){ { p, name }, nu_fields_trim(p + name + 1, next) };
        p = next;
    }
    return p == end;
}

void nu_fields_unfold(struct nu_field *fields, unsigned n, char *copy, const char *from)
{
    for (unsigned i = 0; i < n; i++) {
        struct nu_slice *value = &fields[i].value;
        char *to = copy + (value->p - from);
        size_t len = 0;
        for (size_t k = 0; k < value->n; k++) {
            if (to[k] == '\r' || to[k] == '\n') {
                while (len > 0 && fields_is_blank(to[len - 1])) {
                    len--;
                }
                while (fields_is_blank(to[k + 1])) { /* a value does not end in a fold */
                    k++;
                }
                to[len++] = ' ';
            } else {
                to[len++] = to[k];
            }
        }
        value->n = len;
    }
}
