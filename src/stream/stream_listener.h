/* SPDX-License-Identifier: MIT */
/* Listeners of sockets: TCP, with or without TLS, UNIX, and sockets that are handed over. */
#ifndef NU_STREAM_STREAM_LISTENER_H
#define NU_STREAM_STREAM_LISTENER_H

#include "stream/stream.h"

/* What nng_stream_listener_alloc_url() says. */
int nu_stream_listener_new(nng_stream_listener **listenerp, const nng_url *url);

#endif
