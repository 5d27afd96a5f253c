/* SPDX-License-Identifier: MIT */
/*
 * The fields of the last head that was good, and what they meant. A client's requests, pipelined
 * ones above all, often differ in nothing but their first line; fields that come again byte for
 * byte need not be parsed again, for they would mean the same. One thread at a time.
 */
#ifndef NU_WIRE_MEMO_H
#define NU_WIRE_MEMO_H

#include "wire/head.h"

#define NU_MEMO_TEXT 1024 /* longer ones are not remembered */
#define NU_MEMO_FIELDS 32 /* nor more of them */

/* All zero: nothing is remembered. Holds pointers into itself, so it must not be copied. */
struct nu_head_cache {
    size_t len; /* bytes of text */
    struct nu_head head;
    struct nu_field fields[NU_MEMO_FIELDS];
    char text[NU_MEMO_TEXT]; /* from the first field to the blank line, which it has */
};

/*
 * For a request whose first line is in `head`, and whose fields are to begin at p, where n bytes
 * may be looked at. True: they are those that are remembered; head says what they mean, its length
 * is that of the fields alone.
 */
bool nu_head_cache_lookup(const struct nu_head_cache *memo, const char *p, size_t n,
                          struct nu_head *head);

/* Remembers the fields of a request that is good: n bytes at p. */
void nu_head_cache_store(struct nu_head_cache *memo, const char *p, size_t n,
                         const struct nu_head *head);

#endif
