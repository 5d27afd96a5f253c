/* SPDX-License-Identifier: MIT */
#include "io/features.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <nng/uring.h>
#include <string.h>

/* Every entry says what it is, and those that are absent why. */
Test(features, findings, .timeout = 30)
{
    const nng_uring_feature *list, *again;
    size_t count, same;
    cr_assert_eq(nng_uring_probe(&list, &count), 0);
    cr_assert_eq(count, NU_FEATURES);
    for (size_t i = 0; i < count; i++) {
        cr_assert_str_not_empty(list[i].name);
        cr_assert_str_not_empty(list[i].purpose);
        cr_assert(list[i].fallback == NULL || list[i].fallback[0] != '\0');
        cr_assert_eq(list[i].present, nu_has((enum nu_feature) i));
        cr_assert(!list[i].present || list[i].err == 0);
        cr_assert(list[i].present || list[i].fallback != NULL); /* or it would not be 0 */
        cr_assert_neq(list[i].err, ETIME, "%s: no answer", list[i].name);
        for (size_t j = 0; j < i; j++) {
            cr_assert_str_neq(list[i].name, list[j].name);
        }
    }
    cr_assert(list[NU_HAS_RING].present && list[NU_HAS_RING].full);
    cr_assert_eq(nng_uring_probe(&again, &same), 0);
    cr_assert(again == list && same == count);
    cr_assert_str_eq(nng_uring_reason(), "");
    cr_assert_str_eq(nng_uring_remedy(), "");
    cr_assert_eq(nng_uring_loops(), 0); /* probing starts nothing */
}

Test(features, refusal, .timeout = 30)
{
    nu_features_refuse(1, "this", "do that");
    cr_assert_not_null(strstr(nng_uring_reason(), "this"));
    cr_assert_not_null(strstr(nng_uring_reason(), strerror(1)));
    cr_assert_str_eq(nng_uring_remedy(), "do that");
}
