/* SPDX-License-Identifier: MIT */
/*
 * Conditional requests (RFC 9110 13): whether the client has what it asks for already, and whether
 * the part it asks for belongs to what it has. Pure, any thread.
 */
#ifndef NU_WIRE_PRECOND_H
#define NU_WIRE_PRECOND_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct nu_head;

enum nu_precond_field {
    NU_IF_MATCH,
    NU_IF_NONE_MATCH,
    NU_IF_MODIFIED_SINCE,
    NU_IF_UNMODIFIED_SINCE,
    NU_IF_RANGE,
    NU_RANGE,
    NU_PRECOND_FIELDS,
};

/* The fields of a request that matter here. p is NULL where there is none; several of one name are
 * joined with ", ", which makes what is not a list malformed. */
struct nu_precond {
    struct nu_slice fields[NU_PRECOND_FIELDS];
};

#define NU_UNDATED INT64_MIN /* conditions on its date do not count (RFC 9110 13.1.3) */

/* What is asked for, as it is now. */
struct nu_validators {
    struct nu_slice etag; /* as in the ETag field */
    int64_t modified;     /* as in the Last-Modified field, in seconds since 1970; or NU_UNDATED */
    int64_t now;
};

enum nu_verdict {
    NU_PRECOND_PASS,         /* answer as if there were no conditions; Range counts */
    NU_PRECOND_WHOLE,        /* the same, but Range does not count */
    NU_PRECOND_NOT_MODIFIED, /* 304 */
    NU_PRECOND_FAILED,       /* 412 */
};

/* Bytes of room that nu_precond_load() may need. */
size_t nu_precond_size(const struct nu_head *head);

/* Copies the fields to `room`, so that the head need not stay. Of methods other than GET and HEAD
 * there is none that counts, and Range only counts with GET. */
void nu_precond_load(struct nu_precond *precond, const struct nu_head *head, char *room);

/*
 * The conditions in the order of RFC 9110 13.2.2. A malformed date is no condition; a malformed
 * entity tag is one that nothing matches, and so is a date in If-Range.
 */
enum nu_verdict nu_precond_judge(const struct nu_precond *precond,
                                 const struct nu_validators *validators);

#endif
