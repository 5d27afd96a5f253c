/* SPDX-License-Identifier: MIT */
#include "sim/checks/ring.h"

#include "io/bufring.h"
#include "io/op.h"
#include "sim/faults.h"
#include "sim/ring_sim.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/tcp.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define JOBS 30000U
#define EVENTS 1024U
#define SETTLED 8 /* turns in which nothing was on its way: then all has happened that can */
#define NS_PER_S UINT64_C(1000000000)
#define NOSIGNAL 0x100U /* RWF_NOSIGNAL */

/* An operation of the ring's by its user_data, which is its index. */
struct job {
    struct nu_op op;
    uint64_t tag, timeout_tag;
    bool live, quiet; /* its timeout says nothing */
    bool signals;     /* SIGPIPE, if the peer is gone */
};

enum sim_kernel sim_checks_kernel;

static struct nu_ring *ring;
static struct nu_bufring buffers;
static struct job jobs[JOBS]; /* 0: nobody's */
static unsigned njobs, first_live;
static struct nu_event events[EVENTS];
static unsigned head, tail;
static uint64_t cancels[EVENTS]; /* tags of cancellations, in their order */
static unsigned cancel_head, cancel_tail;
static unsigned nops; /* which complete when all else has that can */
static uint64_t nop_tags[EVENTS];

static void *ring_pointer(uint64_t address)
{
    return (void *) (uintptr_t) address; // NOLINT(performance-no-int-to-ptr)
}

static void ring_say(uint64_t tag, int res, uint32_t flags)
{
    sim_check(tail - head < EVENTS, "more than %u events", EVENTS);
    events[tail++ % EVENTS] = (struct nu_event){ tag, res, flags };
}

/* ---- Opening ------------------------------------------------------------------------------ */

int sim_checks_open(struct nu_uring *u, unsigned entries, unsigned completions, unsigned flags)
{
    static unsigned khead;
    memset(u, 0, sizeof *u);
    khead = 0;
    if (ring != NULL) {
        buffers.nfree = NU_BUFRING_COUNT;
        nu_ring_sim.close(ring); /* there is one at a time, and nothing is under way on the other */
    }
    u->entries = entries;
    u->flags = flags;
    u->uring.features = IORING_FEAT_NODROP | IORING_FEAT_CQE_SKIP;
    u->uring.sq.khead = &khead;
    u->uring.sq.sqes = sim_alloc(entries * sizeof *u->uring.sq.sqes);
    u->uring.cq.ring_entries = completions;
    njobs = first_live = 1;
    return nu_ring_sim.open(&ring, &buffers, NULL);
}

struct io_uring_sqe *sim_checks_sqe(struct nu_uring *u)
{
    struct io_uring_sq *sq = &u->uring.sq;
    if (sq->sqe_tail - *sq->khead == u->entries) {
        return NULL;
    }
    struct io_uring_sqe *sqe = &sq->sqes[sq->sqe_tail++ % u->entries];
    memset(sqe, 0, sizeof *sqe);
    return sqe;
}

/* ---- A ring of buffers -------------------------------------------------------------------- */

static struct io_uring_buf_ring *provided;
static unsigned provided_size, provided_head;

int sim_checks_register_buffers(struct io_uring *uring, struct io_uring_buf_reg *reg,
                                unsigned flags)
{
    (void) uring, (void) flags;
    provided = ring_pointer(reg->ring_addr);
    provided_size = reg->ring_entries;
    provided_head = 0;
    return 0;
}

/* The made-up ring has as many of its own. */
static void ring_count_buffers(void)
{
    uint16_t n = provided != NULL ? (uint16_t) (provided->tail - provided_head) : 0;
    buffers.nfree = n;
}

/* What has come into one of its own is for the check's next one. Its flags. */
static uint32_t ring_hand_over(const struct nu_completion *c)
{
    uint8_t *from = nu_bufring_take(&buffers, c->flags);
    nu_bufring_give(&buffers, from);
    if (c->res <= 0) {
        return 0;
    }
    const struct io_uring_buf *to = &provided->bufs[provided_head++ % provided_size];
    sim_check((unsigned) c->res <= to->len, "%d bytes for a buffer of %u", c->res, to->len);
    memcpy(ring_pointer(to->addr), from, (size_t) c->res);
    return IORING_CQE_F_BUFFER | (uint32_t) to->bid << IORING_CQE_BUFFER_SHIFT;
}

/* ---- What an SQE asks for ----------------------------------------------------------------- */

static bool ring_read_sqe(const struct io_uring_sqe *sqe, struct nu_op *op)
{
    const struct open_how *how;
    const struct msghdr *msg;
    struct nu_op_vec vec = { ring_pointer(sqe->addr), sqe->len, 0 };
    op->fd = sqe->fd;
    switch (sqe->opcode) {
    case IORING_OP_WRITEV:
    case IORING_OP_READV:
        op->kind = sqe->opcode == IORING_OP_WRITEV ? NU_OP_WRITEV : NU_OP_READV;
        op->rw_flags = (uint32_t) sqe->rw_flags;
        op->arg.vec = vec;
        return true;
    case IORING_OP_SENDMSG: /* to a socket of a stream it is the same */
        op->kind = NU_OP_WRITEV;
        op->rw_flags = (sqe->msg_flags & MSG_DONTWAIT) != 0 ? RWF_NOWAIT : 0;
        msg = ring_pointer(sqe->addr);
        op->arg.vec = (struct nu_op_vec){ msg->msg_iov, (unsigned) msg->msg_iovlen, 0 };
        return (sqe->msg_flags & MSG_WAITALL) == 0;
    case IORING_OP_RECV:
        op->kind = sqe->flags == IOSQE_BUFFER_SELECT ? NU_OP_RECV_PROVIDED : NU_OP_RECV;
        op->arg.buf.base = ring_pointer(sqe->addr);
        op->arg.buf.len = sqe->len;
        return (sqe->flags & ~IOSQE_BUFFER_SELECT) == 0 && sqe->ioprio == 0;
    case IORING_OP_READ:
        op->kind = NU_OP_READ;
        op->arg.buf.base = ring_pointer(sqe->addr);
        op->arg.buf.len = sqe->len;
        op->arg.buf.offset = sqe->off;
        return true;
    case IORING_OP_OPENAT2:
        how = ring_pointer(sqe->off);
        op->kind = NU_OP_OPEN;
        op->arg.open.path = ring_pointer(sqe->addr);
        op->arg.open.how = *how;
        return how->resolve == RESOLVE_BENEATH;
    case IORING_OP_ACCEPT:
        op->kind = NU_OP_ACCEPT;
        return sqe->ioprio == IORING_ACCEPT_MULTISHOT && sqe->file_index == 0;
    case IORING_OP_CONNECT:
        op->kind = NU_OP_CONNECT;
        op->arg.addr.sa = ring_pointer(sqe->addr);
        op->arg.addr.len = (socklen_t) sqe->off;
        return true;
    case IORING_OP_POLL_ADD:
        op->kind = NU_OP_POLL;
        return true;
    default:
        return false;
    }
}

static uint64_t ring_deadline(const struct io_uring_sqe *sqe)
{
    const struct __kernel_timespec *ts = ring_pointer(sqe->addr);
    uint64_t ns = (uint64_t) ts->tv_sec * NS_PER_S + (uint64_t) ts->tv_nsec;
    return (sqe->timeout_flags & IORING_TIMEOUT_ABS) != 0 ? ns : sim_time + ns;
}

/* By a kernel of that age. */
static bool ring_refuses(const struct io_uring_sqe *sqe)
{
    unsigned rw_flags = sqe->opcode == IORING_OP_WRITEV ? (unsigned) sqe->rw_flags : 0;
    return (sim_checks_kernel < SIM_6_12 && (rw_flags & RWF_NOWAIT) != 0) ||
           (sim_checks_kernel < SIM_6_18 && (rw_flags & NOSIGNAL) != 0);
}

static bool ring_signals(const struct io_uring_sqe *sqe)
{
    return (sqe->opcode == IORING_OP_WRITEV && ((unsigned) sqe->rw_flags & NOSIGNAL) == 0) ||
           (sqe->opcode == IORING_OP_SENDMSG && (sqe->msg_flags & MSG_NOSIGNAL) == 0);
}

static void ring_prepare(const struct io_uring_sqe *sqe, const struct io_uring_sqe *timeout)
{
    sim_check(njobs < JOBS, "more than %u operations", JOBS);
    struct job *job = &jobs[njobs];
    *job = (struct job){ .tag = sqe->user_data, .signals = ring_signals(sqe) };
    nu_op_init(&job->op, NULL, NULL);
    bool known = ring_read_sqe(sqe, &job->op);
    if (!known || ring_refuses(sqe)) {
        ring_say(sqe->user_data, known ? -EOPNOTSUPP : -EINVAL, 0);
        return;
    }
    if (timeout != NULL) {
        job->timeout_tag = timeout->user_data;
        job->quiet = (timeout->flags & IOSQE_CQE_SKIP_SUCCESS) != 0;
        job->op.deadline = ring_deadline(timeout);
    }
    while (!nu_ring_sim.prepare(ring, &job->op, njobs)) {
        (void) nu_ring_sim.enter(ring, 0, 0);
    }
    job->op.state = NU_OP_KERNEL;
    job->live = true;
    njobs++;
}

/* The oldest of that name; 0: nobody. */
static unsigned ring_named(uint64_t tag)
{
    while (first_live < njobs && !jobs[first_live].live) {
        first_live++;
    }
    for (unsigned i = first_live; i < njobs; i++) {
        if (jobs[i].live && jobs[i].tag == tag) {
            return i;
        }
    }
    return 0;
}

static void ring_cancel(const struct io_uring_sqe *sqe)
{
    if (sqe->cancel_flags != 0) {
        ring_say(sqe->user_data, -EINVAL, 0);
        return;
    }
    unsigned target = ring_named(sqe->addr);
    while (!nu_ring_sim.cancel(ring, target != 0 ? target : JOBS)) {
        (void) nu_ring_sim.enter(ring, 0, 0);
    }
    cancels[cancel_tail++ % EVENTS] = sqe->user_data;
}

static unsigned ring_take_entries(struct nu_uring *u)
{
    struct io_uring_sq *sq = &u->uring.sq;
    unsigned n = sq->sqe_tail - *sq->khead;
    for (; *sq->khead != sq->sqe_tail; ++*sq->khead) {
        const struct io_uring_sqe *sqe = &sq->sqes[*sq->khead % u->entries], *timeout = NULL;
        if ((sqe->flags & IOSQE_IO_LINK) != 0 && *sq->khead + 1 != sq->sqe_tail) {
            timeout = &sq->sqes[++*sq->khead % u->entries];
        }
        if (sqe->opcode == IORING_OP_NOP) {
            nop_tags[nops++] = sqe->user_data;
        } else if (sqe->opcode == IORING_OP_ASYNC_CANCEL) {
            ring_cancel(sqe);
        } else {
            ring_prepare(sqe, timeout);
        }
    }
    return n;
}

/* ---- What comes of it --------------------------------------------------------------------- */

/* One that is blocked would stay pending. It is not left so: under AddressSanitizer each context
 * has a mask of its own, and the next one takes it. */
static void ring_signal(void)
{
    sigset_t blocked;
    (void) sigprocmask(SIG_BLOCK, NULL, &blocked);
    if (sigismember(&blocked, SIGPIPE) == 0) {
        (void) raise(SIGPIPE);
    }
}

static void ring_translate(const struct nu_completion *c)
{
    uint32_t more = (c->flags & NU_OP_F_MORE) != 0 ? IORING_CQE_F_MORE : 0;
    if (c->user_data == NU_RING_CANCELLATION) {
        ring_say(cancels[cancel_head++ % EVENTS], c->res, 0);
        return;
    }
    struct job *job = &jobs[c->user_data & ~NU_RING_TIMEOUT];
    if ((c->user_data & NU_RING_TIMEOUT) == 0) {
        bool buffer = (c->flags & IORING_CQE_F_BUFFER) != 0;
        job->live = more != 0;
        ring_say(job->tag, c->res, more | (buffer ? ring_hand_over(c) : 0));
        if (c->res == -EPIPE && job->signals) {
            ring_signal();
        }
    } else if (!job->quiet) {
        ring_say(job->timeout_tag, c->res, 0);
    }
}

static void ring_collect(void)
{
    struct nu_completion list[16];
    unsigned n;
    do {
        n = nu_ring_sim.reap(ring, list, 16);
        for (unsigned i = 0; i < n; i++) {
            ring_translate(&list[i]);
        }
    } while (n == 16);
}

/* The kernel and the network do all that they can do now. */
static void ring_settle(void)
{
    for (int quiet = 0; quiet < SETTLED; quiet++) {
        unsigned before = tail;
        ring_count_buffers();
        (void) nu_ring_sim.enter(ring, 0, 0);
        ring_collect();
        bool busy = tail != before || sim_tcp_events() > 0;
        sim_yield();
        quiet = busy ? -1 : quiet;
    }
}

int sim_checks_enter(struct nu_uring *u, unsigned wait, unsigned ms, unsigned more)
{
    (void) more;
    uint64_t until = sim_time + (uint64_t) ms * 1000000;
    ring_settle(); /* what was done before has arrived */
    unsigned taken = ring_take_entries(u);
    ring_settle();
    for (; nops > 0; nops--) {
        ring_say(nop_tags[0], 0, 0);
        memmove(nop_tags, nop_tags + 1, (nops - 1) * sizeof nop_tags[0]);
    }
    while (tail - head < wait && sim_time < until) {
        ring_count_buffers();
        (void) nu_ring_sim.enter(ring, 1, until);
        ring_collect();
    }
    return tail - head < wait && taken == 0 ? -ETIME : (int) taken;
}

bool sim_checks_next(struct nu_uring *u, struct nu_event *event)
{
    (void) u;
    if (head == tail) {
        return false;
    }
    *event = events[head++ % EVENTS];
    return true;
}

/* Which it does not know. */
int sim_checks_message(int ring_fd, uint64_t tag)
{
    (void) ring_fd, (void) tag;
    return -EINVAL;
}

/* ---- Time --------------------------------------------------------------------------------- */

uint64_t sim_checks_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * NS_PER_S + (uint64_t) ts.tv_nsec;
}

void sim_checks_sleep(uint64_t ns)
{
    sim_sleep(ns);
}
