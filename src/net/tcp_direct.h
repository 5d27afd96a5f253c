/* SPDX-License-Identifier: MIT */
/*
 * A connection whose reads are received by the threads that wait for them (nng_aio_wait()), as
 * writes are tried by the threads that want them: one switch of threads fewer for each, and the
 * loop's owner sleeps through.
 *
 * Such a read is in the queue, but neither the kernel nor the owner works for it until its thread
 * waits: that thread then has the connection's reads (NU_TCP_READ_DIRECT), polls without the lock
 * and receives with it. It holds no buffer while it polls, so whoever ends its read (a
 * cancellation, a close) takes the reads back at once and tells it by an eventfd. The connection
 * stays open until it has left.
 *
 * It is the connection's habit, not a promise: the owner takes everything over again with the first
 * read that cannot be received so (of an aio with a callback, behind another, for a short time).
 * And it looks every now and then, and does so once nothing was begun in between: for a read that
 * nobody waits for above all, but also for one that takes long, whose thread then sleeps.
 */
#ifndef NU_NET_TCP_DIRECT_H
#define NU_NET_TCP_DIRECT_H

#include "net/tcp.h"

struct nu_tcp_direct {
    struct nu_tcp *tcp;          /* constant */
    int wake_fd;                 /* constant; an eventfd */
    struct nu_aio_helper helper; /* at most one thread at a time */
    struct nu_timer look;        /* the owner's alone */

    /* under the stream's lock */
    unsigned begun; /* reads that were begun so since the owner last looked */
    bool over;      /* the owner has taken over; freed when no thread is in it */
    bool released;  /* the read of the thread that is in it has ended, or is the owner's */
};

/* All of these with the stream's lock held. */

/* Begins it, if there is memory and a descriptor. Owner. */
void nu_tcp_direct_begin(struct nu_tcp *tcp, nu_aio_help help);

/* Whether it is a read for this, as far as the aio says. */
bool nu_tcp_direct_suits(const nng_aio *aio);

/* Whether a read can be begun so, by a thread that is not the owner. */
bool nu_tcp_direct_free_for(const struct nu_tcp *tcp, const nng_aio *aio);

/* Has whoever waits for it receive for it. For one that is not scheduled yet. */
void nu_tcp_direct_offer(struct nu_tcp *tcp, nng_aio *aio);

/* Waits, without the lock meanwhile, until there may be something to receive, the read is not the
 * calling thread's any more (false), or `until`. */
bool nu_tcp_direct_wait(struct nu_tcp *tcp, uint64_t until);

/* Takes the reads back from the thread that has them. */
void nu_tcp_direct_release(struct nu_tcp *tcp);

/* Has the owner take over. Any thread. */
void nu_tcp_direct_end(struct nu_tcp *tcp);

/* The last that a thread does which has helped. */
void nu_tcp_direct_leave(struct nu_tcp *tcp);

/* Whether it is over: then nobody but the owner begins to receive. Frees it as soon as no thread is
 * in it. Owner. */
bool nu_tcp_direct_over(struct nu_tcp *tcp);

/* Whether no thread is in it, so that the descriptor can be closed: then frees it. No read is
 * queued. Owner. */
bool nu_tcp_direct_free(struct nu_tcp *tcp);

#endif
