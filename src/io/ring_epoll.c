/* SPDX-License-Identifier: MIT */
#include "io/ring_epoll.h"

#include "base/clock.h"
#include "base/list.h"
#include "io/bufring.h"
#include "io/counters.h"
#include "io/op.h"
#include "io/perform.h"
#include "io/timer.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOBODY UINT32_MAX
#define JOBS_PER_CHUNK 64U
#define CHUNKS 65536U
#define EVENTS 256
#define MAX_UNPOLLED 4U /* enters that go without a look at the descriptors */

enum job_state {
    JOB_FREE,
    JOB_QUEUED, /* to be done at the next enter */
    JOB_PARKED, /* waits for its descriptor, or its deadline */
    JOB_DONE,   /* to be reaped; an accept: perhaps again and again */
};

/* An operation that was taken and not reaped; its number is that of its slot. */
struct job {
    struct nu_timer timer; /* while it is parked: its deadline */
    struct ring_epoll *r;
    struct nu_op *op;
    uint64_t user_data;
    uint32_t next; /* in its queue */
    int32_t res;   /* when done */
    uint32_t flags;
    enum job_state state : 8;
    bool waited;    /* was parked before */
    bool cancelled; /* while it was queued */
};

struct queue {
    uint32_t first, last;
};

#define NO_QUEUE                                                                                   \
    {                                                                                              \
        NOBODY, NOBODY                                                                             \
    }

enum { READ, WRITE, HANGUP, SIDES };

/* What is known of a descriptor. It is told of changes alone (EPOLLET), so that it need not be
 * asked for them anew. */
struct watch {
    uint32_t generation;    /* of the registration; 0: none so far */
    uint32_t parked[SIDES]; /* the first; one at most, as the library uses it; or NOBODY */
    bool readable;          /* until a call says otherwise */
    bool ended;             /* a receive that takes less than it could need not have taken all */
};

struct ring_epoll {
    struct nu_ring ring;
    struct nu_bufring *buffers;
    struct nu_timers *timers;
    int epoll_fd;
    int wake_fd;
    struct queue queued, done;
    unsigned unpolled;     /* enters since the last look */
    uint32_t generations;  /* registrations so far */
    struct watch *watches; /* by descriptor */
    unsigned nwatches;
    struct job *chunks[CHUNKS];
};

static struct ring_epoll *ring_epoll_of(struct nu_ring *ring)
{
    return nu_container(ring, struct ring_epoll, ring);
}

/* ---- Jobs and queues ---------------------------------------------------------------------- */

static uint32_t epoll_index(uint64_t user_data)
{
    return (uint32_t) user_data - 1;
}

static struct job *epoll_job(struct ring_epoll *r, uint32_t index)
{
    return &r->chunks[index / JOBS_PER_CHUNK][index % JOBS_PER_CHUNK];
}

static struct job *epoll_new_job(struct ring_epoll *r, uint32_t index)
{
    uint32_t chunk = index / JOBS_PER_CHUNK;
    if (chunk >= CHUNKS) {
        return NULL;
    }
    if (r->chunks[chunk] == NULL) {
        r->chunks[chunk] = calloc(JOBS_PER_CHUNK, sizeof(struct job));
    }
    return r->chunks[chunk] != NULL ? epoll_job(r, index) : NULL;
}

static void epoll_push(struct ring_epoll *r, struct queue *queue, struct job *job)
{
    uint32_t index = epoll_index(job->user_data);
    job->next = NOBODY;
    if (queue->first == NOBODY) {
        queue->first = index;
    } else {
        epoll_job(r, queue->last)->next = index;
    }
    queue->last = index;
}

static struct job *epoll_pop(struct ring_epoll *r, struct queue *queue)
{
    struct job *job = epoll_job(r, queue->first);
    queue->first = job->next;
    return job;
}

static void epoll_set_state(struct job *job, enum job_state state)
{
    static const unsigned char next[] = {
        [JOB_FREE] = 1 << JOB_QUEUED,
        [JOB_QUEUED] = 1 << JOB_PARKED | 1 << JOB_DONE,
        [JOB_PARKED] = 1 << JOB_QUEUED | 1 << JOB_DONE,
        [JOB_DONE] = 1 << JOB_FREE | 1 << JOB_PARKED,
    };
    assert((next[job->state] & 1 << state) != 0);
    job->state = state;
}

static void epoll_finish(struct job *job, int res, uint32_t flags)
{
    job->res = res;
    job->flags = flags;
    epoll_set_state(job, JOB_DONE);
    epoll_push(job->r, &job->r->done, job);
}

/* ---- Descriptors -------------------------------------------------------------------------- */

static int epoll_side(const struct nu_op *op)
{
    switch (op->kind) {
    case NU_OP_WRITEV:
    case NU_OP_SENDMSG:
    case NU_OP_CONNECT:
    case NU_OP_POLL:
    case NU_OP_POLLS:
        return WRITE;
    case NU_OP_HANGUP:
        return HANGUP;
    default:
        return READ;
    }
}

static bool epoll_has_room_for(struct ring_epoll *r, int fd)
{
    if ((unsigned) fd < r->nwatches) {
        return true;
    }
    unsigned n = r->nwatches > 0 ? r->nwatches : 64;
    while (n <= (unsigned) fd) {
        n *= 2;
    }
    struct watch *watches = realloc(r->watches, n * sizeof *watches);
    if (watches == NULL) {
        return false;
    }
    memset(watches + r->nwatches, 0, (n - r->nwatches) * sizeof *watches);
    r->watches = watches;
    r->nwatches = n;
    return true;
}

static int epoll_control(const struct ring_epoll *r, int command, int fd, uint32_t generation)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                 .data.u64 = (uint64_t) generation << 32 | (uint32_t) fd };
    return epoll_ctl(r->epoll_fd, command, fd, &event) == 0 ? 0 : -errno;
}

/* A receive from a UNIX socket may end early before a descriptor that was sent with the bytes. */
static bool epoll_ends_early(int fd)
{
    int domain = AF_UNSPEC;
    socklen_t len = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 || domain == AF_UNIX;
}

/*
 * Sees to it that changes of the op's descriptor are heard of. A descriptor that was closed is
 * forgotten by the kernel, and its number may come back: an op knows by the generation whether the
 * registration is that of its own socket. Another op of the same socket may have made it.
 */
static int epoll_watch(struct ring_epoll *r, struct nu_op *op)
{
    if (op->fd < 0 || !epoll_has_room_for(r, op->fd)) {
        return op->fd < 0 ? -EBADF : -ENOMEM;
    }
    struct watch *w = &r->watches[op->fd];
    uint32_t generation = r->generations + 1 != 0 ? r->generations + 1 : 1;
    if (op->watch != 0 && op->watch == w->generation && op->kind != NU_OP_CONNECT) {
        return 0;
    }
    int err = epoll_control(r, EPOLL_CTL_ADD, op->fd, generation);
    if (err == -EEXIST && op->kind == NU_OP_ACCEPT) {
        /* Nobody else here has it: it is that of a duplicate with this number, which was closed, of
         * a socket that others have open still. Its events would be taken for a stranger's. */
        err = epoll_control(r, EPOLL_CTL_MOD, op->fd, generation);
    } else if (err == -EEXIST) {
        op->watch = w->generation;
        return 0;
    }
    if (err == 0) {
        r->generations = generation;
        *w = (struct watch){ .generation = generation,
                             .parked = { NOBODY, NOBODY, NOBODY },
                             .readable = true,
                             .ended = epoll_ends_early(op->fd) };
        op->watch = generation;
    }
    if (err == 0 && op->kind == NU_OP_ACCEPT) {
        int on = 1; /* accept4() has no flag that says so for one call */
        err = ioctl(op->fd, FIONBIO, &on) == 0 ? 0 : -errno;
    }
    return err;
}

static uint32_t *epoll_parking(struct ring_epoll *r, const struct nu_op *op)
{
    return &r->watches[op->fd].parked[epoll_side(op)];
}

static void epoll_park(struct ring_epoll *r, struct job *job)
{
    struct nu_op *op = job->op;
    uint32_t *first = epoll_parking(r, op);
    job->next = *first;
    *first = epoll_index(job->user_data);
    epoll_set_state(job, JOB_PARKED);
    job->waited = true;
    if (op->deadline != NU_NEVER) {
        nu_timer_arm(r->timers, &job->timer, op->deadline);
        nu_count(NU_COUNT_DEADLINES_ARMED, 1);
    }
}

static void epoll_unpark(struct ring_epoll *r, struct job *job)
{
    uint32_t *at = epoll_parking(r, job->op);
    while (*at != epoll_index(job->user_data)) {
        at = &epoll_job(r, *at)->next;
    }
    *at = job->next;
    nu_timer_disarm(r->timers, &job->timer);
}

static void epoll_try_again(struct job *job)
{
    epoll_unpark(job->r, job);
    epoll_set_state(job, JOB_QUEUED);
    epoll_push(job->r, &job->r->queued, job);
}

static void epoll_give_up(struct job *job)
{
    epoll_unpark(job->r, job);
    nu_perform_give_up(job->op);
    epoll_finish(job, -ECANCELED, 0);
}

static void epoll_time_is_up(struct nu_timer *timer)
{
    epoll_give_up(nu_container(timer, struct job, timer));
}

/* ---- Doing what was taken ----------------------------------------------------------------- */

/* A write needs no registration before it has to wait; who reads will wait before long. */
static bool epoll_watches_first(const struct nu_op *op)
{
    switch (op->kind) {
    case NU_OP_READV:
    case NU_OP_RECV:
    case NU_OP_RECV_PROVIDED:
    case NU_OP_RECVMSG:
    case NU_OP_ACCEPT:
        return true;
    default:
        return false;
    }
}

static void epoll_do(struct ring_epoll *r, struct job *job)
{
    struct nu_op *op = job->op;
    bool first = epoll_watches_first(op);
    int err = job->cancelled ? -ECANCELED : first ? epoll_watch(r, op) : 0;
    if (err != 0) {
        epoll_finish(job, err, 0);
        return;
    }
    if (first && !r->watches[op->fd].readable) {
        epoll_park(r, job);
        return;
    }
    if (op->kind == NU_OP_ACCEPT) { /* connections are taken as they are reaped */
        epoll_finish(job, 0, NU_OP_F_MORE);
        return;
    }
    struct nu_outcome outcome = nu_perform(op, r->buffers, job->waited);
    if (outcome.wait && !first) {
        err = epoll_watch(r, op);
    }
    if (err != 0) {
        nu_perform_give_up(op);
        epoll_finish(job, err, 0);
        return;
    }
    if (first && (outcome.wait || (outcome.drained && !r->watches[op->fd].ended))) {
        r->watches[op->fd].readable = false;
    }
    if (outcome.wait) {
        epoll_park(r, job);
    } else {
        epoll_finish(job, outcome.res, outcome.flags);
    }
}

static void epoll_do_queued(struct ring_epoll *r)
{
    while (r->queued.first != NOBODY) {
        epoll_do(r, epoll_pop(r, &r->queued));
    }
}

static void epoll_ready(struct ring_epoll *r, struct watch *w, int side)
{
    while (w->parked[side] != NOBODY) {
        epoll_try_again(epoll_job(r, w->parked[side]));
    }
}

static void epoll_hear(struct ring_epoll *r, const struct epoll_event *event)
{
    uint32_t fd = (uint32_t) event->data.u64, generation = (uint32_t) (event->data.u64 >> 32);
    struct watch *w = fd < r->nwatches ? &r->watches[fd] : NULL;
    if (w == NULL || generation == 0 || w->generation != generation) {
        return; /* a wake-up; or a socket that is closed here, and lives on in a forked child */
    }
    w->ended = w->ended || (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) != 0;
    if ((event->events & ~(uint32_t) EPOLLOUT) != 0) {
        w->readable = true;
        epoll_ready(r, w, READ);
    }
    if ((event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
        epoll_ready(r, w, WRITE);
    }
    if ((event->events & (EPOLLHUP | EPOLLERR)) != 0) {
        epoll_ready(r, w, HANGUP);
    }
}

/* The timeout of epoll_wait(), which is not over too early. */
static int epoll_patience(const struct ring_epoll *r, unsigned wait, uint64_t until)
{
    if (wait == 0 || r->done.first != NOBODY) {
        return 0;
    }
    if (r->timers->root != NULL && r->timers->root->when < until) {
        until = r->timers->root->when; /* of what has just been parked */
    }
    if (until == NU_NEVER) {
        return -1;
    }
    uint64_t now = nu_now();
    uint64_t ms = until > now ? (until - now + NU_MS - 1) / NU_MS : 0;
    return ms < INT_MAX ? (int) ms : INT_MAX;
}

static int ring_epoll_enter(struct nu_ring *ring, unsigned wait, uint64_t until)
{
    struct ring_epoll *r = ring_epoll_of(ring);
    struct epoll_event events[EVENTS];
    epoll_do_queued(r);
    if (r->done.first != NOBODY && ++r->unpolled < MAX_UNPOLLED) {
        return 0;
    }
    r->unpolled = 0;
    int n = epoll_wait(r->epoll_fd, events, EVENTS, epoll_patience(r, wait, until));
    nu_count(NU_COUNT_ENTERS, 1);
    for (int i = 0; i < n; i++) {
        epoll_hear(r, &events[i]);
    }
    epoll_do_queued(r);
    return n < 0 ? -errno : 0;
}

/* ---- Taking and handing back -------------------------------------------------------------- */

static bool ring_epoll_prepare(struct nu_ring *ring, struct nu_op *op, uint64_t user_data)
{
    struct ring_epoll *r = ring_epoll_of(ring);
    struct job *job = epoll_new_job(r, epoll_index(user_data));
    if (job == NULL) {
        return false;
    }
    job->timer = (struct nu_timer){ .fire = epoll_time_is_up };
    job->r = r;
    job->op = op;
    job->user_data = user_data;
    job->waited = job->cancelled = false;
    epoll_set_state(job, JOB_QUEUED);
    epoll_push(r, &r->queued, job);
    nu_count(NU_COUNT_SQES, 1);
    return true;
}

static bool ring_epoll_cancel(struct nu_ring *ring, uint64_t user_data)
{
    struct ring_epoll *r = ring_epoll_of(ring);
    struct job *job = epoll_job(r, epoll_index(user_data));
    if (job->state == JOB_PARKED) {
        epoll_give_up(job);
    } else {
        job->cancelled = true;
    }
    return true;
}

static void epoll_report(struct job *job, struct nu_completion *to)
{
    *to = (struct nu_completion){ job->user_data, job->res, job->flags };
    epoll_set_state(job, JOB_FREE);
}

/* Takes connections until there is no more room for them, or none. The job is out of its queue. */
static unsigned epoll_accept(struct ring_epoll *r, struct job *job, struct nu_completion *list,
                             unsigned n)
{
    struct nu_op *op = job->op;
    for (unsigned i = 0; i < n; i++) {
        struct nu_outcome outcome = { .res = -ECANCELED };
        if (!job->cancelled) {
            outcome = nu_perform(op, r->buffers, true);
        }
        if (outcome.wait) {
            r->watches[op->fd].readable = false;
            epoll_park(r, job);
            return i;
        }
        list[i] = (struct nu_completion){ job->user_data, outcome.res, outcome.flags };
        if ((outcome.flags & NU_OP_F_MORE) == 0) {
            epoll_set_state(job, JOB_FREE);
            return i + 1;
        }
    }
    job->next = r->done.first; /* it goes on, first of all */
    r->done.last = job->next == NOBODY ? epoll_index(job->user_data) : r->done.last;
    r->done.first = epoll_index(job->user_data);
    return n;
}

static unsigned ring_epoll_reap(struct nu_ring *ring, struct nu_completion *list, unsigned n)
{
    struct ring_epoll *r = ring_epoll_of(ring);
    unsigned i = 0;
    while (i < n && r->done.first != NOBODY) {
        struct job *job = epoll_pop(r, &r->done);
        if ((job->flags & NU_OP_F_MORE) != 0) {
            i += epoll_accept(r, job, list + i, n - i);
        } else {
            epoll_report(job, &list[i++]);
        }
    }
    nu_count(NU_COUNT_CQES, i);
    return i;
}

/* ---- Life --------------------------------------------------------------------------------- */

static void ring_epoll_wake(struct nu_ring *ring)
{
    uint64_t one = 1;
    while (write(ring_epoll_of(ring)->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

static void ring_epoll_close(struct nu_ring *ring)
{
    struct ring_epoll *r = ring_epoll_of(ring);
    if (r->epoll_fd >= 0) {
        close(r->epoll_fd);
    }
    nu_bufring_close_own(r->buffers);
    for (unsigned i = 0; i < CHUNKS && r->chunks[i] != NULL; i++) {
        free(r->chunks[i]);
    }
    free(r->watches);
}

static void ring_epoll_free(struct nu_ring *ring)
{
    struct ring_epoll *r = ring_epoll_of(ring);
    if (r->wake_fd >= 0) {
        close(r->wake_fd); /* not earlier: somebody might have been about to write to it */
    }
    free(r);
}

/* Each write to the eventfd is an event, so nobody has to read it. */
static int epoll_set_up(struct ring_epoll *r)
{
    int err = nu_bufring_open_own(r->buffers);
    if (err != 0) {
        return err;
    }
    r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };
    if (r->epoll_fd < 0 || r->wake_fd < 0 ||
        epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, r->wake_fd, &event) != 0) {
        return -errno;
    }
    return 0;
}

static int ring_epoll_open(struct nu_ring **ringp, struct nu_bufring *buffers,
                           struct nu_timers *timers)
{
    struct ring_epoll *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return -ENOMEM;
    }
    r->ring.kind = &nu_ring_epoll;
    r->ring.nowait = true;
    r->buffers = buffers;
    r->timers = timers;
    r->epoll_fd = r->wake_fd = -1;
    r->queued = r->done = (struct queue) NO_QUEUE;
    int err = epoll_set_up(r);
    if (err != 0) {
        ring_epoll_close(&r->ring);
        ring_epoll_free(&r->ring);
        return err;
    }
    *ringp = &r->ring;
    return 0;
}

static const char *ring_epoll_setup(const struct nu_ring *ring)
{
    (void) ring;
    return "epoll";
}

const struct nu_ring_kind nu_ring_epoll = {
    .name = "epoll",
    .open = ring_epoll_open,
    .close = ring_epoll_close,
    .free = ring_epoll_free,
    .prepare = ring_epoll_prepare,
    .cancel = ring_epoll_cancel,
    .enter = ring_epoll_enter,
    .reap = ring_epoll_reap,
    .wake = ring_epoll_wake,
    .try_writev = nu_perform_writev,
    .try_send = nu_perform_writev,
    .receive_inline = true,
    .setup = ring_epoll_setup,
};
