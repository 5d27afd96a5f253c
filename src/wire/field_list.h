/* SPDX-License-Identifier: MIT */
/* Field values that are lists, and items with parameters (RFC 9110 5.6.1 and 5.6.6). */
#ifndef NU_WIRE_FIELD_LIST_H
#define NU_WIRE_FIELD_LIST_H

#include "base/buf.h"

#include <stdbool.h>

/*
 * The next item of a list, separated by `by` (',' or ';'), which is not a separator in a quoted
 * string; white space around it is cut off, empty items are skipped. *at is moved on; false at the
 * end.
 */
bool nu_field_list_next(const char **at, const char *end, char by, struct nu_slice *item);

/* Whether one of the items is this token, in any case; the list may be NULL. */
bool nu_field_list_has(const char *list, const char *token);

/*
 * Takes "name", "name=token" or "name=\"quoted\"" apart; *value has p NULL where there is none. The
 * quotes are taken off; a quoted value with a backslash is refused, for nobody needs one where this
 * is used. False: it is none of the three.
 */
bool nu_field_list_parameter(struct nu_slice item, struct nu_slice *name, struct nu_slice *value);

#endif
