/* SPDX-License-Identifier: MIT */
/* What of a file is in the page cache. Any thread. */
#ifndef NU_BASE_PAGE_CACHE_H
#define NU_BASE_PAGE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How many of the pages with the `len` bytes (at least one) from `from` on are in the cache, or on
 * their way to it. -errno where that is not to be known: -ENOSYS before Linux 6.5; -EPERM, on newer
 * kernels (6.18 does so), where the file is neither our own nor ours to write.
 */
int64_t nu_cached_pages(int fd, uint64_t from, size_t len);

/* Whether these bytes can be read without waiting for a disk, as far as one can know. */
bool nu_is_cached(int fd, uint64_t from, size_t len);

#endif
