/* SPDX-License-Identifier: MIT */
#include <nng/nng.h>

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(sockaddr, .timeout = 30);

#define assert_text(addr, want)                                                                    \
    do {                                                                                           \
        char text[NNG_MAXADDRSTRLEN];                                                              \
        const char *got = nng_str_sockaddr(&(addr), text, sizeof(text));                           \
        cr_assert_eq(got, (const char *) text);                                                    \
        cr_assert_str_eq(text, want);                                                              \
    } while (0)

Test(sockaddr, internet)
{
    nng_sockaddr v4 = { .s_in = { NNG_AF_INET, htons(8080), htonl(0x7f000001) } };
    nng_sockaddr v6 = { .s_in6 = { .sa_family = NNG_AF_INET6, .sa_port = htons(80) } };

    assert_text(v4, "127.0.0.1:8080");
    assert_text(v6, "[::]:80");
    v6.s_in6.sa_addr[0] = 0xfe;
    v6.s_in6.sa_addr[1] = 0x80;
    v6.s_in6.sa_addr[15] = 1;
    v6.s_in6.sa_scope = 2;
    assert_text(v6, "[fe80::1%2]:80");
}

Test(sockaddr, others)
{
    nng_sockaddr none = { .s_family = NNG_AF_UNSPEC };
    nng_sockaddr odd = { .s_family = 77 };
    nng_sockaddr inproc = { .s_inproc = { NNG_AF_INPROC, "name" } };
    nng_sockaddr ipc = { .s_ipc = { NNG_AF_IPC, "/tmp/socket" } };
    nng_sockaddr zt = { .s_zt = { NNG_AF_ZT, 0xa, 0xb, 3 } };
    nng_sockaddr hidden = { .s_abstract = { NNG_AF_ABSTRACT, 3, "abc" } };

    assert_text(none, "unknown");
    assert_text(odd, "unknown");
    assert_text(inproc, "inproc[name]");
    assert_text(ipc, "/tmp/socket");
    assert_text(zt, "ZT[b:a:3]");
    assert_text(hidden, "abstract[abc]");
}

Test(sockaddr, a_name_without_end)
{
    nng_sockaddr inproc = { .s_inproc = { .sa_family = NNG_AF_INPROC } };
    char want[NNG_MAXADDRSTRLEN];

    memset(inproc.s_inproc.sa_name, 'x', NNG_MAXADDRLEN);
    snprintf(want, sizeof(want), "inproc[%.*s]", NNG_MAXADDRLEN, inproc.s_inproc.sa_name);
    cr_assert_eq(strlen(want), NNG_MAXADDRLEN + strlen("inproc[]"));
    assert_text(inproc, want);
    inproc.s_family = NNG_AF_IPC;
    cr_assert_eq(strlen(nng_str_sockaddr(&inproc, want, sizeof(want))), NNG_MAXADDRLEN);
}

Test(sockaddr, short_of_room)
{
    nng_sockaddr v4 = { .s_in = { NNG_AF_INET, htons(8080), htonl(0x7f000001) } };
    nng_sockaddr none = { .s_family = NNG_AF_UNSPEC };
    char text[16] = "untouched";

    cr_assert_eq(nng_str_sockaddr(&v4, text, 0), (const char *) text);
    cr_assert_str_eq(text, "untouched");
    cr_assert_str_eq(nng_str_sockaddr(&v4, text, 1), "");
    cr_assert_str_eq(nng_str_sockaddr(&v4, text, 6), "127.0");
    cr_assert_str_eq(nng_str_sockaddr(&none, text, 4), "unk");
    cr_assert_eq(memcmp(text,
                        "unk\0"
                        "0\0hed",
                        9),
                 0);
}
