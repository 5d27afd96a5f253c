/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "base/freelist.h"

#include <nng/nng.h>

#include <stdlib.h>
#include <string.h>

int nu_buf_grow(struct nu_buf *buf, size_t extra)
{
    if (buf->failed) {
        return NNG_ENOMEM;
    }
    /* Doubling keeps the cost of many small appends linear. */
    size_t cap = buf->cap < 128 ? 256 : buf->cap * 2;
    if (buf->cap > SIZE_MAX / 4 || extra > SIZE_MAX / 2 - buf->len) {
        buf->failed = true;
        return NNG_ENOMEM;
    }
    if (cap < buf->len + extra) {
        cap = buf->len + extra;
    }
    char *data = realloc(buf->data, cap);
    if (data == NULL) {
        buf->failed = true;
        return NNG_ENOMEM;
    }
    buf->data = data;
    buf->cap = cap;
    return 0;
}

int nu_buf_reserve_block(struct nu_buf *buf, size_t extra, size_t block)
{
    if (buf->data == NULL && extra <= block && (buf->data = nu_freelist_take(block)) != NULL) {
        buf->cap = block;
    }
    return nu_buf_reserve(buf, extra);
}

void nu_buf_free_block(struct nu_buf *buf, size_t block)
{
    if (buf->cap == block) {
        nu_freelist_give(buf->data, block);
        buf->data = NULL;
    }
    nu_buf_free(buf);
}

size_t nu_decimal(char out[NU_DECIMAL_MAX], uint64_t value)
{
    size_t n = 1;
    for (uint64_t rest = value; rest >= 10; rest /= 10) {
        n++;
    }
    for (size_t i = n; i > 0; value /= 10) {
        out[--i] = (char) ('0' + value % 10);
    }
    return n;
}

void nu_buf_u64(struct nu_buf *buf, uint64_t value)
{
    char digits[NU_DECIMAL_MAX];

    nu_buf_add(buf, digits, nu_decimal(digits, value));
}

int nu_buf_error(const struct nu_buf *buf)
{
    return buf->failed ? NNG_ENOMEM : 0;
}
