/* SPDX-License-Identifier: MIT */
#include "http/server.h"

#include "base/clock.h"
#include "base/error.h"
#include "http/handler.h"
#include "io/placement.h"
#include "io/runtime.h"
#include "net/address.h"
#include "wire/scheme.h"

#include <errno.h>
#include <fcntl.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct nu_list all = { &all, &all };

/* ---- Holding ------------------------------------------------------------------------------ */

void nu_server_free(nng_http_server *server)
{
    struct nu_router *router = atomic_load(&server->router);
    for (unsigned i = 0; router != NULL && i < router->n; i++) {
        nu_handler_drop(router->v[i]); /* the hold that came with nng_http_server_add_handler() */
    }
    nu_router_free(router);
    nu_error_pages_fini(&server->pages);
    nng_tls_config_free(server->tls);
    nu_sockets_close(&server->sockets);
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->changed);
    free(server->host);
    free(server->service);
    free(server->shards);
    free(server);
}

static int server_make_server(nng_http_server **serverp, const nng_url *url)
{
    nng_http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return NNG_ENOMEM;
    }
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&server->lock, NULL);
    nu_list_init(&server->link);
    nu_error_pages_init(&server->pages);
    int err = nu_limits_init(server->limits);
    server->holds = 1;
    server->host = strdup(url->u_hostname);
    server->service = strdup(url->u_port);
    atomic_init(&server->router, nu_router_new());
    struct nu_scheme scheme = nu_scheme_find(url->u_scheme);
    server->secure = scheme.secure;
    err = scheme.http ? err : NNG_EADDRINVAL;
    if (err == 0 && scheme.secure) {
        err = nng_tls_config_alloc(&server->tls, NNG_TLS_MODE_SERVER);
    }
    if (server->host == NULL || server->service == NULL || atomic_load(&server->router) == NULL) {
        err = NNG_ENOMEM;
    }
    if (err == 0) {
        err = nu_listen_addrs_find(&server->addrs, server->host, server->service, scheme.family);
    }
    if (err != 0) {
        nu_server_free(server);
        return err;
    }
    *serverp = server;
    return 0;
}

/* Of paths each byte counts. */
static bool server_is_for(const nng_http_server *server, const nng_url *url)
{
    struct nu_scheme scheme = nu_scheme_find(url->u_scheme);
    bool path = server->addrs.family == AF_UNIX;
    return server->secure == scheme.secure && path == (scheme.family == AF_UNIX) &&
           (path ? strcmp : strcasecmp)(server->host, url->u_hostname) == 0 &&
           strcmp(server->service, url->u_port) == 0;
}

/* With `all_lock` held: one more hold on the server for this host and port, or NULL. */
static nng_http_server *server_hold_existing(const nng_url *url)
{
    for (struct nu_list *n = all.next; n != &all; n = n->next) {
        nng_http_server *server = nu_container(n, nng_http_server, link);
        if (server_is_for(server, url)) {
            pthread_mutex_lock(&server->lock);
            server->holds++;
            pthread_mutex_unlock(&server->lock);
            return server;
        }
    }
    return NULL;
}

/* Making one may have to look its name up, which takes its time: nobody else waits for that. */
int nng_http_server_hold(nng_http_server **serverp, const nng_url *url)
{
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    pthread_mutex_lock(&all_lock);
    nng_http_server *server = server_hold_existing(url), *made = NULL;
    pthread_mutex_unlock(&all_lock);
    if (server == NULL) {
        err = server_make_server(&made, url);
        if (err != 0) {
            return err;
        }
        pthread_mutex_lock(&all_lock);
        server = server_hold_existing(url);
        if (server == NULL) {
            nu_list_append(&all, &made->link);
            server = made;
            made = NULL;
        }
        pthread_mutex_unlock(&all_lock);
    }
    if (made != NULL) {
        nu_server_free(made); /* somebody else was faster */
    }
    *serverp = server;
    return 0;
}

/* ---- Starting and stopping ---------------------------------------------------------------- */

/* A shard's last word, unless a task for it is still to run. The server goes with its last shard if
 * nobody holds it. */
static bool server_shard_gone(struct nu_server_shard *shard)
{
    nng_http_server *server = shard->server;
    pthread_mutex_lock(&server->lock);
    if (shard->posted > 0) {
        pthread_mutex_unlock(&server->lock);
        return false;
    }
    if (server->shards != NULL && shard->index < server->nshards &&
        server->shards[shard->index] == shard) {
        server->shards[shard->index] = NULL;
    }
    if (--server->alive == 0 && server->bound == NULL) {
        nu_listen_addrs_leave(&server->addrs); /* nng_fini() has ended them all */
    }
    bool last = server->alive == 0 && server->holds == 0;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    nu_list_remove(&shard->hook.link);
    nu_server_shard_free(shard);
    if (last) {
        nu_server_free(server);
    }
    return true;
}

static bool server_pass(struct nu_server_shard *from, struct nu_guest *guest, uint64_t since)
{
    nng_http_server *server = from->server;
    struct nu_server_shard *to = NULL;
    pthread_mutex_lock(&server->lock);
    for (unsigned i = 0; i < server->nshards; i++) {
        struct nu_server_shard *shard = server->shards[i];
        if (shard != NULL && shard != from && !shard->shut &&
            atomic_load_explicit(&shard->service.idle_since, memory_order_relaxed) < since) {
            since = atomic_load_explicit(&shard->service.idle_since, memory_order_relaxed);
            to = shard;
        }
    }
    if (to != NULL) {
        nu_server_shard_send(to, guest);
    }
    pthread_mutex_unlock(&server->lock);
    return to != NULL;
}

static void server_free_shards(struct nu_server_shard **shards, unsigned n)
{
    for (unsigned i = 0; shards != NULL && i < n; i++) {
        nu_server_shard_free(shards[i]);
    }
    free(shards);
}

/* With the lock held: has it listen, unless it does. A loop is to have a socket for each address,
 * or a share of what the server was given, and one of those at least. */
static int server_bind(nng_http_server *server, unsigned loops)
{
    unsigned shared = server->sockets.n;
    unsigned n = shared == 0 ? server->addrs.n * loops : shared > loops ? shared : loops;
    if (server->bound != NULL) {
        return 0;
    }
    int *fds = calloc(n, sizeof *fds);
    if (fds == NULL) {
        return NNG_ENOMEM;
    }
    int err = shared > 0 ? nu_sockets_share(&server->sockets, fds, loops)
                         : nu_listen_addrs_bind(&server->addrs, fds, loops);
    if (err != 0) {
        free(fds);
        return err;
    }
    server->bound = fds;
    server->nbound = n;
    return 0;
}

/* With the lock held: of one that was not started since. */
static void server_unbind(nng_http_server *server)
{
    nu_listen_addrs_leave(&server->addrs);
    for (unsigned i = 0; i < server->nbound; i++) {
        if (server->bound[i] >= 0) {
            close(server->bound[i]);
        }
    }
    free(server->bound);
    server->bound = NULL;
    server->nbound = 0;
}

static struct nu_server_shard **server_make_shards(nng_http_server *server, unsigned n)
{
    uint64_t limits[NU_LIMITS];
    memcpy(limits, server->limits, sizeof limits);
    limits[NNG_URING_COLLECT_BYTES] = nu_limit_collect_bytes(limits);
    struct nu_shard_setup setup = { .server = server,
                                    .lock = &server->lock,
                                    .changed = &server->changed,
                                    .gone = server_shard_gone,
                                    .pass = server_pass,
                                    .places = nu_places_of(server->limits[NNG_URING_CONNECTIONS],
                                                           &server->connections),
                                    .listeners = (server->nbound + n - 1) / n,
                                    .table = &server->router,
                                    .pages = &server->pages,
                                    .collected = &server->collected,
                                    .limits = limits,
                                    .trusted = &server->trusted,
                                    .proxied = server->proxied,
                                    .hook = server->hook,
                                    .hook_arg = server->hook_arg,
                                    .get_tls = server->secure ? nng_http_server_get_tls : NULL };
    struct nu_server_shard **shards = calloc(n, sizeof(struct nu_server_shard *));
    for (unsigned i = 0; shards != NULL && i < n; i++) {
        shards[i] = nu_server_shard_new(&setup, i);
        if (shards[i] == NULL) {
            server_free_shards(shards, i);
            return NULL;
        }
    }
    return shards;
}

/* With the lock held: binds for every loop, if that is not done, and has the loops accept. */
static int server_start_shards(nng_http_server *server)
{
    unsigned n = nu_runtime_count();
    bool was_bound = server->bound != NULL;
    int err = server_bind(server, n);
    struct nu_server_shard **shards = err == 0 ? server_make_shards(server, n) : NULL;
    if (shards == NULL) {
        if (err == 0 && !was_bound) {
            server_unbind(server);
        }
        return err != 0 ? err : NNG_ENOMEM;
    }
    nu_places_measure();
    free(server->shards);
    server->shards = shards;
    server->nshards = n;
    server->alive += n;
    bool one =
        server->addrs.family == AF_UNIX || server->addrs.reuseport == NNG_URING_REUSEPORT_OFF;
    enum nu_sharing sharing = server->sockets.n > 0 ? NU_SHARED_WITH_OTHERS
                              : one                 ? NU_SHARED_BY_LOOPS
                                                    : NU_SHARED_WITH_NOBODY;
    for (unsigned i = 0; i < server->nbound; i++) {
        nu_server_shard_listen(shards[i % n], server->bound[i], sharing);
    }
    for (unsigned i = 0; i < n; i++) {
        nu_server_shard_start(shards[i]);
    }
    free(server->bound);
    server->bound = NULL;
    server->nbound = 0;
    return 0;
}

static int server_try_start(nng_http_server *server)
{
    pthread_mutex_lock(&server->lock);
    int err = server->drains > 0 ? NNG_EBUSY : server->starts > 0 ? 0 : server_start_shards(server);
    if (err == 0) {
        server->starts++;
    }
    pthread_mutex_unlock(&server->lock);
    return err;
}

static int server_try_bind(nng_http_server *server)
{
    pthread_mutex_lock(&server->lock);
    int err = server->starts > 0 || server->drains > 0 ? NNG_EBUSY
                                                       : server_bind(server, nu_runtime_wanted());
    pthread_mutex_unlock(&server->lock);
    return err;
}

/* The sockets of a process that was killed go with its ring, which the kernel takes down a little
 * after the process. Nothing is held while we wait for that, and no loop waits. */
static int server_insist(nng_http_server *server, int (*attempt)(nng_http_server *server))
{
    uint64_t until = nu_now() + NU_IN_USE_WAIT;
    int err;
    while ((err = attempt(server)) == NNG_EADDRINUSE && nu_loop_self() == NULL &&
           nu_now() < until) {
        nu_nap(10);
    }
    return err;
}

int nng_http_server_start(nng_http_server *server)
{
    int err = nu_runtime_start();
    return err != 0 ? err : server_insist(server, server_try_start);
}

int nng_uring_server_bind(nng_http_server *server)
{
    int err = nu_runtime_check_fork();
    return err != 0 ? err : server_insist(server, server_try_bind);
}

/* With the lock held. The address is free for others, or for a new start, at once. */
static void server_stop_shards(nng_http_server *server)
{
    server_unbind(server);
    for (unsigned i = 0; i < server->nshards; i++) {
        if (server->shards[i] != NULL) {
            nu_server_shard_shut(server->shards[i]);
            nu_server_shard_stop(server->shards[i]);
        }
    }
    free(server->shards);
    server->shards = NULL;
    server->nshards = 0;
}

void nng_http_server_stop(nng_http_server *server)
{
    if (nu_runtime_forked()) {
        return; /* it is the parent's */
    }
    pthread_mutex_lock(&server->lock);
    if (server->starts > 0 && --server->starts == 0) {
        server_stop_shards(server);
    }
    pthread_mutex_unlock(&server->lock);
}

/* With the lock held: until all shards have gone, or the time has come. */
static int server_wait_quiet(nng_http_server *server, nng_duration ms)
{
    uint64_t until = nu_now() + (uint64_t) (ms > 0 ? ms : 0) * NU_MS;
    struct timespec ts = { (time_t) (until / NU_SECOND), (long) (until % NU_SECOND) };
    int err = 0;
    while (server->alive > 0 && err != ETIMEDOUT) {
        err = ms < 0 ? pthread_cond_wait(&server->changed, &server->lock)
                     : pthread_cond_timedwait(&server->changed, &server->lock, &ts);
    }
    return server->alive == 0 ? 0 : NNG_ETIMEDOUT;
}

/* With the lock held: until no loop accepts. */
static void server_wait_deaf(nng_http_server *server)
{
    for (unsigned i = 0; i < server->nshards; i++) {
        while (i < server->nshards && server->shards[i] != NULL &&
               server->shards[i]->nlisteners > 0 && !server->shards[i]->deaf) {
            pthread_cond_wait(&server->changed, &server->lock);
        }
    }
}

int nng_uring_server_add_socket(nng_http_server *server, int fd)
{
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    pthread_mutex_lock(&server->lock);
    err = server->starts > 0 || server->bound != NULL ? NNG_EBUSY
                                                      : nu_sockets_add(&server->sockets, fd);
    pthread_mutex_unlock(&server->lock);
    return err;
}

int nng_uring_server_retire(nng_http_server *server)
{
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    pthread_mutex_lock(&server->lock);
    for (unsigned i = 0; i < server->nshards; i++) {
        if (server->shards[i] != NULL) {
            nu_server_shard_retire(server->shards[i]);
        }
    }
    pthread_mutex_unlock(&server->lock);
    return 0;
}

/* With the lock held: duplicates of what its shards listen on. How many there are, or as many as
 * went well with *err. */
static size_t server_copy_sockets(nng_http_server *server, int *fds, size_t room, int *err)
{
    size_t n = 0;
    *err = 0;
    for (unsigned i = 0; i < server->nshards; i++) {
        struct nu_server_shard *shard = server->shards[i];
        unsigned listeners = shard != NULL && !shard->shut ? shard->nlisteners : 0;
        for (unsigned k = 0; k < listeners; k++, n++) {
            if (n < room) {
                fds[n] = fcntl(shard->listeners[k].fd, F_DUPFD_CLOEXEC, 0);
                if (fds[n] < 0) {
                    *err = nu_error_from_errno(errno);
                    return n;
                }
            }
        }
    }
    return n;
}

int nng_uring_server_get_sockets(nng_http_server *server, int *fds, size_t *count)
{
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    pthread_mutex_lock(&server->lock);
    size_t n = server_copy_sockets(server, fds, *count, &err);
    size_t copied = n < *count ? n : *count;
    err = err != 0 ? err : n == 0 ? NNG_ESTATE : n > *count ? NNG_EMSGSIZE : 0;
    while (err != 0 && copied > 0) {
        close(fds[--copied]);
    }
    for (unsigned i = 0; err == 0 && i < server->nshards; i++) {
        if (server->shards[i] != NULL && !server->shards[i]->shut) {
            nu_server_shard_share(server->shards[i]);
        }
    }
    server->addrs.made = server->addrs.made && err != 0; /* the file is for who has the sockets */
    pthread_mutex_unlock(&server->lock);
    *count = n;
    return err;
}

int nng_uring_server_leave(nng_http_server *server, nng_duration ms)
{
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    if (nu_loop_self() != NULL || nu_call_of_user()) {
        return NNG_ESTATE;
    }
    pthread_mutex_lock(&server->lock);
    for (unsigned i = 0; i < server->nshards; i++) {
        if (server->shards[i] != NULL) {
            nu_server_shard_leave(server->shards[i]);
        }
    }
    server_wait_deaf(server);
    err = server_wait_quiet(server, ms);
    pthread_mutex_unlock(&server->lock);
    return err;
}

int nng_uring_server_drain(nng_http_server *server, nng_duration ms)
{
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    if (nu_loop_self() != NULL || nu_call_of_user()) {
        return NNG_ESTATE;
    }
    pthread_mutex_lock(&server->lock);
    nu_listen_addrs_leave(&server->addrs);
    for (unsigned i = 0; i < server->nshards; i++) {
        if (server->shards[i] != NULL) {
            nu_server_shard_drain(server->shards[i]);
        }
    }
    server->starts = 0;
    server->drains++;
    err = server_wait_quiet(server, ms);
    server->drains--;
    server_stop_shards(server);
    pthread_mutex_unlock(&server->lock);
    return err;
}

void nng_http_server_release(nng_http_server *server)
{
    if (server == NULL || nu_runtime_forked()) {
        return;
    }
    pthread_mutex_lock(&all_lock);
    pthread_mutex_lock(&server->lock);
    bool last = --server->holds == 0;
    if (last) {
        nu_list_remove(&server->link);
        server->starts = 0;
        server_stop_shards(server);
    }
    bool gone = last && server->alive == 0;
    pthread_mutex_unlock(&server->lock);
    pthread_mutex_unlock(&all_lock);
    if (gone) {
        nu_server_free(server);
    }
}

int nng_http_server_get_addr(nng_http_server *server, nng_sockaddr *addr)
{
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    err = NNG_ESTATE;
    pthread_mutex_lock(&server->lock);
    if (server->nshards > 0 && server->shards[0] != NULL && !server->shards[0]->shut) {
        err = nu_address_of_socket(server->shards[0]->listeners[0].fd, false, addr);
    }
    for (unsigned i = 0; i < server->nbound && err != 0; i++) { /* -1: not an address of here */
        err = server->bound[i] >= 0 ? nu_address_of_socket(server->bound[i], false, addr) : err;
    }
    pthread_mutex_unlock(&server->lock);
    return err;
}
