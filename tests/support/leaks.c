/* SPDX-License-Identifier: MIT */
/*
 * Criterion's runner forgets some bytes for every TestSuite, which LeakSanitizer reports when it
 * exits. So only the runner's workers, the processes that run the tests, are checked for leaks.
 */
#include <errno.h>
#include <string.h>

int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
    return strcmp(program_invocation_short_name, "boxfort-worker") != 0;
}
