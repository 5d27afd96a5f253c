/* SPDX-License-Identifier: MIT */
/* Sanitizers and emulated CPUs are several times slower: how much less the heavy tests do there. */
#ifndef NU_TESTS_SUPPORT_SCALE_H
#define NU_TESTS_SUPPORT_SCALE_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define NU_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NU_SANITIZED 1
#endif

#ifdef NU_SANITIZED
#define NU_TIMES(n) ((n) / 5)
#else
#include <stdlib.h>
#define NU_TIMES(n) (getenv("NU_TESTS_SLOW") != NULL ? (n) / 10 : (n))
#endif

#endif
