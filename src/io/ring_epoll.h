/* SPDX-License-Identifier: MIT */
/*
 * A ring where the kernel gives none: operations are system calls that do not wait, made by the
 * loop's owner when it enters, and epoll where they must wait. Linux 4.18 and later.
 */
#ifndef NU_IO_RING_EPOLL_H
#define NU_IO_RING_EPOLL_H

#include "io/ring.h"

extern const struct nu_ring_kind nu_ring_epoll;

#endif
