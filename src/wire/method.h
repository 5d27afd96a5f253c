/* SPDX-License-Identifier: MIT */
/* The methods of HTTP. */
#ifndef NU_WIRE_METHOD_H
#define NU_WIRE_METHOD_H

#include "base/buf.h"

#include <stdbool.h>

/* Whether it is in IANA's registry: PRI, which is HTTP/2's, does not count. */
bool nu_method_known(struct nu_slice method);

#endif
