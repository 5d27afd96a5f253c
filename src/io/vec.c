/* SPDX-License-Identifier: MIT */
#include "io/vec.h"

#include "base/check.h"

#include <string.h>

#define MAX_RW ((size_t) 0x7ffff000) /* the kernel's MAX_RW_COUNT */

unsigned nu_vec_copy(struct iovec *to, const struct iovec *from, unsigned n, size_t skip)
{
    size_t room = MAX_RW;
    unsigned used = 0;
    for (unsigned i = 0; i < n && room > 0; i++) {
        size_t len = from[i].iov_len;
        if (len <= skip) {
            skip -= len;
            continue;
        }
        to[used].iov_base = (char *) from[i].iov_base + skip;
        to[used].iov_len = len - skip < room ? len - skip : room;
        nu_check_memory(to[used].iov_base, to[used].iov_len);
        room -= to[used].iov_len;
        skip = 0;
        used++;
    }
    return used;
}

size_t nu_vec_put(const struct iovec *iov, unsigned niov, size_t skip, const void *p, size_t n)
{
    size_t put = 0;
    for (unsigned i = 0; i < niov && put < n; i++) {
        if (iov[i].iov_len <= skip) {
            skip -= iov[i].iov_len;
            continue;
        }
        size_t room = iov[i].iov_len - skip, part = room < n - put ? room : n - put;
        memcpy((char *) iov[i].iov_base + skip, (const char *) p + put, part);
        put += part;
        skip = 0;
    }
    return put;
}

unsigned char nu_vec_byte(const struct iovec *iov, size_t at)
{
    for (; iov->iov_len <= at; iov++) {
        at -= iov->iov_len;
    }
    return ((const unsigned char *) iov->iov_base)[at];
}

struct iovec nu_vec_piece(const struct iovec *iov, unsigned niov, size_t at)
{
    unsigned i = 0;
    for (; i < niov && at >= iov[i].iov_len; i++) {
        at -= iov[i].iov_len;
    }
    return i == niov ? (struct iovec){ NULL, 0 }
                     : (struct iovec){ (char *) iov[i].iov_base + at, iov[i].iov_len - at };
}
