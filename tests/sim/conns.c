/* SPDX-License-Identifier: MIT */
#include "sim/conns.h"

#include "sim/faults.h"
#include "sim/pattern.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/tcp.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNS 24U
#define AIOS 4U
#define RECORDS 128U
#define MAX_SIZE 20000U
#define MS UINT64_C(1000000)
#define LATE (100 * MS) /* how late a deadline or a cancellation may come */
#define ABORT_CODE NNG_ESTATE

/* What was asked for, and what became of it. */
struct record {
    bool reads, whole, over;
    bool aborted, cancelled, freed;
    size_t size, count;
    int result;
    uint64_t begun, queued, limit; /* before the call and after it; limit: 0: none */
    uint64_t unwanted;             /* when it was first cancelled or aborted; 0: never */
    uint8_t *data;                 /* of a read */
};

struct use {
    struct conn *conn;
    nng_aio *aio;
    struct record *record; /* of what it does; NULL: nothing */
    uint8_t *buffer;
    bool cancelled, aborted; /* by others than who begins, in between: whatever comes next may be */
};

struct conn {
    unsigned id, port;
    struct sim_sock *listener, *peer;
    nng_http_client *client;
    nng_http_conn *http;
    struct use uses[AIOS];
    struct record records[RECORDS];
    unsigned nrecords;
    struct sim_thread *user, *script, *reader; /* reader: NULL, or it has the last of the uses */
    bool read_on;                              /* there is to be one */
    bool reads;                                /* it is about to */
    bool closed;                               /* by us */
    bool peer_left;                            /* it has shut its side, closed, or reset */
    size_t peer_sent;
};

static struct conn conns[CONNS];
static unsigned nconns;

unsigned sim_conns_count(void)
{
    return nconns;
}

/* Long lives are rare: each costs what many short ones do, of which there are more beginnings and
 * ends to see. */
static unsigned conns_some_steps(const struct conn *c, unsigned most)
{
    return sim_steps(sim_pick(c->read_on || sim_chance(4) ? most : most / 6));
}

/* ---- The peer ----------------------------------------------------------------------------- */

static bool conns_readable(void *arg)
{
    return sim_readable(arg);
}

static void peer_receive(struct conn *c, size_t n)
{
    uint8_t bytes[4096];
    n = n < sizeof bytes ? n : sizeof bytes;
    if (sim_readable(c->peer)) {
        (void) sim_recv(c->peer, bytes, n, false);
    }
}

static void peer_send(struct conn *c, size_t n)
{
    ssize_t sent = sim_send(c->peer, sim_pattern(c->id, c->peer_sent, n), n);
    c->peer_sent += sent > 0 ? (size_t) sent : 0;
}

/* To the end, which comes when the user has closed. */
static void peer_drain(struct conn *c)
{
    char bytes[4096];
    ssize_t n;
    do {
        (void) sim_wait(conns_readable, c->peer, SIM_NEVER);
        n = sim_recv(c->peer, bytes, sizeof bytes, false);
        if (sim_chance(4)) {
            sim_dawdle(3000);
        }
    } while (n > 0 || n == -EAGAIN);
}

static void peer_step(struct conn *c)
{
    switch (sim_pick(4)) {
    case 0:
        peer_receive(c, 1 + sim_pick(4000));
        break;
    case 1:
        peer_send(c, 1 + sim_pick(sim_chance(4) ? 4000 : 100));
        break;
    default:
        sim_dawdle(sim_chance(8) ? 40000 : 500);
        break;
    }
}

static void *conns_peer(void *arg)
{
    struct conn *c = arg;
    (void) sim_wait(conns_readable, c->listener, SIM_NEVER);
    c->peer = sim_accept(c->listener);
    if (c->peer == NULL) {
        return NULL; /* it was shut: nobody connects */
    }
    for (unsigned steps = conns_some_steps(c, 60); steps > 0; steps--) {
        peer_step(c);
    }
    sim_trace("peer %u leaves", c->id);
    c->peer_left = true;
    switch (sim_pick(4)) {
    case 0:
        c->peer->linger_reset = true;
        break;
    case 1:
        break;
    default:
        sim_shutdown(c->peer, false, true);
        sim_dawdle(sim_chance(4) ? 1000000 : 1000);
        peer_drain(c);
        break;
    }
    sim_close(c->peer);
    return NULL;
}

/* ---- The user ----------------------------------------------------------------------------- */

/* One before it was given up midway; or, where callbacks have no order, may have been. */
static bool conns_write_torn(const struct conn *c, const struct record *record)
{
    for (const struct record *r = c->records; r < record; r++) {
        if (!r->reads && r->whole && (!r->over || (r->result != 0 && r->count > 0))) {
            return true;
        }
    }
    return false;
}

static bool conns_explained(const struct conn *c, const struct record *r)
{
    switch (r->result) {
    case 0:
        return r->count > 0 && (!r->whole || r->count == r->size);
    case NNG_ETIMEDOUT:
        return r->limit != 0 && sim_time >= r->begun + r->limit;
    case NNG_ECANCELED:
        return r->cancelled || (!r->reads && conns_write_torn(c, r));
    case ABORT_CODE:
        return r->aborted;
    case NNG_ECLOSED:
        return c->closed || r->freed;
    case NNG_ECONNRESET:
        return c->peer_left;
    case NNG_ECONNSHUT:
        return c->peer_left && r->reads;
    default:
        return false;
    }
}

static void conns_called(void *arg)
{
    struct use *use = arg;
    struct conn *c = use->conn;
    struct record *r = use->record;
    sim_check(r != NULL, "a callback of nothing, connection %u", c->id);
    r->result = nng_aio_result(use->aio);
    r->count = nng_aio_count(use->aio);
    r->over = true;
    use->record = NULL;
    sim_trace("connection %u: %s of %zu ends: %s, %zu", c->id, r->reads ? "read" : "write", r->size,
              nng_strerror(r->result), r->count);
    r->cancelled = r->cancelled || use->cancelled;
    r->aborted = r->aborted || use->aborted;
    sim_check(conns_explained(c, r), "connection %u: %s of %zu: %s after %zu, why?", c->id,
              r->reads ? "read" : "write", r->size, nng_strerror(r->result), r->count);
    sim_check(r->count <= r->size, "counts %zu of %zu", r->count, r->size);
    sim_check(r->result == 0 || r->count < r->size, "failed (%s) with all of it counted",
              nng_strerror(r->result));
    sim_check(r->limit == 0 || sim_time < r->begun + r->limit + LATE,
              "a limit of %u ms is kept after %u ms", (unsigned) (r->limit / MS),
              (unsigned) ((sim_time - r->begun) / MS));
    sim_check(r->unwanted == 0 || sim_time < r->unwanted + LATE,
              "connection %u: cancelled, and ended %u ms later", c->id,
              (unsigned) ((sim_time - r->unwanted) / MS));
    if (r->reads && r->count > 0) {
        r->data = sim_alloc(r->count);
        memcpy(r->data, use->buffer, r->count);
    }
    memset(use->buffer, 0xee, r->size); /* it is ours again */
}

static void conns_set_vector(struct use *use, size_t size)
{
    nng_iov iov[4];
    unsigned n = 0;
    for (size_t at = 0; at < size; n++) {
        size_t part = n == 3 ? size - at : 1 + sim_pick((unsigned) (size - at));
        iov[n] = (nng_iov){ use->buffer + at, part };
        at += part;
    }
    sim_check(nng_aio_set_iov(use->aio, n, iov) == 0, "nng_aio_set_iov()");
}

static void conns_set_limit(struct use *use)
{
    static const nng_duration limits[] = { NNG_DURATION_INFINITE, NNG_DURATION_INFINITE, 1, 10,
                                           60 };
    bool none = use->conn->read_on && use->record->reads && !sim_chance(16);
    nng_duration limit = none ? NNG_DURATION_INFINITE : limits[sim_pick(5)];
    nng_aio_set_timeout(use->aio, limit);
    use->record->limit = limit < 0 ? 0 : (uint64_t) limit * MS;
}

/* Often more than a socket takes at a time. */
static size_t conns_some_size(void)
{
    size_t most = sim_tcp_scale() * 10;
    most = most < MAX_SIZE ? most : MAX_SIZE;
    return 1 + sim_pick((unsigned) (sim_chance(4) ? most : most / 10 + 1));
}

static void conns_begin(struct use *use, bool reads)
{
    struct conn *c = use->conn;
    if (c->nrecords == RECORDS) {
        return;
    }
    unsigned id = c->nrecords++;
    struct record *r = use->record = &c->records[id];
    *r = (struct record){ .reads = reads, .whole = sim_chance(2), .begun = sim_time };
    r->size = conns_some_size();
    if (!r->reads) {
        memcpy(use->buffer, sim_pattern(id, 0, r->size), r->size);
    }
    conns_set_vector(use, r->size);
    conns_set_limit(use);
    sim_trace("connection %u: %s%s of %zu begins, limit %u ms", c->id, r->reads ? "read" : "write",
              r->whole ? "_all" : "", r->size, (unsigned) (r->limit / MS));
    void (*const begin[2][2])(nng_http_conn *,
                              nng_aio *) = { { nng_http_conn_write, nng_http_conn_write_all },
                                             { nng_http_conn_read, nng_http_conn_read_all } };
    begin[r->reads][r->whole](c->http, use->aio);
    r->queued = sim_time;
}

static void conns_new_aio(struct use *use)
{
    sim_check(nng_aio_alloc(&use->aio, conns_called, use) == 0, "nng_aio_alloc()");
}

/* With something under way or not. */
static void conns_free_aio(struct use *use)
{
    if (use->record != NULL) {
        use->record->freed = true;
    }
    nng_aio_free(use->aio);
    sim_check(use->record == NULL, "freed before its callback");
}

/* Reads and waits, with an aio that has no callback: as nng_aio_wait() likes it, which receives for
 * itself then. Others cancel and abort its reads, and close the connection. */
static void *conns_read_on(void *arg)
{
    struct conn *c = arg;
    struct use *use = &c->uses[AIOS - 1];
    int err = 0;
    while (err != NNG_ECLOSED && err != NNG_ECONNRESET && err != NNG_ECONNSHUT) {
        c->reads = true;
        if (!c->closed && c->nrecords < RECORDS / 2) {
            conns_begin(use, true);
        }
        c->reads = false;
        if (use->record == NULL) {
            break;
        }
        nng_aio_wait(use->aio);
        err = nng_aio_result(use->aio);
        conns_called(use);
        if (sim_chance(8)) {
            sim_dawdle(1000);
        }
    }
    return NULL;
}

static bool conns_reads_not(void *arg)
{
    return !((struct conn *) arg)->reads;
}

static void conns_unwanted(struct record *record)
{
    record->unwanted = record->unwanted != 0 ? record->unwanted : sim_time;
}

static void conns_step(struct conn *c)
{
    struct use *use = &c->uses[sim_pick(AIOS)];
    struct record *r = use->record;
    bool others = c->reader != NULL && use == &c->uses[AIOS - 1];
    switch (sim_pick(others ? 40 : 16)) {
    case 0:
        use->cancelled = others;
        if (r != NULL) {
            r->cancelled = true;
            conns_unwanted(r);
        }
        nng_aio_cancel(use->aio);
        break;
    case 1:
        use->aborted = others;
        if (r != NULL) {
            r->aborted = true;
            conns_unwanted(r);
        }
        nng_aio_abort(use->aio, ABORT_CODE);
        break;
    case 2:
        if (!others) {
            conns_free_aio(use);
            conns_new_aio(use);
        }
        break;
    case 3:
        if (others) {
            break;
        }
        nng_aio_wait(use->aio);
        sim_check(use->record == NULL, "nng_aio_wait() has not waited for the callback");
        break;
    case 4:
    case 5:
        sim_dawdle(sim_chance(8) ? 20000 : 300);
        break;
    default:
        if (others) {
            sim_dawdle(300);
        } else if (r == NULL && !nng_aio_busy(use->aio)) {
            conns_begin(use, c->reader == NULL && sim_chance(3));
        }
        break;
    }
}

static void *conns_user(void *arg)
{
    struct conn *c = arg;
    nng_aio *aio;
    sim_check(nng_aio_alloc(&aio, NULL, NULL) == 0, "nng_aio_alloc()");
    nng_http_client_connect(c->client, aio);
    nng_aio_wait(aio);
    int err = nng_aio_result(aio);
    sim_check(err == 0, "connection %u: %s", c->id, nng_strerror(err));
    c->http = nng_aio_get_output(aio, 0);
    nng_aio_free(aio);
    for (unsigned i = 0; i < AIOS; i++) {
        c->uses[i].conn = c;
        c->uses[i].buffer = sim_resize(NULL, MAX_SIZE);
        conns_new_aio(&c->uses[i]);
    }
    if (c->read_on) {
        struct use *last = &c->uses[AIOS - 1];
        nng_aio_free(last->aio);
        sim_check(nng_aio_alloc(&last->aio, NULL, NULL) == 0, "nng_aio_alloc()");
        c->reader = sim_spawn("a reader", conns_read_on, c);
    }
    for (unsigned steps = conns_some_steps(c, 80); steps > 0; steps--) {
        conns_step(c);
    }
    c->closed = true;
    (void) sim_wait(conns_reads_not, c, SIM_NEVER);
    sim_trace("connection %u is closed", c->id);
    nng_http_conn_close(c->http);
    if (c->reader != NULL) {
        (void) sim_join(c->reader);
    }
    for (unsigned i = 0; i < AIOS; i++) {
        nng_aio_wait(c->uses[i].aio);
        conns_free_aio(&c->uses[i]);
        sim_release(c->uses[i].buffer);
    }
    return NULL;
}

/* ---- All of it ---------------------------------------------------------------------------- */

static void conns_open(struct conn *c, unsigned id)
{
    char text[40];
    nng_url *url;
    *c = (struct conn){ .id = id, .port = 1000 + id, .read_on = sim_chance(5) };
    c->listener = sim_sock_new();
    (void) sim_bind(c->listener, c->port);
    sim_listen(c->listener, 1 + sim_pick(4));
    snprintf(text, sizeof text, "http://127.0.0.1:%u", c->port);
    sim_check(nng_url_parse(&url, text) == 0, "nng_url_parse()");
    sim_check(nng_http_client_alloc(&c->client, url) == 0, "nng_http_client_alloc()");
    nng_url_free(url);
    c->script = sim_spawn("a peer", conns_peer, c);
    c->user = sim_spawn("a user", conns_user, c);
}

void sim_conns(void)
{
    nconns = sim_actors(1 + sim_pick(sim_chance(2) ? CONNS : CONNS / 8));
    for (unsigned i = 0; i < nconns; i++) {
        conns_open(&conns[i], i);
    }
    for (unsigned i = 0; i < nconns; i++) {
        struct conn *c = &conns[i];
        (void) sim_join(c->user);
        (void) sim_join(c->script);
        nng_http_client_free(c->client);
        sim_close(c->listener);
    }
}

/* What went into the socket. */
static void conns_check_sent(const struct conn *c)
{
    const struct sim_bytes *sent = &c->peer->peer->sent;
    size_t at = 0;
    for (unsigned id = 0; id < c->nrecords; id++) {
        const struct record *r = &c->records[id];
        sim_check(r->over, "connection %u: no callback for operation %u", c->id, id);
        sim_check(r->result != NNG_ECANCELED || r->cancelled || conns_write_torn(c, r),
                  "connection %u: operation %u: Operation canceled, why?", c->id, id);
        size_t n = r->reads ? 0 : r->count;
        sim_check(at + n <= sent->len, "connection %u: more was counted than the %zu sent", c->id,
                  sent->len);
        size_t same = sim_pattern_same(sent->p + at, n, id, 0);
        sim_check(same == n, "connection %u: byte %zu is not byte %zu of write %u", c->id,
                  at + same, same, id);
        at += n;
    }
    sim_check(at == sent->len, "connection %u: %zu bytes were sent and %zu counted", c->id,
              sent->len, at);
}

/* What was there already when a write_all was given up, with some of its bytes out, does not go. */
static void conns_check_torn(const struct conn *c, unsigned torn)
{
    const struct record *t = &c->records[torn];
    bool late = t->result == NNG_ETIMEDOUT;
    uint64_t given_up = late ? t->begun + t->limit : t->unwanted;
    if (t->reads || !t->whole || t->count == 0 || given_up == 0 ||
        (!late && t->result != ABORT_CODE && t->result != NNG_ECANCELED)) {
        return;
    }
    for (unsigned id = torn + 1; id < c->nrecords; id++) {
        const struct record *r = &c->records[id];
        sim_check(r->reads || r->queued >= given_up || (r->result != 0 && r->count == 0),
                  "connection %u: %zu bytes of write %u follow %zu of %zu of write %u", c->id,
                  r->count, id, t->count, t->size, torn);
    }
}

static void conns_check_received(struct conn *c)
{
    size_t at = 0;
    for (unsigned id = 0; id < c->nrecords; id++) {
        struct record *r = &c->records[id];
        size_t n = r->reads ? r->count : 0;
        sim_check(sim_pattern_same(r->data, n, c->id, at) == n,
                  "connection %u: what was read from byte %zu is wrong", c->id, at);
        at += n;
        sim_release(r->data);
    }
    sim_check(at <= c->peer_sent, "connection %u: more was read than was sent", c->id);
}

void sim_conns_check(void)
{
    for (unsigned i = 0; i < nconns; i++) {
        if (conns[i].peer != NULL) {
            conns_check_sent(&conns[i]);
            for (unsigned id = 0; id < conns[i].nrecords; id++) {
                conns_check_torn(&conns[i], id);
            }
            conns_check_received(&conns[i]);
        }
    }
}
