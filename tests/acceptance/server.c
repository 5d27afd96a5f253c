/* SPDX-License-Identifier: MIT */
/*
 * A server with one handler of each kind, for real clients to try: server DIR
 * Prints its URL; ends on SIGTERM when what is in hand is answered. What it offers:
 *
 *   /static   "static\n"                      /files/...    the files below DIR
 *   /echo     POST, PUT: the body (64 MiB)    /old, /old/.. 301 to /files
 *   /count    POST, PUT: its length, counted  /moved        307 to /echo
 *             by the handler as it comes      /teapot       an error, 418
 *   /stream   POST, PUT: the body, chunk by   /slow         "slow\n", after 300 ms
 *             chunk as it comes               elsewhere     a 404 with a page of its own
 */
#include <arpa/inet.h>
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <nng/uring.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ECHO_MAX ((size_t) 64 * 1024 * 1024)
#define SLOW_MS 300
#define DRAIN_MS 10000

static void ensure(int err, const char *what)
{
    if (err != 0) {
        fprintf(stderr, "%s: %s\n", what, nng_strerror(err));
        exit(1);
    }
}

/* ---- Answers ------------------------------------------------------------------------------ */

static void answer(nng_aio *request, const void *data, size_t size, const char *type)
{
    nng_http_res *res;
    int err = nng_http_res_alloc(&res);
    if (err == 0 && ((err = nng_http_res_copy_data(res, data, size)) != 0 ||
                     (err = nng_http_res_set_header(res, "Content-Type", type)) != 0)) {
        nng_http_res_free(res);
    }
    if (err == 0) {
        nng_aio_set_output(request, 0, res);
    }
    nng_aio_finish(request, err);
}

static void echo(nng_aio *request)
{
    nng_http_req *req = nng_aio_get_input(request, 0);
    const char *type = nng_http_req_get_header(req, "Content-Type");
    void *data;
    size_t size;
    nng_http_req_get_data(req, &data, &size);
    answer(request, data, size, type != NULL ? type : "application/octet-stream");
}

static void teapot(nng_aio *request)
{
    nng_http_res *res = NULL;
    int err = nng_http_res_alloc_error(&res, NNG_HTTP_STATUS_TEAPOT);
    nng_aio_set_output(request, 0, res);
    nng_aio_finish(request, err);
}

/* ---- Handlers that take their time -------------------------------------------------------- */

struct job {
    nng_aio *request; /* the handler's, to be finished */
    nng_aio *aio;     /* the step in hand */
    size_t total;
    enum { READING, WRITING, ENDING } step;
    char size[16]; /* a chunk's first line */
    char data[65536];
};

/* Runs cb(job) when the step that `job->aio` is used for is over. */
static struct job *new_job(nng_aio *request, void (*cb)(void *))
{
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL || nng_aio_alloc(&job->aio, cb, job) != 0) {
        free(job);
        nng_aio_finish(request, NNG_ENOMEM);
        return NULL;
    }
    job->request = request;
    return job;
}

static void end_job(struct job *job)
{
    nng_aio_reap(job->aio);
    free(job);
}

static void finish(struct job *job, int err)
{
    nng_aio_finish(job->request, err);
    end_job(job);
}

static void slept(void *arg)
{
    struct job *job = arg;
    answer(job->request, "slow\n", 5, "text/plain");
    end_job(job);
}

static void slow(nng_aio *request)
{
    struct job *job = new_job(request, slept);
    if (job != NULL) {
        nng_sleep_aio(SLOW_MS, job->aio);
    }
}

static void read_some(struct job *job)
{
    nng_iov iov = { .iov_buf = job->data, .iov_len = sizeof job->data };
    job->step = READING;
    nng_aio_set_iov(job->aio, 1, &iov);
    nng_http_conn_read(nng_aio_get_input(job->request, 2), job->aio);
}

static void counted(void *arg)
{
    struct job *job = arg;
    int err = nng_aio_result(job->aio);
    job->total += nng_aio_count(job->aio);
    if (err == 0) {
        read_some(job);
    } else if (err == NNG_ECONNSHUT) {
        snprintf(job->data, sizeof job->data, "%zu\n", job->total);
        answer(job->request, job->data, strlen(job->data), "text/plain");
        end_job(job);
    } else {
        finish(job, err);
    }
}

static void count(nng_aio *request)
{
    struct job *job = new_job(request, counted);
    if (job != NULL) {
        read_some(job);
    }
}

/* `n` bytes of data as a chunk; 0 is the last. */
static void write_chunk(struct job *job, size_t n)
{
    nng_iov iov[3] = { { .iov_buf = job->size },
                       { .iov_buf = job->data, .iov_len = n },
                       { .iov_buf = "\r\n", .iov_len = 2 } };
    iov[0].iov_len = (size_t) snprintf(job->size, sizeof job->size, "%zx\r\n", n);
    job->step = n > 0 ? WRITING : ENDING;
    nng_aio_set_iov(job->aio, 3, iov);
    nng_http_conn_write_all(nng_aio_get_input(job->request, 2), job->aio);
}

static void streamed(void *arg)
{
    struct job *job = arg;
    int err = nng_aio_result(job->aio);
    if (job->step == READING && (err == 0 || err == NNG_ECONNSHUT)) {
        write_chunk(job, nng_aio_count(job->aio));
    } else if (job->step == WRITING && err == 0) {
        read_some(job);
    } else {
        finish(job, err);
    }
}

static void stream(nng_aio *request)
{
    static char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    nng_iov iov = { .iov_buf = head, .iov_len = sizeof head - 1 };
    struct job *job = new_job(request, streamed);
    if (job != NULL) {
        job->step = WRITING;
        nng_aio_set_iov(job->aio, 1, &iov);
        nng_http_conn_write_all(nng_aio_get_input(request, 2), job->aio);
    }
}

/* ---- The server --------------------------------------------------------------------------- */

static void add(nng_http_server *server, nng_http_handler *handler)
{
    ensure(nng_http_server_add_handler(server, handler), "add");
}

static void add_callback(nng_http_server *server, const char *uri, const char *method,
                         void (*cb)(nng_aio *))
{
    nng_http_handler *handler;
    ensure(nng_http_handler_alloc(&handler, uri, cb), uri);
    ensure(nng_http_handler_set_method(handler, method), method);
    ensure(nng_http_handler_collect_body(handler, cb == echo, ECHO_MAX), uri);
    add(server, handler);
}

static void add_handlers(nng_http_server *server, const char *dir)
{
    static const char *const methods[] = { "POST", "PUT" };
    nng_http_handler *handler;
    for (int i = 0; i < 2; i++) {
        add_callback(server, "/echo", methods[i], echo);
        add_callback(server, "/count", methods[i], count);
        add_callback(server, "/stream", methods[i], stream);
    }
    add_callback(server, "/slow", "GET", slow);
    add_callback(server, "/teapot", "GET", teapot);
    ensure(nng_http_handler_alloc_static(&handler, "/static", "static\n", 7, "text/plain"), "new");
    add(server, handler);
    ensure(nng_http_handler_alloc_directory(&handler, "/files", dir), dir);
    add(server, handler);
    ensure(nng_http_handler_alloc_redirect(&handler, "/old", 301, "/files"), "new");
    ensure(nng_http_handler_set_tree(handler), "tree");
    add(server, handler);
    ensure(nng_http_handler_alloc_redirect(&handler, "/moved", 307, "/echo"), "new");
    add(server, handler);
}

int main(int argc, char **argv)
{
    nng_http_server *server;
    nng_url *url;
    nng_sockaddr addr;
    sigset_t ends;
    int sig;
    if (argc != 2) {
        fputs("usage: server DIR\n", stderr);
        return 2;
    }
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* before there is another thread */

    ensure(nng_url_parse(&url, "http://127.0.0.1:0"), "url");
    ensure(nng_http_server_hold(&server, url), "hold");
    nng_url_free(url);
    add_handlers(server, argv[1]);
    ensure(nng_http_server_set_error_page(server, 404, "<h1>nothing here</h1>\n"), "page");
    ensure(nng_http_server_start(server), "start");
    ensure(nng_http_server_get_addr(server, &addr), "address");
    printf("http://127.0.0.1:%u/\n", ntohs(addr.s_in.sa_port));
    fflush(stdout);
    sigwait(&ends, &sig);
    ensure(nng_uring_server_drain(server, DRAIN_MS), "drain");
    nng_http_server_release(server);
    nng_fini();
    return 0;
}
