/* SPDX-License-Identifier: MIT */
#include "sim/scripts.h"

#include "sim/faults.h"
#include "sim/files.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <nng/nng.h>
#include <nng/stream.h>
#include <nng/supplemental/http/http.h>
#include <nng/uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define LIMIT 1000            /* ms, of an operation */
#define PATIENCE (20000 * MS) /* of a peer */
#define PORT 80

static bool past; /* the fault was in an earlier part */

/* Whoever is told of an error was told of the fault: there is no other. */
static bool scripts_ok(int err, const char *what)
{
    if (err != 0) {
        sim_trace("script: %s: %s", what, nng_strerror(err));
    }
    sim_check(err == 0 || (sim_fault_was() && !past), "%s: %s, and nothing has failed", what,
              nng_strerror(err));
    return err == 0;
}

static bool scripts_readable(void *arg)
{
    return sim_readable(arg);
}

static bool scripts_wait(nng_aio *aio, const char *what)
{
    uint64_t begun = sim_time;
    nng_aio_wait(aio);
    sim_check(sim_time - begun < (LIMIT + 200) * MS, "%s takes %u ms", what,
              (unsigned) ((sim_time - begun) / MS));
    return scripts_ok(nng_aio_result(aio), what);
}

/* ---- A connection ------------------------------------------------------------------------- */

#define TEXT 3000U

static uint8_t text[TEXT];
static struct sim_sock *listener;

struct peer {
    struct sim_sock *sock;
    struct sim_bytes heard;
};

/* Sends its text, and takes what comes to the end. */
static void *scripts_peer(void *arg)
{
    struct peer *peer = arg;
    uint8_t bytes[512];
    ssize_t n = 0;
    if (!sim_wait(scripts_readable, listener, sim_time + PATIENCE) ||
        (peer->sock = sim_accept(listener)) == NULL) {
        return NULL;
    }
    size_t said = 0;
    do {
        if (said < TEXT && (n = sim_send(peer->sock, text + said, TEXT - said)) > 0) {
            said += (size_t) n;
        }
        (void) sim_wait(scripts_readable, peer->sock, sim_time + (said < TEXT ? MS : PATIENCE));
        n = sim_recv(peer->sock, bytes, sizeof bytes, false);
        if (n > 0) {
            sim_append(&peer->heard, bytes, (size_t) n);
        }
    } while (n > 0 || (n == -EAGAIN && said < TEXT));
    sim_check(n != -EAGAIN, "a connection was left open");
    sim_close(peer->sock);
    return NULL;
}

static bool scripts_move(nng_http_conn *conn, nng_aio *aio, bool reads, uint8_t *bytes)
{
    nng_iov iov[2] = { { bytes, 100 }, { bytes + 100, TEXT - 100 } };
    if (!scripts_ok(nng_aio_set_iov(aio, 2, iov), "nng_aio_set_iov()")) {
        return false;
    }
    (reads ? nng_http_conn_read_all : nng_http_conn_write_all)(conn, aio);
    bool ok = scripts_wait(aio, reads ? "read_all" : "write_all");
    sim_check(!ok || nng_aio_count(aio) == TEXT, "counts %zu", nng_aio_count(aio));
    return ok;
}

static void scripts_converse(nng_http_client *client, nng_aio *aio, struct peer *peer)
{
    static uint8_t bytes[TEXT]; /* not on the stack: see streams.c */
    memset(bytes, 0, TEXT);
    nng_http_client_connect(client, aio);
    if (!scripts_wait(aio, "connect")) {
        return;
    }
    nng_http_conn *conn = nng_aio_get_output(aio, 0);
    bool wrote = scripts_move(conn, aio, false, text);
    bool both = wrote && scripts_move(conn, aio, true, bytes);
    sim_check(!both || memcmp(bytes, text, TEXT) == 0, "the wrong bytes were read");
    nng_http_conn_close(conn);
    sim_sleep(10 * MS);
    sim_check(!both || peer->heard.len == TEXT, "%zu bytes have come", peer->heard.len);
    sim_check(peer->heard.len == 0 || memcmp(peer->heard.p, text, peer->heard.len) == 0,
              "the wrong bytes were written");
}

static void scripts_connection_once(void)
{
    nng_url *url = NULL;
    nng_http_client *client = NULL;
    nng_aio *aio = NULL;
    struct peer peer = { .sock = NULL };
    past = sim_fault_was();
    if (scripts_ok(nng_url_parse(&url, "http://127.0.0.1:1000"), "nng_url_parse()") &&
        scripts_ok(nng_http_client_alloc(&client, url), "nng_http_client_alloc()") &&
        scripts_ok(nng_aio_alloc(&aio, NULL, NULL), "nng_aio_alloc()")) {
        struct sim_thread *thread = sim_spawn("a peer", scripts_peer, &peer);
        nng_aio_set_timeout(aio, LIMIT);
        scripts_converse(client, aio, &peer);
        (void) sim_join(thread);
    }
    nng_url_free(url);
    nng_aio_free(aio);
    nng_http_client_free(client);
    sim_release(peer.heard.p);
}

static void scripts_connection(void)
{
    for (size_t i = 0; i < TEXT; i++) {
        text[i] = (uint8_t) (i * 7 + (i >> 8));
    }
    listener = sim_sock_new();
    (void) sim_bind(listener, 1000);
    sim_listen(listener, 4);
    scripts_connection_once();
    scripts_connection_once();
    sim_close(listener);
}

/* ---- A server ----------------------------------------------------------------------------- */

#define NPATHS 4U

static const char *const calls[NPATHS] = { "/static", "/call", "/defer", "/missing" };
static const char *const files[NPATHS] = { "/one", "/files/large", "/files/folder/",
                                           "/files/missing" };
static const char *const *paths; /* of the script */

/* What comes back: a file, the text, or the path. NULL: 404. */
static const uint8_t *scripts_wanted(const char *path, size_t *n)
{
    static const struct {
        const char *path, *file;
    } of[] = { { "/one", "small" },
               { "/files/large", "large" },
               { "/files/folder/", "folder/index.html" } };
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        if (strcmp(of[i].path, path) == 0) {
            const struct sim_file *file = sim_file_named(of[i].file);
            *n = sim_file_size(file);
            return sim_file_bytes(file, 0, *n);
        }
    }
    bool is_text = strcmp(path, "/static") == 0;
    *n = is_text ? TEXT : strlen(path);
    return strstr(path, "missing") != NULL ? NULL : is_text ? text : (const uint8_t *) path;
}

static void *scripts_answer(void *arg)
{
    nng_aio *aio = arg;
    nng_http_req *req = nng_aio_get_input(aio, 0);
    nng_http_res *res = NULL;
    const char *uri = nng_http_req_get_uri(req);
    int err = nng_http_res_alloc(&res);
    err = err == 0 ? nng_http_res_copy_data(res, uri, strlen(uri)) : err;
    if (scripts_ok(err, "a response")) {
        nng_aio_set_output(aio, 0, res);
    } else {
        nng_http_res_free(res);
    }
    nng_aio_finish(aio, err);
    return NULL;
}

static void scripts_call(nng_aio *aio)
{
    (void) scripts_answer(aio);
}

static struct sim_thread *later;

static void scripts_defer(nng_aio *aio)
{
    sim_check(later == NULL, "it is called twice");
    later = sim_spawn("a handler's thread", scripts_answer, aio);
}

static bool scripts_add(nng_http_server *server, int err, nng_http_handler *handler)
{
    if (!scripts_ok(err, "a handler")) {
        return false;
    }
    if (!scripts_ok(nng_http_server_add_handler(server, handler), "add_handler()")) {
        nng_http_handler_free(handler);
        return false;
    }
    return true;
}

static bool scripts_fill(nng_http_server *server)
{
    nng_http_handler *handler = NULL;
    int err = nng_http_handler_alloc_static(&handler, "/static", text, TEXT, NULL);
    if (!scripts_add(server, err, handler)) {
        return false;
    }
    err = nng_http_handler_alloc(&handler, "/call", scripts_call);
    if (!scripts_add(server, err, handler)) {
        return false;
    }
    err = nng_http_handler_alloc(&handler, "/defer", scripts_defer);
    if (!scripts_add(server, err, handler)) {
        return false;
    }
    err = nng_http_handler_alloc_file(&handler, "/one", SIM_SITE "/small");
    if (!scripts_add(server, err, handler)) {
        return false;
    }
    err = nng_http_handler_alloc_directory(&handler, "/files", SIM_SITE);
    return scripts_add(server, err, handler);
}

/* Whoever is not answered is told so, by a response or by the end. */
static void scripts_hear(struct peer *peer)
{
    uint8_t bytes[512];
    ssize_t n;
    uint64_t until = sim_time + PATIENCE;
    do {
        sim_check(sim_wait(scripts_readable, peer->sock, until), "no answer, and no end");
        n = sim_recv(peer->sock, bytes, sizeof bytes, false);
        if (n > 0) {
            sim_append(&peer->heard, bytes, (size_t) n);
        }
    } while (n > 0 || n == -EAGAIN);
    sim_append(&peer->heard, "", 1);
}

/* How many of them are answered as they should be. */
static unsigned scripts_answered(const struct peer *peer)
{
    const char *at = (const char *) peer->heard.p, *end = at + peer->heard.len;
    unsigned n = 0;
    while (n < NPATHS && at < end) {
        const char *body = strstr(at, "\r\n\r\n"), *field = strstr(at, "Content-Length: ");
        size_t wanted;
        const uint8_t *want = scripts_wanted(paths[n], &wanted);
        if (body == NULL || field == NULL || field > body ||
            strncmp(at, want == NULL ? "HTTP/1.1 404 " : "HTTP/1.1 200 ", 13) != 0) {
            break;
        }
        size_t size = strtoul(field + 16, NULL, 10);
        body += 4;
        if ((size_t) (end - body) < size) {
            break;
        }
        sim_check(want == NULL || (size == wanted && memcmp(body, want, size) == 0),
                  "the wrong response to %s", paths[n]);
        at = body + size;
        n++;
    }
    return n;
}

static bool scripts_say(struct sim_sock *sock, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = sim_send(sock, p, n);
        if (sent < 0 && sent != -EAGAIN) {
            return false;
        }
        p += sent > 0 ? sent : 0;
        n -= sent > 0 ? (size_t) sent : 0;
        sim_sleep(MS / 10);
    }
    return true;
}

/* Asks for all of them at once, the last time on this connection. */
static void scripts_ask(void)
{
    struct peer peer = { .sock = sim_sock_new() };
    char request[128];
    past = sim_fault_was();
    sim_connect(peer.sock, sim_listener(PORT));
    bool more = true;
    for (unsigned i = 0; more && i < NPATHS; i++) {
        int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: sim\r\n%s\r\n",
                         paths[i], i + 1 == NPATHS ? "Connection: close\r\n" : "");
        more = scripts_say(peer.sock, request, (size_t) n);
    }
    scripts_hear(&peer);
    unsigned n = scripts_answered(&peer);
    sim_check(n == NPATHS || (sim_fault_was() && !past), "%u of %u requests were answered: %s", n,
              (unsigned) NPATHS, (const char *) peer.heard.p);
    sim_close(peer.sock);
    sim_release(peer.heard.p);
    if (later != NULL) {
        (void) sim_join(later);
        later = NULL;
    }
}

static void scripts_serve(const char *const *which)
{
    paths = which;
    nng_url *url = NULL;
    nng_http_server *server = NULL;
    past = false;
    later = NULL;
    if (scripts_ok(nng_url_parse(&url, "http://127.0.0.1:80"), "nng_url_parse()") &&
        scripts_ok(nng_http_server_hold(&server, url), "nng_http_server_hold()") &&
        scripts_fill(server) && scripts_ok(nng_http_server_start(server), "start()")) {
        scripts_ask();
        scripts_ask();
        past = false;
        (void) scripts_ok(nng_uring_server_drain(server, LIMIT), "drain()");
    }
    nng_url_free(url);
    if (server != NULL) {
        nng_http_server_release(server);
    }
}

static void scripts_server(void)
{
    scripts_serve(calls);
}

static void scripts_files(void)
{
    scripts_serve(files);
}

/* ---- Transactions ------------------------------------------------------------------------- */

static void scripts_transact_once(nng_http_client *client, nng_url *url, unsigned which)
{
    nng_aio *aio = NULL;
    nng_http_req *req = NULL;
    nng_http_res *res = NULL;
    past = sim_fault_was();
    if (scripts_ok(nng_aio_alloc(&aio, NULL, NULL), "nng_aio_alloc()") &&
        scripts_ok(nng_http_req_alloc(&req, url), "nng_http_req_alloc()") &&
        scripts_ok(nng_http_res_alloc(&res), "nng_http_res_alloc()") &&
        scripts_ok(nng_http_req_set_uri(req, calls[which]), "nng_http_req_set_uri()")) {
        void *data;
        size_t n;
        nng_aio_set_timeout(aio, LIMIT);
        nng_http_client_transact(client, req, res, aio);
        if (scripts_wait(aio, "transact") && nng_http_res_get_status(res) == NNG_HTTP_STATUS_OK) {
            size_t wanted;
            const uint8_t *want = scripts_wanted(calls[which], &wanted);
            nng_http_res_get_data(res, &data, &n);
            sim_check(n == wanted && memcmp(data, want, n) == 0, "the wrong response to %s",
                      calls[which]);
        } else {
            sim_check(sim_fault_was() && !past, "status %u", nng_http_res_get_status(res));
        }
    }
    nng_aio_free(aio);
    nng_http_req_free(req);
    nng_http_res_free(res);
    if (later != NULL) {
        (void) sim_join(later);
        later = NULL;
    }
}

static void scripts_transact(void)
{
    nng_url *url = NULL;
    nng_http_server *server = NULL;
    nng_http_client *client = NULL;
    past = false;
    later = NULL;
    if (scripts_ok(nng_url_parse(&url, "http://127.0.0.1:80"), "nng_url_parse()") &&
        scripts_ok(nng_http_server_hold(&server, url), "nng_http_server_hold()") &&
        scripts_ok(nng_http_client_alloc(&client, url), "nng_http_client_alloc()") &&
        scripts_fill(server) && scripts_ok(nng_http_server_start(server), "start()")) {
        for (unsigned i = 0; i < 3; i++) {
            scripts_transact_once(client, url, i);
        }
        nng_http_server_stop(server);
    }
    nng_url_free(url);
    nng_http_client_free(client);
    if (server != NULL) {
        nng_http_server_release(server);
    }
}

/* ---- Streams ------------------------------------------------------------------------------ */

#define PART 400U

struct line {
    nng_stream_listener *listener;
    nng_stream_dialer *dialer;
    nng_aio *aios[2];
    nng_stream *ends[2];
};

static bool scripts_open_line(struct line *line, const char *url)
{
    if (!scripts_ok(nng_aio_alloc(&line->aios[0], NULL, NULL), "nng_aio_alloc()") ||
        !scripts_ok(nng_aio_alloc(&line->aios[1], NULL, NULL), "nng_aio_alloc()") ||
        !scripts_ok(nng_stream_listener_alloc(&line->listener, url), "a listener") ||
        !scripts_ok(nng_stream_listener_listen(line->listener), "listen()") ||
        !scripts_ok(nng_stream_dialer_alloc(&line->dialer, url), "a dialer")) {
        return false;
    }
    nng_aio_set_timeout(line->aios[0], LIMIT);
    nng_aio_set_timeout(line->aios[1], LIMIT);
    nng_stream_listener_accept(line->listener, line->aios[1]);
    nng_stream_dialer_dial(line->dialer, line->aios[0]);
    bool dialed = scripts_wait(line->aios[0], "dial");
    line->ends[0] = dialed ? nng_aio_get_output(line->aios[0], 0) : NULL;
    bool accepted = scripts_wait(line->aios[1], "accept");
    line->ends[1] = accepted ? nng_aio_get_output(line->aios[1], 0) : NULL;
    return dialed && accepted;
}

/* One end sends and the other one receives, until all is there. */
static bool scripts_pass(struct line *line, unsigned from)
{
    static uint8_t bytes[PART]; /* not on the stack: see streams.c */
    unsigned to = 1 - from;
    size_t sent = 0, got = 0;
    while (got < PART) {
        nng_iov out = { text + sent, PART - sent }, in = { bytes + got, PART - got };
        bool sends = sent < PART;
        if (!scripts_ok(nng_aio_set_iov(line->aios[from], 1, &out), "nng_aio_set_iov()") ||
            !scripts_ok(nng_aio_set_iov(line->aios[to], 1, &in), "nng_aio_set_iov()")) {
            return false;
        }
        nng_stream_recv(line->ends[to], line->aios[to]);
        if (sends) {
            nng_stream_send(line->ends[from], line->aios[from]);
        }
        bool sent_it = !sends || scripts_wait(line->aios[from], "send");
        sent += sends ? nng_aio_count(line->aios[from]) : 0;
        bool got_it = scripts_wait(line->aios[to], "receive");
        got += nng_aio_count(line->aios[to]);
        sim_check(got <= sent && memcmp(bytes, text, got) == 0, "%zu bytes of %zu, or other ones",
                  got, sent);
        if (!sent_it || !got_it) {
            return false;
        }
    }
    return true;
}

static void scripts_stream_once(const char *url)
{
    struct line line = { .listener = NULL };
    past = sim_fault_was();
    if (scripts_open_line(&line, url) && scripts_pass(&line, 0)) {
        (void) scripts_pass(&line, 1);
    }
    nng_stream_free(line.ends[0]);
    nng_stream_free(line.ends[1]);
    nng_stream_dialer_free(line.dialer);
    nng_stream_listener_free(line.listener);
    nng_aio_free(line.aios[0]);
    nng_aio_free(line.aios[1]);
}

static void scripts_tcp(void)
{
    scripts_stream_once("tcp://127.0.0.1:900");
    scripts_stream_once("tcp://127.0.0.1:900");
}

static void scripts_ws(void)
{
    scripts_stream_once("ws://127.0.0.1:900/x");
    scripts_stream_once("ws://127.0.0.1:900/x");
}

/* ---- Datagrams ---------------------------------------------------------------------------- */

static nng_sockaddr scripts_address(uint16_t port)
{
    nng_sockaddr sa = { .s_in = { NNG_AF_INET, htons(port), htonl(INADDR_LOOPBACK) } };
    return sa;
}

/* True: it has come, or there was an error. Else it was lost, as they are. */
static bool scripts_datagram(nng_udp *from, nng_udp *to, nng_aio *sends, nng_aio *receives)
{
    char said[] = "datagram", heard[sizeof said];
    nng_iov out = { said, sizeof said }, in = { heard, sizeof heard };
    nng_sockaddr sa = scripts_address(700);
    nng_aio_set_timeout(sends, LIMIT);
    nng_aio_set_timeout(receives, LIMIT / 10);
    nng_aio_set_input(sends, 0, &sa);
    nng_aio_set_iov(sends, 1, &out);
    nng_aio_set_iov(receives, 1, &in);
    nng_udp_recv(to, receives);
    nng_udp_send(from, sends);
    bool good = scripts_wait(sends, "send a datagram");
    nng_aio_wait(receives);
    int err = nng_aio_result(receives);
    sim_check(err != 0 || memcmp(heard, said, sizeof said) == 0, "another datagram");
    if (good && err != NNG_ETIMEDOUT) {
        (void) scripts_ok(err, "receive a datagram");
    }
    return !good || err != NNG_ETIMEDOUT;
}

static void scripts_udp(void)
{
    nng_udp *ends[2] = { NULL, NULL };
    nng_aio *aios[2] = { NULL, NULL };
    past = false;
    bool good = true;
    for (unsigned i = 0; good && i < 2; i++) {
        nng_sockaddr sa = scripts_address((uint16_t) (700 + i));
        good = scripts_ok(nng_aio_alloc(&aios[i], NULL, NULL), "nng_aio_alloc()") &&
               scripts_ok(nng_udp_open(&ends[i], &sa), "nng_udp_open()");
    }
    unsigned tries = 20;
    while (good && tries > 0 && !scripts_datagram(ends[1], ends[0], aios[1], aios[0])) {
        tries--;
    }
    sim_check(tries > 0, "all datagrams are lost");
    for (unsigned i = 0; i < 2; i++) {
        nng_udp_close(ends[i]);
        nng_aio_free(aios[i]);
    }
}

const struct sim_script sim_scripts[] = {
    { "connection", scripts_connection, 8, 3 },
    { "server", scripts_server, 8, 3 },
    { "files", scripts_files, 2, 5 },
    { "transact", scripts_transact, 8, 3 },
    { "tcp", scripts_tcp, 8, 3 },
    { "ws", scripts_ws, 8, 3 },
    { "udp", scripts_udp, 8, 3 },
    { NULL, NULL, 0, 0 },
};
