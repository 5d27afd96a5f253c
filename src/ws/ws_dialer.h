/* SPDX-License-Identifier: MIT */
/* Dialers of WebSockets: a connection, and its upgrade. */
#ifndef NU_WS_WS_DIALER_H
#define NU_WS_WS_DIALER_H

#include "stream/stream.h"

/* What nng_stream_dialer_alloc_url() says of a URL with ws or wss. */
int nu_ws_dialer_new(nng_stream_dialer **dialerp, const nng_url *url);

#endif
