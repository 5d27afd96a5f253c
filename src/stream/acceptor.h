/* SPDX-License-Identifier: MIT */
/*
 * What a stream listener does on its loop: sockets that come in become streams, and streams and
 * accepts find each other, first come first served. It lives on one loop; it goes by itself when it
 * was closed and the kernel has let go of its sockets.
 */
#ifndef NU_STREAM_ACCEPTOR_H
#define NU_STREAM_ACCEPTOR_H

#include "io/aio.h"
#include "net/listen_addrs.h"
#include "net/listener.h"
#include "stream/bytes.h"

#define NU_ACCEPTOR_READY                                                                          \
    128                       /* streams that wait to be accepted: more are left in the kernel,    \
                               * but for those that it has handed over already */
#define NU_ACCEPTOR_HANDED 16 /* sockets that were handed over and wait */

struct nu_acceptor {
    struct nu_loop *loop;                                       /* constant */
    void (*params)(void *user, struct nu_bytes_params *params); /* constant; what to make of one */
    void (*gone)(void *user);                                   /* the last call */
    void *user;

    struct nu_mutex lock;

    /* under lock */
    bool closed;
    bool posted;                    /* `work` is */
    struct nu_list accepts;         /* aios */
    nng_stream **ready;             /* a ring */
    unsigned first, nready, nspace; /* of it */
    int handed[NU_ACCEPTOR_HANDED];
    unsigned nhanded;
    unsigned making; /* of those, taken to be made into streams */

    /* the owner's alone */
    bool started, stopping;
    unsigned nlisteners, open; /* sockets, and those of them that the kernel has */
    struct nu_listener listeners[NU_LISTEN_ADDRS];
    struct nu_task work;
    struct nu_loop_hook hook;
};

/* Takes over n listening sockets (maybe none). `params`, `gone` and `user` are set. Any thread. */
void nu_acceptor_start(struct nu_acceptor *acceptor, struct nu_loop *loop, const int *fds,
                       unsigned n);

/* For a begun aio. Any thread. */
void nu_acceptor_accept(struct nu_acceptor *acceptor, nng_aio *aio);

/* Hands a connected socket over. NNG_ENOSPC, NNG_ECLOSED: it is still the caller's. Any thread. */
int nu_acceptor_hand(struct nu_acceptor *acceptor, int fd);

/* Ends it; `gone` follows. Any thread, once. */
void nu_acceptor_close(struct nu_acceptor *acceptor);

#endif
