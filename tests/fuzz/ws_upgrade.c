/* SPDX-License-Identifier: MIT */
/*
 * How connections become WebSockets. The first byte of the input says which end reads the rest.
 * Even: a server, of which a client asks this, in pieces that the byte says too. It answers 101
 * when the request is right, and only then, and a client that had offered what is in the request
 * takes that answer. Odd: a client, as the response to its upgrade; however much of the response is
 * wrong, what it agrees to is within what it has offered.
 */
#include "fuzz/visit.h"
#include "http/server.h"
#include "io/runtime.h"
#include "wire/message.h"
#include "wire/ws_frame.h"
#include "ws/ws_accept.h"
#include "ws/ws_listener_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define PLAIN "/ws"    /* offers compression */
#define CHOOSY "/chat" /* has subprotocols */

static nng_stream_listener *listeners[2];
static nng_aio *accepts[2];
static struct nu_field fields[NU_MAX_FIELDS];

/* ---- The server --------------------------------------------------------------------------- */

static void accepted(void *arg)
{
    unsigned i = (unsigned) (uintptr_t) arg;
    if (nng_aio_result(accepts[i]) == 0) {
        nng_stream_free(nng_aio_get_output(accepts[i], 0)); /* which says good-bye */
        nng_stream_listener_accept(listeners[i], accepts[i]);
    }
}

static void listen_at(unsigned i, int port, const char *path)
{
    char url[64];
    snprintf(url, sizeof url, "ws://127.0.0.1:%d%s", port, path);
    require(nng_stream_listener_alloc(&listeners[i], url) == 0 &&
                nng_stream_listener_set_bool(listeners[i], NNG_URING_OPT_WS_DEFLATE, i == 0) == 0 &&
                (i == 0 || nng_stream_listener_set_string(listeners[i], NNG_OPT_WS_PROTOCOL,
                                                          "chat, news") == 0) &&
                nng_stream_listener_listen(listeners[i]) == 0 &&
                nng_aio_alloc(&accepts[i], accepted, (void *) (uintptr_t) i) == 0,
            url);
    nng_stream_listener_accept(listeners[i], accepts[i]);
}

static void stop(void)
{
    for (unsigned i = 0; i < 2; i++) {
        nng_stream_listener_free(listeners[i]);
        nng_aio_free(accepts[i]);
    }
    nng_fini();
}

/* Two listeners share a server if they ask for the same port. */
static int free_port(void)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(bind(fd, (struct sockaddr *) &sin, len) == 0 &&
                getsockname(fd, (struct sockaddr *) &sin, &len) == 0,
            "port");
    close(fd);
    return ntohs(sin.sin_port);
}

static void start(void)
{
    char accept[NU_WS_ACCEPT_LENGTH + 1];
    int port = free_port();
    /* OpenSSL, too, ends when the process does: after what stop() ends, if it begins before. */
    require(nu_ws_accept_text(KEY, accept) == 0 && strcmp(accept, ACCEPT) == 0, "accept");
    setenv("NNG_URING_LOOPS", "1", 1);
    listen_at(0, port, PLAIN);
    listen_at(1, port, CHOOSY);
    atexit(stop);
}

/* ---- A connection, without TCP ------------------------------------------------------------- */

static void say(int fd, const char *p, size_t n, unsigned pieces)
{
    size_t piece = 1 + n / (1 + pieces);
    while (n > 0) {
        ssize_t sent = send(fd, p, piece < n ? piece : n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue; /* libFuzzer's alarm */
        }
        if (sent < 0) {
            require(errno == EPIPE || errno == ECONNRESET, "the server does not read");
            return;
        }
        p += sent;
        n -= (size_t) sent;
    }
    shutdown(fd, SHUT_WR);
}

/* ---- What a server says ------------------------------------------------------------------- */

/* Whether this is to become a WebSocket, where only the fields decide on it. */
static bool is_upgrade(nng_http_req *req, const struct nu_head *head)
{
    bool any, choosy = strcmp(nng_http_req_get_uri(req), CHOOSY) == 0;
    const char *protocols = nng_http_req_get_header(req, "Sec-WebSocket-Protocol");
    return (choosy || strcmp(nng_http_req_get_uri(req), PLAIN) == 0) &&
           nu_ws_request_check(req) == 0 && head->content_length == 0 && !head->chunked &&
           (!choosy || nu_ws_choose_protocol(protocols, "chat, news", &any).p != NULL);
}

/* What follows a 101 are frames of a server. */
static void check_frames(char *p, size_t n)
{
    struct nu_ws_reader r = { .masked = false, .deflate = true };
    while (n > 0) {
        struct nu_slice data;
        size_t used;
        bool end;
        require(nu_ws_reader_next(&r, p, n, &used, &data, &end) != NU_WS_BAD, r.bad_reason);
        p += used;
        n -= used;
    }
    nu_ws_reader_fini(&r);
}

static void check_upgrade(nng_http_req *req, const struct nu_head *answer)
{
    char accept[NU_WS_ACCEPT_LENGTH + 1];
    const char *offers = nng_http_req_get_header(req, "Sec-WebSocket-Extensions");
    struct nu_ws_deflate agreed,
        wish = { .on = offers != NULL, .server_bits = 15, .client_bits = 15 };
    nng_http_res *res;
    require(nng_http_res_alloc(&res) == 0 && nu_res_load(res, answer) == 0, "memory");
    const char *taken = nng_http_res_get_header(res, "Sec-WebSocket-Extensions");
    require(nu_ws_accept_text(nng_http_req_get_header(req, "Sec-WebSocket-Key"), accept) == 0,
            "accept");
    int err = nu_ws_response_check(
        res, accept, nng_http_req_get_header(req, "Sec-WebSocket-Protocol"), &wish, &agreed);
    /* A client of ours has no such window, and would not have said so. */
    require(err == 0 || (taken != NULL && strstr(taken, "client_max_window_bits=8") != NULL),
            "a client that had offered this does not take the answer");
    nng_http_res_free(res);
}

static void check_answer(const char *p, size_t n, const struct nu_buf *heard)
{
    static struct nu_field more[NU_MAX_FIELDS];
    struct nu_head head = { .fields = fields, .maxfields = NU_MAX_FIELDS };
    struct nu_head answer = { .fields = more, .maxfields = NU_MAX_FIELDS };
    enum nu_parse rv = nu_parse_request(p, n, &head);
    nng_http_req *req;
    if (rv == NU_PARSE_MORE) {
        require(heard->len == 0, "an answer to a part of a request");
        return;
    }
    if (rv == NU_PARSE_DONE && heard->len == 0 && (head.content_length > 0 || head.chunked)) {
        return; /* of its body a part is missing, too */
    }
    require(nu_parse_response(heard->data, heard->len, &answer) == NU_PARSE_DONE, "no answer");
    require(rv == NU_PARSE_DONE || answer.status >= 400, "a bad request is answered");
    if (rv == NU_PARSE_BAD) {
        return;
    }
    require(nng_http_req_alloc(&req, NULL) == 0 && nu_req_load(req, &head) == 0, "memory");
    bool upgraded = answer.status == NNG_HTTP_STATUS_SWITCHING;
    require(upgraded || !is_upgrade(req, &head), "a good request is refused");
    require(!upgraded || nu_ws_request_check(req) == 0, "a bad request becomes a WebSocket");
    if (upgraded) {
        check_upgrade(req, &answer);
        check_frames(heard->data + answer.length, heard->len - answer.length);
    }
    nng_http_req_free(req);
}

static void ask(const char *p, size_t n, unsigned how)
{
    struct nu_buf heard = { 0 };
    if (listeners[0] == NULL) {
        start();
    }
    struct nu_ws_listener *l =
        nu_container(listeners[0], struct nu_ws_listener, endpoint.base.listener);
    int fd = open_connection(&l->server->shards[0]->listeners[0]);
    say(fd, p, n, how % 16);
    hear(fd, &heard);
    close(fd);
    check_answer(p, n, &heard);
    nu_buf_free(&heard);
}

/* ---- What a client hears ------------------------------------------------------------------ */

static void check_agreed(nng_http_res *res, const struct nu_ws_deflate *wish)
{
    struct nu_ws_deflate agreed;
    const char *protocol = nng_http_res_get_header(res, "Sec-WebSocket-Protocol");
    int err = nu_ws_response_check(res, ACCEPT, "news, chat", wish, &agreed);
    require(err == 0 || err == NNG_EPROTO || err == NNG_EPERM || err == NNG_ECONNREFUSED, "error");
    if (err != 0) {
        return;
    }
    require(nng_http_res_get_status(res) == NNG_HTTP_STATUS_SWITCHING, "another status");
    require(strcmp(nng_http_res_get_header(res, "Sec-WebSocket-Accept"), ACCEPT) == 0, "accept");
    require(protocol == NULL || strcmp(protocol, "chat") == 0 || strcmp(protocol, "news") == 0,
            "a subprotocol that was not offered");
    require(wish->on || !agreed.on, "an extension that was not offered");
    require(!agreed.on || (agreed.server_bits <= wish->server_bits && agreed.server_bits >= 8 &&
                           agreed.client_bits <= wish->client_bits && agreed.client_bits >= 9 &&
                           (agreed.server_no_context || !wish->server_no_context) &&
                           (agreed.client_no_context || !wish->client_no_context)),
            "more than was offered");
}

static void hear_answer(const char *p, size_t n, unsigned how)
{
    struct nu_head head = { .fields = fields, .maxfields = NU_MAX_FIELDS };
    struct nu_ws_deflate wish = { .on = (how & 2) != 0,
                                  .server_no_context = (how & 4) != 0,
                                  .client_no_context = (how & 8) != 0,
                                  .server_bits = 9 + (int) (how >> 4) % 7,
                                  .client_bits = 9 + (int) (how >> 5) % 7 };
    nng_http_res *res;
    if (nu_parse_response(p, n, &head) != NU_PARSE_DONE) {
        return;
    }
    require(nng_http_res_alloc(&res) == 0 && nu_res_load(res, &head) == 0, "memory");
    check_agreed(res, &wish);
    nng_http_res_free(res);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    char *copy = malloc(size);
    require(copy != NULL, "memory");
    memcpy(copy, data + 1, size - 1);
    if (data[0] % 2 == 0) {
        ask(copy, size - 1, data[0] / 2U);
    } else {
        hear_answer(copy, size - 1, data[0]);
    }
    free(copy);
    return 0;
}
