/* SPDX-License-Identifier: MIT */
#include "http/server_shard.h"

#include "http/server.h"
#include "http/session.h"
#include "io/runtime.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct nu_router *nu_server_shard_router(const struct nu_server_shard *shard)
{
    return atomic_load_explicit(&shard->server->router, memory_order_acquire);
}

/* ---- The end ------------------------------------------------------------------------------ */

/* Frees the shard when nothing is left of it, and its server when that was all that kept it. */
static void server_shard_check_gone(struct nu_server_shard *shard)
{
    nng_http_server *server = shard->server;
    if (shard->listening > 0 || shard->nsessions > 0) {
        return;
    }
    pthread_mutex_lock(&server->lock);
    if (shard->posted > 0) {
        pthread_mutex_unlock(&server->lock);
        return; /* the task comes here again */
    }
    if (server->shards != NULL && shard->index < server->nshards &&
        server->shards[shard->index] == shard) {
        server->shards[shard->index] = NULL;
    }
    server->alive--;
    bool last = server->alive == 0 && server->holds == 0;
    pthread_cond_broadcast(&server->quiet);
    pthread_mutex_unlock(&server->lock);
    nu_list_remove(&shard->hook.link);
    nu_response_batch_free_all(&shard->spare_batches);
    nu_file_bufpool_free(&shard->file_buffers);
    free(shard);
    if (last) {
        nu_server_free(server);
    }
}

void nu_server_shard_session_ended(struct nu_server_shard *shard)
{
    shard->nsessions--;
    atomic_fetch_sub_explicit(&shard->server->connections, 1, memory_order_relaxed);
    server_shard_check_gone(shard);
}

/* Each session leaves the list, or stays in it to finish what it has in hand. */
static void server_shard_for_each_session(struct nu_server_shard *shard,
                                          void (*act)(struct nu_session *session))
{
    struct nu_list *next;
    for (struct nu_list *n = shard->sessions.next; n != &shard->sessions; n = next) {
        next = n->next;
        act(nu_container(n, struct nu_session, link));
    }
}

static void server_shard_end_port(struct nu_server_shard *shard,
                                  void (*act)(struct nu_session *session))
{
    bool stopping = shard->draining;
    shard->draining = true;
    shard->nsessions++; /* keeps the shard while it is being ended */
    server_shard_for_each_session(shard, act);
    if (!stopping) {
        for (unsigned i = 0; i < shard->nlisteners; i++) {
            nu_listener_stop(&shard->listeners[i]);
        }
    }
    shard->nsessions--;
    server_shard_check_gone(shard);
}

/* nng_fini() */
static void server_shard_on_stop(struct nu_loop_hook *hook)
{
    struct nu_server_shard *shard = nu_container(hook, struct nu_server_shard, hook);
    pthread_mutex_lock(&shard->server->lock);
    shard->shut = true; /* the listener's descriptor is about to go */
    pthread_mutex_unlock(&shard->server->lock);
    server_shard_end_port(shard, nu_session_stop);
}

/* ---- Listening ---------------------------------------------------------------------------- */

static bool server_shard_may_accept(struct nu_listener *listener)
{
    const struct nu_server_shard *shard = listener->user;
    return atomic_load_explicit(&shard->server->connections, memory_order_relaxed) <
           shard->limits[NNG_URING_CONNECTIONS];
}

static void server_shard_accepted(struct nu_listener *listener, int fd)
{
    struct nu_server_shard *shard = listener->user;
    nng_http_server *server = shard->server;
    unsigned long others = atomic_fetch_add(&server->connections, 1); /* those of all loops */
    shard->nsessions++;
    if (others >= shard->limits[NNG_URING_CONNECTIONS] || nu_session_start(shard, fd) != 0) {
        shard->nsessions--;
        atomic_fetch_sub_explicit(&server->connections, 1, memory_order_relaxed);
        close(fd);
    }
}

static void server_shard_listener_gone(struct nu_listener *listener)
{
    struct nu_server_shard *shard = listener->user;
    shard->listening--;
    server_shard_check_gone(shard);
}

/* ---- Tasks -------------------------------------------------------------------------------- */

static void server_shard_task_ran(struct nu_server_shard *shard)
{
    pthread_mutex_lock(&shard->server->lock);
    shard->posted--;
    pthread_mutex_unlock(&shard->server->lock);
}

static void server_shard_run_start(struct nu_task *task)
{
    struct nu_server_shard *shard = nu_container(task, struct nu_server_shard, start);
    server_shard_task_ran(shard);
    for (unsigned i = 0; i < shard->nlisteners; i++) {
        nu_listener_start(&shard->listeners[i]);
    }
    nu_list_append(&shard->loop->hooks, &shard->hook.link);
}

static void server_shard_run_drain(struct nu_task *task)
{
    struct nu_server_shard *shard = nu_container(task, struct nu_server_shard, drain);
    server_shard_task_ran(shard);
    server_shard_end_port(shard, nu_session_drain);
}

static void server_shard_run_stop(struct nu_task *task)
{
    struct nu_server_shard *shard = nu_container(task, struct nu_server_shard, stop);
    server_shard_task_ran(shard);
    server_shard_end_port(shard, nu_session_stop);
}

static void server_shard_post(struct nu_server_shard *shard, struct nu_task *task)
{
    shard->posted++;
    nu_loop_post(shard->loop, task);
}

struct nu_server_shard *nu_server_shard_new(nng_http_server *server, unsigned index)
{
    size_t nfields = server->limits[NNG_URING_HEAD_FIELDS];
    struct nu_server_shard *shard = calloc(1, sizeof *shard + nfields * sizeof shard->fields[0]);
    if (shard != NULL) {
        shard->server = server;
        shard->index = index;
        shard->loop = nu_runtime_loop(index);
        shard->pages = &server->pages;
        shard->secure = server->secure;
        nu_task_init(&shard->start, server_shard_run_start);
        nu_task_init(&shard->drain, server_shard_run_drain);
        nu_task_init(&shard->stop, server_shard_run_stop);
        shard->hook.on_stop = server_shard_on_stop;
        memcpy(shard->limits, server->limits, sizeof shard->limits);
        shard->limits[NNG_URING_CONNECTIONS] = nu_limit_connections(server);
        nu_list_init(&shard->hook.link);
        nu_list_init(&shard->sessions);
        nu_list_init(&shard->spare_batches);
    }
    return shard;
}

void nu_server_shard_listen(struct nu_server_shard *shard, int fd)
{
    if (fd < 0) {
        return;
    }
    struct nu_listener *listener = &shard->listeners[shard->nlisteners++];
    listener->user = shard;
    listener->accepted = server_shard_accepted;
    listener->may_accept = server_shard_may_accept;
    listener->gone = server_shard_listener_gone;
    nu_listener_init(listener, shard->loop, fd);
    shard->listening++;
}

void nu_server_shard_start(struct nu_server_shard *shard)
{
    server_shard_post(shard, &shard->start);
}

bool nu_server_shard_shut(struct nu_server_shard *shard)
{
    if (shard->shut) {
        return false;
    }
    shard->shut = true;
    for (unsigned i = 0; i < shard->nlisteners; i++) {
        nu_listener_shut(&shard->listeners[i]);
    }
    return true;
}

void nu_server_shard_drain(struct nu_server_shard *shard)
{
    server_shard_post(shard, &shard->drain);
}

void nu_server_shard_stop(struct nu_server_shard *shard)
{
    server_shard_post(shard, &shard->stop);
}
