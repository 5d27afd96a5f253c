/* SPDX-License-Identifier: MIT */
/*
 * The directory that a handler's path leads to now: it may be a link that is put elsewhere (ln
 * -sfn), be renamed, or be removed and made anew. It is looked at by one stat() in an iteration of
 * a loop that serves from it, however many requests that iteration has: half a microsecond, where
 * the iteration has at least an io_uring_enter() and each file its fstat() and close(). Nothing
 * cheaper is right. inotify says nothing of what is mounted over a component of the path, nor of
 * what others do to a network's file system; a look by the clock serves the old tree for a while.
 * Any thread.
 */
#ifndef NU_HTTP_DOCROOT_H
#define NU_HTTP_DOCROOT_H

#include "io/lock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct nu_loop;

struct nu_docroot {
    atomic_uint refs;
    int fd; /* O_PATH; pins the inode, so that its number is nobody else's */
    dev_t dev;
    ino_t ino;
};

/* In the handler. Zeroed at first. */
struct nu_docroot_slot {
    struct nu_mutex lock;
    struct nu_docroot *now; /* NULL: none yet */
    uint64_t looked;        /* the loop and its iteration that looked last */
};

/* The directory, held. 0 or an NNG error. On the owner of `loop`. */
int nu_docroot_get(struct nu_docroot_slot *slot, const char *path, const struct nu_loop *loop,
                   struct nu_docroot **rootp);

void nu_docroot_drop(struct nu_docroot *root); /* NULL is allowed */

/* Whether a component of the path, which is below the root, is a link by absolute path. */
bool nu_docroot_has_absolute_link(const struct nu_docroot *root, const char *path);

/* For a descriptor of something: its path below the root, to be freed; NULL when it is not there,
 * or there is no telling (no /proc, no memory). It may have moved since: open it confined. */
char *nu_docroot_path_of(const struct nu_docroot *root, int fd);

#endif
