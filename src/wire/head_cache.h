/* SPDX-License-Identifier: MIT */
/*
 * The last head that was good, and what it meant. A client's requests, pipelined ones above all,
 * often differ in nothing but their first line, or in nothing at all; what comes again byte for
 * byte need not be parsed again, for it would mean the same. One thread at a time.
 */
#ifndef NU_WIRE_MEMO_H
#define NU_WIRE_MEMO_H

#include "wire/head.h"

#define NU_MEMO_LINE 256  /* longer first lines are not remembered */
#define NU_MEMO_TEXT 1024 /* nor longer fields */
#define NU_MEMO_FIELDS 32 /* nor more of them */

/* All zero: nothing is remembered. Holds pointers into itself, so it must not be copied. */
struct nu_head_cache {
    size_t len;      /* bytes of the fields, from the first one to the blank line, which it has */
    size_t line;     /* of the first line with its end; 0: only the fields are remembered */
    uint64_t number; /* of the head with this line */
    struct nu_head head;
    struct nu_field fields[NU_MEMO_FIELDS];
    char text[NU_MEMO_LINE +
              NU_MEMO_TEXT]; /* the line ends, and the fields begin, at NU_MEMO_LINE */
};

/*
 * For a request that is to begin at p, where n bytes may be looked at. True: it is the one that is
 * remembered, and within the limits of `head`, which then says all about it.
 */
bool nu_head_cache_repeats(const struct nu_head_cache *memo, const char *p, size_t n,
                           struct nu_head *head);

/*
 * For a request whose first line is in `head`, and whose fields are to begin at p, where n bytes
 * may be looked at. True: they are those that are remembered; head says what they mean, its length
 * is that of the fields alone.
 */
bool nu_head_cache_lookup(const struct nu_head_cache *memo, const char *p, size_t n,
                          struct nu_head *head);

/* Remembers the first line of a request, n bytes at p, whose fields are those that are remembered.
 */
void nu_head_cache_store_line(struct nu_head_cache *memo, const char *p, size_t n,
                              struct nu_head *head);

/* Remembers the fields of a request that is good: n bytes at p. False: it does not. */
bool nu_head_cache_store(struct nu_head_cache *memo, const char *p, size_t n,
                         const struct nu_head *head);

#endif
