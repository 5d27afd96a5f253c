/* SPDX-License-Identifier: MIT */
/* Whom a balancer says that it speaks for, in X-Forwarded-For or Forwarded (RFC 7239). */
#ifndef NU_CMD_FORWARDED_H
#define NU_CMD_FORWARDED_H

#include <netinet/in.h>
#include <nng/uring.h>
#include <stdbool.h>

/* The last address that a request from a trusted peer has there, which is the one that the peer has
 * seen; others may be made up. False: the peer is not trusted, or there is none. */
bool forwarded_client(const nng_uring_request *request, char text[INET6_ADDRSTRLEN]);

#endif
