/* SPDX-License-Identifier: MIT */
/*
 * sim [--seconds N | --runs N] [--from SEED] [--twice], --seed N [--trace], --replay FILE,
 * --faults,
 * --fault NAME [--trace]: the library in a made-up world; see tests/sim/README.md.
 */
#include "io/runtime.h"
#include "sim/conns.h"
#include "sim/faults.h"
#include "sim/minimise.h"
#include "sim/openssl.h"
#include "sim/ring_sim.h"
#include "sim/seed.h"
#include "sim/servers.h"
#include "sim/states.h"
#include "sim/streams.h"
#include "sim/talkers.h"
#include "sim/tcp.h"
#include "sim/transacts.h"
#include "sim/world.h"

#include <inttypes.h>
#include <malloc.h>
#include <nng/nng.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <time.h>
#include <unistd.h>

static void main_nothing(void)
{
}

static const struct load {
    unsigned weight; /* how often it is chosen */
    unsigned from;   /* for sim_tcp_reset() */
    void (*run)(void);
    void (*check)(void); /* when the library has ended */
    unsigned (*connections)(void);
} loads[] = {
    { 8, 0, sim_conns, sim_conns_check, sim_conns_count },
    { 8, 2, sim_server, main_nothing, sim_server_clients },
    { 4, 1, sim_streams, sim_streams_check, sim_streams_count },
    { 4, 2, sim_transacts, main_nothing, sim_transacts_count },
    { 1, 0, sim_talkers, sim_talkers_check, sim_talkers_count },
};

#define WEIGHTS 25U /* of them all */

static const struct load *some_load(void)
{
    const struct load *load = loads;
    for (unsigned picked = sim_pick(WEIGHTS); picked >= load->weight; load++) {
        picked -= load->weight;
    }
    return load;
}

/* Returns how many connections there were. */
static unsigned run(uint64_t seed)
{
    static const unsigned preemptions[] = { 0, 4, 20, 100 };
    static const unsigned rare[] = { 0, 10, 50, 400 };
    sim_seed(seed);
    const struct load *load = some_load();
    sim_tcp_reset(load->from);
    struct sim_conditions conditions = { .preemption = preemptions[sim_pick(4)],
                                         .rare = rare[sim_pick(4)],
                                         .nowait = !sim_chance(4),
                                         .cachestat = sim_chance(2),
                                         .callbacks_inline = sim_chance(2) };
    sim_world_run(&conditions, load->run);
    load->check();
    return load->connections();
}

/* Again, for it must be the same. */
static void run_again(uint64_t seed)
{
    uint64_t before = sim_digest();
    (void) run(seed);
    sim_check(sim_digest() == before, "this run depends on more than its seed");
}

/* The library goes round in circles, without a turn for anybody else. */
static void run_takes_too_long(int signal)
{
    (void) signal;
    sim_fail("it goes round in circles");
}

static uint64_t number(const char *text)
{
    return text != NULL ? strtoull(text, NULL, 0) : 0;
}

static double seconds_of(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

/* Without random addresses, that nothing may depend on them. */
static void without_randomness(char **argv)
{
    int now = personality(0xffffffff);
    if ((now & ADDR_NO_RANDOMIZE) == 0 && personality((unsigned) now | ADDR_NO_RANDOMIZE) >= 0) {
        execv("/proc/self/exe", argv);
    }
}

/* Those that a file names, one at the beginning of each line. */
static void replay(const char *path)
{
    char line[256];
    unsigned n = 0;
    FILE *file = fopen(path, "r");
    sim_check(file != NULL, "%s cannot be read", path);
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] >= '0' && line[0] <= '9') {
            (void) run(number(line));
            n++;
        }
    }
    fclose(file);
    printf("sim: %u seeds that once failed\n", n);
}

int main(int argc, char **argv)
{
    uint64_t seed = 0, runs = 0, connections = 0, digest = 0, n = 0;
    double seconds = 1;
    const char *fault = NULL, *seeds = NULL;
    bool minimises = false, faults = false, one = false, trace = false, twice = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seconds") == 0) {
            seconds = (double) number(argv[++i]);
        } else if (strcmp(argv[i], "--seed") == 0) {
            seed = number(argv[++i]);
            one = true;
        } else if (strcmp(argv[i], "--runs") == 0) {
            runs = number(argv[++i]);
        } else if (strcmp(argv[i], "--from") == 0) {
            seed = number(argv[++i]);
        } else if (strcmp(argv[i], "--faults") == 0) {
            faults = true;
        } else if (strcmp(argv[i], "--fault") == 0) {
            faults = true;
            fault = argv[++i];
        } else if (strcmp(argv[i], "--minimise") == 0) {
            seed = number(argv[++i]);
            minimises = true;
        } else if (strcmp(argv[i], "--actors") == 0) {
            sim_bounds.actors = (unsigned) number(argv[++i]);
        } else if (strcmp(argv[i], "--steps") == 0) {
            sim_bounds.steps = (unsigned) number(argv[++i]);
        } else if (strcmp(argv[i], "--replay") == 0) {
            seeds = argv[++i];
        } else if (strcmp(argv[i], "--trace") == 0) {
            trace = true;
        } else if (strcmp(argv[i], "--twice") == 0) {
            twice = true;
        } else {
            fprintf(stderr, "usage: sim [--seconds N | --runs N] [--from SEED] [--twice]\n"
                            "       sim [--actors N] [--steps N] --seed N [--trace]\n"
                            "       sim --minimise SEED | --replay FILE\n"
                            "       sim --faults | --fault NAME [--trace]\n");
            return 2;
        }
    }
    without_randomness(argv);
    setenv("NNG_URING_LOOPS", "1", 1);
    (void) mallopt(M_TRIM_THRESHOLD, 64 << 20); /* what a run frees is for the next one */
    (void) mallopt(M_MMAP_THRESHOLD, 1 << 20);
    (void) signal(SIGVTALRM, run_takes_too_long);
    nu_runtime_use(&nu_ring_sim);
    sim_states_watch();
    sim_openssl_begin();
    if (faults) {
        sim_tracing = trace;
        sim_faults(fault);
        return 0;
    }
    (void) run(0); /* what is made once in a process */
    if (minimises) {
        return sim_minimise(seed, run);
    }
    if (seeds != NULL) {
        replay(seeds);
        return 0;
    }
    sim_tracing = trace;
    double begin = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    do {
        connections += run(seed);
        digest ^= sim_digest();
        if (twice) {
            run_again(seed);
        }
        seed++;
        n++;
    } while (!one && (runs != 0 ? n < runs : seconds_of(CLOCK_MONOTONIC) - begin < seconds));
    double took = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    uint64_t operations = sim_ring_operations();
    printf("sim: %" PRIu64 " runs, digest %016" PRIx64 ", %" PRIu64 " connections, %" PRIu64
           " operations; a CPU second: %.0f connections, %.0f operations\n",
           n, digest, connections, operations, (double) connections / took,
           (double) operations / took);
    sim_ring_report(stdout);
    sim_states_report(stdout);
    return 0;
}
