/* SPDX-License-Identifier: MIT */
#include "net/unix_bind.h"

#include "base/clock.h"
#include "base/error.h"
#include "io/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define BACKLOG 1024
/* Of a millisecond: whoever holds the lock for longer is none of us. A loop has others to serve. */
#define LOCK_TRIES 5000
#define LOCK_TRIES_OF_A_LOOP 50

/*
 * A socket refuses before it listens as one does whose server is gone, and between a look at a file
 * and its removal it may become another: so what we do to a directory's sockets is done under the
 * lock of the directory, which leaves no file behind. -1: it cannot be had, and we do without.
 */
static int unix_bind_lock(const struct sockaddr_un *un)
{
    char dir[sizeof un->sun_path];
    const char *slash = strrchr(un->sun_path, '/');
    size_t n = slash != NULL ? (size_t) (slash - un->sun_path) + 1 : 1;
    memcpy(dir, slash != NULL ? un->sun_path : ".", n);
    dir[n] = '\0';
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int tries = nu_loop_self() != NULL ? LOCK_TRIES_OF_A_LOOP : LOCK_TRIES;
    int err = fd >= 0 ? flock(fd, LOCK_EX | LOCK_NB) : 0;
    for (int i = 0; i < tries && err != 0 && (errno == EWOULDBLOCK || errno == EINTR); i++) {
        nu_nap(1);
        err = flock(fd, LOCK_EX | LOCK_NB);
    }
    return fd;
}

static void unix_bind_unlock(int lock)
{
    if (lock >= 0) {
        (void) flock(lock, LOCK_UN); /* a child that was forked meanwhile has it, too */
        close(lock);
    }
}

/* With the lock. */
static void unix_bind_remove(const struct sockaddr_un *un, const struct stat *file)
{
    struct stat st;
    if (lstat(un->sun_path, &st) == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino) {
        (void) unlink(un->sun_path);
    }
}

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
        unix_bind_remove(un, file);
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
        unix_bind_remove(un, file);
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

static int unix_bind_listen(int fd)
{
    return listen(fd, BACKLOG) == 0 ? 0 : errno;
}

/* None of us looks at it before it listens. */
static int unix_bind_listen_at(int fd, const struct sockaddr_un *un, socklen_t len, int mode,
                               struct stat *file)
{
    int lock = unix_bind_lock(un);
    int err = unix_bind_path(fd, un, len, mode, file);
    if (err == 0) {
        err = unix_bind_listen(fd);
        if (err != 0) {
            unix_bind_remove(un, file);
        }
    }
    unix_bind_unlock(lock);
    return err;
}

int nu_unix_bind(int *fdp, struct sockaddr_un *un, socklen_t *len, int mode, struct stat *file)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err;
    if (fd < 0) {
        return nu_error_from_errno(errno);
    }
    if (un->sun_path[0] != '\0') {
        err = unix_bind_listen_at(fd, un, *len, mode, file);
    } else {
        err = unix_bind_abstract(fd, un, len);
        err = err == 0 ? unix_bind_listen(fd) : err;
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
    int lock = unix_bind_lock(un);
    unix_bind_remove(un, file);
    unix_bind_unlock(lock);
}
