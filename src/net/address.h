/* SPDX-License-Identifier: MIT */
/* Socket addresses: between the system's form, NNG's and text. Asks no name server; any thread. */
#ifndef NU_NET_ADDRESS_H
#define NU_NET_ADDRESS_H

#include <nng/nng.h>
#include <stddef.h>
#include <sys/socket.h>

/* IPv4 and IPv6 alone. 0, or NNG_EADDRINVAL for another family; the result is then left alone. */
int nu_address_to_nng(const struct sockaddr *sa, nng_sockaddr *out);
int nu_address_from_nng(const nng_sockaddr *addr, struct sockaddr_storage *ss, socklen_t *len);

/*
 * Parses a literal address ("127.0.0.1", "::1", "fe80::1%eth0"; "" and "*" are the wildcard) and a
 * decimal port from 0 to 65535. `family` is AF_INET, AF_INET6 or AF_UNSPEC. The wildcard is IPv6
 * (both families are then served) unless the family is AF_INET.
 * 0; NNG_EADDRINVAL for a bad port, a literal of the other family, or a scope that does not exist;
 * NNG_ENOENT when host is not a literal, so that it is a name to resolve.
 */
int nu_address_parse(const char *host, const char *port, int family, struct sockaddr_storage *ss,
                     socklen_t *len);

#define NU_ADDRESS_TEXT 64 /* room for every address and a port */

/* "127.0.0.1:80", "[::1]:80" or "[fe80::1%2]:80" into out, "unknown" for another family; cut, but
 * terminated, when size is short. */
void nu_address_print(const nng_sockaddr *addr, char *out, size_t size);

#endif
