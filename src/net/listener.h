/* SPDX-License-Identifier: MIT */
/*
 * Listening: one socket, one multishot accept, one loop. A server has one of these on each loop
 * for each of its addresses; the kernel spreads the connections.
 */
#ifndef NU_NET_LISTENER_H
#define NU_NET_LISTENER_H

#include "base/clock.h"
#include "io/loop.h"
#include "io/op.h"

#include <sys/socket.h>

/* How long who listens waits for an address that is in use: the sockets of a process that was
 * killed go with its ring, a little after it. */
#define NU_IN_USE_WAIT NU_SECOND

/* Who else accepts from a socket. Then they take turns, where the kernel lets them. */
enum nu_sharing {
    NU_SHARED_WITH_NOBODY,
    NU_SHARED_BY_LOOPS,    /* of this process, and its end is the end for all */
    NU_SHARED_WITH_OTHERS, /* who is in its queue at the end is theirs */
};

struct nu_listener {
    struct nu_loop *loop;
    void *user; /* whose it is */
    int fd;
    struct nu_op op;
    struct nu_timer pause; /* armed while accepting waits for descriptors or memory to come back */
    bool stopping;
    bool shared;  /* the socket goes on listening without us: set before it is told to stop */
    bool emptied; /* what its accept still brings while stopping counts, too */
    bool full;    /* the callee wants no more for now */
    bool (*may_accept)(struct nu_listener *listener);       /* NULL: always */
    void (*accepted)(struct nu_listener *listener, int fd); /* the socket is the callee's */
    void (*gone)(struct nu_listener *listener);             /* the last call; the memory may go */
};

/*
 * Binds n sockets to one address and has them listen; a port of 0 becomes the same port for all,
 * written back to *ss. An IPv6 wildcard takes IPv4 connections too, unless `only6`. Unless others
 * may `join`, the first bind excludes them, so an address in use is NNG_EADDRINUSE. Other errors:
 * NNG_EADDRINVAL, NNG_EPERM, NNG_ENOFILES, NNG_ENOMEM. Any thread.
 */
int nu_listen_bind(int *fds, unsigned n, struct sockaddr_storage *ss, bool only6, bool join);

/* Takes a listening socket over; `accepted` and `gone` are set. Any thread. */
void nu_listener_init(struct nu_listener *listener, struct nu_loop *loop, int fd);

/* Somebody else accepts from the socket, too. Before it is started. */
void nu_listener_share(struct nu_listener *listener, enum nu_sharing sharing);

/* Starts accepting. Owner only. */
void nu_listener_start(struct nu_listener *listener);

/* It may be that there is room again: not to wait for the next look. Owner only. */
void nu_listener_look(struct nu_listener *listener);

/* Ends the listening itself, so that the address is free at once; to be followed by
 * nu_listener_stop(). Any thread. */
void nu_listener_shut(struct nu_listener *listener);

/* Accepts all that has connected, and ends the listening; to be followed by nu_listener_stop().
 * Owner only. */
void nu_listener_empty(struct nu_listener *listener);

/* Stops accepting; `gone` is called when the kernel has let go. Owner only, once. */
void nu_listener_stop(struct nu_listener *listener);

#endif
