/* SPDX-License-Identifier: MIT */
#include "wire/chars.h"

#include "support/guard.h"

#include <criterion/criterion.h>

#include <ctype.h>
#include <string.h>

TestSuite(chars, .timeout = 30);

/* The classes as the RFCs list them. */
static unsigned expected(int c)
{
    bool visible = c > ' ' && c < 0x7f;
    unsigned classes = 0;

    if (visible && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL) {
        classes |= NU_CHAR_TOKEN;
    }
    if (visible && c != '#') {
        classes |= NU_CHAR_TARGET;
    }
    if (visible && (isalnum(c) || strchr("-._~!$&'()*+;=", c) != NULL)) {
        classes |= NU_CHAR_HOST;
    }
    if (visible || c == ' ' || c == '\t' || c >= 128) {
        classes |= NU_CHAR_TEXT;
    }
    if (visible && (isalnum(c) || strchr("-._~", c) != NULL)) {
        classes |= NU_CHAR_PLAIN;
    }
    return classes;
}

Test(chars, classes)
{
    for (int c = 0; c < 256; c++) {
        cr_assert_eq(nu_chars[c], expected(c), "%d", c);
    }
}

Test(chars, every_byte_at_every_place_of_a_text)
{
    for (size_t n = 1; n < 40; n++) {
        char *text = guard(n);
        for (size_t at = 0; at < n; at++) {
            for (int c = 0; c < 256; c++) {
                memset(text, 'x', n);
                text[at] = (char) c;
                bool good = (expected(c) & NU_CHAR_TEXT) != 0;
                cr_assert_eq(nu_chars_text(text, n), good, "%d at %zu of %zu", c, at, n);
            }
        }
    }
    cr_assert(nu_chars_text("", 0));
}

Test(chars, every_byte_at_every_place_of_a_token)
{
    for (size_t n = 1; n < 20; n++) {
        char *text = guard(n);
        for (size_t at = 0; at < n; at++) {
            for (int c = 0; c < 256; c++) {
                memset(text, at % 2 == 0 ? 'z' : 'A', n);
                text[at] = (char) c;
                bool good = (expected(c) & NU_CHAR_TOKEN) != 0;
                cr_assert_eq(nu_chars_token(text, n), good, "%d at %zu of %zu", c, at, n);
            }
        }
    }
    cr_assert(nu_chars_token("", 0));
}

Test(chars, neighbours_do_not_hide_each_other)
{
    /* A borrow from one byte to the next must neither hide a control nor invent one. */
    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            char text[9] = "xxxxxxxx";
            bool good = (expected(a) & expected(b) & NU_CHAR_TEXT) != 0;
            text[3] = (char) a;
            text[4] = (char) b;
            cr_assert_eq(nu_chars_text(text, 8), good, "%d %d", a, b);
        }
    }
}

Test(chars, all_and_span)
{
    cr_assert(nu_chars_all("", 0, NU_CHAR_TOKEN));
    cr_assert(nu_chars_all("Host", 4, NU_CHAR_TOKEN));
    cr_assert_not(nu_chars_all("Host:", 5, NU_CHAR_TOKEN));
    cr_assert_eq(nu_chars_span("Host:", 5, NU_CHAR_TOKEN), 4);
    cr_assert_eq(nu_chars_span("Host", 4, NU_CHAR_TOKEN), 4);
    cr_assert_eq(nu_chars_span(":", 1, NU_CHAR_TOKEN), 0);
    cr_assert_eq(nu_chars_span("", 0, NU_CHAR_TOKEN), 0);
}

Test(chars, same_but_for_case)
{
    cr_assert(nu_chars_same("Content-LENGTH", "content-length", 14));
    cr_assert_not(nu_chars_same("a", "b", 1));
    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            char x = (char) a;
            char y = (char) b;
            bool same = a == b || (a < 128 && b < 128 && isalpha(a) && tolower(a) == tolower(b));
            cr_assert_eq(nu_chars_same(&x, &y, 1), same, "%d %d", a, b);
        }
    }
}

Test(chars, hex)
{
    cr_assert_eq(nu_chars_hex('0', '0'), 0);
    cr_assert_eq(nu_chars_hex('f', 'F'), 255);
    cr_assert_eq(nu_chars_hex('2', 'e'), '.');
    for (int c = 0; c < 256; c++) {
        int value = nu_chars_hex('0', (char) c);
        cr_assert_eq(value >= 0, c < 128 && isxdigit(c) != 0, "%d", c);
        cr_assert_eq(nu_chars_hex((char) c, '0') >= 0, value >= 0, "%d", c);
    }
}
