/* SPDX-License-Identifier: MIT */
#include <nng/nng.h>
#include <nng/supplemental/util/options.h>

#include <criterion/criterion.h>

#include <string.h>

TestSuite(opts, .timeout = 30);

enum { VERBOSE = 1, VERSION, FILE_NAME, SIZE, LONG_ONLY };

static const nng_optspec spec[] = {
    { .o_name = "verbose", .o_short = 'v', .o_val = VERBOSE },
    { .o_name = "version", .o_short = 'V', .o_val = VERSION },
    { .o_name = "file", .o_short = 'f', .o_val = FILE_NAME, .o_arg = true },
    { .o_name = NULL, .o_short = 's', .o_val = SIZE, .o_arg = true },
    { .o_name = "fileset", .o_val = LONG_ONLY },
    { .o_val = 0 },
};

/* Parses the words behind the program's name, of which NULL is the last. */
struct parsed {
    int result;
    int val;
    char *arg;
    int index;
};

static struct parsed parse(const char *first, const char *second)
{
    static char words[3][32];
    char *argv[4] = { words[0] };
    int argc = 1;
    struct parsed parsed = { .val = -1, .index = 1 };

    if (first != NULL) {
        argv[argc++] = strcpy(words[1], first);
    }
    if (second != NULL) {
        argv[argc++] = strcpy(words[2], second);
    }
    parsed.result = nng_opts_parse(argc, argv, spec, &parsed.val, &parsed.arg, &parsed.index);
    return parsed;
}

#define assert_option(first, second, want, want_arg, want_index)                                   \
    do {                                                                                           \
        struct parsed got = parse(first, second);                                                  \
        const char *text = want_arg;                                                               \
        cr_assert_eq(got.result, 0);                                                               \
        cr_assert_eq(got.val, want);                                                               \
        cr_assert_eq(got.index, want_index);                                                       \
        if (text == NULL) {                                                                        \
            cr_assert_null(got.arg);                                                               \
        } else {                                                                                   \
            cr_assert_str_eq(got.arg, text);                                                       \
        }                                                                                          \
    } while (0)

#define assert_error(first, second, want)                                                          \
    do {                                                                                           \
        struct parsed got = parse(first, second);                                                  \
        cr_assert_eq(got.result, want);                                                            \
        cr_assert_eq(got.val, -1);                                                                 \
        cr_assert_null(got.arg);                                                                   \
        cr_assert_eq(got.index, 1);                                                                \
    } while (0)

Test(opts, without_argument)
{
    assert_option("--verbose", "x", VERBOSE, NULL, 2);
    assert_option("-V", NULL, VERSION, NULL, 2);
    assert_option("--fileset", NULL, LONG_ONLY, NULL, 2);
    assert_error("--verbose=yes", NULL, NNG_EINVAL);
    assert_error("--verbose=", NULL, NNG_EINVAL);
    assert_error("-vV", NULL, NNG_EINVAL);
}

Test(opts, with_argument)
{
    assert_option("--file=name", NULL, FILE_NAME, "name", 2);
    assert_option("--file:name", NULL, FILE_NAME, "name", 2);
    assert_option("--file=", "name", FILE_NAME, "", 2);
    assert_option("--file=a=b", NULL, FILE_NAME, "a=b", 2);
    assert_option("--file", "name", FILE_NAME, "name", 3);
    assert_option("--file", "-v", FILE_NAME, "-v", 3);
    assert_option("-fname", NULL, FILE_NAME, "name", 2);
    assert_option("-f=name", NULL, FILE_NAME, "=name", 2);
    assert_option("-f", "name", FILE_NAME, "name", 3);
    assert_option("-s", "1", SIZE, "1", 3);
    assert_error("--file", NULL, NNG_ENOARG);
    assert_error("-f", NULL, NNG_ENOARG);
}

Test(opts, cut_names)
{
    assert_option("--verb", NULL, VERBOSE, NULL, 2);
    assert_option("--vers", NULL, VERSION, NULL, 2);
    assert_option("--files", NULL, LONG_ONLY, NULL, 2);
    assert_option("--file", "x", FILE_NAME, "x", 3);
    assert_error("--ver", NULL, NNG_EAMBIGUOUS);
    assert_error("--fil=x", NULL, NNG_EAMBIGUOUS);
    assert_error("--", NULL, NNG_EAMBIGUOUS);
}

Test(opts, unknown)
{
    assert_error("--quiet", NULL, NNG_EINVAL);
    assert_error("--verbosely", NULL, NNG_EINVAL);
    assert_error("-x", NULL, NNG_EINVAL);
    assert_error("-F", NULL, NNG_EINVAL);
}

Test(opts, the_end)
{
    assert_error(NULL, NULL, -1);
    assert_error("word", "-v", -1);
    assert_error("", NULL, -1);
    struct parsed dash = parse("-", "-v");
    cr_assert_eq(dash.result, -1);
    cr_assert_eq(dash.index, 2);
}

Test(opts, a_command_line)
{
    char words[][16] = { "prog", "-v", "--file", "a", "-fb", "--version", "rest" };
    char *argv[7], *arg = NULL;
    int seen[8], n = 0, val, index = 1;

    for (int i = 0; i < 7; i++) {
        argv[i] = words[i];
    }
    while (nng_opts_parse(7, argv, spec, &val, &arg, &index) == 0) {
        seen[n++] = val;
    }
    cr_assert_eq(n, 4);
    cr_assert_arr_eq(seen, ((int[]){ VERBOSE, FILE_NAME, FILE_NAME, VERSION }), sizeof(int[4]));
    cr_assert_str_eq(arg, "b");
    cr_assert_eq(index, 6);
    cr_assert_eq(nng_opts_parse(7, argv, spec, &val, &arg, &index), -1);
}
