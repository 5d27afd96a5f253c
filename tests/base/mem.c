/* SPDX-License-Identifier: MIT */
#include <nng/nng.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

TestSuite(mem, .timeout = 30);

Test(mem, alloc_gives_zeroes)
{
    char *p = nng_alloc(1000);

    cr_assert_not_null(p);
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(p[i], 0);
    }
    nng_free(p, 1000);
    nng_free(NULL, 0);
    cr_assert_null(nng_alloc(0));
}

Test(mem, strings)
{
    char text[] = "text";
    char *copy = nng_strdup(text);

    text[0] = 'n';
    cr_assert_str_eq(copy, "text");
    nng_strfree(copy);
    nng_strfree(NULL);
    copy = nng_strdup("");
    cr_assert_str_eq(copy, "");
    nng_strfree(copy);
}

Test(mem, version_is_that_of_the_header)
{
    char text[32];

    snprintf(text, sizeof(text), "%d.%d.%d%s", NNG_MAJOR_VERSION, NNG_MINOR_VERSION,
             NNG_PATCH_VERSION, NNG_RELEASE_SUFFIX);
    cr_assert_str_eq(nng_version(), text);
}
