/* SPDX-License-Identifier: MIT */
/* A run's beginning and end: a program, as a simulated thread, in a world that is new. */
#ifndef NU_TESTS_SIM_WORLD_H
#define NU_TESTS_SIM_WORLD_H

#include <stdbool.h>

/* How it is there, all but its seed, which was set. */
struct sim_conditions {
    unsigned preemption, rare; /* once in so many times */
    bool nowait, cachestat;
    bool callbacks_inline;
};

/* Runs `program` and all that it starts to their ends, and the library's (nng_fini()). */
void sim_world_run(const struct sim_conditions *conditions, void (*program)(void));

#endif
