/* SPDX-License-Identifier: MIT */
/*
 * sim-checks [NAME]: the checks of src/check that speak of what the made-up ring does, against it,
 * for some seeds each, as on Linux 6.1, 6.12 and 6.18. Each must come to the verdict that it comes
 * to on such a kernel. `nng-uring check` says which that is here.
 */
#include "check/run.h"
#include "check/table.h"
#include "sim/checks/ring.h"
#include "sim/faults.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/tcp.h"
#include "sim/world.h"

#include <stdio.h>
#include <string.h>

#define SEEDS 3U
#define DEADLINE_MS 600000 /* CPU time has its own limit (world.c) */
#define SCALE 5U           /* of sockets: for sim_tcp_reset() */

static const char *const kernels[] = { "Linux 6.1", "Linux 6.12", "Linux 6.18" };

/* What older kernels lack (make kernel-matrix; tests/kernels/README.md), up to which. */
static const struct {
    const char *name;
    enum sim_kernel last;
} lacking[] = { { "write-nowait", SIM_6_1 },
                { "write-nosignal", SIM_6_12 },
                { "file-cached", SIM_6_1 } };

static const char *const names[] = {
    "wait-deadline",      "write-vector",      "write-waits",
    "write-short",        "write-stable",      "write-nowait",
    "write-dead-peer",    "write-reset",       "poll-room",
    "timeout-relative",   "timeout-absolute",  "timeout-in-time",
    "timeout-skip",       "timeout-race",      "timeout-half-closed",
    "cancel-during",      "cancel-before",     "cancel-after",
    "cancel-half-closed", "cancel-race",       "accept-multishot",
    "accept-ends",        "connect",           "receive-waits",
    "receive-vector",     "receive-reset",     "shutdown-in-flight",
    "queue-sq-full",      "queue-cq-overflow", "queue-overflow-multishot",
    "send-dontwait",      "send-nosignal",     "write-nosignal",
    "buffers-ring",       "buffers-empty",     "accept-limit",
    "close-in-flight",    "file-open",         "file-read",
    "file-cached",
};

#define NAMES (sizeof names / sizeof names[0])

static const struct nu_check *current;
static uint64_t seed;

static void main_program(void)
{
    current->run();
}

/* In the process of the check. */
static void main_run(void)
{
    struct sim_conditions conditions = { .nowait = true, .cachestat = sim_checks_kernel > SIM_6_1 };
    sim_seed(seed);
    sim_tcp_reset(SCALE);
    sim_tcp_set_exact(true);
    sim_world_run(&conditions, main_program);
}

static const struct nu_check *main_check_named(const char *name)
{
    size_t count, i = 0;
    const struct nu_check *checks = nu_checks(&count);
    while (i < count && strcmp(checks[i].name, name) != 0) {
        i++;
    }
    sim_check(i < count, "there is no check %s", name);
    return &checks[i];
}

static bool main_lacks(const char *name)
{
    bool lacks = false;
    for (unsigned i = 0; i < sizeof lacking / sizeof lacking[0]; i++) {
        bool is = strcmp(lacking[i].name, name) == 0;
        lacks = lacks || (is && sim_checks_kernel <= lacking[i].last);
    }
    return lacks;
}

/* Whether it is what it should be, for every seed. */
static bool main_try(const char *name)
{
    enum nu_verdict want = main_lacks(name) ? NU_FALLBACK : NU_OK;
    struct nu_result result = { .verdict = want };
    current = main_check_named(name);
    struct nu_check row = *current;
    row.run = main_run;
    for (seed = 0; result.verdict == want && seed < SEEDS; seed++) {
        nu_check_run(&row, DEADLINE_MS, &result);
    }
    printf("%-20s %-9s %s\n", name, nu_verdict_name(result.verdict), result.seen);
    return result.verdict == want;
}

int main(int argc, char **argv)
{
    unsigned wrong = 0, n = 0;
    for (unsigned kernel = 0; kernel < sizeof kernels / sizeof kernels[0]; kernel++) {
        sim_checks_kernel = (enum sim_kernel) kernel;
        printf("as on %s\n", kernels[kernel]);
        for (unsigned i = 0; i < NAMES; i++) {
            if (argc < 2 || strcmp(argv[1], names[i]) == 0) {
                wrong += !main_try(names[i]);
                n++;
            }
        }
    }
    printf("sim: %u checks against the made-up ring, %u of them otherwise than kernels\n", n,
           wrong);
    return wrong != 0 || n == 0;
}
