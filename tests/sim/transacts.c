/* SPDX-License-Identifier: MIT */
#include "sim/transacts.h"

#include "sim/faults.h"
#include "sim/liars.h"
#include "sim/openssl.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/servers.h"
#include "sim/tcp.h"
#include "sim/wishes.h"

#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>
#include <stdio.h>
#include <string.h>

#define ASKERS 4U
#define ASKS 3U /* at once */
#define LINES 16U
#define MS UINT64_C(1000000)
#define LATE (100 * MS)
#define ABORT_CODE NNG_EAMBIGUOUS
#define NO_LINE LINES

/* A connection that is used again and again. */
struct line {
    nng_http_conn *conn;
    bool closed; /* by us */
    bool spoilt; /* something on it has failed: so may what follows */
};

struct ask {
    struct asker *asker;
    nng_aio *aio;
    nng_http_req *req;
    nng_http_res *res;
    const struct sim_wish *wish;
    char uri[64];
    char body[SIM_BODY];
    unsigned line; /* or NO_LINE: a connection of its own */
    bool busy, posts, cancelled, aborted, freed;
    uint64_t begun, limit, unwanted; /* 0: no limit; not unwanted */
};

struct asker {
    unsigned id, number;
    struct sim_thread *thread;
    struct ask asks[ASKS];
    struct line lines[LINES];
    unsigned nlines; /* the last one is in use, if it is open */
};

static struct asker askers[ASKERS];
static unsigned naskers, nconnections;
static nng_http_client *client;
static bool lies;   /* nobody knows what the server does */
static bool warned; /* it may have been stopped */

unsigned sim_transacts_count(void)
{
    return nconnections;
}

/* ---- The end of a transaction ------------------------------------------------------------- */

/* Something else on its connection has failed, or will when its end is told. */
static bool transacts_is_spoilt(const struct ask *ask)
{
    const struct asker *a = ask->asker;
    bool spoilt = ask->line != NO_LINE && a->lines[ask->line].spoilt;
    for (unsigned i = 0; i < ASKS && ask->line != NO_LINE; i++) {
        const struct ask *o = &a->asks[i];
        bool late = o->limit != 0 && sim_time >= o->begun + o->limit;
        spoilt = spoilt || (o != ask && o->busy && o->line == ask->line &&
                            (late || o->unwanted != 0 || o->freed || o->posts));
    }
    return spoilt;
}

static bool transacts_explained(const struct ask *ask, int err)
{
    const struct line *line = ask->line != NO_LINE ? &ask->asker->lines[ask->line] : NULL;
    bool spoilt = transacts_is_spoilt(ask), peers = lies || warned || spoilt;
    switch (err) {
    case 0:
        return true;
    case NNG_ETIMEDOUT:
        return ask->limit != 0 && sim_time >= ask->begun + ask->limit;
    case NNG_ECANCELED:
        return ask->cancelled || peers; /* behind one that was cut */
    case ABORT_CODE:
        return ask->aborted || spoilt;
    case NNG_ECLOSED: /* also of a peer that is known to be gone */
        return peers || (line != NULL && line->closed) || ask->freed;
    case NNG_ECONNREFUSED:
        return warned;
    case NNG_EPROTO:
        return lies || spoilt;
    case NNG_ESTATE: /* what comes next on the line is not for us */
        return peers;
    case NNG_ECRYPTO:
        return warned;
    case NNG_ECONNSHUT:
    case NNG_ECONNRESET:
        return peers || (line != NULL && line->closed);
    default:
        return false;
    }
}

static void transacts_check_response(struct ask *ask)
{
    void *data;
    size_t n;
    unsigned status = nng_http_res_get_status(ask->res);
    nng_http_res_get_data(ask->res, &data, &n);
    sim_check(status == NNG_HTTP_STATUS_OK, "asker %u: %s: status %u", ask->asker->id, ask->uri,
              status);
    sim_check(nng_aio_count(ask->aio) == n, "counts %zu of %zu", nng_aio_count(ask->aio), n);
    if (lies) {
        static const struct sim_wish echo = { "", SIM_SAYS_URI, NULL, true };
        sim_check_answer(&echo, ask->uri, data, n, ask->asker->id);
    } else {
        sim_check_answer(ask->wish, ask->uri, data, n, ask->asker->id);
    }
}

/* A server that answers before it has heard the whole request may hear no other one. */
static bool transacts_is_last(const struct ask *ask)
{
    const char *field = nng_http_res_get_header(ask->res, "Connection");
    return field != NULL && strcmp(field, "close") == 0;
}

static void transacts_called(void *arg)
{
    struct ask *ask = arg;
    int err = nng_aio_result(ask->aio);
    sim_check(ask->busy, "a callback of nothing");
    sim_trace("asker %u: %s: %s", ask->asker->id, ask->uri, nng_strerror(err));
    sim_check(transacts_explained(ask, err), "asker %u: %s: %s, why?", ask->asker->id, ask->uri,
              nng_strerror(err));
    if (err == 0) {
        transacts_check_response(ask);
    }
    bool late = ask->limit != 0 && sim_time >= ask->begun + ask->limit;
    bool given_up =
        late || ask->unwanted != 0 || ask->freed; /* its request may be cut all the same */
    if (ask->line != NO_LINE && (err != 0 || given_up || transacts_is_last(ask))) {
        ask->asker->lines[ask->line].spoilt = true;
    }
    sim_check(ask->limit == 0 || sim_time < ask->begun + ask->limit + LATE,
              "a limit of %u ms is kept after %u ms", (unsigned) (ask->limit / MS),
              (unsigned) ((sim_time - ask->begun) / MS));
    sim_check(ask->unwanted == 0 || sim_time < ask->unwanted + LATE,
              "asker %u: cancelled, and ended %u ms later", ask->asker->id,
              (unsigned) ((sim_time - ask->unwanted) / MS));
    memset(ask->body, 0xee, sizeof ask->body); /* it is ours again */
    nng_http_req_free(ask->req);
    nng_http_res_free(ask->res);
    ask->busy = false;
}

/* ---- Asking ------------------------------------------------------------------------------- */

static const struct sim_wish *transacts_some_wish(void)
{
    unsigned i = sim_pick(SIM_WISHES);
    bool not_now =
        i == SIM_WISH_MOVING || (i == SIM_WISH_LARGE && (sim_tcp_scale() < 1000 || !sim_chance(3)));
    return &sim_wishes[not_now ? 0 : i];
}

static void transacts_fill(struct ask *ask)
{
    struct asker *a = ask->asker;
    ask->wish = transacts_some_wish();
    size_t body = ask->wish->takes_body && sim_chance(2) ? sim_some_body() : 0;
    snprintf(ask->uri, sizeof ask->uri, "%s?%u.%u.%zu", ask->wish->path, a->id, a->number++, body);
    ask->posts = body > 0;
    memcpy(ask->body, sim_body(body), body);
    int err = nng_http_req_alloc(&ask->req, NULL);
    err = err == 0 ? nng_http_res_alloc(&ask->res) : err;
    err = err == 0 ? nng_http_req_set_uri(ask->req, ask->uri) : err;
    err = err == 0 ? nng_http_req_set_method(ask->req, body > 0 ? "POST" : "GET") : err;
    err = err == 0 ? nng_http_req_set_header(ask->req, "Host", "sim") : err;
    err = err == 0 && body > 0 ? nng_http_req_set_data(ask->req, ask->body, body) : err;
    sim_check(err == 0, "a request: %s", nng_strerror(err));
}

static nng_duration transacts_some_limit(void)
{
    static const nng_duration limits[] = { NNG_DURATION_INFINITE, NNG_DURATION_INFINITE, 2, 30 };
    return limits[sim_pick(4)];
}

/* The line in use, or a new one; NO_LINE: there is none. */
static unsigned transacts_line(struct asker *a)
{
    struct line *last = a->nlines > 0 ? &a->lines[a->nlines - 1] : NULL;
    if (last != NULL && !last->closed && !last->spoilt) {
        return a->nlines - 1;
    }
    if (a->nlines == LINES) {
        return NO_LINE;
    }
    nng_aio *aio;
    sim_check(nng_aio_alloc(&aio, NULL, NULL) == 0, "nng_aio_alloc()");
    nng_aio_set_timeout(aio, 1000);
    nng_http_client_connect(client, aio);
    nng_aio_wait(aio);
    int err = nng_aio_result(aio);
    sim_check(err == 0 || warned || lies, "asker %u: connect: %s", a->id, nng_strerror(err));
    nng_http_conn *conn = err == 0 ? nng_aio_get_output(aio, 0) : NULL;
    nng_aio_free(aio);
    if (conn == NULL) {
        return NO_LINE;
    }
    nconnections++;
    a->lines[a->nlines] = (struct line){ .conn = conn };
    return a->nlines++;
}

static void transacts_begin(struct ask *ask)
{
    struct asker *a = ask->asker;
    unsigned line = sim_chance(3) ? NO_LINE : transacts_line(a);
    nng_duration limit = transacts_some_limit();
    transacts_fill(ask);
    ask->line = line;
    ask->cancelled = ask->aborted = ask->freed = false;
    ask->unwanted = 0;
    ask->limit = limit < 0 ? 0 : (uint64_t) limit * MS;
    ask->begun = sim_time;
    ask->busy = true;
    nng_aio_set_timeout(ask->aio, limit);
    sim_trace("asker %u: %s begins, line %u, limit %d ms", a->id, ask->uri, line, (int) limit);
    if (line == NO_LINE) {
        nconnections++;
        nng_http_client_transact(client, ask->req, ask->res, ask->aio);
    } else {
        nng_http_conn_transact(a->lines[line].conn, ask->req, ask->res, ask->aio);
    }
}

static void transacts_close(struct asker *a)
{
    struct line *last = a->nlines > 0 ? &a->lines[a->nlines - 1] : NULL;
    if (last != NULL && !last->closed) {
        sim_trace("asker %u closes line %u", a->id, a->nlines - 1);
        last->closed = true;
        nng_http_conn_close(last->conn);
    }
}

static void transacts_unwanted(struct ask *ask, bool abort)
{
    if (ask->busy) {
        ask->aborted = ask->aborted || abort;
        ask->cancelled = ask->cancelled || !abort;
        ask->unwanted = ask->unwanted != 0 ? ask->unwanted : sim_time;
    }
    if (abort) {
        nng_aio_abort(ask->aio, ABORT_CODE);
    } else {
        nng_aio_cancel(ask->aio);
    }
}

/* Whoever is asked may never answer. */
static void transacts_await(struct ask *ask)
{
    if (lies && ask->busy && ask->limit == 0) {
        sim_dawdle(50000);
        transacts_unwanted(ask, false);
    }
    nng_aio_wait(ask->aio);
    sim_check(!ask->busy, "nng_aio_wait() has not waited for the callback");
}

static void transacts_new_aio(struct ask *ask)
{
    sim_check(nng_aio_alloc(&ask->aio, transacts_called, ask) == 0, "nng_aio_alloc()");
}

static void transacts_free_aio(struct ask *ask)
{
    ask->freed = true;
    nng_aio_free(ask->aio);
    sim_check(!ask->busy, "freed before its callback");
}

static void transacts_step(struct asker *a)
{
    struct ask *ask = &a->asks[sim_pick(ASKS)];
    switch (sim_pick(16)) {
    case 0:
    case 1:
        transacts_unwanted(ask, sim_chance(2));
        break;
    case 2:
        transacts_free_aio(ask);
        transacts_new_aio(ask);
        break;
    case 3:
        transacts_close(a);
        break;
    case 4:
    case 5:
        sim_dawdle(sim_chance(8) ? 20000 : 500);
        break;
    case 6:
    case 7:
        transacts_await(ask);
        break;
    default:
        if (!ask->busy && !nng_aio_busy(ask->aio)) {
            transacts_begin(ask);
        }
        break;
    }
}

static void *transacts_live(void *arg)
{
    struct asker *a = arg;
    for (unsigned i = 0; i < ASKS; i++) {
        a->asks[i].asker = a;
        transacts_new_aio(&a->asks[i]);
    }
    for (unsigned steps = sim_steps(sim_pick(50)); steps > 0; steps--) {
        transacts_step(a);
    }
    for (unsigned i = 0; i < ASKS; i++) {
        transacts_await(&a->asks[i]);
        transacts_free_aio(&a->asks[i]);
    }
    transacts_close(a);
    for (unsigned i = 0; i + 1 < a->nlines; i++) {
        if (!a->lines[i].closed) {
            nng_http_conn_close(a->lines[i].conn);
        }
    }
    return NULL;
}

/* ---- All of it ---------------------------------------------------------------------------- */

static void transacts_open(const char *address, bool secure)
{
    nng_url *url;
    int err = nng_url_parse(&url, address);
    err = err == 0 ? nng_http_client_alloc(&client, url) : err;
    sim_check(err == 0, "%s: %s", address, nng_strerror(err));
    nng_url_free(url);
    if (secure) {
        nng_tls_config *config = sim_tls_config(false);
        sim_check(nng_http_client_set_tls(client, config) == 0, "nng_http_client_set_tls()");
        nng_tls_config_free(config);
    }
}

static nng_http_server *transacts_start_server(const char *address, bool secure)
{
    nng_tls_config *config = secure ? sim_tls_config(true) : NULL;
    nng_http_server *server = sim_server_start(address, config);
    nng_tls_config_free(config);
    return server;
}

static void transacts_ask(nng_http_server *server)
{
    naskers = sim_actors(1 + sim_pick(ASKERS));
    for (unsigned i = 0; i < naskers; i++) {
        askers[i] = (struct asker){ .id = i };
        askers[i].thread = sim_spawn("who asks", transacts_live, &askers[i]);
    }
    if (server != NULL && sim_chance(4)) {
        sim_dawdle(20000);
        warned = true;
        sim_trace("the server is stopped");
        nng_http_server_stop(server);
    }
    for (unsigned i = 0; i < naskers; i++) {
        (void) sim_join(askers[i].thread);
    }
}

void sim_transacts(void)
{
    lies = sim_chance(3);
    bool secure = !lies && sim_chance(64); /* which takes much longer */
    const char *address = secure ? "https://127.0.0.1:443" : "http://127.0.0.1:80";
    nng_http_server *server = NULL;
    warned = false;
    nconnections = 0;
    if (secure) {
        sim_openssl_reset();
    }
    transacts_open(address, secure);
    if (lies) {
        sim_liars_start(80);
    } else {
        server = transacts_start_server(address, secure);
    }
    transacts_ask(server);
    nng_http_client_free(client);
    if (lies) {
        sim_liars_end();
    } else {
        sim_server_release(server);
    }
}
