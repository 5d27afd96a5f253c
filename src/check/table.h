/* SPDX-License-Identifier: MIT */
/* The checks there are. */
#ifndef NU_CHECK_TABLE_H
#define NU_CHECK_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum nu_need {
    NU_NEEDED, /* the library cannot work without it */
    NU_USED,   /* the library uses it where it is there */
    NU_UNUSED, /* the library does not use it, or takes either behaviour */
};

struct nu_check {
    const char *name;
    enum nu_need need;
    const char *relies;  /* what is relied on, or would be */
    const char *instead; /* what the library does without it; NULL: nothing */
    void (*run)(void);   /* ends by one of verdict.h */
};

/* All of them, in the order in which they run. */
const struct nu_check *nu_checks(size_t *count);

#endif
