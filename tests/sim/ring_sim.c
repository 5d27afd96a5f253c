/* SPDX-License-Identifier: MIT */
#include "sim/ring_sim.h"

#include "base/list.h"
#include "io/bufring.h"
#include "io/counters.h"
#include "io/op.h"
#include "io/perform.h"
#include "io/vec.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/tcp.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define JOBS 1024U
#define CQ 4096U
#define SQ 64U
#define IOVS 1024U

enum job_state {
    JOB_FREE,
    JOB_QUEUED,  /* an SQE that was not submitted */
    JOB_WAITING, /* submitted; to be tried when its socket is ready */
};

struct job {
    enum job_state state;
    struct nu_op *op;
    struct nu_op was; /* the op as it was prepared */
    struct iovec *iov;
    unsigned niov;
    struct sim_sock *sock;
    uint64_t user_data;
    uint64_t deadline; /* SIM_NEVER: none, or it has passed in vain */
    bool linked;       /* its timeout is still to complete */
    uint64_t sum;      /* of the bytes that it is to write */
    uint64_t ready_at; /* a connect's */
    int told;          /* what a multishot poll has said */
};

/* An SQE: a job, or a cancellation. */
struct entry {
    struct job *job;
    uint64_t cancel; /* user_data; 0: none */
};

struct ring_sim {
    struct nu_ring ring;
    struct nu_bufring *buffers;
    struct job jobs[JOBS];
    unsigned njobs; /* ever used */
    struct entry sq[SQ];
    unsigned nsq, sq_size;
    struct nu_completion cq[CQ];
    unsigned head, tail;
    bool woken;
};

static struct ring_sim *the_ring; /* of this run */
static bool nowait = true;
static unsigned rare = 50;

#define KINDS (NU_OP_HANGUP + 1)
#define RESULTS 16
static struct {
    int res; /* > 0 as 1 */
    uint64_t n;
} reached[KINDS][RESULTS];

static struct ring_sim *ring_sim_of(struct nu_ring *ring)
{
    return nu_container(ring, struct ring_sim, ring);
}

void sim_ring_set(bool with_nowait, unsigned once_in)
{
    nowait = with_nowait;
    rare = once_in;
}

/* ---- What was seen ------------------------------------------------------------------------ */

static const char *const kind_names[KINDS] = {
    [NU_OP_WRITEV] = "WRITEV",
    [NU_OP_READV] = "READV",
    [NU_OP_RECV] = "RECV",
    [NU_OP_RECV_PROVIDED] = "RECV, provided",
    [NU_OP_ACCEPT] = "ACCEPT",
    [NU_OP_CONNECT] = "CONNECT",
    [NU_OP_READ] = "READ",
    [NU_OP_OPEN] = "OPENAT2",
    [NU_OP_POLL] = "POLL_ADD",
    [NU_OP_POLLS] = "POLL_ADD, multishot",
    [NU_OP_HANGUP] = "POLL_ADD, hang-up",
};

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

void sim_ring_report(FILE *to)
{
    for (unsigned kind = 0; kind < KINDS; kind++) {
        fprintf(to, "  %-15s", kind_names[kind]);
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

static uint64_t ring_sum(const struct job *job)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    for (unsigned i = 0; i < job->niov; i++) {
        const uint8_t *p = job->iov[i].iov_base;
        size_t k = 0, n = job->iov[i].iov_len;
        for (uint64_t word; k + sizeof word <= n; k += sizeof word) {
            memcpy(&word, p + k, sizeof word);
            sum = (sum ^ word) * UINT64_C(1099511628211);
        }
        for (; k < n; k++) {
            sum = (sum ^ p[k]) * UINT64_C(1099511628211);
        }
    }
    return sum;
}

/* Its memory is the kernel's until now. */
static void ring_check_memory(const struct job *job)
{
    sim_check(job->op->state == NU_OP_KERNEL, "an op is not the kernel's, which works on it");
    sim_check(job->op->kind == job->was.kind && job->op->fd == job->was.fd,
              "an op was changed under way");
    if (job->was.kind == NU_OP_WRITEV) {
        sim_check(ring_sum(job) == job->sum, "bytes were changed while they were being written");
    } else if (job->was.kind == NU_OP_RECV) {
        volatile uint8_t *p = job->was.arg.buf.base; /* ASan knows whether it is there */
        p[0] = p[0];
        p[job->was.arg.buf.len - 1] = p[job->was.arg.buf.len - 1];
    } else if (job->was.kind == NU_OP_READV) {
        for (unsigned i = 0; i < job->niov; i++) {
            volatile uint8_t *p = job->iov[i].iov_base;
            if (job->iov[i].iov_len > 0) {
                p[0] = p[0];
            }
        }
    }
}

static void ring_end_timeout(struct ring_sim *r, struct job *job, int res)
{
    if (job->linked) {
        job->linked = false;
        job->deadline = SIM_NEVER;
        ring_complete(r, job->user_data | NU_RING_TIMEOUT, res, 0);
    }
}

static bool ring_job_due(const struct job *job)
{
    return job->state == JOB_WAITING && job->deadline <= sim_time;
}

/* The last completion of a job, and the one of its timeout. */
static void ring_finish(struct ring_sim *r, struct job *job, int res, uint32_t flags)
{
    bool first = sim_chance(2);
    int timeout = job->deadline == SIM_NEVER ? -ETIME : -ECANCELED;
    ring_check_memory(job);
    ring_note(job->was.kind, res);
    sim_trace("ring: %s(%d) completes with %d, flags %x", kind_names[job->was.kind], job->was.fd,
              res, flags);
    if (first) {
        ring_end_timeout(r, job, timeout);
    }
    ring_complete(r, job->user_data, res, flags);
    if (ring_job_due(job) && sim_chance(2)) {
        timeout = -ENOENT; /* it fired when the job was over, and nobody had told it yet */
    }
    ring_end_timeout(r, job, timeout);
    job->state = JOB_FREE;
    if (job->sock != NULL) {
        job->sock->uses--;
    }
    free(job->iov);
    job->iov = NULL;
}

/* ---- Doing -------------------------------------------------------------------------------- */

struct outcome {
    int res;
    uint32_t flags;
    bool wait;
};

#define WAIT ((struct outcome){ .wait = true })

static struct outcome ring_result(ssize_t n)
{
    return n == -EAGAIN ? WAIT : (struct outcome){ .res = (int) n };
}

static struct outcome ring_writev(struct job *job)
{
    ssize_t total = 0;
    for (unsigned i = 0; i < job->niov; i++) {
        if (job->iov[i].iov_len == 0) {
            continue;
        }
        ssize_t n = sim_send(job->sock, job->iov[i].iov_base, job->iov[i].iov_len);
        if (n < 0 && total > 0) {
            break;
        }
        if (n == -EAGAIN && (job->was.rw_flags & RWF_NOWAIT) != 0) {
            return (struct outcome){ .res = -EAGAIN };
        }
        if (n < 0) {
            return ring_result(n);
        }
        total += n;
        if ((size_t) n < job->iov[i].iov_len) {
            break;
        }
    }
    return (struct outcome){ .res = (int) total };
}

static struct outcome ring_readv(struct job *job)
{
    ssize_t total = 0;
    for (unsigned i = 0; i < job->niov; i++) {
        if (job->iov[i].iov_len == 0) {
            continue;
        }
        if (total > 0 && job->sock->in.len == 0) {
            break;
        }
        ssize_t n = sim_recv(job->sock, job->iov[i].iov_base, job->iov[i].iov_len, false);
        if (n < 0) {
            return ring_result(n);
        }
        total += n;
        if ((size_t) n < job->iov[i].iov_len) {
            break;
        }
    }
    return (struct outcome){ .res = (int) total };
}

static struct outcome ring_recv(struct job *job, void *p, size_t n)
{
    struct outcome outcome = ring_result(sim_recv(job->sock, p, n, false));
    if (!outcome.wait && outcome.res > 0 && job->sock->in.len > 0) {
        outcome.flags = NU_OP_F_NONEMPTY;
    }
    return outcome;
}

static struct outcome ring_recv_provided(struct ring_sim *r, struct job *job)
{
    uint32_t flags;
    if (!sim_readable(job->sock)) {
        return WAIT;
    }
    if (sim_chance(rare) || !nu_bufring_pick(r->buffers, &flags)) {
        return (struct outcome){ .res = -ENOBUFS };
    }
    uint8_t *buffer = nu_bufring_take(r->buffers, flags);
    struct outcome outcome = ring_recv(job, buffer, NU_BUFRING_SIZE);
    if (outcome.wait || (outcome.res <= 0 && sim_chance(2))) {
        nu_bufring_give(r->buffers, buffer);
    } else {
        outcome.flags |= flags; /* also with an end or an error, now and then */
    }
    return outcome;
}

static struct outcome ring_accept(struct job *job)
{
    if (job->sock->shut_read) {
        return (struct outcome){ .res = -EINVAL };
    }
    if (job->sock->nqueue > 0 && sim_chance(rare)) {
        return (struct outcome){ .res = sim_chance(2) ? -EMFILE : -ECONNABORTED };
    }
    struct sim_sock *made = sim_accept(job->sock);
    if (made == NULL) {
        return WAIT;
    }
    return (struct outcome){ made->fd, sim_chance(rare) ? 0 : NU_OP_F_MORE, false };
}

static struct outcome ring_connect(struct job *job)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *) job->was.arg.addr.sa;
    struct sim_sock *listener = sim_listener(ntohs(in->sin_port));
    if (sim_time < job->ready_at) {
        return WAIT;
    }
    if (listener == NULL) {
        return (struct outcome){ .res = -ECONNREFUSED };
    }
    if (listener->nqueue >= listener->backlog) {
        job->ready_at = sim_time + 1000000;
        return WAIT;
    }
    sim_connect(job->sock, listener);
    return (struct outcome){ .res = 0 };
}

static int ring_polled(const struct job *job)
{
    const struct sim_sock *sock = job->sock;
    bool room = job->was.kind != NU_OP_HANGUP && sim_writable(sock);
    return (room ? POLLOUT : 0) | (sock->fin_in ? POLLRDHUP : 0) |
           (sock->error != 0 ? POLLERR : 0) | (sock->reset ? POLLHUP : 0);
}

/* It says what is new, all that there is with it, and now and then nothing more after that. */
static struct outcome ring_polls(struct job *job)
{
    int now = ring_polled(job);
    if ((now & ~job->told) == 0) {
        return WAIT;
    }
    job->told = now;
    return (struct outcome){ .res = now, .flags = sim_chance(rare) ? 0 : NU_OP_F_MORE };
}

static struct outcome ring_other(struct ring_sim *r, struct job *job)
{
    struct nu_outcome outcome = nu_perform(job->op, r->buffers, false);
    return (struct outcome){ outcome.res, outcome.flags, outcome.wait };
}

static struct outcome ring_perform(struct ring_sim *r, struct job *job)
{
    switch (job->was.kind) {
    case NU_OP_WRITEV:
        sim_check(ring_sum(job) == job->sum, "bytes were changed before they were written");
        return ring_writev(job);
    case NU_OP_READV:
        return ring_readv(job);
    case NU_OP_RECV:
        return ring_recv(job, job->was.arg.buf.base, job->was.arg.buf.len);
    case NU_OP_RECV_PROVIDED:
        return ring_recv_provided(r, job);
    case NU_OP_ACCEPT:
        return ring_accept(job);
    case NU_OP_CONNECT:
        return ring_connect(job);
    case NU_OP_POLL:
        return ring_polled(job) != 0 ? (struct outcome){ .res = ring_polled(job) } : WAIT;
    case NU_OP_POLLS:
    case NU_OP_HANGUP:
        return ring_polls(job);
    case NU_OP_READ:
    case NU_OP_OPEN:
        break;
    }
    return ring_other(r, job);
}

/* Its socket says that it is worth a try. What a peer's FIN wakes is, for a write, in vain. */
static bool ring_job_ready(const struct job *job)
{
    if (job->state != JOB_WAITING) {
        return false;
    }
    switch (job->was.kind) {
    case NU_OP_WRITEV:
        return sim_writable(job->sock);
    case NU_OP_POLL:
        return ring_polled(job) != 0;
    case NU_OP_POLLS:
    case NU_OP_HANGUP:
        return (ring_polled(job) & ~job->told) != 0;
    case NU_OP_CONNECT:
        return sim_time >= job->ready_at;
    case NU_OP_READ:
    case NU_OP_OPEN:
        return true;
    default:
        return sim_readable(job->sock);
    }
}

static bool ring_job_hot(const struct job *job)
{
    return ring_job_ready(job) || (job->was.kind == NU_OP_WRITEV && job->sock->fin_in);
}

static void ring_try(struct ring_sim *r, struct job *job)
{
    struct outcome outcome = ring_perform(r, job);
    if (outcome.wait) {
        return;
    }
    if ((outcome.flags & NU_OP_F_MORE) != 0) {
        ring_note(job->was.kind, outcome.res);
        sim_trace("ring: %s(%d) gives %d", kind_names[job->was.kind], job->was.fd, outcome.res);
        ring_complete(r, job->user_data, outcome.res, outcome.flags);
        return;
    }
    ring_finish(r, job, outcome.res, outcome.flags);
}

/* ---- Cancellations and timeouts ----------------------------------------------------------- */

static struct job *ring_find(struct ring_sim *r, uint64_t user_data)
{
    for (unsigned i = 0; i < r->njobs; i++) {
        if (r->jobs[i].state != JOB_FREE && r->jobs[i].user_data == user_data) {
            return &r->jobs[i];
        }
    }
    return NULL;
}

/* What the kernel is about to try again is known to it nowhere. */
static void ring_cancel(struct ring_sim *r, uint64_t user_data)
{
    struct job *job = ring_find(r, user_data);
    int res = job == NULL || (ring_job_hot(job) && sim_chance(2)) ? -ENOENT : 0;
    sim_trace("ring: cancels %" PRIx64 ": %d", user_data, res);
    ring_complete(r, NU_RING_CANCELLATION, res, 0);
    if (res == 0) {
        ring_finish(r, job, sim_chance(rare) ? -EINTR : -ECANCELED, 0);
    }
}

static void ring_expire(struct ring_sim *r, struct job *job)
{
    if (ring_job_hot(job) && sim_chance(2)) {
        sim_trace("ring: the deadline of %s(%d) finds nothing", kind_names[job->was.kind],
                  job->was.fd);
        job->deadline = SIM_NEVER;
        ring_end_timeout(r, job, sim_chance(2) ? -ENOENT : -EALREADY);
        return;
    }
    sim_trace("ring: the deadline of %s(%d) has passed", kind_names[job->was.kind], job->was.fd);
    job->deadline = SIM_NEVER; /* which says that it fired */
    ring_finish(r, job, -ECANCELED, 0);
}

uint64_t sim_ring_next(void)
{
    uint64_t next = SIM_NEVER;
    for (unsigned i = 0; the_ring != NULL && i < the_ring->njobs; i++) {
        const struct job *job = &the_ring->jobs[i];
        bool connects = job->state == JOB_WAITING && job->was.kind == NU_OP_CONNECT;
        uint64_t when = connects && job->ready_at > sim_time ? job->ready_at : job->deadline;
        if (job->state == JOB_WAITING && when < next) {
            next = when;
        }
    }
    return next;
}

/* ---- The seam ----------------------------------------------------------------------------- */

static struct job *ring_new_job(struct ring_sim *r)
{
    unsigned i = 0;
    while (i < r->njobs && r->jobs[i].state != JOB_FREE) {
        i++;
    }
    sim_check(i < JOBS, "more than %u operations", JOBS);
    r->njobs = i == r->njobs ? i + 1 : r->njobs;
    return &r->jobs[i];
}

static void ring_copy_vec(struct job *job, const struct nu_op_vec *vec)
{
    job->iov = malloc(IOVS * sizeof *job->iov);
    sim_check(job->iov != NULL && vec->niov <= IOVS, "no memory, or too long a vector");
    job->niov = nu_vec_copy(job->iov, vec->iov, vec->niov, vec->skip);
}

static bool ring_sim_prepare(struct nu_ring *ring, struct nu_op *op, uint64_t user_data)
{
    struct ring_sim *r = ring_sim_of(ring);
    bool timed = op->deadline != SIM_NEVER;
    if (r->nsq + (timed ? 2 : 1) > r->sq_size) {
        return false;
    }
    sim_check(ring_find(r, user_data) == NULL, "user_data %" PRIx64 " is in use", user_data);
    struct job *job = ring_new_job(r);
    *job = (struct job){ .state = JOB_QUEUED,
                         .op = op,
                         .was = *op,
                         .user_data = user_data,
                         .deadline = op->deadline,
                         .linked = timed,
                         .sock = sim_is_fd(op->fd) ? sim_sock(op->fd) : NULL };
    sim_check(job->sock != NULL || !sim_is_fd(op->fd), "%s on descriptor %d, which is not open",
              kind_names[op->kind], op->fd);
    if (op->kind == NU_OP_WRITEV || op->kind == NU_OP_READV) {
        ring_copy_vec(job, &op->arg.vec);
        job->sum = op->kind == NU_OP_WRITEV ? ring_sum(job) : 0;
    }
    if (op->kind == NU_OP_CONNECT) {
        job->ready_at = sim_time + sim_pick(2000000);
    }
    if (job->sock != NULL) {
        job->sock->uses++;
    }
    r->sq[r->nsq++] = (struct entry){ .job = job };
    if (timed) {
        r->sq[r->nsq++] = (struct entry){ .job = NULL };
    }
    sim_trace("loop: prepares %s(%d)%s", kind_names[op->kind], op->fd, timed ? ", timed" : "");
    return true;
}

static bool ring_sim_cancel(struct nu_ring *ring, uint64_t user_data)
{
    struct ring_sim *r = ring_sim_of(ring);
    if (r->nsq == r->sq_size) {
        return false;
    }
    r->sq[r->nsq++] = (struct entry){ .cancel = user_data };
    return true;
}

/* Takes entries, all or (rarely) the first few, never half of a chain. */
static void ring_submit(struct ring_sim *r)
{
    unsigned n = r->nsq > 0 && sim_chance(rare) ? sim_pick(r->nsq) : r->nsq;
    while (n < r->nsq && r->sq[n].job == NULL && r->sq[n].cancel == 0) {
        n++;
    }
    for (unsigned i = 0; i < n; i++) {
        struct job *job = r->sq[i].job;
        if (r->sq[i].cancel != 0) {
            ring_cancel(r, r->sq[i].cancel);
        } else if (job != NULL) {
            job->state = JOB_WAITING;
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
    unsigned from = r->njobs > 0 ? sim_pick(r->njobs) : 0;
    for (unsigned i = 0; i < r->njobs; i++) {
        struct job *job = &r->jobs[(from + i) % r->njobs];
        bool ready = ring_job_ready(job), due = ring_job_due(job);
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
    if (r->woken || r->head != r->tail) {
        return true;
    }
    for (unsigned i = 0; i < r->njobs; i++) {
        if (ring_job_ready(&r->jobs[i]) || ring_job_due(&r->jobs[i])) {
            return true;
        }
    }
    return false;
}

static int ring_sim_enter(struct nu_ring *ring, unsigned wait, uint64_t until)
{
    struct ring_sim *r = ring_sim_of(ring);
    sim_preempt();
    if (sim_chance(rare)) {
        static const int errors[] = { -EINTR, -EAGAIN, -EBUSY };
        return errors[sim_pick(3)];
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
        if (sim_chance(rare)) {
            return -EINTR;
        }
        uint64_t next = sim_ring_next();
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
    struct job job = { .sock = sock, .iov = (struct iovec *) iov, .niov = niov };
    sim_preempt();
    if (sim_chance(rare)) {
        return sim_chance(2) ? -EAGAIN : -EINTR;
    }
    struct outcome outcome = ring_writev(&job);
    sim_trace("thread: writes to %d: %d", fd, outcome.wait ? -EAGAIN : outcome.res);
    return outcome.wait ? -EAGAIN : outcome.res;
}

/* ---- Life --------------------------------------------------------------------------------- */

static int ring_sim_open(struct nu_ring **ringp, struct nu_bufring *buffers,
                         struct nu_timers *timers)
{
    struct ring_sim *r = calloc(1, sizeof *r);
    (void) timers;
    if (r == NULL || nu_bufring_open_own(buffers) != 0) {
        free(r);
        return -ENOMEM;
    }
    static const unsigned sizes[] = { 2, 3, 4, 8, SQ };
    r->ring = (struct nu_ring){ .kind = &nu_ring_sim, .nowait = nowait };
    r->buffers = buffers;
    r->sq_size = sizes[sim_pick(5)];
    the_ring = r;
    *ringp = &r->ring;
    return 0;
}

static void ring_sim_close(struct nu_ring *ring)
{
    struct ring_sim *r = ring_sim_of(ring);
    for (unsigned i = 0; i < r->njobs; i++) {
        sim_check(r->jobs[i].state == JOB_FREE, "the ring is closed while %s(%d) is under way",
                  kind_names[r->jobs[i].was.kind], r->jobs[i].was.fd);
    }
    sim_check(r->buffers->nfree == NU_BUFRING_COUNT, "%u of the loop's buffers are lost",
              NU_BUFRING_COUNT - r->buffers->nfree);
    nu_bufring_close_own(r->buffers);
    the_ring = NULL;
}

static void ring_sim_free(struct nu_ring *ring)
{
    free(ring_sim_of(ring));
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
    .setup = ring_sim_setup,
};
