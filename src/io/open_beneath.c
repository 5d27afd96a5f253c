/* SPDX-License-Identifier: MIT */
#include "io/open_beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool have_openat2;

/* Sandboxes refuse it in many ways, so it is tried on what can be opened. */
static void open_beneath_try(void)
{
    struct open_how how = { .flags = O_PATH | O_CLOEXEC };
    long fd = syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how);
    have_openat2 = fd >= 0 || (errno != ENOSYS && errno != EPERM && errno != EINVAL);
    if (fd >= 0) {
        close((int) fd);
    }
}

/* The next name of a path, without the slashes around it; 0: there is none. -errno for one that is
 * too long or leads upwards. */
static int open_beneath_next(const char **path, char *name)
{
    *path += strspn(*path, "/");
    size_t len = strcspn(*path, "/");
    if (len > NAME_MAX) {
        return -ENAMETOOLONG;
    }
    memcpy(name, *path, len);
    name[len] = '\0';
    *path += len;
    return strcmp(name, "..") == 0 ? -EXDEV : (int) len;
}

static int open_beneath_walk(int dir, const char *path, const struct open_how *how)
{
    char name[NAME_MAX + 1];
    int at = dir, len = path[0] == '/' ? -EXDEV : open_beneath_next(&path, name);
    int fd = len < 0 ? len : len == 0 ? -ENOENT : 0;
    while (fd == 0) {
        bool last = *path == '\0';
        fd = openat(at, name,
                    last ? (int) how->flags | O_NOFOLLOW
                         : O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC,
                    (mode_t) how->mode);
        fd = fd < 0 ? -errno : fd;
        if (at != dir) {
            close(at);
        }
        if (fd < 0 || last) {
            break;
        }
        at = fd;
        len = open_beneath_next(&path, name);
        if (len <= 0) { /* nothing but slashes: it must be the directory itself */
            fd = len < 0 ? len : openat(at, ".", (int) how->flags | O_DIRECTORY);
            fd = fd < 0 && len == 0 ? -errno : fd;
            close(at);
            break;
        }
        fd = 0;
    }
    return fd;
}

int nu_open_beneath(int dir, const char *path, const struct open_how *how)
{
    long fd;
    pthread_once(&once, open_beneath_try);
    if (have_openat2) {
        fd = syscall(SYS_openat2, dir, path, how, sizeof *how);
    } else if (how->resolve == 0) {
        fd = openat(dir, path, (int) how->flags, (mode_t) how->mode);
    } else {
        return open_beneath_walk(dir, path, how);
    }
    return fd < 0 ? -errno : (int) fd;
}
