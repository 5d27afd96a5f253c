/* SPDX-License-Identifier: MIT */
/* The user that nng-uring serve is once it listens (--user): from then on there is no way back. */
#ifndef NU_CMD_USER_H
#define NU_CMD_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct user {
    const char *text; /* as it was given */
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* all of them; stays */
    size_t ngroups;
};

/* Finds who USER[:GROUP] is, by names or numbers; without GROUP it is the user's own. An enum
 * serve_status; what is wrong has been said. One thread at a time. */
int user_find(const char *text, struct user *user);

/* Whether this process may become that one, or is it; before it has done anything else. Its
 * programs get no rights by being executed (no_new_privs) from now on: to be called before there is
 * another thread. Likewise. */
int user_prepare(const struct user *user);

/* Becomes that user, with all threads, and makes sure of it. Nobody else of that user may look into
 * the process then, which knows keys (it is not dumpable). Likewise. */
int user_become(const struct user *user);

#endif
