/* SPDX-License-Identifier: MIT */
#include "stream/acceptor.h"

#include "io/lock.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- Streams and accepts find each other --------------------------------------------------- */

/* Makes the ring larger, in order from its start. */
static bool acceptor_grow(struct nu_acceptor *a)
{
    unsigned space = a->nspace > 0 ? 2 * a->nspace : 16;
    nng_stream **ready = calloc(space, sizeof(nng_stream *));
    if (ready == NULL) {
        return false;
    }
    for (unsigned i = 0; i < a->nready; i++) {
        ready[i] = a->ready[(a->first + i) % a->nspace];
    }
    free(a->ready);
    a->ready = ready;
    a->first = 0;
    a->nspace = space;
    return true;
}

/* False: no memory. */
static bool acceptor_push(struct nu_acceptor *a, nng_stream *stream)
{
    if (a->nready == a->nspace && !acceptor_grow(a)) {
        return false;
    }
    a->ready[(a->first + a->nready++) % a->nspace] = stream;
    return true;
}

static nng_stream *acceptor_pop(struct nu_acceptor *a)
{
    nng_stream *stream = a->ready[a->first];
    a->first = (a->first + 1) % a->nspace;
    a->nready--;
    return stream;
}

static nng_aio *acceptor_first(const struct nu_acceptor *a)
{
    return nu_list_empty(&a->accepts) ? NULL : nu_container(a->accepts.next, nng_aio, link);
}

static void acceptor_end_first(nng_aio *aio, int err, nng_stream *stream)
{
    nu_list_remove(&aio->link);
    aio->args->output[0] = stream;
    nu_aio_end(aio, err, 0);
}

/* Owner; with the lock held. */
static void acceptor_match(struct nu_acceptor *a)
{
    nng_aio *aio;
    while (a->nready > 0 && (aio = acceptor_first(a)) != NULL) {
        acceptor_end_first(aio, 0, acceptor_pop(a));
    }
}

/* Whoever waits is told why there is no stream: no memory, or a TLS configuration that is none. */
static void acceptor_fail(struct nu_acceptor *a, int err)
{
    nu_lock(&a->lock);
    a->making -= a->making > 0;
    nng_aio *aio = acceptor_first(a);
    if (aio != NULL) {
        acceptor_end_first(aio, err, NULL);
    }
    nu_unlock(&a->lock);
}

/* A stream of a connected socket. */
static void acceptor_make(struct nu_acceptor *a, int fd)
{
    struct nu_bytes_params params;
    nng_stream *stream;
    a->params(a->user, &params);
    int err = nu_bytes_new(&stream, a->loop, fd, &params);
    nng_tls_config_free(params.tls);
    if (err != 0) {
        acceptor_fail(a, err);
        return;
    }
    nu_lock(&a->lock);
    a->making -= a->making > 0;
    bool kept = !a->closed && acceptor_push(a, stream);
    if (kept) {
        acceptor_match(a);
    }
    nu_unlock(&a->lock);
    if (!kept) {
        nng_stream_free(stream);
    }
}

static bool acceptor_may_accept(struct nu_listener *listener)
{
    struct nu_acceptor *a = listener->user;
    nu_lock(&a->lock);
    bool room = a->nready < NU_ACCEPTOR_READY;
    nu_unlock(&a->lock);
    return room;
}

static void acceptor_accepted(struct nu_listener *listener, int fd)
{
    acceptor_make(listener->user, fd);
}

/* ---- On the owner ------------------------------------------------------------------------- */

static void acceptor_check_gone(struct nu_acceptor *a)
{
    if (!a->stopping || a->open > 0) {
        return;
    }
    nu_lock(&a->lock);
    bool posted = a->posted; /* then the task comes here again */
    nu_unlock(&a->lock);
    if (!posted) {
        nu_list_remove(&a->hook.link);
        free(a->ready);
        a->ready = NULL;
        a->gone(a->user);
    }
}

static void acceptor_listener_gone(struct nu_listener *listener)
{
    struct nu_acceptor *a = listener->user;
    a->open--;
    acceptor_check_gone(a);
}

static void acceptor_on_stop(struct nu_loop_hook *hook);

static void acceptor_begin(struct nu_acceptor *a)
{
    a->started = true;
    a->hook.on_stop = acceptor_on_stop;
    nu_list_append(&a->loop->hooks, &a->hook.link);
    for (unsigned i = 0; i < a->nlisteners; i++) {
        a->open++;
        nu_listener_start(&a->listeners[i]);
    }
}

/* Everybody is sent home. */
static void acceptor_stop(struct nu_acceptor *a)
{
    nng_aio *aio;
    a->stopping = true;
    nu_lock(&a->lock);
    while ((aio = acceptor_first(a)) != NULL) {
        acceptor_end_first(aio, NNG_ECLOSED, NULL);
    }
    while (a->nready > 0) {
        nng_stream_free(acceptor_pop(a));
    }
    while (a->nhanded > 0) {
        close(a->handed[--a->nhanded]);
    }
    nu_unlock(&a->lock);
    a->open++; /* keeps it while its listeners go */
    for (unsigned i = 0; i < a->nlisteners; i++) {
        nu_listener_stop(&a->listeners[i]);
    }
    a->open--;
}

/* Sockets that were handed over become streams here, for streams are made on owners. */
static void acceptor_make_handed(struct nu_acceptor *a)
{
    int fds[NU_ACCEPTOR_HANDED];
    unsigned n = 0;
    nu_lock(&a->lock);
    while (n < a->nhanded && a->nready + n < NU_ACCEPTOR_READY) {
        fds[n] = a->handed[n];
        n++;
    }
    a->nhanded -= n;
    a->making = n;
    for (unsigned i = 0; i < a->nhanded; i++) {
        a->handed[i] = a->handed[n + i];
    }
    nu_unlock(&a->lock);
    for (unsigned i = 0; i < n; i++) {
        acceptor_make(a, fds[i]);
    }
}

static void acceptor_work(struct nu_task *task)
{
    struct nu_acceptor *a = nu_container(task, struct nu_acceptor, work);
    nu_lock(&a->lock);
    a->posted = false;
    bool closed = a->closed;
    acceptor_match(a);
    nu_unlock(&a->lock);
    if (!a->started) {
        acceptor_begin(a);
    }
    if (!closed) {
        acceptor_make_handed(a);
    } else if (!a->stopping) {
        acceptor_stop(a);
    }
    acceptor_check_gone(a);
}

/* nng_fini() */
static void acceptor_on_stop(struct nu_loop_hook *hook)
{
    struct nu_acceptor *a = nu_container(hook, struct nu_acceptor, hook);
    nu_lock(&a->lock);
    a->closed = true;
    nu_unlock(&a->lock);
    if (!a->stopping) {
        acceptor_stop(a);
        acceptor_check_gone(a);
    }
}

/* ---- From outside ------------------------------------------------------------------------- */

/* With the lock held. */
static void acceptor_post(struct nu_acceptor *a)
{
    if (!a->posted) {
        a->posted = true;
        nu_loop_post(a->loop, &a->work);
    }
}

void nu_acceptor_start(struct nu_acceptor *a, struct nu_loop *loop, const int *fds, unsigned n)
{
    a->loop = loop;
    nu_list_init(&a->accepts);
    nu_list_init(&a->hook.link);
    nu_task_init(&a->work, acceptor_work);
    for (unsigned i = 0; i < n; i++) {
        struct nu_listener *listener = &a->listeners[a->nlisteners];
        if (fds[i] >= 0) {
            listener->user = a;
            listener->may_accept = acceptor_may_accept;
            listener->accepted = acceptor_accepted;
            listener->gone = acceptor_listener_gone;
            nu_listener_init(listener, loop, fds[i]);
            a->nlisteners++;
        }
    }
    nu_lock(&a->lock);
    acceptor_post(a);
    nu_unlock(&a->lock);
}

/* On the owner, and so not beside what ends it otherwise. */
static void acceptor_cancel(nng_aio *aio, void *arg, int err)
{
    struct nu_acceptor *a = arg;
    nu_lock(&a->lock);
    acceptor_end_first(aio, err, NULL);
    nu_unlock(&a->lock);
}

void nu_acceptor_accept(struct nu_acceptor *a, nng_aio *aio)
{
    int err = NNG_ECLOSED;
    nu_lock(&a->lock);
    if (!a->closed) {
        aio->loop = a->loop;
        err =
            nu_aio_expired(aio) ? NNG_ETIMEDOUT : nu_aio_schedule(aio, a->loop, acceptor_cancel, a);
    }
    if (err == 0) {
        nu_list_append(&a->accepts, &aio->link);
        nu_aio_timer_start(aio);
        acceptor_post(a);
    }
    nu_unlock(&a->lock);
    if (err != 0) {
        nu_aio_finish(aio, err, 0);
    }
}

int nu_acceptor_hand(struct nu_acceptor *a, int fd)
{
    nu_lock(&a->lock);
    int err = a->closed                                                  ? NNG_ECLOSED
              : a->nhanded + a->making + a->nready >= NU_ACCEPTOR_HANDED ? NNG_ENOSPC
                                                                         : 0;
    if (err == 0) {
        a->handed[a->nhanded++] = fd;
        acceptor_post(a);
    }
    nu_unlock(&a->lock);
    return err;
}

void nu_acceptor_close(struct nu_acceptor *a)
{
    nu_lock(&a->lock);
    if (!a->closed) { /* else the loop has ended it, and may be gone */
        a->closed = true;
        acceptor_post(a);
    }
    nu_unlock(&a->lock);
}
