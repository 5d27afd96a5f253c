/* SPDX-License-Identifier: MIT */
#include "ws/ws_endpoint.h"

#include "base/buf.h"
#include "wire/ws_deflate.h"

#include <nng/supplemental/http/http.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void nu_ws_endpoint_init(struct nu_ws_endpoint *endpoint)
{
    endpoint->settings = (struct nu_ws_settings){
        .send_frame = (size_t) 64 * 1024,
        .recv_frame = (size_t) 1024 * 1024,
        .recv_message = (size_t) 1024 * 1024,
        .fragments = (size_t) 128 * 1024,
        .queued = (size_t) 256 * 1024,
        .handshake = 10000,
        .close = 2000,
        .pong = 10000,
        .deflate_context = true,
        .deflate_window = NU_WS_WINDOW_MAX,
        .deflate_memory = (size_t) 384 * 1024,
    };
}

static void ws_endpoint_free_header(struct nu_ws_header *header)
{
    free(header->name);
    free(header->value);
    free(header);
}

void nu_ws_endpoint_fini(struct nu_ws_endpoint *endpoint)
{
    while (endpoint->headers != NULL) {
        struct nu_ws_header *header = endpoint->headers;
        endpoint->headers = header->next;
        ws_endpoint_free_header(header);
    }
    free(endpoint->protocols);
}

int nu_ws_endpoint_look(struct nu_ws_endpoint *endpoint, struct nu_ws_settings *settings,
                        char **protocols)
{
    nu_lock(&endpoint->lock);
    *settings = endpoint->settings;
    *protocols = endpoint->protocols != NULL ? strdup(endpoint->protocols) : NULL;
    bool failed = endpoint->protocols != NULL && *protocols == NULL;
    nu_unlock(&endpoint->lock);
    return failed ? NNG_ENOMEM : 0;
}

struct nu_ws_deflate nu_ws_deflate_wish(const struct nu_ws_settings *settings)
{
    int bits = nu_ws_deflate_window(settings->deflate_window, settings->deflate_memory);
    return (struct nu_ws_deflate){ .on = settings->deflate && bits > 0,
                                   .server_no_context = !settings->deflate_context,
                                   .client_no_context = !settings->deflate_context,
                                   .server_bits = bits,
                                   .client_bits = bits };
}

int nu_ws_endpoint_put_headers(struct nu_ws_endpoint *endpoint,
                               int (*set)(void *message, const char *name, const char *value),
                               void *message)
{
    int err = 0;
    nu_lock(&endpoint->lock);
    for (struct nu_ws_header *h = endpoint->headers; h != NULL && err == 0; h = h->next) {
        err = set(message, h->name, h->value);
    }
    nu_unlock(&endpoint->lock);
    return err;
}

/* ---- Options ------------------------------------------------------------------------------ */

/* What each type may be. */
static bool ws_endpoint_good_bool(bool value)
{
    (void) value;
    return true;
}

static bool ws_endpoint_good_size(size_t value)
{
    return value <= UINT32_MAX;
}

static bool ws_endpoint_good_ms(nng_duration value)
{
    return value >= 0;
}

/* The one there is is a window. */
static bool ws_endpoint_good_int(int value)
{
    return value >= NU_WS_WINDOW_MIN && value <= NU_WS_WINDOW_MAX;
}

#define GOOD_BOOL ws_endpoint_good_bool
#define GOOD_INT ws_endpoint_good_int
#define GOOD_SIZE ws_endpoint_good_size
#define GOOD_MS ws_endpoint_good_ms

#define DEFINE(option, type, member, field)                                                        \
    int nu_ws_get_##field(void *object, union nu_option_value *value)                              \
    {                                                                                              \
        struct nu_ws_endpoint *endpoint = object;                                                  \
        nu_lock(&endpoint->lock);                                                                  \
        value->member = endpoint->settings.field;                                                  \
        nu_unlock(&endpoint->lock);                                                                \
        return 0;                                                                                  \
    }                                                                                              \
    int nu_ws_set_##field(void *object, const union nu_option_value *value)                        \
    {                                                                                              \
        struct nu_ws_endpoint *endpoint = object;                                                  \
        if (!GOOD_##type(value->member)) {                                                         \
            return NNG_EINVAL;                                                                     \
        }                                                                                          \
        nu_lock(&endpoint->lock);                                                                  \
        endpoint->settings.field = value->member;                                                  \
        nu_unlock(&endpoint->lock);                                                                \
        return 0;                                                                                  \
    }

NU_WS_SETTINGS(DEFINE)

int nu_ws_get_protocols(void *object, union nu_option_value *value)
{
    struct nu_ws_endpoint *endpoint = object;
    nu_lock(&endpoint->lock);
    bool none = endpoint->protocols == NULL;
    value->text = none ? NULL : nng_strdup(endpoint->protocols);
    nu_unlock(&endpoint->lock);
    return none ? NNG_ENOENT : value->text == NULL ? NNG_ENOMEM : 0;
}

int nu_ws_set_protocols(void *object, const union nu_option_value *value)
{
    struct nu_ws_endpoint *endpoint = object;
    char *copy = strdup(value->text);
    if (copy == NULL) {
        return NNG_ENOMEM;
    }
    nu_lock(&endpoint->lock);
    char *old = endpoint->protocols;
    endpoint->protocols = copy;
    nu_unlock(&endpoint->lock);
    free(old);
    return 0;
}

/* ---- Headers ------------------------------------------------------------------------------ */

static void ws_endpoint_insert_header(struct nu_ws_endpoint *endpoint, struct nu_ws_header *made)
{
    struct nu_ws_header **at = &endpoint->headers;
    nu_lock(&endpoint->lock);
    while (*at != NULL && strcasecmp((*at)->name, made->name) != 0) {
        at = &(*at)->next;
    }
    struct nu_ws_header *old = *at;
    made->next = old != NULL ? old->next : NULL;
    *at = made;
    nu_unlock(&endpoint->lock);
    if (old != NULL) {
        ws_endpoint_free_header(old);
    }
}

/* Whether a request would take it is tried on one. */
static int ws_endpoint_check_header(const char *name, const char *value)
{
    nng_http_req *req;
    int err = nng_http_req_alloc(&req, NULL);
    if (err == 0) {
        err = nng_http_req_set_header(req, name, value);
        nng_http_req_free(req);
    }
    return err;
}

static int ws_endpoint_set_one(struct nu_ws_endpoint *endpoint, struct nu_slice name,
                               struct nu_slice value)
{
    struct nu_ws_header *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return NNG_ENOMEM;
    }
    made->name = strndup(name.p, name.n);
    made->value = strndup(value.p, value.n);
    int err = made->name == NULL || made->value == NULL
                  ? NNG_ENOMEM
                  : ws_endpoint_check_header(made->name, made->value);
    if (err != 0) {
        ws_endpoint_free_header(made);
        return err;
    }
    ws_endpoint_insert_header(endpoint, made);
    return 0;
}

int nu_ws_set_header(void *object, const union nu_option_value *value)
{
    return ws_endpoint_set_one(object, (struct nu_slice){ value->part, strlen(value->part) },
                               (struct nu_slice){ value->text, strlen(value->text) });
}

/* "Name: value" CRLF, any number of them; the last line end may be left out. */
int nu_ws_set_headers(void *object, const union nu_option_value *value)
{
    const char *line = value->text;
    int err = 0;
    while (*line != '\0' && err == 0) {
        size_t n = strcspn(line, "\r\n");
        const char *colon = memchr(line, ':', n);
        if (colon == NULL) {
            return NNG_EINVAL;
        }
        const char *text = colon + 1;
        while (*text == ' ' || *text == '\t') {
            text++;
        }
        err = ws_endpoint_set_one(object, (struct nu_slice){ line, (size_t) (colon - line) },
                                  (struct nu_slice){ text, (size_t) (line + n - text) });
        line += n;
        line += strspn(line, "\r\n");
    }
    return err;
}
