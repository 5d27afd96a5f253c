/* SPDX-License-Identifier: MIT */
/* The HTTP status codes (RFC 9110 15 and the IANA registry): what they say, and what they mean. */
#ifndef NU_WIRE_STATUS_H
#define NU_WIRE_STATUS_H

#include <stdbool.h>

/* The phrase for a status code; "Unknown Status" for one not registered. Never NULL, static. */
const char *nu_status_reason(unsigned status);

/* Whether a response of this status never has a body (RFC 9112 6.3): 1xx, 204 and 304. */
static inline bool nu_status_bodiless(unsigned status)
{
    return status < 200 || status == 204 || status == 304;
}

#endif
