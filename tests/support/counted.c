/* SPDX-License-Identifier: MIT */
#include "support/counted.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <string.h>

uint64_t t_counted(const char *name)
{
    nng_uring_counter list[64];
    size_t n = nng_uring_counters(list, 64);
    for (size_t i = 0; i < n && i < 64; i++) {
        if (strcmp(list[i].name, name) == 0) {
            return list[i].value;
        }
    }
    cr_assert_fail("nobody counts %s", name);
    return 0;
}
