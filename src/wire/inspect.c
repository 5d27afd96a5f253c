/* SPDX-License-Identifier: MIT */
/* What a handler may want to know of a message: its fields one by one, and its target decoded. */
#include "wire/chars.h"
#include "wire/message.h"
#include "wire/url.h"

#include <nng/uring.h>

#include <string.h>

/* The cursor is the number of the entry to look at next. */
static bool inspect_next(struct nu_headers *list, const char **name, const char **value,
                         void **cursor)
{
    unsigned iter = (unsigned) (uintptr_t) *cursor;
    struct nu_field field;
    if (!nu_headers_next(list, &iter, &field)) {
        return false;
    }
    *name = field.name.p;
    *value = field.value.p;
    *cursor = (void *) (uintptr_t) iter;
    return true;
}

bool nng_uring_req_next_header(nng_http_req *req, const char **name, const char **value,
                               void **cursor)
{
    return inspect_next(&req->headers, name, value, cursor);
}

bool nng_uring_res_next_header(nng_http_res *res, const char **name, const char **value,
                               void **cursor)
{
    return inspect_next(&res->headers, name, value, cursor);
}

int nng_uring_req_get_path(nng_http_req *req, char *path, size_t room)
{
    const char *uri = nng_http_req_get_uri(req);
    struct nu_slice query;
    size_t n;
    return nu_target_decode(uri, strlen(uri), path, room, &n, &query);
}

/* Goes on by one decoded byte; -1 for what is malformed. */
static int inspect_form_byte(const char **p, const char *end)
{
    char c = *(*p)++;
    if (c != '%') {
        return c == '+' ? ' ' : (unsigned char) c;
    }
    int value = end - *p < 2 ? -1 : nu_chars_hex((*p)[0], (*p)[1]);
    *p += 2;
    return value > 0 ? value : -1;
}

/* Whether the text, decoded, is that name. */
static bool inspect_is(const char *p, const char *end, const char *name)
{
    while (p < end) {
        if (*name == '\0' || inspect_form_byte(&p, end) != (unsigned char) *name++) {
            return false;
        }
    }
    return *name == '\0';
}

static int inspect_decode(const char *p, const char *end, char *value, size_t room)
{
    size_t n = 0;
    while (p < end) {
        int byte = inspect_form_byte(&p, end);
        if (byte < 0) {
            return NNG_EINVAL;
        }
        if (n + 1 < room) {
            value[n] = (char) byte;
        }
        n++;
    }
    if (n >= room) {
        return NNG_EMSGSIZE;
    }
    value[n] = '\0';
    return 0;
}

int nng_uring_req_get_query(nng_http_req *req, const char *name, char *value, size_t room)
{
    const char *uri = nng_http_req_get_uri(req);
    size_t until = strcspn(uri, "?#");
    const char *end = uri + until + strcspn(uri + until, "#");
    for (const char *p = uri + until; p < end;) {
        const char *next = memchr(p + 1, '&', (size_t) (end - p - 1));
        next = next != NULL ? next : end;
        const char *equals = memchr(p + 1, '=', (size_t) (next - p - 1));
        if (inspect_is(p + 1, equals != NULL ? equals : next, name)) {
            return inspect_decode(equals != NULL ? equals + 1 : next, next, value, room);
        }
        p = next;
    }
    return NNG_ENOENT;
}
