/* SPDX-License-Identifier: MIT */
#include "sim/jobs.h"

#include "base/check.h"
#include "io/bufring.h"
#include "sim/files.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/udp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

unsigned sim_rare = 50;

const char *const sim_kind_names[SIM_KINDS] = {
    [NU_OP_WRITEV] = "WRITEV",
    [NU_OP_READV] = "READV",
    [NU_OP_RECV] = "RECV",
    [NU_OP_RECV_PROVIDED] = "RECV, provided",
    [NU_OP_RECVMSG] = "RECVMSG",
    [NU_OP_SENDMSG] = "SENDMSG",
    [NU_OP_ACCEPT] = "ACCEPT",
    [NU_OP_CONNECT] = "CONNECT",
    [NU_OP_READ] = "READ",
    [NU_OP_OPEN] = "OPENAT2",
    [NU_OP_POLL] = "POLL_ADD",
    [NU_OP_POLLS] = "POLL_ADD, multishot",
    [NU_OP_HANGUP] = "POLL_ADD, hang-up",
};

#define ERRORS(...) ((const int[]){ __VA_ARGS__, 0 })

const int *const sim_kind_errors[SIM_KINDS] = {
    [NU_OP_WRITEV] =
        ERRORS(EPIPE, ECONNRESET, ENOBUFS, ENOMEM, EINTR, EAGAIN, ETIMEDOUT, EHOSTUNREACH),
    [NU_OP_READV] = ERRORS(ECONNRESET, ENOMEM, EINTR, ETIMEDOUT, EHOSTUNREACH),
    [NU_OP_RECV] = ERRORS(ECONNRESET, ENOMEM, EINTR, ETIMEDOUT, EHOSTUNREACH),
    [NU_OP_RECV_PROVIDED] = ERRORS(ECONNRESET, ENOMEM, EINTR, ENOBUFS, ETIMEDOUT, EHOSTUNREACH),
    [NU_OP_RECVMSG] = ERRORS(ENOMEM, EINTR),
    [NU_OP_SENDMSG] = ERRORS(ENOBUFS, ENOMEM, EPERM, EINTR),
    [NU_OP_ACCEPT] = ERRORS(EMFILE, ENFILE, ENOMEM, ENOBUFS, ECONNABORTED, EPROTO, EPERM, EINTR,
                            ENETDOWN, EHOSTUNREACH),
    [NU_OP_CONNECT] = ERRORS(ECONNREFUSED, ETIMEDOUT, ENETUNREACH, EHOSTUNREACH, EACCES, EPERM,
                             EADDRNOTAVAIL, ECONNRESET, EINTR, ENOMEM),
    [NU_OP_READ] = ERRORS(EIO, EAGAIN, EINTR, ENOMEM, EISDIR, EINVAL),
    [NU_OP_OPEN] = ERRORS(ENOENT, EACCES, EPERM, EMFILE, ENFILE, ENOMEM, ELOOP, EXDEV, EAGAIN,
                          EINTR, EISDIR, ENXIO, ENODEV, ENAMETOOLONG, ENOTDIR, EIO),
    [NU_OP_POLL] = ERRORS(ENOMEM, EINTR),
    [NU_OP_POLLS] = ERRORS(ENOMEM, EINTR),
    [NU_OP_HANGUP] = ERRORS(ENOMEM, EINTR),
};

static bool job_scatters(const struct sim_job *job)
{
    return job->was.kind == NU_OP_READV || job->was.kind == NU_OP_RECVMSG;
}

bool sim_job_gathers(const struct sim_job *job)
{
    return job->was.kind == NU_OP_WRITEV || job->was.kind == NU_OP_SENDMSG;
}

/* ---- Its memory --------------------------------------------------------------------------- */

#define ENDS ((size_t) 64)

static uint64_t job_sum_bytes(const uint8_t *p, size_t n, uint64_t sum)
{
    uint64_t word = n;
    for (; n >= sizeof word; p += sizeof word, n -= sizeof word) {
        memcpy(&word, p, sizeof word);
        sum = (sum ^ word) * UINT64_C(1099511628211);
    }
    memcpy(&word, p, n);
    return (sum ^ word) * UINT64_C(1099511628211);
}

/* Of what is long, its beginning and its end: who has it back uses all of it. */
uint64_t sim_job_sum(const struct sim_job *job)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    for (unsigned i = 0; i < job->niov; i++) {
        const uint8_t *p = job->iov[i].iov_base;
        size_t n = job->iov[i].iov_len;
        sum = job_sum_bytes(p, n < ENDS ? n : ENDS, sum);
        if (n > ENDS) {
            size_t last = n - ENDS < ENDS ? n - ENDS : ENDS;
            sum = job_sum_bytes(p + n - last, last, sum);
        }
    }
    return sum;
}

#ifdef NU_ASAN
#define MARKED 0xf7 /* what ASan's shadow has for memory that was poisoned by hand */

/* Freed meanwhile, it has another mark. */
__attribute__((no_sanitize("address"))) static void job_check_mark(const uint8_t *p, size_t n)
{
    size_t scale, offset;
    __asan_get_shadow_mapping(&scale, &offset);
    uintptr_t whole = ((uintptr_t) p + 7) / 8;
    if (whole * 8 + 8 <= (uintptr_t) p + n) {
        sim_check(((const uint8_t *) offset)[whole] == MARKED,
                  "memory was freed while the kernel had it");
    }
}

static void job_mark_bytes(void *p, size_t n, bool kernels)
{
    if (kernels) {
        __asan_poison_memory_region(p, n);
    } else {
        job_check_mark(p, n);
        __asan_unpoison_memory_region(p, n);
    }
}

void sim_job_mark(const struct sim_job *job, bool kernels)
{
    if (job->was.kind == NU_OP_RECV || job->was.kind == NU_OP_READ) {
        job_mark_bytes(job->was.arg.buf.base, job->was.arg.buf.len, kernels);
    }
    for (unsigned i = 0; job_scatters(job) && i < job->niov; i++) {
        job_mark_bytes(job->iov[i].iov_base, job->iov[i].iov_len, kernels);
    }
}
#else
void sim_job_mark(const struct sim_job *job, bool kernels)
{
    (void) job, (void) kernels;
}
#endif

/* Its memory is the kernel's until now. */
void sim_job_check_memory(const struct sim_job *job)
{
    sim_check(job->op->state == NU_OP_KERNEL, "an op is not the kernel's, which works on it");
    sim_check(job->op->kind == job->was.kind && job->op->fd == job->was.fd,
              "an op was changed under way");
    if (sim_job_gathers(job)) {
        sim_check(sim_job_sum(job) == job->sum, "bytes were changed while they were being written");
    } else if (job->was.kind == NU_OP_RECV || job->was.kind == NU_OP_READ) {
        volatile uint8_t *p = job->was.arg.buf.base; /* ASan knows whether it is there */
        p[0] = p[0];
        p[job->was.arg.buf.len - 1] = p[job->was.arg.buf.len - 1];
    } else if (job_scatters(job)) {
        for (unsigned i = 0; i < job->niov; i++) {
            volatile uint8_t *p = job->iov[i].iov_base;
            if (job->iov[i].iov_len > 0) {
                p[0] = p[0];
            }
        }
    }
}

bool sim_job_due(const struct sim_job *job)
{
    return job->state == SIM_JOB_WAITING && job->deadline <= sim_time;
}

/* ---- Doing -------------------------------------------------------------------------------- */

#define WAIT ((struct sim_outcome){ .wait = true })

static struct sim_outcome job_result(ssize_t n)
{
    return n == -EAGAIN ? WAIT : (struct sim_outcome){ .res = (int) n };
}

struct sim_outcome sim_job_writev(struct sim_job *job)
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
            return (struct sim_outcome){ .res = -EAGAIN };
        }
        if (n < 0) {
            return job_result(n);
        }
        total += n;
        if ((size_t) n < job->iov[i].iov_len) {
            break;
        }
    }
    return (struct sim_outcome){ .res = (int) total };
}

struct sim_outcome sim_job_readv(struct sim_job *job)
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
            return job_result(n);
        }
        total += n;
        if ((size_t) n < job->iov[i].iov_len) {
            break;
        }
    }
    return (struct sim_outcome){ .res = (int) total };
}

static struct sim_outcome job_recv(struct sim_job *job, void *p, size_t n)
{
    struct sim_outcome outcome = job_result(sim_recv(job->sock, p, n, false));
    if (!outcome.wait && outcome.res > 0 && job->sock->in.len > 0) {
        outcome.flags = NU_OP_F_NONEMPTY;
    }
    return outcome;
}

static struct sim_outcome job_recv_provided(struct sim_job *job, struct nu_bufring *buffers)
{
    uint32_t flags;
    if (!sim_readable(job->sock)) {
        return WAIT;
    }
    if (sim_chance(sim_rare) || !nu_bufring_pick(buffers, &flags)) {
        return (struct sim_outcome){ .res = -ENOBUFS };
    }
    uint8_t *buffer = nu_bufring_take(buffers, flags);
    struct sim_outcome outcome = job_recv(job, buffer, NU_BUFRING_SIZE);
    if (outcome.wait || (outcome.res <= 0 && sim_chance(2))) {
        nu_bufring_give(buffers, buffer);
    } else {
        outcome.flags |= flags; /* also with an end or an error, now and then */
    }
    return outcome;
}

static struct sim_outcome job_accept(struct sim_job *job)
{
    if (job->sock->shut_read) {
        return (struct sim_outcome){ .res = -EINVAL };
    }
    if (job->sock->nqueue > 0 && sim_chance(sim_rare)) {
        return (struct sim_outcome){ .res = sim_chance(2) ? -EMFILE : -ECONNABORTED };
    }
    if (job->sock->nqueue > 0 && !sim_has_room()) {
        return (struct sim_outcome){ .res = -EMFILE };
    }
    struct sim_sock *made = sim_accept(job->sock);
    if (made == NULL) {
        return WAIT;
    }
    return (struct sim_outcome){ made->fd, sim_chance(sim_rare) ? 0 : NU_OP_F_MORE, false };
}

static struct sim_outcome job_connect(struct sim_job *job)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *) job->was.arg.addr.sa;
    struct sim_sock *listener = sim_listener(ntohs(in->sin_port));
    if (sim_time < job->ready_at) {
        return WAIT;
    }
    if (listener == NULL) {
        return (struct sim_outcome){ .res = -ECONNREFUSED };
    }
    if (listener->nqueue >= listener->backlog) {
        job->ready_at = sim_time + 1000000;
        return WAIT;
    }
    sim_connect(job->sock, listener);
    return (struct sim_outcome){ .res = 0 };
}

static int job_polled(const struct sim_job *job)
{
    const struct sim_sock *sock = job->sock;
    bool room = job->was.kind != NU_OP_HANGUP && sim_writable(sock);
    return (room ? POLLOUT : 0) | (sock->fin_in ? POLLRDHUP : 0) |
           (sock->error != 0 ? POLLERR : 0) | (sock->reset ? POLLHUP : 0);
}

/* It says what is new, all that there is with it, and now and then nothing more after that. */
static struct sim_outcome job_polls(struct sim_job *job)
{
    int now = job_polled(job);
    if ((now & ~job->told) == 0) {
        return WAIT;
    }
    job->told = now;
    return (struct sim_outcome){ .res = now, .flags = sim_chance(sim_rare) ? 0 : NU_OP_F_MORE };
}

/* A file that cannot say "it would block" refuses once, if it was asked not to wait. */
static struct sim_outcome job_read(const struct sim_job *job)
{
    if (job->sock->nonblocking && sim_chance(sim_rare)) {
        return (struct sim_outcome){ .res = -EAGAIN };
    }
    ssize_t n = sim_file_read(job->sock, job->was.arg.buf.base, job->was.arg.buf.len,
                              job->was.arg.buf.offset);
    return (struct sim_outcome){ .res = (int) n };
}

static struct sim_outcome job_open(const struct sim_job *job)
{
    int fd = sim_file_open(job->was.fd, job->was.arg.open.path);
    if (fd >= 0) {
        sim_sock(fd)->nonblocking = (job->was.arg.open.how.flags & O_NONBLOCK) != 0;
    }
    return (struct sim_outcome){ .res = fd };
}

struct sim_outcome sim_job_perform(struct sim_job *job, struct nu_bufring *buffers)
{
    switch (job->was.kind) {
    case NU_OP_WRITEV:
        return sim_job_writev(job);
    case NU_OP_READV:
        return sim_job_readv(job);
    case NU_OP_RECV:
        return job_recv(job, job->was.arg.buf.base, job->was.arg.buf.len);
    case NU_OP_RECV_PROVIDED:
        return job_recv_provided(job, buffers);
    case NU_OP_ACCEPT:
        return job_accept(job);
    case NU_OP_CONNECT:
        return job_connect(job);
    case NU_OP_POLL:
        return job_polled(job) != 0 ? (struct sim_outcome){ .res = job_polled(job) } : WAIT;
    case NU_OP_POLLS:
    case NU_OP_HANGUP:
        return job_polls(job);
    case NU_OP_RECVMSG:
        return job_result(sim_udp_recv(job->sock, job->was.arg.msg));
    case NU_OP_SENDMSG:
        return job_result(sim_udp_send(job->sock, job->was.arg.msg));
    case NU_OP_READ:
        return job_read(job);
    case NU_OP_OPEN:
        return job_open(job);
    }
    sim_fail("an operation of kind %d", (int) job->was.kind);
}

/* Its socket says that it is worth a try. What a peer's FIN wakes is, for a write, in vain. */
bool sim_job_ready(const struct sim_job *job)
{
    if (job->state != SIM_JOB_WAITING) {
        return false;
    }
    switch (job->was.kind) {
    case NU_OP_WRITEV:
        return sim_writable(job->sock);
    case NU_OP_POLL:
        return job_polled(job) != 0;
    case NU_OP_POLLS:
    case NU_OP_HANGUP:
        return (job_polled(job) & ~job->told) != 0;
    case NU_OP_CONNECT:
        return sim_time >= job->ready_at;
    case NU_OP_SENDMSG:
    case NU_OP_READ:
    case NU_OP_OPEN:
        return true;
    default:
        return sim_readable(job->sock);
    }
}

bool sim_job_hot(const struct sim_job *job)
{
    return sim_job_ready(job) || (job->was.kind == NU_OP_WRITEV && job->sock->fin_in);
}
