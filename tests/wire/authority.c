/* SPDX-License-Identifier: MIT */
#include "wire/authority.h"

#include "support/guard.h"

#include <criterion/criterion.h>

#include <string.h>

TestSuite(authority, .timeout = 30);

static const struct {
    const char *text;
    bool good;      /* with or without a port */
    bool with_port; /* when the port must be there */
} cases[] = {
    { "h", true, false },
    { "example.com", true, false },
    { "example.com:80", true, true },
    { "example.com:", true, false },
    { "h:0", true, true },
    { "h:00080", true, true },
    { "h:65535", true, true },
    { "h:65536", false, false },
    { "h:99999999999999999999", false, false },
    { "h:8a", false, false },
    { "h:-1", false, false },
    { "h:1:2", false, false },
    { "h: 1", false, false },
    { "1.2.3.4:5", true, true },
    { "a-b_c~d", true, false },
    { "%41%ff", true, false },
    { "%", false, false },
    { "%4", false, false },
    { "%4g", false, false },
    { "a%:1", false, false },
    { "", false, false },
    { ":", false, false },
    { ":80", false, false },
    { "a,b", false, false },
    { "a b", false, false },
    { "a@b", false, false },
    { "a/b", false, false },
    { "\xc3\xa9", false, false },
    { "[::1]", true, false },
    { "[::1]:80", true, true },
    { "[::ffff:1.2.3.4]:80", true, true },
    { "[::1", false, false },
    { "[", false, false },
    { "[]", false, false },
    { "[]:80", false, false },
    { "[::1]80", false, false },
    { "[::1]:x", false, false },
    { "[1.2.3.4]", false, false },
    { "[::1%eth0]", false, false },
    { "[v1.x]", false, false },
    { "[1:2:3:4:5:6:7:8:9]", false, false },
    { "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]", false, false },
    { "::1", false, false },
    { "a[::1]", false, false },
};

Test(authority, good)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = strlen(cases[i].text);
        struct nu_slice s = { guard_copy(cases[i].text, n), n };
        cr_assert_eq(nu_authority_good(s, false), cases[i].good, "%s", cases[i].text);
        cr_assert_eq(nu_authority_good(s, true), cases[i].with_port, "%s", cases[i].text);
    }
}
