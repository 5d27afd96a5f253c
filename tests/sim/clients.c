/* SPDX-License-Identifier: MIT */
#include "sim/clients.h"

#include "sim/faults.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/tcp.h"
#include "sim/wishes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE UINT64_C(30000000000) /* for an answer */
#define JUNK 700U

/* ---- What can be asked for beside the wishes ---------------------------------------------- */

static const struct sim_wish bad = { "/bad", SIM_REFUSED, NULL, false };
static const struct sim_wish hijack = { "/hijack", SIM_RAW, NULL, false };

/* ---- A client ----------------------------------------------------------------------------- */

struct request {
    const struct sim_wish *wish;
    size_t body;
    bool expects; /* it says so, and sends the body all the same */
};

struct client {
    unsigned id, nrequests;
    struct request requests[SIM_REQUESTS];
    struct sim_sock *sock;
    struct sim_thread *thread;
    struct sim_bytes heard;
    size_t needs;                /* more than so many of them, for what has begun */
    size_t pauses[SIM_REQUESTS]; /* in what it sends: before bodies that it would hold back */
    unsigned npauses, answered;
    bool deaf;   /* it reads nothing while it has something to say */
    bool leaves; /* before it has said it all */
};

static struct client clients[SIM_CLIENTS];
static unsigned nclients;
static bool warned;
static const struct sim_wish *favourite; /* most ask for the same; NULL: they do not */

static bool clients_readable(void *arg)
{
    return sim_readable(arg);
}

static bool clients_writable(void *arg)
{
    return sim_writable(arg);
}

static bool clients_ended(void *arg)
{
    const struct sim_sock *sock = arg;
    return sock->fin_in || sock->reset;
}

static void client_hear(struct client *c)
{
    char bytes[2048];
    ssize_t n = sim_recv(c->sock, bytes, 1 + sim_pick(sizeof bytes), false);
    if (n > 0) {
        sim_append(&c->heard, bytes, (size_t) n);
    }
}

/* All of it, in pieces, reading meanwhile or not. False: the server does not take it. */
static bool client_send(struct client *c, const char *p, size_t n)
{
    while (n > 0) {
        if (!c->deaf && sim_chance(3) && sim_readable(c->sock) && c->sock->in.len > 0) {
            client_hear(c);
        }
        ssize_t sent = sim_send(c->sock, p, sim_chance(3) ? 1 + sim_pick((unsigned) n) : n);
        if (sent == -EAGAIN) {
            (void) sim_wait(clients_writable, c->sock, sim_time + 1000000);
            if (c->sock->in.len > 0) {
                client_hear(c); /* else both might wait for ever */
            }
            continue;
        }
        if (sent < 0) {
            return false;
        }
        p += sent;
        n -= (size_t) sent;
        if (sim_chance(8)) {
            sim_dawdle(2000);
        }
    }
    return true;
}

/* ---- Asking ------------------------------------------------------------------------------- */

static struct request clients_some_request(const struct client *c, bool last)
{
    struct request r = { .wish = &sim_wishes[sim_pick(SIM_WISHES)] };
    if (r.wish == &sim_wishes[SIM_WISH_LARGE] && (sim_tcp_scale() < 1000 || !sim_chance(3))) {
        r.wish = &sim_wishes[0];
    }
    if (favourite != NULL && !sim_chance(4)) {
        r.wish = favourite;
    }
    if (last && sim_chance(4)) {
        r.wish = sim_chance(4) ? &bad : &hijack;
    }
    if (r.wish->takes_body && sim_chance(2)) {
        r.body = sim_some_body();
        r.expects = sim_chance(c->deaf ? 1 : 3);
    }
    return r;
}

static void clients_add_body(struct sim_bytes *text, size_t n, bool chunked)
{
    const char *bytes = sim_body(n);
    char line[16];
    if (!chunked) {
        sim_append(text, bytes, n);
        return;
    }
    for (size_t at = 0, part; at < n; at += part) {
        part = 1 + sim_pick((unsigned) (n - at));
        sim_append(text, line, (size_t) snprintf(line, sizeof line, "%zx\r\n", part));
        sim_append(text, bytes + at, part);
        sim_append(text, "\r\n", 2);
    }
    sim_append(text, "0\r\n\r\n", 5);
}

static void client_uri(const struct client *c, unsigned i, char *text, size_t room)
{
    const struct request *r = &c->requests[i];
    (void) snprintf(text, room, "%s?%u.%u.%zu", r->wish->path, c->id, i, r->body);
}

static void client_add_request(struct client *c, unsigned i, struct sim_bytes *text)
{
    const struct request *r = &c->requests[i];
    char uri[64], head[256], framing[64] = "";
    bool chunked = r->body > 0 && sim_chance(2);
    client_uri(c, i, uri, sizeof uri);
    if (chunked) {
        strcpy(framing, "Transfer-Encoding: chunked\r\n");
    } else if (r->body > 0) {
        snprintf(framing, sizeof framing, "Content-Length: %zu\r\n", r->body);
    }
    int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: sim\r\n%s%s%s\r\n",
                     r->body > 0 ? "POST" : "GET", uri, framing,
                     r->expects && r->body > 0 ? "Expect: 100-continue\r\n" : "",
                     r->wish == &bad ? "Host: another\r\n" : "");
    sim_append(text, head, (size_t) n);
    if (r->expects && r->body > 0 && sim_chance(2)) {
        c->pauses[c->npauses++] = text->len;
    }
    if (r->body > 0) {
        clients_add_body(text, r->body, chunked);
    }
}

/* The first n bytes of all that it has to say. */
static bool client_say(struct client *c, const char *p, size_t n)
{
    size_t at = 0;
    for (unsigned i = 0; i < c->npauses && c->pauses[i] < n; i++) {
        if (!client_send(c, p + at, c->pauses[i] - at)) {
            return false;
        }
        at = c->pauses[i];
        sim_dawdle(3000);
    }
    return client_send(c, p + at, n - at);
}

static bool client_ask(struct client *c)
{
    struct sim_bytes text = { .p = NULL };
    static const char junk[JUNK];
    for (unsigned i = 0; i < c->nrequests; i++) {
        c->requests[i] = clients_some_request(c, i + 1 == c->nrequests);
        client_add_request(c, i, &text);
    }
    size_t n = text.len;
    c->leaves = sim_chance(4);
    if (c->leaves) {
        n = sim_pick((unsigned) n);
    }
    bool whole = client_say(c, (char *) text.p, n) && !c->leaves;
    sim_release(text.p);
    if (whole && c->requests[c->nrequests - 1].wish == &bad && sim_chance(2)) {
        (void) client_send(c, junk, sim_pick(JUNK)); /* the server says why before it goes */
    }
    return !c->leaves;
}

/* ---- Responses ---------------------------------------------------------------------------- */

/* Takes one response off what was heard, or "go on". False: it is not here yet. */
static bool client_take(struct client *c)
{
    struct sim_bytes *heard = &c->heard;
    unsigned i = c->answered;
    char uri[64], *head = (char *) heard->p;
    char *end = heard->len > c->needs ? memmem(head, heard->len, "\r\n\r\n", 4) : NULL;
    if (end == NULL) {
        return false;
    }
    size_t size = (size_t) (end + 4 - head);
    if (memcmp(head, "HTTP/1.1 100 ", 13) == 0) {
        sim_check(c->requests[i].expects, "client %u: told to go on, unasked", c->id);
        sim_drop(&c->heard, size);
        return true;
    }
    const struct sim_wish *wish = c->requests[i].wish;
    const char *field = memmem(head, size, "Content-Length: ", 16);
    const char *line = wish->answer == SIM_REFUSED ? "HTTP/1.1 400 " : "HTTP/1.1 200 ";
    sim_check(i < c->nrequests, "client %u: more responses than requests", c->id);
    sim_check(memcmp(head, line, 13) == 0 && field != NULL, "client %u, request %u (%s): %.*s",
              c->id, i, wish->path, (int) size, head);
    size_t body = strtoul(field + 16, NULL, 10);
    if (heard->len < size + body) {
        c->needs = size + body - 1;
        return false;
    }
    c->needs = 0;
    client_uri(c, i, uri, sizeof uri);
    sim_check_answer(wish, uri, end + 4, body, c->id);
    c->answered++;
    if (memmem(head, size, "Connection: close\r\n", 19) != NULL) {
        bool last = i + 1 == c->nrequests && c->sock->shut_write;
        sim_check(last || warned || c->requests[i].expects || wish->answer == SIM_REFUSED,
                  "client %u: request %u (%s) is the last", c->id, i, wish->path);
        c->nrequests = c->answered;
    }
    sim_drop(&c->heard, size + body);
    return true;
}

/* Its file may shrink, and the end of the connection takes what is before it along. */
static bool client_awaits_moving(const struct client *c)
{
    unsigned i = c->answered;
    while (i < c->nrequests && c->requests[i].wish->answer != SIM_SAYS_MOVING) {
        i++;
    }
    return i < c->nrequests;
}

/* Reads on until all is answered. */
static void client_await(struct client *c)
{
    uint64_t until = sim_time + PATIENCE;
    while (c->answered < c->nrequests) {
        const struct sim_wish *wish = c->requests[c->answered].wish;
        bool raw = wish->answer == SIM_RAW;
        if (raw && c->heard.len >= 9) {
            sim_check(memcmp(c->heard.p, "raw bytes", 9) == 0, "client %u: no raw bytes", c->id);
            return;
        }
        if (!raw && client_take(c)) {
            continue;
        }
        if (!sim_wait(clients_readable, c->sock, until)) {
            sim_check(warned, "client %u: no answer to request %u, %s", c->id, c->answered,
                      wish->path);
            return;
        }
        size_t before = c->heard.len;
        client_hear(c);
        if (c->heard.len == before && (c->sock->fin_in || c->sock->reset)) {
            sim_check(warned || client_awaits_moving(c),
                      "client %u: left without an answer to request %u, %s", c->id, c->answered,
                      wish->path);
            return;
        }
    }
}

/* ---- Their lives -------------------------------------------------------------------------- */

static bool clients_has_room(void *arg)
{
    struct sim_sock *listener = sim_listener(SIM_PORT);
    (void) arg;
    return listener == NULL || listener->nqueue < listener->backlog;
}

static void *clients_live(void *arg)
{
    struct client *c = arg;
    sim_dawdle(5000);
    (void) sim_wait(clients_has_room, NULL, SIM_NEVER);
    struct sim_sock *listener = sim_listener(SIM_PORT);
    if (listener == NULL) {
        return NULL;
    }
    c->sock = sim_sock_new();
    sim_connect(c->sock, listener);
    if (client_ask(c)) {
        if (sim_chance(3)) {
            sim_shutdown(c->sock, false, true); /* half-closed clients are served */
        }
        client_await(c);
        if (sim_chance(3)) { /* it is for the server to close, sooner or later */
            (void) sim_wait(clients_ended, c->sock, sim_time + 10 * PATIENCE);
        }
    } else if (sim_chance(2)) {
        c->sock->linger_reset = true;
    }
    sim_trace("client %u leaves after %u responses of %u", c->id, c->answered, c->nrequests);
    sim_close(c->sock);
    sim_release(c->heard.p);
    return NULL;
}

/* Long lives are rare, and not where there are many clients. */
static unsigned clients_some_requests(unsigned n)
{
    return sim_steps(1 + sim_pick(n > 6 ? 2 : sim_chance(6) ? SIM_REQUESTS : 4));
}

void sim_clients_start(unsigned n)
{
    warned = false;
    favourite = sim_chance(4) ? &sim_wishes[sim_pick(SIM_WISH_LARGE)] : NULL;
    nclients = n;
    for (unsigned i = 0; i < n; i++) {
        clients[i] = (struct client){ .id = i,
                                      .nrequests = clients_some_requests(n),
                                      .deaf = sim_chance(3) };
        clients[i].thread = sim_spawn("a client", clients_live, &clients[i]);
    }
}

void sim_clients_join(void)
{
    for (unsigned i = 0; i < nclients; i++) {
        (void) sim_join(clients[i].thread);
    }
}

void sim_clients_warn(void)
{
    warned = true;
}
