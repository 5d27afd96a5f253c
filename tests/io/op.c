/* SPDX-License-Identifier: MIT */
/* Ops on a running loop. Everything the tests do with them, they do on its owner. */
#include "io/op.h"

#include "base/clock.h"
#include "io/loop.h"
#include "support/owner.h"
#include "support/peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY 3000 /* more than a ring has room for */

struct one {
    struct nu_op op;
    int res;
    atomic_int ends;
};

static struct nu_loop *loop;
static int fds[2];
static struct one all[MANY];
static char byte;
static struct iovec iov[8]; /* a byte in eight entries */
static atomic_int ended;

static void open_all(void)
{
    loop = t_a_loop(0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    iov[7] = (struct iovec){ &byte, 1 };
    for (int i = 0; i < 7; i++) {
        iov[i] = (struct iovec){ &byte, 0 };
    }
}

static void close_all(void)
{
    close(fds[0]);
    close(fds[1]);
    nng_fini();
}

TestSuite(op, .init = open_all, .fini = close_all, .timeout = 30);

static void done(struct nu_op *op, int res, uint32_t flags)
{
    struct one *one = (struct one *) op;
    (void) flags;
    cr_assert_eq(op->state, NU_OP_IDLE);
    cr_assert_eq(nu_loop_self(), loop);
    one->res = res;
    atomic_fetch_add(&one->ends, 1);
    atomic_fetch_add(&ended, 1);
}

static void await_ends(int n)
{
    while (atomic_load(&ended) < n) {
        usleep(200);
    }
}

/* ---- Receiving ---------------------------------------------------------------------------- */

static void receive(struct one *one)
{
    nu_op_init(&one->op, loop, done);
    one->op.kind = NU_OP_RECV;
    one->op.fd = fds[0];
    one->op.arg.buf.base = &byte;
    one->op.arg.buf.len = 1;
    nu_op_submit(&one->op);
}

static void receive_many(void *arg)
{
    for (int i = 0; i < *(int *) arg; i++) {
        receive(&all[i]);
    }
}

static void cancel_many(void *arg)
{
    for (int i = 0; i < *(int *) arg; i++) {
        nu_op_cancel(&all[i].op);
        nu_op_cancel(&all[i].op); /* once more is once too often, and does no harm */
    }
}

Test(op, done_once)
{
    int n = 1;
    t_run_on(loop, receive_many, &n);
    cr_assert_eq(atomic_load(&ended), 0);
    cr_assert_eq(send(fds[1], "x", 1, 0), 1);
    await_ends(1);
    cr_assert_eq(all[0].res, 1);
    cr_assert_eq(byte, 'x');
    t_run_on(loop, cancel_many, &n); /* idle: nothing happens */
    cr_assert_eq(atomic_load(&ended), 1);
}

static void done_and_turn(struct nu_op *op, int res, uint32_t flags)
{
    done(op, res, flags);
    for (int i = 0; i < 10 && atomic_load(&all[1].ends) == 0; i++) {
        nu_loop_wake(loop); /* it is not to sleep */
        nu_loop_iterate(loop);
    }
    all[2].res = atomic_load(&all[1].ends);
}

static void receive_two_at_once(void *arg)
{
    (void) arg;
    cr_assert_eq(send(fds[1], "xy", 2, 0), 2);
    receive(&all[0]);
    receive(&all[1]);
    all[0].op.done = done_and_turn;
}

/* A handler that is called within a completion may wait, for what was collected with it as well. */
Test(op, done_that_turns_the_loop)
{
    t_run_on(loop, receive_two_at_once, NULL);
    await_ends(2);
    t_run_on(loop, cancel_many, &(int){ 0 }); /* it has returned */
    cr_assert_eq(all[2].res, 1);
}

/* Any number at once, whatever the size of the ring, and each of them cancelled. */
Test(op, more_than_the_ring_holds)
{
    int n = MANY;
    t_run_on(loop, receive_many, &n);
    t_run_on(loop, cancel_many, &n);
    await_ends(MANY);
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(all[i].res, -ECANCELED);
        cr_assert_eq(atomic_load(&all[i].ends), 1);
    }
}

static void receive_and_cancel(void *arg)
{
    receive_many(arg);
    cancel_many(arg);
}

/* Cancelled before the kernel has even seen them. */
Test(op, cancelled_at_once)
{
    int n = MANY;
    t_run_on(loop, receive_and_cancel, &n);
    await_ends(MANY);
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(all[i].res, -ECANCELED);
    }
}

/* ---- Writing ------------------------------------------------------------------------------ */

static void write_with(struct one *one, uint64_t deadline)
{
    nu_op_init(&one->op, loop, done);
    one->op.kind = NU_OP_WRITEV;
    one->op.fd = fds[0];
    one->op.arg.vec = (struct nu_op_vec){ iov, 8, 0 };
    one->op.deadline = deadline;
    nu_op_submit(&one->op);
}

static void write_many(void *arg)
{
    uint64_t deadline = nu_now() + *(uint64_t *) arg;
    for (int i = 0; i < MANY; i++) {
        write_with(&all[i], deadline);
    }
}

static void fill_up(void)
{
    static const char zeros[4096];
    while (send(fds[0], zeros, sizeof zeros, MSG_DONTWAIT) > 0) {
    }
    while (send(fds[0], zeros, 1, MSG_DONTWAIT) > 0) {
    }
}

/* Each with a timeout linked to it, which is two entries, and eight of the vector's. */
Test(op, writes_that_expire)
{
    uint64_t patience = 50 * NU_MS, start = nu_now();
    fill_up();
    t_run_on(loop, write_many, &patience);
    await_ends(MANY);
    cr_assert_geq(nu_now(), start + patience);
    for (int i = 0; i < MANY; i++) {
        cr_assert(all[i].res == -ECANCELED || all[i].res == -EINTR, "%d", all[i].res);
    }
}

Test(op, writes_in_time)
{
    static char bytes[MANY];
    uint64_t patience = 60 * NU_SECOND;
    t_run_on(loop, write_many, &patience);
    cr_assert_eq(recv(fds[1], bytes, MANY, MSG_WAITALL), MANY);
    await_ends(MANY);
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(all[i].res, 1);
    }
}

/* A deadline that has passed before it begins ends a write that would have to wait. */
Test(op, late_write)
{
    uint64_t none = 0;
    fill_up();
    t_run_on(loop, write_many, &none);
    await_ends(MANY);
    for (int i = 0; i < MANY; i++) {
        cr_assert(all[i].res == -ECANCELED || all[i].res == -EINTR, "%d", all[i].res);
    }
}

#define PAIRS 256 /* with one entry before them, they leave a ring of 512 one entry for two */

static void receive_and_write(void *arg)
{
    uint64_t deadline = nu_now() + *(uint64_t *) arg;
    nu_loop_flush(loop);
    receive(&all[0]);
    for (int i = 1; i <= PAIRS; i++) {
        write_with(&all[i], deadline);
    }
}

/* A write and its timeout go together or wait together: one free entry is not enough for both. */
Test(op, one_entry_is_too_few)
{
    uint64_t patience = 30 * NU_MS;
    fill_up();
    t_run_on(loop, receive_and_write, &patience);
    await_ends(PAIRS);
    cr_assert_eq(atomic_load(&all[0].ends), 0);
    for (int i = 1; i <= PAIRS; i++) {
        cr_assert(all[i].res == -ECANCELED || all[i].res == -EINTR, "%d: %d", i, all[i].res);
    }
    int n = 1;
    t_run_on(loop, cancel_many, &n);
    await_ends(PAIRS + 1);
}

static void write_eight(void *arg)
{
    uint64_t deadline = nu_now() + *(uint64_t *) arg;
    for (int i = 0; i < 8; i++) {
        write_with(&all[i], deadline);
    }
}

/* The kernel takes the end of what the peer sends for room, tries again, and then knows the write
 * nowhere for a moment, in which its timeout finds nothing: it must be kept all the same. */
Test(op, late_when_half_closed)
{
    uint64_t patience[] = { 0, NU_MS, 20 * NU_MS };
    fill_up();
    cr_assert_eq(shutdown(fds[1], SHUT_WR), 0);
    for (int round = 0; round < 60; round++) {
        atomic_store(&ended, 0);
        t_run_on(loop, write_eight, &patience[round % 3]);
        await_ends(8);
        for (int i = 0; i < 8; i++) {
            cr_assert(all[i].res == -ECANCELED || all[i].res == -EINTR, "%d", all[i].res);
        }
    }
}
