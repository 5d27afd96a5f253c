/* SPDX-License-Identifier: MIT */
/*
 * sim [--seconds N | --runs N] [--from SEED] [--twice] | --seed N [--trace]: the library in a
 * made-up world, once for each seed; see tests/sim/README.md.
 */
#include "io/runtime.h"
#include "sim/conns.h"
#include "sim/ring_sim.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/servers.h"
#include "sim/tcp.h"

#include <inttypes.h>
#include <nng/nng.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <time.h>
#include <unistd.h>

#define RUN_SECONDS 30

static const struct sim_world world = { sim_tcp_events, sim_tcp_happen, sim_ring_next };

static void *run_conns(void *arg)
{
    (void) arg;
    sim_conns();
    nng_fini();
    return NULL;
}

static void *run_server(void *arg)
{
    (void) arg;
    sim_server();
    nng_fini();
    return NULL;
}

/* Returns how many connections there were. */
static unsigned run(uint64_t seed)
{
    static const unsigned preemptions[] = { 0, 4, 20, 100 };
    static const unsigned rare[] = { 0, 10, 50, 400 };
    sim_seed(seed);
    sim_time = 1000000000;
    alarm(RUN_SECONDS);
    bool serves = sim_chance(2);
    sim_tcp_reset(serves ? 2 : 0);
    sim_set_preemption(preemptions[sim_pick(4)]);
    sim_ring_set(!sim_chance(4), rare[sim_pick(4)]);
    setenv("NNG_URING_CALLBACKS", sim_chance(2) ? "inline" : "auto", 1);
    (void) sim_spawn("the program", serves ? run_server : run_conns, NULL);
    sim_run(&world);
    if (!serves) {
        sim_conns_check();
    }
    sim_check(sim_tcp_open() == 0, "%u descriptors are left open", sim_tcp_open());
    return serves ? sim_server_clients() : sim_conns_count();
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
    sim_fail("no end after %d seconds", RUN_SECONDS);
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

int main(int argc, char **argv)
{
    uint64_t seed = 0, runs = 0, connections = 0, n = 0;
    double seconds = 1;
    bool one = false, trace = false, twice = false;
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
        } else if (strcmp(argv[i], "--trace") == 0) {
            trace = true;
        } else if (strcmp(argv[i], "--twice") == 0) {
            twice = true;
        } else {
            fprintf(stderr, "usage: sim [--seconds N | --runs N] [--from SEED] [--twice] | --seed "
                            "N [--trace]\n");
            return 2;
        }
    }
    without_randomness(argv);
    setenv("NNG_URING_LOOPS", "1", 1);
    (void) signal(SIGALRM, run_takes_too_long);
    nu_runtime_use(&nu_ring_sim);
    (void) run(0); /* what is made once in a process */
    sim_tracing = trace;
    double begin = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    do {
        connections += run(seed);
        if (twice) {
            run_again(seed);
        }
        seed++;
        n++;
    } while (!one && (runs != 0 ? n < runs : seconds_of(CLOCK_MONOTONIC) - begin < seconds));
    double took = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf("sim: %" PRIu64 " runs, %" PRIu64 " connections, %.0f connections a CPU second\n", n,
           connections, (double) connections / took);
    sim_ring_report(stdout);
    return 0;
}
