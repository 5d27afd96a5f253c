/* SPDX-License-Identifier: MIT */
#include "wire/authority.h"

#include "wire/chars.h"

#include <arpa/inet.h>
#include <string.h>

bool nu_authority_ipv6(struct nu_slice address)
{
    char text[INET6_ADDRSTRLEN] = "";
    struct in6_addr addr;

    if (address.n >= sizeof(text)) {
        return false;
    }
    memcpy(text, address.p, address.n);
    return inet_pton(AF_INET6, text, &addr) == 1;
}

/* Length of "[address]" at the start, 0 when it is none. */
static size_t authority_literal(struct nu_slice s)
{
    const char *close = memchr(s.p, ']', s.n);
    size_t n = close == NULL ? 0 : (size_t) (close - s.p);

    return n > 0 && nu_authority_ipv6((struct nu_slice){ s.p + 1, n - 1 }) ? n + 1 : 0;
}

/* Length of the name at the start. */
static size_t authority_name(struct nu_slice s)
{
    size_t i = 0;

    for (;;) {
        i += nu_chars_span(s.p + i, s.n - i, NU_CHAR_HOST);
        if (s.n - i < 3 || s.p[i] != '%' || nu_chars_hex(s.p[i + 1], s.p[i + 2]) < 0) {
            return i;
        }
        i += 3;
    }
}

bool nu_authority_good(struct nu_slice authority, bool port)
{
    const char *p = authority.p;
    size_t n = authority.n;
    size_t i = n > 0 && p[0] == '[' ? authority_literal(authority) : authority_name(authority);

    if (i == 0 || i == n) {
        return i > 0 && !port;
    }
    unsigned number = 0;
    for (size_t j = i + 1; j < n; j++) {
        if (p[j] < '0' || p[j] > '9') {
            return false;
        }
        number = number * 10 + (unsigned) (p[j] - '0');
        if (number > 65535) {
            return false;
        }
    }
    return p[i] == ':' && (n > i + 1 || !port);
}
