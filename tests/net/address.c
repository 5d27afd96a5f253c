/* SPDX-License-Identifier: MIT */
#include "net/address.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* What `host` and `port` become, printed; or the error. */
static int parse(const char *host, const char *port, int family, char *text)
{
    struct sockaddr_storage ss;
    socklen_t len;
    nng_sockaddr addr;
    int err = nu_address_parse(host, port, family, &ss, &len);
    if (err == 0) {
        cr_assert_eq(nu_address_to_nng((struct sockaddr *) &ss, &addr), 0);
        cr_assert_eq(len, ss.ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                                  : sizeof(struct sockaddr_in6));
        nu_address_print(&addr, text, NU_ADDRESS_TEXT);
    }
    return err;
}

#define assert_text(host, port, family, want)                                                      \
    do {                                                                                           \
        char text[NU_ADDRESS_TEXT];                                                                \
        cr_assert_eq(parse(host, port, family, text), 0, "%s", host);                              \
        cr_assert_str_eq(text, want);                                                              \
    } while (0)

#define assert_error(host, port, family, want)                                                     \
    do {                                                                                           \
        char text[NU_ADDRESS_TEXT];                                                                \
        cr_assert_eq(parse(host, port, family, text), want, "%s %s", host, port);                  \
    } while (0)

Test(address, literals, .timeout = 10)
{
    assert_text("127.0.0.1", "80", AF_UNSPEC, "127.0.0.1:80");
    assert_text("127.0.0.1", "0", AF_INET, "127.0.0.1:0");
    assert_text("255.255.255.255", "65535", AF_INET, "255.255.255.255:65535");
    assert_text("::1", "080", AF_UNSPEC, "[::1]:80");
    assert_text("::1", "80", AF_INET6, "[::1]:80");
    assert_text("::ffff:1.2.3.4", "1", AF_UNSPEC, "[::ffff:1.2.3.4]:1");
    assert_text("2001:DB8::0:1", "443", AF_UNSPEC, "[2001:db8::1]:443");
}

Test(address, wildcards, .timeout = 10)
{
    assert_text("", "1", AF_UNSPEC, "[::]:1");
    assert_text("*", "1", AF_UNSPEC, "[::]:1");
    assert_text("*", "1", AF_INET6, "[::]:1");
    assert_text("*", "1", AF_INET, "0.0.0.0:1");
    assert_text("", "1", AF_INET, "0.0.0.0:1");
}

Test(address, scopes, .timeout = 10)
{
    assert_text("fe80::1%7", "80", AF_UNSPEC, "[fe80::1%7]:80");
    assert_text("fe80::1%4294967295", "80", AF_UNSPEC, "[fe80::1%4294967295]:80");
    char want[NU_ADDRESS_TEXT];
    snprintf(want, sizeof want, "[fe80::1%%%u]:80", if_nametoindex("lo"));
    assert_text("fe80::1%lo", "80", AF_UNSPEC, want);
    assert_error("fe80::1%", "80", AF_UNSPEC, NNG_EADDRINVAL);
    assert_error("fe80::1%nosuchdevice", "80", AF_UNSPEC, NNG_EADDRINVAL);
    assert_error("fe80::1%4294967296", "80", AF_UNSPEC, NNG_EADDRINVAL);
    assert_error("fe80::1%-1", "80", AF_UNSPEC, NNG_EADDRINVAL);
}

Test(address, family_mismatch, .timeout = 10)
{
    assert_error("127.0.0.1", "80", AF_INET6, NNG_EADDRINVAL);
    assert_error("::1", "80", AF_INET, NNG_EADDRINVAL);
}

Test(address, names_are_not_literals, .timeout = 10)
{
    static const char *const names[] = {
        "localhost",
        "example.org",
        "1.2.3",
        "1.2.3.4.5",
        "256.0.0.1",
        "1:2",
        ":::",
        "[::1]",
        " 127.0.0.1",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999",
        "11111111111111111111111111111111111111111111111111111111111111111111111111111111",
        "**",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_error(names[i], "80", AF_UNSPEC, NNG_ENOENT);
    }
}

Test(address, bad_ports, .timeout = 10)
{
    static const char *const ports[] = {
        "", "65536", "-1", "+1", " 1", "1 ", "http", "0x50", "1.0", "99999999999999999999999999999",
    };
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        assert_error("127.0.0.1", ports[i], AF_UNSPEC, NNG_EADDRINVAL);
        assert_error("localhost", ports[i], AF_UNSPEC, NNG_EADDRINVAL);
    }
}

Test(address, there_and_back, .timeout = 10)
{
    static const char *const hosts[] = { "1.2.3.4", "2001:db8::1", "fe80::1%7" };
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        struct sockaddr_storage first, second;
        socklen_t first_len, second_len;
        nng_sockaddr addr;
        cr_assert_eq(nu_address_parse(hosts[i], "8080", AF_UNSPEC, &first, &first_len), 0);
        cr_assert_eq(nu_address_to_nng((struct sockaddr *) &first, &addr), 0);
        cr_assert_eq(nu_address_from_nng(&addr, &second, &second_len), 0);
        cr_assert_eq(first_len, second_len);
        cr_assert_arr_eq(&first, &second, first_len);
    }
}

Test(address, layout_is_nngs, .timeout = 10)
{
    struct sockaddr_storage ss;
    socklen_t len;
    nng_sockaddr addr;
    cr_assert_eq(nu_address_parse("1.2.3.4", "258", AF_UNSPEC, &ss, &len), 0);
    cr_assert_eq(nu_address_to_nng((struct sockaddr *) &ss, &addr), 0);
    cr_assert_eq(addr.s_in.sa_family, NNG_AF_INET);
    cr_assert_eq(addr.s_in.sa_port, htons(258));
    cr_assert_eq(addr.s_in.sa_addr, htonl(0x01020304));
}

Test(address, other_families, .timeout = 10)
{
    struct sockaddr_storage ss = { .ss_family = AF_UNIX };
    socklen_t len;
    nng_sockaddr addr;
    char text[NU_ADDRESS_TEXT];
    cr_assert_eq(nu_address_to_nng((struct sockaddr *) &ss, &addr), NNG_EADDRINVAL);
    addr = (nng_sockaddr){ .s_family = NNG_AF_IPC };
    cr_assert_eq(nu_address_from_nng(&addr, &ss, &len), NNG_EADDRINVAL);
    nu_address_print(&addr, text, sizeof text);
    cr_assert_str_eq(text, "unknown");
}

Test(address, print_is_cut, .timeout = 10)
{
    nng_sockaddr addr = { .s_in6 = { .sa_family = NNG_AF_INET6, .sa_port = htons(65535) } };
    addr.s_in6.sa_scope = UINT32_MAX;
    memset(addr.s_in6.sa_addr, 0xff, sizeof addr.s_in6.sa_addr);
    char text[NU_ADDRESS_TEXT], small[8];
    nu_address_print(&addr, text, sizeof text);
    cr_assert_str_eq(text, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
    nu_address_print(&addr, small, sizeof small);
    cr_assert_str_eq(small, "[ffff:f");
    nu_address_print(&addr, small, 1);
    cr_assert_str_eq(small, "");
}
