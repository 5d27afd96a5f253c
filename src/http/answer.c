/* SPDX-License-Identifier: MIT */
#include "http/answer.h"

#include "http/error_pages.h"
#include "http/handler.h"
#include "wire/chars.h"
#include "wire/date.h"
#include "wire/field_list.h"
#include "wire/message.h"
#include "wire/status.h"

#include <string.h>
#include <time.h>

#define COPIED 2048U /* a body up to this size is copied rather than pointed at */

/* ---- Heads -------------------------------------------------------------------------------- */

/* The Date line of this second (RFC 9110 6.6.1). */
static void answer_look_at_date(struct nu_date_line *date)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (date->second != now.tv_sec || date->text[0] == '\0') {
        char *p = stpcpy(date->text, "Date: ");
        nu_date_print(p, now.tv_sec);
        memcpy(p + NU_DATE_LEN, "\r\n", 3);
        date->second = now.tv_sec;
    }
}

/* One turn of the loop takes one look at the clock; other threads have a line of their own. */
static void answer_print_date(struct nu_service *service, struct nu_buf *text)
{
    static _Thread_local struct nu_date_line elsewhere;
    struct nu_date_line *date = &service->date;
    if (nu_loop_self() != service->loop) {
        date = &elsewhere;
        answer_look_at_date(date);
    } else if (service->date_turn != service->loop->turns) {
        service->date_turn = service->loop->turns;
        answer_look_at_date(date);
    }
    nu_buf_add(text, date->text, sizeof date->text - 1);
}

/* The Connection line that the answer in hand needs; "" when it needs none. */
static const char *answer_connection_line(const struct nu_request *r)
{
    return r->last ? "Connection: close\r\n" : r->http10 ? "Connection: keep-alive\r\n" : "";
}

/* What the server has to add to the fields that the handler has set. */
struct missing {
    bool length;
    bool connection;
};

/* What the handler says about the connection counts as much as what the request said. */
static int answer_settle_connection(struct nu_request *r, nng_http_res *res,
                                    struct missing *missing)
{
    const char *connection = nu_res_get(res, "Connection");
    nu_request_decide_last(r);
    if (connection == NULL) {
        missing->connection = true;
        return 0;
    }
    if (nu_field_list_has(connection, "close")) {
        r->last = true;
        return 0;
    }
    if (r->last) {
        return nng_http_res_set_header(res, "Connection", "close");
    }
    return r->http10 ? nng_http_res_add_header(res, "Connection", "keep-alive") : 0;
}

/*
 * A client must find the end of the response, whatever the handler has set. Nothing may follow a
 * 1xx, which is no answer: the next would be taken for it. Nor a body that the handler says is in
 * chunks, which it may be or not.
 */
static int answer_settle_length(struct nu_request *r, nng_http_res *res, struct missing *missing)
{
    unsigned status = res->status;
    char size[NU_DECIMAL_MAX + 1];
    if (status < 200 || status == NNG_HTTP_STATUS_NO_CONTENT) {
        r->last = r->last || status < 200;
        (void) nng_http_res_del_header(res, "Content-Length");    /* RFC 9110 8.6 */
        (void) nng_http_res_del_header(res, "Transfer-Encoding"); /* RFC 9112 6.1 */
        return 0;
    }
    if (!nu_status_bodiless(status) && nu_res_get(res, "Transfer-Encoding") != NULL) {
        r->last = true;
        (void) nng_http_res_del_header(res, "Content-Length"); /* RFC 9112 6.2 */
        return 0;
    }
    if (res->headers.owes_length) {
        return 0; /* it is the body's, which has set it */
    }
    const char *length = nu_res_get(res, "Content-Length");
    if (length == NULL) {
        missing->length = !nu_status_bodiless(status);
        return 0;
    }
    if (nu_status_bodiless(status) || r->file != NULL || r->bodiless) {
        return 0;
    }
    size[nu_decimal(size, res->body.size)] = '\0';
    return strcmp(length, size) == 0 ? 0 : nng_http_res_set_header(res, "Content-Length", size);
}

static inline int answer_print_head(struct nu_request *r, nng_http_res *res)
{
    struct nu_buf *text = &r->batch->text;
    struct missing missing = { false, false };
    int err = answer_settle_length(r, res, &missing);
    if (err == 0) {
        err = answer_settle_connection(r, res, &missing);
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
        nu_buf_str(text, answer_connection_line(r));
    }
    if (nu_res_get(res, "Date") == NULL) {
        answer_print_date(r->service, text);
    }
    nu_buf_add(text, "\r\n", 2);
    return nu_buf_error(text);
}

/* ---- Answers ------------------------------------------------------------------------------ */

static void answer_release_res(void *res)
{
    nng_http_res_free(res);
}

static void answer_release_handler(void *handler)
{
    nu_handler_drop(handler);
}

enum nu_step nu_answer_static(struct nu_request *r, nng_http_handler *h)
{
    struct nu_response_batch *batch = nu_request_batch(r);
    nu_request_decide_last(r);
    if (batch == NULL) {
        return NU_STEP_GIVE_UP;
    }
    struct nu_buf *text = &batch->text;
    r->status = NNG_HTTP_STATUS_OK;
    r->bytes = r->bodiless ? 0 : h->reply.len - h->head - 2; /* the blank line */
    size_t from = text->len, rest = r->bodiless ? 2 : h->reply.len - h->head;
    bool copied = h->reply.len <= COPIED;
    nu_buf_add(text, h->reply.data, h->head);
    answer_print_date(r->service, text);
    nu_buf_str(text, answer_connection_line(r));
    if (copied) {
        nu_buf_add(text, h->reply.data + h->head, rest);
    }
    if (nu_buf_error(text) != 0) {
        return NU_STEP_GIVE_UP;
    }
    nu_response_batch_add_text(batch, from);
    if (!copied) {
        if (!nu_response_batch_holds(batch, h)) {
            nu_handler_hold(h);
            nu_response_batch_hold(batch, answer_release_handler, h);
        }
        nu_response_batch_add(batch, h->reply.data + h->head, rest);
    }
    return NU_STEP_ANSWERED;
}

static inline enum nu_step answer_head(struct nu_request *r, nng_http_res *res)
{
    struct nu_response_batch *batch = nu_request_batch(r);
    if (batch == NULL) {
        return NU_STEP_GIVE_UP;
    }
    size_t from = batch->text.len;
    r->status = res->status;
    if (answer_print_head(r, res) != 0) {
        return NU_STEP_GIVE_UP;
    }
    nu_response_batch_add_text(batch, from);
    return NU_STEP_ANSWERED;
}

enum nu_step nu_answer_head(struct nu_request *r, nng_http_res *res)
{
    return answer_head(r, res);
}

/* Adds what is small to the text, so that its memory is found in the caches by the next response.
 */
static bool answer_copy_body(struct nu_response_batch *batch, const void *data, size_t size)
{
    size_t from = batch->text.len;
    if (size > COPIED || nu_buf_reserve(&batch->text, size) != 0) {
        return false;
    }
    nu_buf_add(&batch->text, data, size);
    nu_response_batch_add_text(batch, from);
    return true;
}

enum nu_step nu_answer(struct nu_request *r, nng_http_res *res, void (*release)(void *),
                       void *lender)
{
    enum nu_step step = NU_STEP_GIVE_UP;
    bool copied = true;
    if (!res->error_page || nu_error_pages_apply(r->service->pages, res) == 0) {
        step = answer_head(r, res);
    }
    r->bytes = 0;
    if (step == NU_STEP_ANSWERED && !r->bodiless && !nu_status_bodiless(res->status)) {
        r->bytes = res->body.size;
        copied = answer_copy_body(r->batch, res->body.data, res->body.size);
    }
    if (!copied) {
        nu_response_batch_add(r->batch, res->body.data, res->body.size);
        nu_response_batch_hold(r->batch, answer_release_res, res);
        if (release != NULL) {
            nu_response_batch_hold(r->batch, release, lender);
        }
        return step;
    }
    nng_http_res_free(res);
    if (release != NULL) {
        release(lender);
    }
    return step;
}

nng_http_res *nu_answer_make_error(unsigned status)
{
    nng_http_res *res;
    if (nng_http_res_alloc_error(&res, (uint16_t) status) != 0) {
        return NULL;
    }
    if (status == NNG_HTTP_STATUS_SERVICE_UNAVAILABLE ||
        status == NNG_HTTP_STATUS_TOO_MANY_REQUESTS) {
        (void) nng_http_res_set_header(res, "Retry-After", "1"); /* RFC 9110 15.6.4, 6585 4 */
    }
    return res;
}

enum nu_step nu_answer_error(struct nu_request *r, unsigned status)
{
    nng_http_res *res = nu_answer_make_error(status);
    return res != NULL ? nu_answer(r, res, NULL, NULL) : NU_STEP_GIVE_UP;
}

/* ---- Redirects ---------------------------------------------------------------------------- */

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

/* An answer that sends the client to a location, which is freed. */
static nng_http_res *answer_make_moved(struct nu_buf *location)
{
    nng_http_res *res = NULL;
    int err = nng_http_res_alloc_error(&res, NNG_HTTP_STATUS_STATUS_MOVED_PERMANENTLY);
    if (err == 0) {
        nu_buf_add(location, "", 1);
        err = nu_buf_error(location);
        err = err == 0 ? nng_http_res_set_header(res, "Location", location->data) : err;
        if (err != 0) {
            nng_http_res_free(res);
            res = NULL;
        }
    }
    nu_buf_free(location);
    return err == 0 ? res : NULL;
}

nng_http_res *nu_answer_make_directory(const char *uri, const char *path, struct nu_slice query)
{
    struct nu_buf location = { 0 };
    answer_print_path(&location, uri);
    nu_buf_str(&location, "/");
    if (strcmp(path, ".") != 0) {
        answer_print_path(&location, path);
        nu_buf_str(&location, "/");
    }
    if (query.p != NULL) {
        nu_buf_str(&location, "?");
        nu_buf_add(&location, query.p, query.n);
    }
    return answer_make_moved(&location);
}

enum nu_step nu_answer_redirect(struct nu_request *r, const nng_http_handler *h)
{
    nng_http_res *res;
    if (nng_http_res_alloc_error(&res, h->status) != 0) {
        return NU_STEP_GIVE_UP;
    }
    if (answer_set_location(res, h, r->service->path, r->service->query) != 0) {
        nng_http_res_free(res);
        return NU_STEP_GIVE_UP;
    }
    return nu_answer(r, res, NULL, NULL);
}
