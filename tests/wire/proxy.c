/* SPDX-License-Identifier: MIT */
/* The PROXY protocol's headers, whole and byte by byte, and lists of networks. */
#include "wire/proxy.h"

#include "support/guard.h"
#include "wire/networks.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

TestSuite(proxy, .timeout = 60);

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define TEXT(s) s, sizeof s - 1

/* 216 bytes of UNIX paths */
#define B8 "aaaaaaaa"
#define B72 B8 B8 B8 B8 B8 B8 B8 B8 B8

static const struct {
    const char *text;
    size_t n;
    unsigned version;
    const char *from; /* NULL: it is refused */
    uint16_t port;
} cases[] = {
    { TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"), 4, "192.0.2.1", 56324 },
    { TEXT("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"), 6, "2001:db8::1", 1 },
    { TEXT("PROXY UNKNOWN\r\n"), 0, "", 0 },
    { TEXT("PROXY UNKNOWN ffff::1 whatever 1\r\n"), 0, "", 0 },
    { TEXT(SIGNATURE "\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\xdc\x04\1\xbb"), 4, "192.0.2.1", 56324 },
    { TEXT(SIGNATURE "\x21\x11\0\x0f\xc0\0\2\1\xc0\0\2\2\xdc\x04\1\xbb\x04\0\0"), 4, "192.0.2.1",
      56324 },
    { TEXT(SIGNATURE "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                     "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\xdc\x04\1\xbb"),
      6, "2001:db8::1", 56324 },
    { TEXT(SIGNATURE "\x20\0\0\0"), 0, "", 0 },
    { TEXT(SIGNATURE "\x20\x11\0\3abc"), 0, "", 0 },
    { TEXT(SIGNATURE "\x21\0\0\0"), 0, "", 0 },
    { TEXT(SIGNATURE "\x21\x31\0\xd8" B72 B72 B72), 0, "", 0 },

    { TEXT("GET / HTTP/1.1\r\n"), 0, NULL, 0 },
    { TEXT("PROXY\r\n"), 0, NULL, 0 },
    { TEXT("PROXY \r\n"), 0, NULL, 0 },
    { TEXT("PROXY TCP5 192.0.2.1 192.0.2.2 56324 443\r\n"), 0, NULL, 0 },
    { TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n"), 0, NULL, 0 },
    { TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 \r\n"), 0, NULL, 0 },
    { TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 1\r\n"), 0, NULL, 0 },
    { TEXT("PROXY TCP4  192.0.2.1 192.0.2.2 56324 443\r\n"), 0, NULL, 0 },
    { TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 56324 65536\r\n"), 0, NULL, 0 },
    { TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 +1 443\r\n"), 0, NULL, 0 },
    { TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 01 443\r\n"), 0, NULL, 0 },
    { TEXT("PROXY TCP4 ::1 192.0.2.2 1 443\r\n"), 0, NULL, 0 },
    { TEXT("PROXY TCP4 192.0.2.1\0 192.0.2.2 1 443\r\n"), 0, NULL, 0 },
    { TEXT("PROXY UNKNOWN\rX"), 0, NULL, 0 },
    { TEXT("PROXY UNKNOWN " B72 B8 B8 B8 "\r\n"), 0, NULL, 0 },
    { TEXT(SIGNATURE "\x11\x11\0\x0c"), 0, NULL, 0 },
    { TEXT(SIGNATURE "\x22\x11\0\x0c"), 0, NULL, 0 },
    { TEXT(SIGNATURE "\x21\x12\0\x0c"), 0, NULL, 0 },
    { TEXT(SIGNATURE "\x21\x11\0\x0b"), 0, NULL, 0 },
    { TEXT(SIGNATURE "\x21\x11\x10\0"), 0, NULL, 0 },
};

/* Of all its beginnings only the whole is a header, and what is no header is so for good. */
Test(proxy, byte_by_byte)
{
    struct nu_proxy proxy;
    char from[INET6_ADDRSTRLEN];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum nu_parse result = NU_PARSE_MORE;
        size_t n = 0;
        for (; n <= cases[i].n && result == NU_PARSE_MORE; n++) {
            result = nu_proxy_parse(guard_copy(cases[i].text, n), n, &proxy);
        }
        if (cases[i].from == NULL) {
            cr_assert_eq(result, NU_PARSE_BAD, "case %zu", i);
            continue;
        }
        cr_assert_eq(result, NU_PARSE_DONE, "case %zu", i);
        cr_assert_eq(proxy.length, cases[i].n, "case %zu", i);
        cr_assert_eq(n - 1, cases[i].n, "case %zu", i);
        cr_assert_eq(proxy.version, cases[i].version, "case %zu", i);
        if (proxy.version != 0) {
            inet_ntop(proxy.version == 4 ? AF_INET : AF_INET6, proxy.from, from, sizeof from);
            cr_assert_str_eq(from, cases[i].from);
            cr_assert_eq(proxy.port, cases[i].port);
        }
    }
}

/* What follows a header is not its business. */
Test(proxy, and_more)
{
    struct nu_proxy proxy;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        memcpy(text, cases[i].text, cases[i].n);
        strcpy(text + cases[i].n, "GET / HTTP/1.1\r\n\r\n");
        size_t n = cases[i].n + 18;
        enum nu_parse result = nu_proxy_parse(guard_copy(text, n), n, &proxy);
        cr_assert_eq(result, cases[i].from != NULL ? NU_PARSE_DONE : NU_PARSE_BAD, "case %zu", i);
        cr_assert(cases[i].from == NULL || proxy.length == cases[i].n);
    }
}

static bool has(const struct nu_networks *networks, const char *text)
{
    uint8_t address[16];
    bool v4 = inet_pton(AF_INET, text, address) == 1;
    cr_assert(v4 || inet_pton(AF_INET6, text, address) == 1);
    return nu_networks_have(networks, address, v4);
}

Test(proxy, networks)
{
    static const char *const bad[] = { "",        ",",           "10.0.0.0/33", "10.0.0/8",
                                       "::1/129", "10.0.0.0/8,", "10.0.0.0/",   "::1/-1",
                                       "a",       "::1/1x" };
    struct nu_networks list;
    cr_assert(nu_networks_parse(&list, "10.0.0.0/8,192.0.2.129/25,::1,2001:db8::/33,unix"));
    cr_assert(list.local);
    cr_assert(has(&list, "10.255.0.1"));
    cr_assert(has(&list, "::ffff:10.0.0.1"));
    cr_assert(has(&list, "192.0.2.128"));
    cr_assert(has(&list, "::1"));
    cr_assert(has(&list, "2001:db8:7fff::"));
    cr_assert_not(has(&list, "11.0.0.0"));
    cr_assert_not(has(&list, "192.0.2.127"));
    cr_assert_not(has(&list, "::2"));
    cr_assert_not(has(&list, "2001:db8:8000::"));
    cr_assert(nu_networks_parse(&list, "0.0.0.0/0"));
    cr_assert_not(list.local);
    cr_assert(has(&list, "203.0.113.1"));
    cr_assert_not(has(&list, "2001:db8::"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_not(nu_networks_parse(&list, bad[i]), "%s", bad[i]);
    }
}
