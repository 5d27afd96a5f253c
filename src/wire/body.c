#include "wire/body.h"

#include "base/buf.h"
#include "wire/header.h"

#include <nng/nng.h>

#include <stdlib.h>
#include <string.h>

void nu_body_drop(struct nu_body *body)
{
    if (body->owned) {
        free(body->data);
    }
    *body = (struct nu_body){ 0 };
}

/* Content-Length first: once it is set, nothing can fail. */
int nu_body_set(struct nu_body *body, struct nu_headers *headers, void *data, size_t size,
                bool owned)
{
    char length[NU_DECIMAL_MAX + 1] = "";
    int  rv;

    nu_decimal(length, size);
    rv = data == NULL && size != 0 ? NNG_EINVAL : nu_headers_set(headers, "Content-Length", length);
    if (rv != 0) {
        if (owned) {
            free(data);
        }
        return rv;
    }
    nu_body_drop(body);
    *body = (struct nu_body){ data, size, owned };
    return 0;
}

int nu_body_copy(struct nu_body *body, struct nu_headers *headers, const void *data, size_t size)
{
    void *copy = NULL;

    if (size != 0) {
        if (data == NULL) {
            return NNG_EINVAL;
        }
        copy = malloc(size);
        if (copy == NULL) {
            return NNG_ENOMEM;
        }
        memcpy(copy, data, size);
    }
    return nu_body_set(body, headers, copy, size, true);
}
