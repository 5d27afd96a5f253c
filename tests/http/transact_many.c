/* SPDX-License-Identifier: MIT */
/* Transactions one behind the other on a connection, and those that end early. */
#include "http/conn.h"
#include "support/scripted_peer.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(transact_many, .timeout = 60);

#define OK "HTTP/1.1 200 OK\r\n"

/* ---- Several on one connection ------------------------------------------------------------ */

enum { MANY = 40 };

/* One of many. */
struct one {
    struct t_aio_probe track;
    nng_http_req *req;
    nng_http_res *res;
    nng_http_conn *conn;
    char uri[16];
};

static void open_one(struct one *o, nng_http_conn *conn, int i, unsigned mode)
{
    t_aio_probe_open(&o->track, mode);
    cr_assert_eq(nng_http_req_alloc(&o->req, NULL), 0);
    cr_assert_eq(nng_http_res_alloc(&o->res), 0);
    sprintf(o->uri, "/%d", i);
    cr_assert_eq(nng_http_req_set_uri(o->req, o->uri), 0);
    o->conn = conn;
}

static void start_one(void *arg)
{
    struct one *o = arg;
    nng_http_conn_transact(o->conn, o->req, o->res, o->track.aio);
}

static void close_one(struct one *o)
{
    t_aio_probe_close(&o->track);
    nng_http_req_free(o->req);
    nng_http_res_free(o->res);
}

/* Answers each request with its URI, in a different framing every time, until the end. */
static void *answer_uris(void *arg)
{
    int fd = *(int *) arg, n = 0;
    char in[16384], out[256];
    size_t len = 0;
    for (ssize_t got; (got = recv(fd, in + len, sizeof in - 1 - len, 0)) > 0;) {
        char *end;
        len += (size_t) got;
        for (in[len] = '\0'; (end = strstr(in, "\r\n\r\n")) != NULL; in[len] = '\0') {
            char uri[16];
            cr_assert_eq(sscanf(in, "GET %15s HTTP/1.1", uri), 1);
            int size =
                n % 3 == 0 ? sprintf(out, OK "Content-Length: %zu\r\n\r\n%s", strlen(uri), uri)
                : n % 3 == 1
                    ? sprintf(out,
                              OK "Transfer-Encoding: chunked\r\n\r\n1\r\n/\r\n%zx"
                                 "\r\n%s\r\n0\r\n\r\n",
                              strlen(uri) - 1, uri + 1)
                    : sprintf(out,
                              "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: %zu\r\n\r\n%s",
                              strlen(uri), uri);
            cr_assert_eq(send(fd, out, (size_t) size, MSG_NOSIGNAL), size);
            n++;
            len -= (size_t) (end + 4 - in);
            memmove(in, end + 4, len);
        }
    }
    return NULL;
}

Test(transact_many, pipelined)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct nu_pair pair;
        struct one ones[MANY];
        pthread_t thread;
        t_pair_open(&pair);
        for (int i = 0; i < MANY; i++) {
            open_one(&ones[i], pair.conn, i, mode);
            if (mode & NU_ON_OWNER) {
                t_on_owner(pair.conn, start_one, &ones[i]);
            } else {
                start_one(&ones[i]);
            }
        }
        cr_assert_eq(pthread_create(&thread, NULL, answer_uris, &pair.fd), 0);
        for (int i = 0; i < MANY; i++) {
            t_aio_probe_assert(&ones[i].track, 1, 0);
            t_assert_body(ones[i].res, ones[i].uri, (long long) strlen(ones[i].uri));
            close_one(&ones[i]);
        }
        nng_http_conn_close(pair.conn);
        pair.conn = NULL;
        pthread_join(thread, NULL);
        t_pair_close(&pair);
    }
}

static void *ask_often(void *arg)
{
    struct one *o = arg;
    for (int i = 0; i < 100; i++) {
        start_one(o);
        nng_aio_wait(o->track.aio);
        cr_assert_eq(nng_aio_result(o->track.aio), 0);
        t_assert_body(o->res, o->uri, (long long) strlen(o->uri));
    }
    return NULL;
}

/* Threads that know nothing of each other get their own responses. */
Test(transact_many, from_many_threads)
{
    enum { THREADS = 8 };
    struct nu_pair pair;
    struct one ones[THREADS];
    pthread_t threads[THREADS], server;
    t_pair_open(&pair);
    cr_assert_eq(pthread_create(&server, NULL, answer_uris, &pair.fd), 0);
    for (int i = 0; i < THREADS; i++) {
        open_one(&ones[i], pair.conn, i * 1000, i & 1 ? NU_CALLED : 0);
        cr_assert_eq(pthread_create(&threads[i], NULL, ask_often, &ones[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        close_one(&ones[i]);
    }
    nng_http_conn_close(pair.conn);
    pair.conn = NULL;
    pthread_join(server, NULL);
    t_pair_close(&pair);
}

/* After one that was given up, those behind it must not get its response. */
Test(transact_many, given_up)
{
    struct nu_pair pair;
    struct one ones[4];
    char byte;
    t_pair_open(&pair);
    for (int i = 0; i < 4; i++) {
        open_one(&ones[i], pair.conn, i, NU_CALLED);
    }
    for (int i = 0; i < 3; i++) {
        start_one(&ones[i]);
        cr_assert_eq(recv(pair.fd, &byte, 1, 0), 1);
    }
    nng_aio_cancel(ones[1].track.aio);
    t_aio_probe_assert(&ones[1].track, 1, NNG_ECANCELED);
    const char *text = OK "Content-Length: 1\r\n\r\n0";
    cr_assert_eq(send(pair.fd, text, strlen(text), 0), (ssize_t) strlen(text));
    t_aio_probe_assert(&ones[0].track, 1, 0);
    t_assert_body(ones[0].res, "0", 1);
    t_aio_probe_assert(&ones[2].track, 1, NNG_ESTATE);
    start_one(&ones[3]);
    t_aio_probe_assert(&ones[3].track, 1, NNG_ESTATE);
    for (int i = 0; i < 4; i++) {
        close_one(&ones[i]);
    }
    t_pair_close(&pair);
}

/* ---- Ends at every stage ------------------------------------------------------------------ */

/* What has come when the operation ends early. The first one is in the middle of the write. */
static const char *const stages[] = {
    NULL,
    "",
    "HTTP/1.1 100 Continue\r\n\r\n",
    OK "Content-Le",
    OK "Content-Length: 10\r\n\r\nhalf",
    OK "Transfer-Encoding: chunked\r\n\r\n5",
    OK "Transfer-Encoding: chunked\r\n\r\n5\r\nha",
    OK "Transfer-Encoding: chunked\r\n\r\n0\r\n",
    OK "\r\nhalf",
};

#define STAGES (sizeof stages / sizeof stages[0])

enum cut { TIMEOUT, CANCEL, ABORT, STOP, FREE, CLOSE, CUTS };

static const int cut_results[CUTS] = { NNG_ETIMEDOUT, NNG_ECANCELED, NNG_EINTR,
                                       NNG_ECANCELED, NNG_ECLOSED,   NNG_ECLOSED };

static void make_cut(struct t_scripted_peer *t, enum cut cut)
{
    switch (cut) {
    case CANCEL:
        nng_aio_cancel(t->track.aio);
        break;
    case ABORT:
        nng_aio_abort(t->track.aio, NNG_EINTR);
        break;
    case STOP:
        nng_aio_stop(t->track.aio);
        break;
    case FREE:
        nng_aio_free(t->track.aio);
        t->track.aio = NULL;
        break;
    case CLOSE:
        nng_http_conn_close(t->pair.conn);
        t->pair.conn = NULL;
        break;
    default:
        break;
    }
}

static void cut_at(unsigned mode, size_t stage, enum cut cut, const void *data)
{
    struct t_scripted_peer t;
    t_scripted_peer_open_request(&t, mode & ~(unsigned) NU_TIMED, "POST");
    if (stages[stage] == NULL) {
        cr_assert_eq(nng_http_req_set_data(t.req, data, NU_PLENTY), 0);
    }
    if (cut == TIMEOUT) {
        nng_aio_set_timeout(t.track.aio, 20);
    }
    t_scripted_peer_start(&t, t_scripted_peer_transact);
    if (stages[stage] != NULL) {
        t_scripted_peer_hear_request(&t, "POST");
        t_scripted_peer_say(&t, stages[stage]);
        if (mode & NU_TIMED) {
            usleep(500); /* have it arrive, now and then */
        }
    }
    make_cut(&t, cut);
    if (cut != FREE) {
        t_scripted_peer_finish_count(&t, cut_results[cut], 0);
    } else if (mode & NU_CALLED) {
        cr_assert_eq(t.track.calls, 1);
        cr_assert_eq(t.track.result, NNG_ECLOSED);
    }
    if (cut < STOP) { /* the connection is open, and out of step */
        nng_aio_set_timeout(t.track.aio, NNG_DURATION_INFINITE);
        t_scripted_peer_start(&t, t_scripted_peer_transact);
        t_scripted_peer_finish_count(&t, NNG_ESTATE, 0);
    }
    t_scripted_peer_close(&t);
}

Test(transact_many, cut)
{
    void *data = calloc(1, NU_PLENTY);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        for (size_t stage = 0; stage < STAGES; stage++) {
            for (int cut = 0; cut < CUTS; cut++) {
                cut_at(mode, stage, (enum cut) cut, data);
            }
        }
    }
    free(data);
}

Test(transact_many, no_time)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer t;
        t_scripted_peer_open_request(&t, mode, "GET");
        nng_aio_set_expire(t.track.aio, nng_clock() - 1);
        t_scripted_peer_start(&t, t_scripted_peer_transact);
        t_scripted_peer_finish_count(&t, NNG_ETIMEDOUT, 0);
        t_scripted_peer_start(&t,
                              t_scripted_peer_transact); /* nothing was sent, so nothing is lost */
        t_scripted_peer_say(&t, OK "Content-Length: 0\r\n\r\n");
        t_scripted_peer_finish(&t, 0);
        t_scripted_peer_close(&t);
    }
}

/* An aio that was stopped begins nothing. */
Test(transact_many, stopped)
{
    struct t_scripted_peer t;
    t_scripted_peer_open_request(&t, NU_CALLED, "GET");
    nng_aio_stop(t.track.aio);
    t_scripted_peer_start(&t, t_scripted_peer_transact);
    nng_aio_wait(t.track.aio);
    cr_assert_eq(nng_aio_result(t.track.aio), NNG_ECANCELED);
    cr_assert_eq(t_aio_probe_calls(&t.track), 0);
    t_scripted_peer_hear_no_more(&t);
    t_scripted_peer_close(&t);
}

/* One deadline for everything, though every part of it comes in time. */
Test(transact_many, one_deadline)
{
    struct t_scripted_peer t;
    t_scripted_peer_open_request(&t, NU_CALLED, "GET");
    nng_aio_set_timeout(t.track.aio, 200);
    nng_time began = nng_clock();
    t_scripted_peer_start(&t, t_scripted_peer_transact);
    t_scripted_peer_say(&t, OK "\r\n");
    while (nng_aio_busy(t.track.aio)) {
        t_scripted_peer_say(&t, "x");
        usleep(1000);
    }
    t_scripted_peer_finish_count(&t, NNG_ETIMEDOUT, 0);
    cr_assert_geq(nng_clock() - began, 199);
    cr_assert_lt(nng_clock() - began, 60000);
    t_scripted_peer_close(&t);
}
