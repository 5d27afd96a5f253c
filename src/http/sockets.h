/* SPDX-License-Identifier: MIT */
/* Listening sockets that a server was given, and that others may have, too: systemd, or the process
 * that takes over. Under the server's lock. */
#ifndef NU_HTTP_SOCKETS_H
#define NU_HTTP_SOCKETS_H

struct nu_sockets {
    int *fds; /* owned */
    unsigned n;
};

/* Takes one over. NNG_EINVAL: it is no socket that listens for streams; NNG_ENOMEM: no memory. */
int nu_sockets_add(struct nu_sockets *sockets, int fd);

/* Duplicates: fds[i] for i below `n` and below sockets->n, each socket at least once. NNG_ENOFILES.
 */
int nu_sockets_share(const struct nu_sockets *sockets, int *fds, unsigned n);

void nu_sockets_close(struct nu_sockets *sockets);

#endif
