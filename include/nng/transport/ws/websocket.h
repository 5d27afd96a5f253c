/* SPDX-License-Identifier: MIT */
/* WebSocket, "ws://host:port/path" and "wss://host:port/path" (RFC 6455). */
#ifndef NNG_TRANSPORT_WS_WEBSOCKET_H
#define NNG_TRANSPORT_WS_WEBSOCKET_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Other names for the options of <nng/nng.h>. */
#define NNG_OPT_WSS_REQUEST_HEADERS NNG_OPT_WS_REQUEST_HEADERS
#define NNG_OPT_WSS_RESPONSE_HEADERS NNG_OPT_WS_RESPONSE_HEADERS

/*
 * Registers a transport, which is there from the start.
 *
 * Errors: none.
 * Threads: any.
 */
NNG_DECL int nng_ws_register(void);
NNG_DECL int nng_wss_register(void);

#ifdef __cplusplus
}
#endif

#endif
