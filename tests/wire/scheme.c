/* SPDX-License-Identifier: MIT */
#include "wire/scheme.h"

#include <criterion/criterion.h>
#include <sys/socket.h>

TestSuite(scheme, .timeout = 30);

static const struct {
    const char *name;
    const char *port;
    bool http, secure;
    int family;
} table[] = {
    { "http", "80", true, false, AF_UNSPEC },
    { "http4", "80", true, false, AF_INET },
    { "http6", "80", true, false, AF_INET6 },
    { "https", "443", true, true, AF_UNSPEC },
    { "HTTPS4", "443", true, true, AF_INET },
    { "https6", "443", true, true, AF_INET6 },
    { "ws", "80", true, false, AF_UNSPEC },
    { "ws4", "80", true, false, AF_INET },
    { "Ws6", "80", true, false, AF_INET6 },
    { "wss", "443", true, true, AF_UNSPEC },
    { "wss4", "443", true, true, AF_INET },
    { "wss6", "443", true, true, AF_INET6 },
    { "http+unix", "", true, false, AF_UNIX },
    { "HTTP+Unix", "", true, false, AF_UNIX },
    { "http+unix4", "", false, false, AF_UNSPEC },
    /* those that NNG knows a port for besides */
    { "git", "9418", false, false, AF_UNSPEC },
    { "gopher", "70", false, false, AF_UNSPEC },
    { "ssh", "22", false, true, AF_UNSPEC },
    { "telnet6", "23", false, false, AF_INET6 },
    /* not in the table */
    { "tcp", "", false, false, AF_UNSPEC },
    { "tls+tcp4", "", false, false, AF_UNSPEC },
    { "httpfoo", "", false, false, AF_UNSPEC },
    { "httpsx", "", false, false, AF_UNSPEC },
    { "http44", "", false, false, AF_UNSPEC },
    { "http5", "", false, false, AF_UNSPEC },
    { "wsx", "", false, false, AF_UNSPEC },
    { "h", "", false, false, AF_UNSPEC },
    { "4", "", false, false, AF_UNSPEC },
    { "", "", false, false, AF_UNSPEC },
};

Test(scheme, table)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct nu_scheme got = nu_scheme_find(table[i].name);
        cr_assert_str_eq(got.port, table[i].port, "%s", table[i].name);
        cr_assert_eq(got.http, table[i].http, "%s", table[i].name);
        cr_assert_eq(got.secure, table[i].secure, "%s", table[i].name);
        cr_assert_eq(got.family, table[i].family, "%s", table[i].name);
    }
}
