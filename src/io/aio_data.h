/* SPDX-License-Identifier: MIT */
/* What a caller puts into an aio and reads back, and the operations that need nothing but an aio.
 */
#ifndef NU_IO_AIO_DATA_H
#define NU_IO_AIO_DATA_H

#include <nng/nng.h>

/*
 * Sets up aio->io from the aio's own vector. NNG_EINVAL unless it holds at least one byte and every
 * entry with a length has a base.
 */
int nu_aio_take_vec(nng_aio *aio);

/* The same, but it may be empty. */
int nu_aio_take_message(nng_aio *aio);

#endif
