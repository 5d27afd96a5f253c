/* SPDX-License-Identifier: MIT */
#include "fault/wrap.h"

#include <nng/nng.h>

#include <criterion/criterion.h>

#include <errno.h>

TestSuite(base_faults, .timeout = 30);

Test(base_faults, no_thread)
{
    nng_thread *thread = (nng_thread *) 1;

    t_fault_arm(NU_FAULT_MALLOC, 1);
    cr_assert_eq(nng_thread_create(&thread, NULL, NULL), NNG_ENOMEM);
    cr_assert_eq(t_fault_hits(), 1);
    t_fault_arm_errno(NU_FAULT_PTHREAD_CREATE, 1, EAGAIN);
    cr_assert_eq(nng_thread_create(&thread, NULL, NULL), NNG_ENOMEM);
    cr_assert_eq(t_fault_hits(), 1);
    cr_assert_null(thread);
}

Test(base_faults, no_lock)
{
    nng_mtx *mtx = NULL;
    nng_cv *cv = NULL;

    t_fault_arm(NU_FAULT_MALLOC, 1);
    cr_assert_eq(nng_mtx_alloc(&mtx), NNG_ENOMEM);
    cr_assert_eq(t_fault_hits(), 1);
    cr_assert_eq(nng_mtx_alloc(&mtx), 0);
    t_fault_arm(NU_FAULT_MALLOC, 1);
    cr_assert_eq(nng_cv_alloc(&cv, mtx), NNG_ENOMEM);
    cr_assert_eq(t_fault_hits(), 1);
    nng_mtx_free(mtx);
}
