/* SPDX-License-Identifier: MIT */
/* The log, beside what <nng/nng.h> says of it. */
#ifndef NU_BASE_LOG_H
#define NU_BASE_LOG_H

#include <nng/nng.h>
#include <stdbool.h>

/* Whether somebody may get messages of that level. Any thread. */
bool nu_log_wanted(nng_log_level level);

#endif
