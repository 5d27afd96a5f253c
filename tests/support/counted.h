/* SPDX-License-Identifier: MIT */
#ifndef NU_TESTS_COUNTED_H
#define NU_TESTS_COUNTED_H

#include <stdint.h>

/* What nng_uring_counters() says of that name, which is there. */
uint64_t t_counted(const char *name);

#endif
