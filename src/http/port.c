#include "http/port.h"

#include "http/server.h"
#include "http/session.h"
#include "io/runtime.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct nu_router *nu_port_router(const struct nu_port *port)
{
    return atomic_load_explicit(&port->server->router, memory_order_acquire);
}

/* ---- The end ------------------------------------------------------------------------------ */

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
    nu_buffers_free(&port->file_buffers);
    free(port);
    if (last) {
        nu_server_free(server);
    }
}

void nu_port_session_ended(struct nu_port *port)
{
    port->nsessions--;
    atomic_fetch_sub_explicit(&port->server->connections, 1, memory_order_relaxed);
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
    port->nsessions++; /* keeps the port while it is being ended */
    for_each_session(port, act);
    if (!stopping) {
        nu_listener_stop(&port->listener);
    }
    port->nsessions--;
    check_gone(port);
}

/* nng_fini() */
static void evicted(struct nu_resident *resident)
{
    struct nu_port *port = nu_container(resident, struct nu_port, resident);
    pthread_mutex_lock(&port->server->lock);
    port->shut = true; /* the listener's descriptor is about to go */
    pthread_mutex_unlock(&port->server->lock);
    end_port(port, nu_session_stop);
}

/* ---- Listening ---------------------------------------------------------------------------- */

static bool may_accept(struct nu_listener *listener)
{
    const struct nu_port *port = nu_container(listener, struct nu_port, listener);
    return atomic_load_explicit(&port->server->connections, memory_order_relaxed) <
           port->limits[NNG_URING_CONNECTIONS];
}

static void accepted(struct nu_listener *listener, int fd)
{
    struct nu_port  *port   = nu_container(listener, struct nu_port, listener);
    nng_http_server *server = port->server;
    unsigned long    others = atomic_fetch_add(&server->connections, 1); /* those of all loops */
    port->nsessions++;
    if (others >= port->limits[NNG_URING_CONNECTIONS] || nu_session_start(port, fd) != 0) {
        port->nsessions--;
        atomic_fetch_sub_explicit(&server->connections, 1, memory_order_relaxed);
        close(fd);
    }
}

static void listener_gone(struct nu_listener *listener)
{
    struct nu_port *port = nu_container(listener, struct nu_port, listener);
    port->listening      = false;
    check_gone(port);
}

/* ---- Tasks -------------------------------------------------------------------------------- */

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
    end_port(port, nu_session_drain);
}

static void run_stop(struct nu_task *task)
{
    struct nu_port *port = nu_container(task, struct nu_port, stop);
    task_ran(port);
    end_port(port, nu_session_stop);
}

static void post(struct nu_port *port, struct nu_task *task)
{
    port->posted++;
    nu_loop_post(port->loop, task);
}

struct nu_port *nu_port_new(nng_http_server *server, unsigned index)
{
    size_t          nfields = server->limits[NNG_URING_HEAD_FIELDS];
    struct nu_port *port    = calloc(1, sizeof *port + nfields * sizeof port->fields[0]);
    if (port != NULL) {
        port->server    = server;
        port->index     = index;
        port->loop      = nu_runtime_loop(index);
        port->pages     = &server->pages;
        port->listening = true;
        nu_task_init(&port->start, run_start);
        nu_task_init(&port->drain, run_drain);
        nu_task_init(&port->stop, run_stop);
        port->resident.evict      = evicted;
        port->listener.accepted   = accepted;
        port->listener.may_accept = may_accept;
        port->listener.gone       = listener_gone;
        memcpy(port->limits, server->limits, sizeof port->limits);
        port->limits[NNG_URING_CONNECTIONS] = nu_limit_connections(server);
        nu_list_init(&port->resident.link);
        nu_list_init(&port->sessions);
        nu_list_init(&port->spare_outs);
    }
    return port;
}

void nu_port_start(struct nu_port *port, int fd)
{
    nu_listener_init(&port->listener, port->loop, fd);
    post(port, &port->start);
}

bool nu_port_shut(struct nu_port *port)
{
    if (port->shut) {
        return false;
    }
    port->shut = true;
    nu_listener_shut(&port->listener);
    return true;
}

void nu_port_drain(struct nu_port *port)
{
    post(port, &port->drain);
}

void nu_port_stop(struct nu_port *port)
{
    post(port, &port->stop);
}
