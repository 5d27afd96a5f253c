/* SPDX-License-Identifier: MIT */
/* For parse.c: a head that comes in pieces. Pure; one thread at a time. */
#ifndef NU_WIRE_HEAD_PROGRESS_H
#define NU_WIRE_HEAD_PROGRESS_H

#include "wire/head.h"

/* Whether the new bytes leave the head as it was: good as far as it goes. Else it is read from its
 * start, which happens once for each of its parts. `lenient`: it is a response's. */
bool nu_head_goes_on(const char *buf, size_t len, const struct nu_head *head, bool lenient);

/* It is read from its start. */
static inline void nu_head_begin_anew(struct nu_head *head)
{
    if (head->progress != NULL && head->progress->seen > 0) {
        *head->progress = (struct nu_head_progress){ 0 };
    }
}

/* What was read of it before the bytes were out: its first line up to `line`, or all of that, and
 * then its fields from `fields` on (NULL: none). */
void nu_head_remember(const char *buf, size_t len, struct nu_head *head, struct nu_slice line,
                      const char *fields);

#endif
