/* SPDX-License-Identifier: MIT */
#include "wire/utf8.h"

#include "support/guard.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(utf8, .timeout = 60);

/* What the text is found to be in pieces of `step` bytes: at which byte it is refused (-1: never),
 * and whether it is complete. */
static int refused_at(const char *text, size_t n, size_t step, bool *complete)
{
    struct nu_utf8 utf8 = { 0 };
    for (size_t at = 0; at < n; at += step) {
        size_t piece = n - at < step ? n - at : step;
        if (!nu_utf8_next(&utf8, guard_copy(text + at, piece), piece)) {
            *complete = false;
            return (int) at;
        }
    }
    *complete = nu_utf8_complete(&utf8);
    return -1;
}

static const struct {
    const char *text;
    size_t n;
    int bad; /* index of the byte that proves it bad; -1: it is good */
    bool complete;
} texts[] = {
    { "", 0, -1, true },
    { "plain ASCII, of more than eight bytes", 37, -1, true },
    { "\0\x01\x7f", 3, -1, true },
    { "\xc2\x80", 2, -1, true },
    { "\xdf\xbf", 2, -1, true },
    { "\xe0\xa0\x80", 3, -1, true },
    { "\xed\x9f\xbf", 3, -1, true },
    { "\xee\x80\x80", 3, -1, true },
    { "\xef\xbf\xbf", 3, -1, true },
    { "\xf0\x90\x80\x80", 4, -1, true },
    { "\xf4\x8f\xbf\xbf", 4, -1, true },
    { "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", 11, -1, true },
    { "12345678\xe2\x82\xac"
      "12345678",
      19, -1, true },
    { "\xc2", 1, -1, false },
    { "\xe2\x82", 2, -1, false },
    { "\xf0\x9f\x98", 3, -1, false },
    { "\x80", 1, 0, false },
    { "\xbf", 1, 0, false },
    { "\xc0\x80", 2, 0, false },
    { "\xc1\xbf", 2, 0, false },
    { "\xf5\x80\x80\x80", 4, 0, false },
    { "\xff", 1, 0, false },
    { "\xc2\x41", 2, 1, false },
    { "\xc2\xc2", 2, 1, false },
    { "\xe0\x9f\xbf", 3, 1, false },
    { "\xed\xa0\x80", 3, 1, false },
    { "\xf0\x8f\xbf\xbf", 4, 1, false },
    { "\xf4\x90\x80\x80", 4, 1, false },
    { "\xe2\x82\x41", 3, 2, false },
    { "\xf0\x9f\x98\xc0", 4, 3, false },
    { "12345678\xfe", 9, 8, false },
    { "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80", 14, 12, false },
};

Test(utf8, table)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bool complete;
        cr_assert_eq(refused_at(texts[i].text, texts[i].n, 1, &complete), texts[i].bad, "%zu", i);
        cr_assert_eq(complete, texts[i].complete, "%zu", i);
        for (size_t step = 2; step <= texts[i].n; step++) {
            cr_assert_eq(refused_at(texts[i].text, texts[i].n, step, &complete) >= 0,
                         texts[i].bad >= 0, "%zu", i);
            cr_assert_eq(complete, texts[i].complete, "%zu", i);
        }
    }
}

/* Every code point there is, and every sequence of two and three bytes against the definition. */
Test(utf8, every_code_point)
{
    for (unsigned long c = 0; c <= 0x10ffff; c++) {
        struct nu_utf8 utf8 = { 0 };
        unsigned char text[4];
        size_t n;
        if (c < 0x80) {
            text[0] = (unsigned char) c;
            n = 1;
        } else if (c < 0x800) {
            text[0] = (unsigned char) (0xc0 | c >> 6);
            text[1] = (unsigned char) (0x80 | (c & 0x3f));
            n = 2;
        } else if (c < 0x10000) {
            text[0] = (unsigned char) (0xe0 | c >> 12);
            text[1] = (unsigned char) (0x80 | (c >> 6 & 0x3f));
            text[2] = (unsigned char) (0x80 | (c & 0x3f));
            n = 3;
        } else {
            text[0] = (unsigned char) (0xf0 | c >> 18);
            text[1] = (unsigned char) (0x80 | (c >> 12 & 0x3f));
            text[2] = (unsigned char) (0x80 | (c >> 6 & 0x3f));
            text[3] = (unsigned char) (0x80 | (c & 0x3f));
            n = 4;
        }
        bool good = nu_utf8_next(&utf8, text, n) && nu_utf8_complete(&utf8);
        cr_assert_eq(good, c < 0xd800 || c > 0xdfff, "U+%04lX", c);
    }
}

Test(utf8, two_bytes)
{
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            struct nu_utf8 utf8 = { 0 };
            unsigned char text[2] = { (unsigned char) a, (unsigned char) b };
            bool good = nu_utf8_next(&utf8, text, 2) && nu_utf8_complete(&utf8);
            bool ascii = a < 0x80 && b < 0x80;
            bool pair = a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf;
            cr_assert_eq(good, ascii || pair, "%02x %02x", a, b);
        }
    }
}
