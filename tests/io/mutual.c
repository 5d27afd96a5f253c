/* SPDX-License-Identifier: MIT */
/*
 * The rings judge each other: the same random operations on socket pairs, with small buffers, ends,
 * cancellations and deadlines, have the same outcomes on io_uring and on epoll.
 * NNG_URING_MUTUAL_ROUNDS asks for a long run, and make mutual for one of 100,000.
 */
#include "base/clock.h"
#include "io/features.h"
#include "io/loop.h"
#include "io/op.h"
#include "io/ring_epoll.h"
#include "io/ring_uring.h"
#include "support/owner.h"
#include "support/random.h"
#include "support/scale.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS ((unsigned) NU_TIMES(1000))
#define STEPS 24
#define BYTES 20000
#define PATIENCE (100 * NU_SECOND) /* for outcomes to become the same */

enum { WRITER, READER, OPS };
enum { WRITE, TRY_WRITE, LATE_WRITE, READ, READ_OWN, CANCEL, SAY, HEAR, SHUT, LEAVE, ACTIONS };

/* What is the same in both worlds. */
struct outcome {
    bool busy[OPS];
    int res[OPS];
};

struct world {
    struct nu_loop *loop;
    int fds[2]; /* ours, the peer's; -1 when it has left */
    struct nu_op ops[OPS];
    struct outcome outcome;
    bool half_closed;
    int action;
    size_t size;
    struct iovec iov;
    uint8_t bytes[BYTES];
};

static struct world worlds[2];

/* What the outcome table takes for the same. A reset is told once, to whoever asks first. */
static int same(const struct world *w, int res, bool reader)
{
    if (res == -EINTR) {
        return -ECANCELED;
    }
    return res == -EPIPE || (res == 0 && reader && w->fds[1] < 0) ? -ECONNRESET : res;
}

static void done(struct nu_op *op, int res, uint32_t flags)
{
    struct world *w = op->loop == worlds[0].loop ? &worlds[0] : &worlds[1];
    size_t i = (size_t) (op - w->ops);
    if ((flags & NU_OP_F_BUFFER) != 0) {
        nu_bufring_give(&w->loop->buffers, nu_bufring_take(&w->loop->buffers, flags));
    }
    cr_assert(w->outcome.busy[i]);
    w->outcome.busy[i] = false;
    w->outcome.res[i] = same(w, res, i == READER);
}

static void submit_write(struct world *w)
{
    struct nu_op *op = &w->ops[WRITER];
    if (w->outcome.busy[WRITER]) {
        return;
    }
    w->iov = (struct iovec){ w->bytes, w->size };
    op->kind = NU_OP_WRITEV;
    op->arg.vec = (struct nu_op_vec){ &w->iov, 1, 0 };
    op->rw_flags =
        w->action == TRY_WRITE || (w->half_closed && w->action == WRITE) ? RWF_NOWAIT : 0;
    op->deadline = w->action == LATE_WRITE ? nu_now() - 1 : NU_NEVER;
    w->outcome.busy[WRITER] = true;
    nu_op_submit(op);
}

static void submit_read(struct world *w)
{
    struct nu_op *op = &w->ops[READER];
    if (w->outcome.busy[READER]) {
        return;
    }
    op->kind = w->action == READ ? NU_OP_RECV_PROVIDED : NU_OP_RECV;
    op->arg.buf.base = w->bytes;
    op->arg.buf.len = w->size;
    w->outcome.busy[READER] = true;
    nu_op_submit(op);
}

static void act_as_peer(struct world *w)
{
    int fd = w->fds[1];
    switch (w->action) {
    case SAY:
        (void) !send(fd, w->bytes, w->size, MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
    case HEAR:
        (void) !recv(fd, w->bytes, w->size, MSG_DONTWAIT);
        break;
    case SHUT: /* the kernel may give a thread to a write that waits then, which takes its time */
        if (!w->outcome.busy[WRITER]) {
            shutdown(fd, SHUT_WR);
            w->half_closed = true;
        }
        break;
    default:
        close(fd);
        w->fds[1] = -1;
        break;
    }
}

static void act(void *arg)
{
    struct world *w = arg;
    if (w->action <= LATE_WRITE) {
        submit_write(w);
    } else if (w->action <= READ_OWN) {
        submit_read(w);
    } else if (w->action == CANCEL) {
        nu_op_cancel(&w->ops[w->size % OPS]);
    } else if (w->fds[1] >= 0) {
        act_as_peer(w);
    }
}

static void open_pair(void *arg)
{
    struct world *w = arg;
    int size = 4096;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w->fds), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(setsockopt(w->fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
        nu_op_init(&w->ops[i], w->loop, done);
        w->ops[i].fd = w->fds[0];
    }
    memset(&w->outcome, 0, sizeof w->outcome);
    w->half_closed = false;
}

static void cancel_all(void *arg)
{
    struct world *w = arg;
    nu_op_cancel(&w->ops[WRITER]);
    nu_op_cancel(&w->ops[READER]);
}

static struct outcome snapshot[2];

static void look(void *arg)
{
    struct world *w = arg;
    snapshot[w - worlds] = w->outcome;
}

/* Waits until both say the same. */
static void settle(unsigned seed, int step)
{
    uint64_t until = nu_now() + PATIENCE;
    for (int i = 0; i < 3 || memcmp(&snapshot[0], &snapshot[1], sizeof snapshot[0]) != 0; i++) {
        t_run_on(worlds[0].loop, look, &worlds[0]);
        t_run_on(worlds[1].loop, look, &worlds[1]);
        cr_assert_lt(nu_now(), until,
                     "seed %u, step %d, action %d: write %d/%d %d/%d, read %d/%d "
                     "%d/%d",
                     seed, step, worlds[0].action, snapshot[0].busy[WRITER],
                     snapshot[1].busy[WRITER], snapshot[0].res[WRITER], snapshot[1].res[WRITER],
                     snapshot[0].busy[READER], snapshot[1].busy[READER], snapshot[0].res[READER],
                     snapshot[1].res[READER]);
        if (i > 3) {
            usleep(100);
        }
    }
}

static void both(void (*fn)(void *arg))
{
    t_run_on(worlds[0].loop, fn, &worlds[0]);
    t_run_on(worlds[1].loop, fn, &worlds[1]);
}

static void play(unsigned seed)
{
    unsigned number = seed;
    both(open_pair);
    for (int step = 0; step < STEPS; step++) {
        int action = (int) t_random(&number, step < STEPS / 2 ? SHUT : ACTIONS);
        size_t size = 1 + t_random(&number, BYTES - 1);
        for (int i = 0; i < 2; i++) {
            worlds[i].action = action;
            worlds[i].size = size;
        }
        both(act);
        settle(seed, step);
    }
    both(cancel_all);
    settle(seed, STEPS);
    for (int i = 0; i < 2; i++) {
        cr_assert_not(snapshot[i].busy[WRITER] || snapshot[i].busy[READER]);
        close(worlds[i].fds[0]);
        if (worlds[i].fds[1] >= 0) {
            close(worlds[i].fds[1]);
        }
    }
}

Test(mutual, same_outcomes, .timeout = 0)
{
    const char *wanted = getenv("NNG_URING_MUTUAL_ROUNDS");
    unsigned rounds = wanted != NULL ? (unsigned) strtoul(wanted, NULL, 10) : ROUNDS;
    struct nu_loop *loops[2];
    if (nu_features_find() != 0 || !nu_has(NU_HAS_NOWAIT)) {
        cr_skip_test("this kernel has no io_uring, or none to compare with");
    }
    cr_assert_eq(nu_loop_start(&loops[0], 0, &nu_ring_uring), 0);
    cr_assert_eq(nu_loop_start(&loops[1], 1, &nu_ring_epoll), 0);
    worlds[0].loop = loops[0];
    worlds[1].loop = loops[1];
    for (unsigned seed = 1; seed <= rounds; seed++) {
        play(seed);
    }
    if (wanted != NULL) {
        printf("%u sequences have had the same outcomes on both\n", rounds);
    }
    nu_loop_stop(loops, 2);
    nu_loop_free(loops[0]);
    nu_loop_free(loops[1]);
}
