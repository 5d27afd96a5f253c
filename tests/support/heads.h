/* SPDX-License-Identifier: MIT */
/* What the tests of the head parser share: heads as literals, parsed at a guard page. */
#ifndef NU_TESTS_SUPPORT_HEADS_H
#define NU_TESTS_SUPPORT_HEADS_H

#include "support/guard.h"
#include "wire/parse.h"

#include <string.h>

/* A literal with its length, so that it may hold a NUL. */
#define TEXT(literal) (literal), sizeof(literal) - 1
#define HOST "Host: h\r\n"

static struct nu_field fields[NU_MAX_FIELDS + 1];

static inline struct nu_head new_head(void)
{
    return (struct nu_head){ .fields = fields, .maxfields = NU_MAX_FIELDS };
}

typedef enum nu_parse (*parser)(const char *, size_t, struct nu_head *);

/* Parses a copy that ends at a page without access; slices of the result lie in it. */
static inline enum nu_parse parse_at(parser parse, const char *text, size_t n, struct nu_head *head)
{
    return parse(guard_copy(text, n), n, head);
}

static inline int equal(struct nu_slice s, const char *text)
{
    return s.n == strlen(text) && (s.n == 0 || memcmp(s.p, text, s.n) == 0);
}

/* What a good head says, as bits. */
enum {
    KEEP = 1,
    CHUNKED = 2,
    LENGTH = 4,
    EXPECT = 8,
    UPGRADE = 16,
};

static inline unsigned flags_of(const struct nu_head *head)
{
    return (head->keep_alive ? KEEP : 0) | (head->chunked ? CHUNKED : 0) |
           (head->has_length ? LENGTH : 0) | (head->expect_continue ? EXPECT : 0) |
           (head->upgrade ? UPGRADE : 0);
}

#define GET "GET / HTTP/1.1\r\n" HOST

/* A bad head, and the status it is answered with. */
struct bad {
    const char *text;
    size_t n;
    int status;
};

#define BAD(status, literal)                                                                       \
    {                                                                                              \
        (literal), sizeof(literal) - 1, (status)                                                   \
    }

#endif
