/* SPDX-License-Identifier: MIT */
#include "sim/servers.h"

#include "sim/clients.h"
#include "sim/faults.h"
#include "sim/files.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/tcp.h"
#include "sim/wishes.h"

#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOON UINT64_C(5000000000) /* all are gone then, when the server was told to end */
#define PART 500U                 /* of a body, which a handler reads for itself */

static unsigned nclients;

unsigned sim_server_clients(void)
{
    return nclients;
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
    nng_msleep((nng_duration) sim_pick(sim_chance(8) ? 100 : 3));
    servers_answer(aio);
}

static void *servers_finish_later(void *arg)
{
    sim_dawdle(sim_chance(8) ? 100000 : 5000);
    servers_answer(arg);
    return NULL;
}

static struct sim_thread *laters[SIM_CLIENTS * SIM_REQUESTS];
static unsigned nlaters;

/* Answers from another thread. */
static void servers_defer(nng_aio *aio)
{
    laters[nlaters++] = sim_spawn("a handler's thread", servers_finish_later, aio);
}

/* The URI says how many bytes it has. */
static void servers_check_body(const char *uri, const char *body, size_t n)
{
    size_t want = strtoul(strrchr(uri, '.') + 1, NULL, 10);
    sim_check(n == want && sim_is_body(body, n), "the body of %s has %zu bytes, or other ones", uri,
              n);
}

static void servers_collect(nng_aio *aio)
{
    nng_http_req *req = nng_aio_get_input(aio, 0);
    void *data;
    size_t n;
    nng_http_req_get_data(req, &data, &n);
    servers_check_body(nng_http_req_get_uri(req), data, n);
    servers_answer(aio);
}

/* ---- A handler that reads the body for itself --------------------------------------------- */

struct pull {
    nng_aio *answer, *aio;
    nng_http_conn *conn;
    struct sim_bytes body;
    char part[PART];
};

static void servers_pull_more(struct pull *pull)
{
    nng_iov iov = { pull->part, 1 + sim_pick(PART) };
    sim_check(nng_aio_set_iov(pull->aio, 1, &iov) == 0, "nng_aio_set_iov()");
    nng_http_conn_read(pull->conn, pull->aio);
}

static void servers_pulled(void *arg)
{
    struct pull *pull = arg;
    int err = nng_aio_result(pull->aio);
    if (err == 0) {
        sim_append(&pull->body, pull->part, nng_aio_count(pull->aio));
        servers_pull_more(pull);
        return;
    }
    nng_aio *answer = pull->answer;
    if (err == NNG_ECONNSHUT) {
        nng_http_req *req = nng_aio_get_input(answer, 0);
        size_t want = strtoul(strrchr(nng_http_req_get_uri(req), '.') + 1, NULL, 10);
        err = pull->body.len < want ? err : 0; /* or the client has left */
        if (err == 0) {
            servers_check_body(nng_http_req_get_uri(req), (char *) pull->body.p, pull->body.len);
        }
    }
    sim_release(pull->body.p);
    nng_aio_reap(pull->aio);
    sim_release(pull);
    if (err == 0) {
        servers_answer(answer);
    } else {
        nng_aio_finish(answer, err);
    }
}

static void servers_pull(nng_aio *aio)
{
    struct pull *pull = sim_alloc(sizeof *pull);
    pull->answer = aio;
    pull->conn = nng_aio_get_input(aio, 2);
    sim_check(nng_aio_alloc(&pull->aio, servers_pulled, pull) == 0, "nng_aio_alloc()");
    servers_pull_more(pull);
}

/* ---- A handler that takes the connection -------------------------------------------------- */

struct stolen {
    nng_aio *aio;
    nng_http_conn *conn;
    char text[16];
};

static void servers_stolen_done(void *arg)
{
    struct stolen *stolen = arg;
    nng_http_conn_close(stolen->conn);
    nng_aio_reap(stolen->aio);
    sim_release(stolen);
}

static void servers_hijack(nng_aio *aio)
{
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_http_req *req = nng_aio_get_input(aio, 0);
    struct stolen *stolen = sim_alloc(sizeof *stolen);
    if (sim_chance(2)) {
        nng_msleep((nng_duration) sim_pick(20)); /* the server may end meanwhile */
    }
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

/* ---- The server --------------------------------------------------------------------------- */

static void servers_add_one(nng_http_server *server, int err, nng_http_handler *handler)
{
    sim_check(err == 0, "a handler: %s", nng_strerror(err));
    err = nng_http_server_add_handler(server, handler);
    sim_check(err == 0, "nng_http_server_add_handler(): %s", nng_strerror(err));
}

static void servers_add(nng_http_server *server, const char *path, void (*call)(nng_aio *),
                        bool collects)
{
    nng_http_handler *handler;
    int err = nng_http_handler_alloc(&handler, path, call);
    err = err == 0 ? nng_http_handler_set_method(handler, NULL) : err;
    err = err == 0 ? nng_http_handler_collect_body(handler, collects, 1 << 20) : err;
    servers_add_one(server, err, handler);
}

static void servers_fill(nng_http_server *server)
{
    nng_http_handler *handler;
    servers_add(server, "/call", servers_call, sim_chance(2));
    servers_add(server, "/wait", servers_wait, sim_chance(2));
    servers_add(server, "/defer", servers_defer, sim_chance(2));
    servers_add(server, "/leave", servers_call, false);
    servers_add(server, "/pull", servers_pull, false);
    servers_add(server, "/collect", servers_collect, true);
    servers_add(server, "/hijack", servers_hijack, true);
    int err =
        nng_http_handler_alloc_static(&handler, "/static", sim_body(SIM_FIXED), SIM_FIXED, NULL);
    servers_add_one(server, err, handler);
    err = nng_http_handler_alloc_file(&handler, "/one", SIM_SITE "/small");
    servers_add_one(server, err, handler);
    err = nng_http_handler_alloc_directory(&handler, "/files", SIM_SITE);
    servers_add_one(server, err, handler);
}

nng_http_server *sim_server_start(const char *address, nng_tls_config *tls)
{
    nng_url *url;
    nng_http_server *server;
    nlaters = 0;
    sim_check(nng_url_parse(&url, address) == 0, "nng_url_parse()");
    sim_check(nng_http_server_hold(&server, url) == 0, "nng_http_server_hold()");
    nng_url_free(url);
    servers_fill(server);
    int err = tls != NULL ? nng_http_server_set_tls(server, tls) : 0;
    err = err == 0 ? nng_http_server_start(server) : err;
    sim_check(err == 0, "nng_http_server_start(): %s", nng_strerror(err));
    return server;
}

void sim_server_release(nng_http_server *server)
{
    for (unsigned i = 0; i < nlaters; i++) {
        (void) sim_join(laters[i]);
    }
    nng_http_server_release(server);
}

static bool changing; /* to its end */

/* Less and less often: those who only wait for their time to come wait for minutes. */
static void *servers_change(void *arg)
{
    (void) arg;
    for (unsigned us = 10000; changing; us += us / 16) {
        size_t most = sim_tcp_scale() * 20;
        sim_file_resize(sim_file_named(SIM_MOVING),
                        sim_pick(most < 60000 ? (unsigned) most : 60000));
        sim_dawdle(us);
    }
    return NULL;
}

/* Before its clients are done, perhaps. */
static void servers_end(nng_http_server *server)
{
    sim_dawdle(20000);
    sim_clients_warn();
    if (sim_chance(2)) {
        sim_trace("the server is stopped");
        nng_http_server_stop(server);
        return;
    }
    nng_duration limit = (nng_duration) sim_pick(200);
    sim_trace("the server is drained, %d ms", (int) limit);
    uint64_t begun = sim_time;
    int err = nng_uring_server_drain(server, limit);
    sim_check(err == 0 || err == NNG_ETIMEDOUT, "drain: %s", nng_strerror(err));
    sim_check(sim_time - begun < ((uint64_t) limit + 200) * 1000000, "drain takes %u ms",
              (unsigned) ((sim_time - begun) / 1000000));
}

void sim_server(void)
{
    nclients = sim_actors(1 + sim_pick(sim_chance(2) ? SIM_CLIENTS : 6));
    nng_http_server *server = sim_server_start("http://127.0.0.1:80", NULL);
    sim_clients_start(nclients);
    changing = true;
    struct sim_thread *changer = sim_spawn("who changes a file", servers_change, NULL);
    bool ends = sim_chance(2);
    if (ends) {
        servers_end(server);
    }
    uint64_t ended = sim_time;
    sim_clients_join();
    sim_check(!ends || sim_time - ended < SOON, "a client is left when the server has ended");
    changing = false;
    (void) sim_join(changer);
    sim_server_release(server);
}
