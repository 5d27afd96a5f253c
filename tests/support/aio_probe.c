/* SPDX-License-Identifier: MIT */
#include "support/aio_probe.h"

#include "support/peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <time.h>

#define PATIENCE 120 /* seconds */

static void called(void *arg)
{
    struct t_aio_probe *track = arg;
    pthread_mutex_lock(&track->lock);
    track->calls++;
    track->result = nng_aio_result(track->aio);
    track->count = nng_aio_count(track->aio);
    track->thread = pthread_self();
    void (*then)(struct t_aio_probe *) = track->then;
    pthread_cond_broadcast(&track->called);
    pthread_mutex_unlock(&track->lock);
    if (then != NULL) {
        then(track); /* else the track may be gone */
    }
}

void t_aio_probe_open(struct t_aio_probe *track, unsigned mode)
{
    *track = (struct t_aio_probe){ 0 };
    pthread_mutex_init(&track->lock, NULL);
    pthread_cond_init(&track->called, NULL);
    cr_assert_eq(nng_aio_alloc(&track->aio, mode & NU_CALLED ? called : NULL, track), 0);
    if (mode & NU_TIMED) {
        nng_aio_set_timeout(track->aio, 600 * 1000);
    }
}

void t_aio_probe_close(struct t_aio_probe *track)
{
    nng_aio_free(track->aio);
    pthread_cond_destroy(&track->called);
    pthread_mutex_destroy(&track->lock);
}

void t_aio_probe_await(struct t_aio_probe *track, int n)
{
    struct timespec until;
    int err = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE;
    pthread_mutex_lock(&track->lock);
    while (track->calls < n && err == 0) {
        err = pthread_cond_timedwait(&track->called, &track->lock, &until);
    }
    int calls = track->calls;
    pthread_mutex_unlock(&track->lock);
    cr_assert_geq(calls, n, "callback %d of %d is missing", calls + 1, n);
}

int t_aio_probe_calls(struct t_aio_probe *track)
{
    pthread_mutex_lock(&track->lock);
    int calls = track->calls;
    pthread_mutex_unlock(&track->lock);
    return calls;
}

void t_aio_probe_buffer(struct t_aio_probe *track, void *p, size_t n)
{
    nng_iov iov = { p, n };
    cr_assert_eq(nng_aio_set_iov(track->aio, 1, &iov), 0);
}

struct start {
    nng_http_conn *conn;
    nng_aio *aio;
    bool all;
};

static void start(void *arg)
{
    struct start *s = arg;
    if (s->all) {
        nng_http_conn_write_all(s->conn, s->aio);
    } else {
        nng_http_conn_write(s->conn, s->aio);
    }
}

void t_aio_probe_write(struct t_aio_probe *track, nng_http_conn *conn, unsigned mode, bool all)
{
    struct start s = { conn, track->aio, all };
    if (mode & NU_ON_OWNER) {
        t_on_owner(conn, start, &s);
    } else {
        start(&s);
    }
}

void t_aio_probe_assert(struct t_aio_probe *track, int n, int result)
{
    nng_aio_wait(track->aio);
    cr_assert_eq(nng_aio_result(track->aio), result, "%s, not %s",
                 nng_strerror(nng_aio_result(track->aio)), nng_strerror(result));
    int calls = t_aio_probe_calls(track);
    cr_assert(calls == n || calls == 0, "%d callbacks, not %d", calls, n);
}
