/* SPDX-License-Identifier: MIT */
#include "http/handler.h"

#include "base/error.h"
#include "wire/chars.h"

#include <errno.h>
#include <fcntl.h>
#include <nng/uring.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void nu_handler_hold(nng_http_handler *handler)
{
    atomic_fetch_add_explicit(&handler->refs, 1, memory_order_relaxed);
}

void nu_handler_drop(nng_http_handler *handler)
{
    if (atomic_fetch_sub(&handler->refs, 1) > 1) {
        return;
    }
    if (handler->dtor != NULL) {
        handler->dtor(handler->data);
    }
    nu_buf_free(&handler->reply);
    free(handler->uri);
    free(handler->method);
    free(handler->host);
    free(handler->path);
    free(handler->location);
    nu_docroot_drop(handler->root.now);
    nu_directory_free(&handler->directory);
    free(handler);
}

bool nu_handler_complete(const nng_http_handler *handler)
{
    return (handler->uri[0] == '/' || handler->uri[0] == '\0') &&
           (handler->kind != NU_HANDLER_CALLBACK || handler->cb != NULL);
}

void nng_http_handler_free(nng_http_handler *handler)
{
    if (handler != NULL) {
        nu_handler_drop(handler);
    }
}

/* ---- Making ------------------------------------------------------------------------------- */

/* Replaces *field by a copy of text; NULL and "" mean none. */
static int handler_set_text(char **field, const char *text)
{
    char *copy = NULL;
    if (text != NULL && text[0] != '\0' && (copy = strdup(text)) == NULL) {
        return NNG_ENOMEM;
    }
    free(*field);
    *field = copy;
    return 0;
}

static int handler_make(nng_http_handler **handlerp, enum nu_handler_kind kind, const char *uri)
{
    nng_http_handler *handler = calloc(1, sizeof *handler);
    if (handler == NULL) {
        return NNG_ENOMEM;
    }
    atomic_init(&handler->refs, 1);
    handler->kind = kind;
    atomic_init(&handler->collect, true);
    atomic_init(&handler->collect_max, NU_BODY_MAX);
    handler->method = strdup("GET");
    handler->uri = strdup(uri != NULL ? uri : "");
    if (handler->uri == NULL || handler->method == NULL) {
        nng_http_handler_free(handler);
        return NNG_ENOMEM;
    }
    size_t len = strlen(handler->uri);
    while (len > 0 && handler->uri[len - 1] == '/') {
        handler->uri[--len] = '\0';
    }
    *handlerp = handler;
    return 0;
}

static void handler_place(nng_http_handler *handler, enum nng_uring_placement how)
{
    nu_placement_init(&handler->placement, how, handler->uri != NULL ? handler->uri : "");
}

int nng_http_handler_alloc(nng_http_handler **handlerp, const char *uri, void (*cb)(nng_aio *))
{
    int err = handler_make(handlerp, NU_HANDLER_CALLBACK, uri);
    if (err == 0) {
        (*handlerp)->cb = cb;
        handler_place(*handlerp, NNG_URING_PLACE_AUTO);
    }
    return err;
}

/* The whole response once, so that a request costs no more than pointing at it. */
static int handler_print_reply(nng_http_handler *handler, const void *data, size_t size,
                               const char *type)
{
    struct nu_buf *buf = &handler->reply;
    for (const char *c = type; *c != '\0'; c++) {
        if ((unsigned char) *c < ' ' || *c == 0x7f) {
            return NNG_EINVAL; /* it would end the header line */
        }
    }
    nu_buf_str(buf, "HTTP/1.1 200 OK\r\nContent-Type: ");
    nu_buf_str(buf, type);
    nu_buf_str(buf, "\r\nContent-Length: ");
    nu_buf_u64(buf, size);
    nu_buf_str(buf, "\r\n");
    handler->head = buf->len;
    nu_buf_str(buf, "\r\n");
    if (size > 0) {
        nu_buf_add(buf, data, size);
    }
    return nu_buf_error(buf);
}

int nng_http_handler_alloc_static(nng_http_handler **handlerp, const char *uri, const void *data,
                                  size_t size, const char *content_type)
{
    nng_http_handler *handler;
    if (data == NULL && size > 0) {
        return NNG_EINVAL;
    }
    int err = handler_make(&handler, NU_HANDLER_STATIC, uri);
    if (err != 0) {
        return err;
    }
    err = handler_print_reply(handler, data, size,
                              content_type != NULL ? content_type : "application/octet-stream");
    if (err != 0) {
        nng_http_handler_free(handler);
        return err;
    }
    *handlerp = handler;
    return 0;
}

static int handler_make_path(nng_http_handler **handlerp, enum nu_handler_kind kind,
                             const char *uri, const char *path)
{
    if (path == NULL || path[0] == '\0') {
        return NNG_EINVAL;
    }
    nng_http_handler *handler;
    int err = handler_make(&handler, kind, uri);
    if (err != 0) {
        return err;
    }
    err = handler_set_text(&handler->path, path);
    if (err != 0) {
        nng_http_handler_free(handler);
        return err;
    }
    *handlerp = handler;
    return 0;
}

int nng_http_handler_alloc_file(nng_http_handler **handlerp, const char *uri, const char *path)
{
    return handler_make_path(handlerp, NU_HANDLER_FILE, uri, path);
}

int nng_http_handler_alloc_directory(nng_http_handler **handlerp, const char *uri, const char *path)
{
    int err = handler_make_path(handlerp, NU_HANDLER_DIRECTORY, uri, path);
    if (err == 0) {
        (*handlerp)->tree = true;
        (*handlerp)->exclusive = true;
    }
    return err;
}

int nng_http_handler_alloc_redirect(nng_http_handler **handlerp, const char *uri, uint16_t status,
                                    const char *location)
{
    nng_http_handler *handler;
    if (location == NULL || !nu_chars_text(location, strlen(location)) ||
        (status != 0 && (status < 300 || status > 399))) {
        return NNG_EINVAL;
    }
    int err = handler_make(&handler, NU_HANDLER_REDIRECT, uri);
    if (err != 0) {
        return err;
    }
    handler->status = status != 0 ? status : NNG_HTTP_STATUS_STATUS_MOVED_PERMANENTLY;
    handler->location = strdup(location);
    err = handler->location == NULL ? NNG_ENOMEM : handler_set_text(&handler->method, NULL);
    if (err != 0) {
        nng_http_handler_free(handler);
        return err;
    }
    *handlerp = handler;
    return 0;
}

/* ---- Setting up --------------------------------------------------------------------------- */

int nng_http_handler_set_method(nng_http_handler *handler, const char *method)
{
    if (atomic_load(&handler->added)) {
        return NNG_EBUSY;
    }
    return handler_set_text(&handler->method, method);
}

int nng_http_handler_set_host(nng_http_handler *handler, const char *host)
{
    static const char *const any[] = { "*", "0.0.0.0", "::", "[::]" };
    if (atomic_load(&handler->added)) {
        return NNG_EBUSY;
    }
    for (size_t i = 0; i < sizeof any / sizeof any[0]; i++) {
        if (host != NULL && strcmp(host, any[i]) == 0) {
            host = NULL;
        }
    }
    return handler_set_text(&handler->host, host);
}

int nng_uring_handler_set_placement(nng_http_handler *handler, enum nng_uring_placement how)
{
    if ((unsigned) how > NNG_URING_PLACE_WORKERS) {
        return NNG_EINVAL;
    }
    if (atomic_load(&handler->added)) {
        return NNG_EBUSY;
    }
    handler_place(handler, how);
    return 0;
}

int nng_http_handler_set_tree(nng_http_handler *handler)
{
    if (atomic_load(&handler->added)) {
        return NNG_EBUSY;
    }
    handler->tree = true;
    handler->exclusive = false;
    return 0;
}

int nng_http_handler_set_tree_exclusive(nng_http_handler *handler)
{
    if (atomic_load(&handler->added)) {
        return NNG_EBUSY;
    }
    handler->tree = true;
    handler->exclusive = true;
    return 0;
}

/* Also when it was added. Requests that are under way may see the one and not yet the other. */
int nng_http_handler_collect_body(nng_http_handler *handler, bool want, size_t max)
{
    atomic_store(&handler->collect_max, max);
    atomic_store(&handler->collect, want);
    return 0;
}

int nng_uring_handler_set_current_types(nng_http_handler *handler, bool on)
{
    if (handler->kind != NU_HANDLER_FILE && handler->kind != NU_HANDLER_DIRECTORY) {
        return NNG_EINVAL;
    }
    if (atomic_load(&handler->added)) {
        return NNG_EBUSY;
    }
    handler->current_types = on;
    return 0;
}

int nng_uring_handler_set_slash_redirects(nng_http_handler *handler, bool on)
{
    if (handler->kind != NU_HANDLER_FILE && handler->kind != NU_HANDLER_DIRECTORY) {
        return NNG_EINVAL;
    }
    if (atomic_load(&handler->added)) {
        return NNG_EBUSY;
    }
    handler->slash_redirects = on;
    return 0;
}

/* 0, or why the handler's directory cannot be set up. */
static int handler_check_directory(const nng_http_handler *handler)
{
    if (handler->kind != NU_HANDLER_DIRECTORY) {
        return NNG_EINVAL;
    }
    return atomic_load(&handler->added) ? NNG_EBUSY : 0;
}

int nng_uring_handler_set_precompressed(nng_http_handler *handler, bool on)
{
    int err = handler_check_directory(handler);
    if (err == 0) {
        handler->directory.precompressed = on;
    }
    return err;
}

int nng_uring_handler_set_listing(nng_http_handler *handler, bool on)
{
    int err = handler_check_directory(handler);
    if (err == 0) {
        handler->directory.listing = on;
    }
    return err;
}

int nng_uring_handler_set_fallback(nng_http_handler *handler, const char *name)
{
    int err = handler_check_directory(handler);
    return err != 0 ? err : nu_directory_set_fallback(&handler->directory, name);
}

int nng_uring_handler_add_cache_rule(nng_http_handler *handler, const char *pattern,
                                     const char *value)
{
    int err = handler_check_directory(handler);
    return err != 0 ? err : nu_directory_add_cache_rule(&handler->directory, pattern, value);
}

int nng_uring_handler_add_origin(nng_http_handler *handler, const char *origin)
{
    int err = handler_check_directory(handler);
    return err != 0 ? err : nu_directory_add_origin(&handler->directory, origin);
}

int nng_http_handler_set_data(nng_http_handler *handler, void *data, void (*dtor)(void *))
{
    if (atomic_load(&handler->added)) {
        return NNG_EBUSY;
    }
    handler->data = data;
    handler->dtor = dtor;
    return 0;
}

void *nng_http_handler_get_data(nng_http_handler *handler)
{
    return handler->data;
}
