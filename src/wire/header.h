/* SPDX-License-Identifier: MIT */
/*
 * The header fields of one message. Their text lies in the message's nu_arena, not in an allocation
 * per field, and never moves: what nu_headers_get() gave stays valid until that field is set, added
 * to or deleted, or the message is reset. One thread at a time.
 */
#ifndef NU_WIRE_HEADER_H
#define NU_WIRE_HEADER_H

#include "base/buf.h"
#include "wire/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nu_field;

#define NU_HEADERS_LENT 12
#define NU_HEADERS_LENGTH (sizeof "Content-Length" + NU_DECIMAL_MAX + 1)

/* Of header.c alone. */
struct nu_header {
    char *name; /* NUL-terminated; the value follows, after white space perhaps */
    char *value;
    uint32_t nname;
    uint32_t nvalue;
    uint32_t cap; /* bytes at `name` that are this entry's */
    unsigned kind;
};

/* Memory for a list of the usual size, which needs no other then. */
struct nu_headers_room {
    struct nu_header v[NU_HEADERS_LENT];
    char length[NU_HEADERS_LENGTH]; /* a Content-Length */
    struct nu_arena_room text;
};

/* All zero is an empty list. */
struct nu_headers {
    struct nu_arena text; /* the message's other strings lie here too */
    struct nu_header *v;
    unsigned n;             /* entries in use, deleted ones (their text is used again) included */
    unsigned max;           /* entries allocated */
    uint32_t lengths;       /* bit n: there may be a name of n bytes, modulo 32 */
    struct nu_header *lent; /* the room's entries, which are not ours to free, or NULL */
    bool owes_length;       /* Content-Length: `length` is the last field, and not among v as yet:
                             * most responses are printed before anybody asks for it */
    bool length_used;       /* the room's */
    size_t length;
};

/* Names are told apart by their lengths first, which answers most questions. */
static inline uint32_t nu_headers_length_bit(size_t nname)
{
    return UINT32_C(1) << nname % 32;
}

static inline bool nu_headers_may_have(const struct nu_headers *list, size_t nname)
{
    return (list->lengths & nu_headers_length_bit(nname)) != 0;
}

/* Makes an empty list that begins with this memory, which goes after it. */
void nu_headers_lend(struct nu_headers *list, struct nu_headers_room *room);

/* Returns all memory, the text too; the list is then empty and can be used again. */
void nu_headers_free(struct nu_headers *list);

/* Empties list and text; keeps a little memory, so that a message in reuse does not allocate. */
void nu_headers_reset(struct nu_headers *list);

/*
 * The value of the field, in any spelling of upper and lower case; NULL when there is none. Several
 * fields of one name are one value, joined with ", " (RFC 9110 5.3).
 */
const char *nu_headers_get(struct nu_headers *list, const char *name);

/*
 * Set replaces every field of that name. Add appends to a field that is there, or makes a new one;
 * Set-Cookie cannot be joined (RFC 6265 3) and keeps one line per value when printed. White space
 * around the value is dropped, and so is a line end behind it. Name and value may be text of the
 * list itself. NNG_EINVAL: NULL, a name that is not a token, or a value with CR, LF, NUL or another
 * control character (HTAB excepted), so that nothing put in a field can end it. NNG_EMSGSIZE: 1 GiB
 * and more. NNG_ENOMEM. On error the list is as it was.
 */
int nu_headers_set(struct nu_headers *list, const char *name, const char *value);
int nu_headers_add(struct nu_headers *list, const char *name, const char *value);

/* Set for a field's name and a value that are known to be good. NNG_ENOMEM. */
int nu_headers_set_good(struct nu_headers *list, struct nu_slice name, struct nu_slice value);

/* Sets Content-Length. NNG_ENOMEM. */
int nu_headers_set_length(struct nu_headers *list, size_t length);

/* Deletes every field of that name; NNG_ENOENT when there is none. */
int nu_headers_del(struct nu_headers *list, const char *name);

/*
 * Adds fields that a parser has accepted. Their text has been copied from `from` on to `copy`,
 * which is the list's own and is written to: the byte behind each name and each value becomes a
 * NUL. NNG_ENOMEM, and some of the fields may then be there.
 */
int nu_headers_load(struct nu_headers *list, char *copy, const char *from,
                    const struct nu_field *fields, unsigned nfields);

/*
 * The next field as it is printed, in the order of first addition; false at the end. *iter starts
 * at 0, and the list must not change in between.
 */
bool nu_headers_next(struct nu_headers *list, unsigned *iter, struct nu_field *field);

/* Appends "Name: value" CRLF for every field; no blank line. Errors stick to the buffer. */
void nu_headers_print(const struct nu_headers *list, struct nu_buf *buf);

#endif
