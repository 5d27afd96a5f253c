/* SPDX-License-Identifier: MIT */
#include "net/listen_addrs.h"

#include "net/address.h"
#include "support/peer.h"
#include "support/proc.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <nng/nng.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(listen_addrs, .timeout = 30);

static void expect(const char *host, int family, const char *want)
{
    struct nu_listen_addrs addrs;
    char got[256] = "";
    cr_assert_eq(nu_listen_addrs_find(&addrs, host, "80", family), 0, "%s", host);
    for (unsigned i = 0; i < addrs.n; i++) {
        nng_sockaddr addr;
        size_t n = strlen(got);
        cr_assert_eq(nu_address_to_nng((struct sockaddr *) &addrs.ss[i], &addr), 0);
        nu_address_print(&addr, got + n, sizeof got - n);
        strcat(got, " ");
    }
    cr_assert_str_eq(got, want);
}

/* See tests/support/names.h for the names. */
Test(listen_addrs, found)
{
    expect("127.0.0.1", AF_UNSPEC, "127.0.0.1:80 ");
    expect("", AF_UNSPEC, "[::]:80 ");
    expect("*", AF_INET, "0.0.0.0:80 ");
    struct nu_listen_addrs addrs;
    cr_assert_eq(nu_listen_addrs_find(&addrs, "LocalHost", "80", AF_UNSPEC), 0);
    cr_assert_geq(addrs.n, 2); /* whatever /etc/hosts says */
    expect("localhost", AF_INET6, "[::1]:80 ");
    expect("localhost.test", AF_UNSPEC, "[::1]:80 127.0.0.1:80 ");
    expect("localhost.test", AF_INET, "127.0.0.1:80 ");
    expect("localhost.test", AF_INET6, "[::1]:80 ");
    expect("127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4,127.0.0.5,127.0.0.6,127.0.0.7,127.0.0.8,"
           "127.0.0.9",
           AF_UNSPEC,
           "127.0.0.1:80 127.0.0.2:80 127.0.0.3:80 127.0.0.4:80 127.0.0.5:80 127.0.0.6:80 "
           "127.0.0.7:80 127.0.0.8:80 ");
}

Test(listen_addrs, not_found)
{
    struct nu_listen_addrs addrs;
    cr_assert_eq(nu_listen_addrs_find(&addrs, "127.0.0.1", "65536", AF_UNSPEC), NNG_EADDRINVAL);
    cr_assert_eq(nu_listen_addrs_find(&addrs, "127.0.0.1", "80", AF_INET6), NNG_EADDRINVAL);
    cr_assert_eq(nu_listen_addrs_find(&addrs, "a b,c d", "80", AF_UNSPEC), NNG_EADDRINVAL);
    cr_assert_eq(nu_listen_addrs_find(&addrs, "fe80::1%nosuchdevice", "80", AF_UNSPEC),
                 NNG_EADDRINVAL);
}

static in_port_t port_of(int fd)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    cr_assert_eq(getsockname(fd, (struct sockaddr *) &ss, &len), 0);
    return ((struct sockaddr_in *) &ss)->sin_port; /* where sin6_port is, too */
}

/* One port for all, also when the system chooses it; or nothing at all. */
Test(listen_addrs, bound)
{
    struct nu_listen_addrs addrs;
    int fds[3 * 2];
    unsigned open = t_proc_fds();
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(
            nu_listen_addrs_find(&addrs, "127.0.0.1,2001:db8::1,127.0.0.2", "0", AF_UNSPEC), 0);
        cr_assert_eq(nu_listen_addrs_bind(&addrs, fds, 2), 0);
        cr_assert(fds[2] == -1 && fds[3] == -1); /* not here */
        for (int k = 0; k < 6; k++) {
            cr_assert(k / 2 == 1 || port_of(fds[k]) == port_of(fds[0]));
        }
        for (int k = 0; k < 6; k++) {
            cr_assert(k / 2 == 1 || close(fds[k]) == 0);
        }
    }
    unsigned port;
    char text[8];
    int taken = nu_listen(&port, 0); /* 127.0.0.1, which comes second */
    snprintf(text, sizeof text, "%u", port);
    cr_assert_eq(nu_listen_addrs_find(&addrs, "127.0.0.2,127.0.0.1", text, AF_UNSPEC), 0);
    cr_assert_eq(nu_listen_addrs_bind(&addrs, fds, 2), NNG_EADDRINUSE);
    close(taken);
    cr_assert_eq(nu_listen_addrs_find(&addrs, "2001:db8::1,2001:db8::2", "0", AF_UNSPEC), 0);
    int err = nu_listen_addrs_bind(&addrs, fds, 2);
    cr_assert(err == NNG_EADDRINVAL || err == NNG_ENOTSUP, "%s", nng_strerror(err));
    cr_assert_eq(t_proc_fds(), open);
}
