/* SPDX-License-Identifier: MIT */
#include "http/answer.h"

#include "http/error_pages.h"
#include "http/handler.h"
#include "http/server_shard.h"
#include "http/session.h"
#include "wire/chars.h"
#include "wire/date.h"
#include "wire/message.h"
#include "wire/status.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#define COPIED 2048U /* a reply up to this size is copied rather than pointed at */

/* ---- Heads -------------------------------------------------------------------------------- */

/* The Date line of this second (RFC 9110 6.6.1). One turn of the loop takes one look at the clock.
 */
static struct nu_slice answer_date_line(struct nu_server_shard *shard)
{
    struct nu_slice line = { shard->date, sizeof shard->date - 1 };
    struct timespec now;
    if (shard->date_turn == shard->loop->turns) {
        return line;
    }
    shard->date_turn = shard->loop->turns;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (shard->date_second != now.tv_sec || shard->date[0] == '\0') {
        char *p = stpcpy(shard->date, "Date: ");
        nu_date_print(p, now.tv_sec);
        memcpy(p + NU_DATE_LEN, "\r\n", 3);
        shard->date_second = now.tv_sec;
    }
    return line;
}

static void answer_print_date(struct nu_session *s)
{
    struct nu_slice line = answer_date_line(s->shard);
    nu_buf_add(&s->out->text, line.p, line.n);
}

/* A body that the client holds back, or that is too long to throw away, ends the connection. */
static void answer_decide_last(struct nu_session *s)
{
    const struct nu_body_reader *body = &s->body;
    if (nu_body_reader_unread(body) &&
        (s->expects || body->left > s->shard->limits[NNG_URING_DRAIN_BYTES])) {
        s->last = true;
    }
}

/* The Connection line that the answer in hand needs; "" when it needs none. */
static const char *answer_connection_line(const struct nu_session *s)
{
    return s->last ? "Connection: close\r\n" : s->http10 ? "Connection: keep-alive\r\n" : "";
}

static bool answer_need_out(struct nu_session *s)
{
    if (s->out == NULL) {
        s->out = nu_response_batch_take(&s->shard->spare_batches);
    }
    if (s->out == NULL) {
        nu_session_give_up(s);
    }
    return s->out != NULL;
}

/* Whether a list such as that of Connection has this token, which is in lower case. */
static bool answer_has_token(const char *list, const char *token)
{
    size_t n = strlen(token);
    while (*list != '\0') {
        list += strspn(list, ", \t");
        size_t len = strcspn(list, ", \t");
        if (len == n && strncasecmp(list, token, n) == 0) {
            return true;
        }
        list += len;
    }
    return false;
}

/* What the server has to add to the fields that the handler has set. */
struct missing {
    bool length;
    bool connection;
};

/* What the handler says about the connection counts as much as what the request said. */
static int answer_settle_connection(struct nu_session *s, nng_http_res *res,
                                    struct missing *missing)
{
    const char *connection = nng_http_res_get_header(res, "Connection");
    answer_decide_last(s);
    if (connection == NULL) {
        missing->connection = true;
        return 0;
    }
    if (answer_has_token(connection, "close")) {
        s->last = true;
        return 0;
    }
    if (s->last) {
        return nng_http_res_set_header(res, "Connection", "close");
    }
    return s->http10 ? nng_http_res_add_header(res, "Connection", "keep-alive") : 0;
}

/*
 * A client must find the end of the response, whatever the handler has set. Nothing may follow a
 * 1xx, which is no answer: the next would be taken for it. Nor a body that the handler says is in
 * chunks, which it may be or not.
 */
static int answer_settle_length(struct nu_session *s, nng_http_res *res, struct missing *missing)
{
    const char *length = nng_http_res_get_header(res, "Content-Length");
    unsigned status = nng_http_res_get_status(res);
    char size[NU_DECIMAL_MAX + 1];
    if (status < 200 || status == NNG_HTTP_STATUS_NO_CONTENT) {
        s->last = s->last || status < 200;
        (void) nng_http_res_del_header(res, "Content-Length");    /* RFC 9110 8.6 */
        (void) nng_http_res_del_header(res, "Transfer-Encoding"); /* RFC 9112 6.1 */
        return 0;
    }
    if (!nu_status_bodiless(status) && nng_http_res_get_header(res, "Transfer-Encoding") != NULL) {
        s->last = true;
        (void) nng_http_res_del_header(res, "Content-Length"); /* RFC 9112 6.2 */
        return 0;
    }
    if (length == NULL) {
        missing->length = !nu_status_bodiless(status);
        return 0;
    }
    if (nu_status_bodiless(status) || s->file != NULL || s->bodiless) {
        return 0;
    }
    size[nu_decimal(size, res->body.size)] = '\0';
    return strcmp(length, size) == 0 ? 0 : nng_http_res_set_header(res, "Content-Length", size);
}

static int answer_print_head(struct nu_session *s, nng_http_res *res)
{
    struct nu_buf *text = &s->out->text;
    struct missing missing = { false, false };
    int err = answer_settle_length(s, res, &missing);
    if (err == 0) {
        err = answer_settle_connection(s, res, &missing);
    }
    if (err != 0) {
        return err;
    }
    nu_res_print_fields(res, text);
    if (missing.length) {
        nu_buf_str(text, "Content-Length: ");
        nu_buf_u64(text, res->body.size);
        nu_buf_str(text, "\r\n");
    }
    if (missing.connection) {
        nu_buf_str(text, answer_connection_line(s));
    }
    if (nng_http_res_get_header(res, "Date") == NULL) {
        answer_print_date(s);
    }
    nu_buf_add(text, "\r\n", 2);
    return nu_buf_error(text);
}

/* ---- Answers ------------------------------------------------------------------------------ */

bool nu_session_answer_static(struct nu_session *s, nng_http_handler *h)
{
    answer_decide_last(s);
    if (!answer_need_out(s)) {
        return false;
    }
    struct nu_buf *text = &s->out->text;
    size_t from = text->len, rest = s->bodiless ? 2 : h->reply.len - h->head;
    bool copied = h->reply.len <= COPIED;
    nu_buf_add(text, h->reply.data, h->head);
    answer_print_date(s);
    nu_buf_str(text, answer_connection_line(s));
    if (copied) {
        nu_buf_add(text, h->reply.data + h->head, rest);
    }
    if (nu_buf_error(text) != 0) {
        nu_session_give_up(s);
        return false;
    }
    nu_response_batch_add_text(s->out, from);
    if (!copied) {
        nu_response_batch_hold(s->out, h);
        nu_response_batch_add(s->out, h->reply.data + h->head, rest);
    }
    return true;
}

bool nu_session_begin_answer(struct nu_session *s, nng_http_res *res)
{
    if (!answer_need_out(s)) {
        nng_http_res_free(res);
        return false;
    }
    const struct nu_body *body = &res->body;
    size_t from = s->out->text.len;
    s->out->res = res;
    if (nu_error_pages_apply(s->shard->pages, res) != 0 || answer_print_head(s, res) != 0) {
        nu_session_give_up(s);
        return false;
    }
    size_t size = s->bodiless || nu_status_bodiless(res->status) ? 0 : body->size;
    bool copied = size > 0 && size <= COPIED && nu_buf_reserve(&s->out->text, size) == 0;
    if (copied) {
        nu_buf_add(&s->out->text, body->data, size);
    }
    nu_response_batch_add_text(s->out, from);
    if (!copied) {
        nu_response_batch_add(s->out, body->data, size);
    } else {
        nng_http_res_free(res); /* so that the next response finds its memory in the caches */
        s->out->res = NULL;
    }
    return true;
}

void nu_session_answer(struct nu_session *s, nng_http_res *res)
{
    if (nu_session_gone(s)) {
        nng_http_res_free(res);
        nu_session_close_late(s);
    } else if (res == NULL) {
        answer_decide_last(s);
        nu_session_answered(s);
    } else if (nu_session_begin_answer(s, res)) {
        nu_session_flush(s);
    }
}

void nu_session_answer_error(struct nu_session *s, unsigned status)
{
    nng_http_res *res;
    if (nng_http_res_alloc_error(&res, (uint16_t) status) != 0) {
        nu_session_abandon(s);
        return;
    }
    nu_session_answer(s, res);
}

/* A decoded path, for a URI. */
static void answer_print_path(struct nu_buf *text, const char *path)
{
    static const char hex[] = "0123456789ABCDEF";
    for (; *path != '\0'; path++) {
        unsigned char byte = (unsigned char) *path;
        char escape[3] = { '%', hex[byte >> 4], hex[byte & 15] };
        if ((nu_chars[byte] & NU_CHAR_PLAIN) != 0 || strchr("/!$&'()*+,;=:@", byte) != NULL) {
            nu_buf_add(text, path, 1);
        } else {
            nu_buf_add(text, escape, 3);
        }
    }
}

/*
 * What the request has beyond the handler's URI is kept: the path of a tree, and the query. That is
 * the path that was understood, not the one that was sent: with dot segments in it, that could make
 * a host of its own behind our location, and so could a second '/' at its start.
 */
static int answer_set_location(nng_http_res *res, const nng_http_handler *h, const char *path,
                               struct nu_slice query)
{
    size_t len = strlen(h->location);
    const char *rest = h->tree ? path + strlen(h->uri) : "";
    struct nu_buf text = { 0 };
    nu_buf_str(&text, h->location);
    answer_print_path(&text,
                      len > 0 && h->location[len - 1] == '/' && *rest == '/' ? rest + 1 : rest);
    if (query.p != NULL) {
        nu_buf_str(&text, "?");
        nu_buf_add(&text, query.p, query.n);
    }
    nu_buf_add(&text, "", 1);
    int err = nu_buf_error(&text);
    if (err == 0) {
        err = nng_http_res_set_header(res, "Location", text.data);
    }
    nu_buf_free(&text);
    return err;
}

nng_http_res *nu_redirect_res(const nng_http_handler *h, const char *path, struct nu_slice query)
{
    nng_http_res *res;
    if (nng_http_res_alloc_error(&res, h->status) != 0) {
        return NULL;
    }
    if (answer_set_location(res, h, path, query) != 0) {
        nng_http_res_free(res);
        return NULL;
    }
    return res;
}

void nu_session_end_answer(struct nu_session *s)
{
    s->file = NULL;
    nu_session_answered(s);
}

void nu_session_abandon(struct nu_session *s)
{
    s->file = NULL;
    if (nu_session_gone(s)) {
        nu_session_close_late(s);
    } else {
        nu_session_give_up(s);
    }
}
