/* SPDX-License-Identifier: MIT */
/* The host and port of a Host field or of an absolute URL. */
#ifndef NU_WIRE_AUTHORITY_H
#define NU_WIRE_AUTHORITY_H

#include "base/buf.h"

#include <stdbool.h>

/*
 * Whether it is host [":" port] of RFC 3986: a name or an IPv4 address, or an IPv6 address in
 * brackets, none of it empty but the port, which is at most 65535. No user information, and no
 * comma, which is how two Host fields look after a proxy joined them. With `port`, the port must
 * be there. Pure, any thread.
 */
bool nu_authority_good(struct nu_slice authority, bool port);

/* Whether it is an IPv6 address in text, without brackets or zone. Pure, any thread. */
bool nu_authority_ipv6(struct nu_slice address);

#endif
