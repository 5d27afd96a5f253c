/* SPDX-License-Identifier: MIT */
#include "io/loop.h"

#include "base/clock.h"
#include "base/freelist.h"
#include "base/schedstat.h"
#include "io/counters.h"
#include "io/features.h"
#include "io/op.h"
#include "io/runtime.h"
#include "io/slots.h"

#include <errno.h>
#include <nng/nng.h>
#include <signal.h>
#include <stdlib.h>

#define PATIENCE NU_SECOND       /* with callbacks that begin something anew at the end */
#define RETRY_AFTER (10 * NU_MS) /* when the kernel took nothing and nothing is due */

_Thread_local struct nu_loop *nu_loop_mine;

/* ---- Tasks and waking --------------------------------------------------------------------- */

void nu_loop_wake(struct nu_loop *loop)
{
    atomic_store(&loop->woken, true);
    if (!atomic_exchange(&loop->sleeping, false) || nu_runtime_forked()) {
        return; /* it is awake and looks at its inbox before it sleeps; or it is the parent's */
    }
    loop->ring->kind->wake(loop->ring);
}

/* Tasks that are linked newest first. */
static void loop_make_all_ready(struct nu_loop *loop, struct nu_task *task)
{
    struct nu_task *oldest = NULL;
    while (task != NULL) {
        struct nu_task *next = task->next;
        task->next = oldest;
        oldest = task;
        task = next;
    }
    while (oldest != NULL) {
        struct nu_task *next = oldest->next;
        nu_loop_make_ready(loop, oldest);
        oldest = next;
    }
}

void nu_loop_take_inbox(struct nu_loop *loop)
{
    if (atomic_load(&loop->inbox) != NULL) {
        loop_make_all_ready(loop, atomic_exchange(&loop->inbox, NULL));
    }
}

void nu_loop_post_top_level(struct nu_loop *loop, struct nu_task *task)
{
    task->next = loop->top_level;
    loop->top_level = task;
}

static void loop_put_in_inbox(struct nu_loop *loop, struct nu_task *task)
{
    struct nu_task *head = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    do {
        task->next = head;
    } while (!atomic_compare_exchange_weak(&loop->inbox, &head, task));
}

void nu_loop_post_from_outside(struct nu_loop *loop, struct nu_task *task)
{
    loop_put_in_inbox(loop, task);
    nu_loop_wake(loop);
}

void nu_loop_post_quietly(struct nu_loop *loop, struct nu_task *task, unsigned stirred)
{
    loop_put_in_inbox(loop, task);
    if (atomic_load(&loop->stirred) != stirred) {
        nu_loop_wake(loop);
    }
}

static struct nu_task *loop_take_ready(struct nu_loop *loop, struct nu_task **link)
{
    struct nu_task *task = *link;
    *link = task->next;
    if (task->next == NULL) {
        loop->ready_tail = link;
    }
    loop->nready--;
    loop->tasks++;
    return task;
}

/* Runs what is due now. What these tasks make due waits for the next turn, so I/O is not starved;
 * but for what is prompt, which finds its memory in the caches if it is not put behind the rest. */
static void loop_run_ready(struct nu_loop *loop)
{
    for (unsigned n = loop->nready; n > 0 && loop->ready != NULL; n--) {
        struct nu_task *task = loop_take_ready(loop, &loop->ready);
        struct nu_task **tail = loop->ready_tail;
        uint64_t turns = loop->turns;
        task->run(task);
        nu_runtime_end_child();
        if (loop->turns != turns) {
            continue; /* a turn nested in it has run what was due */
        }
        struct nu_task *made = *tail;
        if (made != NULL && made->prompt && made->next == NULL) {
            made = loop_take_ready(loop, tail);
            made->run(made);
        }
    }
}

/* ---- The turn ----------------------------------------------------------------------------- */

static void loop_enter(struct nu_loop *loop, unsigned wait, uint64_t until)
{
    /* An entry the kernel did not take is offered again next time; here we only must not spin. */
    int err = loop->ring->kind->enter(loop->ring, wait, until);
    if (err != 0 && err != -EINTR && err != -ETIME && err != -EBUSY) {
        nu_nap(1);
    }
}

uint64_t nu_loop_look_at_clock(struct nu_loop *loop)
{
    loop->now = nu_now();
    return loop->now;
}

void nu_loop_flush(struct nu_loop *loop)
{
    loop_enter(loop, 0, NU_NEVER);
}

static void loop_submit_and_wait(struct nu_loop *loop, bool may_wait)
{
    if (!may_wait || loop->ready != NULL) {
        loop_enter(loop, 0, NU_NEVER);
        return;
    }
    uint64_t until = loop->timers.root != NULL ? loop->timers.root->when : NU_NEVER;
    if (!nu_list_empty(&loop->backlog) || loop->cancels > 0) {
        uint64_t retry = nu_now() + RETRY_AFTER;
        until = retry < until ? retry : until;
    }
    /* Who wakes us after this check finds us asleep, and wakes us. A wake that is taken back unseen
     * came with another one, for which we do not sleep: then the inbox is looked at anew. */
    atomic_store(&loop->sleeping, true);
    bool woken = atomic_load(&loop->woken);
    if (woken) {
        atomic_store(&loop->woken, false);
    }
    loop_enter(loop, woken ? 0 : 1, until);
    if (!atomic_load_explicit(&loop->sleeping, memory_order_relaxed)) {
        nu_count(NU_COUNT_WAKE_UPS, 1);
    }
    atomic_store_explicit(&loop->sleeping, false, memory_order_relaxed);
}

/* In order, also where one of them turns the loop: then that turn has done the rest. */
static void loop_complete_reaped(struct nu_loop *loop)
{
    while (loop->completed < loop->nreaped) {
        struct nu_completion c = loop->reaped[loop->completed++];
        nu_op_complete(loop, c.user_data, c.res, c.flags);
    }
}

static void loop_collect(struct nu_loop *loop)
{
    unsigned n;
    do {
        n = loop->ring->kind->reap(loop->ring, loop->reaped, NU_LOOP_REAPED);
        loop->nreaped = n;
        loop->completed = 0;
        loop_complete_reaped(loop);
    } while (n == NU_LOOP_REAPED);
}

/* Sends everything home: hooks, deadlines and operations in flight; their ends follow. */
static void loop_evict_all(struct nu_loop *loop)
{
    while (!nu_list_empty(&loop->hooks)) {
        struct nu_loop_hook *r = nu_container(loop->hooks.next, struct nu_loop_hook, link);
        nu_list_remove(&r->link);
        r->on_stop(r);
    }
    nu_timers_expire(&loop->timers, NU_NEVER);
    for (uint32_t i = 0; i < loop->nslots; i++) {
        struct nu_op *op = loop->slots[i].op;
        if (op != NULL) {
            nu_op_cancel(op);
        }
    }
}

bool nu_loop_drained(const struct nu_loop *loop)
{
    return loop->in_kernel == 0 && loop->ready == NULL && loop->top_level == NULL &&
           atomic_load(&loop->external_pending) == 0 && nu_list_empty(&loop->backlog) &&
           nu_list_empty(&loop->hooks) && loop->timers.root == NULL &&
           atomic_load(&loop->inbox) == NULL;
}

/* The callback that turns the loop waits, if one does. */
static void loop_let_go(struct nu_loop *loop)
{
    while (!nu_list_empty(&loop->holds)) {
        struct nu_loop_hold *hold = nu_container(loop->holds.next, struct nu_loop_hold, link);
        hold->let_go(hold);
    }
}

void nu_loop_iterate(struct nu_loop *loop)
{
    uint64_t turn = ++loop->turns;
    loop->depth++;
    loop_let_go(loop);
    loop_complete_reaped(loop);
    nu_loop_take_inbox(loop);
    if (loop->depth == 1) {
        loop_make_all_ready(loop, loop->top_level);
        loop->top_level = NULL;
    }
    loop_run_ready(loop);
    if (loop->timers.root != NULL) {
        loop->now = nu_now(); /* whoever is fired and looks sees that it is time */
        nu_timers_expire(&loop->timers, loop->now);
    }
    if (loop->stopping) {
        loop_evict_all(loop);
    }
    nu_op_retry(loop);
    /* Turns nested in a callback may have seen the very thing our caller waits for. */
    loop_submit_and_wait(loop, loop->turns == turn && !(loop->leaving && nu_loop_drained(loop)));
    loop->now = 0;
    loop_collect(loop);
    loop->depth--;
}

/* ---- The owner ---------------------------------------------------------------------------- */

struct nu_loop *nu_loop_new(unsigned index)
{
    struct nu_loop *loop = calloc(1, sizeof *loop);
    if (loop != NULL) {
        loop->index = index;
        loop->ready_tail = &loop->ready;
        nu_list_init(&loop->backlog);
        nu_list_init(&loop->hooks);
        nu_list_init(&loop->holds);
    }
    return loop;
}

int nu_loop_open(struct nu_loop *loop, const struct nu_ring_kind *kind)
{
    if (!nu_slots_reserve(loop)) {
        return -ENOMEM;
    }
    int err = kind->open(&loop->ring, &loop->buffers, &loop->timers);
    if (err != 0) {
        return err;
    }
    nu_loop_mine = loop;
    nu_counters_join();
    nu_freelists_keep();
    nu_schedstat_keep();
    return 0;
}

void nu_loop_close(struct nu_loop *loop)
{
    loop->ring->kind->close(loop->ring);
    nu_schedstat_drop();
    nu_freelists_drop();
    nu_counters_leave();
    nu_loop_mine = NULL;
}

struct birth {
    struct nu_loop *loop;
    const struct nu_ring_kind *kind;
    pthread_mutex_t lock;
    pthread_cond_t cv;
    bool done;
    int err; /* -errno of opening the ring */
};

static void *loop_owner(void *arg)
{
    struct birth *birth = arg;
    struct nu_loop *loop = birth->loop;
    int err = nu_loop_open(loop, birth->kind);

    pthread_mutex_lock(&birth->lock);
    birth->done = true;
    birth->err = err;
    pthread_cond_signal(&birth->cv);
    pthread_mutex_unlock(&birth->lock);
    if (err != 0) {
        return NULL;
    }
    while (!loop->leaving || !nu_loop_drained(loop)) {
        nu_loop_iterate(loop);
    }
    nu_loop_close(loop);
    return NULL;
}

/* Owners take no signals: SIGPIPE above all, which a WRITEV on a dead socket raises. */
static int loop_start_owner(struct nu_loop *loop, struct birth *birth)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = pthread_create(&loop->thread, NULL, loop_owner, birth);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err != 0) {
        return -err;
    }
    pthread_mutex_lock(&birth->lock);
    while (!birth->done) {
        pthread_cond_wait(&birth->cv, &birth->lock);
    }
    pthread_mutex_unlock(&birth->lock);
    if (birth->err != 0) {
        pthread_join(loop->thread, NULL);
    }
    return birth->err;
}

int nu_loop_start(struct nu_loop **loopp, unsigned index, const struct nu_ring_kind *kind)
{
    struct nu_loop *loop = nu_loop_new(index);
    if (loop == NULL) {
        return NNG_ENOMEM;
    }
    struct birth birth = { .loop = loop,
                           .kind = kind,
                           .lock = PTHREAD_MUTEX_INITIALIZER,
                           .cv = PTHREAD_COND_INITIALIZER };
    int err = loop_start_owner(loop, &birth);
    pthread_mutex_destroy(&birth.lock);
    pthread_cond_destroy(&birth.cv);
    if (err != 0) {
        nu_loop_free(loop);
        nu_features_refuse(-err, "setting up a loop's ring and thread",
                           "raise the limit on locked memory (ulimit -l), threads or descriptors");
        return NNG_ENOTSUP;
    }
    *loopp = loop;
    return 0;
}

/* ---- The end ------------------------------------------------------------------------------ */

static void loop_stop(struct nu_task *task)
{
    nu_container(task, struct nu_loop, stop)->stopping = true;
}

static void loop_leave(struct nu_task *task)
{
    nu_container(task, struct nu_loop, stop)->leaving = true;
}

static void loop_tell(struct nu_loop *loop, void (*what)(struct nu_task *task))
{
    nu_task_init(&loop->stop, what);
    nu_loop_post(loop, &loop->stop);
}

/* A question to an owner. */
struct census {
    struct nu_task task;
    pthread_mutex_t lock;
    pthread_cond_t cv;
    bool answered;
    bool idle;
    uint64_t tasks;
};

static void loop_answer(struct nu_task *task)
{
    struct census *census = nu_container(task, struct census, task);
    const struct nu_loop *loop = nu_loop_self();
    pthread_mutex_lock(&census->lock);
    census->idle = nu_loop_drained(loop) && loop->depth == 1; /* else a callback waits */
    census->tasks = loop->tasks + atomic_load(&loop->external_ended);
    census->answered = true;
    pthread_cond_signal(&census->cv);
    pthread_mutex_unlock(&census->lock);
}

/* Whether a loop has nothing to do, and has done nothing (but answer) since it was last asked. */
static bool loop_idle_since(struct nu_loop *loop, uint64_t *tasks)
{
    struct census census = { .task = { .run = loop_answer },
                             .lock = PTHREAD_MUTEX_INITIALIZER,
                             .cv = PTHREAD_COND_INITIALIZER };
    nu_loop_post(loop, &census.task);
    pthread_mutex_lock(&census.lock);
    while (!census.answered) {
        pthread_cond_wait(&census.cv, &census.lock);
    }
    pthread_mutex_unlock(&census.lock);
    pthread_cond_destroy(&census.cv);
    pthread_mutex_destroy(&census.lock);
    bool idle = census.idle && census.tasks == *tasks + 1;
    *tasks = census.tasks;
    return idle;
}

/*
 * Callbacks of one loop may start something on another one until the end. So none leaves before all
 * have been idle for a whole round of questions: then nothing is under way between them either.
 * Those that start something whenever it has ended would go on for ever.
 */
void nu_loop_stop(struct nu_loop **loops, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        loop_tell(loops[i], loop_stop);
    }
    uint64_t begun = nu_now();
    for (bool idle = false; !idle;) {
        atomic_store(&nu_runtime_ends, nu_now() - begun > PATIENCE);
        idle = true;
        for (unsigned i = 0; i < n; i++) {
            idle = loop_idle_since(loops[i], &loops[i]->asked) && idle;
        }
        if (!idle) {
            nu_nap(1);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        loop_tell(loops[i], loop_leave);
    }
    for (unsigned i = 0; i < n; i++) {
        pthread_join(loops[i]->thread, NULL);
    }
}

void nu_loop_free(struct nu_loop *loop)
{
    if (loop->ring != NULL) {
        loop->ring->kind->free(loop->ring);
    }
    free(loop->slots);
    free(loop);
}
