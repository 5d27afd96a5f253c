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

/* Stacks end at so many different places in a page or two, that a processor's cache has room for
 * the ends of them all. */
#define COLOURS 16U
#define COLOUR ((size_t) 576)

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
    bool (*ready)(void *arg); /* what it waits for; NULL: nothing */
    void *ready_arg;
    uint64_t until;
    unsigned place; /* among those that are able or ask, or those that rest */
    bool rests, timed_out, used, over;
    void *(*run)(void *arg);
    void *arg;
    void *result;
    const char *name;
    struct sim_thread *joins; /* who waits for its end; NULL: nobody yet */
    struct sim_usage usage;
    void *locals;
    struct context *context; /* with its stack, for the next one, too */
};

static struct sim_thread threads[THREADS];
static struct sim_thread *self; /* NULL: the scheduler */
static struct context scheduler;
static unsigned preemption;
static unsigned calm;

/* Those that are not over: some may run or have a condition to be looked at in each turn, others
 * wait for a time or for somebody who wakes them. */
static struct list {
    struct sim_thread *of[THREADS];
    unsigned n;
} awake, resting;

static uint64_t first_due; /* none of those who rest is due before */

static void sched_add(struct list *list, struct sim_thread *thread)
{
    thread->rests = list == &resting;
    thread->place = list->n;
    list->of[list->n++] = thread;
}

static void sched_remove(struct sim_thread *thread)
{
    struct list *list = thread->rests ? &resting : &awake;
    struct sim_thread *last = list->of[--list->n];
    list->of[thread->place] = last;
    last->place = thread->place;
}

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
    __sanitizer_start_switch_fiber(&fake, thread->context->first.uc_stack.ss_sp,
                                   thread->context->first.uc_stack.ss_size);
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
        sched_remove(self);
        if (self->joins != NULL) {
            sim_wake(self->joins);
        }
        sched_leave();
    }
}

static struct context *sched_new_context(void)
{
    struct context *context = sim_alloc(sizeof *context);
    static unsigned made;
    getcontext(&context->first);
    context->first.uc_stack.ss_sp = sim_alloc(STACK);
    context->first.uc_stack.ss_size = STACK - made++ % COLOURS * COLOUR;
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
    sched_add(&awake, thread);
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

/* Its turn comes when it comes. */
static bool sched_wait(void)
{
    sim_check(calm == 0, "a calm thread waits");
    self->timed_out = false;
    sched_leave();
    self->ready = NULL;
    self->until = SIM_NEVER;
    return !self->timed_out;
}

bool sim_wait(bool (*ready)(void *arg), void *arg, uint64_t until)
{
    self->ready = ready;
    self->ready_arg = arg;
    self->until = until;
    self->usage.waits++;
    return sched_wait();
}

bool sim_rest(uint64_t until)
{
    self->until = until;
    self->usage.waits++;
    sched_remove(self);
    sched_add(&resting, self);
    first_due = until < first_due ? until : first_due;
    return sched_wait();
}

void sim_wake(struct sim_thread *thread)
{
    if (thread->rests) {
        sched_remove(thread);
        sched_add(&awake, thread);
    }
}

struct sim_thread *sim_self(void)
{
    return self;
}

void sim_sleep(uint64_t ns)
{
    (void) sim_rest(sim_time + ns);
}

void sim_dawdle(unsigned us)
{
    sim_sleep((uint64_t) sim_pick(us) * 1000);
}

void sim_yield(void)
{
    (void) sched_wait();
}

void sim_preempt(void)
{
    if (self != NULL && calm == 0 && sim_chance(preemption)) {
        sim_yield();
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

void *sim_join(struct sim_thread *thread)
{
    thread->joins = self;
    while (!thread->over) {
        (void) sim_rest(SIM_NEVER);
    }
    thread->used = false;
    return thread->result;
}

/* ---- Turns -------------------------------------------------------------------------------- */

static bool sched_may_run(struct sim_thread *thread)
{
    if (thread->ready == NULL || thread->ready(thread->ready_arg)) {
        return true;
    }
    thread->timed_out = sim_time >= thread->until;
    return thread->timed_out;
}

static uint64_t sched_first_due(const struct list *list)
{
    uint64_t first = SIM_NEVER;
    for (unsigned i = 0; i < list->n; i++) {
        first = list->of[i]->until < first ? list->of[i]->until : first;
    }
    return first;
}

/* Those whose time has come. */
static void sched_rouse(void)
{
    for (unsigned i = 0; i < resting.n;) {
        struct sim_thread *thread = resting.of[i];
        if (thread->until <= sim_time) {
            thread->timed_out = true;
            sim_wake(thread);
        } else {
            i++;
        }
    }
    first_due = sched_first_due(&resting);
}

static _Noreturn void sched_stuck(void)
{
    for (unsigned i = 0; i < THREADS; i++) {
        if (threads[i].used && !threads[i].over) {
            sim_print("%s waits", threads[i].name);
        }
    }
    sim_fail("nothing will ever happen");
}

/* Time leaps to when something can happen. */
static void sched_leap(const struct sim_world *world)
{
    uint64_t then = world->next(), asked = sched_first_due(&awake);
    first_due = sched_first_due(&resting);
    then = asked < then ? asked : then;
    then = first_due < then ? first_due : then;
    if (then == SIM_NEVER) {
        sched_stuck();
    }
    sim_time = then > sim_time ? then : sim_time;
}

/* One thread goes on, or one thing happens. False: nothing can now. */
static bool sched_turn(const struct sim_world *world)
{
    struct sim_thread *able[THREADS];
    unsigned n = 0, events = world->events(), passes = sim_pick(3000);
    if (sim_time >= first_due) {
        sched_rouse();
    }
    for (unsigned i = 0; i < awake.n; i++) {
        if (sched_may_run(awake.of[i])) {
            able[n++] = awake.of[i];
        }
    }
    sim_time += passes;
    if (n + events == 0) {
        return false;
    }
    unsigned which = sim_pick(n + events);
    if (which < n) {
        able[which]->usage.ran += passes;
        sched_enter(able[which]);
    } else {
        world->happen(which - n);
    }
    return true;
}

void sim_run(const struct sim_world *world)
{
    first_due = SIM_NEVER;
    for (unsigned turns = 0; awake.n + resting.n > 0; turns++) {
        sim_check(turns < 4000000, "no end after 4 million turns");
        if (!sched_turn(world)) {
            sched_leap(world);
        }
    }
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i].used = false;
    }
}
