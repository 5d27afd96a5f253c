/* SPDX-License-Identifier: MIT */
/*
 * A handler that takes its connection over and speaks a protocol of lines on it: each line comes
 * back in capitals, "quit" ends it.
 */
#include "check.h"

#include <ctype.h>
#include <nng/supplemental/util/platform.h>

#define CLIENTS 20

/* ---- The protocol ------------------------------------------------------------------------- */

/* One connection that was taken over. It lives until its last callback. */
struct session {
    nng_http_conn *conn;
    nng_http_req *req;
    nng_aio *aio;
    bool writing; /* which of the two the aio is at */
    bool ending;
    size_t len;
    char text[256];
};

/* How many there are, to be waited for. */
static nng_mtx *mtx;
static nng_cv *cv;
static int sessions;
static int ended; /* by now */

static void change_sessions(int by)
{
    nng_mtx_lock(mtx);
    sessions += by;
    ended += by < 0;
    nng_cv_wake(cv);
    nng_mtx_unlock(mtx);
}

static void await_ended(int count)
{
    nng_mtx_lock(mtx);
    while (ended < count || sessions > 0) {
        check_ok(nng_cv_until(cv, nng_clock() + 10000));
    }
    nng_mtx_unlock(mtx);
}

static void end_session(struct session *session)
{
    nng_http_conn_close(session->conn);
    nng_http_req_free(session->req);
    nng_aio_reap(session->aio);
    free(session);
    change_sessions(-1);
}

static void read_more(struct session *session)
{
    session->writing = false;
    set_buffer(session->aio, session->text, sizeof session->text);
    nng_http_conn_read(session->conn, session->aio);
}

static void write_text(struct session *session)
{
    session->writing = true;
    set_buffer(session->aio, session->text, session->len);
    nng_http_conn_write_all(session->conn, session->aio);
}

static void session_step(void *arg)
{
    struct session *session = arg;
    int err = nng_aio_result(session->aio);
    if (err != 0 || (session->writing && session->ending)) {
        /* A client that has gone is a reason to end, too. */
        check(err == 0 || err == NNG_ECONNSHUT || err == NNG_ECONNRESET || err == NNG_ECLOSED);
        end_session(session);
        return;
    }
    if (session->writing) {
        check(nng_aio_count(session->aio) == session->len);
        read_more(session);
        return;
    }
    session->len = nng_aio_count(session->aio);
    for (size_t i = 0; i < session->len; i++) {
        session->text[i] = (char) toupper((unsigned char) session->text[i]);
    }
    session->ending = memmem(session->text, session->len, "QUIT\n", 5) != NULL;
    write_text(session);
}

static void take_over(nng_aio *aio)
{
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    struct session *session = calloc(1, sizeof *session);
    check(session != NULL);
    session->req = nng_aio_get_input(aio, 0);
    session->conn = conn;
    check_str(nng_http_req_get_header(session->req, "Upgrade"), "lines");
    check_ok(nng_http_hijack(conn));
    check_ok(nng_aio_alloc(&session->aio, session_step, session));
    nng_aio_set_timeout(session->aio, SECONDS * 1000);
    change_sessions(1);
    session->len = (size_t) snprintf(session->text, sizeof session->text,
                                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: lines\r\n"
                                     "Connection: Upgrade\r\n\r\n");
    nng_aio_finish(aio, 0); /* without a response */
    write_text(session);
}

/* ---- Its users ---------------------------------------------------------------------------- */

#define HELLO                                                                                      \
    "GET /lines HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n"

static void expect(int fd, const char *want)
{
    char text[512];
    size_t n = plain_read(fd, text, strlen(want) + 1, NULL);
    check(n == strlen(want));
    check_str(text, want);
}

static int say_hello(unsigned port, const char *hello)
{
    char text[512];
    int fd = plain_connect(port);
    check(fd >= 0);
    plain_send(fd, hello);
    /* Byte by byte: what follows the head is not to be swallowed. */
    for (size_t n = 0; n < 4 || memcmp(text + n - 4, "\r\n\r\n", 4) != 0; n++) {
        check(n < sizeof text && read(fd, text + n, 1) == 1);
        check(n < 12 || memcmp(text, "HTTP/1.1 101", 12) == 0);
    }
    return fd;
}

static void lines(unsigned port)
{
    int fd = say_hello(port, HELLO);
    plain_send(fd, "one\n");
    expect(fd, "ONE\n");
    plain_send(fd, "two\n");
    expect(fd, "TWO\n");
    plain_send(fd, "quit\n");
    expect(fd, "QUIT\n");
    check(read(fd, &(char){ 0 }, 1) == 0);
    close(fd);
    await_ended(1);
    ok("lines");
}

/* What came with the request is there to be read. */
static void early_bytes(unsigned port)
{
    int fd = say_hello(port, HELLO "early\n");
    expect(fd, "EARLY\n");
    plain_send(fd, "late\nquit\n");
    expect(fd, "LATE\nQUIT\n");
    check(read(fd, &(char){ 0 }, 1) == 0);
    close(fd);
    await_ended(2);
    ok("early bytes");
}

/* After a request of the ordinary kind on the same connection. */
static void after_another_request(unsigned port)
{
    char text[1024];
    int fd = plain_connect(port);
    check(fd >= 0);
    plain_send(fd, "GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n");
    plain_read(fd, text, sizeof text, "\r\n\r\nplain");
    check(strncmp(text, "HTTP/1.1 200", 12) == 0);
    plain_send(fd, HELLO);
    plain_read(fd, text, sizeof text, "\r\n\r\n");
    check(strncmp(text, "HTTP/1.1 101", 12) == 0);
    plain_send(fd, "x\n");
    expect(fd, "X\n");
    close(fd); /* without a word */
    await_ended(3);
    ok("after another request");
}

static void many(unsigned port)
{
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = say_hello(port, HELLO);
    }
    for (int round = 0; round < 3; round++) {
        char line[32], want[32];
        for (int i = 0; i < CLIENTS; i++) {
            snprintf(line, sizeof line, "line %d of %d\n", round, i);
            plain_send(fds[i], line);
        }
        for (int i = CLIENTS - 1; i >= 0; i--) {
            snprintf(want, sizeof want, "LINE %d OF %d\n", round, i);
            expect(fds[i], want);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
    await_ended(3 + CLIENTS);
    ok("many");
}

/* The client's side with NNG's own connection. */
static void both_sides(unsigned port)
{
    nng_http_client *client;
    nng_http_req *req;
    nng_http_res *res;
    nng_url *url = url_to(port, "/lines");
    nng_aio *aio = new_aio();
    char text[6] = "";
    check_ok(nng_http_client_alloc(&client, url));
    check_ok(nng_http_req_alloc(&req, url));
    check_ok(nng_http_res_alloc(&res));
    check_ok(nng_http_req_set_header(req, "Connection", "Upgrade"));
    check_ok(nng_http_req_set_header(req, "Upgrade", "lines"));
    nng_http_client_connect(client, aio);
    check_ok(result(aio));
    nng_http_conn *conn = nng_aio_get_output(aio, 0);
    nng_http_conn_write_req(conn, req, aio);
    check_ok(result(aio));
    nng_http_conn_read_res(conn, res, aio);
    check_ok(result(aio));
    check(nng_http_res_get_status(res) == NNG_HTTP_STATUS_SWITCHING);
    check_str(nng_http_res_get_header(res, "upgrade"), "lines");
    set_buffer(aio, "quit\n", 5);
    nng_http_conn_write_all(conn, aio);
    check_ok(result(aio));
    set_buffer(aio, text, 5);
    nng_http_conn_read_all(conn, aio);
    check_ok(result(aio));
    check_str(text, "QUIT\n");
    set_buffer(aio, text, 5);
    nng_http_conn_read(conn, aio);
    check_err(result(aio), NNG_ECONNSHUT);
    nng_http_conn_close(conn);
    nng_http_req_free(req);
    nng_http_res_free(res);
    nng_http_client_free(client);
    nng_aio_free(aio);
    nng_url_free(url);
    await_ended(4 + CLIENTS);
    ok("both sides");
}

/* The server's end is none of theirs. */
static void outliving_the_server(nng_http_server *server)
{
    int fd = say_hello(port_of(server), HELLO);
    nng_http_server_stop(server);
    nng_http_server_release(server);
    plain_send(fd, "still here\n");
    expect(fd, "STILL HERE\n");
    plain_send(fd, "quit\n");
    expect(fd, "QUIT\n");
    close(fd);
    await_ended(5 + CLIENTS);
    ok("outliving the server");
}

int main(void)
{
    begin();
    check_ok(nng_mtx_alloc(&mtx));
    check_ok(nng_cv_alloc(&cv, mtx));
    nng_http_server *server = new_server();
    nng_http_handler *handler;
    check_ok(nng_http_handler_alloc(&handler, "/lines", take_over));
    check_ok(nng_http_server_add_handler(server, handler));
    check_ok(nng_http_handler_alloc_static(&handler, "/plain", "plain", 5, "text/plain"));
    check_ok(nng_http_server_add_handler(server, handler));
    check_ok(nng_http_server_start(server));
    unsigned port = port_of(server);
    lines(port);
    early_bytes(port);
    after_another_request(port);
    many(port);
    both_sides(port);
    outliving_the_server(server);
    end();
    nng_cv_free(cv);
    nng_mtx_free(mtx);
    return 0;
}
