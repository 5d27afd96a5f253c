/* SPDX-License-Identifier: MIT */
#include "sim/faults.h"

#include "sim/scripts.h"
#include "sim/seed.h"
#include "sim/tcp.h"
#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

#define POINTS 20000U
#define SEED 20261129

/* Of a script's run without a fault. */
static struct point {
    const char *what;
    const int *errors;
} points[POINTS];
static unsigned npoints;

static struct {
    bool watches; /* and nothing fails */
    unsigned at;  /* points up to now */
    unsigned point;
    int error; /* 0: none is to fail */
    bool was;
} now;

int sim_fault(const char *what, const int *errors)
{
    unsigned at = now.at++;
    if (now.watches) {
        sim_check(at < POINTS, "more than %u points", POINTS);
        points[at] = (struct point){ what, errors };
        npoints = at + 1;
    }
    if (now.error == 0 || at != now.point) {
        return 0;
    }
    sim_check(what == points[at].what, "point %u is %s, and was %s", at, what, points[at].what);
    sim_trace("the fault: %s fails, %s", what, strerrorname_np(now.error));
    now.was = true;
    return now.error;
}

static long kept;

bool sim_fault_was(void)
{
    return now.was;
}

static void faults_run(const struct sim_script *script, unsigned way)
{
    struct sim_conditions conditions = { .preemption = way == 0 ? 0 : 20,
                                         .nowait = way % 3 != 2,
                                         .cachestat = way % 4 < 2,
                                         .callbacks_inline = way % 2 == 0 };
    sim_seed(SEED + way);
    sim_tcp_reset(script->from);
    now.at = 0;
    now.was = false;
    sim_world_run(&conditions, script->run);
    if (now.watches) {
        kept = sim_held(); /* by what is made once in a process */
    }
    sim_check(sim_held() <= kept || kept == 0, "%ld blocks of memory are left", sim_held() - kept);
}

/* Its points are known, the run before had no fault. */
static unsigned faults_try(const struct sim_script *script, unsigned way, const char *only)
{
    char name[160], again[200];
    unsigned n = 0;
    for (unsigned point = 0; point < npoints; point++) {
        for (const int *error = points[point].errors; *error != 0; error++) {
            snprintf(name, sizeof name, "%s:%u:%u:%s", script->name, way, point,
                     strerrorname_np(*error));
            snprintf(again, sizeof again, "make sim-faults FAULT=%s", name);
            if (only != NULL && strcmp(only, name) != 0) {
                continue;
            }
            sim_set_name(name, again);
            now.point = point;
            now.error = *error;
            faults_run(script, way);
            sim_check(now.was, "the fault has not come");
            n++;
        }
    }
    now.error = 0;
    return n;
}

void sim_faults(const char *only)
{
    bool trace = sim_tracing;
    unsigned total = 0;
    for (const struct sim_script *script = sim_scripts; script->name != NULL; script++) {
        unsigned of_script = 0;
        for (unsigned way = 0; way < script->ways; way++) {
            sim_tracing = false;
            sim_set_name(script->name, "make sim-faults");
            faults_run(script, way); /* what is made once in a process */
            now.watches = true;
            faults_run(script, way);
            now.watches = false;
            sim_tracing = trace;
            unsigned n = faults_try(script, way, only);
            of_script += n;
        }
        printf("sim: %s: %u faults\n", script->name, of_script);
        total += of_script;
    }
    if (only != NULL && total == 0) {
        fprintf(stderr, "sim: there is no fault %s\n", only);
        exit(2);
    }
    printf("sim: %u faults, and what came of each was right\n", total);
}
