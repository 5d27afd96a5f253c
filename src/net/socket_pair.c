/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <errno.h>
#include <nng/nng.h>
#include <sys/socket.h>

int nng_socket_pair(int fds[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0
               ? 0
               : nu_error_from_errno(errno);
}
