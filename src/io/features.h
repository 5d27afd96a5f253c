/* SPDX-License-Identifier: MIT */
/*
 * What this kernel and its io_uring offer us, found by trial, never by version number. The findings
 * are made once, before the first loop starts, and are constant afterwards. Any thread.
 */
#ifndef NU_IO_FEATURES_H
#define NU_IO_FEATURES_H

#include "io/trials.h"

#include <stdbool.h>

bool nu_has(enum nu_feature feature);

/* Makes the findings if they have not been made. NNG_ENOTSUP when no usable ring can be had. */
int nu_features_find(void);

/* The same for what is no matter of io_uring, which is not touched. */
void nu_features_find_without_ring(void);

/* Notes why io_uring is not to be had, for nng_uring_reason(); NULL: it is. */
void nu_features_refuse(int err, const char *what, const char *remedy);

#endif
