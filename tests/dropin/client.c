/* SPDX-License-Identifier: MIT */
/* The client's side: URLs, messages, connections, transactions; time limits and cancelling. */
#include "check.h"

#include <nng/supplemental/util/platform.h>

/* ---- URLs and messages -------------------------------------------------------------------- */

static void urls(void)
{
    nng_url *url, *copy;
    check_ok(nng_url_parse(&url, "HTTP://me@Example.COM:8080/a/./b/../c%7E?q=1%20#part"));
    check_str(url->u_scheme, "http");
    check_str(url->u_userinfo, "me");
    check_str(url->u_host, "example.com:8080");
    check_str(url->u_hostname, "example.com");
    check_str(url->u_port, "8080");
    check_str(url->u_path, "/a/c~");
    check_str(url->u_query, "q=1%20");
    check_str(url->u_fragment, "part");
    check_str(url->u_requri, "/a/c~?q=1%20#part");
    check_ok(nng_url_clone(&copy, url));
    nng_url_free(url);
    check_str(copy->u_hostname, "example.com");
    nng_url_free(copy);

    check_ok(nng_url_parse(&url, "http://[::1]"));
    check_str(url->u_hostname, "::1");
    check_str(url->u_port, "80");
    check_str(url->u_path, "");
    check(url->u_query == NULL && url->u_fragment == NULL && url->u_userinfo == NULL);
    nng_url_free(url);
    check_err(nng_url_parse(&url, "no scheme"), NNG_EINVAL);
    if (uring) { /* an empty port is the scheme's (RFC 3986 6.2.3) */
        check_ok(nng_url_parse(&url, "http://host:/"));
        check_str(url->u_port, "80");
        nng_url_free(url);
    } else {
        check_err(nng_url_parse(&url, "http://host:/"), NNG_EINVAL);
    }
    ok("urls");
}

static void requests(void)
{
    nng_http_req *req;
    nng_url *url;
    void *data;
    size_t size;
    check_ok(nng_url_parse(&url, "http://example.com:81/a?b=c"));
    check_ok(nng_http_req_alloc(&req, url));
    nng_url_free(url);
    check_str(nng_http_req_get_method(req), "GET");
    check_str(nng_http_req_get_version(req), "HTTP/1.1");
    check_str(nng_http_req_get_uri(req), "/a?b=c");
    check_str(nng_http_req_get_header(req, "host"), "example.com:81");

    check_ok(nng_http_req_set_method(req, "PUT"));
    check_ok(nng_http_req_set_uri(req, "/else"));
    check_ok(nng_http_req_set_version(req, "HTTP/1.0"));
    check_str(nng_http_req_get_method(req), "PUT");
    check_str(nng_http_req_get_uri(req), "/else");
    check_str(nng_http_req_get_version(req), "HTTP/1.0");

    check(nng_http_req_get_header(req, "X-One") == NULL);
    check_ok(nng_http_req_add_header(req, "X-One", "1"));
    check_ok(nng_http_req_add_header(req, "x-ONE", "2"));
    check_str(nng_http_req_get_header(req, "X-one"), "1, 2");
    check_ok(nng_http_req_set_header(req, "X-One", "3"));
    check_str(nng_http_req_get_header(req, "X-One"), "3");
    check_ok(nng_http_req_del_header(req, "X-One"));
    check_err(nng_http_req_del_header(req, "X-One"), NNG_ENOENT);

    check_ok(nng_http_req_copy_data(req, "hello", 5));
    check_str(nng_http_req_get_header(req, "Content-Length"), "5");
    nng_http_req_get_data(req, &data, &size);
    check(size == 5 && memcmp(data, "hello", 5) == 0);
    check_ok(nng_http_req_set_data(req, "lent", 4));
    nng_http_req_get_data(req, &data, &size);
    check(size == 4 && memcmp(data, "lent", 4) == 0);

    nng_http_req_reset(req);
    check_str(nng_http_req_get_method(req), "GET");
    check(nng_http_req_get_header(req, "Host") == NULL);
    nng_http_req_free(req);
    ok("requests");
}

static void responses(void)
{
    nng_http_res *res;
    void *data;
    size_t size;
    check_ok(nng_http_res_alloc(&res));
    check(nng_http_res_get_status(res) == NNG_HTTP_STATUS_OK);
    check_str(nng_http_res_get_reason(res), "OK");
    check_str(nng_http_res_get_version(res), "HTTP/1.1");
    check_ok(nng_http_res_set_status(res, NNG_HTTP_STATUS_NOT_FOUND));
    check_str(nng_http_res_get_reason(res), "Not Found");
    check_ok(nng_http_res_set_reason(res, "Gone fishing"));
    check_str(nng_http_res_get_reason(res), "Gone fishing");
    check_ok(nng_http_res_set_reason(res, NULL));
    check_str(nng_http_res_get_reason(res), "Not Found");
    check_ok(nng_http_res_set_header(res, "X-A", "1"));
    check_ok(nng_http_res_add_header(res, "X-A", "2"));
    check_str(nng_http_res_get_header(res, "x-a"), "1, 2");
    check_ok(nng_http_res_del_header(res, "X-A"));
    check_ok(nng_http_res_copy_data(res, "abc", 3));
    check_str(nng_http_res_get_header(res, "Content-Length"), "3");
    nng_http_res_reset(res);
    nng_http_res_get_data(res, &data, &size);
    check(size == 0);
    nng_http_res_free(res);

    check_ok(nng_http_res_alloc_error(&res, NNG_HTTP_STATUS_CONFLICT));
    check(nng_http_res_get_status(res) == NNG_HTTP_STATUS_CONFLICT);
    nng_http_res_get_data(res, &data, &size);
    check(size > 0);
    nng_http_res_free(res);
    ok("responses");
}

/* ---- Connections -------------------------------------------------------------------------- */

/* A client's connection, and the plain socket at its other end. */
struct pair {
    nng_http_conn *conn;
    int peer;
};

static nng_http_client *new_client(unsigned port)
{
    nng_http_client *client;
    nng_url *url = url_to(port, "/");
    check_ok(nng_http_client_alloc(&client, url));
    nng_url_free(url);
    return client;
}

static nng_http_conn *connect_to(unsigned port)
{
    nng_http_client *client = new_client(port);
    nng_aio *aio = new_aio();
    nng_http_client_connect(client, aio);
    check_ok(result(aio));
    nng_http_conn *conn = nng_aio_get_output(aio, 0);
    check(conn != NULL);
    nng_aio_free(aio);
    nng_http_client_free(client);
    return conn;
}

static struct pair new_pair(void)
{
    unsigned port;
    int listener = plain_listen(&port);
    struct pair pair = { .conn = connect_to(port) };
    pair.peer = plain_accept(listener);
    close(listener);
    return pair;
}

static void end_pair(struct pair *pair)
{
    nng_http_conn_close(pair->conn);
    close(pair->peer);
}

static void connecting(void)
{
    nng_http_client *client;
    nng_url *url;
    unsigned port;
    close(plain_listen(&port));
    client = new_client(port);
    nng_aio *aio = new_aio();
    nng_http_client_connect(client, aio);
    check_err(result(aio), NNG_ECONNREFUSED);
    check(nng_aio_get_output(aio, 0) == NULL);
    nng_aio_free(aio);

    struct nng_tls_config *tls;
    check_err(nng_http_client_get_tls(client, &tls), NNG_ENOTSUP);
    nng_http_client_free(client);

    check_ok(nng_url_parse(&url, "ftp://127.0.0.1/"));
    check_err(nng_http_client_alloc(&client, url), NNG_EADDRINVAL);
    nng_url_free(url);
    ok("connecting");
}

static void reading_and_writing(void)
{
    struct pair pair = new_pair();
    nng_aio *aio = new_aio();
    char text[64], one[3], two[3];
    nng_iov out[] = { { (void *) "scat", 4 }, { (void *) "tered", 5 } };
    nng_iov in[] = { { one, 3 }, { two, 3 } };

    check_ok(nng_aio_set_iov(aio, 2, out));
    nng_http_conn_write_all(pair.conn, aio);
    check_ok(result(aio));
    check(nng_aio_count(aio) == 9);
    plain_read(pair.peer, text, 10, NULL);
    check_str(text, "scattered");
    set_buffer(aio, "x", 1);
    nng_http_conn_write(pair.conn, aio);
    check_ok(result(aio));
    check(nng_aio_count(aio) == 1);

    plain_send(pair.peer, "abc");
    set_buffer(aio, text, sizeof text);
    nng_http_conn_read(pair.conn, aio);
    check_ok(result(aio));
    check(nng_aio_count(aio) == 3 && memcmp(text, "abc", 3) == 0);
    check_ok(nng_aio_set_iov(aio, 2, in));
    nng_http_conn_read_all(pair.conn, aio);
    plain_send(pair.peer, "def");
    plain_send(pair.peer, "ghi");
    check_ok(result(aio));
    check(nng_aio_count(aio) == 6 && memcmp(one, "def", 3) == 0 && memcmp(two, "ghi", 3) == 0);

    shutdown(pair.peer, SHUT_WR);
    set_buffer(aio, text, sizeof text);
    nng_http_conn_read(pair.conn, aio);
    check_err(result(aio), NNG_ECONNSHUT);
    nng_aio_free(aio);
    end_pair(&pair);
    ok("reading and writing");
}

static void messages(void)
{
    struct pair pair = new_pair();
    nng_aio *aio = new_aio();
    nng_http_req *req;
    nng_http_res *res;
    char text[1024], body[6] = "";
    check_ok(nng_http_req_alloc(&req, NULL));
    check_ok(nng_http_res_alloc(&res));
    check_ok(nng_http_req_set_method(req, "POST"));
    check_ok(nng_http_req_set_uri(req, "/x?y"));
    check_ok(nng_http_req_set_header(req, "Host", "somewhere"));
    check_ok(nng_http_req_copy_data(req, "hello", 5));
    nng_http_conn_write_req(pair.conn, req, aio);
    check_ok(result(aio));
    plain_read(pair.peer, text, sizeof text, "\r\n\r\nhello");
    check(strncmp(text, "POST /x?y HTTP/1.1\r\n", 20) == 0);
    check(strstr(text, "\r\nHost: somewhere\r\n") != NULL);
    check(strstr(text, "\r\nContent-Length: 5\r\n") != NULL);

    plain_send(pair.peer, "HTTP/1.1 404 Nothing here\r\nContent-Length: 5\r\nX-A: b\r\n\r\nfirst"
                          "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    nng_http_conn_read_res(pair.conn, res, aio);
    check_ok(result(aio));
    check(nng_http_res_get_status(res) == 404);
    check_str(nng_http_res_get_reason(res), "Nothing here");
    check_str(nng_http_res_get_header(res, "x-a"), "b");
    set_buffer(aio, body, 5);
    nng_http_conn_read_all(pair.conn, aio);
    check_ok(result(aio));
    check_str(body, "first");
    nng_http_res_reset(res);
    nng_http_conn_read_res(pair.conn, res, aio);
    check_ok(result(aio));
    check(nng_http_res_get_status(res) == 200);

    nng_http_res_free(res);
    nng_http_req_free(req);
    nng_aio_free(aio);
    end_pair(&pair);
    ok("messages");
}

/* A connection's other two: what a server of the program's own would use. */
static void messages_of_a_server(void)
{
    struct pair pair = new_pair();
    nng_aio *aio = new_aio();
    nng_http_req *req;
    nng_http_res *res;
    char text[1024];
    check_ok(nng_http_req_alloc(&req, NULL));
    check_ok(nng_http_res_alloc(&res));
    plain_send(pair.peer, "PUT /p HTTP/1.1\r\nHost: h\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n");
    nng_http_conn_read_req(pair.conn, req, aio);
    check_ok(result(aio));
    check_str(nng_http_req_get_method(req), "PUT");
    check_str(nng_http_req_get_uri(req), "/p");
    check_str(nng_http_req_get_header(req, "X-TWO"), "1, 2");
    check_ok(nng_http_res_set_status(res, NNG_HTTP_STATUS_CREATED));
    check_ok(nng_http_res_copy_data(res, "made", 4));
    nng_http_conn_write_res(pair.conn, res, aio);
    check_ok(result(aio));
    plain_read(pair.peer, text, sizeof text, "\r\n\r\nmade");
    check(strncmp(text, "HTTP/1.1 201 Created\r\n", 22) == 0);
    check(strstr(text, "\r\nContent-Length: 4\r\n") != NULL);
    nng_http_res_free(res);
    nng_http_req_free(req);
    nng_aio_free(aio);
    end_pair(&pair);
    ok("messages of a server");
}

/* ---- Transactions ------------------------------------------------------------------------- */

#define BIG 200000

static char big[BIG];

static void echo(nng_aio *aio)
{
    nng_http_req *req = nng_aio_get_input(aio, 0);
    nng_http_res *res;
    void *data;
    size_t size;
    nng_http_req_get_data(req, &data, &size);
    check_ok(nng_http_res_alloc(&res));
    check_ok(nng_http_res_copy_data(res, data, size));
    check_ok(nng_http_res_set_header(res, "X-Method", nng_http_req_get_method(req)));
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

static nng_http_server *start_server(void)
{
    nng_http_server *server = new_server();
    nng_http_handler *handler;
    memset(big, 'b', BIG);
    check_ok(nng_http_handler_alloc(&handler, "/echo", echo));
    check_ok(nng_http_handler_set_method(handler, "POST"));
    check_ok(nng_http_server_add_handler(server, handler));
    check_ok(nng_http_handler_alloc_static(&handler, "/big", big, BIG, "text/plain"));
    check_ok(nng_http_server_add_handler(server, handler));
    check_ok(nng_http_server_start(server));
    return server;
}

static void connection_transactions(nng_http_server *server)
{
    nng_http_conn *conn = connect_to(port_of(server));
    nng_aio *aio = new_aio();
    nng_url *url = url_to(port_of(server), "/echo");
    for (int i = 0; i < 3; i++) {
        nng_http_req *req;
        nng_http_res *res;
        void *data;
        size_t size;
        char text[16];
        int len = snprintf(text, sizeof text, "round %d", i);
        check_ok(nng_http_req_alloc(&req, url));
        check_ok(nng_http_res_alloc(&res));
        check_ok(nng_http_req_set_method(req, "POST"));
        check_ok(nng_http_req_copy_data(req, text, (size_t) len));
        nng_http_conn_transact(conn, req, res, aio);
        check_ok(result(aio));
        check(nng_http_res_get_status(res) == 200);
        check_str(nng_http_res_get_header(res, "X-Method"), "POST");
        nng_http_res_get_data(res, &data, &size);
        check(size == (size_t) len && memcmp(data, text, size) == 0);
        nng_http_req_free(req);
        nng_http_res_free(res);
    }
    nng_url_free(url);
    nng_aio_free(aio);
    nng_http_conn_close(conn);
    ok("transactions on one connection");
}

/* One transaction of a client; the response is the caller's. */
static nng_http_res *transact(nng_http_client *client, unsigned port, const char *method,
                              const char *path)
{
    nng_url *url = url_to(port, path);
    nng_aio *aio = new_aio();
    nng_http_req *req;
    nng_http_res *res;
    check_ok(nng_http_req_alloc(&req, url));
    check_ok(nng_http_res_alloc(&res));
    check_ok(nng_http_req_set_method(req, method));
    nng_http_client_transact(client, req, res, aio);
    check_ok(result(aio));
    nng_http_req_free(req);
    nng_aio_free(aio);
    nng_url_free(url);
    return res;
}

static void client_transactions(nng_http_server *server)
{
    unsigned port = port_of(server);
    nng_http_client *client = new_client(port);
    void *data;
    size_t size;

    nng_http_res *res = transact(client, port, "GET", "/big");
    check(nng_http_res_get_status(res) == 200);
    check_str(nng_http_res_get_header(res, "Content-Type"), "text/plain");
    nng_http_res_get_data(res, &data, &size);
    check(size == BIG && memcmp(data, big, BIG) == 0);
    nng_http_res_free(res);

    res = transact(client, port, "HEAD", "/big");
    check(nng_http_res_get_status(res) == 200);
    nng_http_res_get_data(res, &data, &size);
    check(size == 0);
    nng_http_res_free(res);

    res = transact(client, port, "GET", "/nowhere");
    check(nng_http_res_get_status(res) == 404);
    nng_http_res_free(res);
    nng_http_client_free(client);
    ok("transactions of a client");
}

/* A server that reads one request and answers with this text. */
struct script {
    int listener;
    const char *answer;
    char request[1024];
};

static void answer_once(void *arg)
{
    struct script *script = arg;
    int fd = plain_accept(script->listener);
    plain_read(fd, script->request, sizeof script->request, "\r\n\r\n");
    plain_send(fd, script->answer);
    close(fd);
}

static void chunked_answer(void)
{
    struct script script = { .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                       "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n" };
    unsigned port;
    void *data;
    size_t size;
    nng_thread *thread;
    script.listener = plain_listen(&port);
    check_ok(nng_thread_create(&thread, answer_once, &script));
    nng_http_client *client = new_client(port);
    nng_http_res *res = transact(client, port, "GET", "/chunks");
    nng_http_res_get_data(res, &data, &size);
    check(size == 12 && memcmp(data, "hello, world", 12) == 0);
    nng_thread_destroy(thread);
    check(strncmp(script.request, "GET /chunks HTTP/1.1\r\n", 22) == 0);
    check(strstr(script.request, "\r\nConnection: close\r\n") != NULL);
    nng_http_res_free(res);
    nng_http_client_free(client);
    close(script.listener);
    ok("chunked answer");
}

/* ---- Time limits and cancelling ----------------------------------------------------------- */

static void read_times_out(void)
{
    struct pair pair = new_pair();
    nng_aio *aio = new_aio();
    char text[16];
    nng_aio_set_timeout(aio, 50);
    set_buffer(aio, text, sizeof text);
    nng_time before = nng_clock();
    nng_http_conn_read(pair.conn, aio);
    check_err(result(aio), NNG_ETIMEDOUT);
    check(nng_clock() - before >= 49);

    /* NNG closes a connection whose read or write timed out, in a moment. nng-uring leaves it open.
     */
    nng_aio_set_timeout(aio, 5000);
    do {
        set_buffer(aio, "still", 5);
        nng_http_conn_write_all(pair.conn, aio);
    } while (result(aio) == 0 && !uring);
    check_err(nng_aio_result(aio), uring ? 0 : NNG_ECLOSED);
    nng_aio_free(aio);
    end_pair(&pair);
    ok("read times out");
}

static void write_times_out(void)
{
    struct pair pair = new_pair();
    nng_aio *aio = new_aio();
    size_t size = (size_t) 64 << 20, sent = 0;
    char *data = calloc(1, size);
    ssize_t got;
    check(data != NULL);
    nng_aio_set_timeout(aio, 300);
    set_buffer(aio, data, size);
    nng_http_conn_write_all(pair.conn, aio);
    check_err(result(aio), NNG_ETIMEDOUT);
    size_t count = nng_aio_count(aio);
    nng_aio_free(aio);
    nng_http_conn_close(pair.conn);
    while ((got = read(pair.peer, data, size)) > 0) {
        sent += (size_t) got;
    }
    check(sent > 0 && sent < size);
    /* nng-uring counts what the peer can receive. NNG says 0 whenever an operation failed. */
    check(count == (uring ? sent : 0));
    close(pair.peer);
    free(data);
    ok("write times out");
}

static void cancelling(void)
{
    struct pair pair = new_pair();
    nng_aio *aio = new_aio();
    char text[16];
    set_buffer(aio, text, sizeof text);
    nng_http_conn_read(pair.conn, aio);
    nng_aio_cancel(aio);
    check_err(result(aio), NNG_ECANCELED);
    end_pair(&pair);

    pair = new_pair();
    nng_http_conn_read(pair.conn, aio);
    nng_aio_abort(aio, NNG_EPERM);
    check_err(result(aio), NNG_EPERM);
    nng_http_conn_close(pair.conn);
    close(pair.peer);

    nng_sleep_aio(SECONDS * 1000, aio);
    nng_aio_cancel(aio);
    check_err(result(aio), NNG_ECANCELED);
    nng_sleep_aio(1, aio);
    check_ok(result(aio));
    nng_aio_free(aio);
    ok("cancelling");
}

/* A transaction with a server that never answers. */
static void transaction_ends_early(bool cancel)
{
    unsigned port;
    char text[1024];
    int listener = plain_listen(&port);
    nng_http_client *client = new_client(port);
    nng_aio *aio = new_aio();
    nng_url *url = url_to(port, "/");
    nng_http_req *req;
    nng_http_res *res;
    check_ok(nng_http_req_alloc(&req, url));
    check_ok(nng_http_res_alloc(&res));
    nng_aio_set_timeout(aio, cancel ? SECONDS * 1000 : 1000);
    nng_http_client_transact(client, req, res, aio);
    int peer = plain_accept(listener);
    plain_read(peer, text, sizeof text, "\r\n\r\n");
    if (cancel) {
        if (!uring) {
            nng_msleep(100); /* NNG 1.5 forgets a cancel between two steps of a transaction */
        }
        nng_aio_cancel(aio);
    }
    check_err(result(aio), cancel ? NNG_ECANCELED : NNG_ETIMEDOUT);
    plain_read(peer, text, sizeof text, NULL); /* until it is closed */
    close(peer);
    close(listener);
    nng_http_req_free(req);
    nng_http_res_free(res);
    nng_url_free(url);
    nng_aio_free(aio);
    nng_http_client_free(client);
    ok(cancel ? "transaction is cancelled" : "transaction times out");
}

int main(void)
{
    begin();
    urls();
    requests();
    responses();
    connecting();
    reading_and_writing();
    messages();
    messages_of_a_server();
    nng_http_server *server = start_server();
    connection_transactions(server);
    client_transactions(server);
    nng_http_server_stop(server);
    nng_http_server_release(server);
    chunked_answer();
    read_times_out();
    write_times_out();
    cancelling();
    transaction_ends_early(false);
    transaction_ends_early(true);
    end();
    return 0;
}
