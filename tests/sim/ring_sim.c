/* SPDX-License-Identifier: MIT */
#include "sim/ring_sim.h"

#include "base/list.h"
#include "io/bufring.h"
#include "io/counters.h"
#include "io/op.h"
#include "io/vec.h"
#include "sim/faults.h"
#include "sim/jobs.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/tcp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define JOBS 1024U
#define CQ 4096U
#define SQ 64U
#define IOVS 1024U
#define LATE 8U
#define SHORT 20000000 /* of time that may pass at once, in nanoseconds */

/* An SQE: a job, or a cancellation. */
struct entry {
    struct sim_job *job;
    uint64_t cancel; /* user_data; 0: none */
};

struct ring_sim {
    struct nu_ring ring;
    struct nu_bufring *buffers;
    struct sim_job jobs[JOBS];
    unsigned njobs; /* ever used */
    struct entry sq[SQ];
    unsigned nsq, sq_size;
    struct nu_completion cq[CQ];
    unsigned head, tail;
    uint64_t late[LATE]; /* timeouts that have found nothing, and say so yet */
    unsigned nlate;
    bool woken;
    uint64_t idle_since, idle_until; /* nothing has to be done unless sim_tcp_changes is another */
};

static struct ring_sim storage; /* large, and used anew by each run */
static struct ring_sim *the_ring;
static bool nowait = true;

#define RESULTS 16
static struct {
    int res; /* > 0 as 1 */
    uint64_t n;
} reached[SIM_KINDS][RESULTS];

static struct ring_sim *ring_sim_of(struct nu_ring *ring)
{
    return nu_container(ring, struct ring_sim, ring);
}

void sim_ring_set(bool with_nowait, unsigned once_in)
{
    nowait = with_nowait;
    sim_rare = once_in;
}

/* ---- What was seen ------------------------------------------------------------------------ */

static void ring_note(enum nu_op_kind kind, int res)
{
    res = res > 0 ? 1 : res;
    for (unsigned i = 0; i < RESULTS; i++) {
        if (reached[kind][i].n == 0 || reached[kind][i].res == res) {
            reached[kind][i].res = res;
            reached[kind][i].n++;
            return;
        }
    }
}

uint64_t sim_ring_operations(void)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < SIM_KINDS * RESULTS; i++) {
        n += reached[i / RESULTS][i % RESULTS].n;
    }
    return n;
}

void sim_ring_report(FILE *to)
{
    for (unsigned kind = 0; kind < SIM_KINDS; kind++) {
        fprintf(to, "  %-15s", sim_kind_names[kind]);
        for (unsigned i = 0; i < RESULTS && reached[kind][i].n > 0; i++) {
            int res = reached[kind][i].res;
            fprintf(to, " %s:%" PRIu64,
                    res > 0    ? "done"
                    : res == 0 ? "0"
                               : strerrorname_np(-res),
                    reached[kind][i].n);
        }
        fputs(reached[kind][0].n == 0 ? " not reached\n" : "\n", to);
    }
}

/* ---- Completions -------------------------------------------------------------------------- */

static void ring_complete(struct ring_sim *r, uint64_t user_data, int res, uint32_t flags)
{
    sim_check(r->tail - r->head < CQ, "more than %u completions wait", CQ);
    r->cq[r->tail++ % CQ] = (struct nu_completion){ user_data, res, flags };
}

static void ring_end_timeout(struct ring_sim *r, struct sim_job *job, int res)
{
    if (job->linked) {
        job->linked = false;
        job->deadline = SIM_NEVER;
        ring_complete(r, job->user_data | NU_RING_TIMEOUT, res, 0);
    }
}

/* Its timeout says that it has found nothing: at once, or when the slot is another's. */
static void ring_be_late(struct ring_sim *r, struct sim_job *job)
{
    if (r->nlate == LATE || sim_chance(3)) {
        ring_end_timeout(r, job, -ENOENT);
        return;
    }
    r->late[r->nlate++] = job->user_data | NU_RING_TIMEOUT;
    job->linked = false;
}

static void ring_tell_late(struct ring_sim *r)
{
    while (r->nlate > 0 && sim_chance(2)) {
        ring_complete(r, r->late[--r->nlate], -ENOENT, 0);
    }
}

/* The last completion of a job, and the one of its timeout. */
static void ring_finish(struct ring_sim *r, struct sim_job *job, int res, uint32_t flags)
{
    bool first = sim_chance(2);
    int timeout = job->deadline == SIM_NEVER ? -ETIME : -ECANCELED;
    ring_note(job->was.kind, res);
    sim_trace("ring: %s(%d) completes with %d, flags %x", sim_kind_names[job->was.kind],
              job->was.fd, res, flags);
    if (first) {
        ring_end_timeout(r, job, timeout);
    }
    ring_complete(r, job->user_data, res, flags);
    if (sim_job_due(job) && job->linked && sim_chance(2)) {
        ring_be_late(r, job); /* it fired when the job was over, and nobody had told it yet */
    }
    ring_end_timeout(r, job, timeout);
    job->state = SIM_JOB_FREE;
    if (job->sock != NULL) {
        sim_sock_unuse(job->sock);
    }
    if (job->iov != job->few) {
        sim_release(job->iov);
    }
    job->iov = NULL;
}

/* It ends without having been tried just now. */
static void ring_give_up(struct ring_sim *r, struct sim_job *job, int res)
{
    sim_job_mark(job, false);
    sim_job_check_memory(job);
    ring_finish(r, job, res, 0);
}

static void ring_try(struct ring_sim *r, struct sim_job *job)
{
    int fault = sim_fault(sim_kind_names[job->was.kind], sim_kind_errors[job->was.kind]);
    if (fault != 0) {
        ring_give_up(r, job, -fault);
        return;
    }
    sim_job_mark(job, false);
    sim_job_check_memory(job);
    struct sim_outcome outcome = sim_job_perform(job, r->buffers);
    bool more = (outcome.flags & NU_OP_F_MORE) != 0;
    if (outcome.wait || more) {
        sim_job_mark(job, true);
    }
    if (outcome.wait) {
        return;
    }
    if (more) {
        ring_note(job->was.kind, outcome.res);
        sim_trace("ring: %s(%d) gives %d", sim_kind_names[job->was.kind], job->was.fd, outcome.res);
        ring_complete(r, job->user_data, outcome.res, outcome.flags);
        return;
    }
    ring_finish(r, job, outcome.res, outcome.flags);
}

/* ---- Cancellations and timeouts ----------------------------------------------------------- */

static struct sim_job *ring_find(struct ring_sim *r, uint64_t user_data)
{
    for (unsigned i = 0; i < r->njobs; i++) {
        if (r->jobs[i].state != SIM_JOB_FREE && r->jobs[i].user_data == user_data) {
            return &r->jobs[i];
        }
    }
    return NULL;
}

/* What the kernel is about to try again is known to it nowhere. */
static void ring_cancel(struct ring_sim *r, uint64_t user_data)
{
    struct sim_job *job = ring_find(r, user_data);
    int res = job == NULL || (sim_job_hot(job) && sim_chance(2)) ? -ENOENT : 0;
    sim_trace("ring: cancels %" PRIx64 ": %d", user_data, res);
    ring_complete(r, NU_RING_CANCELLATION, res, 0);
    if (res == 0) {
        ring_give_up(r, job, sim_chance(sim_rare) ? -EINTR : -ECANCELED);
    }
}

static void ring_expire(struct ring_sim *r, struct sim_job *job)
{
    if (sim_job_hot(job) && sim_chance(2)) {
        sim_trace("ring: the deadline of %s(%d) finds nothing", sim_kind_names[job->was.kind],
                  job->was.fd);
        job->deadline = SIM_NEVER;
        ring_end_timeout(r, job, sim_chance(2) ? -ENOENT : -EALREADY);
        return;
    }
    sim_trace("ring: the deadline of %s(%d) has passed", sim_kind_names[job->was.kind],
              job->was.fd);
    job->deadline = SIM_NEVER; /* which says that it fired */
    ring_give_up(r, job, -ECANCELED);
}

uint64_t sim_ring_next(void)
{
    uint64_t next = SIM_NEVER;
    for (unsigned i = 0; the_ring != NULL && i < the_ring->njobs; i++) {
        const struct sim_job *job = &the_ring->jobs[i];
        bool connects = job->state == SIM_JOB_WAITING && job->was.kind == NU_OP_CONNECT;
        uint64_t when = connects && job->ready_at > sim_time ? job->ready_at : job->deadline;
        if (job->state == SIM_JOB_WAITING && when < next) {
            next = when;
        }
    }
    return next;
}

/* ---- The seam ----------------------------------------------------------------------------- */

static struct sim_job *ring_new_job(struct ring_sim *r)
{
    unsigned i = 0;
    while (i < r->njobs && r->jobs[i].state != SIM_JOB_FREE) {
        i++;
    }
    sim_check(i < JOBS, "more than %u operations", JOBS);
    r->njobs = i == r->njobs ? i + 1 : r->njobs;
    return &r->jobs[i];
}

static void ring_copy_vec(struct sim_job *job, const struct nu_op_vec *vec)
{
    sim_check(vec->niov <= IOVS, "too long a vector");
    job->iov = vec->niov <= SIM_FEW ? job->few : sim_alloc(vec->niov * sizeof *job->iov);
    job->niov = nu_vec_copy(job->iov, vec->iov, vec->niov, vec->skip);
}

static const int no_room[] = { ENOSPC, 0 };

static bool ring_sim_prepare(struct nu_ring *ring, struct nu_op *op, uint64_t user_data)
{
    struct ring_sim *r = ring_sim_of(ring);
    bool timed = op->deadline != SIM_NEVER;
    if (r->nsq + (timed ? 2 : 1) > r->sq_size || sim_fault("no room for an entry", no_room) != 0) {
        return false;
    }
    sim_check(ring_find(r, user_data) == NULL, "user_data %" PRIx64 " is in use", user_data);
    struct sim_job *job = ring_new_job(r);
    *job = (struct sim_job){ .state = SIM_JOB_QUEUED,
                             .op = op,
                             .was = *op,
                             .user_data = user_data,
                             .deadline = op->deadline,
                             .linked = timed,
                             .sock = sim_is_fd(op->fd) ? sim_sock(op->fd) : NULL };
    sim_check(job->sock != NULL || !sim_is_fd(op->fd), "%s on descriptor %d, which is not open",
              sim_kind_names[op->kind], op->fd);
    if (op->kind == NU_OP_WRITEV || op->kind == NU_OP_READV) {
        ring_copy_vec(job, &op->arg.vec);
    } else if (op->kind == NU_OP_SENDMSG || op->kind == NU_OP_RECVMSG) {
        const struct msghdr *msg = op->arg.msg;
        ring_copy_vec(job, &(struct nu_op_vec){ msg->msg_iov, (unsigned) msg->msg_iovlen, 0 });
    }
    job->sum = sim_job_gathers(job) ? sim_job_sum(job) : 0;
    if (op->kind == NU_OP_CONNECT) {
        job->ready_at = sim_time + sim_pick(2000000);
    }
    if (job->sock != NULL) {
        job->sock->uses++;
    }
    sim_job_mark(job, true);
    r->sq[r->nsq++] = (struct entry){ .job = job };
    if (timed) {
        r->sq[r->nsq++] = (struct entry){ .job = NULL };
    }
    sim_trace("loop: prepares %s(%d)%s", sim_kind_names[op->kind], op->fd, timed ? ", timed" : "");
    return true;
}

static bool ring_sim_cancel(struct nu_ring *ring, uint64_t user_data)
{
    struct ring_sim *r = ring_sim_of(ring);
    if (r->nsq == r->sq_size || sim_fault("no room for a cancellation", no_room) != 0) {
        return false;
    }
    r->sq[r->nsq++] = (struct entry){ .cancel = user_data };
    return true;
}

/* Takes entries, all or (rarely) the first few, never half of a chain. */
static void ring_submit(struct ring_sim *r)
{
    unsigned n = r->nsq > 0 && sim_chance(sim_rare) ? sim_pick(r->nsq) : r->nsq;
    while (n < r->nsq && r->sq[n].job == NULL && r->sq[n].cancel == 0) {
        n++;
    }
    for (unsigned i = 0; i < n; i++) {
        struct sim_job *job = r->sq[i].job;
        if (r->sq[i].cancel != 0) {
            ring_cancel(r, r->sq[i].cancel);
        } else if (job != NULL) {
            job->state = SIM_JOB_WAITING;
            if ((job->was.rw_flags & RWF_NOWAIT) != 0 || !sim_chance(4)) {
                ring_try(r, job); /* else later, as if by a kernel thread */
            }
        }
    }
    r->nsq -= n;
    memmove(r->sq, r->sq + n, r->nsq * sizeof r->sq[0]);
}

/* What waits is tried, and what is due ends, in an order that chance chooses; perhaps not all. */
static void ring_task_work(struct ring_sim *r)
{
    ring_tell_late(r);
    unsigned from = r->njobs > 0 ? sim_pick(r->njobs) : 0;
    for (unsigned i = 0; i < r->njobs; i++) {
        struct sim_job *job = &r->jobs[(from + i) % r->njobs];
        bool ready = sim_job_ready(job);
        if (ready && job->deadline < sim_time + SHORT && job->deadline > sim_time &&
            sim_chance(4)) {
            sim_time = job->deadline; /* what it waited for comes at that very moment */
        }
        bool due = sim_job_due(job);
        if (due && (!ready || sim_chance(2))) {
            ring_expire(r, job);
        } else if (ready) {
            ring_try(r, job);
        }
        if (r->head != r->tail && sim_chance(4)) {
            break;
        }
    }
}

static bool ring_has_work(void *arg)
{
    struct ring_sim *r = arg;
    if (r->woken || r->head != r->tail || r->nlate > 0) {
        return true;
    }
    if (r->idle_since == sim_tcp_changes && sim_time < r->idle_until) {
        return false;
    }
    for (unsigned i = 0; i < r->njobs; i++) {
        if (sim_job_ready(&r->jobs[i]) || sim_job_due(&r->jobs[i])) {
            return true;
        }
    }
    r->idle_since = sim_tcp_changes;
    r->idle_until = sim_ring_next();
    return false;
}

static int ring_sim_enter(struct nu_ring *ring, unsigned wait, uint64_t until)
{
    struct ring_sim *r = ring_sim_of(ring);
    static const int errors[] = { EINTR, EAGAIN, EBUSY, ENOMEM, 0 };
    int fault = sim_fault("io_uring_enter", errors);
    sim_preempt();
    if (fault != 0 || sim_chance(sim_rare)) {
        return fault != 0 ? -fault : -errors[sim_pick(3)];
    }
    ring_submit(r);
    for (;;) {
        ring_task_work(r);
        if (r->woken || r->nsq > 0 || r->tail - r->head >= wait) {
            r->woken = false;
            return 0;
        }
        if (sim_time >= until) {
            return -ETIME;
        }
        if (sim_chance(sim_rare)) {
            return -EINTR;
        }
        uint64_t next = sim_ring_next();
        r->idle_until = 0;
        (void) sim_wait(ring_has_work, r, next < until ? next : until);
    }
}

static unsigned ring_sim_reap(struct nu_ring *ring, struct nu_completion *list, unsigned n)
{
    struct ring_sim *r = ring_sim_of(ring);
    unsigned i = 0;
    while (i < n && r->head != r->tail) {
        list[i++] = r->cq[r->head++ % CQ];
    }
    nu_count(NU_COUNT_CQES, i);
    return i;
}

static void ring_sim_wake(struct nu_ring *ring)
{
    ring_sim_of(ring)->woken = true;
    sim_preempt();
}

static ssize_t ring_sim_try_writev(int fd, const struct iovec *iov, unsigned niov)
{
    struct sim_sock *sock = sim_sock(fd);
    sim_check(sock != NULL, "a write to descriptor %d, which is not open", fd);
    struct sim_job job = { .sock = sock, .iov = (struct iovec *) iov, .niov = niov };
    static const int errors[] = { EAGAIN,     EINTR,     ENOMEM,       ENOBUFS, EPIPE,
                                  ECONNRESET, ETIMEDOUT, EHOSTUNREACH, 0 };
    int fault = sim_fault("a thread's own write", errors);
    sim_preempt();
    if (fault != 0 || sim_chance(sim_rare)) {
        return fault != 0 ? -fault : sim_chance(2) ? -EAGAIN : -EINTR;
    }
    struct sim_outcome outcome = sim_job_writev(&job);
    sim_trace("thread: writes to %d: %d", fd, outcome.wait ? -EAGAIN : outcome.res);
    return outcome.wait ? -EAGAIN : outcome.res;
}

/* ---- Life --------------------------------------------------------------------------------- */

static int ring_sim_open(struct nu_ring **ringp, struct nu_bufring *buffers,
                         struct nu_timers *timers)
{
    struct ring_sim *r = &storage;
    (void) timers;
    sim_check(the_ring == NULL, "a second ring");
    if (nu_bufring_open_own(buffers) != 0) {
        return -ENOMEM;
    }
    static const unsigned sizes[] = { 2, 3, 4, 8, SQ };
    r->ring = (struct nu_ring){ .kind = &nu_ring_sim, .nowait = nowait };
    r->buffers = buffers;
    r->njobs = r->nsq = r->head = r->tail = r->nlate = 0;
    r->woken = false;
    r->sq_size = sizes[sim_pick(5)];
    the_ring = r;
    *ringp = &r->ring;
    return 0;
}

static void ring_sim_close(struct nu_ring *ring)
{
    struct ring_sim *r = ring_sim_of(ring);
    for (unsigned i = 0; i < r->njobs; i++) {
        sim_check(r->jobs[i].state == SIM_JOB_FREE, "the ring is closed while %s(%d) is under way",
                  sim_kind_names[r->jobs[i].was.kind], r->jobs[i].was.fd);
    }
    sim_check(r->buffers->nfree == NU_BUFRING_COUNT, "%u of the loop's buffers are lost",
              NU_BUFRING_COUNT - r->buffers->nfree);
    nu_bufring_close_own(r->buffers);
    the_ring = NULL;
}

static void ring_sim_free(struct nu_ring *ring)
{
    (void) ring;
}

static const char *ring_sim_setup(const struct nu_ring *ring)
{
    (void) ring;
    return "made up";
}

const struct nu_ring_kind nu_ring_sim = {
    .name = "sim",
    .open = ring_sim_open,
    .close = ring_sim_close,
    .free = ring_sim_free,
    .prepare = ring_sim_prepare,
    .cancel = ring_sim_cancel,
    .enter = ring_sim_enter,
    .reap = ring_sim_reap,
    .wake = ring_sim_wake,
    .try_writev = ring_sim_try_writev,
    .try_send = ring_sim_try_writev,
    .receive_inline = true,
    .setup = ring_sim_setup,
};
