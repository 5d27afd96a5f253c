/* SPDX-License-Identifier: MIT */
/*
 * Responses on their way out: those of one batch of pipelined requests, gathered into one vector.
 * What they point to is held until the batch is written. Owner thread only, or its only user.
 */
#ifndef NU_HTTP_OUT_H
#define NU_HTTP_OUT_H

#include "base/buf.h"
#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define NU_BATCH_PARTS 64
#define NU_BATCH_RESPONSE 4 /* parts, and holds, that one response takes at most */

struct nu_batch_hold {
    void (*release)(void *what);
    void *what;
};

struct nu_response_batch {
    struct nu_list link; /* in the list of spare ones */
    struct nu_buf text;  /* heads that were printed for this batch */
    unsigned n;
    bool final;       /* nothing is added any more */
    uint64_t in_text; /* bit i: iov[i].iov_base is an offset into `text` as yet */
    struct iovec iov[NU_BATCH_PARTS];
    unsigned nheld;
    struct nu_batch_hold held[NU_BATCH_PARTS]; /* whose memory the parts point to */
};

/* A spare one from the list, or a new one; NULL: no memory. */
struct nu_response_batch *nu_response_batch_take(struct nu_list *spare);

/* Lets go of what it holds and keeps it as a spare. */
void nu_response_batch_give(struct nu_list *spare, struct nu_response_batch *out);

/* The same without keeping it. */
void nu_response_batch_free(struct nu_response_batch *out);

/* Frees the spare ones. */
void nu_response_batch_free_all(struct nu_list *spare);

/* Whether another response finds room. */
bool nu_response_batch_has_room(const struct nu_response_batch *out);

/* Adds bytes that stay where they are until the batch is written. */
void nu_response_batch_add(struct nu_response_batch *out, const void *data, size_t len);

/* Of nu_response_batch_add_text(), as a part of its own. */
void nu_response_batch_add_part(struct nu_response_batch *out, size_t from);

/* Adds what has been appended to out->text since it had `from` bytes. */
static inline void nu_response_batch_add_text(struct nu_response_batch *out, size_t from)
{
    struct iovec *last = out->iov + out->n - (out->n > 0);
    if (out->n > 0 && (out->in_text >> (out->n - 1) & 1) != 0 &&
        (uintptr_t) last->iov_base + last->iov_len == from) {
        last->iov_len += out->text.len - from;
    } else if (out->text.len > from) {
        nu_response_batch_add_part(out, from);
    }
}

/* Has release(what) called when the batch is written, or given up. */
void nu_response_batch_hold(struct nu_response_batch *out, void (*release)(void *what), void *what);

/* Whether the last thing it holds is that. */
bool nu_response_batch_holds(const struct nu_response_batch *out, const void *what);

/* Makes the vector final; returns the bytes in it. Nothing is added after that. */
size_t nu_response_batch_finalize(struct nu_response_batch *out);

/* Of a final one: so many bytes are written already. */
void nu_response_batch_skip(struct nu_response_batch *out, size_t bytes);

#endif
