/* SPDX-License-Identifier: MIT */
#include "http/dispatch.h"

#include "http/answer.h"
#include "http/exchange.h"
#include "http/file.h"
#include "http/handler.h"
#include "http/report.h"
#include "http/router.h"
#include "wire/field_list.h"
#include "wire/message.h"
#include "wire/url.h"

#include <stdio.h>
#include <string.h>

#define ALLOW_ROOM 512

static bool dispatch_is(struct nu_slice slice, const char *text)
{
    return slice.n == strlen(text) && memcmp(slice.p, text, slice.n) == 0;
}

/* What the target means to us, to service->path and query. 0, or the status to answer with. */
static unsigned dispatch_find_path(struct nu_service *service, const struct nu_head *head)
{
    size_t len;
    if (dispatch_is(head->target, "*") && dispatch_is(head->method, "OPTIONS")) {
        return NNG_HTTP_STATUS_NO_CONTENT;
    }
    if (dispatch_is(head->method, "CONNECT") || dispatch_is(head->target, "*")) {
        return NNG_HTTP_STATUS_NOT_IMPLEMENTED; /* no proxy is here, and * is no resource */
    }
    return nu_target_decode(head->target.p, head->target.n, service->path, sizeof service->path,
                            &len, &service->query) == 0
               ? 0
               : NNG_HTTP_STATUS_BAD_REQUEST;
}

/* The methods that handlers for the path take; those of any handler for "*". */
static void dispatch_print_allow(const struct nu_router *router, const struct nu_service *service,
                                 const struct nu_head *head, char allow[ALLOW_ROOM])
{
    static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH" };
    if (!dispatch_is(head->target, "*")) {
        nu_router_allow(router, head->host, service->path, allow, ALLOW_ROOM);
        return;
    }
    size_t at = 0;
    allow[0] = '\0';
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        const char *as = i == 1 ? methods[0] : methods[i]; /* who takes GET takes HEAD */
        if (nu_router_knows(router, (struct nu_slice){ as, strlen(as) })) {
            at += (size_t) snprintf(allow + at, ALLOW_ROOM - at, "%s%s", at > 0 ? ", " : "",
                                    methods[i]);
        }
    }
}

/* A page of another origin may read this, and asks what it may ask for: the handler for files says
 * so. */
static int dispatch_set_origin(struct nu_request *r, const struct nu_head *head, nng_http_res *res,
                               bool options, const char *allow)
{
    unsigned status;
    const struct nu_slice get = { "GET", 3 };
    const nng_http_handler *h = dispatch_is(head->target, "*")
                                    ? NULL
                                    : nu_router_find(nu_service_router(r->service), get, head->host,
                                                     r->service->path, &status);
    if (h == NULL) {
        return 0;
    }
    return options ? nu_directory_set_preflight(&h->directory, res, head, allow)
                   : nu_directory_set_origin(&h->directory, res, head);
}

/* A response that has an Allow field (RFC 9110 9.3.7, 10.2.1, 15.5.6). */
static enum nu_step dispatch_answer_allow(struct nu_request *r, const struct nu_head *head,
                                          bool options)
{
    char allow[ALLOW_ROOM + sizeof ", OPTIONS"];
    nng_http_res *res;
    int err = options ? nng_http_res_alloc(&res)
                      : nng_http_res_alloc_error(&res, NNG_HTTP_STATUS_METHOD_NOT_ALLOWED);
    if (err != 0) {
        return NU_STEP_GIVE_UP;
    }
    dispatch_print_allow(nu_service_router(r->service), r->service, head, allow);
    if (!nu_field_list_has(allow, "OPTIONS")) { /* which is answered here, unless by a handler */
        size_t at = strlen(allow);
        (void) snprintf(allow + at, sizeof allow - at, "%sOPTIONS", at > 0 ? ", " : "");
    }
    if (options) {
        err = nng_http_res_set_status(res, NNG_HTTP_STATUS_NO_CONTENT);
    }
    err = err == 0 ? dispatch_set_origin(r, head, res, options, allow) : err;
    if (err != 0 || nng_http_res_set_header(res, "Allow", allow) != 0) {
        nng_http_res_free(res);
        return NU_STEP_GIVE_UP;
    }
    return nu_answer(r, res, NULL, NULL);
}

/* Nobody answers this; the response says why, and what would have been answered. */
static enum nu_step dispatch_answer_nobody(struct nu_request *r, const struct nu_head *head,
                                           unsigned status)
{
    const struct nu_router *router = nu_service_router(r->service);
    bool options = dispatch_is(head->method, "OPTIONS");
    if (status != NNG_HTTP_STATUS_BAD_REQUEST && !head->known && !options &&
        !nu_router_knows(router, head->method)) {
        status = NNG_HTTP_STATUS_NOT_IMPLEMENTED; /* RFC 9110 9.1 */
    }
    r->last = r->last || status == NNG_HTTP_STATUS_BAD_REQUEST;
    if (status != NNG_HTTP_STATUS_METHOD_NOT_ALLOWED && status != NNG_HTTP_STATUS_NO_CONTENT) {
        return nu_answer_error(r, status);
    }
    return dispatch_answer_allow(r, head, options);
}

static enum nu_step dispatch_call(struct nu_request *r, nng_http_handler *h,
                                  const struct nu_head *head)
{
    bool wanted =
        atomic_load_explicit(&h->collect, memory_order_relaxed) && nu_body_reader_unread(&r->body);
    if (wanted && !r->body.chunked &&
        r->body.left > atomic_load_explicit(&h->collect_max, memory_order_relaxed)) {
        return nu_answer_error(r, NNG_HTTP_STATUS_PAYLOAD_TOO_LARGE);
    }
    r->exchange = nu_exchange_new(r, h, head);
    if (r->exchange == NULL) {
        return nu_answer_error(r, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
    }
    return wanted ? NU_STEP_COLLECT : NU_STEP_CALL;
}

/* Its answer does not depend on the path, which has led to it, nor on the query. */
static bool dispatch_is_pathless(const nng_http_handler *h)
{
    return h->kind == NU_HANDLER_CALLBACK || h->kind == NU_HANDLER_STATIC;
}

/* The handler and, if that has to do with it, the path and the query: of a head that comes again
 * they stand, if no other has come between. */
static nng_http_handler *dispatch_find(struct nu_service *service, const struct nu_head *head,
                                       unsigned *status)
{
    const struct nu_router *router = nu_service_router(service);
    struct nu_known_route *known = &service->known[head->same % NU_KNOWN_ROUTES];
    struct nu_slice *query = &service->query;
    if (head->same != 0 && head->same == known->head && router->number == known->router &&
        (dispatch_is_pathless(known->handler) || service->path_of == head->same)) {
        query->p = known->query > 0 ? head->target.p + known->query : NULL;
        return known->handler;
    }
    known->head = 0;
    service->path_of = 0;
    *status = dispatch_find_path(service, head);
    if (*status != 0) {
        return NULL;
    }
    nng_http_handler *h = nu_router_find(router, head->method, head->host, service->path, status);
    if (h != NULL) {
        size_t at = query->p != NULL ? (size_t) (query->p - head->target.p) : 0;
        *known = (struct nu_known_route){ head->same, router->number, h, at };
        service->path_of = head->same;
    }
    return h;
}

enum nu_step nu_dispatch(struct nu_request *r, const struct nu_head *head, bool alone)
{
    unsigned status = 0;
    nng_http_handler *h = dispatch_find(r->service, head, &status);
    nu_request_begin(r, head, alone);
    if (h == NULL) {
        return dispatch_answer_nobody(r, head, status);
    }
    switch (h->kind) {
    case NU_HANDLER_STATIC:
        return nu_answer_static(r, h);
    case NU_HANDLER_CALLBACK:
        return dispatch_call(r, h, head);
    case NU_HANDLER_REDIRECT:
        return nu_answer_redirect(r, h);
    default:
        return nu_file_start(r, h, head);
    }
}

enum nu_step nu_dispatch_deny(struct nu_request *r, const struct nu_head *head, bool alone,
                              unsigned status)
{
    nu_request_begin(r, head, alone);
    return nu_answer_error(r, status);
}

enum nu_step nu_dispatch_refuse(struct nu_request *r, unsigned status)
{
    nu_report_begin(r, NULL, NULL, NULL); /* unless its head was good */
    if (r->exchange != NULL) {
        nu_exchange_end(r->exchange);
        r->exchange = NULL;
    } else {
        r->http10 = false;
        r->bodiless = false;
    }
    r->last = true;
    return nu_answer_error(r, status);
}
