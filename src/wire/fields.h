/* SPDX-License-Identifier: MIT */
/*
 * Fields: what their values are made of, and the field lines of responses, from servers of every
 * age. Pure, any thread.
 *
 * Of those, a client takes what has one meaning only: a line folded into several (RFC 9112 5.2 bids
 * it to), and a line that ends in LF alone (2.2 allows it). llhttp, which reads the fields of
 * requests, refuses both in the releases that distributions have.
 */
#ifndef NU_WIRE_FIELDS_H
#define NU_WIRE_FIELDS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* One header line. Surrounding white space is not part of the value, which may be empty. */
struct nu_field {
    struct nu_slice name;
    struct nu_slice value; /* with its folds, in a response */
};

/*
 * Cuts lines, of which the first is a field's and none has a control character in it, into fields:
 * *n of them, at most `max`. False: one has no name, or a name that is not a token with a colon
 * right behind it.
 */
bool nu_fields_read(const char *p, const char *end, struct nu_field *fields, unsigned max,
                    unsigned *n);

/* Without the white space, line ends included, at both ends. */
struct nu_slice nu_fields_trim(const char *p, const char *end);

/* Takes the first member of a comma-separated list off it, trimmed. At the end list->p is NULL. */
struct nu_slice nu_fields_next_member(struct nu_slice *list);

/* Whether it is 1*DIGIT, however many of them zeros in front, and at most INT64_MAX. */
bool nu_fields_decimal(struct nu_slice s, uint64_t *value);

/* Makes a space of every fold (with the white space around it) in the copy of the values that
 * begins at `copy`; `from` is what was copied there. The fields' lengths become those of the copy.
 */
void nu_fields_unfold(struct nu_field *fields, unsigned n, char *copy, const char *from);

#endif
