/* SPDX-License-Identifier: MIT */
#undef _FORTIFY_SOURCE /* which takes a longjmp() to another stack for an error */
#include "sim/sched.h"

#include "base/check.h"
#include "sim/faults.h"
#include "sim/seed.h"

#include <link.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#ifdef NU_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

#define THREADS 256U
#define STACK ((size_t) 256 << 10)

/* Somewhere to go on. swapcontext() is for the first time only: it asks the kernel for the signal
 * mask, which is the same for all. Not so under ASan, which has its own idea of a longjmp(). */
struct context {
    ucontext_t first;
    jmp_buf jump;
    bool jumps;
};

static void sched_switch(struct context *from, struct context *to)
{
#ifndef NU_ASAN
    if (_setjmp(from->jump) != 0) {
        return;
    }
    from->jumps = true;
    if (to->jumps) {
        _longjmp(to->jump, 1);
    }
    setcontext(&to->first);
#else
    swapcontext(&from->first, &to->first);
#endif
}

/* What is looked at in each turn comes first. */
struct sim_thread {
    bool used, over, timed_out;
    bool (*ready)(void *arg); /* what it waits for; NULL: nothing */
    void *ready_arg;
    uint64_t until;
    void *(*run)(void *arg);
    void *arg;
    void *result;
    const char *name;
    struct sim_usage usage;
    void *locals;
    struct context *context; /* with its stack, for the next one, too */
};

static struct sim_thread threads[THREADS];
static unsigned nthreads;       /* ever used in this run */
static struct sim_thread *self; /* NULL: the scheduler */
static struct context scheduler;
static unsigned preemption;
static unsigned calm;

/* ---- Thread-local variables --------------------------------------------------------------- */

static char *locals; /* the program's, of this one true thread */
static size_t nlocals;
static const void *locals_image;
static size_t nlocals_image;

static int sched_find_locals(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void) size, (void) arg;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type == PT_TLS) {
            locals = info->dlpi_tls_data;
            nlocals = header->p_memsz;
            locals_image = (const void *) (info->dlpi_addr + header->p_vaddr);
            nlocals_image = header->p_filesz;
        }
    }
    return 1; /* the first is the program itself */
}

/* Whose they are at present, and stay until another thread runs: most turns are one thread's. */
static struct sim_thread *resident;

static void sched_use_locals(struct sim_thread *thread)
{
    if (resident != thread) {
        if (resident != NULL) {
            memcpy(resident->locals, locals, nlocals);
        }
        memcpy(locals, thread->locals, nlocals);
        resident = thread;
    }
}

static void sched_enter(struct sim_thread *thread)
{
    sched_use_locals(thread);
    self = thread;
#ifdef NU_ASAN
    void *fake;
    __sanitizer_start_switch_fiber(&fake, thread->context->first.uc_stack.ss_sp, STACK);
#endif
    sched_switch(&scheduler, thread->context);
#ifdef NU_ASAN
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
    self = NULL;
}

static void sched_leave(void)
{
    struct sim_thread *thread = self;
#ifdef NU_ASAN
    extern void *sim_scheduler_stack;
    extern size_t sim_scheduler_size;
    void *fake;
    __sanitizer_start_switch_fiber(&fake, sim_scheduler_stack, sim_scheduler_size);
#endif
    sched_switch(thread->context, &scheduler);
#ifdef NU_ASAN
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
}

#ifdef NU_ASAN
void *sim_scheduler_stack;
size_t sim_scheduler_size;
#endif

/* ---- Threads ------------------------------------------------------------------------------ */

static void sched_main(void)
{
#ifdef NU_ASAN
    __sanitizer_finish_switch_fiber(NULL, (const void **) &sim_scheduler_stack,
                                    &sim_scheduler_size);
#endif
    for (;;) { /* as one thread after the other */
        self->result = self->run(self->arg);
        self->over = true;
        sched_leave();
    }
}

static struct context *sched_new_context(void)
{
    struct context *context = sim_alloc(sizeof *context);
    getcontext(&context->first);
    context->first.uc_stack.ss_sp = sim_alloc(STACK);
    context->first.uc_stack.ss_size = STACK;
    makecontext(&context->first, sched_main, 0);
    return context;
}

struct sim_thread *sim_spawn(const char *name, void *(*run)(void *arg), void *arg)
{
    struct sim_thread *thread = threads;
    while (thread < threads + THREADS && thread->used) {
        thread++;
    }
    sim_check(thread < threads + THREADS, "more than %u threads", THREADS);
    nthreads = thread == threads + nthreads ? nthreads + 1 : nthreads;
    if (locals == NULL) {
        dl_iterate_phdr(sched_find_locals, NULL);
    }
    struct context *context = thread->context != NULL ? thread->context : sched_new_context();
    void *block = thread->locals != NULL ? thread->locals : sim_alloc(nlocals);
    resident = resident == thread ? NULL : resident;
    *thread = (struct sim_thread){ .context = context,
                                   .locals = block,
                                   .name = name,
                                   .run = run,
                                   .arg = arg,
                                   .until = SIM_NEVER,
                                   .used = true };
    memset(block, 0, nlocals);
    memcpy(block, locals_image, nlocals_image);
    return thread;
}

bool sim_inside(void)
{
    return self != NULL;
}

struct sim_usage sim_usage(void)
{
    return self->usage;
}

bool sim_wait(bool (*ready)(void *arg), void *arg, uint64_t until)
{
    sim_check(calm == 0, "a calm thread waits");
    self->ready = ready;
    self->ready_arg = arg;
    self->until = until;
    self->usage.waits += ready != NULL;
    sched_leave();
    self->ready = NULL;
    self->until = SIM_NEVER;
    return !self->timed_out;
}

void sim_preempt(void)
{
    if (self != NULL && calm == 0 && sim_chance(preemption)) {
        (void) sim_wait(NULL, NULL, SIM_NEVER);
    }
}

void sim_set_preemption(unsigned once_in)
{
    preemption = once_in;
}

void sim_calm(bool on)
{
    calm += on ? 1U : -1U;
}

static bool sched_is_over(void *arg)
{
    return ((struct sim_thread *) arg)->over;
}

void *sim_join(struct sim_thread *thread)
{
    (void) sim_wait(sched_is_over, thread, SIM_NEVER);
    thread->used = false;
    return thread->result;
}

/* ---- Turns -------------------------------------------------------------------------------- */

static bool sched_may_run(struct sim_thread *thread)
{
    if (!thread->used || thread->over) {
        return false;
    }
    thread->timed_out = false;
    if (thread->ready == NULL || thread->ready(thread->ready_arg)) {
        return true;
    }
    thread->timed_out = sim_time >= thread->until;
    return thread->timed_out;
}

static uint64_t sched_earliest(const struct sim_world *world)
{
    uint64_t earliest = world->next();
    for (unsigned i = 0; i < nthreads; i++) {
        const struct sim_thread *thread = &threads[i];
        if (thread->used && !thread->over && thread->until < earliest) {
            earliest = thread->until;
        }
    }
    return earliest;
}

static _Noreturn void sched_stuck(void)
{
    for (unsigned i = 0; i < nthreads; i++) {
        if (threads[i].used && !threads[i].over) {
            sim_print("%s waits", threads[i].name);
        }
    }
    sim_fail("nothing will ever happen");
}

void sim_run(const struct sim_world *world)
{
    for (uint64_t turns = 0;; turns++) {
        struct sim_thread *able[THREADS];
        unsigned n = 0, alive = 0, events = world->events();
        for (unsigned i = 0; i < nthreads; i++) {
            alive += threads[i].used && !threads[i].over;
            if (sched_may_run(&threads[i])) {
                able[n++] = &threads[i];
            }
        }
        if (alive == 0) {
            break;
        }
        sim_check(turns < 4000000, "no end after 4 million turns");
        unsigned passes = sim_pick(3000);
        sim_time += passes;
        if (n + events == 0) {
            uint64_t then = sched_earliest(world);
            if (then == SIM_NEVER) {
                sched_stuck();
            }
            sim_time = then > sim_time ? then : sim_time;
            continue;
        }
        unsigned which = sim_pick(n + events);
        if (which < n) {
            able[which]->usage.ran += passes;
            sched_enter(able[which]);
        } else {
            world->happen(which - n);
        }
    }
    for (unsigned i = 0; i < nthreads; i++) {
        threads[i].used = false;
    }
    nthreads = 0;
}
