/* SPDX-License-Identifier: MIT */
/* Turning the system's errors into NNG's. nng_strerror() is declared by <nng/nng.h>. */
#ifndef NU_BASE_ERROR_H
#define NU_BASE_ERROR_H

/*
 * The NNG_E* code for an errno value (positive, as in errno; not the negative form of a CQE).
 * 0 for 0, and NNG_ESYSERR + err where NNG has no code for it. Any thread.
 */
int nu_error_from_errno(int err);

#endif
