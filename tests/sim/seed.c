/* SPDX-License-Identifier: MIT */
#include "sim/seed.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define BEGIN 1000000000

struct sim_bounds sim_bounds = { UINT_MAX, UINT_MAX };
bool sim_tracing;
uint64_t sim_time;

struct sim_chances sim_chances;
static uint64_t seed, secret;
static const char *run_name, *run_again; /* NULL: the seed says it */

void sim_set_name(const char *name, const char *again)
{
    run_name = name;
    run_again = again;
}

void sim_seed(uint64_t value)
{
    seed = sim_chances.state = value;
    sim_secret_begin();
    sim_chances.digest = 0;
    sim_time = BEGIN;
}

void sim_secret_begin(void)
{
    secret = ~seed;
}

uint64_t sim_secret(void)
{
    return sim_next(&secret);
}

uint64_t sim_digest(void)
{
    return sim_chances.digest ^ sim_time;
}

static void seed_print(const char *format, va_list args)
{
    fprintf(stderr, "%10" PRIu64 ".%03u us  ", sim_time / 1000, (unsigned) (sim_time % 1000));
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void sim_print(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    seed_print(format, args);
    va_end(args);
}

void sim_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    seed_print(format, args);
    va_end(args);
    if (run_name != NULL) {
        fprintf(stderr, "sim: %s failed; %s repeats it\n", run_name, run_again);
    } else {
        fprintf(stderr, "sim: seed %" PRIu64 " failed; make sim SEED=%" PRIu64 " repeats it\n",
                seed, seed);
    }
    unsigned hash = 0;
    for (const char *p = format; *p != '\0'; p++) {
        hash = hash * 31 + (unsigned char) *p;
    }
    _exit(1 + (int) (hash % 100));
}
