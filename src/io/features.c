/* SPDX-License-Identifier: MIT */
#include "io/features.h"

#include "io/trials.h"

#include <errno.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static nng_uring_feature table[NU_FEATURES] = {
    [NU_HAS_RING] = { "io_uring_setup", "everything", NULL, true, false, 0 },
    [NU_HAS_DEFER_TASKRUN] = { "IORING_SETUP_DEFER_TASKRUN", "completions in batches, no signals",
                               "COOP_TASKRUN, then no flags", true, false, 0 },
    [NU_HAS_REGISTERED_RING] = { "IORING_ENTER_REGISTERED_RING", "cheaper system calls",
                                 "the plain descriptor", true, false, 0 },
    [NU_HAS_WRITEV] = { "IORING_OP_WRITEV", "every write", NULL, true, false, 0 },
    [NU_HAS_LINK_TIMEOUT] = { "IORING_OP_LINK_TIMEOUT", "deadlines of writes", NULL, true, false,
                              0 },
    [NU_HAS_ASYNC_CANCEL] = { "IORING_OP_ASYNC_CANCEL", "cancel, stop and close", NULL, true, false,
                              0 },
    [NU_HAS_MULTISHOT_ACCEPT] = { "IORING_ACCEPT_MULTISHOT", "servers", NULL, true, false, 0 },
    [NU_HAS_BUFFER_RING] = { "IORING_REGISTER_PBUF_RING", "idle connections without buffers",
                             "a buffer for each connection", true, false, 0 },
    [NU_HAS_SEND_DONTWAIT] = { "SENDMSG with MSG_DONTWAIT", "writes by application threads",
                               "a hand-off to the loop", true, false, 0 },
    [NU_HAS_NOWAIT] = { "WRITEV with RWF_NOWAIT", "a deadline only when a write has to wait (6.4)",
                        "WRITEV linked to its timeout at once", false, false, 0 },
    [NU_HAS_NOSIGNAL] = { "WRITEV with RWF_NOSIGNAL", "WRITEV by application threads (6.18)",
                          "SENDMSG with MSG_DONTWAIT", false, false, 0 },
    [NU_HAS_MSG_RING] = { "IORING_REGISTER_SEND_MSG_RING", "waking a loop (6.13)", "an eventfd",
                          false, false, 0 },
    [NU_HAS_NO_IOWAIT] = { "IORING_ENTER_NO_IOWAIT", "no iowait while idle (6.15)",
                           "idle loops show as iowait", false, false, 0 },
    [NU_HAS_CACHESTAT] = { "cachestat", "files from the page cache without a copy (6.5)",
                           "reading into buffers", false, false, 0 },
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* What refused us last, for nng_uring_reason(): pointers to constants, so it needs no lock. */
static _Atomic(const char *) refused_what;
static _Atomic(const char *) refused_remedy;
static atomic_int refused_err;

bool nu_has(enum nu_feature feature)
{
    /* A probe may come while loops run that have no ring, and then finds what they do not use. */
    return __atomic_load_n(&table[feature].present, __ATOMIC_RELAXED);
}

static void features_note(enum nu_feature feature, int missing)
{
    __atomic_store_n(&table[feature].present, missing == 0, __ATOMIC_RELAXED);
    table[feature].err = -missing;
}

static const char *features_remedy_for(int err)
{
    switch (err) {
    case EPERM:
    case EACCES:
        return "set the sysctl kernel.io_uring_disabled to 0, or allow io_uring_setup, "
               "io_uring_enter and io_uring_register in the seccomp profile of the container";
    case ENOSYS:
    case EOPNOTSUPP:
        return "run a kernel with io_uring (CONFIG_IO_URING, Linux 6.1 or later), or allow its "
               "system calls in the seccomp profile of the container";
    case ENOMEM:
        return "raise the limit on locked memory (ulimit -l, LimitMEMLOCK=)";
    case EMFILE:
    case ENFILE:
        return "raise the limit on open descriptors (ulimit -n, LimitNOFILE=)";
    default:
        return "run Linux 6.1 or later";
    }
}

void nu_features_refuse(int err, const char *what, const char *remedy)
{
    atomic_store(&refused_err, err);
    atomic_store(&refused_remedy, remedy);
    atomic_store(&refused_what, what);
}

static void *features_find(void *arg)
{
    (void) arg;
    struct nu_trials trials;
    int err = nu_trials_open(&trials);
    if (err != 0) {
        features_note(NU_HAS_RING, err);
        return NULL;
    }
    for (unsigned i = 0; i < NU_FEATURES && err == 0; i++) {
        int missing = nu_trials_try(&trials, i);
        features_note(i, missing);
        err = i == NU_HAS_RING ? missing : 0; /* without it nothing else can be tried */
    }
    nu_trials_close(&trials);
    return NULL;
}

/* On a thread apart: what a closed ring leaves for its thread to do would interrupt the caller's
 * next system call. */
static void features_find_apart(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, features_find, NULL) == 0) {
        pthread_join(thread, NULL);
    } else {
        features_find(NULL);
    }
}

static void features_find_without_ring(void)
{
    features_note(NU_HAS_CACHESTAT, nu_trials_try_cachestat());
}

void nu_features_find_without_ring(void)
{
    static pthread_once_t cachestat_once = PTHREAD_ONCE_INIT;
    pthread_once(&cachestat_once, features_find_without_ring);
}

int nu_features_find(void)
{
    nu_features_find_without_ring();
    pthread_once(&once, features_find_apart);
    for (unsigned i = 0; i < NU_FEATURES; i++) {
        if (!table[i].present && table[i].fallback == NULL) {
            nu_features_refuse(table[i].err, table[i].name, features_remedy_for(table[i].err));
            return NNG_ENOTSUP;
        }
    }
    return 0;
}

int nng_uring_probe(const nng_uring_feature **list, size_t *count)
{
    int err = nu_features_find();
    *list = table;
    *count = NU_FEATURES;
    return err;
}

const char *nng_uring_reason(void)
{
    static _Thread_local char text[256];
    const char *what = atomic_load(&refused_what);
    if (what == NULL) {
        return "";
    }
    int err = atomic_load(&refused_err);
    snprintf(text, sizeof text, "%s%s%s", what, err != 0 ? ": " : "",
             err != 0 ? strerror(err) : "");
    return text;
}

const char *nng_uring_remedy(void)
{
    const char *remedy = atomic_load(&refused_remedy);
    return remedy != NULL ? remedy : "";
}
