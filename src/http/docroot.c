/* SPDX-License-Identifier: MIT */
#include "http/docroot.h"

#include "base/error.h"
#include "io/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <nng/nng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOPS 256U /* more than there can be */

void nu_docroot_drop(struct nu_docroot *root)
{
    if (root != NULL && atomic_fetch_sub(&root->refs, 1) == 1) {
        close(root->fd);
        free(root);
    }
}

static int docroot_open(const char *path, struct nu_docroot **rootp)
{
    struct stat st;
    struct nu_docroot *root = malloc(sizeof *root);
    if (root == NULL) {
        return NNG_ENOMEM;
    }
    root->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root->fd < 0 || fstat(root->fd, &st) != 0) {
        int err = nu_error_from_errno(errno);
        if (root->fd >= 0) {
            close(root->fd);
        }
        free(root);
        return err;
    }
    atomic_init(&root->refs, 1);
    root->dev = st.st_dev;
    root->ino = st.st_ino;
    *rootp = root;
    return 0;
}

static bool docroot_is(const struct nu_docroot *root, const char *path)
{
    struct stat st;
    return root != NULL && stat(path, &st) == 0 && st.st_dev == root->dev && st.st_ino == root->ino;
}

int nu_docroot_get(struct nu_docroot_slot *slot, const char *path, const struct nu_loop *loop,
                   struct nu_docroot **rootp)
{
    uint64_t look = loop->turns * LOOPS + loop->index % LOOPS;
    struct nu_docroot *old = NULL, *made = NULL;
    int err = 0;
    nu_lock(&slot->lock);
    if (slot->now == NULL || slot->looked != look) {
        if (!docroot_is(slot->now, path)) {
            err = docroot_open(path, &made);
            old = slot->now;
            slot->now = made;
        }
        slot->looked = look;
    }
    if (err == 0) {
        atomic_fetch_add(&slot->now->refs, 1);
        *rootp = slot->now;
    }
    nu_unlock(&slot->lock);
    nu_docroot_drop(old);
    return err;
}

bool nu_docroot_has_absolute_link(const struct nu_docroot *root, const char *path)
{
    char part[PATH_MAX], first = '\0';
    for (size_t n = strcspn(path, "/"); n < sizeof part; n += 1 + strcspn(path + n + 1, "/")) {
        memcpy(part, path, n);
        part[n] = '\0';
        if (readlinkat(root->fd, part, &first, 1) == 1 && first == '/') {
            return true;
        }
        if (path[n] == '\0') {
            break;
        }
    }
    return false;
}

/* The path of a descriptor. */
static bool docroot_name(int fd, char path[PATH_MAX])
{
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
    return n > 0 && n < PATH_MAX - 1 && path[0] == '/';
}

char *nu_docroot_path_of(const struct nu_docroot *root, int fd)
{
    char base[PATH_MAX], path[PATH_MAX];
    if (!docroot_name(root->fd, base) || !docroot_name(fd, path)) {
        return NULL;
    }
    size_t n = strcmp(base, "/") == 0 ? 0 : strlen(base);
    if (strncmp(path, base, n) != 0 || (path[n] != '/' && path[n] != '\0')) {
        return NULL;
    }
    const char *rest = path + n + strspn(path + n, "/");
    return strdup(*rest != '\0' ? rest : ".");
}
