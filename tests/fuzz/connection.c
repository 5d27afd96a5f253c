/* SPDX-License-Identifier: MIT */
/*
 * A whole connection of a server with a handler of each kind: what comes back must be responses,
 * whole and no more of them than the parsers, given all bytes at once, see requests; nothing may
 * follow one that ends the connection; and there must be an end. The first byte of the input says
 * how the rest, which is what the client sends, is cut into pieces.
 */
#include "fuzz/visit.h"
#include "http/body_reader.h"
#include "http/server.h"
#include "io/runtime.h"
#include "wire/parse.h"
#include "wire/status.h"

#include <errno.h>
#include <linux/sockios.h>
#include <nng/supplemental/http/http.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_REQUESTS 4096
#define LONG_BODY 20000

static nng_http_server *server;
static char dir[] = "/tmp/nu-fuzz-XXXXXX";

/* ---- The server --------------------------------------------------------------------------- */

static void answer(nng_aio *aio, const void *data, size_t size)
{
    nng_http_res *res;
    require(nng_http_res_alloc(&res) == 0 && nng_http_res_copy_data(res, data, size) == 0, "res");
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

static void echo(nng_aio *aio)
{
    void *data;
    size_t size;
    nng_http_req_get_data(nng_aio_get_input(aio, 0), &data, &size);
    answer(aio, data, size);
}

/* Reads its body seven bytes at a time, and answers with their number. */
struct reader {
    nng_aio *own;
    nng_aio *aio;
    size_t n;
    char buf[7];
};

static void read_on(void *arg)
{
    struct reader *r = arg;
    r->n += nng_aio_count(r->own);
    if (nng_aio_result(r->own) == 0) {
        nng_http_conn_read(nng_aio_get_input(r->aio, 2), r->own);
        return;
    }
    answer(r->aio, &r->n, sizeof r->n);
    nng_aio_reap(r->own);
    free(r);
}

static void read_body(nng_aio *aio)
{
    struct reader *r = calloc(1, sizeof *r);
    require(r != NULL && nng_aio_alloc(&r->own, read_on, r) == 0, "memory");
    r->aio = aio;
    nng_iov iov = { r->buf, sizeof r->buf };
    nng_aio_set_iov(r->own, 1, &iov);
    nng_http_conn_read(nng_aio_get_input(aio, 2), r->own);
}

static void add(nng_http_handler *h, const char *method, bool tree)
{
    require(nng_http_handler_set_method(h, method) == 0, "method");
    require(!tree || nng_http_handler_set_tree(h) == 0, "tree");
    require(nng_http_server_add_handler(server, h) == 0, "add");
}

static void add_handlers(void)
{
    static char text[LONG_BODY];
    nng_http_handler *h;
    memset(text, 'x', sizeof text);
    require(nng_http_handler_alloc_static(&h, "/", "home", 4, "text/plain") == 0, "static");
    add(h, "GET", false);
    require(nng_http_handler_alloc_static(&h, "/l", text, sizeof text, NULL) == 0, "static");
    add(h, NULL, false);
    require(nng_http_handler_alloc(&h, "/e", echo) == 0, "echo");
    nng_http_handler_collect_body(h, true, 64);
    add(h, NULL, true);
    require(nng_http_handler_alloc(&h, "/r", read_body) == 0, "read");
    nng_http_handler_collect_body(h, false, 0);
    add(h, NULL, false);
    require(nng_http_handler_alloc_redirect(&h, "/g", 0, "http://h/") == 0, "redirect");
    add(h, NULL, true);
    require(nng_http_handler_alloc_directory(&h, "/d", dir) == 0, "directory");
    add(h, "GET", true);
}

static void stop_server(void)
{
    char path[64];
    nng_http_server_release(server);
    nng_fini();
    snprintf(path, sizeof path, "%s/f", dir);
    unlink(path);
    rmdir(dir);
}

static void start_server(void)
{
    nng_url *url;
    char path[64];
    require(mkdtemp(dir) != NULL, "mkdtemp");
    snprintf(path, sizeof path, "%s/f", dir);
    FILE *file = fopen(path, "we");
    require(file != NULL && fputs("file", file) >= 0 && fclose(file) == 0, "file");
    setenv("NNG_URING_LOOPS", "1", 1);
    require(nng_url_parse(&url, "http://127.0.0.1:0") == 0, "url");
    require(nng_http_server_hold(&server, url) == 0, "hold");
    nng_url_free(url);
    nng_uring_server_set_limit(server, NNG_URING_DRAIN_BYTES, 256);
    add_handlers();
    require(nng_http_server_start(server) == 0, "start");
    atexit(stop_server);
}

/* ---- A connection ------------------------------------------------------------------------- */

/* Gives the server a moment to see the piece by itself. */
static void let_it_read(int fd)
{
    int left = 1;
    for (int i = 0; i < 50 && left > 0 && ioctl(fd, SIOCOUTQ, &left) == 0; i++) {
        sched_yield();
    }
}

static void say(int fd, const uint8_t *p, size_t n, unsigned seed)
{
    size_t piece = seed % 4 == 0 ? n : 1 + n / (1 + seed % 16);
    while (n > 0) {
        size_t part = piece < n ? piece : n;
        ssize_t sent = send(fd, p, part, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue; /* libFuzzer's alarm */
        }
        if (sent < 0) {
            require(errno == EPIPE || errno == ECONNRESET, "the server does not read");
            return;
        }
        p += sent;
        n -= (size_t) sent;
        let_it_read(fd);
    }
    shutdown(fd, SHUT_WR);
}

/* ---- What may come ------------------------------------------------------------------------ */

struct expected {
    unsigned n;                  /* final responses, at most */
    bool all;                    /* no fewer, too */
    bool bodiless[MAX_REQUESTS]; /* by their request */
};

static void expect(const char *p, size_t n, struct expected *e)
{
    static struct nu_field fields[NU_MAX_FIELDS];
    *e = (struct expected){ .all = true };
    while (n > 0 && e->n < MAX_REQUESTS - 1) {
        struct nu_head head = { .fields = fields, .maxfields = NU_MAX_FIELDS };
        struct nu_body_reader intake = { 0 };
        enum nu_parse rv = nu_parse_request(p, n, &head);
        if (rv == NU_PARSE_MORE) {
            return;
        }
        e->bodiless[e->n] =
            rv == NU_PARSE_DONE && head.method.n == 4 && memcmp(head.method.p, "HEAD", 4) == 0;
        e->n++;
        if (rv == NU_PARSE_BAD) {
            return;
        }
        p += head.length;
        n -= head.length;
        nu_body_reader_begin(&intake, &head);
        while (nu_body_reader_unread(&intake)) {
            struct nu_slice data;
            size_t used;
            e->all = false; /* it may be too long, or not wanted */
            if (n == 0 || nu_body_reader_next(&intake, p, n, &used, &data) == NU_PARSE_BAD) {
                return;
            }
            p += used;
            n -= used;
        }
        if (!head.keep_alive) {
            return;
        }
    }
}

static void check(const char *p, size_t n, const struct expected *e)
{
    static struct nu_field fields[NU_MAX_FIELDS];
    unsigned count = 0;
    bool last = false;
    while (n > 0) {
        struct nu_head head = { .fields = fields, .maxfields = NU_MAX_FIELDS };
        require(!last, "a response behind the last one");
        require(nu_parse_response(p, n, &head) == NU_PARSE_DONE, "no response");
        p += head.length;
        n -= head.length;
        if (head.status == NNG_HTTP_STATUS_CONTINUE) {
            continue;
        }
        require(count < e->n, "more responses than requests");
        size_t size = 0;
        if (!nu_status_bodiless(head.status)) {
            require(head.has_length, "no length");
            size = e->bodiless[count] ? 0 : (size_t) head.content_length;
        }
        require(size <= n, "a response cut short");
        p += size;
        n -= size;
        last = !head.keep_alive;
        count++;
    }
    require(!e->all || last || count == e->n, "fewer responses than requests");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct expected expected;
    struct nu_buf heard = { 0 };
    if (server == NULL) {
        start_server();
    }
    if (size == 0) {
        return 0;
    }
    expect((const char *) data + 1, size - 1, &expected);
    int fd = open_connection(&server->shards[0]->listeners[0]);
    say(fd, data + 1, size - 1, data[0]);
    hear(fd, &heard);
    close(fd);
    check(heard.data, heard.len, &expected);
    nu_buf_free(&heard);
    return 0;
}
