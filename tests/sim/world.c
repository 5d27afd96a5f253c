/* SPDX-License-Identifier: MIT */
#include "sim/world.h"

#include "sim/faults.h"
#include "sim/files.h"
#include "sim/ring_sim.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/tcp.h"

#include <nng/nng.h>
#include <stdlib.h>
#include <sys/time.h>

#define RUN_SECONDS 10 /* of CPU time: the machine may be busy with other things */

static const struct sim_world world = { sim_tcp_events, sim_tcp_happen, sim_ring_next };

static void *world_program(void *arg)
{
    void (*const *program)(void) = arg;
    (*program)();
    nng_fini();
    return NULL;
}

void sim_world_run(const struct sim_conditions *conditions, void (*program)(void))
{
    struct itimerval limit = { .it_value.tv_sec = RUN_SECONDS };
    (void) setitimer(ITIMER_VIRTUAL, &limit, NULL);
    sim_set_preemption(conditions->preemption);
    sim_files_reset(conditions->cachestat);
    sim_ring_set(conditions->nowait, conditions->rare);
    setenv("NNG_URING_CALLBACKS", conditions->callbacks_inline ? "inline" : "auto", 1);
    (void) sim_spawn("the program", world_program, &program);
    sim_run(&world);
    sim_check(sim_tcp_open() == 0, "%u descriptors are left open", sim_tcp_open());
}
