/* SPDX-License-Identifier: MIT */
#include "cmd/user.h"

#include "cmd/complain.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME 256 /* bytes of the longest, with its NUL */

/* ---- Who it is ---------------------------------------------------------------------------- */

/* Of a user or group; the largest one stands for none. */
static bool user_number(const char *text, unsigned *number)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || n >= (uid_t) -1) {
        return false;
    }
    *number = (unsigned) n;
    return true;
}

/* All groups of a user who may have no name. */
static int user_find_groups(struct user *user, const char *name)
{
    int n = 1;
    if (name != NULL) {
        gid_t one;
        (void) getgrouplist(name, user->gid, &one, &n); /* says how many */
    }
    user->groups = calloc((size_t) n, sizeof *user->groups);
    if (user->groups == NULL) {
        return complain("--user %s: %m", user->text);
    }
    user->groups[0] = user->gid;
    if (name != NULL && getgrouplist(name, user->gid, user->groups, &n) < 0) {
        free(user->groups);
        return complain("--user %s: the groups of %s cannot be found", user->text, name);
    }
    user->ngroups = (size_t) n;
    return SERVE_OK;
}

/* NULL: it is a number, and nobody's. False: it is nobody at all. */
static bool user_look_up(const char *name, struct user *user, const struct passwd **entry)
{
    unsigned number;
    *entry = getpwnam(name);
    if (*entry == NULL && user_number(name, &number)) {
        user->uid = number;
        *entry = getpwuid(number);
        return true;
    }
    if (*entry != NULL) {
        user->uid = (*entry)->pw_uid;
    }
    return *entry != NULL;
}

static bool user_look_up_group(const char *name, gid_t *gid)
{
    unsigned number;
    const struct group *entry = getgrnam(name);
    if (entry == NULL && user_number(name, &number)) {
        *gid = number;
        return true;
    }
    if (entry != NULL) {
        *gid = entry->gr_gid;
    }
    return entry != NULL;
}

int user_find(const char *text, struct user *user)
{
    char name[NAME];
    const struct passwd *entry;
    size_t n = strcspn(text, ":");
    const char *group = text[n] == ':' ? text + n + 1 : NULL;
    snprintf(name, sizeof name, "%.*s", (int) n, text);
    *user = (struct user){ .text = text };
    if (n == 0 || n >= sizeof name || !user_look_up(name, user, &entry)) {
        return complain_of_usage("--user %s: there is no such user", text);
    }
    if (user->uid == 0) {
        return complain_of_usage("--user %s: that is root, who could do everything; name a user "
                                 "without privileges, or leave --user out",
                                 text);
    }
    if (group == NULL && entry == NULL) {
        return complain_of_usage("--user %s: that number has no name, and so no group of its own; "
                                 "name one: USER:GROUP",
                                 text);
    }
    user->gid = entry != NULL ? entry->pw_gid : 0;
    if (group != NULL && !user_look_up_group(group, &user->gid)) {
        return complain_of_usage("--user %s: there is no such group", text);
    }
    return user_find_groups(user, entry != NULL ? entry->pw_name : NULL);
}

/* ---- Becoming it -------------------------------------------------------------------------- */

static bool user_is_me(const struct user *user)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    return getresuid(&r, &e, &s) == 0 && getresgid(&rg, &eg, &sg) == 0 && r == user->uid &&
           e == user->uid && s == user->uid && rg == user->gid && eg == user->gid &&
           sg == user->gid;
}

/* It may have been started as that user: by the one that it takes over from, for instance. */
int user_prepare(const struct user *user)
{
    if (geteuid() != 0 && !user_is_me(user)) {
        return complain("--user %s: only root can become another user; start it as root, or leave "
                        "--user out",
                        user->text);
    }
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? SERVE_OK : complain("no_new_privs: %m");
}

/* Those of the process are the user's, in any order. */
static bool user_has_groups(const struct user *user)
{
    int n = getgroups(0, NULL);
    gid_t *groups = n > 0 ? calloc((size_t) n, sizeof *groups) : NULL;
    bool same = groups != NULL && getgroups(n, groups) == n;
    for (int i = 0; i < n && same; i++) {
        bool found = false;
        for (size_t k = 0; k < user->ngroups; k++) {
            found = found || groups[i] == user->groups[k];
        }
        same = found;
    }
    free(groups);
    return same || n == 0;
}

/* What is kept under securebits, for instance. */
static bool user_has_capabilities(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { 0 };
    return syscall(SYS_capget, &head, data) != 0 || data[0].permitted != 0 ||
           data[1].permitted != 0;
}

/* The calls can do less than they say. */
static bool user_is_sure(const struct user *user)
{
    return user_is_me(user) && user_has_groups(user) && !user_has_capabilities() && setuid(0) != 0;
}

int user_become(const struct user *user)
{
    bool root = geteuid() == 0;
    if (root && (setgroups(user->ngroups, user->groups) != 0 ||
                 setresgid(user->gid, user->gid, user->gid) != 0 ||
                 setresuid(user->uid, user->uid, user->uid) != 0)) {
        return complain("--user %s: %m", user->text);
    }
    if (root && !user_is_sure(user)) {
        return complain("--user %s: the system let this process keep privileges of root; it does "
                        "not serve with them",
                        user->text);
    }
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? SERVE_OK
                                                   : complain("--user %s: %m", user->text);
}
