/* SPDX-License-Identifier: MIT */
#include "net/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int nu_address_to_nng(const struct sockaddr *sa, nng_sockaddr *out)
{
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *) sa;
        *out = (nng_sockaddr){ .s_in = { NNG_AF_INET, in->sin_port, in->sin_addr.s_addr } };
        return 0;
    }
    if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) sa;
        *out = (nng_sockaddr){ .s_in6.sa_family = NNG_AF_INET6 };
        out->s_in6.sa_port = in6->sin6_port;
        out->s_in6.sa_scope = in6->sin6_scope_id;
        memcpy(out->s_in6.sa_addr, &in6->sin6_addr, sizeof out->s_in6.sa_addr);
        return 0;
    }
    return NNG_EADDRINVAL;
}

static void address_set_in(struct sockaddr_storage *ss, socklen_t *len, struct in_addr addr,
                           in_port_t port)
{
    *ss = (struct sockaddr_storage){ .ss_family = AF_INET };
    struct sockaddr_in *in = (struct sockaddr_in *) ss;
    in->sin_addr = addr;
    in->sin_port = port;
    *len = sizeof *in;
}

static void address_set_in6(struct sockaddr_storage *ss, socklen_t *len,
                            const struct in6_addr *addr, in_port_t port, uint32_t scope)
{
    *ss = (struct sockaddr_storage){ .ss_family = AF_INET6 };
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) ss;
    in6->sin6_addr = *addr;
    in6->sin6_port = port;
    in6->sin6_scope_id = scope;
    *len = sizeof *in6;
}

int nu_address_from_nng(const nng_sockaddr *addr, struct sockaddr_storage *ss, socklen_t *len)
{
    if (addr->s_family == NNG_AF_INET) {
        address_set_in(ss, len, (struct in_addr){ addr->s_in.sa_addr }, addr->s_in.sa_port);
        return 0;
    }
    if (addr->s_family == NNG_AF_INET6) {
        struct in6_addr in6;
        memcpy(&in6, addr->s_in6.sa_addr, sizeof in6);
        address_set_in6(ss, len, &in6, addr->s_in6.sa_port, addr->s_in6.sa_scope);
        return 0;
    }
    return NNG_EADDRINVAL;
}

/* Digits only: no sign, space or sign of overflow gets through. */
static bool address_parse_decimal(const char *text, uint64_t max, uint32_t *out)
{
    uint64_t value = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (uint64_t) (*text - '0');
        if (value > max) {
            return false;
        }
    }
    *out = (uint32_t) value;
    return true;
}

/* The scope behind the '%' of an IPv6 literal: an interface's name or number. */
static bool address_parse_scope(const char *text, uint32_t *scope)
{
    *scope = if_nametoindex(text);
    return *scope != 0 || address_parse_decimal(text, UINT32_MAX, scope);
}

/* 0, NNG_ENOENT when it is no IPv6 literal, NNG_EADDRINVAL when only its scope is wrong. */
static int address_parse_in6(const char *host, struct in6_addr *addr, uint32_t *scope)
{
    char literal[INET6_ADDRSTRLEN];
    size_t n = strcspn(host, "%");
    const char *p = host + n;
    *scope = 0;
    if (n >= sizeof literal) {
        return NNG_ENOENT;
    }
    memcpy(literal, host, n);
    literal[n] = '\0';
    if (inet_pton(AF_INET6, literal, addr) != 1) {
        return NNG_ENOENT;
    }
    return *p == '\0' || address_parse_scope(p + 1, scope) ? 0 : NNG_EADDRINVAL;
}

int nu_address_parse(const char *host, const char *port, int family, struct sockaddr_storage *ss,
                     socklen_t *len)
{
    uint32_t number, scope;
    if (!address_parse_decimal(port, UINT16_MAX, &number)) {
        return NNG_EADDRINVAL;
    }
    in_port_t nport = htons((uint16_t) number);
    struct in_addr in;
    if (*host == '\0' || strcmp(host, "*") == 0) {
        if (family == AF_INET) {
            address_set_in(ss, len, (struct in_addr){ htonl(INADDR_ANY) }, nport);
        } else {
            address_set_in6(ss, len, &in6addr_any, nport, 0);
        }
        return 0;
    }
    if (inet_pton(AF_INET, host, &in) == 1) {
        if (family == AF_INET6) {
            return NNG_EADDRINVAL;
        }
        address_set_in(ss, len, in, nport);
        return 0;
    }
    struct in6_addr in6;
    int err = address_parse_in6(host, &in6, &scope);
    if (err == 0 && family == AF_INET) {
        err = NNG_EADDRINVAL;
    }
    if (err == 0) {
        address_set_in6(ss, len, &in6, nport, scope);
    }
    return err;
}

void nu_address_print(const nng_sockaddr *addr, char *out, size_t size)
{
    char text[INET6_ADDRSTRLEN];
    if (addr->s_family == NNG_AF_INET) {
        inet_ntop(AF_INET, &addr->s_in.sa_addr, text, sizeof text);
        snprintf(out, size, "%s:%u", text, ntohs(addr->s_in.sa_port));
    } else if (addr->s_family == NNG_AF_INET6) {
        inet_ntop(AF_INET6, addr->s_in6.sa_addr, text, sizeof text);
        char scope[12] = "";
        if (addr->s_in6.sa_scope != 0) {
            snprintf(scope, sizeof scope, "%%%u", addr->s_in6.sa_scope);
        }
        snprintf(out, size, "[%s%s]:%u", text, scope, ntohs(addr->s_in6.sa_port));
    } else {
        snprintf(out, size, "unknown");
    }
}
