/* SPDX-License-Identifier: MIT */
#include "wire/header.h"

#include "wire/parse.h"

#include <nng/nng.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(header, .timeout = 30);

static struct nu_headers list;

static void finish(void)
{
    nu_headers_free(&list);
}

/* Compares with what is printed, fields separated by '|'. */
static void expect(const char *fields)
{
    struct nu_buf buf = { 0 };
    char text[4096];

    nu_headers_print(&list, &buf);
    cr_assert_eq(nu_buf_error(&buf), 0);
    size_t n = 0;
    for (size_t i = 0; i < buf.len; i++) {
        if (buf.data[i] == '\r') {
            cr_assert_eq(buf.data[++i], '\n');
            text[n++] = '|';
        } else {
            text[n++] = buf.data[i];
        }
    }
    text[n] = '\0';
    cr_assert_str_eq(text, fields);
    nu_buf_free(&buf);
}

Test(header, set_get_and_print, .fini = finish)
{
    cr_assert_null(nu_headers_get(&list, "A"));
    cr_assert_null(nu_headers_get(&list, NULL));
    expect("");
    cr_assert_eq(nu_headers_set(&list, "Content-Type", "text/plain"), 0);
    cr_assert_eq(nu_headers_set(&list, "X-Empty", ""), 0);
    cr_assert_str_eq(nu_headers_get(&list, "content-TYPE"), "text/plain");
    cr_assert_str_eq(nu_headers_get(&list, "x-empty"), "");
    cr_assert_null(nu_headers_get(&list, "Content-Typ"));
    cr_assert_null(nu_headers_get(&list, "Content-Type2"));
    cr_assert_null(nu_headers_get(&list, ""));
    expect("Content-Type: text/plain|X-Empty: |");
    cr_assert_eq(nu_headers_set(&list, "CONTENT-TYPE", "a"), 0);
    expect("Content-Type: a|X-Empty: |");
    cr_assert_eq(nu_headers_set(&list, "Content-Type", "a much longer value than before"), 0);
    expect("Content-Type: a much longer value than before|X-Empty: |");
}

Test(header, case_means_ascii_letters_only, .fini = finish)
{
    cr_assert_eq(nu_headers_set(&list, "a^b", "1"), 0);
    cr_assert_null(nu_headers_get(&list, "a~b")); /* 0x5e and 0x7e differ in the case bit */
    cr_assert_str_eq(nu_headers_get(&list, "A^B"), "1");
}

Test(header, add_joins, .fini = finish)
{
    cr_assert_eq(nu_headers_add(&list, "Accept", "a"), 0);
    cr_assert_eq(nu_headers_add(&list, "Other", "x"), 0);
    cr_assert_eq(nu_headers_add(&list, "accept", "b"), 0);
    cr_assert_eq(nu_headers_add(&list, "ACCEPT", "a value long enough to be moved elsewhere"), 0);
    cr_assert_str_eq(nu_headers_get(&list, "Accept"),
                     "a, b, a value long enough to be moved elsewhere");
    expect("Accept: a, b, a value long enough to be moved elsewhere|Other: x|");
    cr_assert_eq(nu_headers_set(&list, "Accept", "c"), 0);
    expect("Accept: c|Other: x|");
    cr_assert_eq(nu_headers_set(&list, "Accept", ""), 0);
    cr_assert_eq(nu_headers_add(&list, "Accept", "d"), 0);
    expect("Accept: d|Other: x|");
}

Test(header, set_cookie_is_joined_for_get_and_printed_apart, .fini = finish)
{
    cr_assert_eq(nu_headers_add(&list, "Set-Cookie", "a=1; Expires=Wed, 09 Jun 2027"), 0);
    expect("Set-Cookie: a=1; Expires=Wed, 09 Jun 2027|");
    cr_assert_eq(nu_headers_add(&list, "X", "y"), 0);
    cr_assert_eq(nu_headers_add(&list, "set-cookie", "b=2"), 0);
    cr_assert_eq(nu_headers_add(&list, "Set-Cookie", "c=3"), 0);
    cr_assert_str_eq(nu_headers_get(&list, "SET-COOKIE"),
                     "a=1; Expires=Wed, 09 Jun 2027, b=2, c=3");
    expect("Set-Cookie: a=1; Expires=Wed, 09 Jun 2027|X: y|Set-Cookie: b=2|Set-Cookie: c=3|");

    cr_assert_eq(nu_headers_set(&list, "Set-Cookie", "d=4"), 0);
    cr_assert_str_eq(nu_headers_get(&list, "set-cookie"), "d=4");
    expect("X: y|Set-Cookie: d=4|");
    cr_assert_eq(nu_headers_add(&list, "Set-Cookie", "e=5"), 0);
    expect("X: y|Set-Cookie: d=4|Set-Cookie: e=5|");
    cr_assert_eq(nu_headers_del(&list, "Set-Cookie"), 0);
    cr_assert_null(nu_headers_get(&list, "Set-Cookie"));
    expect("X: y|");
    cr_assert_eq(nu_headers_del(&list, "Set-Cookie"), NNG_ENOENT);
}

Test(header, del, .fini = finish)
{
    cr_assert_eq(nu_headers_del(&list, "A"), NNG_ENOENT);
    cr_assert_eq(nu_headers_del(&list, NULL), NNG_ENOENT);
    nu_headers_add(&list, "A", "1");
    nu_headers_add(&list, "B", "2");
    nu_headers_add(&list, "a", "3");
    cr_assert_eq(nu_headers_del(&list, "a"), 0);
    cr_assert_null(nu_headers_get(&list, "A"));
    expect("B: 2|");
    cr_assert_eq(nu_headers_add(&list, "A", "4"), 0);
    expect("B: 2|A: 4|");
}

Test(header, white_space_around_values_goes, .fini = finish)
{
    cr_assert_eq(nu_headers_set(&list, "A", " \t x \t y\t "), 0);
    cr_assert_eq(nu_headers_set(&list, "B", " \t "), 0);
    cr_assert_eq(nu_headers_set(&list, "C", "x\n"), 0); /* as a line of a file has it */
    cr_assert_eq(nu_headers_set(&list, "D", "x \r\n"), 0);
    cr_assert_eq(nu_headers_set(&list, "E", "\n"), 0);
    cr_assert_eq(nu_headers_add(&list, "C", "y\n \n"), 0);
    expect("A: x \t y|B: |C: x, y|D: x|E: |");
}

Test(header, names_that_are_no_tokens, .fini = finish)
{
    for (int c = 1; c < 256; c++) {
        char name[] = { 'a', (char) c, 'b', '\0' };
        bool token = c > ' ' && c < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
        cr_assert_eq(nu_headers_set(&list, name, "x"), token ? 0 : NNG_EINVAL, "%d", c);
        cr_assert_eq(nu_headers_add(&list, name, "x"), token ? 0 : NNG_EINVAL, "%d", c);
    }
    cr_assert_eq(nu_headers_set(&list, "", "x"), NNG_EINVAL);
    cr_assert_eq(nu_headers_set(&list, NULL, "x"), NNG_EINVAL);
    cr_assert_eq(nu_headers_set(&list, "x", NULL), NNG_EINVAL);
}

Test(header, values_that_could_end_the_field, .fini = finish)
{
    nu_headers_set(&list, "A", "old");
    for (int c = 1; c < 256; c++) {
        char value[] = { 'a', (char) c, 'b', '\0' };
        bool good = (c >= ' ' && c != 0x7f) || c == '\t';
        cr_assert_eq(nu_headers_set(&list, "A", value), good ? 0 : NNG_EINVAL, "%d", c);
        cr_assert_str_eq(nu_headers_get(&list, "A"), good ? value : "old");
        nu_headers_set(&list, "A", "old");
    }
    cr_assert_eq(nu_headers_add(&list, "A", "b\r\nInjected: yes"), NNG_EINVAL);
    cr_assert_eq(nu_headers_add(&list, "New", "b\nInjected: yes"), NNG_EINVAL);
    cr_assert_eq(nu_headers_add(&list, "New", "long enough to be read by words, then\x01"),
                 NNG_EINVAL);
    cr_assert_eq(nu_headers_add(&list, "New", "\x01, then long enough to be read by words"),
                 NNG_EINVAL);
    cr_assert_eq(nu_headers_add(&list, "New", "b\r"), NNG_EINVAL);
    cr_assert_eq(nu_headers_add(&list, "New", "b\n\r"), NNG_EINVAL);
    cr_assert_eq(nu_headers_add(&list, "New", "b\n\rc\n"), NNG_EINVAL);
    cr_assert_eq(nu_headers_add(&list, "New", "\nb"), NNG_EINVAL);
    expect("A: old|");
}

Test(header, what_get_gave_stays_while_others_change, .fini = finish)
{
    char name[16];
    char value[600];

    nu_headers_set(&list, "Kept", "value");
    const char *kept = nu_headers_get(&list, "Kept");
    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "N%d", i);
        cr_assert_eq(nu_headers_set(&list, name, value + (i % 5) * 100), 0);
        cr_assert_eq(nu_headers_add(&list, name, "y"), 0);
        if (i % 3 == 0) {
            cr_assert_eq(nu_headers_del(&list, name), 0);
        }
    }
    cr_assert_eq(nu_headers_get(&list, "Kept"), kept);
    cr_assert_str_eq(kept, "value");
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        const char *got = nu_headers_get(&list, name);
        cr_assert_eq(got == NULL, i % 3 == 0);
        cr_assert(got == NULL || strlen(got) == 599 - (size_t) (i % 5) * 100 + 3);
    }
}

Test(header, values_may_come_from_the_list_itself, .fini = finish)
{
    nu_headers_set(&list, "A", "abcdefgh");
    cr_assert_eq(nu_headers_set(&list, "A", nu_headers_get(&list, "A") + 3), 0);
    expect("A: defgh|");
    cr_assert_eq(nu_headers_set(&list, "B", nu_headers_get(&list, "A")), 0);
    expect("A: defgh|B: defgh|");
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(nu_headers_add(&list, "A", nu_headers_get(&list, "A")), 0);
    }
    cr_assert_eq(strlen(nu_headers_get(&list, "A")), 64 * 5 + 63 * 2);
    nu_headers_set(&list, "A", "x");
    nu_headers_add(&list, "Set-Cookie", "a=1");
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(nu_headers_add(&list, "Set-Cookie", nu_headers_get(&list, "Set-Cookie")), 0);
    }
    cr_assert_eq(nu_headers_set(&list, "Set-Cookie", nu_headers_get(&list, "Set-Cookie") + 77), 0);
    expect("A: x|B: defgh|Set-Cookie: 1|");
}

/* The text pieces of a list in use for long must not add up. */
static size_t memory_after(unsigned rounds)
{
    size_t before = 0;
    struct nu_buf value = { 0 };

    nu_headers_reset(&list);
    for (unsigned i = 0; i < rounds; i++) {
        nu_buf_reset(&value);
        nu_buf_u64(&value, i % 7 == 0 ? UINT64_MAX : i);
        nu_buf_add(&value, "", 1);
        cr_assert_eq(nu_headers_set(&list, "Counter", value.data), 0);
        cr_assert_eq(nu_headers_add(&list, "Gone", value.data), 0);
        cr_assert_eq(nu_headers_add(&list, "Set-Cookie", value.data), 0);
        cr_assert_eq(nu_headers_add(&list, "Set-Cookie", "x"), 0);
        cr_assert_eq(nu_headers_del(&list, "Gone"), 0);
        cr_assert_eq(nu_headers_del(&list, "Set-Cookie"), 0);
    }
    nu_buf_free(&value);
    before = list.max;
    return before;
}

Test(header, a_list_that_changes_for_ever_does_not_grow, .fini = finish)
{
    cr_assert_leq(memory_after(100000), 64);
}

Test(header, reset_forgets_all, .fini = finish)
{
    for (int round = 0; round < 3; round++) {
        char name[16];
        for (int i = 0; i < 300; i++) {
            snprintf(name, sizeof(name), "N%d", i);
            cr_assert_eq(nu_headers_set(&list, name, "value"), 0);
        }
        nu_headers_reset(&list);
        expect("");
        cr_assert_null(nu_headers_get(&list, "N0"));
    }
    nu_headers_set(&list, "A", "b");
    expect("A: b|");
}

Test(header, load, .fini = finish)
{
    static const char text[] =
        "GET / HTTP/1.1\r\nHost: h\r\nAccept:a\r\nEmpty: \r\nSet-Cookie: a=1\r\n"
        "accept: \t b \r\nSET-COOKIE: b=2\r\nLast:z\r\n\r\n";
    struct nu_field fields[16];
    struct nu_head head = { .fields = fields, .maxfields = 16 };

    cr_assert_eq(nu_parse_request(text, sizeof(text) - 1, &head), NU_PARSE_DONE);
    char *copy = nu_arena_take(&list.text, sizeof(text));
    cr_assert_not_null(copy);
    memcpy(copy, text, sizeof(text));
    cr_assert_eq(nu_headers_load(&list, copy, text, head.fields, head.nfields), 0);
    expect("Host: h|Accept: a, b|Empty: |Set-Cookie: a=1|Set-Cookie: b=2|Last: z|");
    cr_assert_str_eq(nu_headers_get(&list, "accept"), "a, b");
    cr_assert_str_eq(nu_headers_get(&list, "empty"), "");
    cr_assert_str_eq(nu_headers_get(&list, "set-cookie"), "a=1, b=2");
    cr_assert_eq(nu_headers_set(&list, "Empty", "no more, and much longer"), 0);
    cr_assert_eq(nu_headers_set(&list, "Host", ""), 0);
    cr_assert_eq(nu_headers_set(&list, "Last", "y"), 0);
    expect("Host: |Accept: a, b|Empty: no more, and much longer|Set-Cookie: a=1|"
           "Set-Cookie: b=2|Last: y|");
}

Test(header, next, .fini = finish)
{
    struct nu_field field;
    unsigned iter = 0;

    cr_assert_not(nu_headers_next(&list, &iter, &field));
    nu_headers_add(&list, "A", "1");
    nu_headers_add(&list, "B", "2");
    nu_headers_add(&list, "Set-Cookie", "3");
    nu_headers_add(&list, "Set-Cookie", "4");
    nu_headers_del(&list, "A");
    iter = 0;
    for (const char *value = "234"; *value != '\0'; value++) {
        cr_assert(nu_headers_next(&list, &iter, &field));
        cr_assert_eq(field.value.n, 1);
        cr_assert_eq(*field.value.p, *value);
    }
    cr_assert_not(nu_headers_next(&list, &iter, &field));
}

/* It is no entry of the list until somebody wants to know. */
Test(header, length, .fini = finish)
{
    static struct nu_headers_room room;
    struct nu_field field;
    unsigned iter = 0;

    nu_headers_lend(&list, &room);
    cr_assert_eq(nu_headers_set(&list, "A", "1"), 0);
    cr_assert_eq(nu_headers_set_length(&list, 7), 0);
    expect("A: 1|Content-Length: 7|");
    cr_assert_eq(nu_headers_set_length(&list, SIZE_MAX), 0);
    expect("A: 1|Content-Length: 18446744073709551615|");
    cr_assert_str_eq(nu_headers_get(&list, "content-length"), "18446744073709551615");
    cr_assert_eq(nu_headers_set_length(&list, 12), 0);
    cr_assert_eq(nu_headers_set(&list, "B", "2"), 0);
    expect("A: 1|Content-Length: 12|B: 2|");

    /* Its place is taken by others then. */
    cr_assert_eq(nu_headers_del(&list, "Content-Length"), 0);
    cr_assert_eq(nu_headers_del(&list, "Content-Length"), NNG_ENOENT);
    cr_assert_eq(nu_headers_set(&list, "C", "3"), 0);
    cr_assert_eq(nu_headers_set_length(&list, 345), 0);
    expect("A: 1|B: 2|C: 3|Content-Length: 345|");
    cr_assert_str_eq(nu_headers_get(&list, "C"), "3");

    nu_headers_reset(&list);
    cr_assert_null(nu_headers_get(&list, "Content-Length"));
    cr_assert_eq(nu_headers_set_length(&list, 0), 0);
    cr_assert_eq(nu_headers_add(&list, "Content-Length", "1"), 0);
    expect("Content-Length: 0, 1|");
    nu_headers_reset(&list);
    cr_assert_eq(nu_headers_set_length(&list, 6), 0);
    cr_assert(nu_headers_next(&list, &iter, &field));
    cr_assert_eq(field.value.n, 1);
    cr_assert_eq(*field.value.p, '6');
    cr_assert_not(nu_headers_next(&list, &iter, &field));
}

/* However many fields there are before and behind it. */
Test(header, length_among_many, .fini = finish)
{
    static struct nu_headers_room room;
    char want[1024], name[8];

    for (unsigned before = 0; before <= NU_HEADERS_LENT + 1; before++) {
        size_t n = 0;
        nu_headers_lend(&list, &room);
        for (unsigned i = 0; i < 2 * NU_HEADERS_LENT; i++) {
            if (i == before) {
                cr_assert_eq(nu_headers_set_length(&list, i), 0);
                n += (size_t) sprintf(want + n, "Content-Length: %u|", i);
            }
            snprintf(name, sizeof name, "N%u", i);
            cr_assert_eq(nu_headers_set(&list, name, "x"), 0);
            n += (size_t) sprintf(want + n, "%s: x|", name);
        }
        expect(want);
        nu_headers_free(&list);
    }
}
