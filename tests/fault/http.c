/* SPDX-License-Identifier: MIT */
/*
 * Allocations fail one by one while messages are exchanged. No crash, no hang and no leak; and who
 * is told of success has the whole response.
 */
#include "base/check.h"
#include "fault/wrap.h"
#include "io/features.h"
#include "support/peer.h"
#include "support/proc.h"
#include "support/site.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(http_fault, .timeout = 120);

#define SIZE 20000

static uint8_t body[SIZE];

struct place {
    unsigned port;
    int listener;
    pthread_t peer;
};

static bool say(int fd, const void *data, size_t n)
{
    return send(fd, data, n, MSG_NOSIGNAL) == (ssize_t) n;
}

/* A body of known length, in chunks, and one that ends with the connection. */
static bool answer(int fd, char which)
{
    char head[128];
    int n = 0;
    switch (which) {
    case 'l':
        n = sprintf(head, "HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n", SIZE);
        return say(fd, head, (size_t) n) && say(fd, body, SIZE);
    case 'c':
        n = sprintf(head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", SIZE);
        return say(fd, head, (size_t) n) && say(fd, body, SIZE) && say(fd, "\r\n0\r\n\r\n", 7);
    default:
        n = sprintf(head, "HTTP/1.1 200 OK\r\n\r\n");
        return say(fd, head, (size_t) n) && say(fd, body, SIZE) && false;
    }
}

/* Answers as the second byte of the URI says. */
static void serve(int fd)
{
    char in[4096];
    size_t len = 0;
    bool more = true;
    for (ssize_t n; more && (n = recv(fd, in + len, sizeof in - 1 - len, 0)) > 0;) {
        len += (size_t) n;
        in[len] = '\0';
        if (strstr(in, "\r\n\r\n") != NULL) {
            more = answer(fd, in[5]);
            len = 0;
        }
    }
}

static void *play_peer(void *arg)
{
    struct place *p = arg;
    for (int fd; (fd = accept(p->listener, NULL, NULL)) >= 0;) {
        serve(fd);
        close(fd);
    }
    return NULL;
}

static int finish(nng_aio *aio)
{
    nng_aio_wait(aio);
    return nng_aio_result(aio);
}

static int check(nng_aio *aio, nng_http_res *res)
{
    void *data;
    size_t size;
    int err = finish(aio);
    nng_http_res_get_data(res, &data, &size);
    cr_assert_eq(size, err == 0 ? SIZE : 0);
    cr_assert(err != 0 || memcmp(data, body, SIZE) == 0);
    if (nng_http_res_get_status(res) == 201) { /* a head is there as a whole, or not */
        cr_assert_not_null(nng_http_res_get_header(res, "Content-Length"));
    }
    return err;
}

static int ask(nng_http_conn *conn, const char *uri, nng_http_req *req, nng_http_res *res,
               nng_aio *aio)
{
    int err = nng_http_req_set_uri(req, uri);
    if (err == 0) {
        nng_http_conn_transact(conn, req, res, aio);
        err = check(aio, res);
    }
    return err;
}

/* With a head that is read and written by itself. */
static int by_hand(nng_http_conn *conn, nng_http_req *req, nng_http_res *res, nng_aio *aio)
{
    static uint8_t to[SIZE];
    nng_iov iov = { to, SIZE };
    int err = nng_http_req_set_uri(req, "/l");
    if (err == 0) {
        nng_http_conn_write_req(conn, req, aio);
        err = finish(aio);
    }
    if (err == 0) {
        nng_http_conn_read_res(conn, res, aio);
        err = finish(aio);
    }
    if (err == 0) {
        cr_assert_eq(nng_aio_set_iov(aio, 1, &iov), 0);
        nng_http_conn_read_all(conn, aio);
        err = finish(aio);
    }
    return err;
}

static int converse(nng_http_client *client, nng_http_req *req, nng_http_res *res, nng_aio *aio)
{
    nng_http_client_connect(client, aio);
    int err = finish(aio);
    nng_http_conn *conn = nng_aio_get_output(aio, 0);
    if (err == 0) {
        (void) ((err = ask(conn, "/l", req, res, aio)) != 0 ||
                (err = by_hand(conn, req, res, aio)) != 0 ||
                (err = ask(conn, "/c", req, res, aio)) != 0 ||
                (err = ask(conn, "/u", req, res, aio)) != 0);
        nng_http_conn_close(conn);
    }
    if (err == 0 && (err = nng_http_req_set_uri(req, "/c")) == 0) {
        nng_http_client_transact(client, req, res, aio);
        err = check(aio, res);
    }
    return err;
}

static void called(void *arg)
{
    (void) arg;
}

/* All of it once; 0 or the first error. */
static int everything(struct place *p, int nth)
{
    char text[64];
    nng_url *url = NULL;
    nng_http_client *client = NULL;
    nng_http_req *req = NULL;
    nng_http_res *res = NULL;
    nng_aio *aio = NULL;
    int err;
    snprintf(text, sizeof text, "http://127.0.0.1:%u", p->port);
    t_fault_arm(NU_FAULT_ALLOC, nth);
    (void) ((err = nng_url_parse(&url, text)) != 0 ||
            (err = nng_http_client_alloc(&client, url)) != 0 ||
            (err = nng_http_req_alloc(&req, url)) != 0 || (err = nng_http_res_alloc(&res)) != 0 ||
            (err = nng_aio_alloc(&aio, called, NULL)) != 0 ||
            (err = converse(client, req, res, aio)) != 0);
    nng_http_client_free(client);
    nng_http_req_free(req);
    nng_http_res_free(res);
    nng_url_free(url);
    nng_aio_free(aio);
    nng_fini();
    t_fault_disarm();
    return err;
}

Test(http_fault, exchanges)
{
    struct place p;
    int nth = 0;
    cr_assert_eq(setenv("NNG_URING_LOOPS", "1", 1), 0);
    for (size_t i = 0; i < SIZE; i++) {
        body[i] = (uint8_t) (i * 7 + i / 256);
    }
    p.listener = nu_listen(&p.port, 0);
    cr_assert_eq(pthread_create(&p.peer, NULL, play_peer, &p), 0);
    cr_assert_eq(everything(&p, 0), 0);
    unsigned fds = t_proc_fds();
    do {
        int err = everything(&p, ++nth);
        cr_assert(err == 0 || err == NNG_ENOMEM || err == NNG_ENOTSUP, "call %d: %s", nth,
                  nng_strerror(err));
        cr_assert(t_fault_hits() != 0 || err == 0, "after call %d: %s", nth, nng_strerror(err));
        cr_assert_leq(t_proc_fds(), fds + 1, "call %d left a descriptor open", nth);
    } while (t_fault_hits() != 0 && nth < 1000);
    cr_assert_gt(nth, 30);
    shutdown(p.listener, SHUT_RD);
    pthread_join(p.peer, NULL);
    close(p.listener);
}

/* Messages in reuse take no memory. */
Test(http_fault, reuse_allocates_nothing)
{
    struct nu_pair pair;
    nng_http_req *req, *got;
    nng_aio *aio;
    char text[256];
    t_pair_open(&pair);
    cr_assert_eq(nng_http_req_alloc(&req, NULL), 0);
    cr_assert_eq(nng_http_req_alloc(&got, NULL), 0);
    cr_assert_eq(nng_http_req_set_uri(req, "/some/where"), 0);
    cr_assert_eq(nng_http_req_set_header(req, "Host", "example.org"), 0);
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    for (int i = 0; i < 5; i++) {
        if (i == 1) {
            t_fault_arm(NU_FAULT_ALLOC, 1);
        }
        nng_http_conn_write_req(pair.conn, req, aio);
        cr_assert_eq(finish(aio), 0);
        ssize_t n = recv(pair.fd, text, sizeof text, 0);
        nng_http_conn_read_req(pair.conn, got, aio); /* bytes that come first have to be kept */
        cr_assert(say(pair.fd, text, (size_t) n));
        cr_assert_eq(finish(aio), 0);
        cr_assert_eq(strcmp(nng_http_req_get_header(got, "host"), "example.org"), 0);
    }
    cr_assert_eq(t_fault_hits(), 0);
    t_fault_disarm();
    nng_aio_free(aio);
    nng_http_req_free(req);
    nng_http_req_free(got);
    t_pair_close(&pair);
}

static void echo_back(nng_aio *aio)
{
    void *data;
    size_t size;
    nng_http_req_get_data(nng_aio_get_input(aio, 0), &data, &size);
    t_answer(aio, size > 0 ? data : "none", size > 0 ? size : 4);
}

/* Sends the pieces, and takes what comes until it ends like this. */
static void converse_in_pieces(int fd, const char *const *pieces, const char *last)
{
    char in[8192];
    size_t have = 0, n = strlen(last);
    for (; *pieces != NULL; pieces++) {
        cr_assert(say(fd, *pieces, strlen(*pieces)));
        usleep(1000);
    }
    while (have < n || memcmp(in + have - n, last, n) != 0) {
        ssize_t got = recv(fd, in + have, sizeof in - have, 0);
        cr_assert_gt(got, 0, "after %.*s", (int) have, in);
        have += (size_t) got;
    }
}

/* Callbacks on a loop: GET, POST by length and in chunks, at once and in pieces. */
Test(http_fault, callbacks_allocate_nothing)
{
    static const char *const pieces[] = {
        "GET /?a=13&b=42 HTTP/1.1\r\nHost: x\r\n\r\n"
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n"
        "0\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nin ",
        "twoPOST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nover\r\n",
        "0\r\n\r\n", NULL
    };
    struct t_web web;
    struct t_http_client b;
    setenv("NNG_URING_LOOPS", "1", 1);
    setenv("NNG_URING_CALLBACKS", "inline", 1);
    t_web_open(&web);
    t_web_callback(&web, "/", echo_back);
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 8; i++) {
        if (i == 4) {
            t_fault_arm(NU_FAULT_ALLOC, 1);
        }
        converse_in_pieces(b.fd, pieces, "over");
    }
#ifndef NU_ASAN /* which has no free lists */
    cr_assert_eq(t_fault_hits(), 0);
#endif
    t_fault_disarm();
    t_http_client_close(&b);
    t_web_close(&web);
}

/* A long head in pieces, and no memory for one of them. Who reads again gets all of it, or is told
 * that there is a hole. */
static int read_around_a_hole(int nth)
{
    static char text[12000];
    struct nu_pair pair;
    nng_http_res *res;
    nng_aio *aio;
    size_t n = (size_t) sprintf(text, "HTTP/1.1 200 OK\r\n");
    while (n < 11000) {
        n += (size_t) sprintf(text + n, "X-%zu: %0200d\r\n", n, 0);
    }
    n += (size_t) sprintf(text + n, "Last: one\r\n\r\n");
    t_pair_open(&pair);
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, 10000);
    nng_http_conn_read_res(pair.conn, res, aio);
    usleep(2000);
    t_fault_arm(NU_FAULT_MALLOC, nth);
    for (size_t i = 0; i < n; i += 500) {
        cr_assert(say(pair.fd, text + i, n - i < 500 ? n - i : 500));
        usleep(500);
    }
    int err = finish(aio);
    t_fault_disarm();
    if (err == NNG_ENOMEM) {
        shutdown(pair.fd, SHUT_WR);
        nng_http_conn_read_res(pair.conn, res, aio);
        err = finish(aio);
    }
    if (err == 0) {
        cr_assert_str_eq(nng_http_res_get_header(res, "Last"), "one");
        for (size_t i = strlen("HTTP/1.1 200 OK\r\n"); i < 11000;) {
            char name[32];
            snprintf(name, sizeof name, "X-%zu", i);
            cr_assert_not_null(nng_http_res_get_header(res, name), "%s is missing", name);
            i += (size_t) snprintf(NULL, 0, "%s: %0200d\r\n", name, 0);
        }
    } else {
        cr_assert_eq(err, NNG_ENOMEM, "%s", nng_strerror(err));
    }
    int hits = t_fault_hits();
    nng_http_res_free(res);
    nng_aio_free(aio);
    t_pair_close(&pair);
    return hits;
}

Test(http_fault, no_memory_for_what_came)
{
    int nth = 1;
    while (read_around_a_hole(nth) > 0) {
        nth++;
    }
    cr_assert_gt(nth, 3);
}

/* ---- Files -------------------------------------------------------------------------------- */

#define FILE_SIZE ((size_t) 3 << 20)

/* What has been begun is broken off: a client that has the length has the file. */
static void download(struct t_site *site, enum t_fault which, int nth, int err)
{
    struct t_http_client b;
    t_http_client_open(&b, site->web.port);
    t_fault_arm_errno(which, nth, err);
    t_http_client_get(&b, "/f");
    if (which == NU_FAULT_SENDFILE && err == EINTR) {
        t_http_client_hear(&b);
        cr_assert_eq(b.size, FILE_SIZE);
        t_pattern_assert((uint8_t *) b.body, 0, FILE_SIZE, 1);
    } else {
        cr_assert_lt(t_http_client_await_end(&b), FILE_SIZE);
    }
    cr_assert_eq(t_fault_hits(), 1);
    t_fault_disarm();
    t_http_client_close(&b);
    t_proc_await_fds(site->fds);
}

Test(http_fault, files)
{
    struct t_site site;
    uint8_t *data = t_pattern_new(FILE_SIZE, 1);
    t_site_open(&site);
    t_site_make(&site, "root/f", data, FILE_SIZE);
    free(data);
    if (nu_has(NU_HAS_CACHESTAT)) {
        for (int nth = 1; nth <= 3; nth++) {
            download(&site, NU_FAULT_SENDFILE, nth, EIO);
            download(&site, NU_FAULT_SENDFILE, nth, EINTR);
        }
        download(&site, NU_FAULT_IOCTL, 1, ENOMEM);
    }
    t_web_assert(&site.web, "/static", 200, "home");
    t_site_close(&site);
}
