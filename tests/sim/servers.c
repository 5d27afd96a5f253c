/* SPDX-License-Identifier: MIT */
#include "sim/servers.h"

#include "sim/faults.h"
#include "sim/files.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/tcp.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT 80
#define CLIENTS 6U
#define REQUESTS 24U
#define BODY 3000U
#define PATIENCE UINT64_C(30000000000) /* for an answer */

struct client {
    unsigned id, nrequests;
    const char *paths[REQUESTS];
    struct sim_sock *sock;
    struct sim_thread *thread;
    struct sim_bytes heard;
    unsigned answered;
    bool whole; /* all of its requests were sent */
};

static struct client clients[CLIENTS];
static unsigned nclients;
static bool stopping;
static char fixed[BODY];

unsigned sim_server_clients(void)
{
    return nclients;
}

static bool servers_never(void *arg)
{
    (void) arg;
    return false;
}

static void servers_sleep(unsigned us)
{
    (void) sim_wait(servers_never, NULL, sim_time + (uint64_t) sim_pick(us) * 1000);
}

/* ---- Handlers ----------------------------------------------------------------------------- */

static void servers_answer(nng_aio *aio)
{
    nng_http_req *req = nng_aio_get_input(aio, 0);
    const char *uri = nng_http_req_get_uri(req);
    nng_http_res *res;
    sim_check(nng_http_res_alloc(&res) == 0, "nng_http_res_alloc()");
    sim_check(nng_http_res_copy_data(res, uri, strlen(uri)) == 0, "nng_http_res_copy_data()");
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

static void servers_call(nng_aio *aio)
{
    sim_trace("handler: %s", nng_http_req_get_uri(nng_aio_get_input(aio, 0)));
    servers_answer(aio);
}

/* Waits within the handler. */
static void servers_wait(nng_aio *aio)
{
    nng_msleep((nng_duration) sim_pick(3));
    servers_answer(aio);
}

static void *servers_finish_later(void *arg)
{
    servers_sleep(5000);
    servers_answer(arg);
    return NULL;
}

static struct sim_thread *laters[CLIENTS * REQUESTS];
static unsigned nlaters;

/* Answers from another thread. */
static void servers_defer(nng_aio *aio)
{
    laters[nlaters++] = sim_spawn("a handler's thread", servers_finish_later, aio);
}

static void servers_hijacked(void *arg)
{
    nng_http_conn_close(arg);
}

struct stolen {
    nng_aio *aio;
    nng_http_conn *conn;
    char text[16];
};

static void servers_stolen_done(void *arg)
{
    struct stolen *stolen = arg;
    servers_hijacked(stolen->conn);
    nng_aio_reap(stolen->aio);
    sim_release(stolen);
}

static void servers_hijack(nng_aio *aio)
{
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_http_req *req = nng_aio_get_input(aio, 0);
    struct stolen *stolen = sim_alloc(sizeof *stolen);
    int err = nng_http_hijack(conn);
    if (err != 0) {
        sim_check(err == NNG_ECLOSED, "nng_http_hijack(): %s", nng_strerror(err));
        sim_release(stolen);
        nng_aio_finish(aio, 0);
        return;
    }
    nng_http_req_free(req);
    nng_aio_finish(aio, 0);
    stolen->conn = conn;
    memcpy(stolen->text, "raw bytes", 9);
    sim_check(nng_aio_alloc(&stolen->aio, servers_stolen_done, stolen) == 0, "nng_aio_alloc()");
    nng_iov iov = { stolen->text, 9 };
    sim_check(nng_aio_set_iov(stolen->aio, 1, &iov) == 0, "nng_aio_set_iov()");
    nng_http_conn_write_all(conn, stolen->aio);
}

/* ---- Files -------------------------------------------------------------------------------- */

#define MOVING "/files/moving" /* changes while it is read */

static const struct {
    const char *path, *file;
} served[] = {
    { "/one", "small" },         { "/files/small", "small" },
    { "/files/large", "large" }, { "/files/folder/", "folder/index.html" },
    { "/files/empty", "empty" },
};

#define LARGE 2
#define NFILES (sizeof served / sizeof served[0])

/* NULL: it is none that stays as it is. */
static const struct sim_file *servers_file(const char *path)
{
    for (size_t i = 0; i < NFILES; i++) {
        if (strcmp(served[i].path, path) == 0) {
            return sim_file_named(served[i].file);
        }
    }
    return NULL;
}

static bool changing; /* to its end */

static void *servers_change(void *arg)
{
    (void) arg;
    while (changing) {
        size_t most = sim_tcp_scale() * 20;
        sim_file_resize(sim_file_named("moving"), sim_pick(most < 60000 ? (unsigned) most : 60000));
        servers_sleep(10000);
    }
    return NULL;
}

/* ---- Clients ------------------------------------------------------------------------------ */

static bool servers_readable(void *arg)
{
    return sim_readable(arg);
}

static bool servers_writable(void *arg)
{
    return sim_writable(arg);
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
        if (sim_chance(3) && sim_readable(c->sock) && c->sock->in.len > 0) {
            client_hear(c);
        }
        ssize_t sent = sim_send(c->sock, p, sim_chance(3) ? 1 + sim_pick((unsigned) n) : n);
        if (sent == -EAGAIN) {
            (void) sim_wait(servers_writable, c->sock, sim_time + 1000000);
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
            servers_sleep(2000);
        }
    }
    return true;
}

static bool client_is(const struct client *c, unsigned i, const char *path)
{
    return strcmp(c->paths[i], path) == 0;
}

static void client_check_file(const struct client *c, const struct sim_file *file, const char *body,
                              size_t n)
{
    bool same = n == sim_file_size(file);
    for (size_t i = 0; same && i < n; i++) {
        same = (uint8_t) body[i] == sim_file_byte(file, i);
    }
    sim_check(same, "client %u: %zu bytes, which are not the file's", c->id, n);
}

static void client_check_body(const struct client *c, unsigned i, const char *body, size_t n)
{
    char want[64];
    if (client_is(c, i, "/static")) {
        sim_check(n == BODY && memcmp(body, fixed, BODY) == 0, "client %u: wrong body", c->id);
    } else if (servers_file(c->paths[i]) != NULL) {
        client_check_file(c, servers_file(c->paths[i]), body, n);
    } else if (!client_is(c, i, MOVING)) {
        int len = snprintf(want, sizeof want, "%s?%u.%u", c->paths[i], c->id, i);
        sim_check(n == (size_t) len && memcmp(body, want, n) == 0,
                  "client %u: the response to request %u is %.*s, not %s", c->id, i, (int) n, body,
                  want);
    }
}

/* Takes one response off what was heard. False: it is not here yet. */
static bool client_take(struct client *c)
{
    struct sim_bytes *heard = &c->heard;
    unsigned i = c->answered;
    char *head = (char *) heard->p;
    char *end = heard->len > 0 ? memmem(head, heard->len, "\r\n\r\n", 4) : NULL;
    if (end == NULL) {
        return false;
    }
    size_t size = (size_t) (end + 4 - head);
    const char *field = memmem(head, size, "Content-Length: ", 16);
    sim_check(memcmp(head, "HTTP/1.1 200 ", 13) == 0 && field != NULL,
              "client %u, request %u: %.*s", c->id, i, (int) size, head);
    size_t body = strtoul(field + 16, NULL, 10);
    if (heard->len < size + body) {
        return false;
    }
    sim_check(i < c->nrequests, "client %u: more responses than requests", c->id);
    client_check_body(c, i, end + 4, body);
    memmove(heard->p, heard->p + size + body, heard->len - size - body);
    heard->len -= size + body;
    c->answered++;
    return true;
}

static const char *servers_some_path(bool last)
{
    static const char *const paths[] = { "/static", "/call", "/call", "/wait", "/defer" };
    if (sim_chance(3)) {
        unsigned which = sim_pick(NFILES + 1);
        if (which == LARGE && (sim_tcp_scale() < 1000 || !sim_chance(3))) {
            which = 0; /* it would take too many steps */
        }
        return which < NFILES ? served[which].path : MOVING;
    }
    return last && sim_chance(4) ? "/hijack" : paths[sim_pick(5)];
}

static bool client_ask(struct client *c)
{
    struct sim_bytes text = { .p = NULL };
    for (unsigned i = 0; i < c->nrequests; i++) {
        char line[128];
        c->paths[i] = servers_some_path(i + 1 == c->nrequests);
        int n = snprintf(line, sizeof line, "GET %s?%u.%u HTTP/1.1\r\nHost: sim\r\n\r\n",
                         c->paths[i], c->id, i);
        sim_append(&text, line, (size_t) n);
    }
    size_t n = text.len;
    bool leaves = sim_chance(4);
    if (leaves) {
        n = sim_pick((unsigned) n);
    }
    c->whole = client_send(c, (char *) text.p, n) && !leaves;
    sim_release(text.p);
    return !leaves;
}

/* Its file may shrink, and the end of the connection takes what is before it along. */
static bool client_awaits_moving(const struct client *c)
{
    unsigned i = c->answered;
    while (i < c->nrequests && !client_is(c, i, MOVING)) {
        i++;
    }
    return i < c->nrequests;
}

/* Reads on until all is answered. */
static void client_await(struct client *c)
{
    uint64_t until = sim_time + PATIENCE;
    while (c->answered < c->nrequests) {
        bool raw = client_is(c, c->answered, "/hijack");
        if (raw && c->heard.len >= 9) {
            sim_check(memcmp(c->heard.p, "raw bytes", 9) == 0, "client %u: no raw bytes", c->id);
            return;
        }
        if (!raw && client_take(c)) {
            continue;
        }
        if (!sim_wait(servers_readable, c->sock, until)) {
            sim_check(stopping, "client %u: no answer to request %u, %s", c->id, c->answered,
                      c->paths[c->answered]);
            return;
        }
        size_t before = c->heard.len;
        client_hear(c);
        if (c->heard.len == before && (c->sock->fin_in || c->sock->reset)) {
            sim_check(stopping || !c->whole || client_awaits_moving(c),
                      "client %u: left without an answer to request %u, %s", c->id, c->answered,
                      c->paths[c->answered]);
            return;
        }
    }
}

static bool servers_has_room(void *arg)
{
    struct sim_sock *listener = sim_listener(PORT);
    (void) arg;
    return listener == NULL || listener->nqueue < listener->backlog;
}

static void *servers_client(void *arg)
{
    struct client *c = arg;
    servers_sleep(5000);
    (void) sim_wait(servers_has_room, NULL, SIM_NEVER);
    struct sim_sock *listener = sim_listener(PORT);
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
    } else if (sim_chance(2)) {
        c->sock->linger_reset = true;
    }
    sim_trace("client %u leaves after %u responses of %u", c->id, c->answered, c->nrequests);
    sim_close(c->sock);
    sim_release(c->heard.p);
    return NULL;
}

/* ---- The server --------------------------------------------------------------------------- */

static void servers_add(nng_http_server *server, const char *path, void (*call)(nng_aio *))
{
    nng_http_handler *handler;
    int err = call != NULL ? nng_http_handler_alloc(&handler, path, call)
                           : nng_http_handler_alloc_static(&handler, path, fixed, BODY, NULL);
    sim_check(err == 0 && nng_http_server_add_handler(server, handler) == 0, "no handler %s", path);
}

static void servers_add_files(nng_http_server *server)
{
    nng_http_handler *one, *all;
    sim_check(nng_http_handler_alloc_file(&one, "/one", SIM_SITE "/small") == 0 &&
                  nng_http_server_add_handler(server, one) == 0 &&
                  nng_http_handler_alloc_directory(&all, "/files", SIM_SITE) == 0 &&
                  nng_http_server_add_handler(server, all) == 0,
              "no handler of files");
}

static nng_http_server *servers_start(void)
{
    nng_url *url;
    nng_http_server *server;
    for (size_t i = 0; i < BODY; i++) {
        fixed[i] = (char) ('a' + i % 26);
    }
    sim_check(nng_url_parse(&url, "http://127.0.0.1:80") == 0, "nng_url_parse()");
    sim_check(nng_http_server_hold(&server, url) == 0, "nng_http_server_hold()");
    nng_url_free(url);
    servers_add(server, "/static", NULL);
    servers_add(server, "/call", servers_call);
    servers_add(server, "/wait", servers_wait);
    servers_add(server, "/defer", servers_defer);
    servers_add(server, "/hijack", servers_hijack);
    servers_add_files(server);
    int err = nng_http_server_start(server);
    sim_check(err == 0, "nng_http_server_start(): %s", nng_strerror(err));
    return server;
}

void sim_server(void)
{
    stopping = false;
    nlaters = 0;
    nclients = 1 + sim_pick(CLIENTS);
    nng_http_server *server = servers_start();
    for (unsigned i = 0; i < nclients; i++) {
        clients[i] = (struct client){ .id = i, .nrequests = 1 + sim_pick(REQUESTS) };
        clients[i].thread = sim_spawn("a client", servers_client, &clients[i]);
    }
    changing = true;
    struct sim_thread *changer = sim_spawn("who changes a file", servers_change, NULL);
    if (sim_chance(3)) {
        servers_sleep(20000);
        stopping = true;
        sim_trace("the server is stopped");
        nng_http_server_stop(server);
    }
    for (unsigned i = 0; i < nclients; i++) {
        (void) sim_join(clients[i].thread);
    }
    changing = false;
    (void) sim_join(changer);
    for (unsigned i = 0; i < nlaters; i++) {
        (void) sim_join(laters[i]);
    }
    nng_http_server_release(server);
}
