/* SPDX-License-Identifier: MIT */
/* TLS over TCP, "tls+tcp://host:port". Its configurations: <nng/supplemental/tls/tls.h>. */
#ifndef NNG_TRANSPORT_TLS_TLS_H
#define NNG_TRANSPORT_TLS_TLS_H

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
NNG_DECL int nng_tls_register(void);

#ifdef __cplusplus
}
#endif

#endif
