#include "support/talk.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>

void nu_talk_open(struct nu_talk *t, unsigned mode)
{
    nu_pair_open(&t->pair);
    nu_track_open(&t->track, mode);
    cr_assert_eq(nng_http_req_alloc(&t->req, NULL), 0);
    cr_assert_eq(nng_http_res_alloc(&t->res), 0);
    t->mode  = mode;
    t->calls = 0;
}

void nu_talk_close(struct nu_talk *t)
{
    nu_track_close(&t->track);
    nng_http_req_free(t->req);
    nng_http_res_free(t->res);
    nu_pair_close(&t->pair);
}

struct call {
    struct nu_talk *talk;
    void (*op)(struct nu_talk *t);
};

static void run_call(void *arg)
{
    struct call *call = arg;
    call->op(call->talk);
}

void nu_talk_start(struct nu_talk *t, void (*op)(struct nu_talk *t))
{
    struct call call = { t, op };
    if (t->mode & NU_ON_OWNER) {
        nu_on_owner(t->pair.conn, run_call, &call);
    } else {
        op(t);
    }
}

void nu_talk_finish(struct nu_talk *t, int result)
{
    nu_track_assert(&t->track, ++t->calls, result);
}

void nu_talk_finish_count(struct nu_talk *t, int result, size_t count)
{
    nu_talk_finish(t, result);
    cr_assert_eq(nng_aio_count(t->track.aio), count, "count %zu", nng_aio_count(t->track.aio));
}

void nu_talk_send(struct nu_talk *t, const void *data, size_t n)
{
    const char *p = data;
    for (size_t done = 0; done < n;) {
        ssize_t sent = send(t->pair.fd, p + done, n - done, MSG_NOSIGNAL);
        cr_assert_gt(sent, 0);
        done += (size_t) sent;
    }
}

void nu_talk_say(struct nu_talk *t, const char *text)
{
    nu_talk_send(t, text, strlen(text));
}

void nu_talk_hear(struct nu_talk *t, const char *text)
{
    char   got[1024];
    size_t n = strlen(text);
    cr_assert_lt(n, sizeof got);
    cr_assert_eq(recv(t->pair.fd, got, n, MSG_WAITALL), (ssize_t) n);
    cr_assert(memcmp(got, text, n) == 0, "%.*s", (int) n, got);
}

void nu_talk_hear_no_more(struct nu_talk *t)
{
    char byte;
    nng_http_conn_close(t->pair.conn);
    t->pair.conn = NULL;
    cr_assert_eq(recv(t->pair.fd, &byte, 1, 0), 0);
}

void nu_talk_transact(struct nu_talk *t)
{
    nng_http_conn_transact(t->pair.conn, t->req, t->res, t->track.aio);
}

void nu_talk_open_request(struct nu_talk *t, unsigned mode, const char *method)
{
    nu_talk_open(t, mode);
    cr_assert_eq(nng_http_req_set_method(t->req, method), 0);
    cr_assert_eq(nng_http_req_set_uri(t->req, "/x"), 0);
}

void nu_talk_hear_request(struct nu_talk *t, const char *method)
{
    nu_talk_hear(t, method);
    nu_talk_hear(t, " /x HTTP/1.1\r\n\r\n");
}

void nu_assert_body(nng_http_res *res, const char *body, long long length)
{
    void       *data;
    size_t      size;
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
