/* SPDX-License-Identifier: MIT */
#include "support/scripted_peer.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>

void t_scripted_peer_open(struct t_scripted_peer *t, unsigned mode)
{
    t_pair_open(&t->pair);
    t_aio_probe_open(&t->track, mode);
    cr_assert_eq(nng_http_req_alloc(&t->req, NULL), 0);
    cr_assert_eq(nng_http_res_alloc(&t->res), 0);
    t->mode = mode;
    t->calls = 0;
}

void t_scripted_peer_close(struct t_scripted_peer *t)
{
    t_aio_probe_close(&t->track);
    nng_http_req_free(t->req);
    nng_http_res_free(t->res);
    t_pair_close(&t->pair);
}

struct call {
    struct t_scripted_peer *talk;
    void (*op)(struct t_scripted_peer *t);
};

static void run_call(void *arg)
{
    struct call *call = arg;
    call->op(call->talk);
}

void t_scripted_peer_start(struct t_scripted_peer *t, void (*op)(struct t_scripted_peer *t))
{
    struct call call = { t, op };
    if (t->mode & NU_ON_OWNER) {
        t_on_owner(t->pair.conn, run_call, &call);
    } else {
        op(t);
    }
}

void t_scripted_peer_finish(struct t_scripted_peer *t, int result)
{
    t_aio_probe_assert(&t->track, ++t->calls, result);
}

void t_scripted_peer_finish_count(struct t_scripted_peer *t, int result, size_t count)
{
    t_scripted_peer_finish(t, result);
    cr_assert_eq(nng_aio_count(t->track.aio), count, "count %zu", nng_aio_count(t->track.aio));
}

void t_scripted_peer_send(struct t_scripted_peer *t, const void *data, size_t n)
{
    const char *p = data;
    for (size_t done = 0; done < n;) {
        ssize_t sent = send(t->pair.fd, p + done, n - done, MSG_NOSIGNAL);
        cr_assert_gt(sent, 0);
        done += (size_t) sent;
    }
}

void t_scripted_peer_say(struct t_scripted_peer *t, const char *text)
{
    t_scripted_peer_send(t, text, strlen(text));
}

void t_scripted_peer_hear(struct t_scripted_peer *t, const char *text)
{
    char got[1024];
    size_t n = strlen(text);
    cr_assert_lt(n, sizeof got);
    cr_assert_eq(recv(t->pair.fd, got, n, MSG_WAITALL), (ssize_t) n);
    cr_assert(memcmp(got, text, n) == 0, "%.*s", (int) n, got);
}

void t_scripted_peer_hear_no_more(struct t_scripted_peer *t)
{
    char byte;
    nng_http_conn_close(t->pair.conn);
    t->pair.conn = NULL;
    cr_assert_eq(recv(t->pair.fd, &byte, 1, 0), 0);
}

void t_scripted_peer_transact(struct t_scripted_peer *t)
{
    nng_http_conn_transact(t->pair.conn, t->req, t->res, t->track.aio);
}

void t_scripted_peer_open_request(struct t_scripted_peer *t, unsigned mode, const char *method)
{
    t_scripted_peer_open(t, mode);
    cr_assert_eq(nng_http_req_set_method(t->req, method), 0);
    cr_assert_eq(nng_http_req_set_uri(t->req, "/x"), 0);
}

void t_scripted_peer_hear_request(struct t_scripted_peer *t, const char *method)
{
    t_scripted_peer_hear(t, method);
    t_scripted_peer_hear(t, " /x HTTP/1.1\r\n\r\n");
}

void t_assert_body(nng_http_res *res, const char *body, long long length)
{
    void *data;
    size_t size;
    const char *field = nng_http_res_get_header(res, "Content-Length");
    nng_http_res_get_data(res, &data, &size);
    cr_assert_eq(size, strlen(body), "%zu bytes", size);
    cr_assert_eq(data == NULL, size == 0);
    cr_assert(size == 0 || memcmp(data, body, size) == 0);
    cr_assert_eq(field == NULL, length < 0);
    cr_assert(field == NULL || atoll(field) == length);
    cr_assert_null(nng_http_res_get_header(res, "Transfer-Encoding"));
    cr_assert_null(nng_http_res_get_header(res, "Trailer"));
}
