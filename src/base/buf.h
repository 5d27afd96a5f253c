/* SPDX-License-Identifier: MIT */
/*
 * A growable byte buffer for text that is put together piece by piece. An allocation that fails
 * sticks: later appends do nothing, and nu_buf_error() says so once at the end, so a writer need
 * not check every piece. One thread at a time.
 */
#ifndef NU_BASE_BUF_H
#define NU_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that belong to somebody else; not NUL-terminated. */
struct nu_slice {
    const char *p;
    size_t n;
};

/* All zero is an empty buffer. */
struct nu_buf {
    char *data;  /* NULL until the first byte; not NUL-terminated */
    size_t len;  /* bytes in use */
    size_t cap;  /* bytes allocated */
    bool failed; /* an append found no memory; data and len are those before it */
};

/* Returns the memory; the buffer is then empty and can be used again. */
static inline void nu_buf_free(struct nu_buf *buf)
{
    if (buf->data != NULL) {
        free(buf->data);
    }
    buf->data = NULL;
    buf->len = buf->cap = 0;
    buf->failed = false;
}

/* Empties the buffer and clears a failure, keeps the memory. */
static inline void nu_buf_reset(struct nu_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

/*
 * Makes room for `extra` more bytes: a following append of so many cannot fail.
 * NNG_ENOMEM, also when an earlier append failed.
 */
int nu_buf_grow(struct nu_buf *buf, size_t extra);

static inline int nu_buf_reserve(struct nu_buf *buf, size_t extra)
{
    return buf->failed || extra > buf->cap - buf->len ? nu_buf_grow(buf, extra) : 0;
}

/* The same for a buffer that mostly is small, and soon gone: at first it has `block` bytes, of the
 * calling thread's lists (freelist.h), to which they go back. */
int nu_buf_reserve_block(struct nu_buf *buf, size_t extra, size_t block);
void nu_buf_free_block(struct nu_buf *buf, size_t block);

/* Append bytes (which must not lie in the buffer itself), a C string, a decimal number. */
static inline void nu_buf_add(struct nu_buf *buf, const void *data, size_t n)
{
    if (n != 0 && nu_buf_reserve(buf, n) == 0) {
        memcpy(buf->data + buf->len, data, n);
        buf->len += n;
    }
}

static inline void nu_buf_str(struct nu_buf *buf, const char *str)
{
    nu_buf_add(buf, str, strlen(str));
}

void nu_buf_u64(struct nu_buf *buf, uint64_t value);

#define NU_DECIMAL_MAX 20

/* Writes a number in decimal without a NUL; returns the number of digits. */
size_t nu_decimal(char out[NU_DECIMAL_MAX], uint64_t value);

/* 0, or NNG_ENOMEM when anything since the last reset did not fit. */
int nu_buf_error(const struct nu_buf *buf);

#endif
