/* SPDX-License-Identifier: MIT */
/*
 * A server such as users write, by the contract of the public HTTP arena: sums, JSON made for each
 * request, uploads counted as they come, files. Every answer but the files' is a callback's. It
 * uses what NNG and this library share, so it can be built against both.
 *
 *   GET  /pipeline               ok
 *   GET  /baseline11?a=13&b=42   55, the sum of the integers in the query
 *   POST /baseline11?a=13&b=42   the same, and the integer in the body
 *   GET  /json/N?m=M             the first N items, each with total = price * quantity * M
 *   POST /upload                 the bytes received
 *   GET  /static/NAME            a file of the directory
 *
 * usage: arena PORT DATASET [DIRECTORY]. The data set is a JSON array of flat objects in which
 * "price" and "quantity" are integers. Prints the port when it serves, and ends by SIGTERM.
 */
#include <arpa/inet.h>
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ITEMS 50
#define JSON_ROOM 32768
#define PIECE ((size_t) 256 * 1024) /* of an upload that is read at once */

struct item {
    const char *text; /* the object but for its closing brace */
    size_t len;
    long long price, quantity;
};

static struct item items[MAX_ITEMS];
static size_t nitems;

static void check(int err, const char *what)
{
    if (err != 0) {
        fprintf(stderr, "arena: %s: %s\n", what, nng_strerror(err));
        exit(1);
    }
}

/* ---- Answers ------------------------------------------------------------------------------ */

/* Finishes the handler with a 200, or with the error that came in between. */
static void answer(nng_aio *aio, const char *type, const void *data, size_t size)
{
    nng_http_res *res;
    int err = nng_http_res_alloc(&res);
    if (err == 0) {
        if ((err = nng_http_res_set_header(res, "Content-Type", type)) == 0 &&
            (err = nng_http_res_copy_data(res, data, size)) == 0) {
            nng_aio_set_output(aio, 0, res);
        } else {
            nng_http_res_free(res);
        }
    }
    nng_aio_finish(aio, err);
}

static void answer_number(nng_aio *aio, long long number)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", number);
    answer(aio, "text/plain", text, (size_t) n);
}

static void answer_status(nng_aio *aio, uint16_t status)
{
    nng_http_res *res;
    int err = nng_http_res_alloc_error(&res, status);
    if (err == 0) {
        nng_aio_set_output(aio, 0, res);
    }
    nng_aio_finish(aio, err);
}

/* ---- /pipeline, /baseline11 --------------------------------------------------------------- */

static void pipeline(nng_aio *aio)
{
    answer(aio, "text/plain", "ok", 2);
}

/* The sum of the integers behind the '=' of a query. */
static long long sum_of_query(const char *uri)
{
    long long sum = 0;
    for (const char *p = strchr(uri, '?'); p != NULL; p = strchr(p, '&')) {
        p += strcspn(p + 1, "=&#") + 1;
        if (*p == '=') {
            sum += strtoll(p + 1, NULL, 10);
        }
    }
    return sum;
}

/* The body is no string: it ends where it ends. */
static long long number_of(const void *data, size_t size)
{
    char text[24];
    size_t n = size < sizeof text - 1 ? size : sizeof text - 1;
    if (n > 0) {
        memcpy(text, data, n);
    }
    text[n] = '\0';
    return strtoll(text, NULL, 10);
}

static void baseline(nng_aio *aio)
{
    nng_http_req *req = nng_aio_get_input(aio, 0);
    void *data;
    size_t size;
    nng_http_req_get_data(req, &data, &size);
    answer_number(aio, sum_of_query(nng_http_req_get_uri(req)) + number_of(data, size));
}

/* ---- /json -------------------------------------------------------------------------------- */

static long long member(const char *object, size_t len, const char *name)
{
    const char *at = memmem(object, len, name, strlen(name));
    return at != NULL ? strtoll(at + strlen(name), NULL, 10) : 0;
}

/* Finds the objects of an array; the text stays, items point into it. */
static void load_items(char *text)
{
    int depth = 0;
    bool quoted = false;
    const char *from = text;
    for (char *p = text; *p != '\0' && nitems < MAX_ITEMS; p++) {
        if (*p == '"' && (p == text || p[-1] != '\\')) {
            quoted = !quoted;
        } else if (!quoted && *p == '{' && depth++ == 0) {
            from = p;
        } else if (!quoted && *p == '}' && --depth == 0) {
            size_t len = (size_t) (p - from);
            items[nitems++] = (struct item){ from, len, member(from, len, "\"price\":"),
                                             member(from, len, "\"quantity\":") };
        }
    }
}

static void read_dataset(const char *path)
{
    void *text = NULL;
    FILE *file = fopen(path, "r");
    size_t room = 1 << 20;
    if (file == NULL || (text = calloc(1, room)) == NULL || fread(text, 1, room - 1, file) == 0) {
        fprintf(stderr, "arena: cannot read the data set %s\n", path);
        exit(1);
    }
    fclose(file);
    load_items(text);
}

/* {"items":[...],"count":N} with the first `count` items. Returns its length; 0: no room. */
static size_t print_json(char *out, size_t room, size_t count, long long m)
{
    size_t n = (size_t) snprintf(out, room, "{\"items\":[");
    for (size_t i = 0; i < count && n < room; i++) {
        const struct item *item = &items[i];
        n += (size_t) snprintf(out + n, room - n, "%s%.*s,\"total\":%lld}", i > 0 ? "," : "",
                               (int) item->len, item->text, item->price * item->quantity * m);
    }
    if (n < room) {
        n += (size_t) snprintf(out + n, room - n, "],\"count\":%zu}", count);
    }
    return n < room ? n : 0;
}

static void json(nng_aio *aio)
{
    static const char prefix[] = "/json/";
    const char *uri = nng_http_req_get_uri(nng_aio_get_input(aio, 0));
    const char *m = strstr(uri, "m=");
    char text[JSON_ROOM], *end;
    unsigned long count = strtoul(uri + sizeof prefix - 1, &end, 10);
    if (end == uri + sizeof prefix - 1 || count > nitems) {
        answer_status(aio, NNG_HTTP_STATUS_NOT_FOUND);
        return;
    }
    size_t n = print_json(text, sizeof text, count, m != NULL ? strtoll(m + 2, NULL, 10) : 1);
    if (n == 0) {
        answer_status(aio, NNG_HTTP_STATUS_INTERNAL_SERVER_ERROR);
        return;
    }
    answer(aio, "application/json", text, n);
}

/* ---- /upload ------------------------------------------------------------------------------ */

/* One upload: reads piece by piece into the same memory, and counts. */
struct upload {
    nng_aio *handler; /* by which the answer goes */
    nng_aio *read;
    nng_http_conn *conn;
    unsigned long long total;
    char piece[PIECE];
};

static void read_piece(struct upload *upload)
{
    nng_iov iov = { .iov_buf = upload->piece, .iov_len = sizeof upload->piece };
    (void) nng_aio_set_iov(upload->read, 1, &iov);
    nng_http_conn_read(upload->conn, upload->read);
}

static void piece_read(void *arg)
{
    struct upload *upload = arg;
    int err = nng_aio_result(upload->read);
    upload->total += nng_aio_count(upload->read);
    if (err == 0) {
        read_piece(upload);
        return;
    }
    if (err == NNG_ECONNSHUT) { /* the end of the body */
        answer_number(upload->handler, (long long) upload->total);
    } else {
        nng_aio_finish(upload->handler, err);
    }
    nng_aio_reap(upload->read);
    free(upload);
}

static void receive_upload(nng_aio *aio)
{
    struct upload *upload = malloc(sizeof *upload);
    if (upload == NULL || nng_aio_alloc(&upload->read, piece_read, upload) != 0) {
        free(upload);
        nng_aio_finish(aio, NNG_ENOMEM);
        return;
    }
    upload->handler = aio;
    upload->conn = nng_aio_get_input(aio, 2);
    upload->total = 0;
    read_piece(upload);
}

/* ---- The server --------------------------------------------------------------------------- */

static void add(nng_http_server *server, nng_http_handler *handler, const char *method)
{
    check(nng_http_handler_set_method(handler, method), "cannot set a method");
    check(nng_http_server_add_handler(server, handler), "cannot add a handler");
}

static void add_callback(nng_http_server *server, const char *method, const char *uri,
                         void (*cb)(nng_aio *), bool tree, bool collect)
{
    nng_http_handler *handler;
    check(nng_http_handler_alloc(&handler, uri, cb), uri);
    check(nng_http_handler_collect_body(handler, collect, 1024), uri);
    if (tree) {
        check(nng_http_handler_set_tree(handler), uri);
    }
    add(server, handler, method);
}

static void add_handlers(nng_http_server *server, const char *dir)
{
    add_callback(server, "GET", "/pipeline", pipeline, false, true);
    add_callback(server, "GET", "/baseline11", baseline, false, true);
    add_callback(server, "POST", "/baseline11", baseline, false, true);
    add_callback(server, "GET", "/json", json, true, true);
    add_callback(server, "POST", "/upload", receive_upload, false, false);
    if (dir != NULL) {
        nng_http_handler *handler;
        check(nng_http_handler_alloc_directory(&handler, "/static", dir), dir);
        add(server, handler, "GET");
    }
}

static void serve(const char *port, const char *dir)
{
    nng_http_server *server;
    nng_url *url;
    nng_sockaddr addr;
    sigset_t set;
    char text[64];
    int sig;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL); /* for the library's threads, too */
    (void) snprintf(text, sizeof text, "http://127.0.0.1:%s", port);
    check(nng_url_parse(&url, text), text);
    check(nng_http_server_hold(&server, url), "cannot start");
    nng_url_free(url);
    add_handlers(server, dir);
    check(nng_http_server_start(server), text);
    check(nng_http_server_get_addr(server, &addr), "no address");
    printf("http://127.0.0.1:%u\n", ntohs(addr.s_in.sa_port));
    fflush(stdout);
    sigwait(&set, &sig);
    nng_http_server_stop(server);
    nng_http_server_release(server);
    nng_fini();
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fputs("usage: arena PORT DATASET [DIRECTORY]\n", stderr);
        return 2;
    }
    read_dataset(argv[2]);
    serve(argv[1], argv[3]);
    return 0;
}
