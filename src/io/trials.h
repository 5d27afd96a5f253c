/* SPDX-License-Identifier: MIT */
/* Tries features out, on a small ring and sockets of its own. One thread at a time. */
#ifndef NU_IO_TRIALS_H
#define NU_IO_TRIALS_H

#include "io/uring.h"

/* Indices into the table that nng_uring_probe() returns, in its order. */
enum nu_feature {
    NU_HAS_RING,             /* a ring can be set up and entered */
    NU_HAS_DEFER_TASKRUN,    /* the best rung of the set-up ladder */
    NU_HAS_REGISTERED_RING,  /* entering through a registered descriptor */
    NU_HAS_WRITEV,           /* IORING_OP_WRITEV on a socket */
    NU_HAS_LINK_TIMEOUT,     /* IORING_OP_LINK_TIMEOUT */
    NU_HAS_ASYNC_CANCEL,     /* IORING_OP_ASYNC_CANCEL */
    NU_HAS_MULTISHOT_ACCEPT, /* IORING_ACCEPT_MULTISHOT */
    NU_HAS_BUFFER_RING,      /* provided-buffer rings */
    NU_HAS_SEND_DONTWAIT,    /* SENDMSG with MSG_DONTWAIT says EAGAIN at once */
    NU_HAS_NOWAIT,           /* WRITEV with RWF_NOWAIT on a socket says EAGAIN at once */
    NU_HAS_NOSIGNAL,         /* WRITEV with RWF_NOSIGNAL */
    NU_HAS_MSG_RING,         /* waking a ring without having one */
    NU_HAS_NO_IOWAIT,        /* waiting without being counted as iowait */
    NU_HAS_CACHESTAT,        /* asking what of a file is in the page cache */
    NU_FEATURES
};

struct nu_trials {
    struct nu_uring ring;
    uint64_t tag; /* user_data of the trial in hand */
    int pair[2];  /* connected sockets, new ones for each trial */
    char byte;    /* for what is to be read */
};

/* Opens the ring that the trials share: a closed one gives its locked memory back late, so that a
 * ring for each would run into the limit. 0 or -errno. */
int nu_trials_open(struct nu_trials *trials);
void nu_trials_close(struct nu_trials *trials);

/* 0 when it works, else -errno of what refused it. */
int nu_trials_try(struct nu_trials *trials, enum nu_feature feature);

/* NU_HAS_CACHESTAT, which is no matter of rings. */
int nu_trials_try_cachestat(void);

#endif
