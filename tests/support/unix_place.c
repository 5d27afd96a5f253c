/* SPDX-License-Identifier: MIT */
#include "support/unix_place.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool t_unix_wanted(void)
{
    return getenv("NU_TESTS_UNIX") != NULL;
}

unsigned t_unix_port(void)
{
    static atomic_uint ports;
    return 1 + atomic_fetch_add(&ports, 1);
}

struct sockaddr_un t_unix_address(unsigned port)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    int n = snprintf(un.sun_path, sizeof un.sun_path, "%s/%d-%u", getenv("NU_TESTS_UNIX"),
                     (int) getpid(), port);
    cr_assert_lt(n, (int) sizeof un.sun_path, "NU_TESTS_UNIX is too long");
    return un;
}

nng_url *t_unix_url(unsigned port)
{
    struct sockaddr_un un = t_unix_address(port);
    char text[16 + 3 * sizeof un.sun_path] = "http+unix://";
    size_t n = strlen(text);
    nng_url *url;
    for (const char *p = un.sun_path; *p != '\0'; p++) {
        n += (size_t) sprintf(text + n, *p == '/' ? "%%2F" : "%c", *p);
    }
    cr_assert_eq(nng_url_parse(&url, text), 0, "%s", text);
    return url;
}
