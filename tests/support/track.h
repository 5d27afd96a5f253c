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
    NU_TIMED    = 2, /* with a timeout, one that will not pass */
    NU_CALLED   = 4, /* the aio has a callback */
    NU_MODES    = 8, /* modes are from 0 to below this */
};

struct nu_track {
    nng_aio        *aio; /* NULL: the callback has freed it */
    pthread_mutex_t lock;
    pthread_cond_t  called;
    int             calls; /* callbacks that have begun; under lock */

    /* the last callback's */
    int       result;
    size_t    count;
    pthread_t thread;

    void (*then)(struct nu_track *track); /* run at the end of the callback, or NULL */
    void *arg;                            /* for `then` */
};

/* Makes the aio, with a callback that counts unless `mode` says that there is none. */
void nu_track_open(struct nu_track *track, unsigned mode);

/* Frees the aio, if it is still there. */
void nu_track_close(struct nu_track *track);

/* Waits for the n-th callback to begin; fails the test after 20 seconds. */
void nu_track_await(struct nu_track *track, int n);
int  nu_track_calls(struct nu_track *track);

/* The one buffer that the next operation works on. */
void nu_track_buffer(struct nu_track *track, void *p, size_t n);

/* Starts nng_http_conn_write(), or write_all, the way `mode` says. */
void nu_track_write(struct nu_track *track, nng_http_conn *conn, unsigned mode, bool all);

/* Waits for the end; the result and, if there is a callback, that it was the n-th must be right. */
void nu_track_assert(struct nu_track *track, int n, int result);

#endif
