/* SPDX-License-Identifier: MIT */
/* nng_http_client_transact(), and transacts with a server of ours. */
#include "http/client.h"

#include "support/aio_probe.h"
#include "support/peer.h"
#include "support/random.h"
#include "support/scale.h"
#include "support/unix_place.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(client_transact, .timeout = 60);

static struct t_pending_queue desk = NU_DESK;

/* Answers with what it was asked. */
static void describe(nng_aio *aio)
{
    char text[256];
    void *data;
    size_t size;
    nng_http_req *req = nng_aio_get_input(aio, 0);
    const char *conn = nng_http_req_get_header(req, "Connection");
    nng_http_req_get_data(req, &data, &size);
    snprintf(text, sizeof text, "%s %s %s %s [%.*s]", nng_http_req_get_method(req),
             nng_http_req_get_uri(req), nng_http_req_get_header(req, "Host"),
             conn != NULL ? conn : "none", (int) size, (char *) data);
    t_answer(aio, text, strlen(text));
}

static void keep(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

/* A server, a client for it, messages and an aio. */
struct setting {
    struct t_web web;
    nng_http_client *client;
    nng_http_req *req;
    nng_http_res *res;
    struct t_aio_probe track;
    int calls;
};

/* The thread's own ring stays, and does not count as left open. */
static void make_thread_ring(void)
{
    struct nu_pair pair;
    struct t_aio_probe track;
    char byte = 0;
    t_pair_open(&pair);
    t_aio_probe_open(&track, 0);
    t_aio_probe_buffer(&track, &byte, 1);
    t_aio_probe_write(&track, pair.conn, 0, true);
    t_aio_probe_assert(&track, 1, 0);
    t_aio_probe_close(&track);
    t_pair_close(&pair);
}

static void set_up(struct setting *s, unsigned mode)
{
    make_thread_ring();
    t_web_open(&s->web);
    t_web_static(&s->web, "/", "home");
    t_web_callback(&s->web, "/describe", describe);
    t_web_callback(&s->web, "/keep", keep);
    t_web_directory(&s->web, "/usr", "/usr/share/common-licenses");
    t_web_start(&s->web);
    s->client = t_client(s->web.port);
    s->calls = 0;
    t_aio_probe_open(&s->track, mode);
    cr_assert_eq(nng_http_req_alloc(&s->req, NULL), 0);
    cr_assert_eq(nng_http_res_alloc(&s->res), 0);
}

static void tear_down(struct setting *s)
{
    t_aio_probe_close(&s->track);
    nng_http_client_free(s->client);
    nng_http_req_free(s->req);
    nng_http_res_free(s->res);
    t_web_close(&s->web);
}

static void start(struct setting *s, const char *method, const char *uri)
{
    cr_assert_eq(nng_http_req_set_method(s->req, method), 0);
    cr_assert_eq(nng_http_req_set_uri(s->req, uri), 0);
    nng_http_client_transact(s->client, s->req, s->res, s->track.aio);
}

static void finish(struct setting *s, int result)
{
    t_aio_probe_assert(&s->track, ++s->calls, result);
    cr_assert_null(nng_aio_get_output(s->track.aio, 0));
}

static void assert_response(struct setting *s, unsigned status, const char *body)
{
    void *data;
    size_t size;
    finish(s, 0);
    nng_http_res_get_data(s->res, &data, &size);
    cr_assert_eq(nng_http_res_get_status(s->res), status);
    cr_assert_eq(nng_aio_count(s->track.aio), size);
    cr_assert_eq(size, strlen(body), "%.*s", (int) size, (char *) data);
    cr_assert(size == 0 || memcmp(data, body, size) == 0, "%.*s", (int) size, (char *) data);
}

Test(client_transact, responses)
{
    for (unsigned mode = 0; mode < NU_MODES; mode += 2) {
        struct setting s;
        char text[128];
        set_up(&s, mode);
        start(&s, "GET", "/");
        assert_response(&s, 200, "home");
        cr_assert_str_eq(nng_http_req_get_header(s.req, "Connection"), "close");
        start(&s, "HEAD", "/");
        assert_response(&s, 200, "");
        cr_assert_str_eq(nng_http_res_get_header(s.res, "Content-Length"), "4");
        start(&s, "POST", "/");
        finish(&s, 0);
        cr_assert_eq(nng_http_res_get_status(s.res), 405);
        start(&s, "GET", "/nothing");
        finish(&s, 0);
        cr_assert_eq(nng_http_res_get_status(s.res), 404);
        cr_assert_eq(nng_http_req_copy_data(s.req, "some data", 9), 0);
        start(&s, "POST", "/describe");
        snprintf(text, sizeof text, "POST /describe 127.0.0.1:%u close [some data]", s.web.port);
        assert_response(&s, 200, text);
        tear_down(&s);
    }
}

/* Host is the client's, unless the request has its own. */
Test(client_transact, host)
{
    struct setting s;
    set_up(&s, NU_CALLED);
    cr_assert_eq(nng_http_req_set_header(s.req, "Host", "example.org"), 0);
    start(&s, "GET", "/describe");
    assert_response(&s, 200, "GET /describe example.org close []");
    tear_down(&s);
}

Test(client_transact, many_at_once)
{
    enum { MANY = 50 };
    struct setting s;
    struct t_aio_probe tracks[MANY];
    nng_http_res *res[MANY];
    nng_http_req *req[MANY];
    set_up(&s, NU_CALLED);
    for (int i = 0; i < MANY; i++) {
        t_aio_probe_open(&tracks[i], NU_CALLED);
        cr_assert_eq(nng_http_res_alloc(&res[i]), 0);
        cr_assert_eq(nng_http_req_alloc(&req[i], NULL), 0);
        cr_assert_eq(nng_http_req_set_uri(req[i], i % 2 ? "/" : "/usr/GPL-3"), 0);
        nng_http_client_transact(s.client, req[i], res[i], tracks[i].aio);
    }
    nng_http_client_free(s.client); /* is not needed any more */
    s.client = NULL;
    for (int i = 0; i < MANY; i++) {
        t_aio_probe_assert(&tracks[i], 1, 0);
        if (i % 2 == 1) {
            cr_assert_eq(nng_aio_count(tracks[i].aio), 4);
        } else {
            cr_assert_gt(nng_aio_count(tracks[i].aio), 10000);
        }
        t_aio_probe_close(&tracks[i]);
        nng_http_res_free(res[i]);
        nng_http_req_free(req[i]);
    }
    tear_down(&s);
}

/* ---- What goes wrong ---------------------------------------------------------------------- */

Test(client_transact, without_uri)
{
    struct setting s;
    set_up(&s, NU_CALLED);
    nng_http_client_transact(s.client, s.req, s.res, s.track.aio);
    finish(&s, NNG_EINVAL);
    tear_down(&s);
}

Test(client_transact, refused)
{
    struct setting s;
    unsigned port;
    set_up(&s, NU_CALLED);
    if (t_unix_wanted()) {
        close(nu_listen(&port, 0));
    } else {
        port = t_port();
    }
    nng_http_client_free(s.client);
    s.client = t_client(port);
    start(&s, "GET", "/");
    finish(&s, NNG_ECONNREFUSED);
    tear_down(&s);
}

/* A server with too many connections says so at once: before the request, or after it. */
Test(client_transact, turned_away)
{
    static const char text[] = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";
    struct setting s;
    unsigned port;
    int listener = nu_listen(&port, 0);
    set_up(&s, NU_CALLED);
    nng_http_client_free(s.client);
    s.client = t_client(port);
    for (int i = 0; i < 100; i++) {
        start(&s, "GET", "/");
        int fd = accept(listener, NULL, NULL);
        cr_assert_eq(send(fd, text, sizeof text - 1, MSG_NOSIGNAL), (ssize_t) sizeof text - 1);
        finish(&s, 0);
        cr_assert_eq(nng_http_res_get_status(s.res), 503);
        close(fd);
    }
    close(listener);
    tear_down(&s);
}

/* The handler takes its time, and its answer is for nobody any more. */
Test(client_transact, cut)
{
    static const int results[] = { NNG_ETIMEDOUT, NNG_ECANCELED, NNG_EINTR };
    for (int cut = 0; cut < 3; cut++) {
        struct setting s;
        set_up(&s, NU_CALLED);
        nng_aio_set_timeout(s.track.aio, cut == 0 ? 1000 : NNG_DURATION_INFINITE);
        start(&s, "GET", "/keep");
        nng_aio *kept = t_pending_queue_take(&desk);
        if (cut > 0) {
            nng_aio_abort(s.track.aio, results[cut]);
        }
        finish(&s, results[cut]);
        t_answer(kept, "late", 4);
        tear_down(&s);
    }
}

/* Nobody accepts, or anybody does but says nothing: one deadline for all of it. */
Test(client_transact, silence)
{
    struct setting s;
    unsigned port;
    int listener = nu_listen(&port, 0);
    set_up(&s, NU_CALLED);
    nng_http_client_free(s.client);
    s.client = t_client(port);
    nng_aio_set_timeout(s.track.aio, 50);
    start(&s, "GET", "/");
    finish(&s, NNG_ETIMEDOUT);
    nng_aio_set_timeout(s.track.aio, 0);
    start(&s, "GET", "/");
    finish(&s, NNG_ETIMEDOUT);
    close(listener);
    tear_down(&s);
}

Test(client_transact, no_tls_on_http)
{
    struct setting s;
    struct nng_tls_config *config = NULL;
    set_up(&s, 0);
    cr_assert_eq(nng_http_client_set_tls(s.client, NULL), NNG_ENOTSUP);
    cr_assert_eq(nng_http_client_get_tls(s.client, &config), NNG_ENOTSUP);
    tear_down(&s);
}

/* ---- On one connection -------------------------------------------------------------------- */

static nng_http_conn *connect_to(struct setting *s)
{
    nng_http_client_connect(s->client, s->track.aio);
    t_aio_probe_assert(&s->track, ++s->calls, 0);
    return nng_aio_get_output(s->track.aio, 0);
}

/* Statics, callbacks and files of our own server, in turn. */
Test(client_transact, keep_alive)
{
    static const char *const uris[] = { "/", "/describe", "/usr/GPL-3", "/nothing" };
    struct setting s;
    set_up(&s, NU_CALLED);
    nng_http_conn *conn = connect_to(&s);
    cr_assert_eq(nng_http_req_set_header(s.req, "Host", "h"), 0);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(nng_http_req_set_uri(s.req, uris[i % 4]), 0);
        nng_http_conn_transact(conn, s.req, s.res, s.track.aio);
        finish(&s, 0);
        cr_assert_eq(nng_http_res_get_status(s.res), i % 4 < 3 ? 200 : 404);
        cr_assert_gt(nng_aio_count(s.track.aio), i % 4 == 2 ? 10000 : 3);
    }
    nng_http_conn_close(conn);
    tear_down(&s);
}

/* A transact whose callback starts the next one, and finally closes the connection. */
struct chain {
    nng_http_conn *conn;
    nng_http_req *req;
    nng_http_res *res;
    int left;
};

static void go_on(struct t_aio_probe *track)
{
    struct chain *c = track->arg;
    cr_assert_eq(track->result, 0);
    if (c->left-- > 0) {
        nng_http_conn_transact(c->conn, c->req, c->res, track->aio);
    } else {
        nng_http_conn_close(c->conn);
    }
}

Test(client_transact, from_callbacks)
{
    struct setting s;
    set_up(&s, NU_CALLED);
    struct chain c = { connect_to(&s), s.req, s.res, 200 };
    cr_assert_eq(nng_http_req_set_header(s.req, "Host", "h"), 0);
    cr_assert_eq(nng_http_req_set_uri(s.req, "/"), 0);
    s.track.arg = &c;
    s.track.then = go_on;
    nng_http_conn_transact(c.conn, c.req, c.res, s.track.aio);
    t_aio_probe_await(&s.track, s.calls + 201);
    s.calls += 200;
    finish(&s, 0);
    tear_down(&s);
    nng_fini(); /* a worker that has ended is joined by the next one, or here */
}

/* ---- Races -------------------------------------------------------------------------------- */

/* Whatever ends a transact, at whatever moment: it ends once, and with a reason. */
static void race_once(struct setting *s, unsigned *seed, bool own)
{
    int what = (int) t_random(seed, 5);
    struct t_aio_probe track;
    nng_http_conn *conn = own ? NULL : connect_to(s);
    t_aio_probe_open(&track, t_random(seed, 2) ? NU_CALLED : 0);
    cr_assert_eq(nng_http_req_set_uri(s->req, t_random(seed, 2) ? "/" : "/usr/GPL-3"), 0);
    if (what == 0) {
        nng_aio_set_timeout(track.aio, (nng_duration) t_random(seed, 3));
    }
    if (own) {
        nng_http_client_transact(s->client, s->req, s->res, track.aio);
    } else {
        nng_http_conn_transact(conn, s->req, s->res, track.aio);
    }
    if (t_random(seed, 2)) {
        usleep(t_random(seed, 300));
    }
    if (what == 1) {
        nng_aio_cancel(track.aio);
    } else if (what == 2) {
        nng_aio_stop(track.aio);
    } else if (what == 3) {
        nng_http_conn_close(conn);
        conn = NULL;
    }
    if (what != 4) {
        nng_aio_wait(track.aio);
        int err = nng_aio_result(track.aio);
        cr_assert(err == 0 || err == NNG_ETIMEDOUT || err == NNG_ECANCELED || err == NNG_ECLOSED,
                  "%s", nng_strerror(err));
        cr_assert(track.calls <= 1);
    }
    t_aio_probe_close(&track); /* frees the aio, whatever it is doing */
    nng_http_conn_close(conn);
}

Test(client_transact, races, .timeout = 120)
{
    struct setting s;
    unsigned seed = 1;
    set_up(&s, NU_CALLED);
    cr_assert_eq(nng_http_req_set_header(s.req, "Host", "h"), 0);
    for (int i = 0; i < NU_TIMES(4000); i++) {
        race_once(&s, &seed, i % 2);
    }
    tear_down(&s);
}

/* The library ends while transacts are under way. */
Test(client_transact, fini)
{
    for (int i = 0; i < 20; i++) {
        unsigned port;
        int listener = nu_listen(&port, 0);
        nng_http_client *client = t_client(port);
        struct nu_pair pair;
        struct t_aio_probe tracks[2];
        nng_http_req *req[2];
        nng_http_res *res[2];
        t_pair_connect(&pair, listener, client);
        for (int k = 0; k < 2; k++) {
            t_aio_probe_open(&tracks[k], NU_CALLED);
            cr_assert_eq(nng_http_req_alloc(&req[k], NULL), 0);
            cr_assert_eq(nng_http_req_set_uri(req[k], "/"), 0);
            cr_assert_eq(nng_http_res_alloc(&res[k]), 0);
        }
        nng_http_conn_transact(pair.conn, req[0], res[0], tracks[0].aio);
        nng_http_client_transact(client, req[1], res[1], tracks[1].aio);
        usleep((useconds_t) i * 20);
        nng_fini();
        for (int k = 0; k < 2; k++) {
            t_aio_probe_assert(&tracks[k], 1, NNG_ECLOSED);
            t_aio_probe_close(&tracks[k]);
            nng_http_req_free(req[k]);
            nng_http_res_free(res[k]);
        }
        t_pair_close(&pair);
        nng_http_client_free(client);
        close(listener);
    }
}
