/* SPDX-License-Identifier: MIT */
/*
 * What this kernel and its io_uring offer us, found by trial, never by version number. The findings
 * are made once, before the first loop starts, and are constant afterwards. Any thread.
 */
#ifndef NU_IO_FEATURES_H
#define NU_IO_FEATURES_H

#include <stdbool.h>

/* Indices into the table that nng_uring_probe() returns, in its order. */
enum nu_feature {
    NU_HAS_RING,             /* a ring can be set up and entered */
    NU_HAS_DEFER_TASKRUN,    /* the best rung of the set-up ladder */
    NU_HAS_REGISTERED_RING,  /* entering through a registered descriptor */
    NU_HAS_WRITEV,           /* IORING_OP_WRITEV on a socket */
    NU_HAS_LINK_TIMEOUT,     /* IORING_OP_LINK_TIMEOUT */
    NU_HAS_CQE_SKIP,         /* IOSQE_CQE_SKIP_SUCCESS */
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

bool nu_has(enum nu_feature feature);

/* Makes the findings if they have not been made. NNG_ENOTSUP when no usable ring can be had. */
int nu_features_find(void);

/* Notes why the library is not to be had, for nng_uring_reason(); NULL: it is. */
void nu_features_refuse(int err, const char *what, const char *remedy);

#endif
