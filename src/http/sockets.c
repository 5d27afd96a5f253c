/* SPDX-License-Identifier: MIT */
#include "http/sockets.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <nng/nng.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int sockets_option(int fd, int option)
{
    int value = 0;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : 0;
}

int nu_sockets_add(struct nu_sockets *sockets, int fd)
{
    if (sockets_option(fd, SO_TYPE) != SOCK_STREAM || sockets_option(fd, SO_ACCEPTCONN) == 0) {
        return NNG_EINVAL;
    }
    int *fds = realloc(sockets->fds, (sockets->n + 1) * sizeof *fds);
    if (fds == NULL) {
        return NNG_ENOMEM;
    }
    (void) fcntl(fd, F_SETFD, FD_CLOEXEC);
    sockets->fds = fds;
    fds[sockets->n++] = fd;
    return 0;
}

int nu_sockets_share(const struct nu_sockets *sockets, int *fds, unsigned n)
{
    n = n > sockets->n ? n : sockets->n;
    for (unsigned i = 0; i < n; i++) {
        fds[i] = fcntl(sockets->fds[i % sockets->n], F_DUPFD_CLOEXEC, 0);
        if (fds[i] < 0) {
            int err = nu_error_from_errno(errno);
            while (i > 0) {
                close(fds[--i]);
            }
            return err;
        }
    }
    return 0;
}

void nu_sockets_close(struct nu_sockets *sockets)
{
    while (sockets->n > 0) {
        close(sockets->fds[--sockets->n]);
    }
    free(sockets->fds);
    sockets->fds = NULL;
}
