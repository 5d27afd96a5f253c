/* SPDX-License-Identifier: MIT */
/*
 * A gateway as NNG's demo of REST is one: each request's body becomes a message to a service behind
 * an inproc:// socket, on a context of its own, and the reply becomes the response. Clients come,
 * many at a time, give up in the middle, and the gateway is stopped with requests in flight.
 *
 * gateway [REQUESTS]: so many by each client; memory must not grow, and the CPU time is printed.
 */
#include "check.h"

#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/util/platform.h>
#include <stdatomic.h>
#include <sys/resource.h>

#define SERVICE "inproc://rot13"
#define CLIENTS 4

/* ---- The service -------------------------------------------------------------------------- */

static nng_socket rep, req;
static nng_thread *service;

static void rot13(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char base = (char) (text[i] >= 'a' && text[i] <= 'z'   ? 'a'
                            : text[i] >= 'A' && text[i] <= 'Z' ? 'A'
                                                               : 0);
        text[i] = base != 0 ? (char) (base + (text[i] - base + 13) % 26) : text[i];
    }
}

static bool is_text(const void *data, size_t size, const char *text)
{
    return size == strlen(text) && memcmp(data, text, size) == 0;
}

/* So that there is something to give up, "never" is not answered at all, and "slow" and "late" not
 * at once: the gateway has 25 ms for the first two, and ten seconds for the last. */
static void gateway_service(void *arg)
{
    nng_msg *msg;
    (void) arg;
    while (nng_recvmsg(rep, &msg, 0) == 0) {
        void *body = nng_msg_body(msg);
        size_t size = nng_msg_len(msg);
        bool never = is_text(body, size, "never");
        if (is_text(body, size, "slow") || is_text(body, size, "late")) {
            nng_msleep(50);
        }
        rot13(body, size);
        if (never || nng_sendmsg(rep, msg, 0) != 0) {
            nng_msg_free(msg);
        }
    }
}

static void start_service(void)
{
    check_ok(nng_rep0_open(&rep));
    check_ok(nng_listen(rep, SERVICE, NULL, 0));
    check_ok(nng_thread_create(&service, gateway_service, NULL));
    check_ok(nng_req0_open(&req));
    check_ok(nng_dial(req, SERVICE, NULL, 0));
}

/* ---- The gateway -------------------------------------------------------------------------- */

/* One request: its aio sends, then receives. */
struct job {
    nng_aio *http;
    nng_aio *aio;
    nng_ctx ctx;
    bool sent;
};

static atomic_uint taken; /* jobs so far */
static atomic_uint jobs;  /* of them, those that are not over */

static void end_job(struct job *job, int err, nng_http_res *res)
{
    if (res != NULL) {
        nng_aio_set_output(job->http, 0, res);
    }
    nng_ctx_close(job->ctx);
    nng_aio_finish(job->http, err);
    nng_aio_reap(job->aio);
    nng_free(job, sizeof *job);
    atomic_fetch_sub(&jobs, 1);
}

static void answer(struct job *job, nng_msg *msg)
{
    nng_http_res *res;
    int err = nng_http_res_alloc(&res);
    if (err == 0 &&
        ((err = nng_http_res_copy_data(res, nng_msg_body(msg), nng_msg_len(msg))) != 0 ||
         (err = nng_http_res_set_header(res, "Content-Type", "text/plain")) != 0)) {
        nng_http_res_free(res);
    }
    nng_msg_free(msg);
    end_job(job, err, err == 0 ? res : NULL);
}

static void refuse(struct job *job)
{
    nng_http_res *res;
    check_ok(nng_http_res_alloc_error(&res, NNG_HTTP_STATUS_BAD_GATEWAY));
    end_job(job, 0, res);
}

static void advance(void *arg)
{
    struct job *job = arg;
    int err = nng_aio_result(job->aio);
    if (err != 0) {
        if (!job->sent) {
            nng_msg_free(nng_aio_get_msg(job->aio));
        }
        refuse(job);
    } else if (!job->sent) {
        job->sent = true;
        nng_ctx_recv(job->ctx, job->aio);
    } else {
        answer(job, nng_aio_get_msg(job->aio));
    }
}

static void take(nng_aio *aio)
{
    struct job *job = nng_alloc(sizeof *job);
    nng_msg *msg;
    void *data;
    size_t size;
    nng_http_req_get_data(nng_aio_get_input(aio, 0), &data, &size);
    job->http = aio;
    job->sent = false;
    atomic_fetch_add(&jobs, 1);
    atomic_fetch_add(&taken, 1);
    check_ok(nng_aio_alloc(&job->aio, advance, job));
    check_ok(nng_ctx_open(&job->ctx, req));
    check_ok(nng_msg_alloc(&msg, 0));
    check_ok(nng_msg_append(msg, data, size));
    nng_aio_set_msg(job->aio, msg);
    bool brief = is_text(data, size, "slow") || is_text(data, size, "never");
    nng_aio_set_timeout(job->aio, brief ? 25 : 10000);
    nng_ctx_send(job->ctx, job->aio);
}

static nng_http_server *start_gateway(unsigned *port)
{
    nng_http_server *server = new_server();
    nng_http_handler *handler;
    check_ok(nng_http_handler_alloc(&handler, "/rot13", take));
    check_ok(nng_http_handler_set_method(handler, "POST"));
    check_ok(nng_http_server_add_handler(server, handler));
    check_ok(nng_http_server_start(server));
    *port = port_of(server);
    return server;
}

/* ---- Clients ------------------------------------------------------------------------------ */

static unsigned port;
static unsigned rounds = 200;

static void post(struct answer *got, const char *body)
{
    char request[1024];
    snprintf(
        request, sizeof request,
        "POST /rot13 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
        strlen(body), body);
    ask(got, port, request);
}

static void check_post(const char *body, const char *want)
{
    struct answer got;
    post(&got, body);
    check(got.status == 200);
    check_str(got.body, want);
    check_str(field(&got, "Content-Type"), "text/plain");
    printf("%s -> %s\n", body, got.body);
}

/* On a connection that is kept, by hand. */
static void many(void *arg)
{
    char request[256], text[1024], want[32];
    unsigned id = (unsigned) (uintptr_t) arg;
    int fd = plain_connect(port);
    check(fd >= 0);
    for (unsigned i = 0; i < rounds; i++) {
        int n = snprintf(want, sizeof want, "Client-%u-%u", id, i);
        snprintf(request, sizeof request,
                 "POST /rot13 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", n, want);
        rot13(want, (size_t) n);
        plain_send(fd, request);
        plain_read(fd, text, sizeof text, want);
        check(strncmp(text, "HTTP/1.1 200 OK\r\n", 17) == 0);
        check(strstr(text, want) != NULL);
    }
    close(fd);
}

static void many_at_a_time(void)
{
    nng_thread *threads[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++) {
        check_ok(nng_thread_create(&threads[i], many, (void *) (uintptr_t) i));
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        nng_thread_destroy(threads[i]);
    }
    printf("%u clients, each a request after the other\n", CLIENTS);
}

/* The client is gone before the reply is there; the gateway's own time limit passes before it. */
#define OF_4 "POST /rot13 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"

static void given_up(void)
{
    struct answer got;
    for (int i = 0; i < 10; i++) {
        int fd = plain_connect(port);
        plain_send(fd, OF_4 "slow");
        close(fd);
    }
    post(&got, "never");
    check(got.status == 502);
    printf("never -> %d\n", got.status);
    check_post("after", "nsgre");
    while (atomic_load(&jobs) > 0) {
        nng_msleep(1); /* NNG 1.5 may not be done with a time limit when its socket is gone */
    }
}

static long kilobytes(void)
{
    long size, resident;
    FILE *file = fopen("/proc/self/statm", "r");
    check(file != NULL && fscanf(file, "%ld %ld", &size, &resident) == 2);
    fclose(file);
    return resident * 4;
}

static void without_growth(unsigned n)
{
    struct rusage usage;
    many_at_a_time(); /* what is kept for the next time is there */
    rounds = n / CLIENTS;
    long before = kilobytes();
    many_at_a_time();
    long grown = kilobytes() - before;
    getrusage(RUSAGE_SELF, &usage);
    fprintf(stderr, "%u requests: %ld KiB more; %ld ms of CPU\n", n, grown,
            usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000 +
                usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000);
    check(grown < 4096);
}

int main(int argc, char **argv)
{
    begin();
    start_service();
    nng_http_server *server = start_gateway(&port);
    if (argc > 1) {
        alarm(600);
        without_growth((unsigned) atoi(argv[1]));
    } else {
        check_post("Hello", "Uryyb");
        check_post("Why did the chicken cross the road?", "Jul qvq gur puvpxra pebff gur ebnq?");
        ok("requests become messages");
        many_at_a_time();
        ok("many at a time");
        given_up();
        ok("given up in the middle");
    }
    unsigned before = atomic_load(&taken);
    int fd = plain_connect(port); /* somebody waits for an answer when all ends */
    plain_send(fd, OF_4 "late");
    while (atomic_load(&taken) == before) { /* not until there are jobs: it may be over by then */
        nng_msleep(1);
    }
    nng_http_server_stop(server);
    nng_http_server_release(server);
    close(fd);
    while (atomic_load(&jobs) > 0) {
        nng_msleep(10);
    }
    nng_close(req);
    nng_close(rep);
    nng_thread_destroy(service);
    ok("stopped");
    end();
    return 0;
}
