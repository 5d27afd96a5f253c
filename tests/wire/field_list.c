/* SPDX-License-Identifier: MIT */
#include "wire/field_list.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(field_list, .timeout = 30);

/* The items, each in brackets. */
static const char *items(const char *list, char by)
{
    static char text[256];
    struct nu_slice item;
    size_t n = 0;
    const char *end = list + strlen(list);
    while (nu_field_list_next(&list, end, by, &item)) {
        text[n++] = '[';
        memcpy(text + n, item.p, item.n);
        n += item.n;
        text[n++] = ']';
    }
    text[n] = '\0';
    return text;
}

Test(field_list, items)
{
    cr_assert_str_eq(items("", ','), "");
    cr_assert_str_eq(items(" ,\t, ", ','), "");
    cr_assert_str_eq(items("a", ','), "[a]");
    cr_assert_str_eq(items("a,b", ','), "[a][b]");
    cr_assert_str_eq(items(" a b ,, c\t", ','), "[a b][c]");
    cr_assert_str_eq(items("a;b=\"x;y,z\"; c", ';'), "[a][b=\"x;y,z\"][c]");
    cr_assert_str_eq(items("a=\"\\\",\", b", ','), "[a=\"\\\",\"][b]");
    cr_assert_str_eq(items("a=\"open, b", ','), "[a=\"open, b]");
    cr_assert_str_eq(items("a=\"open\\", ','), "[a=\"open\\]");
}

Test(field_list, has)
{
    cr_assert(nu_field_list_has("keep-alive,Upgrade", "upgrade"));
    cr_assert(nu_field_list_has("UPGRADE", "upgrade"));
    cr_assert_not(nu_field_list_has("upgraded, up", "upgrade"));
    cr_assert_not(nu_field_list_has("", "upgrade"));
    cr_assert_not(nu_field_list_has(NULL, "upgrade"));
}

static const struct {
    const char *item, *name, *value;
    bool good;
} parameters[] = {
    { "a", "a", NULL, true },           { "a=b", "a", "b", true },
    { "a = b", "a", "b", true },        { "a=\"b c\"", "a", "b c", true },
    { "a=\"\"", "a", "", true },        { "a=", "a", NULL, false },
    { "=b", "", NULL, false },          { "a b", "a", NULL, false },
    { "a=b c", "a", NULL, false },      { "a=\"b", "a", NULL, false },
    { "a=\"b\\c\"", "a", NULL, false }, { "a=\"b\"c\"", "a", NULL, false },
    { "a\"b\"", "a", NULL, false },     { "\"a\"", "", NULL, false },
};

Test(field_list, parameters)
{
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        struct nu_slice name, value;
        struct nu_slice item = { parameters[i].item, strlen(parameters[i].item) };
        bool good = nu_field_list_parameter(item, &name, &value);
        cr_assert_eq(good, parameters[i].good, "%s", item.p);
        if (good) {
            cr_assert(name.n == strlen(parameters[i].name));
            cr_assert_arr_eq(name.p, parameters[i].name, name.n);
            cr_assert_eq(value.p == NULL, parameters[i].value == NULL, "%s", item.p);
            cr_assert(value.p == NULL || (value.n == strlen(parameters[i].value) &&
                                          memcmp(value.p, parameters[i].value, value.n) == 0));
        }
    }
}
