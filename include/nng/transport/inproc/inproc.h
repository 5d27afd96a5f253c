/* SPDX-License-Identifier: MIT */
/* Sockets within a process, "inproc://name". They need libnng-uring-nng. */
#ifndef NNG_TRANSPORT_INPROC_INPROC_H
#define NNG_TRANSPORT_INPROC_INPROC_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Registers a transport, which is there from the start.
 *
 * Errors: none.
 * Threads: any.
 */
NNG_DECL int nng_inproc_register(void);

#ifdef __cplusplus
}
#endif

#endif
