/* SPDX-License-Identifier: MIT */
/* Character classes of HTTP, independent of the locale. */
#ifndef NU_WIRE_CHARS_H
#define NU_WIRE_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nu_char {
    NU_CHAR_TOKEN = 1,  /* tchar, RFC 9110 5.6.2 */
    NU_CHAR_TARGET = 2, /* in a request target: visible ASCII but '#', as browsers send them */
    NU_CHAR_HOST = 4,   /* unreserved and sub-delims of RFC 3986 but ',', which joins lists */
    NU_CHAR_TEXT = 8,   /* may stand in a field value: HTAB, space, visible, above 127 */
    NU_CHAR_PLAIN = 16, /* unreserved in RFC 3986: an escape for it means nothing else */
};

/* The classes of each byte. */
extern const uint8_t nu_chars[256];

/* Whether all n bytes are of the class; true for none. */
static inline bool nu_chars_all(const char *p, size_t n, enum nu_char class)
{
    unsigned all = class;

    for (size_t i = 0; i < n; i++) {
        all &= nu_chars[(unsigned char) p[i]];
    }
    return all != 0;
}

/* The same for NU_CHAR_TEXT, eight bytes at a time: every byte of every head goes through it. */
bool nu_chars_text(const char *p, size_t n);

/* The same for NU_CHAR_TOKEN: the names of fields are letters and '-', and mostly eight or more. */
bool nu_chars_token(const char *p, size_t n);

/* How many bytes at the start are of the class. */
static inline size_t nu_chars_span(const char *p, size_t n, enum nu_char class)
{
    size_t i = 0;

    while (i < n && (nu_chars[(unsigned char) p[i]] & class) != 0) {
        i++;
    }
    return i;
}

/* The lower-case form of an ASCII letter; any other byte as it is. */
static inline char nu_chars_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
}

/* Whether a and b, n bytes each, are the same but for the case of ASCII letters. */
static inline bool nu_chars_same(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i] && nu_chars_lower(a[i]) != nu_chars_lower(b[i])) {
            return false;
        }
    }
    return true;
}

/* The byte that two hexadecimal digits stand for, or -1 when they are not. */
int nu_chars_hex(char high, char low);

#endif
