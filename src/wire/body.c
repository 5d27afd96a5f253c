/* SPDX-License-Identifier: MIT */
#include "wire/body.h"

#include "base/buf.h"
#include "base/freelist.h"
#include "wire/header.h"

#include <nng/nng.h>

#include <stdlib.h>
#include <string.h>

static void body_give_back(const struct nu_body *body)
{
    if (body->memory == NU_BODY_OWNED) {
        free(body->data);
    } else if (body->memory == NU_BODY_BLOCK) {
        nu_freelist_give(body->data, body->size);
    }
}

void nu_body_drop(struct nu_body *body)
{
    body_give_back(body);
    *body = (struct nu_body){ 0 };
}

/* Content-Length first: once it is set, nothing can fail. */
int nu_body_set(struct nu_body *body, struct nu_headers *headers, void *data, size_t size,
                enum nu_body_memory memory)
{
    struct nu_body fresh = { data, size, memory };
    int rv = NNG_EINVAL;

    if (data != NULL || size == 0) {
        rv = nu_headers_set_length(headers, size);
    }
    if (rv != 0) {
        body_give_back(&fresh);
        return rv;
    }
    nu_body_drop(body);
    *body = fresh;
    return 0;
}

int nu_body_copy(struct nu_body *body, struct nu_headers *headers, const void *data, size_t size)
{
    void *copy = NULL;

    if (size != 0) {
        if (data == NULL) {
            return NNG_EINVAL;
        }
        copy = nu_freelist_take(size);
        if (copy == NULL) {
            return NNG_ENOMEM;
        }
        memcpy(copy, data, size);
    }
    return nu_body_set(body, headers, copy, size, NU_BODY_BLOCK);
}
