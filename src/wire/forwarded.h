/* SPDX-License-Identifier: MIT */
/* Whom a balancer says that it speaks for, in X-Forwarded-For or Forwarded (RFC 7239). Pure, any
 * thread. */
#ifndef NU_WIRE_FORWARDED_H
#define NU_WIRE_FORWARDED_H

#include "wire/fields.h"

#include <stdbool.h>
#include <stdint.h>

struct nu_forwarded {
    int version;      /* of IP: 4 or 6 */
    uint8_t from[16]; /* the first 4, or all; in network order */
};

/* The last address that is told there, which is the one that the balancer has seen; others may be
 * made up. False: there is none. */
bool nu_forwarded_read(const struct nu_field *fields, unsigned n, struct nu_forwarded *forwarded);

#endif
