/* SPDX-License-Identifier: MIT */
/* The ring that the kernel has: operations become submission entries of an io_uring. */
#ifndef NU_IO_RING_URING_H
#define NU_IO_RING_URING_H

#include "io/ring.h"

extern const struct nu_ring_kind nu_ring_uring;

#endif
