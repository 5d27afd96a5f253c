/* SPDX-License-Identifier: MIT */
#include "base/page_cache.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Newer than Debian 12's headers; the kernel's ABI. */
#ifndef __NR_cachestat
#define __NR_cachestat 451
#endif

struct range {
    uint64_t from;
    uint64_t len;
};

struct counts {
    uint64_t cached;
    uint64_t others[4]; /* dirty, being written, evicted, evicted lately */
};

int64_t nu_cached_pages(int fd, uint64_t from, size_t len)
{
    struct range range = { from, len };
    struct counts counts = { 0 };
    return syscall(__NR_cachestat, fd, &range, &counts, 0) == 0 ? (int64_t) counts.cached : -errno;
}

/* Pages count from when they begin to be read. As a rule the last of them comes last. */
static bool page_cache_has_come(int fd, uint64_t last)
{
    char byte;
    struct iovec iov = { &byte, 1 };
    return preadv2(fd, &iov, 1, (off_t) last, RWF_NOWAIT) == 1;
}

bool nu_is_cached(int fd, uint64_t from, size_t len)
{
    uint64_t page = (uint64_t) sysconf(_SC_PAGESIZE), last = from + len - 1;
    int64_t want = (int64_t) (last / page - from / page + 1);
    return nu_cached_pages(fd, from, len) == want && page_cache_has_come(fd, last);
}
