/* SPDX-License-Identifier: MIT */
#include "sim/tcp.h"

#include "sim/faults.h"
#include "sim/seed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SOCKS 4096U

static struct sim_sock *socks[SOCKS]; /* of this run, and of those before, to be used again */
static unsigned nsocks, nmade;
static struct sim_sock *eventful[SOCKS]; /* those of them that something may happen to */
static unsigned neventful;
static struct sim_sock *listeners[SIM_FDS];
static unsigned nlisteners;
static struct sim_sock *fds[SIM_FDS];
static unsigned next_port;
static int fd_limit; /* they are fewer, from SIM_FD on */
static bool exact;
static size_t scale; /* how much a socket's buffers hold */
uint64_t sim_tcp_changes;

/* ---- Bytes -------------------------------------------------------------------------------- */

void sim_append(struct sim_bytes *bytes, const void *p, size_t n)
{
    if (bytes->len + n > bytes->room) {
        bytes->room = 2 * (bytes->len + n);
        bytes->p = sim_resize(bytes->p, bytes->room);
    }
    if (n > 0) {
        memcpy(bytes->p + bytes->len, p, n);
        bytes->len += n;
    }
}

void sim_drop(struct sim_bytes *bytes, size_t n)
{
    memmove(bytes->p, bytes->p + n, bytes->len - n);
    bytes->len -= n;
}

/* ---- Sockets ------------------------------------------------------------------------------ */

void sim_tcp_reset(unsigned from)
{
    nsocks = neventful = nlisteners = 0;
    memset(fds, 0, sizeof fds);
    next_port = 40000;
    fd_limit = SIM_FDS;
    static const size_t scales[] = { 1, 10, 100, 500, 1460, 8192 };
    scale = scales[from + sim_pick(6 - from)];
}

struct sim_sock *sim_sock(int fd)
{
    return sim_is_fd(fd) ? fds[fd - SIM_FD] : NULL;
}

static size_t tcp_some_size(void)
{
    return sim_chance(4) ? scale / 4 + 1 : scale;
}

void sim_tcp_set_exact(bool on)
{
    exact = on;
}

size_t sim_tcp_scale(void)
{
    return scale;
}

/* With the memory for bytes that it had in another life. */
static struct sim_sock *tcp_new(int fd)
{
    sim_check(nsocks < SOCKS, "more than %u sockets", SOCKS);
    if (nsocks == nmade) {
        socks[nmade++] = sim_alloc(sizeof *socks[0]);
    }
    struct sim_sock *sock = socks[nsocks++];
    *sock = (struct sim_sock){ .fd = fd,
                               .in = { sock->in.p, 0, sock->in.room },
                               .out = { sock->out.p, 0, sock->out.room },
                               .sent = { sock->sent.p, 0, sock->sent.room } };
    sock->out_max = tcp_some_size();
    sock->in_max = tcp_some_size();
    return sock;
}

void sim_tcp_set_limit(int fd)
{
    fd_limit = fd - SIM_FD < SIM_FDS ? fd - SIM_FD : SIM_FDS;
}

/* The lowest one, less SIM_FD; fd_limit: there is none. */
static int tcp_free_fd(void)
{
    int i = 0;
    while (i < fd_limit && fds[i] != NULL) {
        i++;
    }
    return i;
}

bool sim_has_room(void)
{
    return tcp_free_fd() < fd_limit;
}

struct sim_sock *sim_sock_new(void)
{
    int i = tcp_free_fd();
    if (i == fd_limit) {
        return NULL;
    }
    return fds[i] = tcp_new(SIM_FD + i);
}

unsigned sim_tcp_open(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < SIM_FDS; i++) {
        n += fds[i] != NULL;
    }
    return n;
}

struct sim_sock *sim_listener(unsigned port)
{
    for (unsigned i = 0; i < nlisteners; i++) {
        if (listeners[i]->fd >= 0 && listeners[i]->port == port) {
            return listeners[i];
        }
    }
    return NULL;
}

int sim_bind(struct sim_sock *sock, unsigned port)
{
    if (port != 0 && sim_listener(port) != NULL) {
        return -EADDRINUSE;
    }
    sock->port = port != 0 ? port : next_port++;
    return 0;
}

void sim_listen(struct sim_sock *sock, unsigned backlog)
{
    sock->listening = true;
    sock->backlog = backlog < SIM_BACKLOG ? backlog : SIM_BACKLOG;
    listeners[nlisteners++] = sock;
}

void sim_connect(struct sim_sock *sock, struct sim_sock *listener)
{
    struct sim_sock *other = tcp_new(-1); /* until it is accepted */
    other->port = listener->port;
    other->peer = sock;
    sock->peer = other;
    sock->recorded = true;
    sock->port = next_port++;
    listener->queue[listener->nqueue++] = other;
    sim_tcp_changes++;
}

struct sim_sock *sim_accept(struct sim_sock *listener)
{
    if (listener->nqueue == 0) {
        return NULL;
    }
    int i = tcp_free_fd();
    sim_check(i < fd_limit, "no descriptor");
    struct sim_sock *sock = listener->queue[0];
    listener->nqueue--;
    memmove(listener->queue, listener->queue + 1, listener->nqueue * sizeof listener->queue[0]);
    fds[i] = sock;
    sock->fd = SIM_FD + i;
    sim_sock_changed(sock);
    return sock;
}

/* ---- What the network could do ------------------------------------------------------------ */

enum event { NOTHING, DELIVER, DELIVER_FIN, DELIVER_RESET };

static bool tcp_in_queue(const struct sim_sock *sock)
{
    return sock->fd < 0 && !sock->shut_read; /* not accepted yet */
}

/* Nobody is there to take what comes. */
static bool tcp_is_gone(const struct sim_sock *sock)
{
    return (sock->fd < 0 && !tcp_in_queue(sock)) || sock->lost;
}

static enum event tcp_event(const struct sim_sock *sock)
{
    const struct sim_sock *peer = sock->peer;
    if (peer == NULL || sock->reset) {
        return NOTHING;
    }
    if (sock->reset_due) {
        return DELIVER_RESET;
    }
    bool gone = tcp_is_gone(peer);
    if (sock->out.len > 0) {
        return gone || peer->in.len < peer->in_max ? DELIVER : NOTHING;
    }
    return sock->shut_write && !sock->fin_sent ? DELIVER_FIN : NOTHING;
}

static void tcp_look(struct sim_sock *sock)
{
    bool may = tcp_event(sock) != NOTHING;
    if (may && sock->place == 0) {
        eventful[neventful++] = sock;
        sock->place = neventful;
    } else if (!may && sock->place > 0) {
        struct sim_sock *last = eventful[--neventful];
        eventful[sock->place - 1] = last;
        last->place = sock->place;
        sock->place = 0;
    }
}

void sim_sock_changed(struct sim_sock *sock)
{
    sim_tcp_changes++;
    tcp_look(sock);
    if (sock->peer != NULL) {
        tcp_look(sock->peer);
    }
}

/* ---- Both directions ---------------------------------------------------------------------- */

static int tcp_take_error(struct sim_sock *sock)
{
    int error = sock->error;
    sock->error = 0;
    sim_tcp_changes++;
    return -error;
}

static ssize_t tcp_send(struct sim_sock *sock, const void *p, size_t n, bool whole)
{
    if (sock->error != 0) {
        return tcp_take_error(sock);
    }
    if (sock->peer == NULL) {
        return -ENOTCONN;
    }
    if (sock->reset || sock->shut_write) {
        return -EPIPE;
    }
    size_t room = sock->out.len < sock->out_max ? sock->out_max - sock->out.len : 0;
    if (n > 0 && room == 0) {
        return -EAGAIN;
    }
    n = n < room ? n : room;
    if (!whole && !exact && n > 1 && sim_chance(8)) {
        n = 1 + sim_pick((unsigned) n - 1);
    }
    sim_append(&sock->out, p, n);
    if (sock->recorded) {
        sim_append(&sock->sent, p, n);
    }
    sim_sock_changed(sock);
    return (ssize_t) n;
}

ssize_t sim_send(struct sim_sock *sock, const void *p, size_t n)
{
    return tcp_send(sock, p, n, false);
}

ssize_t sim_send_whole(struct sim_sock *sock, const void *p, size_t n)
{
    return tcp_send(sock, p, n, true);
}

ssize_t sim_recv(struct sim_sock *sock, void *p, size_t n, bool peek)
{
    if (sock->in.len > 0) {
        n = n < sock->in.len ? n : sock->in.len;
        if (!exact && n > 1 && sim_chance(8)) {
            n = 1 + sim_pick((unsigned) n - 1);
        }
        if (p != NULL) {
            memcpy(p, sock->in.p, n);
        }
        if (!peek) {
            sim_drop(&sock->in, n);
            sim_sock_changed(sock);
        }
        return (ssize_t) n;
    }
    if (sock->error != 0) {
        return tcp_take_error(sock);
    }
    if (sock->fin_in || sock->reset || sock->shut_read) {
        return 0;
    }
    return sock->peer != NULL ? -EAGAIN : -ENOTCONN;
}

void sim_shutdown(struct sim_sock *sock, bool read, bool write)
{
    sock->shut_read = sock->shut_read || read;
    sock->shut_write = sock->shut_write || write;
    sim_sock_changed(sock);
}

static void tcp_unlisten(struct sim_sock *sock)
{
    unsigned i = 0;
    while (listeners[i] != sock) {
        i++;
    }
    listeners[i] = listeners[--nlisteners];
    for (i = 0; i < sock->nqueue; i++) {
        sock->queue[i]->reset_due = true;
        sim_sock_changed(sock->queue[i]);
    }
    sock->nqueue = 0;
    sock->listening = false;
}

/* Nobody has it any more. */
static void tcp_end(struct sim_sock *sock)
{
    if (sock->listening) {
        tcp_unlisten(sock);
    } else if (sock->local) {
        sock->peer->fin_in = sock->peer->reset = true;
    } else if (sock->peer != NULL && !sock->reset) {
        sock->reset_due = sock->linger_reset || sock->in.len > 0;
        sock->shut_write = true;
    }
    sock->shut_read = true;
    sim_sock_changed(sock);
}

void sim_close(struct sim_sock *sock)
{
    sim_check(sock->uses == 0 || exact, "descriptor %d is closed while an operation holds it",
              sock->fd);
    fds[sock->fd - SIM_FD] = NULL;
    sock->fd = -1;
    sock->close_due = sock->uses > 0;
    if (!sock->close_due) {
        tcp_end(sock);
    }
    sim_sock_changed(sock);
}

void sim_sock_unuse(struct sim_sock *sock)
{
    sock->uses--;
    if (sock->close_due && sock->uses == 0) {
        sock->close_due = false;
        tcp_end(sock);
    }
}

bool sim_readable(const struct sim_sock *sock)
{
    return sock->in.len > 0 || sock->error != 0 || sock->fin_in || sock->reset || sock->shut_read ||
           sock->nqueue > 0;
}

bool sim_writable(const struct sim_sock *sock)
{
    return sock->error != 0 || sock->reset || sock->shut_write ||
           (sock->peer != NULL && sock->out.len < sock->out_max);
}

/* ---- The network -------------------------------------------------------------------------- */

/* A RST has come. */
static void tcp_hear_reset(struct sim_sock *sock)
{
    if (!sock->reset) {
        sock->error = sock->fin_in ? EPIPE : ECONNRESET;
        sock->reset = true;
        sock->out.len = 0;
    }
}

static void tcp_deliver(struct sim_sock *sock)
{
    struct sim_sock *peer = sock->peer;
    if (tcp_is_gone(peer)) {
        tcp_hear_reset(sock); /* nobody is there to take it */
        return;
    }
    size_t room = peer->in_max - peer->in.len;
    size_t n = sock->out.len < room ? sock->out.len : room;
    n = !exact && sim_chance(4) ? 1 + sim_pick((unsigned) n) : n;
    sim_append(&peer->in, sock->out.p, n);
    sim_drop(&sock->out, n);
    sock->delivered += n;
}

static void tcp_happen(struct sim_sock *sock, enum event event)
{
    if (event == DELIVER) {
        tcp_deliver(sock);
    } else if (event == DELIVER_FIN) {
        sock->fin_sent = true;
        sock->peer->fin_in = true;
    } else {
        sock->reset = true;
        sock->reset_due = false;
        tcp_hear_reset(sock->peer);
        sim_trace("the network: RST from port %u", sock->port);
    }
    sim_sock_changed(sock);
}

bool sim_tcp_lose(void)
{
    struct sim_sock *able[SOCKS];
    unsigned n = 0;
    for (unsigned i = 0; i < nsocks; i++) {
        struct sim_sock *sock = socks[i];
        if (sock->peer != NULL && sock->fd >= 0 && sock->peer->fd >= 0 && !sock->reset) {
            able[n++] = sock;
        }
    }
    if (n == 0) {
        return false;
    }
    struct sim_sock *sock = able[sim_pick(n)];
    sim_trace("descriptor %d is lost to its peer, %d", sock->fd, sock->peer->fd);
    tcp_hear_reset(sock);
    sock->lost = true;
    sock->peer->fin_in = true;
    sim_sock_changed(sock);
    return true;
}

unsigned sim_tcp_events(void)
{
    return neventful;
}

void sim_tcp_happen(unsigned nth)
{
    tcp_happen(eventful[nth], tcp_event(eventful[nth]));
}
