/* SPDX-License-Identifier: MIT */
/* Connecting: a name or literal address to a connected TCP socket, without blocking anybody. */
#ifndef NU_NET_DIALER_H
#define NU_NET_DIALER_H

#include "io/aio.h"

#include <sys/socket.h>

/* Who dials. */
struct nu_dial_user {
    /* Makes an object of a connected socket, which is its own from here on, whether or not it
     * succeeds. 0 or an NNG error. Owner of `loop`. */
    int (*dialed)(void *arg, struct nu_loop *loop, int fd, void **made);
    int (*prepare)(void *arg, int fd); /* before a socket connects; 0 or an NNG error; or NULL */
    void (*drop)(void *arg); /* the last call, before the aio finishes, however the dial has ended;
                              * NULL: there is nothing to do */
    void *arg;
};

/*
 * Tries the addresses of host and port (both copied) in the resolver's order, the families in
 * turns; the next one when one has failed, or beside it after 250 ms (RFC 8305). The first to
 * answer is taken, the others are given up. The aio is begun; it finishes with what `dialed` made
 * as its output 0, or with the error of the last address to fail, and then no other socket is left.
 * `family` is AF_UNSPEC, AF_INET or AF_INET6. Any thread.
 */
void nu_dial(nng_aio *aio, struct nu_loop *loop, const char *host, const char *port, int family,
             const struct nu_dial_user *user);

/* The same for one address of any family. */
void nu_dial_address(nng_aio *aio, struct nu_loop *loop, const struct sockaddr *sa, socklen_t len,
                     const struct nu_dial_user *user);

#endif
