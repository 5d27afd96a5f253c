/* SPDX-License-Identifier: MIT */
#include "sim/minimise.h"

#include "sim/seed.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define ACTORS 16U
#define NEAR 200U /* seeds that are tried for each size */
#define CRASHED 256

static unsigned (*the_run)(uint64_t seed);

/* How it ends in a process of its own: 0, or what failed. */
static int minimise_try(uint64_t seed, struct sim_bounds bounds)
{
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        (void) dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        sim_bounds = bounds;
        (void) the_run(seed);
        _exit(0);
    }
    sim_check(child > 0 && waitpid(child, &status, 0) == child, "no process");
    return WIFEXITED(status) ? WEXITSTATUS(status) : CRASHED;
}

/* The first seed from this one on that fails so. */
static bool minimise_search(uint64_t *seed, struct sim_bounds bounds, int failure)
{
    for (uint64_t s = *seed; s < *seed + NEAR; s++) {
        if (minimise_try(s, bounds) == failure) {
            *seed = s;
            return true;
        }
    }
    return false;
}

static bool minimise_any(uint64_t *seed, struct sim_bounds *bounds, int failure)
{
    for (bounds->actors = 1; bounds->actors <= ACTORS; bounds->actors++) {
        for (bounds->steps = 1; bounds->steps <= 64; bounds->steps *= 2) {
            if (minimise_search(seed, *bounds, failure)) {
                return true;
            }
        }
    }
    return false;
}

int sim_minimise(uint64_t seed, unsigned (*run)(uint64_t seed))
{
    struct sim_bounds bounds = sim_bounds;
    the_run = run;
    int failure = minimise_try(seed, bounds);
    if (failure == 0) {
        fprintf(stderr, "sim: seed %" PRIu64 " does not fail\n", seed);
        return 1;
    }
    if (!minimise_any(&seed, &bounds, failure)) {
        printf("sim: seed %" PRIu64 " is as small as it gets\n", seed);
        return 0;
    }
    struct sim_bounds smaller = bounds;
    while (smaller.steps > 1) {
        smaller.steps--;
        if (minimise_try(seed, smaller) == failure) {
            bounds = smaller;
        }
    }
    printf(
        "sim: %u actors and %u steps are enough: build/sim --actors %u --steps %u --seed %" PRIu64
        " --trace\n",
        bounds.actors, bounds.steps, bounds.actors, bounds.steps, seed);
    return 0;
}
