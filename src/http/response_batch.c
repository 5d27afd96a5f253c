/* SPDX-License-Identifier: MIT */
#include "http/response_batch.h"

#include <assert.h>
#include <stdlib.h>

#define KEEP_TEXT 8192U /* a spare one does not hoard more than this */
#define FULL_TEXT 65536U

struct nu_response_batch *nu_response_batch_take(struct nu_list *spare)
{
    if (nu_list_empty(spare)) {
        struct nu_response_batch *out = calloc(1, sizeof *out);
        if (out != NULL) {
            nu_list_init(&out->link);
        }
        return out;
    }
    struct nu_response_batch *out =
        nu_container(spare->prev, struct nu_response_batch, link); /* the warmest */
    nu_list_remove(&out->link);
    return out;
}

static void response_batch_let_go(struct nu_response_batch *out)
{
    for (unsigned i = 0; i < out->nheld; i++) {
        out->held[i].release(out->held[i].what);
    }
    out->nheld = 0;
    out->n = 0;
    out->final = false;
    out->in_text = 0;
}

void nu_response_batch_give(struct nu_list *spare, struct nu_response_batch *out)
{
    response_batch_let_go(out);
    if (out->text.cap > KEEP_TEXT) {
        nu_buf_free(&out->text);
    }
    nu_buf_reset(&out->text);
    nu_list_append(spare, &out->link);
}

void nu_response_batch_free(struct nu_response_batch *out)
{
    response_batch_let_go(out);
    nu_buf_free(&out->text);
    free(out);
}

void nu_response_batch_free_all(struct nu_list *spare)
{
    struct nu_list *next;
    for (struct nu_list *n = spare->next; n != spare; n = next) {
        struct nu_response_batch *out = nu_container(n, struct nu_response_batch, link);
        next = n->next;
        nu_response_batch_free(out);
    }
    nu_list_init(spare);
}

bool nu_response_batch_has_room(const struct nu_response_batch *out)
{
    return !out->final && out->n + NU_BATCH_RESPONSE <= NU_BATCH_PARTS &&
           out->nheld + NU_BATCH_RESPONSE <= NU_BATCH_PARTS && out->text.len < FULL_TEXT;
}

void nu_response_batch_add(struct nu_response_batch *out, const void *data, size_t len)
{
    if (len > 0) {
        assert(out->n < NU_BATCH_PARTS);
        out->iov[out->n++] = (struct iovec){ (void *) (uintptr_t) data, len };
    }
}

void nu_response_batch_add_part(struct nu_response_batch *out, size_t from)
{
    assert(out->n < NU_BATCH_PARTS);
    out->in_text |= UINT64_C(1) << out->n;
    out->iov[out->n++] = (struct iovec){ (void *) (uintptr_t) from, out->text.len - from };
}

void nu_response_batch_hold(struct nu_response_batch *out, void (*release)(void *what), void *what)
{
    assert(out->nheld < NU_BATCH_PARTS);
    out->held[out->nheld++] = (struct nu_batch_hold){ release, what };
}

bool nu_response_batch_holds(const struct nu_response_batch *out, const void *what)
{
    return out->nheld > 0 && out->held[out->nheld - 1].what == what;
}

size_t nu_response_batch_finalize(struct nu_response_batch *out)
{
    size_t total = 0;
    for (unsigned i = 0; i < out->n; i++) {
        if (out->in_text >> i & 1) {
            out->iov[i].iov_base = out->text.data + (uintptr_t) out->iov[i].iov_base;
        }
        total += out->iov[i].iov_len;
    }
    out->in_text = 0;
    out->final = true;
    return total;
}

void nu_response_batch_skip(struct nu_response_batch *out, size_t bytes)
{
    unsigned n = 0;
    for (unsigned i = 0; i < out->n; i++) {
        struct iovec part = out->iov[i];
        size_t skipped = part.iov_len < bytes ? part.iov_len : bytes;
        bytes -= skipped;
        if (part.iov_len > skipped) {
            out->iov[n++] =
                (struct iovec){ (char *) part.iov_base + skipped, part.iov_len - skipped };
        }
    }
    out->n = n;
}
