/* SPDX-License-Identifier: MIT */
/*
 * Threads that are no threads: coroutines of one, which takes turns between them where they lock,
 * wait, wake or make a system call. Each has the program's thread-local variables for itself. Time
 * passes a little with each turn, and leaps when all wait.
 */
#ifndef NU_TESTS_SIM_SCHED_H
#define NU_TESTS_SIM_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_NEVER UINT64_MAX

struct sim_thread;

/* The rest of the world. */
struct sim_world {
    unsigned (*events)(void);     /* how many things could happen now */
    void (*happen)(unsigned nth); /* one of them does */
    uint64_t (*next)(void);       /* when something could happen if nothing can now */
};

/* A new thread, which runs before long. */
struct sim_thread *sim_spawn(const char *name, void *(*run)(void *arg), void *arg);

/* Runs all threads to their ends. */
void sim_run(const struct sim_world *world);

/* Whether a simulated thread calls. */
bool sim_inside(void);

/* What the calling thread was given: virtual nanoseconds, and how often it waited. */
struct sim_usage {
    uint64_t ran;
    unsigned long waits;
};
struct sim_usage sim_usage(void);

/* The calling thread waits until ready(arg), or (false) until then. */
bool sim_wait(bool (*ready)(void *arg), void *arg, uint64_t until);

/* The calling thread waits until then (false), or until somebody wakes it. This costs the turns of
 * others nothing, where a condition is looked at in each of them. */
bool sim_rest(uint64_t until);
void sim_wake(struct sim_thread *thread);
struct sim_thread *sim_self(void);

/* It waits for so long; or for up to so many microseconds, which chance says. */
void sim_sleep(uint64_t ns);
void sim_dawdle(unsigned us);

/* Others go on here; or (preempt) they may. */
void sim_yield(void);
void sim_preempt(void);

/* How often they do then: once in so many times. 0: never. */
void sim_set_preemption(unsigned once_in);

/* Waits for its end and forgets it. */
void *sim_join(struct sim_thread *thread);

/* Nothing else runs while the calling thread is calm; nests. */
void sim_calm(bool calm);

#endif
