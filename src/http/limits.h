/* SPDX-License-Identifier: MIT */
/* What a server puts up with. The functions to set it are documented in <nng/uring.h>. */
#ifndef NU_HTTP_LIMITS_H
#define NU_HTTP_LIMITS_H

#include <nng/uring.h>
#include <stdint.h>

#define NU_LIMITS (NNG_URING_WRITE_RATE + 1)

/* The defaults, and what the environment says (NNG_URING_LIMITS). NNG_EINVAL: it says nonsense. */
int nu_limits_init(uint64_t limits[NU_LIMITS]);

/* NNG_URING_COLLECT_BYTES in figures, also where none was set. */
uint64_t nu_limit_collect_bytes(const uint64_t limits[NU_LIMITS]);

/* Sets one; NNG_EINVAL: there is none such, or the value is beyond what it may be. */
int nu_limit_set(uint64_t limits[NU_LIMITS], enum nng_uring_limit limit, uint64_t value);

#endif
