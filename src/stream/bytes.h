/* SPDX-License-Identifier: MIT */
/*
 * An nng_stream that is a connected socket: TCP, with or without TLS, or a UNIX socket. Two hold
 * it: its user, until nng_stream_free(), and what carries it, until the kernel has let go of all
 * buffers.
 */
#ifndef NU_STREAM_BYTES_H
#define NU_STREAM_BYTES_H

#include "stream/stream.h"

#include <nng/supplemental/tls/tls.h>

struct nu_loop;

/* What is to be made of a socket. */
struct nu_bytes_params {
    bool nodelay, keepalive; /* TCP's */
    nng_tls_config *tls;     /* TLS over it; NULL: none. Its mode says which side we are */
    const char *host;        /* for TLS: the name dialed, or NULL */
    nng_sockaddr local;      /* for a family that getsockname() tells us nothing of; else UNSPEC */
    nng_sockaddr remote;
};

/* Makes a stream of a connected socket, which is its own from here on, whether or not it succeeds:
 * NNG_ENOMEM, NNG_ECRYPTO. Owner of `loop`. */
int nu_bytes_new(nng_stream **streamp, struct nu_loop *loop, int fd,
                 const struct nu_bytes_params *params);

#endif
