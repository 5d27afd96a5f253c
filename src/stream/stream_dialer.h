/* SPDX-License-Identifier: MIT */
/* Dialers of sockets: TCP, with or without TLS, and UNIX. */
#ifndef NU_STREAM_STREAM_DIALER_H
#define NU_STREAM_STREAM_DIALER_H

#include "stream/bytes.h"
#include "stream/stream.h"

/* Makes what a dial gives, its aio's output 0, of a connected socket, which is its own from here
 * on, whether or not it succeeds. 0 or an NNG error. Owner of `loop`. */
typedef int (*nu_dialer_make)(void **made, struct nu_loop *loop, int fd,
                              const struct nu_bytes_params *params);

/* What nng_stream_dialer_alloc_url() says. `make` NULL: streams. */
int nu_stream_dialer_new(nng_stream_dialer **dialerp, const nng_url *url, nu_dialer_make make);

/* Dials on that loop, for a begun aio. Any thread. */
void nu_stream_dialer_dial(nng_stream_dialer *base, nng_aio *aio, struct nu_loop *loop);

#endif
