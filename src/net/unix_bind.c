/* SPDX-License-Identifier: MIT */
#include "net/unix_bind.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#define BACKLOG 1024

/* Whether a file is a socket that nobody listens on any more. */
static bool unix_bind_is_stale(const struct sockaddr_un *un, socklen_t len, struct stat *file)
{
    if (lstat(un->sun_path, file) != 0 || !S_ISSOCK(file->st_mode)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool stale =
        fd >= 0 && connect(fd, (const struct sockaddr *) un, len) != 0 && errno == ECONNREFUSED;
    if (fd >= 0) {
        close(fd);
    }
    return stale;
}

/* errno, or 0. */
static int unix_bind_once(int fd, const struct sockaddr_un *un, socklen_t len)
{
    return bind(fd, (const struct sockaddr *) un, len) == 0 ? 0 : errno;
}

static int unix_bind_path(int fd, const struct sockaddr_un *un, socklen_t len, int mode,
                          struct stat *file)
{
    int err = unix_bind_once(fd, un, len);
    if (err == EADDRINUSE && unix_bind_is_stale(un, len, file)) {
        nu_unix_remove(un, file); /* unless somebody else was faster, and it is theirs */
        err = unix_bind_once(fd, un, len);
    }
    if (err != 0) {
        return err;
    }
    if (lstat(un->sun_path, file) != 0) {
        return errno;
    }
    if (mode >= 0 && fchmodat(AT_FDCWD, un->sun_path, (mode_t) mode, AT_SYMLINK_NOFOLLOW) != 0) {
        err = errno;
        nu_unix_remove(un, file);
    }
    return err;
}

static int unix_bind_abstract(int fd, struct sockaddr_un *un, socklen_t *len)
{
    socklen_t room = sizeof *un;
    int err = unix_bind_once(fd, un, *len);
    if (err == 0 && getsockname(fd, (struct sockaddr *) un, &room) != 0) {
        err = errno;
    }
    *len = err == 0 ? room : *len;
    return err;
}

int nu_unix_bind(int *fdp, struct sockaddr_un *un, socklen_t *len, int mode, struct stat *file)
{
    bool path = un->sun_path[0] != '\0';
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return nu_error_from_errno(errno);
    }
    int err = path ? unix_bind_path(fd, un, *len, mode, file) : unix_bind_abstract(fd, un, len);
    if (err == 0 && listen(fd, BACKLOG) != 0) {
        err = errno;
        if (path) {
            nu_unix_remove(un, file);
        }
    }
    if (err != 0) {
        close(fd);
        return nu_error_from_errno(err);
    }
    *fdp = fd;
    return 0;
}

void nu_unix_remove(const struct sockaddr_un *un, const struct stat *file)
{
    struct stat st;
    if (lstat(un->sun_path, &st) == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino) {
        (void) unlink(un->sun_path);
    }
}
