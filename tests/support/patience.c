/* SPDX-License-Identifier: MIT */
/* The times that tests and suites name are for hangs: none is given up because the machine is busy,
 * or emulated, or works for a sanitizer. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <criterion/internal/ordered-set.h>

#define LEAST 300 /* seconds, as scripts/run-tests has it for those that name none */

static void lengthen(struct criterion_test_extra_data *data)
{
    if (data != NULL && data->timeout > 0 && data->timeout < LEAST) {
        data->timeout = LEAST;
    }
}

static void lengthen_tests(struct criterion_ordered_set *tests)
{
    FOREACH_SET(struct criterion_test * test, tests)
    {
        lengthen(test->data);
    }
}

ReportHook(PRE_ALL)(struct criterion_test_set *all)
{
    FOREACH_SET(struct criterion_suite_set * suite, all->suites)
    {
        lengthen(suite->suite.data);
        if (suite->tests != NULL) { /* all of the suite's are for another kind of build */
            lengthen_tests(suite->tests);
        }
    }
}
