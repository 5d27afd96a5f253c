/* SPDX-License-Identifier: MIT */
/* Bytes that say where they are from: those of another stream, or of another place, are others. */
#ifndef NU_TESTS_SIM_PATTERN_H
#define NU_TESTS_SIM_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* `n` bytes of a stream from its byte `at` on: kept, and the same in each run. */
const uint8_t *sim_pattern(unsigned stream, size_t at, size_t n);

/* How many of these are what they are to be. */
size_t sim_pattern_same(const void *p, size_t n, unsigned stream, size_t at);

#endif
