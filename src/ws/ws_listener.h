/* SPDX-License-Identifier: MIT */
/* Listeners of WebSockets: a handler of the HTTP server of their host and port. */
#ifndef NU_WS_WS_LISTENER_H
#define NU_WS_WS_LISTENER_H

#include "stream/stream.h"

/* What nng_stream_listener_alloc_url() says of a URL with ws or wss. */
int nu_ws_listener_new(nng_stream_listener **listenerp, const nng_url *url);

#endif
