/* SPDX-License-Identifier: MIT */
/* Runs a check in a process of its own. */
#ifndef NU_CHECK_RUN_H
#define NU_CHECK_RUN_H

#include "check/table.h"
#include "check/verdict.h"

struct nu_result {
    enum nu_verdict verdict;
    unsigned ms; /* how long it took */
    char seen[NU_SEEN];
};

/*
 * Waits for its end, at most deadline_ms; then it is killed. Ending by a signal, without a verdict
 * or not at all is broken. The calling process has one thread and no use for its child's signals.
 * Untried where there can be no process.
 */
void nu_check_run(const struct nu_check *check, unsigned deadline_ms, struct nu_result *result);

#endif
