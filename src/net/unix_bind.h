/* SPDX-License-Identifier: MIT */
/* A UNIX socket that listens. */
#ifndef NU_NET_UNIX_BIND_H
#define NU_NET_UNIX_BIND_H

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/*
 * Binds a socket and has it listen. Where `un` is a path, `mode` (-1: as the umask has it) are its
 * permissions before anybody can connect, and a socket whose server is gone gives way; a file that
 * is no socket stays, and the address is in use. Of several at once, in whatever process, one has
 * the path: both functions hold the lock of its directory (flock()), for which they wait, but for
 * five seconds at most, and fifty milliseconds on a loop. Of an abstract socket without a name the
 * kernel's choice is written to *un and *len. *file says which file was made. NNG_EADDRINUSE,
 * NNG_EADDRINVAL, NNG_EPERM, NNG_ENOENT, NNG_ENOFILES, NNG_ENOMEM. Any thread.
 */
int nu_unix_bind(int *fdp, struct sockaddr_un *un, socklen_t *len, int mode, struct stat *file);

/* Removes the file, if it is still the one that was made. To be called while the socket is open,
 * lest another file have its number. */
void nu_unix_remove(const struct sockaddr_un *un, const struct stat *file);

#endif
