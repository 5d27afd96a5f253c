/* SPDX-License-Identifier: MIT */
/*
 * A failing seed made small: the same failure with as few actors and as short scripts as there are,
 * by that seed or one near it. Prints how that is repeated.
 */
#ifndef NU_TESTS_SIM_MINIMISE_H
#define NU_TESTS_SIM_MINIMISE_H

#include <stdint.h>

/* 0, or 1 where the seed does not fail. */
int sim_minimise(uint64_t seed, unsigned (*run)(uint64_t seed));

#endif
