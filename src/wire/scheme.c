/* SPDX-License-Identifier: MIT */
#include "wire/scheme.h"

#include "wire/chars.h"

#include <string.h>
#include <sys/socket.h>

static const struct {
    const char *name;
    struct nu_scheme scheme;
} schemes[] = {
    { "http", { "80", true, false, AF_UNSPEC } },    { "https", { "443", true, true, AF_UNSPEC } },
    { "ws", { "80", true, false, AF_UNSPEC } },      { "wss", { "443", true, true, AF_UNSPEC } },
    { "http+unix", { "", true, false, AF_UNIX } },   { "git", { "9418", false, false, AF_UNSPEC } },
    { "gopher", { "70", false, false, AF_UNSPEC } }, { "ssh", { "22", false, true, AF_UNSPEC } },
    { "telnet", { "23", false, false, AF_UNSPEC } },
};

struct nu_scheme nu_scheme_find(const char *name)
{
    size_t n = strlen(name);
    char last = n > 0 ? name[n - 1] : '\0';
    int family = last == '4' ? AF_INET : last == '6' ? AF_INET6 : AF_UNSPEC;

    n -= family != AF_UNSPEC; /* NNG's way of asking for one family; no name ends so itself */
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        bool either = family == AF_UNSPEC || schemes[i].scheme.family == AF_UNSPEC;
        if (either && strlen(schemes[i].name) == n && nu_chars_same(name, schemes[i].name, n)) {
            struct nu_scheme found = schemes[i].scheme;
            found.family = found.family == AF_UNSPEC ? family : found.family;
            return found;
        }
    }
    return (struct nu_scheme){ .port = "" };
}
