/* SPDX-License-Identifier: MIT */
/* The forms in which nng-uring check says what it found. */
#ifndef NU_CMD_CHECK_PRINT_H
#define NU_CMD_CHECK_PRINT_H

#include "check/run.h"
#include "check/table.h"

#include <stdbool.h>
#include <stdio.h>

struct check_report {
    FILE *to;
    const struct nu_check **checks; /* those that were asked for */
    struct nu_result *results;
    size_t count;
    size_t done;        /* results there are */
    const char *reason; /* why there is no io_uring; NULL: there is */
    const char *remedy;
    unsigned ms; /* all of it */
};

/* Any of them may be NULL. */
struct check_format {
    void (*begin)(const struct check_report *report);
    void (*each)(const struct check_report *report); /* after each result, the last of `done` */
    void (*end)(const struct check_report *report);
};

extern const struct check_format check_table, check_tap, check_json, check_junit;

/* Whether this result is a reason not to use the library here. */
bool check_failed(const struct nu_check *check, const struct nu_result *result);

size_t check_count_failed(const struct check_report *report);

size_t check_count_untried(const struct check_report *report);

#endif
