/* SPDX-License-Identifier: MIT */
/* What state machines do: NNG_URING_TRACE=1 in the environment has it printed to stderr, and a
 * transition that must not be is fatal in builds with a sanitizer. */
#ifndef NU_BASE_TRACE_H
#define NU_BASE_TRACE_H

#include "base/check.h"

#include <stdbool.h>

extern bool nu_trace_on; /* constant once the library is loaded */

void nu_trace_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define nu_trace(...)                                                                              \
    do {                                                                                           \
        if (__builtin_expect(nu_trace_on, false)) {                                                \
            nu_trace_print(__VA_ARGS__);                                                           \
        }                                                                                          \
    } while (false)

/* NU_WATCHED: somebody looks at what state machines do, which is then worth a call. */
#if defined(NU_ASAN) || defined(NU_TSAN)
#include <assert.h>
#define NU_CHECK(condition) assert(condition)
#define NU_WATCHED true
#else
#define NU_CHECK(condition) ((void) sizeof(condition))
#define NU_WATCHED __builtin_expect(nu_trace_on, false)
#endif

#endif
