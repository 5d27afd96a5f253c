#include "http/server.h"

#include "base/clock.h"
#include "base/error.h"
#include "http/handler.h"
#include "http/session.h"
#include "io/runtime.h"
#include "net/address.h"

#include <errno.h>
#include <netdb.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

struct nng_http_server {
    struct nu_list link; /* in the list of all; under `all_lock` */
    unsigned       holds;
    char          *host, *service; /* as in the URL; constant */
    int            family;         /* constant */

    _Atomic(struct nu_router *) router; /* read without a lock */

    pthread_mutex_t         lock;
    pthread_cond_t          quiet;    /* a port has gone */
    unsigned                starts;   /* under lock, like all that follows */
    bool                    draining; /* nng_uring_server_drain() waits for the ports to go */
    unsigned                alive;    /* ports that have not gone */
    unsigned                nports;
    struct nu_port        **ports; /* of the current run; NULL where one has gone */
    struct sockaddr_storage addr;  /* what it is bound to */
};

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct nu_list  all      = { &all, &all };

/* ---- Holding ------------------------------------------------------------------------------ */

static void free_server(nng_http_server *server)
{
    struct nu_router *router = atomic_load(&server->router);
    for (unsigned i = 0; router != NULL && i < router->n; i++) {
        nu_handler_drop(router->v[i]); /* the hold that came with nng_http_server_add_handler() */
    }
    nu_router_free(router);
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->quiet);
    free(server->host);
    free(server->service);
    free(server->ports);
    free(server);
}

static int scheme_family(const char *scheme, int *family)
{
    bool secure = strncmp(scheme, "https", 5) == 0 || strncmp(scheme, "wss", 3) == 0;
    char last   = scheme[0] != '\0' ? scheme[strlen(scheme) - 1] : '\0';
    if (secure) {
        return NNG_ENOTSUP;
    }
    *family = last == '4' ? AF_INET : last == '6' ? AF_INET6 : AF_UNSPEC;
    return strncmp(scheme, "http", 4) == 0 || strncmp(scheme, "ws", 2) == 0 ? 0 : NNG_EADDRINVAL;
}

/* The address to listen on: a literal, or the first one the name has. */
static int find_addr(nng_http_server *server)
{
    socklen_t len = sizeof server->addr;
    int err = nu_address_parse(server->host, server->service, server->family, &server->addr, &len);
    if (err != NNG_ENOENT) {
        return err;
    }
    struct addrinfo *list, hints = { .ai_family = server->family, .ai_socktype = SOCK_STREAM };
    if (getaddrinfo(server->host, server->service, &hints, &list) != 0) {
        return NNG_EADDRINVAL;
    }
    memcpy(&server->addr, list->ai_addr, list->ai_addrlen);
    freeaddrinfo(list);
    return 0;
}

static int make_server(nng_http_server **serverp, const nng_url *url)
{
    nng_http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return NNG_ENOMEM;
    }
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&server->quiet, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&server->lock, NULL);
    nu_list_init(&server->link);
    server->holds   = 1;
    server->host    = strdup(url->u_hostname);
    server->service = strdup(url->u_port);
    atomic_init(&server->router, nu_router_new());
    int err = scheme_family(url->u_scheme, &server->family);
    if (server->host == NULL || server->service == NULL || atomic_load(&server->router) == NULL) {
        err = NNG_ENOMEM;
    }
    if (err == 0) {
        err = find_addr(server);
    }
    if (err != 0) {
        free_server(server);
        return err;
    }
    *serverp = server;
    return 0;
}

/* With `all_lock` held: one more hold on the server for this host and port, or NULL. */
static nng_http_server *hold_existing(const nng_url *url)
{
    for (struct nu_list *n = all.next; n != &all; n = n->next) {
        nng_http_server *server = nu_container(n, nng_http_server, link);
        if (strcasecmp(server->host, url->u_hostname) == 0 &&
            strcmp(server->service, url->u_port) == 0) {
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
    pthread_mutex_lock(&all_lock);
    nng_http_server *server = hold_existing(url), *made = NULL;
    pthread_mutex_unlock(&all_lock);
    if (server == NULL) {
        int err = make_server(&made, url);
        if (err != 0) {
            return err;
        }
        pthread_mutex_lock(&all_lock);
        server = hold_existing(url);
        if (server == NULL) {
            nu_list_append(&all, &made->link);
            server = made;
            made   = NULL;
        }
        pthread_mutex_unlock(&all_lock);
    }
    if (made != NULL) {
        free_server(made); /* somebody else was faster */
    }
    *serverp = server;
    return 0;
}

/* ---- Ports, on their owners --------------------------------------------------------------- */

const struct nu_router *nu_port_router(const struct nu_port *port)
{
    return atomic_load_explicit(&port->server->router, memory_order_acquire);
}

/* Frees the port when nothing is left of it, and its server when that was all that kept it. */
static void check_gone(struct nu_port *port)
{
    nng_http_server *server = port->server;
    if (port->listening || port->nsessions > 0) {
        return;
    }
    pthread_mutex_lock(&server->lock);
    if (port->posted > 0) {
        pthread_mutex_unlock(&server->lock);
        return; /* the task comes here again */
    }
    if (server->ports != NULL && port->index < server->nports &&
        server->ports[port->index] == port) {
        server->ports[port->index] = NULL;
    }
    server->alive--;
    bool last = server->alive == 0 && server->holds == 0;
    pthread_cond_broadcast(&server->quiet);
    pthread_mutex_unlock(&server->lock);
    nu_list_remove(&port->resident.link);
    nu_out_free_all(&port->spare_outs);
    free(port);
    if (last) {
        free_server(server);
    }
}

void nu_port_session_ended(struct nu_port *port)
{
    port->nsessions--;
    check_gone(port);
}

static void accepted(struct nu_listener *listener, int fd)
{
    struct nu_port *port = nu_container(listener, struct nu_port, listener);
    port->nsessions++;
    if (nu_session_start(port, fd) != 0) {
        port->nsessions--;
        close(fd);
    }
}

static void listener_gone(struct nu_listener *listener)
{
    struct nu_port *port = nu_container(listener, struct nu_port, listener);
    port->listening      = false;
    check_gone(port);
}

/* Each session leaves the list, or stays in it to finish what it has in hand. */
static void for_each_session(struct nu_port *port, void (*act)(struct nu_session *session))
{
    struct nu_list *next;
    for (struct nu_list *n = port->sessions.next; n != &port->sessions; n = next) {
        next = n->next;
        act(nu_container(n, struct nu_session, link));
    }
}

static void end_port(struct nu_port *port, void (*act)(struct nu_session *session))
{
    bool stopping  = port->draining;
    port->draining = true;
    for_each_session(port, act);
    if (!stopping) {
        nu_listener_stop(&port->listener);
    }
}

static void task_ran(struct nu_port *port)
{
    pthread_mutex_lock(&port->server->lock);
    port->posted--;
    pthread_mutex_unlock(&port->server->lock);
}

static void run_start(struct nu_task *task)
{
    struct nu_port *port = nu_container(task, struct nu_port, start);
    task_ran(port);
    nu_listener_start(&port->listener);
    nu_list_append(&port->loop->residents, &port->resident.link);
}

static void run_drain(struct nu_task *task)
{
    struct nu_port *port = nu_container(task, struct nu_port, drain);
    task_ran(port);
    port->nsessions++; /* keeps the port while it is being ended */
    end_port(port, nu_session_drain);
    nu_port_session_ended(port);
}

static void run_stop(struct nu_task *task)
{
    struct nu_port *port = nu_container(task, struct nu_port, stop);
    task_ran(port);
    port->nsessions++;
    end_port(port, nu_session_stop);
    nu_port_session_ended(port);
}

/* nng_fini() */
static void evicted(struct nu_resident *resident)
{
    struct nu_port *port = nu_container(resident, struct nu_port, resident);
    pthread_mutex_lock(&port->server->lock);
    port->shut = true; /* the listener's descriptor is about to go */
    pthread_mutex_unlock(&port->server->lock);
    port->nsessions++;
    end_port(port, nu_session_stop);
    nu_port_session_ended(port);
}

/* ---- Starting and stopping ---------------------------------------------------------------- */

static void post(struct nu_port *port, struct nu_task *task)
{
    port->posted++;
    nu_loop_post(port->loop, task);
}

/* With the lock held. Frees the address; false when that has been done before. */
static bool shut_port(struct nu_port *port)
{
    if (port->shut) {
        return false;
    }
    port->shut = true;
    nu_listener_shut(&port->listener);
    return true;
}

static struct nu_port *make_port(nng_http_server *server, unsigned index)
{
    struct nu_port *port = calloc(1, sizeof *port);
    if (port != NULL) {
        port->server            = server;
        port->index             = index;
        port->loop              = nu_runtime_loop(index);
        port->listening         = true;
        port->start.run         = run_start;
        port->drain.run         = run_drain;
        port->stop.run          = run_stop;
        port->resident.evict    = evicted;
        port->listener.accepted = accepted;
        port->listener.gone     = listener_gone;
        nu_list_init(&port->resident.link);
        nu_list_init(&port->sessions);
        nu_list_init(&port->spare_outs);
    }
    return port;
}

static void free_ports(struct nu_port **ports, unsigned n)
{
    for (unsigned i = 0; ports != NULL && i < n; i++) {
        free(ports[i]);
    }
    free(ports);
}

static struct nu_port **make_ports(nng_http_server *server, unsigned n)
{
    struct nu_port **ports = calloc(n, sizeof(struct nu_port *));
    for (unsigned i = 0; ports != NULL && i < n; i++) {
        ports[i] = make_port(server, i);
        if (ports[i] == NULL) {
            free_ports(ports, i);
            return NULL;
        }
    }
    return ports;
}

/* With the lock held: binds for every loop, and has the loops accept. */
static int start_ports(nng_http_server *server)
{
    unsigned                n     = nu_runtime_count();
    int                    *fds   = malloc(n * sizeof *fds);
    struct nu_port        **ports = make_ports(server, n);
    struct sockaddr_storage addr  = server->addr;
    int                     err   = NNG_ENOMEM;
    if (fds != NULL && ports != NULL) {
        err = nu_listen_bind(fds, n, &addr, server->family == AF_INET6);
    }
    if (err != 0) {
        free_ports(ports, n);
        free(fds);
        return err;
    }
    free(server->ports);
    server->ports  = ports;
    server->nports = n;
    server->alive += n;
    for (unsigned i = 0; i < n; i++) {
        nu_listener_init(&ports[i]->listener, ports[i]->loop, fds[i]);
        post(ports[i], &ports[i]->start);
    }
    free(fds);
    return 0;
}

int nng_http_server_start(nng_http_server *server)
{
    int err = nu_runtime_start();
    if (err != 0) {
        return err;
    }
    pthread_mutex_lock(&server->lock);
    err = server->draining ? NNG_EBUSY : server->starts > 0 ? 0 : start_ports(server);
    if (err == 0) {
        server->starts++;
    }
    pthread_mutex_unlock(&server->lock);
    return err;
}

/* With the lock held. The address is free for others, or for a new start, at once. */
static void stop_ports(nng_http_server *server)
{
    for (unsigned i = 0; i < server->nports; i++) {
        if (server->ports[i] != NULL) {
            shut_port(server->ports[i]);
            post(server->ports[i], &server->ports[i]->stop);
        }
    }
    free(server->ports);
    server->ports  = NULL;
    server->nports = 0;
}

void nng_http_server_stop(nng_http_server *server)
{
    pthread_mutex_lock(&server->lock);
    if (server->starts > 0 && --server->starts == 0) {
        stop_ports(server);
    }
    pthread_mutex_unlock(&server->lock);
}

/* With the lock held: until all ports have gone, or the time has come. */
static int wait_quiet(nng_http_server *server, uint64_t until)
{
    struct timespec ts  = { (time_t) (until / NU_SECOND), (long) (until % NU_SECOND) };
    int             err = 0;
    while (server->alive > 0 && err != ETIMEDOUT) {
        err = pthread_cond_timedwait(&server->quiet, &server->lock, &ts);
    }
    return server->alive == 0 ? 0 : NNG_ETIMEDOUT;
}

int nng_uring_server_drain(nng_http_server *server, nng_duration ms)
{
    if (nu_loop_self() != NULL) {
        return NNG_ESTATE;
    }
    pthread_mutex_lock(&server->lock);
    for (unsigned i = 0; i < server->nports; i++) {
        if (server->ports[i] != NULL && shut_port(server->ports[i])) {
            post(server->ports[i], &server->ports[i]->drain);
        }
    }
    server->starts   = 0;
    server->draining = true;
    int err          = wait_quiet(server, nu_now() + (uint64_t) (ms > 0 ? ms : 0) * NU_MS);
    server->draining = false;
    stop_ports(server);
    pthread_mutex_unlock(&server->lock);
    return err;
}

void nng_http_server_release(nng_http_server *server)
{
    if (server == NULL) {
        return;
    }
    pthread_mutex_lock(&all_lock);
    pthread_mutex_lock(&server->lock);
    bool last = --server->holds == 0;
    if (last) {
        nu_list_remove(&server->link);
        server->starts = 0;
        stop_ports(server);
    }
    bool gone = last && server->alive == 0;
    pthread_mutex_unlock(&server->lock);
    pthread_mutex_unlock(&all_lock);
    if (gone) {
        free_server(server);
    }
}

int nng_http_server_get_addr(nng_http_server *server, nng_sockaddr *addr)
{
    struct sockaddr_storage ss;
    socklen_t               len = sizeof ss;
    int                     err = NNG_ESTATE;
    pthread_mutex_lock(&server->lock);
    if (server->nports > 0 && server->ports[0] != NULL && !server->ports[0]->shut) {
        err = getsockname(server->ports[0]->listener.fd, (struct sockaddr *) &ss, &len) == 0
                  ? 0
                  : nu_error_from_errno(errno);
    }
    pthread_mutex_unlock(&server->lock);
    return err != 0 ? err : nu_address_to_nng((struct sockaddr *) &ss, addr);
}

/* ---- Handlers ----------------------------------------------------------------------------- */

/* A routing table nobody is given any more; a loop may still be looking at it in its current turn.
 */
struct retired {
    struct nu_router *router;
    atomic_uint       loops; /* that have not moved on */
    struct moved_on {
        struct nu_task  task;
        struct retired *retired;
    } on[];
};

static void moved_on(struct nu_task *task)
{
    struct retired *retired = nu_container(task, struct moved_on, task)->retired;
    if (atomic_fetch_sub(&retired->loops, 1) == 1) {
        nu_router_free(retired->router);
        free(retired);
    }
}

/* With the lock held: puts a new table in force and sees the old one off. */
static int replace_router(nng_http_server *server, struct nu_router *router)
{
    unsigned        n       = nu_runtime_count();
    struct retired *retired = malloc(sizeof *retired + n * sizeof retired->on[0]);
    if (retired == NULL) {
        nu_router_free(router);
        return NNG_ENOMEM;
    }
    retired->router = atomic_exchange(&server->router, router);
    atomic_init(&retired->loops, n + 1);
    for (unsigned i = 0; i < n; i++) {
        retired->on[i].task.run = moved_on;
        retired->on[i].retired  = retired;
        nu_loop_post(nu_runtime_loop(i), &retired->on[i].task);
    }
    if (atomic_fetch_sub(&retired->loops, 1) == 1) {
        nu_router_free(retired->router);
        free(retired);
    }
    return 0;
}

int nng_http_server_add_handler(nng_http_server *server, nng_http_handler *handler)
{
    struct nu_router *router;
    bool              no = false;
    pthread_mutex_lock(&server->lock);
    int err = nu_router_with(atomic_load(&server->router), handler, &router);
    if (err == 0 && !atomic_compare_exchange_strong(&handler->served, &no, true)) {
        nu_router_free(router);
        err = NNG_EBUSY; /* another server has it */
    } else if (err == 0) {
        bool was = atomic_exchange(&handler->added, true);
        err      = replace_router(server, router);
        if (err != 0) {
            atomic_store(&handler->added, was);
            atomic_store(&handler->served, false);
        }
    }
    pthread_mutex_unlock(&server->lock);
    return err;
}

int nng_http_server_del_handler(nng_http_server *server, nng_http_handler *handler)
{
    struct nu_router *router;
    pthread_mutex_lock(&server->lock);
    int err = nu_router_without(atomic_load(&server->router), handler, &router);
    if (err == 0) {
        err = replace_router(server, router);
    }
    if (err == 0) {
        atomic_store(&handler->served, false);
    }
    pthread_mutex_unlock(&server->lock);
    return err;
}
