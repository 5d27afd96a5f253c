/* SPDX-License-Identifier: MIT */
/* What a server is given: handlers, limits, error pages. The functions are documented in
 * <nng/supplemental/http/http.h> and <nng/uring.h>. */
#include "http/handler.h"
#include "http/server.h"
#include "io/runtime.h"
#include "tls/tls.h"
#include "wire/message.h"

#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- Handlers ----------------------------------------------------------------------------- */

/* A routing table nobody is given any more; a loop may still be looking at it in its current turn.
 */
struct retired {
    struct nu_router *router;
    atomic_uint loops; /* that have not moved on */
    struct moved_on {
        struct nu_task task;
        struct retired *retired;
    } on[];
};

static void server_moved_on(struct nu_task *task)
{
    struct retired *retired = nu_container(task, struct moved_on, task)->retired;
    if (atomic_fetch_sub(&retired->loops, 1) == 1) {
        nu_router_free(retired->router);
        free(retired);
    }
}

/* With the lock held: puts a new table in force and sees the old one off. */
static int server_replace_router(nng_http_server *server, struct nu_router *router)
{
    unsigned n = nu_runtime_count();
    struct retired *retired = malloc(sizeof *retired + n * sizeof retired->on[0]);
    if (retired == NULL) {
        nu_router_free(router);
        return NNG_ENOMEM;
    }
    retired->router = atomic_exchange(&server->router, router);
    atomic_init(&retired->loops, n + 1);
    for (unsigned i = 0; i < n; i++) {
        nu_task_init(&retired->on[i].task, server_moved_on);
        retired->on[i].retired = retired;
        nu_loop_post(nu_runtime_loop(i), &retired->on[i].task);
    }
    if (atomic_fetch_sub(&retired->loops, 1) == 1) {
        nu_router_free(retired->router);
        free(retired);
    }
    return 0;
}

/* With the lock held: adds a handler to the table, or to `base`, which takes its place. */
static int server_put_handler(nng_http_server *server, const struct nu_router *base,
                              nng_http_handler *handler)
{
    struct nu_router *router;
    bool no = false;
    int err = nu_router_with(base, handler, &router);
    if (err == 0 && !atomic_compare_exchange_strong(&handler->served, &no, true)) {
        nu_router_free(router);
        err = NNG_EBUSY; /* another server has it */
    } else if (err == 0) {
        bool was = atomic_exchange(&handler->added, true);
        if (handler->kind == NU_HANDLER_FILE || handler->kind == NU_HANDLER_DIRECTORY) {
            nu_places_serve_files();
        }
        err = server_replace_router(server, router);
        if (err != 0) {
            atomic_store(&handler->added, was);
            atomic_store(&handler->served, false);
        }
    }
    return err;
}

int nng_http_server_add_handler(nng_http_server *server, nng_http_handler *handler)
{
    if (!nu_handler_complete(handler)) {
        return NNG_EINVAL;
    }
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    pthread_mutex_lock(&server->lock);
    err = server_put_handler(server, atomic_load(&server->router), handler);
    pthread_mutex_unlock(&server->lock);
    return err;
}

int nng_uring_server_replace_handler(nng_http_server *server, nng_http_handler *old,
                                     nng_http_handler *fresh)
{
    struct nu_router *without;
    if (!nu_handler_complete(fresh)) {
        return NNG_EINVAL;
    }
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    pthread_mutex_lock(&server->lock);
    err = nu_router_without(atomic_load(&server->router), old, &without);
    if (err == 0) {
        err = server_put_handler(server, without, fresh);
        nu_router_free(without);
    }
    if (err == 0) {
        atomic_store(&old->served, false);
    }
    pthread_mutex_unlock(&server->lock);
    return err;
}

int nng_http_server_del_handler(nng_http_server *server, nng_http_handler *handler)
{
    struct nu_router *router;
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    pthread_mutex_lock(&server->lock);
    err = nu_router_without(atomic_load(&server->router), handler, &router);
    if (err == 0) {
        err = server_replace_router(server, router);
    }
    if (err == 0) {
        atomic_store(&handler->served, false);
    }
    pthread_mutex_unlock(&server->lock);
    return err;
}

/* ---- Its socket --------------------------------------------------------------------------- */

int nng_uring_server_set_reuseport(nng_http_server *server, enum nng_uring_reuseport how)
{
    if (server->addrs.family == AF_UNIX || how < 0 || how > NNG_URING_REUSEPORT_OFF) {
        return server->addrs.family == AF_UNIX ? NNG_ENOTSUP : NNG_EINVAL;
    }
    pthread_mutex_lock(&server->lock);
    int err = server->starts > 0 || server->bound != NULL ? NNG_EBUSY : 0;
    if (err == 0) {
        server->addrs.reuseport = how;
    }
    pthread_mutex_unlock(&server->lock);
    return err;
}

int nng_uring_server_set_permissions(nng_http_server *server, int mode)
{
    if (server->addrs.family != AF_UNIX || (mode & ~07777) != 0) {
        return server->addrs.family != AF_UNIX ? NNG_ENOTSUP : NNG_EINVAL;
    }
    pthread_mutex_lock(&server->lock);
    int err = server->starts > 0 || server->bound != NULL ? NNG_EBUSY : 0;
    if (err == 0) {
        server->addrs.mode = mode;
    }
    pthread_mutex_unlock(&server->lock);
    return err;
}

/* ---- What it puts up with, and its error pages -------------------------------------------- */

/* With the lock held. */
static void server_change_shards(nng_http_server *server)
{
    uint64_t limits[NU_LIMITS];
    memcpy(limits, server->limits, sizeof limits);
    limits[NNG_URING_COLLECT_BYTES] = nu_limit_collect_bytes(limits);
    for (unsigned i = 0; i < server->nshards; i++) {
        if (server->shards[i] != NULL) {
            nu_server_shard_change(server->shards[i], limits);
        }
    }
}

/* `late`: also of one that runs, unless memory was measured by the limit. */
static int server_put_limit(nng_http_server *server, enum nng_uring_limit limit, uint64_t value,
                            bool late)
{
    uint64_t limits[NU_LIMITS];
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    late = late && limit != NNG_URING_HEAD_FIELDS && limit != NNG_URING_CONNECTIONS;
    pthread_mutex_lock(&server->lock);
    memcpy(limits, server->limits, sizeof limits);
    err = nu_limit_set(limits, limit, value);
    if (err == 0 && server->starts > 0 && !late) {
        err = NNG_EBUSY;
    }
    if (err == 0) {
        memcpy(server->limits, limits, sizeof limits);
    }
    if (err == 0 && late) {
        server_change_shards(server);
    }
    pthread_mutex_unlock(&server->lock);
    return err;
}

int nng_uring_server_set_limit(nng_http_server *server, enum nng_uring_limit limit, uint64_t value)
{
    return server_put_limit(server, limit, value, false);
}

int nng_uring_server_change_limit(nng_http_server *server, enum nng_uring_limit limit,
                                  uint64_t value)
{
    return server_put_limit(server, limit, value, true);
}

int nng_uring_server_get_limit(nng_http_server *server, enum nng_uring_limit limit, uint64_t *value)
{
    if ((unsigned) limit >= NU_LIMITS) {
        return NNG_EINVAL;
    }
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    pthread_mutex_lock(&server->lock);
    *value = server->limits[limit];
    if (limit == NNG_URING_CONNECTIONS && *value == 0) {
        if (server->starts == 0) {
            nu_places_measure();
        }
        *value = nu_places_shared();
    } else if (limit == NNG_URING_COLLECT_BYTES) {
        *value = nu_limit_collect_bytes(server->limits);
    }
    pthread_mutex_unlock(&server->lock);
    return 0;
}

int nng_uring_server_set_request_hook(nng_http_server *server, nng_uring_request_hook hook,
                                      void *arg)
{
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    pthread_mutex_lock(&server->lock);
    err = server->starts > 0 ? NNG_EBUSY : 0;
    if (err == 0) {
        server->hook = hook;
        server->hook_arg = arg;
    }
    pthread_mutex_unlock(&server->lock);
    return err;
}

int nng_uring_server_set_trusted(nng_http_server *server, const char *peers, bool proxy)
{
    struct nu_networks networks = { 0 };
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    if (peers != NULL && !nu_networks_parse(&networks, peers)) {
        return NNG_EINVAL;
    }
    pthread_mutex_lock(&server->lock);
    err = server->starts > 0 ? NNG_EBUSY : 0;
    if (err == 0) {
        server->trusted = networks;
        server->proxied = proxy;
    }
    pthread_mutex_unlock(&server->lock);
    return err;
}

int nng_http_server_set_error_page(nng_http_server *server, uint16_t status, const char *html)
{
    return html == NULL ? NNG_EINVAL
                        : nu_error_pages_set(&server->pages, status, html, strlen(html));
}

int nng_http_server_set_error_file(nng_http_server *server, uint16_t status, const char *path)
{
    return nu_error_pages_load(&server->pages, status, path);
}

int nng_http_server_res_error(nng_http_server *server, nng_http_res *res)
{
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    err = nu_res_set_error(res, nng_http_res_get_status(res));
    return err != 0 ? err : nu_error_pages_apply(&server->pages, res);
}

int nng_uring_server_take_file(nng_http_server *server)
{
    int err = nu_runtime_check_fork();
    if (err != 0 || server->addrs.family != AF_UNIX) {
        return NNG_ENOTSUP;
    }
    pthread_mutex_lock(&server->lock);
    err = server->starts == 0  ? NNG_ESTATE
          : server->addrs.made ? 0
                               : nu_listen_addrs_take(&server->addrs);
    pthread_mutex_unlock(&server->lock);
    return err;
}

/* ---- TLS ---------------------------------------------------------------------------------- */

int nng_http_server_set_tls(nng_http_server *server, nng_tls_config *config)
{
    if (!server->secure) {
        return NNG_ENOTSUP;
    }
    if (config == NULL || nu_tls_mode(config) != NNG_TLS_MODE_SERVER) {
        return NNG_EINVAL;
    }
    nng_tls_config_hold(config);
    pthread_mutex_lock(&server->lock);
    nng_tls_config *old = server->tls;
    server->tls = config;
    pthread_mutex_unlock(&server->lock);
    nng_tls_config_free(old);
    return 0;
}

int nng_http_server_get_tls(nng_http_server *server, nng_tls_config **configp)
{
    if (!server->secure) {
        return NNG_ENOTSUP;
    }
    pthread_mutex_lock(&server->lock);
    *configp = server->tls;
    nng_tls_config_hold(*configp);
    pthread_mutex_unlock(&server->lock);
    return 0;
}
