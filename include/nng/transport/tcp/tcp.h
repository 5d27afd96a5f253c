/* SPDX-License-Identifier: MIT */
/* TCP, "tcp://host:port". */
#ifndef NNG_TRANSPORT_TCP_TCP_H
#define NNG_TRANSPORT_TCP_TCP_H

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
NNG_DECL int nng_tcp_register(void);

#ifdef __cplusplus
}
#endif

#endif
