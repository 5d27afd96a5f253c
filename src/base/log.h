/* SPDX-License-Identifier: MIT */
/* The log, beside what <nng/nng.h> says of it. */
#ifndef NU_BASE_LOG_H
#define NU_BASE_LOG_H

#include <nng/nng.h>
#include <stdatomic.h>
#include <stdbool.h>

/* The highest level that somebody may get; NNG_LOG_NONE: there is no logger. */
extern atomic_int nu_log_up_to;

/* Whether somebody may get messages of that level. Any thread. */
static inline bool nu_log_wanted(nng_log_level level)
{
    return (int) level <= atomic_load_explicit(&nu_log_up_to, memory_order_relaxed);
}

#endif
