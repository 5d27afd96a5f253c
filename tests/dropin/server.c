/* SPDX-License-Identifier: MIT */
/* The server's side: every kind of handler, how requests find them, error pages, life of a server.
 */
#include "check.h"

#include <nng/supplemental/util/platform.h>
#include <sys/stat.h>

static void add(nng_http_server *server, nng_http_handler *handler)
{
    check_ok(nng_http_server_add_handler(server, handler));
}

/* A static handler that says `text`; not yet added. */
static nng_http_handler *says(const char *uri, const char *text)
{
    nng_http_handler *handler;
    check_ok(nng_http_handler_alloc_static(&handler, uri, text, strlen(text), "text/plain"));
    return handler;
}

/* What a GET of path has as its body. */
#define check_get(port, path, want)                                                                \
    do {                                                                                           \
        struct answer answer_;                                                                     \
        get(&answer_, port, path);                                                                 \
        check(answer_.status == 200);                                                              \
        check_str(answer_.body, want);                                                             \
    } while (0)

static int status_of(unsigned port, const char *method, const char *path)
{
    struct answer answer;
    ask_for(&answer, port, method, path, "localhost");
    return answer.status;
}

static bool is_type(const struct answer *answer, const char *type)
{
    return strcmp(field(answer, "Content-Type"), type) == 0;
}

static void give(nng_aio *aio, const char *text)
{
    nng_http_res *res;
    check_ok(nng_http_res_alloc(&res));
    check_ok(nng_http_res_copy_data(res, text, strlen(text)));
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

/* ---- Callbacks ---------------------------------------------------------------------------- */

/* Requests that a thread of the program answers. */
static struct {
    nng_mtx *mtx;
    nng_cv *cv;
    nng_aio *aios[8];
    int count;
    bool ending;
} later;

static void answer_later(nng_aio *aio)
{
    nng_mtx_lock(later.mtx);
    later.aios[later.count++] = aio;
    nng_cv_wake(later.cv);
    nng_mtx_unlock(later.mtx);
}

static void answering(void *arg)
{
    (void) arg;
    nng_mtx_lock(later.mtx);
    for (;;) {
        while (later.count == 0 && !later.ending) {
            nng_cv_wait(later.cv);
        }
        if (later.count == 0) {
            break;
        }
        nng_aio *aio = later.aios[--later.count];
        nng_mtx_unlock(later.mtx);
        give(aio, nng_http_req_get_uri(nng_aio_get_input(aio, 0)));
        nng_mtx_lock(later.mtx);
    }
    nng_mtx_unlock(later.mtx);
}

static void at_once(nng_aio *aio)
{
    nng_http_req *req = nng_aio_get_input(aio, 0);
    nng_http_handler *handler = nng_aio_get_input(aio, 1);
    check(nng_aio_get_input(aio, 2) != NULL);
    check_str(nng_http_req_get_header(req, "host"), "localhost");
    give(aio, nng_http_handler_get_data(handler));
}

static void fails(nng_aio *aio)
{
    nng_aio_finish(aio, NNG_ENOENT);
}

static void callbacks(void)
{
    nng_http_server *server = new_server();
    nng_http_handler *handler;
    nng_thread *thread;
    struct answer answer;
    check_ok(nng_mtx_alloc(&later.mtx));
    check_ok(nng_cv_alloc(&later.cv, later.mtx));
    check_ok(nng_thread_create(&thread, answering, NULL));
    check_ok(nng_http_handler_alloc(&handler, "/now", at_once));
    check_ok(nng_http_handler_set_data(handler, (void *) "at once", NULL));
    add(server, handler);
    check_ok(nng_http_handler_alloc(&handler, "/later", answer_later));
    add(server, handler);
    check_ok(nng_http_handler_alloc(&handler, "/fails", fails));
    add(server, handler);
    check_ok(nng_http_server_start(server));
    unsigned port = port_of(server);

    check_get(port, "/now", "at once");
    check_get(port, "/later", "/later");
    check_get(port, "/later?and=query", "/later?and=query");
    /* A handler's error: NNG closes without a word, nng-uring answers as NNG's manual says. */
    get(&answer, port, "/fails");
    check(answer.status == (uring ? 500 : 0));

    /* Two requests at once are answered in order. */
    ask(&answer, port,
        "GET /later?1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        "GET /now HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    check(answer.status == 200);
    char *first = strstr(answer.text, "/later?1"), *second = strstr(answer.text, "at once");
    check(first != NULL && second != NULL && first < second);

    nng_mtx_lock(later.mtx);
    later.ending = true;
    nng_cv_wake(later.cv);
    nng_mtx_unlock(later.mtx);
    nng_thread_destroy(thread);
    nng_http_server_stop(server);
    nng_http_server_release(server);
    nng_cv_free(later.cv);
    nng_mtx_free(later.mtx);
    ok("callbacks");
}

/* ---- Other handlers ----------------------------------------------------------------------- */

static char root[] = "dropin-XXXXXX"; /* where the program was started */

static const char *in_root(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(in_root(name), "w");
    check(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void make_files(void)
{
    check(mkdtemp(root) != NULL);
    check(mkdir(in_root("sub"), 0755) == 0);
    write_file("index.html", "<p>index</p>");
    write_file("plain.txt", "plain");
    write_file("sub/style.css", "p {}");
    write_file("error.html", "<p>from a file</p>");
}

static void remove_files(void)
{
    static const char *const names[] = { "index.html", "plain.txt", "sub/style.css",
                                         "error.html", "sub",       "" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check(remove(in_root(names[i])) == 0);
    }
}

static void statics_and_files(void)
{
    nng_http_server *server = new_server();
    nng_http_handler *handler;
    struct answer answer;
    add(server, says("/static", "static text"));
    check_ok(nng_http_handler_alloc_file(&handler, "/one", in_root("plain.txt")));
    add(server, handler);
    check_ok(nng_http_handler_alloc_directory(&handler, "/dir", root));
    add(server, handler);
    check_ok(nng_http_server_start(server));
    unsigned port = port_of(server);

    get(&answer, port, "/static");
    check(answer.status == 200);
    check_str(answer.body, "static text");
    check(is_type(&answer, "text/plain"));
    check_str(field(&answer, "Content-Length"), "11");
    ask_for(&answer, port, "HEAD", "/static", "localhost");
    check(answer.status == 200);
    check_str(answer.body, "");

    get(&answer, port, "/one");
    check_str(answer.body, "plain");
    check(is_type(&answer, "text/plain"));
    write_file("plain.txt", "changed");
    check_get(port, "/one", "changed");

    get(&answer, port, "/dir");
    check(answer.status == 200);
    check_str(answer.body, "<p>index</p>");
    check(is_type(&answer, "text/html"));
    check_get(port, "/dir/", "<p>index</p>");
    get(&answer, port, "/dir/sub/style.css");
    check_str(answer.body, "p {}");
    check(is_type(&answer, "text/css"));
    check(status_of(port, "GET", "/dir/missing") == 404);
    check(status_of(port, "GET", "/dir/sub") == 404); /* it has no index */
    check(status_of(port, "GET", "/directory") == 404);
    nng_http_server_stop(server);
    nng_http_server_release(server);
    ok("statics and files");
}

static void redirects(void)
{
    nng_http_server *server = new_server();
    nng_http_handler *handler;
    struct answer answer;
    check_ok(nng_http_handler_alloc_redirect(&handler, "/old", 0, "http://elsewhere/new"));
    add(server, handler);
    check_ok(nng_http_handler_alloc_redirect(&handler, "/other", NNG_HTTP_STATUS_SEE_OTHER, "/x"));
    add(server, handler);
    check_ok(nng_http_server_start(server));
    unsigned port = port_of(server);
    get(&answer, port, "/old");
    check(answer.status == 301);
    check_str(field(&answer, "Location"), "http://elsewhere/new");
    get(&answer, port, "/other");
    check(answer.status == 303);
    check_str(field(&answer, "Location"), "/x");
    check(status_of(port, "POST", "/other") == 303);
    nng_http_server_stop(server);
    nng_http_server_release(server);
    ok("redirects");
}

/* ---- Which handler answers ---------------------------------------------------------------- */

static void methods_and_hosts(void)
{
    nng_http_server *server = new_server();
    nng_http_handler *handler;
    struct answer answer;
    handler = says("/m", "deleted");
    check_ok(nng_http_handler_set_method(handler, "DELETE"));
    add(server, handler);
    add(server, says("/m", "got"));
    handler = says("/any", "any");
    check_ok(nng_http_handler_set_method(handler, NULL));
    add(server, handler);
    handler = says("/h", "of a");
    check_ok(nng_http_handler_set_host(handler, "a.example"));
    add(server, handler);
    handler = says("/h", "of b");
    check_ok(nng_http_handler_set_host(handler, "b.example"));
    add(server, handler);
    check_ok(nng_http_server_start(server));
    unsigned port = port_of(server);

    check_get(port, "/m", "got");
    ask_for(&answer, port, "DELETE", "/m", "localhost");
    check_str(answer.body, "deleted");
    check(status_of(port, "PATCH", "/m") == 405);
    check(status_of(port, "PATCH", "/any") == 200);
    check(status_of(port, "HEAD", "/m") == 200);

    ask_for(&answer, port, "GET", "/h", "a.example");
    check_str(answer.body, "of a");
    ask_for(&answer, port, "GET", "/h", "B.EXAMPLE:8080");
    check_str(answer.body, "of b");
    check(status_of(port, "GET", "/h") == 404);
    ask(&answer, port, "GET /m HTTP/1.1\r\nConnection: close\r\n\r\n");
    check(answer.status == 400); /* a Host there must be */
    nng_http_server_stop(server);
    nng_http_server_release(server);
    ok("methods and hosts");
}

static void trees(void)
{
    nng_http_server *server = new_server();
    nng_http_handler *handler, *exclusive;
    handler = says("/tree", "tree");
    check_ok(nng_http_handler_set_tree(handler));
    add(server, handler);
    add(server, says("/tree/leaf", "leaf"));
    add(server, says("/alone", "alone"));
    exclusive = says("/mine", "mine");
    check_ok(nng_http_handler_set_tree_exclusive(exclusive));
    add(server, exclusive);
    check_ok(nng_http_server_start(server));
    unsigned port = port_of(server);

    check_get(port, "/tree", "tree");
    check_get(port, "/tree/", "tree");
    check_get(port, "/tree/a/b", "tree");
    check_get(port, "/tree/leaf", "leaf");
    check_get(port, "/tree/leaf/deeper", "tree");
    check(status_of(port, "GET", "/trees") == 404);
    check_get(port, "/alone", "alone");
    check_get(port, "/alone/", "alone");
    check(status_of(port, "GET", "/alone/x") == 404);
    check_get(port, "/mine/a", "mine");

    handler = says("/mine/b", "not mine");
    check_err(nng_http_server_add_handler(server, handler), NNG_EADDRINUSE);
    nng_http_handler_free(handler);
    handler = says("/alone", "again");
    check_err(nng_http_server_add_handler(server, handler), NNG_EADDRINUSE);
    nng_http_handler_free(handler);
    nng_http_server_stop(server);
    nng_http_server_release(server);
    ok("trees");
}

static void adding_and_deleting(void)
{
    nng_http_server *server = new_server();
    nng_http_handler *handler = says("/x", "x");
    check_err(nng_http_server_del_handler(server, handler), NNG_ENOENT);
    add(server, handler);
    check_err(nng_http_handler_set_tree(handler), NNG_EBUSY);
    check_err(nng_http_handler_set_method(handler, "PUT"), NNG_EBUSY);
    check_err(nng_http_handler_set_host(handler, "h"), NNG_EBUSY);
    check_ok(nng_http_server_start(server));
    unsigned port = port_of(server);
    check_get(port, "/x", "x");
    check_ok(nng_http_server_del_handler(server, handler));
    check(status_of(port, "GET", "/x") == 404);
    check_err(nng_http_server_del_handler(server, handler), NNG_ENOENT);
    add(server, handler);
    check_get(port, "/x", "x");
    check_ok(nng_http_server_del_handler(server, handler));
    nng_http_handler_free(handler);

    /* NNG says so when the handler is added, nng-uring when it is made. */
    int err = nng_http_handler_alloc_static(&handler, "x", "x", 1, "text/plain");
    if (err == 0) {
        err = nng_http_server_add_handler(server, handler);
        nng_http_handler_free(handler);
    }
    check_err(err, NNG_EINVAL);
    nng_http_server_stop(server);
    nng_http_server_release(server);
    ok("adding and deleting");
}

/* ---- Bodies ------------------------------------------------------------------------------- */

static void give_body(nng_aio *aio)
{
    void *data;
    size_t size;
    nng_http_res *res;
    nng_http_req_get_data(nng_aio_get_input(aio, 0), &data, &size);
    check_ok(nng_http_res_alloc(&res));
    check_ok(nng_http_res_copy_data(res, data, size));
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

/* Reads the body itself, from the connection. */
static void read_body(nng_aio *aio)
{
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    void *data;
    size_t size;
    char text[7] = "";
    nng_aio *reading = new_aio();
    nng_http_req_get_data(nng_aio_get_input(aio, 0), &data, &size);
    check(size == 0);
    set_buffer(reading, text, 6);
    nng_http_conn_read_all(conn, reading);
    check_ok(result(reading));
    nng_aio_free(reading);
    give(aio, text);
}

static void bodies(void)
{
    nng_http_server *server = new_server();
    nng_http_handler *handler;
    struct answer answer;
    check_ok(nng_http_handler_alloc(&handler, "/all", give_body));
    check_ok(nng_http_handler_set_method(handler, "POST"));
    check_ok(nng_http_handler_collect_body(handler, true, 6));
    add(server, handler);
    check_ok(nng_http_handler_alloc(&handler, "/self", read_body));
    check_ok(nng_http_handler_set_method(handler, "POST"));
    check_ok(nng_http_handler_collect_body(handler, false, 0));
    add(server, handler);
    check_ok(nng_http_server_start(server));
    unsigned port = port_of(server);

    ask(&answer, port,
        "POST /all HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Content-Length: 6\r\n\r\n123456");
    check(answer.status == 200);
    check_str(answer.body, "123456");
    ask(&answer, port,
        "POST /self HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Content-Length: 6\r\n\r\nabcdef");
    check(answer.status == 200);
    check_str(answer.body, "abcdef");
    /* Too much: NNG calls it a bad request, nng-uring by its name. */
    ask(&answer, port,
        "POST /all HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Content-Length: 7\r\n\r\n1234567");
    check(answer.status == (uring ? 413 : 400));
    nng_http_server_stop(server);
    nng_http_server_release(server);
    ok("bodies");
}

/* ---- Errors ------------------------------------------------------------------------------- */

static void give_teapot(nng_aio *aio)
{
    nng_http_res *res;
    check_ok(nng_http_res_alloc_error(&res, NNG_HTTP_STATUS_TEAPOT));
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

static void error_pages(void)
{
    nng_http_server *server = new_server();
    nng_http_handler *handler;
    nng_http_res *res;
    struct answer answer;
    void *data;
    size_t size;
    check_ok(nng_http_handler_alloc(&handler, "/tea", give_teapot));
    add(server, handler);
    check_ok(nng_http_server_start(server));
    unsigned port = port_of(server);
    get(&answer, port, "/missing");
    check(answer.status == 404 && strstr(answer.body, "404") != NULL);
    get(&answer, port, "/tea");
    check(answer.status == 418 && strstr(answer.body, "418") != NULL);

    check_ok(nng_http_server_set_error_page(server, 404, "<p>ours</p>"));
    check_ok(nng_http_server_set_error_file(server, 418, in_root("error.html")));
    get(&answer, port, "/missing");
    check(answer.status == 404);
    check_str(answer.body, "<p>ours</p>");
    check(strcasecmp(field(&answer, "Content-Type"), "text/html; charset=UTF-8") == 0);
    get(&answer, port, "/tea");
    check(answer.status == 418);
    check_str(answer.body, "<p>from a file</p>");
    check_ok(nng_http_server_set_error_page(server, 404, "<p>another</p>"));
    get(&answer, port, "/missing");
    check_str(answer.body, "<p>another</p>");

    check_ok(nng_http_res_alloc(&res));
    check_ok(nng_http_res_set_status(res, 404));
    check_ok(nng_http_server_res_error(server, res));
    nng_http_res_get_data(res, &data, &size);
    check(size == 14 && memcmp(data, "<p>another</p>", 14) == 0);
    nng_http_res_free(res);
    check_err(nng_http_server_set_error_file(server, 500, in_root("missing")), NNG_ENOENT);
    nng_http_server_stop(server);
    nng_http_server_release(server);
    ok("error pages");
}

/* ---- The life of a server ----------------------------------------------------------------- */

static void holding_and_starting(void)
{
    nng_http_server *server, *same;
    unsigned free_port, port;
    struct answer answer;
    close(plain_listen(&free_port));
    nng_url *url = url_to(free_port, "/whatever");
    check_ok(nng_http_server_hold(&server, url));
    check_ok(nng_http_server_hold(&same, url));
    check(server == same);
    add(server, says("/", "root"));

    check_ok(nng_http_server_start(server));
    check_ok(nng_http_server_start(server));
    port = port_of(server);
    check(port == free_port);
    check_get(port, "/", "root");
    nng_http_server_stop(server);
    check_get(port, "/", "root"); /* it was started twice */
    nng_http_server_release(same);
    check_get(port, "/", "root"); /* and is held once more */
    get(&answer, port, "/other");
    check(answer.status == 404);

    int open = plain_connect(port);
    check(open >= 0);
    nng_http_server_stop(server);
    check(plain_read(open, answer.text, sizeof answer.text, NULL) == 0);
    close(open);
    /* Neither waits for the listening socket to be closed. */
    while ((open = plain_connect(port)) >= 0) {
        close(open);
        nng_msleep(1);
    }
    nng_http_server_release(server);
    nng_url_free(url);

    struct nng_tls_config *tls;
    server = new_server();
    check_err(nng_http_server_get_tls(server, &tls), NNG_ENOTSUP);
    nng_http_server_release(server);
    ok("holding and starting");
}

static void two_on_one_port(void)
{
    unsigned port;
    nng_http_server *server;
    int listener = plain_listen(&port);
    nng_url *url = url_to(port, "");
    check_ok(nng_http_server_hold(&server, url));
    check_err(nng_http_server_start(server), NNG_EADDRINUSE);
    nng_http_server_release(server);
    nng_url_free(url);
    close(listener);
    ok("two on one port");
}

int main(void)
{
    begin();
    make_files();
    callbacks();
    statics_and_files();
    redirects();
    methods_and_hosts();
    trees();
    adding_and_deleting();
    bodies();
    error_pages();
    holding_and_starting();
    two_on_one_port();
    remove_files();
    end();
    return 0;
}
