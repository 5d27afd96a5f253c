/* SPDX-License-Identifier: MIT */
/*
 * A REST service as programs write it: an echo, and a counter that is kept in the data of its
 * handlers and speaks JSON. Clients on threads of their own use it at the same time.
 */
#include "check.h"

#include <nng/supplemental/util/platform.h>

#define CLIENTS 4
#define ROUNDS 25

/* ---- The service -------------------------------------------------------------------------- */

/* Shared by three handlers; freed with the last of them. */
struct counter {
    nng_mtx *mtx;
    long value;
    int users;
};

static nng_mtx *ends_mtx;
static nng_cv *ends_cv;
static int ends; /* counters freed */

static void drop_counter(void *arg)
{
    struct counter *counter = arg;
    nng_mtx_lock(counter->mtx);
    int left = --counter->users;
    nng_mtx_unlock(counter->mtx);
    if (left == 0) {
        nng_mtx_free(counter->mtx);
        nng_free(counter, sizeof *counter);
        nng_mtx_lock(ends_mtx);
        ends++;
        nng_cv_wake(ends_cv);
        nng_mtx_unlock(ends_mtx);
    }
}

static void respond(nng_aio *aio, uint16_t status, const char *type, const void *data, size_t size)
{
    nng_http_res *res;
    int err = nng_http_res_alloc(&res);
    if (err != 0) {
        nng_aio_finish(aio, err);
        return;
    }
    if ((err = nng_http_res_set_status(res, status)) != 0 ||
        (err = nng_http_res_set_header(res, "Content-Type", type)) != 0 ||
        (err = nng_http_res_copy_data(res, data, size)) != 0) {
        nng_http_res_free(res);
        nng_aio_finish(aio, err);
        return;
    }
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

static void refuse(nng_aio *aio, uint16_t status)
{
    nng_http_res *res;
    int err = nng_http_res_alloc_error(&res, status);
    if (err == 0) {
        nng_aio_set_output(aio, 0, res);
    }
    nng_aio_finish(aio, err);
}

static void respond_value(nng_aio *aio, uint16_t status, long value)
{
    char text[64];
    int n = snprintf(text, sizeof text, "{\"value\":%ld}", value);
    respond(aio, status, "application/json", text, (size_t) n);
}

/* The number in {"name":number}; false for anything else. */
static bool parse_json(nng_http_req *req, const char *name, long *number)
{
    void *data;
    size_t size;
    char text[64], format[32];
    int end = -1;
    const char *type = nng_http_req_get_header(req, "Content-Type");
    nng_http_req_get_data(req, &data, &size);
    if (type == NULL || strcmp(type, "application/json") != 0 || size >= sizeof text) {
        return false;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    snprintf(format, sizeof format, "{\"%s\":%%ld}%%n", name);
    return sscanf(text, format, number, &end) == 1 && end == (int) size;
}

static struct counter *counter_of(nng_aio *aio)
{
    return nng_http_handler_get_data(nng_aio_get_input(aio, 1));
}

static void get_counter(nng_aio *aio)
{
    struct counter *counter = counter_of(aio);
    nng_mtx_lock(counter->mtx);
    long value = counter->value;
    nng_mtx_unlock(counter->mtx);
    respond_value(aio, NNG_HTTP_STATUS_OK, value);
}

/* POST adds, PUT sets. */
static void change_counter(nng_aio *aio)
{
    struct counter *counter = counter_of(aio);
    nng_http_req *req = nng_aio_get_input(aio, 0);
    bool sets = strcmp(nng_http_req_get_method(req), "PUT") == 0;
    long number;
    if (!parse_json(req, sets ? "value" : "add", &number)) {
        refuse(aio, NNG_HTTP_STATUS_BAD_REQUEST);
        return;
    }
    nng_mtx_lock(counter->mtx);
    counter->value = sets ? number : counter->value + number;
    number = counter->value;
    nng_mtx_unlock(counter->mtx);
    respond_value(aio, sets ? NNG_HTTP_STATUS_CREATED : NNG_HTTP_STATUS_OK, number);
}

static void delete_counter(nng_aio *aio)
{
    struct counter *counter = counter_of(aio);
    nng_http_res *res;
    nng_mtx_lock(counter->mtx);
    counter->value = 0;
    nng_mtx_unlock(counter->mtx);
    check_ok(nng_http_res_alloc(&res));
    check_ok(nng_http_res_set_status(res, NNG_HTTP_STATUS_NO_CONTENT));
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

static void echo(nng_aio *aio)
{
    nng_http_req *req = nng_aio_get_input(aio, 0);
    void *data;
    size_t size;
    nng_http_req_get_data(req, &data, &size);
    respond(aio, NNG_HTTP_STATUS_OK, "application/octet-stream", data, size);
}

static void add_handler(nng_http_server *server, const char *method, const char *uri,
                        void (*cb)(nng_aio *), struct counter *counter)
{
    nng_http_handler *handler;
    check_ok(nng_http_handler_alloc(&handler, uri, cb));
    check_ok(nng_http_handler_set_method(handler, method));
    check_ok(nng_http_handler_collect_body(handler, true, 1 << 20));
    if (counter != NULL) {
        counter->users++;
        check_ok(nng_http_handler_set_data(handler, counter, drop_counter));
        check(nng_http_handler_get_data(handler) == counter);
    }
    check_ok(nng_http_server_add_handler(server, handler));
}

static nng_http_server *start_service(void)
{
    nng_http_server *server = new_server();
    struct counter *counter = nng_alloc(sizeof *counter);
    check(counter != NULL);
    counter->value = 0;
    counter->users = 0;
    check_ok(nng_mtx_alloc(&counter->mtx));
    add_handler(server, "GET", "/api/counter", get_counter, counter);
    add_handler(server, "POST", "/api/counter", change_counter, counter);
    add_handler(server, "PUT", "/api/counter", change_counter, counter);
    add_handler(server, "DELETE", "/api/counter", delete_counter, counter);
    add_handler(server, "POST", "/api/echo", echo, NULL);
    check_ok(nng_http_server_start(server));
    return server;
}

/* ---- Its users ---------------------------------------------------------------------------- */

/* One transaction on `conn`. The status; the response's body, a string, into `body`. */
static int call(nng_http_conn *conn, const char *method, const char *uri, const char *json,
                char *body, size_t body_size)
{
    nng_aio *aio = new_aio();
    nng_http_req *req;
    nng_http_res *res;
    void *data;
    size_t size;
    check_ok(nng_http_req_alloc(&req, NULL));
    check_ok(nng_http_res_alloc(&res));
    check_ok(nng_http_req_set_method(req, method));
    check_ok(nng_http_req_set_uri(req, uri));
    check_ok(nng_http_req_set_header(req, "Host", "localhost"));
    if (json != NULL) {
        check_ok(nng_http_req_set_header(req, "Content-Type", "application/json"));
        check_ok(nng_http_req_set_data(req, json, strlen(json)));
    }
    nng_http_conn_transact(conn, req, res, aio);
    check_ok(result(aio));
    nng_http_res_get_data(res, &data, &size);
    check(size < body_size);
    memcpy(body, size == 0 ? "" : data, size);
    body[size] = '\0';
    int status = nng_http_res_get_status(res);
    nng_http_req_free(req);
    nng_http_res_free(res);
    nng_aio_free(aio);
    return status;
}

static nng_http_conn *connect_to(unsigned port)
{
    nng_http_client *client;
    nng_url *url = url_to(port, "");
    nng_aio *aio = new_aio();
    check_ok(nng_http_client_alloc(&client, url));
    nng_http_client_connect(client, aio);
    check_ok(result(aio));
    nng_http_conn *conn = nng_aio_get_output(aio, 0);
    nng_aio_free(aio);
    nng_http_client_free(client);
    nng_url_free(url);
    return conn;
}

static void counting(unsigned port)
{
    nng_http_conn *conn = connect_to(port);
    char body[1024];
    check(call(conn, "GET", "/api/counter", NULL, body, sizeof body) == 200);
    check_str(body, "{\"value\":0}");
    check(call(conn, "PUT", "/api/counter", "{\"value\":40}", body, sizeof body) == 201);
    check_str(body, "{\"value\":40}");
    check(call(conn, "POST", "/api/counter", "{\"add\":2}", body, sizeof body) == 200);
    check_str(body, "{\"value\":42}");
    check(call(conn, "GET", "/api/counter", NULL, body, sizeof body) == 200);
    check_str(body, "{\"value\":42}");
    check(call(conn, "POST", "/api/counter", "{\"add\":oops}", body, sizeof body) == 400);
    check(call(conn, "GET", "/api/counter", NULL, body, sizeof body) == 200);
    check_str(body, "{\"value\":42}");
    nng_http_conn_close(conn);
    ok("counting");
}

/* A 204 has no body, and no length is needed to know it. */
static void deleting(unsigned port)
{
    struct answer answer;
    ask_for(&answer, port, "DELETE", "/api/counter", "localhost");
    check(answer.status == 204);
    check_str(answer.body, "");
    get(&answer, port, "/api/counter");
    check_str(answer.body, "{\"value\":0}");
    check_str(field(&answer, "Content-Type"), "application/json");
    ask_for(&answer, port, "PATCH", "/api/counter", "localhost");
    check(answer.status == 405);
    ok("deleting");
}

static void echoing(unsigned port)
{
    nng_url *url = url_to(port, "/api/echo");
    nng_aio *aio = new_aio();
    nng_http_client *client;
    check_ok(nng_http_client_alloc(&client, url));
    for (size_t size = 1; size <= 1 << 20; size *= 32) {
        nng_http_req *req;
        nng_http_res *res;
        void *data;
        size_t got;
        char *sent = nng_alloc(size);
        check(sent != NULL);
        for (size_t i = 0; i < size; i++) {
            sent[i] = (char) (i * 7 + i / 251);
        }
        check_ok(nng_http_req_alloc(&req, url));
        check_ok(nng_http_res_alloc(&res));
        check_ok(nng_http_req_set_method(req, "POST"));
        check_ok(nng_http_req_set_data(req, sent, size));
        nng_http_client_transact(client, req, res, aio);
        check_ok(result(aio));
        check(nng_http_res_get_status(res) == 200);
        nng_http_res_get_data(res, &data, &got);
        check(got == size && memcmp(data, sent, size) == 0);
        nng_http_req_free(req);
        nng_http_res_free(res);
        nng_free(sent, size);
    }
    nng_http_client_free(client);
    nng_aio_free(aio);
    nng_url_free(url);
    ok("echoing");
}

static void count_up(void *arg)
{
    nng_http_conn *conn = connect_to(*(unsigned *) arg);
    char body[1024];
    for (int i = 0; i < ROUNDS; i++) {
        check(call(conn, "POST", "/api/counter", "{\"add\":1}", body, sizeof body) == 200);
    }
    nng_http_conn_close(conn);
}

static void counting_together(unsigned port)
{
    nng_thread *threads[CLIENTS];
    char body[1024], want[64];
    for (int i = 0; i < CLIENTS; i++) {
        check_ok(nng_thread_create(&threads[i], count_up, &port));
        nng_thread_set_name(threads[i], "client");
    }
    for (int i = 0; i < CLIENTS; i++) {
        nng_thread_destroy(threads[i]);
    }
    nng_http_conn *conn = connect_to(port);
    check(call(conn, "GET", "/api/counter", NULL, body, sizeof body) == 200);
    snprintf(want, sizeof want, "{\"value\":%d}", CLIENTS * ROUNDS);
    check_str(body, want);
    nng_http_conn_close(conn);
    ok("counting together");
}

/* The handlers go with the server, and their data with them. */
static void ending(nng_http_server *server)
{
    check(ends == 0);
    nng_http_server_stop(server);
    nng_http_server_release(server);
    nng_mtx_lock(ends_mtx);
    nng_time until = nng_clock() + 10000;
    while (ends == 0) {
        check_ok(nng_cv_until(ends_cv, until));
    }
    check(ends == 1);
    nng_mtx_unlock(ends_mtx);
    ok("ending");
}

static void random_numbers(void)
{
    uint32_t any = 0;
    for (int i = 0; i < 64; i++) {
        any |= nng_random();
    }
    check(any == UINT32_MAX);
    ok("random numbers");
}

int main(void)
{
    begin();
    check_ok(nng_mtx_alloc(&ends_mtx));
    check_ok(nng_cv_alloc(&ends_cv, ends_mtx));
    nng_http_server *server = start_service();
    unsigned port = port_of(server);
    counting(port);
    deleting(port);
    echoing(port);
    counting_together(port);
    random_numbers();
    ending(server);
    nng_cv_free(ends_cv);
    nng_mtx_free(ends_mtx);
    end();
    return 0;
}
