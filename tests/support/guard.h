/* SPDX-License-Identifier: MIT */
/* Memory that ends where a page without access begins: a read or write past the end is a crash. */
#ifndef NU_TESTS_SUPPORT_GUARD_H
#define NU_TESTS_SUPPORT_GUARD_H

#include <stddef.h>

#define GUARD_MAX 65536

/* `n` bytes, at most GUARD_MAX, that end at the page. There is one such place: the next call of
 * either function takes it back. One thread. */
char *guard(size_t n);

/* The same with a copy of the data. */
char *guard_copy(const void *data, size_t n);

#endif
