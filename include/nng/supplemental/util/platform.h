/* SPDX-License-Identifier: MIT */
/* Threads, clock and random numbers are declared by <nng/nng.h>; old programs include this. */
#ifndef NNG_SUPPLEMENTAL_UTIL_PLATFORM_H
#define NNG_SUPPLEMENTAL_UTIL_PLATFORM_H

#include <nng/nng.h>

#endif
