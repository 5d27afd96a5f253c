/* SPDX-License-Identifier: MIT */
#include "wire/arena.h"

#include <nng/nng.h>

#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

TestSuite(text, .timeout = 30);

static struct nu_arena text;

static void finish(void)
{
    nu_arena_free(&text);
}

Test(text, pieces_stay_where_they_are_and_apart, .fini = finish)
{
    char *parts[500];

    for (size_t i = 0; i < 500; i++) {
        parts[i] = nu_arena_take(&text, i * 3);
        cr_assert_not_null(parts[i]);
        memset(parts[i], (int) i, i * 3);
    }
    for (size_t i = 0; i < 500; i++) {
        for (size_t j = 0; j < i * 3; j++) {
            cr_assert_eq(parts[i][j], (char) i);
        }
    }
}

Test(text, too_much, .fini = finish)
{
    struct nu_string string = { NULL, 0 };

    cr_assert_null(nu_arena_take(&text, SIZE_MAX));
    cr_assert_null(nu_arena_take(&text, SIZE_MAX - 8));
    cr_assert_not_null(nu_arena_take(&text, 1));
    cr_assert_null(nu_arena_take(&text, SIZE_MAX));
    cr_assert_eq(nu_arena_set(&text, &string, "", SIZE_MAX / 2), NNG_ENOMEM);
    cr_assert_null(string.p);
}

Test(text, reset_keeps_a_modest_piece, .fini = finish)
{
    char *small = nu_arena_take(&text, 100);

    nu_arena_reset(&text);
    cr_assert_eq(nu_arena_take(&text, 100), small);
    cr_assert_not_null(nu_arena_take(&text, 100000));
    nu_arena_reset(&text);
    cr_assert_eq(nu_arena_take(&text, 100), small);
    nu_arena_reset(&text);
    nu_arena_reset(&text);
    nu_arena_free(&text);
    nu_arena_reset(&text);
}

Test(text, strings, .fini = finish)
{
    static char literal[] = "literal";
    struct nu_string string = { literal, 0 };

    cr_assert_eq(nu_arena_set(&text, &string, "one", 3), 0);
    cr_assert_str_eq(string.p, "one");
    cr_assert_str_eq(literal, "literal");
    char *p = string.p;
    cr_assert_eq(nu_arena_set(&text, &string, string.p + 1, 2), 0);
    cr_assert_str_eq(string.p, "ne");
    cr_assert_eq(string.p, p);
    cr_assert_eq(nu_arena_set(&text, &string, "", 0), 0);
    cr_assert_str_eq(string.p, "");
    cr_assert_eq(nu_arena_set(&text, &string, "a longer one", 12), 0);
    cr_assert_str_eq(string.p, "a longer one");
}
