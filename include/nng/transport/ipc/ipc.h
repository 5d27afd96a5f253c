/* SPDX-License-Identifier: MIT */
/* UNIX sockets, "ipc:///path". */
#ifndef NNG_TRANSPORT_IPC_IPC_H
#define NNG_TRANSPORT_IPC_IPC_H

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
NNG_DECL int nng_ipc_register(void);

#ifdef __cplusplus
}
#endif

#endif
