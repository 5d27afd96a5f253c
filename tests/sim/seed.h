/* SPDX-License-Identifier: MIT */
/* Where a run's choices come from, and what is printed of it. A run is a function of its seed. */
#ifndef NU_TESTS_SIM_SEED_H
#define NU_TESTS_SIM_SEED_H

#include <stdbool.h>
#include <stdint.h>

void sim_seed(uint64_t seed);

/* What the run is, and how it is repeated, for who reads of its failure: kept. */
void sim_set_name(const char *name, const char *again);

extern uint64_t sim_time; /* virtual, in nanoseconds */

/* The choices up to now. */
extern struct sim_chances {
    uint64_t state, digest;
} sim_chances;

/* SplitMix64. */
static inline uint64_t sim_next(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static inline uint64_t sim_random(void)
{
    return sim_next(&sim_chances.state);
}

/* Secrets are drawn beside the choices, so that how many there are changes nothing else; from their
 * beginning on, they are those of the seed. */
void sim_secret_begin(void);
uint64_t sim_secret(void);

/* Of all choices up to now and their times. */
uint64_t sim_digest(void);

/* 0 to n - 1. */
static inline unsigned sim_pick(unsigned n)
{
    unsigned picked = (unsigned) ((sim_random() >> 32) * n >> 32);
    sim_chances.digest = (sim_chances.digest ^ picked) * UINT64_C(1099511628211) + sim_time;
    return picked;
}

/* True once in `n` times; 0: never. */
static inline bool sim_chance(unsigned n)
{
    return n != 0 && sim_pick(n) == 0;
}

/* Actors in a run, and steps of each, are at most so many. */
extern struct sim_bounds {
    unsigned actors, steps;
} sim_bounds;

static inline unsigned sim_actors(unsigned n)
{
    return n < sim_bounds.actors ? n : sim_bounds.actors;
}

static inline unsigned sim_steps(unsigned n)
{
    return n < sim_bounds.steps ? n : sim_bounds.steps;
}

extern bool sim_tracing;

void sim_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define sim_trace(...)                                                                             \
    do {                                                                                           \
        if (sim_tracing) {                                                                         \
            sim_print(__VA_ARGS__);                                                                \
        }                                                                                          \
    } while (false)

/* What has gone wrong: ends the run's process, after the seed was said, with a status that tells
 * one failure from another. */
_Noreturn void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define sim_check(condition, ...)                                                                  \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            sim_fail(__VA_ARGS__);                                                                 \
        }                                                                                          \
    } while (false)

#endif
