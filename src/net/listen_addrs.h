/* SPDX-License-Identifier: MIT */
/* The addresses to listen on that a host has: one for a literal or the wildcard, all that a name
 * has, of both families, and the two loopback addresses for "localhost". Or the path of a UNIX
 * socket. */
#ifndef NU_NET_LISTEN_ADDRS_H
#define NU_NET_LISTEN_ADDRS_H

#include <nng/uring.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define NU_LISTEN_ADDRS 8 /* of one name; more are not listened on */

struct nu_listen_addrs {
    struct sockaddr_storage ss[NU_LISTEN_ADDRS]; /* each of them once */
    unsigned n;
    int family; /* as below */
    enum nng_uring_reuseport reuseport;

    /* of a UNIX socket */
    int mode;         /* the file's permissions; -1: as the umask has it */
    struct stat file; /* that was made, since it was bound */
    bool made;
};

/*
 * Finds them. `family` is AF_UNSPEC, AF_INET or AF_INET6, or AF_UNIX, where the host is a path.
 * Looks a name up, which may take its time. 0, NNG_EADDRINVAL for a name, port or path that is
 * none, NNG_ENOMEM. Any thread.
 */
int nu_listen_addrs_find(struct nu_listen_addrs *addrs, const char *host, const char *port,
                         int family);

/*
 * Has n sockets listen on each of them: fds[i * n] and those behind it are for ss[i], and -1 where
 * that is an address, or of a family, that this machine has not (a name's ::1 where there is no
 * IPv6); at least one is there. With NNG_URING_REUSEPORT_OFF they are one socket and copies of its
 * descriptor. Port 0 becomes one that is free on all of them. On error no socket
 * is left; errors are those of nu_listen_bind() and nu_unix_bind(). A UNIX socket is one, and the
 * others are copies of its descriptor. Any thread, one at a time.
 */
int nu_listen_addrs_bind(struct nu_listen_addrs *addrs, int *fds, unsigned n);

/* Makes the file of a UNIX socket, which somebody else has bound, one to be removed. NNG_ENOENT:
 * there is none. Likewise. */
int nu_listen_addrs_take(struct nu_listen_addrs *addrs);

/* Removes the file of a UNIX socket that was bound, if it is still the one that was made; again
 * does nothing. Any thread, one at a time. */
void nu_listen_addrs_leave(struct nu_listen_addrs *addrs);

#endif
