/* SPDX-License-Identifier: MIT */
#include "support/guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

char *guard(size_t n)
{
    static char *end;

    if (end == NULL) {
        size_t page = (size_t) sysconf(_SC_PAGESIZE);
        char *p = mmap(NULL, GUARD_MAX + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                       -1, 0);
        if (p == MAP_FAILED || mprotect(p + GUARD_MAX, page, PROT_NONE) != 0) {
            abort();
        }
        end = p + GUARD_MAX;
    }
    if (n > GUARD_MAX) {
        abort();
    }
    return end - n;
}

char *guard_copy(const void *data, size_t n)
{
    char *p = guard(n);

    memcpy(p, data, n);
    return p;
}
