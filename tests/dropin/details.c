/* SPDX-License-Identifier: MIT */
/* Details of HTTP, as a table (rows.h). */
#include "rows.h"

#include <sys/stat.h>

static nng_http_server *server; /* a new one for each row */
static unsigned port;           /* 0: it is not started */
static char root[] = "/tmp/nng-details-XXXXXX";

/* ---- Servers ------------------------------------------------------------------------------ */

static void start(void)
{
    check_ok(nng_http_server_start(server));
    port = port_of(server);
}

static const char *in_root(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void make(const char *name)
{
    FILE *file = fopen(in_root(name), "w");
    check(file != NULL && fputs("x", file) >= 0 && fclose(file) == 0);
}

static nng_http_handler *directory(const char *uri)
{
    nng_http_handler *h;
    check_ok(nng_http_handler_alloc_directory(&h, uri, root));
    return h;
}

static nng_http_handler *text(const char *uri, const char *method)
{
    nng_http_handler *h;
    check_ok(nng_http_handler_alloc_static(&h, uri, "text", 4, "text/plain"));
    check_ok(nng_http_handler_set_method(h, method));
    return h;
}

static nng_http_handler *callback(const char *uri, const char *method, void (*cb)(nng_aio *))
{
    nng_http_handler *h;
    check_ok(nng_http_handler_alloc(&h, uri, cb));
    check_ok(nng_http_handler_set_method(h, method));
    return h;
}

static void fails(nng_aio *aio)
{
    nng_aio_finish(aio, NNG_EPERM);
}

static void says_nothing(nng_aio *aio)
{
    nng_http_res *res;
    check_ok(nng_http_res_alloc(&res));
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

/* The status, or "closed". */
static const char *status(const char *request)
{
    static char buf[32];
    struct answer answer;
    ask(&answer, port, request);
    snprintf(buf, sizeof buf, answer.status != 0 ? "%d" : "closed", answer.status);
    return buf;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#define POST(path, fields)                                                                         \
    "POST " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" fields "\r\n\r\n"

static void content_types(void)
{
    static const char *const names[] = { "a.html", "a.css", "a.js",  "a.json", "a.txt", "a.png",
                                         "a.svg",  "a.xml", "a.bin", "README", "a.mp3" };
    size_t n = 0;
    check_ok(nng_http_server_add_handler(server, directory("/d")));
    start();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        struct answer answer;
        make(names[i]);
        snprintf(path, sizeof path, "/d/%s", names[i]);
        get(&answer, port, path);
        n += (size_t) snprintf(outcome + n, sizeof outcome - n, "%s%s", i > 0 ? ", " : "",
                               field(&answer, "Content-Type"));
    }
}

static void exclusive_directories(void)
{
    nng_http_handler *below = text("/d/x", "GET"), *put = text("/d/y", "PUT");
    check_ok(nng_http_server_add_handler(server, directory("/d")));
    int err = nng_http_server_add_handler(server, below);
    nng_http_handler_free(below);
    say("GET below %s, PUT below %s", error_name(err),
        error_name(nng_http_server_add_handler(server, put)));
}

static void handlers_taken(void)
{
    nng_http_handler *none, *relative;
    check_ok(nng_http_handler_alloc(&none, "/", NULL));
    check_ok(nng_http_handler_alloc(&relative, "x", fails));
    say("no callback %s, ", error_name(nng_http_server_add_handler(server, none)));
    size_t n = strlen(outcome);
    snprintf(outcome + n, sizeof outcome - n, "no path %s",
             error_name(nng_http_server_add_handler(server, relative)));
    nng_http_handler_free(none);
    nng_http_handler_free(relative);
}

static void setters_when_added(void)
{
    nng_http_handler *h = text("/x", "GET");
    check_ok(nng_http_server_add_handler(server, h));
    say("collect_body %s, ", error_name(nng_http_handler_collect_body(h, true, 10)));
    size_t n = strlen(outcome);
    snprintf(outcome + n, sizeof outcome - n, "set_method %s",
             error_name(nng_http_handler_set_method(h, "PUT")));
}

static void wrong_method(void)
{
    struct answer answer;
    check_ok(nng_http_server_add_handler(server, text("/x", "PUT")));
    start();
    get(&answer, port, "/x");
    say("%d, Allow: %s", answer.status, field(&answer, "Allow"));
}

static void failing_handler(void)
{
    check_ok(nng_http_server_add_handler(server, callback("/x", "GET", fails)));
    start();
    say("%s", status(GET("/x")));
}

static void long_body(void)
{
    nng_http_handler *h = callback("/x", "POST", says_nothing);
    check_ok(nng_http_handler_collect_body(h, true, 3));
    check_ok(nng_http_server_add_handler(server, h));
    start();
    say("%s", status(POST("/x", "Content-Length: 4\r\n") "body"));
}

static void two_framings(void)
{
    check_ok(nng_http_server_add_handler(server, callback("/x", "POST", says_nothing)));
    start();
    say("%s", status(POST("/x", "Content-Length: +2\r\n") "{}"));
}

static void nothing_to_say(void)
{
    struct answer answer;
    check_ok(nng_http_server_add_handler(server, callback("/x", "GET", says_nothing)));
    start();
    get(&answer, port, "/x");
    say("Content-Length: %s", field(&answer, "Content-Length"));
}

static void out_of_the_root(void)
{
    mkdir(in_root("sub"), 0755);
    make("secret.txt");
    nng_http_handler *h;
    check_ok(nng_http_handler_alloc_directory(&h, "/d", in_root("sub")));
    check_ok(nng_http_server_add_handler(server, h));
    start();
    say("%s", status(GET("/d/../secret.txt")));
}

static void escaped_name(void)
{
    make("a b.txt");
    check_ok(nng_http_server_add_handler(server, directory("/d")));
    start();
    say("%s", status(GET("/d/a%20b.txt")));
}

static void head_to_error(void)
{
    struct answer answer;
    start();
    ask_for(&answer, port, "HEAD", "/", "x");
    say("%s", answer.body[0] != '\0' ? "a body" : "no body");
}

static void after_a_redirect(void)
{
    char buf[1024];
    nng_http_handler *h;
    check_ok(nng_http_handler_alloc_redirect(&h, "/x", 0, "/y"));
    check_ok(nng_http_server_add_handler(server, h));
    start();
    int fd = plain_connect(port);
    plain_send(fd, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    plain_read(fd, buf, sizeof buf, "Location: /y\r\n");
    say("%s", strstr(buf, "onnection: close") != NULL ? "closed" : "open");
    close(fd);
}

static void bare_line_feeds(void)
{
    start();
    say("%s", status("GET / HTTP/1.1\nHost: x\nConnection: close\n\n"));
}

/* ---- Clients ------------------------------------------------------------------------------ */

/* What a plain server is sent for that request, up to its blank line. */
static void request_line(nng_http_req *req, char *buf, size_t size)
{
    unsigned p;
    nng_http_client *client;
    nng_aio *aio = new_aio();
    int listener = plain_listen(&p);
    nng_url *url = url_to(p, "/");
    check_ok(nng_http_client_alloc(&client, url));
    nng_http_client_connect(client, aio);
    int fd = plain_accept(listener);
    check_ok(result(aio));
    nng_http_conn *conn = nng_aio_get_output(aio, 0);
    nng_http_conn_write_req(conn, req, aio);
    check_ok(result(aio));
    plain_read(fd, buf, size, "\r\n\r\n");
    nng_http_conn_close(conn);
    nng_http_client_free(client);
    nng_url_free(url);
    nng_aio_free(aio);
    close(fd);
    close(listener);
}

static nng_http_req *new_req(const char *uri)
{
    nng_http_req *req;
    check_ok(nng_http_req_alloc(&req, NULL));
    check_ok(nng_http_req_set_uri(req, uri));
    return req;
}

static void spaces_in_uris(void)
{
    char buf[512];
    nng_http_req *req = new_req("/a b");
    request_line(req, buf, sizeof buf);
    say("%.*s", (int) strcspn(buf, "\r"), buf);
    nng_http_req_free(req);
}

static void split_fields(void)
{
    nng_http_req *req = new_req("/");
    say("%s", error_name(nng_http_req_set_header(req, "X", "a\r\nY: b")));
    nng_http_req_free(req);
}

static void sent_twice(void)
{
    char buf[512];
    nng_http_req *req = new_req("/");
    check_ok(nng_http_req_set_header(req, "X", "old"));
    request_line(req, buf, sizeof buf);
    check_ok(nng_http_req_set_header(req, "X", "new"));
    request_line(req, buf, sizeof buf);
    say("%s", strstr(buf, "X: new") != NULL ? "the new fields" : "the old fields");
    nng_http_req_free(req);
}

static void body_up_to_the_end(void)
{
    unsigned p;
    char buf[512];
    void *data;
    size_t size;
    nng_http_client *client;
    nng_http_res *res;
    nng_aio *aio = new_aio();
    nng_http_req *req = new_req("/");
    int listener = plain_listen(&p);
    nng_url *url = url_to(p, "/");
    check_ok(nng_http_res_alloc(&res));
    check_ok(nng_http_client_alloc(&client, url));
    nng_http_client_transact(client, req, res, aio);
    int fd = plain_accept(listener);
    plain_read(fd, buf, sizeof buf, "\r\n\r\n");
    plain_send(fd, "HTTP/1.1 200 OK\r\n\r\nto the end");
    close(fd);
    check_ok(result(aio));
    nng_http_res_get_data(res, &data, &size);
    say("%zu bytes", size);
    nng_http_client_free(client);
    nng_http_req_free(req);
    nng_http_res_free(res);
    nng_url_free(url);
    nng_aio_free(aio);
    close(listener);
}

/* A connection whose peer does not read, and a write that gives up. */
static void partial_write(void)
{
    static char big[32 << 20];
    unsigned p;
    nng_http_client *client;
    nng_aio *aio = new_aio();
    int listener = plain_listen(&p);
    nng_url *url = url_to(p, "/");
    check_ok(nng_http_client_alloc(&client, url));
    nng_http_client_connect(client, aio);
    int fd = plain_accept(listener);
    check_ok(result(aio));
    nng_http_conn *conn = nng_aio_get_output(aio, 0);
    set_buffer(aio, big, sizeof big);
    nng_aio_set_timeout(aio, 500);
    nng_http_conn_write_all(conn, aio);
    int err = result(aio);
    size_t count = nng_aio_count(aio);
    say("%s, count %s", error_name(err), count > 0 ? "what was sent" : "0");
    nng_http_conn_close(conn);
    nng_http_client_free(client);
    nng_url_free(url);
    nng_aio_free(aio);
    close(fd);
    close(listener);
}

static void odd_status(void)
{
    nng_http_res *res;
    check_ok(nng_http_res_alloc(&res));
    say("%s", error_name(nng_http_res_set_status(res, 1000)));
    nng_http_res_free(res);
}

/* ---- The table ---------------------------------------------------------------------------- */

static const struct row rows[] = {
    { .what = "content types of files",
      .try = content_types,
      .nng =
          "text/html, text/css, application/javascript, application/json, text/plain, image/png, "
          "image/svg+xml, application/octet-stream, application/octet-stream, text/plain, "
          "audio/mpeg3",
      .before =
          "text/html, text/css, application/javascript, application/octet-stream, text/plain, "
          "image/png, application/octet-stream, application/octet-stream, "
          "application/octet-stream, "
          "text/plain, audio/mpeg3" },
    SAME("a directory is exclusive, for its method", exclusive_directories,
         "GET below EADDRINUSE, PUT below 0"),
    SAME("what cannot be served is refused when it is added", handlers_taken,
         "no callback EINVAL, no path EINVAL"),
    SAME("setters on a handler that was added", setters_when_added,
         "collect_body 0, set_method EBUSY"),
    DIFFERS("a write_all whose time is up", partial_write, "ETIMEDOUT, count 0",
            "ETIMEDOUT, count what was sent", "the caller is told what the peer can get"),
    DIFFERS("a request sent again with other fields", sent_twice, "the old fields",
            "the new fields", "what was set is what is sent"),
    DIFFERS("a body that ends with the connection", body_up_to_the_end, "0 bytes", "10 bytes",
            "RFC 9112 6.3"),
    DIFFERS("a space in a URI that is set", spaces_in_uris, "GET /a b HTTP/1.1",
            "GET /a%20b HTTP/1.1", "a request line has two spaces"),
    DIFFERS("a line end within a field's value", split_fields, "0", "EINVAL",
            "it would add a field, or a response"),
    DIFFERS("status 1000", odd_status, "0", "EINVAL", "it has three digits"),
    DIFFERS("a method without a handler", wrong_method, "405, Allow: ", "405, Allow: PUT, OPTIONS",
            "RFC 9110 15.5.6"),
    DIFFERS("a handler that fails", failing_handler, "closed", "500", "NNG's manual says 500"),
    DIFFERS("a body that is too long", long_body, "400", "413", "RFC 9110 15.5.14"),
    DIFFERS("Content-Length: +2", two_framings, "200", "400",
            "who reads it otherwise can be fooled"),
    DIFFERS("a response without data", nothing_to_say, "Content-Length: ", "Content-Length: 0",
            "the client would wait for the end"),
    DIFFERS("GET /dir/../secret.txt", out_of_the_root, "200", "404",
            "nothing outside the directory"),
    DIFFERS("an escaped name of a file", escaped_name, "404", "200", "it is the file's name"),
    DIFFERS("HEAD answered with an error", head_to_error, "a body", "no body", "RFC 9110 9.3.2"),
    DIFFERS("the connection after a redirect", after_a_redirect, "closed", "open", "RFC 9112 9.3"),
    DIFFERS("lines that end without a CR", bare_line_feeds, "404", "400",
            "who reads it otherwise can be fooled"),
};

static void with_a_server(void (*try)(void))
{
    server = new_server();
    port = 0;
    try();
    if (port != 0) {
        nng_http_server_stop(server);
    }
    nng_http_server_release(server);
}

int main(void)
{
    char command[64];
    begin();
    check(mkdtemp(root) != NULL);
    int ended = check_rows("details", rows, sizeof rows / sizeof *rows, with_a_server);
    snprintf(command, sizeof command, "rm -rf %s", root);
    check(system(command) == 0);
    return ended;
}
