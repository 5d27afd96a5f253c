/* SPDX-License-Identifier: MIT */
#ifndef NU_BASE_ZERO_H
#define NU_BASE_ZERO_H

#include <stddef.h>
#include <string.h>

/*
 * memset(p, 0, n) by the C library's function, for objects that each request has anew. Where gcc
 * knows the size it puts `rep stos` there, which takes five times as long for a few hundred bytes.
 */
static inline void nu_zero(void *p, size_t n)
{
    __asm__("" : "+r"(n)); /* gcc does not know it any more */
    memset(p, 0, n);
}

#endif
