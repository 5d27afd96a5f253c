/* SPDX-License-Identifier: MIT */
#include "wire/message.h"

#include "base/freelist.h"
#include "wire/chars.h"
#include "wire/scheme.h"
#include "wire/status.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A string that is not ours to write to; a later set takes memory for its own. */
#define LITERAL(text) ((struct nu_string){ (char *) (text), 0 })

#define VERSION_LEN 8 /* bytes of "HTTP/1.1", which all versions have */

#define KEEP_PRINTED 8192 /* bytes of a printed head that a reset keeps room for */

static const char versions[10][9] = { "HTTP/1.0", "HTTP/1.1", "HTTP/1.2", "HTTP/1.3", "HTTP/1.4",
                                      "HTTP/1.5", "HTTP/1.6", "HTTP/1.7", "HTTP/1.8", "HTTP/1.9" };

/* A message of the usual size is one block. */
struct whole_req {
    nng_http_req req;
    struct nu_headers_room room;
};

struct whole_res {
    nng_http_res res;
    struct nu_headers_room room;
};

static int message_version_set(struct nu_headers *headers, struct nu_string *string,
                               const char *version)
{
    if (version == NULL) {
        *string = LITERAL("HTTP/1.1");
        return 0;
    }
    size_t n = strlen(version);
    if (n != VERSION_LEN || memcmp(version, "HTTP/", 5) != 0 || version[5] < '0' ||
        version[5] > '9' || version[6] != '.' || version[7] < '0' || version[7] > '9') {
        return NNG_EINVAL;
    }
    return nu_arena_set(&headers->text, string, version, n);
}

/* ---- Printing ----------------------------------------------------------------------------- */

static void message_printed_init(struct nu_printed *printed)
{
    printed->head = (struct nu_buf){ 0 };
    printed->niov = 0;
    printed->total = 0;
}

/* A message in reuse does not allocate, nor hoard. */
static void message_printed_reset(struct nu_printed *printed)
{
    if (printed->head.cap > KEEP_PRINTED) {
        nu_buf_free(&printed->head);
    }
    nu_buf_reset(&printed->head);
    printed->niov = 0;
    printed->total = 0;
}

static void message_line_up(struct nu_printed *printed, const struct nu_body *body, bool with_body)
{
    printed->iov[0] = (struct iovec){ printed->head.data, printed->head.len };
    printed->iov[1] = (struct iovec){ body->data, with_body ? body->size : 0 };
    printed->niov = printed->iov[1].iov_len > 0 ? 2 : 1;
    printed->total = printed->iov[0].iov_len + printed->iov[1].iov_len;
}

/* ---- Requests ----------------------------------------------------------------------------- */

static void message_req_init(nng_http_req *req)
{
    req->method = LITERAL("GET");
    req->uri = LITERAL("");
    req->version = LITERAL("HTTP/1.1");
}

int nu_req_set_host(nng_http_req *req, const nng_url *url)
{
    struct nu_buf buf = { 0 };
    struct nu_scheme scheme = nu_scheme_find(url->u_scheme);
    /* A path is no host that servers take (RFC 9110 7.2); this one they do. */
    const char *name = scheme.family == AF_UNIX ? "localhost" : url->u_hostname;
    bool colon = strchr(name, ':') != NULL;

    nu_buf_str(&buf, colon ? "[" : "");
    nu_buf_add(&buf, name, colon ? strcspn(name, "%") : strlen(name));
    nu_buf_str(&buf, colon ? "]" : "");
    if (*name != '\0' && strcmp(url->u_port, scheme.port) != 0) {
        nu_buf_str(&buf, ":");
        nu_buf_str(&buf, url->u_port);
    }
    nu_buf_add(&buf, "", 1);
    int rv = nu_buf_error(&buf);
    if (rv == 0) {
        rv = nu_headers_set(&req->headers, "Host", buf.data);
    }
    nu_buf_free(&buf);
    return rv;
}

static int message_set_url(nng_http_req *req, const nng_url *url)
{
    if (url->u_requri == NULL || url->u_hostname == NULL || url->u_port == NULL) {
        return NNG_EINVAL;
    }
    size_t n = strcspn(url->u_requri, "#");
    char *to = nu_arena_take(&req->headers.text, n + 2);
    if (to == NULL) {
        return NNG_ENOMEM;
    }
    req->uri = (struct nu_string){ to, n + 2 };
    if (url->u_requri[0] != '/') {
        *to++ = '/';
    }
    memcpy(to, url->u_requri, n);
    to[n] = '\0';
    return nu_req_set_host(req, url);
}

int nng_http_req_alloc(nng_http_req **reqp, const nng_url *url)
{
    struct whole_req *whole = nu_freelist_take(sizeof(*whole));
    int rv = 0;

    if (whole == NULL) {
        return NNG_ENOMEM;
    }
    nng_http_req *req = &whole->req;
    nu_headers_lend(&req->headers, &whole->room);
    req->body = (struct nu_body){ 0 };
    message_printed_init(&req->printed);
    req->progress = (struct nu_head_progress){ 0 };
    message_req_init(req);
    if (url != NULL) {
        rv = message_set_url(req, url);
    }
    if (rv != 0) {
        nng_http_req_free(req);
        return rv;
    }
    *reqp = req;
    return 0;
}

void nng_http_req_free(nng_http_req *req)
{
    if (req != NULL) {
        nu_body_drop(&req->body);
        nu_buf_free(&req->printed.head);
        nu_headers_free(&req->headers);
        nu_freelist_give(req, sizeof(struct whole_req));
    }
}

void nng_http_req_reset(nng_http_req *req)
{
    nu_body_drop(&req->body);
    nu_headers_reset(&req->headers);
    message_printed_reset(&req->printed);
    message_req_init(req);
}

const char *nng_http_req_get_method(nng_http_req *req)
{
    return req->method.p;
}

const char *nng_http_req_get_version(nng_http_req *req)
{
    return req->version.p;
}

const char *nng_http_req_get_uri(nng_http_req *req)
{
    return req->uri.p;
}

int nng_http_req_set_method(nng_http_req *req, const char *method)
{
    if (method == NULL) {
        req->method = LITERAL("GET");
        return 0;
    }
    size_t n = strlen(method);
    if (n == 0 || !nu_chars_all(method, n, NU_CHAR_TOKEN)) {
        return NNG_EINVAL;
    }
    return nu_arena_set(&req->headers.text, &req->method, method, n);
}

int nng_http_req_set_version(nng_http_req *req, const char *version)
{
    return message_version_set(&req->headers, &req->version, version);
}

int nng_http_req_set_uri(nng_http_req *req, const char *uri)
{
    if (uri == NULL) {
        req->uri = LITERAL("");
        return 0;
    }
    size_t n = strlen(uri);
    if (memchr(uri, '\t', n) != NULL || !nu_chars_text(uri, n)) {
        return NNG_EINVAL; /* the rest has an escape, see message_print_target() */
    }
    return nu_arena_set(&req->headers.text, &req->uri, uri, n);
}

const char *nng_http_req_get_header(nng_http_req *req, const char *name)
{
    return nu_headers_get(&req->headers, name);
}

int nng_http_req_set_header(nng_http_req *req, const char *name, const char *value)
{
    return nu_headers_set(&req->headers, name, value);
}

int nng_http_req_add_header(nng_http_req *req, const char *name, const char *value)
{
    return nu_headers_add(&req->headers, name, value);
}

int nng_http_req_del_header(nng_http_req *req, const char *name)
{
    return nu_headers_del(&req->headers, name);
}

int nng_http_req_set_data(nng_http_req *req, const void *data, size_t size)
{
    return nu_body_set(&req->body, &req->headers, (void *) data, size, NU_BODY_LENT);
}

int nng_http_req_copy_data(nng_http_req *req, const void *data, size_t size)
{
    return nu_body_copy(&req->body, &req->headers, data, size);
}

int nu_req_give_data(nng_http_req *req, void *data, size_t size)
{
    return nu_body_set(&req->body, &req->headers, data, size, NU_BODY_OWNED);
}

void nng_http_req_get_data(nng_http_req *req, void **datap, size_t *sizep)
{
    *datap = req->body.data;
    *sizep = req->body.size;
}

/* Copies the text of a head from `from` on; what is behind the last field is not needed. */
static char *message_copy_head(struct nu_headers *headers, const struct nu_head *head,
                               const char *from, const char *end)
{
    if (head->nfields > 0) {
        struct nu_slice last = head->fields[head->nfields - 1].value;
        end = last.p + last.n;
    }
    size_t n = (size_t) (end - from);
    char *copy = nu_arena_take(&headers->text, n + 1);
    if (copy != NULL) {
        memcpy(copy, from, n);
        copy[n] = '\0';
    }
    return copy;
}

int nu_req_load(nng_http_req *req, const struct nu_head *head)
{
    const char *from = head->method.p;
    const char *end = head->target.p + head->target.n;
    char *copy = message_copy_head(&req->headers, head, from, end);

    if (copy == NULL) {
        return NNG_ENOMEM;
    }
    req->method = (struct nu_string){ copy, head->method.n + 1 };
    req->uri = (struct nu_string){ copy + (head->target.p - from), head->target.n + 1 };
    req->version = LITERAL(versions[head->minor]);
    req->method.p[head->method.n] = '\0';
    req->uri.p[head->target.n] = '\0';
    return nu_headers_load(&req->headers, copy, from, head->fields, head->nfields);
}

/* RFC 3986 has no space, no '\' and no byte above 127 in a URI, and RFC 9112 3.2 no fragment in a
 * target. */
static void message_print_target(const char *uri, struct nu_buf *buf)
{
    static const char hex[] = "0123456789ABCDEF";

    if (*uri == '\0' || *uri == '?' || *uri == '#') {
        nu_buf_add(buf, "/", 1);
    }
    for (size_t n = strcspn(uri, "#"); n > 0;) {
        size_t plain = nu_chars_span(uri, n, NU_CHAR_TARGET);
        const char *backslash = memchr(uri, '\\', plain);
        plain = backslash != NULL ? (size_t) (backslash - uri) : plain;
        nu_buf_add(buf, uri, plain);
        uri += plain;
        n -= plain;
        if (n > 0) {
            char escape[3] = { '%', hex[(unsigned char) *uri >> 4], hex[*uri & 15] };
            nu_buf_add(buf, escape, 3);
            uri++;
            n--;
        }
    }
}

int nu_req_print(const nng_http_req *req, struct nu_buf *buf)
{
    nu_buf_str(buf, req->method.p);
    nu_buf_add(buf, " ", 1);
    message_print_target(req->uri.p, buf);
    nu_buf_add(buf, " ", 1);
    nu_buf_add(buf, req->version.p, VERSION_LEN);
    nu_buf_add(buf, "\r\n", 2);
    nu_headers_print(&req->headers, buf);
    nu_buf_add(buf, "\r\n", 2);
    return nu_buf_error(buf);
}

int nu_req_finalize(nng_http_req *req)
{
    if (req->uri.p[0] == '\0') {
        return NNG_EINVAL;
    }
    nu_buf_reset(&req->printed.head);
    int rv = nu_req_print(req, &req->printed.head);
    if (rv == 0) {
        message_line_up(&req->printed, &req->body, true);
    }
    return rv;
}

/* ---- Responses ---------------------------------------------------------------------------- */

static void message_res_init(nng_http_res *res)
{
    res->version = LITERAL(versions[1]);
    res->reason = LITERAL(NULL);
    res->status = NNG_HTTP_STATUS_OK;
    res->error_page = false;
}

int nng_http_res_alloc(nng_http_res **resp)
{
    struct whole_res *whole = nu_freelist_take(sizeof(*whole));

    if (whole == NULL) {
        return NNG_ENOMEM;
    }
    nng_http_res *res = &whole->res;
    nu_headers_lend(&res->headers, &whole->room);
    res->body = (struct nu_body){ 0 };
    message_printed_init(&res->printed);
    res->progress = (struct nu_head_progress){ 0 };
    message_res_init(res);
    *resp = res;
    return 0;
}

int nng_http_res_alloc_error(nng_http_res **resp, uint16_t status)
{
    nng_http_res *res;
    int rv = nng_http_res_alloc(&res);

    if (rv != 0) {
        return rv;
    }
    rv = nu_res_set_error(res, status);
    if (rv != 0) {
        nng_http_res_free(res);
        return rv;
    }
    *resp = res;
    return 0;
}

int nu_res_set_error(nng_http_res *res, uint16_t status)
{
    const char *reason = nu_status_reason(status);
    struct nu_buf title = { 0 };
    struct nu_buf page = { 0 };
    int rv = status < 100 || status > 999 ? NNG_EINVAL : 0;

    nu_buf_u64(&title, status);
    nu_buf_str(&title, " ");
    nu_buf_str(&title, reason);
    nu_buf_str(&page, "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>");
    nu_buf_add(&page, title.data, title.len);
    nu_buf_str(&page, "</title>\n<h1>");
    nu_buf_add(&page, title.data, title.len);
    nu_buf_str(&page, "</h1>\n</html>\n");
    if (rv == 0 && (nu_buf_error(&title) != 0 || nu_buf_error(&page) != 0)) {
        rv = NNG_ENOMEM;
    }
    nu_buf_free(&title);
    if (rv == 0) {
        rv = nu_headers_set(&res->headers, "Content-Type", "text/html; charset=utf-8");
    }
    if (rv == 0) {
        rv = nu_res_give_data(res, page.data, page.len);
        page = (struct nu_buf){ 0 };
    }
    nu_buf_free(&page);
    if (rv == 0) {
        res->status = status;
        res->reason = LITERAL(NULL);
        res->error_page = true;
    }
    return rv;
}

void nng_http_res_free(nng_http_res *res)
{
    if (res != NULL) {
        nu_body_drop(&res->body);
        nu_buf_free(&res->printed.head);
        nu_headers_free(&res->headers);
        nu_freelist_give(res, sizeof(struct whole_res));
    }
}

void nng_http_res_reset(nng_http_res *res)
{
    nu_body_drop(&res->body);
    nu_headers_reset(&res->headers);
    message_printed_reset(&res->printed);
    message_res_init(res);
}

uint16_t nng_http_res_get_status(nng_http_res *res)
{
    return res->status;
}

int nng_http_res_set_status(nng_http_res *res, uint16_t status)
{
    if (status < 100 || status > 999) {
        return NNG_EINVAL;
    }
    res->status = status;
    return 0;
}

const char *nng_http_res_get_reason(nng_http_res *res)
{
    return res->reason.p != NULL ? res->reason.p : nu_status_reason(res->status);
}

int nng_http_res_set_reason(nng_http_res *res, const char *reason)
{
    if (reason == NULL) {
        res->reason = LITERAL(NULL);
        return 0;
    }
    size_t n = strlen(reason);
    if (!nu_chars_text(reason, n)) {
        return NNG_EINVAL;
    }
    return nu_arena_set(&res->headers.text, &res->reason, reason, n);
}

const char *nng_http_res_get_version(nng_http_res *res)
{
    return res->version.p;
}

int nng_http_res_set_version(nng_http_res *res, const char *version)
{
    return message_version_set(&res->headers, &res->version, version);
}

const char *nng_http_res_get_header(nng_http_res *res, const char *name)
{
    return nu_headers_get(&res->headers, name);
}

int nng_http_res_set_header(nng_http_res *res, const char *name, const char *value)
{
    return nu_headers_set(&res->headers, name, value);
}

int nng_http_res_add_header(nng_http_res *res, const char *name, const char *value)
{
    return nu_headers_add(&res->headers, name, value);
}

int nng_http_res_del_header(nng_http_res *res, const char *name)
{
    return nu_headers_del(&res->headers, name);
}

int nng_http_res_set_data(nng_http_res *res, const void *data, size_t size)
{
    int rv = nu_body_set(&res->body, &res->headers, (void *) data, size, NU_BODY_LENT);

    res->error_page = res->error_page && rv != 0;
    return rv;
}

int nng_http_res_copy_data(nng_http_res *res, const void *data, size_t size)
{
    int rv = nu_body_copy(&res->body, &res->headers, data, size);

    res->error_page = res->error_page && rv != 0;
    return rv;
}

int nu_res_give_data(nng_http_res *res, void *data, size_t size)
{
    int rv = nu_body_set(&res->body, &res->headers, data, size, NU_BODY_OWNED);

    res->error_page = res->error_page && rv != 0;
    return rv;
}

void nng_http_res_get_data(nng_http_res *res, void **datap, size_t *sizep)
{
    *datap = res->body.data;
    *sizep = res->body.size;
}

int nu_res_load(nng_http_res *res, const struct nu_head *head)
{
    const char *from = head->reason.p;
    char *copy = message_copy_head(&res->headers, head, from, from + head->reason.n);

    if (copy == NULL) {
        return NNG_ENOMEM;
    }
    if (head->folded) {
        nu_fields_unfold(head->fields, head->nfields, copy, from);
    }
    res->reason = (struct nu_string){ copy, head->reason.n + 1 };
    res->reason.p[head->reason.n] = '\0';
    res->status = (uint16_t) head->status;
    res->version = LITERAL(versions[head->minor]);
    return nu_headers_load(&res->headers, copy, from, head->fields, head->nfields);
}

/* "HTTP/1.1 200 OK" CRLF, mostly just that. A status has three digits. */
static void message_print_status_line(const nng_http_res *res, struct nu_buf *buf)
{
    if (res->status == NNG_HTTP_STATUS_OK && res->reason.p == NULL &&
        res->version.p == versions[1]) {
        nu_buf_str(buf, "HTTP/1.1 200 OK\r\n");
        return;
    }
    const char *reason = res->reason.p != NULL ? res->reason.p : nu_status_reason(res->status);
    size_t n = strlen(reason);

    if (nu_buf_reserve(buf, VERSION_LEN + 5 + n + 2) != 0) {
        return;
    }
    char *p = mempcpy(buf->data + buf->len, res->version.p, VERSION_LEN);
    *p++ = ' ';
    *p++ = (char) ('0' + res->status / 100);
    *p++ = (char) ('0' + res->status / 10 % 10);
    *p++ = (char) ('0' + res->status % 10);
    *p++ = ' ';
    p = mempcpy(p, reason, n);
    *p++ = '\r';
    *p = '\n';
    buf->len += VERSION_LEN + 5 + n + 2;
}

void nu_res_print_fields(const nng_http_res *res, struct nu_buf *buf)
{
    message_print_status_line(res, buf);
    nu_headers_print(&res->headers, buf);
}

int nu_res_print(const nng_http_res *res, struct nu_buf *buf)
{
    nu_res_print_fields(res, buf);
    nu_buf_add(buf, "\r\n", 2);
    return nu_buf_error(buf);
}

int nu_res_finalize(nng_http_res *res)
{
    nu_buf_reset(&res->printed.head);
    int rv = nu_res_print(res, &res->printed.head);
    if (rv == 0) {
        message_line_up(&res->printed, &res->body, !nu_status_bodiless(res->status));
    }
    return rv;
}
