/* SPDX-License-Identifier: MIT */
/*
 * An aio whose callbacks are counted, and the ways to start a write that a contract has to hold
 * for: from an application thread or on the owner, with or without a timeout, with or without a
 * callback.
 */
#ifndef NU_TESTS_SUPPORT_TRACK_H
#define NU_TESTS_SUPPORT_TRACK_H

#include <nng/supplemental/http/http.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    NU_ON_OWNER = 1, /* started in a callback on the connection's own loop */
    NU_TIMED = 2,    /* with a timeout, one that will not pass */
    NU_CALLED = 4,   /* the aio has a callback */
    NU_MODES = 8,    /* modes are from 0 to below this */
};

struct t_aio_probe {
    nng_aio *aio; /* NULL: the callback has freed it */
    pthread_mutex_t lock;
    pthread_cond_t called;
    int calls; /* callbacks that have begun; under lock */

    /* the last callback's */
    int result;
    size_t count;
    pthread_t thread;

    void (*then)(struct t_aio_probe *track); /* run at the end of the callback, or NULL */
    void *arg;                               /* for `then` */
};

/* Makes the aio, with a callback that counts unless `mode` says that there is none. */
void t_aio_probe_open(struct t_aio_probe *track, unsigned mode);

/* Frees the aio, if it is still there. */
void t_aio_probe_close(struct t_aio_probe *track);

/* Waits for the n-th callback to begin; fails the test after two minutes. */
void t_aio_probe_await(struct t_aio_probe *track, int n);
int t_aio_probe_calls(struct t_aio_probe *track);

/* The one buffer that the next operation works on. */
void t_aio_probe_buffer(struct t_aio_probe *track, void *p, size_t n);

/* Starts nng_http_conn_write(), or write_all, the way `mode` says. */
void t_aio_probe_write(struct t_aio_probe *track, nng_http_conn *conn, unsigned mode, bool all);

/* Waits for the end; the result and, if there is a callback, that it was the n-th must be right. */
void t_aio_probe_assert(struct t_aio_probe *track, int n, int result);

#endif
