/* SPDX-License-Identifier: MIT */
#include "net/address.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

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

/* ---- UNIX sockets ------------------------------------------------------------------------- */

void nu_address_unix_to_nng(const struct sockaddr_un *un, socklen_t len, nng_sockaddr *out)
{
    size_t n = len > PATH_OFFSET ? len - PATH_OFFSET : 0;
    memset(out, 0, sizeof *out);
    if (n > 0 && un->sun_path[0] != '\0') {
        out->s_ipc.sa_family = NNG_AF_IPC;
        memcpy(out->s_ipc.sa_path, un->sun_path, strnlen(un->sun_path, n));
        return;
    }
    out->s_abstract.sa_family = NNG_AF_ABSTRACT;
    out->s_abstract.sa_len = (uint16_t) (n > 0 ? n - 1 : 0);
    if (n > 1) {
        memcpy(out->s_abstract.sa_name, un->sun_path + 1, n - 1);
    }
}

int nu_address_from_path(const char *path, struct sockaddr_un *un, socklen_t *len)
{
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof un->sun_path) {
        return NNG_EADDRINVAL;
    }
    *un = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(un->sun_path, path, n);
    *len = (socklen_t) (PATH_OFFSET + n + 1);
    return 0;
}

static int address_get(int fd, bool peer, struct sockaddr_storage *ss, socklen_t *len)
{
    struct sockaddr *sa = (struct sockaddr *) ss;
    *len = sizeof *ss;
    int n = peer ? getpeername(fd, sa, len) : getsockname(fd, sa, len);
    return n == 0 ? 0 : nu_error_from_errno(errno);
}

int nu_address_of_socket(int fd, bool peer, nng_sockaddr *out)
{
    struct sockaddr_storage ss = { 0 };
    socklen_t len;
    int err = address_get(fd, peer, &ss, &len);
    if (err == 0 && ss.ss_family == AF_UNIX && len <= PATH_OFFSET) {
        if (address_get(fd, !peer, &ss, &len) != 0) {
            len = PATH_OFFSET; /* a socket that listens has no other end */
        }
    }
    if (err != 0 || ss.ss_family != AF_UNIX) {
        return err != 0 ? err : nu_address_to_nng((struct sockaddr *) &ss, out);
    }
    nu_address_unix_to_nng((struct sockaddr_un *) &ss, len, out);
    return 0;
}

/* ---- Text --------------------------------------------------------------------------------- */

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
