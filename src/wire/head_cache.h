/* SPDX-License-Identifier: MIT */
/*
 * The last heads that were good, and what they meant. A client's requests, pipelined ones above
 * all, often differ in nothing but their first line, or in nothing at all, and those of a few
 * clients or kinds alternate; what comes again byte for byte need not be parsed again, for it would
 * mean the same. One thread at a time.
 */
#ifndef NU_WIRE_MEMO_H
#define NU_WIRE_MEMO_H

#include "wire/head.h"

#define NU_MEMO_LINE 256  /* longer first lines are not remembered */
#define NU_MEMO_TEXT 1024 /* nor longer fields */
#define NU_MEMO_FIELDS 32 /* nor more of them */

#define NU_MEMO_HEADS 8 /* a good number of them to be linked */

/* A head, and those that are linked to it. All zero: nothing is remembered. Holds pointers into
 * itself, so it must not be copied. */
struct nu_head_cache {
    size_t len;      /* bytes of the fields, from the first one to the blank line, which it has */
    size_t line;     /* of the first line with its end; 0: only the fields are remembered */
    uint64_t number; /* of the head with this line */
    struct nu_head_cache *next; /* another one; NULL: there is none */
    struct nu_head_cache *last; /* of the first one alone: which learned last; NULL: itself */
    uint64_t numbers;           /* likewise: given so far */
    struct nu_head head;
    struct nu_field fields[NU_MEMO_FIELDS];
    char text[NU_MEMO_LINE +
              NU_MEMO_TEXT]; /* the line ends, and the fields begin, at NU_MEMO_LINE */
};

/* Links n of them, all zero, for the functions below to see them all when they are given the first.
 */
void nu_head_cache_link(struct nu_head_cache *memos, unsigned n);

/*
 * The first two may be asked without a memo (NULL), which says no.
 *
 * For a request that is to begin at p, where n bytes may be looked at. True: it is one that is
 * remembered, and within the limits of `head`, which then says all about it.
 */
bool nu_head_cache_repeats(const struct nu_head_cache *memo, const char *p, size_t n,
                           struct nu_head *head);

/*
 * For a request whose first line (with its end) is in `head`, and whose fields are to begin at p,
 * where n bytes may be looked at. True: they are some that are remembered, and the line is from
 * here on; head says what they mean, its length is that of the fields alone.
 */
bool nu_head_cache_lookup(struct nu_head_cache *memo, struct nu_slice line, const char *p, size_t n,
                          struct nu_head *head);

/* Remembers a request that is good, in place of the oldest: its first line, and the n bytes of its
 * fields at p. */
void nu_head_cache_store(struct nu_head_cache *memo, struct nu_slice line, const char *p, size_t n,
                         struct nu_head *head);

#endif
