/* SPDX-License-Identifier: MIT */
/* The body of a message and the Content-Length that goes with it. One thread at a time. */
#ifndef NU_WIRE_BODY_H
#define NU_WIRE_BODY_H

#include <stddef.h>

struct nu_headers;

enum nu_body_memory {
    NU_BODY_LENT,  /* the caller's */
    NU_BODY_OWNED, /* from malloc(), ours to free */
    NU_BODY_BLOCK, /* from nu_freelist_take(), ours to give back */
};

/* All zero is no body. */
struct nu_body {
    void *data;
    size_t size;
    enum nu_body_memory memory;
};

/* Forgets the body; Content-Length stays. */
void nu_body_drop(struct nu_body *body);

/*
 * Replaces the body and sets Content-Length. What is not lent goes with the body, or at once on
 * error. NNG_ENOMEM; NNG_EINVAL for NULL with a size. On error the message is as it was.
 */
int nu_body_set(struct nu_body *body, struct nu_headers *headers, void *data, size_t size,
                enum nu_body_memory memory);

/* The same with a copy of the data. */
int nu_body_copy(struct nu_body *body, struct nu_headers *headers, const void *data, size_t size);

#endif
