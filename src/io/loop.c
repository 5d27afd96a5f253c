/* SPDX-License-Identifier: MIT */
#include "io/loop.h"

#include "base/clock.h"
#include "base/freelist.h"
#include "io/counters.h"
#include "io/features.h"
#include "io/op.h"
#include "io/slots.h"

#include <errno.h>
#include <nng/nng.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SQ_ENTRIES 512U
#define CQ_ENTRIES 4096U
#define FILE_WORKERS 4U
#define SOCKET_WORKERS 64U
#define WAKE_TRIES 1000
#define RETRY_AFTER (10 * NU_MS) /* when the kernel took nothing and nothing is due */

_Thread_local struct nu_loop *nu_loop_mine;

/* ---- Tasks and waking --------------------------------------------------------------------- */

/* A wake-up must not be lost to a passing error, such as no memory for the message. */
static void loop_wake_by_message(const struct nu_loop *loop)
{
    struct io_uring_sqe sqe = { .opcode = IORING_OP_MSG_RING, .fd = loop->ring.uring.ring_fd };
    for (int tries = 0; tries < WAKE_TRIES; tries++) {
        if (syscall(__NR_io_uring_register, -1, NU_REGISTER_SEND_MSG_RING, &sqe, 1) == 0 ||
            errno == EBADF || errno == EBADFD || errno == EOWNERDEAD) { /* it is no more */
            return;
        }
        nng_msleep(1);
    }
}

void nu_loop_wake(struct nu_loop *loop)
{
    atomic_store(&loop->woken, true);
    if (!atomic_exchange(&loop->sleeping, false)) {
        return; /* it is awake and looks at its inbox before it sleeps */
    }
    if (loop->wake_fd < 0) {
        loop_wake_by_message(loop);
        return;
    }
    uint64_t one = 1;
    while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

static void loop_make_ready(struct nu_loop *loop, struct nu_task *task)
{
    task->next = NULL;
    *loop->ready_tail = task;
    loop->ready_tail = &task->next;
    loop->nready++;
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
        loop_make_ready(loop, oldest);
        oldest = next;
    }
}

static void loop_take_inbox(struct nu_loop *loop)
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

void nu_loop_post(struct nu_loop *loop, struct nu_task *task)
{
    struct nu_task *head = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    if (loop == nu_loop_self()) {
        if (head != NULL) {
            loop_take_inbox(loop); /* what was posted before runs before */
        }
        loop_make_ready(loop, task);
        return;
    }
    do {
        task->next = head;
    } while (!atomic_compare_exchange_weak(&loop->inbox, &head, task));
    nu_loop_wake(loop);
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
    int err = nu_ring_enter(&loop->ring, wait, until);
    if (err != 0 && err != -EINTR && err != -ETIME && err != -EBUSY) {
        nng_msleep(1);
    }
    if (io_uring_sq_ready(&loop->ring.uring) == 0) {
        loop->scratch_used = 0;
    }
}

uint64_t nu_loop_now(struct nu_loop *loop)
{
    if (loop->now == 0) {
        loop->now = nu_now();
    }
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

static void loop_collect(struct nu_loop *loop)
{
    struct io_uring_cqe *cqe;
    while (io_uring_cq_ready(&loop->ring.uring) > 0 &&
           io_uring_peek_cqe(&loop->ring.uring, &cqe) == 0) {
        uint64_t user_data = cqe->user_data;
        int res = cqe->res;
        uint32_t flags = cqe->flags;
        io_uring_cqe_seen(&loop->ring.uring, cqe);
        nu_count(NU_COUNT_CQES, 1);
        if (user_data == NU_OP_CANCELLATION) {
            nu_op_cancelled(loop, res);
            continue;
        }
        if ((user_data & NU_OP_TIMEOUT) != 0) {
            nu_op_expired(loop, user_data, res);
            continue;
        }
        struct nu_op *op = nu_slots_find(loop, user_data, (flags & IORING_CQE_F_MORE) != 0);
        if (op != NULL) {
            op->done(op, res, flags);
        }
    }
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
        if (op != NULL && (op != &loop->wake_op || loop->leaving)) {
            nu_op_cancel(op);
        }
    }
}

/* Nothing is left, and nothing will come but by a task that somebody posts. */
static bool loop_drained(const struct nu_loop *loop)
{
    uint32_t wakers = loop->wake_op.state == NU_OP_KERNEL && !loop->leaving;
    return loop->in_kernel == wakers && loop->ready == NULL && loop->top_level == NULL &&
           atomic_load(&loop->external_pending) == 0 && nu_list_empty(&loop->backlog) &&
           nu_list_empty(&loop->hooks) && loop->timers.root == NULL &&
           atomic_load(&loop->inbox) == NULL;
}

void nu_loop_iterate(struct nu_loop *loop)
{
    uint64_t turn = ++loop->turns;
    loop->depth++;
    loop_take_inbox(loop);
    if (loop->depth == 1) {
        loop_make_all_ready(loop, loop->top_level);
        loop->top_level = NULL;
    }
    loop_run_ready(loop);
    if (loop->timers.root != NULL) {
        nu_timers_expire(&loop->timers, nu_now());
    }
    if (loop->stopping) {
        loop_evict_all(loop);
    }
    nu_op_retry(loop);
    /* Turns nested in a callback may have seen the very thing our caller waits for. */
    loop_submit_and_wait(loop, loop->turns == turn && !(loop->leaving && loop_drained(loop)));
    loop->now = 0;
    loop_collect(loop);
    loop->depth--;
}

/* ---- The owner ---------------------------------------------------------------------------- */

static void loop_woken(struct nu_op *op, int res, uint32_t flags)
{
    (void) res;
    (void) flags;
    if (!op->loop->leaving) {
        nu_op_submit(op);
    }
}

static int loop_open_wake(struct nu_loop *loop)
{
    nu_op_init(&loop->wake_op, loop, loop_woken);
    if (nu_has(NU_HAS_MSG_RING)) {
        return 0;
    }
    loop->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (loop->wake_fd < 0) {
        return -errno;
    }
    loop->wake_op.kind = NU_OP_READ;
    loop->wake_op.fd = loop->wake_fd;
    loop->wake_op.arg.buf.base = &loop->wake_count;
    loop->wake_op.arg.buf.len = sizeof loop->wake_count;
    nu_op_submit(&loop->wake_op);
    return 0;
}

static void loop_close_loop(struct nu_loop *loop)
{
    nu_bufring_close(&loop->buffers, &loop->ring.uring);
    nu_ring_close(&loop->ring);
    free(loop->scratch);
    free(loop->deadlines);
    free(loop->slots);
}

static int loop_open_loop(struct nu_loop *loop)
{
    int err = nu_ring_open_patiently(&loop->ring, SQ_ENTRIES, CQ_ENTRIES);
    if (err != 0) {
        return err;
    }
    loop->scratch = malloc(NU_SCRATCH_IOVS * sizeof *loop->scratch);
    loop->deadlines = malloc(loop->ring.entries * sizeof *loop->deadlines);
    if (loop->scratch == NULL || loop->deadlines == NULL || !nu_slots_reserve(loop)) {
        err = -ENOMEM;
    } else {
        err = loop_open_wake(loop);
    }
    if (err != 0) {
        loop_close_loop(loop);
        return err;
    }
    /* File opens and reads that would block run on kernel threads: a few, not hundreds. So does, in
     * the end, a write that waits for a peer which has sent its FIN: the kernel takes that for
     * room, tries in vain, and then gives the write a thread (6.18). */
    unsigned workers[2] = { FILE_WORKERS, SOCKET_WORKERS };
    (void) io_uring_register_iowq_max_workers(&loop->ring.uring, workers);
    if (nu_has(NU_HAS_BUFFER_RING)) {
        (void) nu_bufring_open(&loop->buffers, &loop->ring.uring); /* reads fall back without */
    }
    return 0;
}

struct birth {
    struct nu_loop *loop;
    pthread_mutex_t lock;
    pthread_cond_t cv;
    bool done;
    int err; /* -errno of opening the ring */
};

static void *loop_owner(void *arg)
{
    struct birth *birth = arg;
    struct nu_loop *loop = birth->loop;
    nu_loop_mine = loop;
    int err = loop_open_loop(loop);

    pthread_mutex_lock(&birth->lock);
    birth->done = true;
    birth->err = err;
    pthread_cond_signal(&birth->cv);
    pthread_mutex_unlock(&birth->lock);
    if (err != 0) {
        return NULL;
    }
    nu_counters_join();
    nu_freelists_keep();
    while (!loop->leaving || !loop_drained(loop)) {
        nu_loop_iterate(loop);
    }
    loop_close_loop(loop);
    nu_freelists_drop();
    nu_counters_leave();
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

int nu_loop_start(struct nu_loop **loopp, unsigned index)
{
    struct nu_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return NNG_ENOMEM;
    }
    loop->index = index;
    loop->wake_fd = -1;
    loop->ready_tail = &loop->ready;
    nu_list_init(&loop->backlog);
    nu_list_init(&loop->hooks);

    struct birth birth = { .loop = loop,
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
    census->idle = loop_drained(loop) && loop->depth == 1; /* else a callback waits */
    census->tasks = loop->tasks;
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
 */
void nu_loop_stop(struct nu_loop **loops, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        loop_tell(loops[i], loop_stop);
    }
    for (bool idle = false; !idle;) {
        idle = true;
        for (unsigned i = 0; i < n; i++) {
            idle = loop_idle_since(loops[i], &loops[i]->asked) && idle;
        }
        if (!idle) {
            nng_msleep(1);
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
    if (loop->wake_fd >= 0) {
        close(loop->wake_fd); /* not earlier: somebody might have been about to write to it */
    }
    free(loop);
}
