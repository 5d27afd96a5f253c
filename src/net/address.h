/* SPDX-License-Identifier: MIT */
/* Socket addresses: between the system's form, NNG's and text. Asks no name server; any thread. */
#ifndef NU_NET_ADDRESS_H
#define NU_NET_ADDRESS_H

#include <nng/nng.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* IPv4 and IPv6 alone. 0, or NNG_EADDRINVAL for another family; the result is then left alone. */
int nu_address_to_nng(const struct sockaddr *sa, nng_sockaddr *out);
int nu_address_from_nng(const nng_sockaddr *addr, struct sockaddr_storage *ss, socklen_t *len);

/* A UNIX socket's: NNG_AF_IPC with its path, or NNG_AF_ABSTRACT, of length 0 where it has no name.
 */
void nu_address_unix_to_nng(const struct sockaddr_un *un, socklen_t len, nng_sockaddr *out);

/* NNG_EADDRINVAL: the path is empty, or too long for an address. */
int nu_address_from_path(const char *path, struct sockaddr_un *un, socklen_t *len);

/* Of the socket, or of its peer; of a UNIX socket's ends both have the name that one of them has,
 * which is what NNG says of them. 0, or an NNG error. */
int nu_address_of_socket(int fd, bool peer, nng_sockaddr *out);

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
