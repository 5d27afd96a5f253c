#include "support/track.h"

#include "support/peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <time.h>

#define PATIENCE 20 /* seconds */

static void called(void *arg)
{
    struct nu_track *track = arg;
    pthread_mutex_lock(&track->lock);
    track->calls++;
    track->result                   = nng_aio_result(track->aio);
    track->count                    = nng_aio_count(track->aio);
    track->thread                   = pthread_self();
    void (*then)(struct nu_track *) = track->then;
    pthread_cond_broadcast(&track->called);
    pthread_mutex_unlock(&track->lock);
    if (then != NULL) {
        then(track); /* else the track may be gone */
    }
}

void nu_track_open(struct nu_track *track, unsigned mode)
{
    *track = (struct nu_track){ 0 };
    pthread_mutex_init(&track->lock, NULL);
    pthread_cond_init(&track->called, NULL);
    cr_assert_eq(nng_aio_alloc(&track->aio, mode & NU_CALLED ? called : NULL, track), 0);
    if (mode & NU_TIMED) {
        nng_aio_set_timeout(track->aio, 600 * 1000);
    }
}

void nu_track_close(struct nu_track *track)
{
    nng_aio_free(track->aio);
    pthread_cond_destroy(&track->called);
    pthread_mutex_destroy(&track->lock);
}

void nu_track_await(struct nu_track *track, int n)
{
    struct timespec until;
    int             err = 0;
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

int nu_track_calls(struct nu_track *track)
{
    pthread_mutex_lock(&track->lock);
    int calls = track->calls;
    pthread_mutex_unlock(&track->lock);
    return calls;
}

void nu_track_buffer(struct nu_track *track, void *p, size_t n)
{
    nng_iov iov = { p, n };
    cr_assert_eq(nng_aio_set_iov(track->aio, 1, &iov), 0);
}

struct start {
    nng_http_conn *conn;
    nng_aio       *aio;
    bool           all;
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

void nu_track_write(struct nu_track *track, nng_http_conn *conn, unsigned mode, bool all)
{
    struct start s = { conn, track->aio, all };
    if (mode & NU_ON_OWNER) {
        nu_on_owner(conn, start, &s);
    } else {
        start(&s);
    }
}

void nu_track_assert(struct nu_track *track, int n, int result)
{
    nng_aio_wait(track->aio);
    cr_assert_eq(nng_aio_result(track->aio), result, "%s, not %s",
                 nng_strerror(nng_aio_result(track->aio)), nng_strerror(result));
    int calls = nu_track_calls(track);
    cr_assert(calls == n || calls == 0, "%d callbacks, not %d", calls, n);
}
