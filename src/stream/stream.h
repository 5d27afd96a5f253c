/* SPDX-License-Identifier: MIT */
/*
 * What is behind nng_stream, nng_stream_dialer and nng_stream_listener: a table of functions each,
 * one for each transport, and a table of options. The public functions are documented in
 * <nng/nng.h>. An implementation embeds these as its first member.
 */
#ifndef NU_STREAM_STREAM_H
#define NU_STREAM_STREAM_H

#include "stream/option.h"

struct nu_stream_kind {
    const struct nu_option *options;
    void (*send)(nng_stream *stream, nng_aio *aio);
    void (*recv)(nng_stream *stream, nng_aio *aio);
    void (*close)(nng_stream *stream); /* may come more than once */
    void (*free)(nng_stream *stream);  /* closes, and lets go; the last call */
};

struct nu_dialer_kind {
    const struct nu_option *options;
    void (*dial)(nng_stream_dialer *dialer, nng_aio *aio);
    void (*close)(nng_stream_dialer *dialer);
    void (*free)(nng_stream_dialer *dialer);
};

struct nu_listener_kind {
    const struct nu_option *options;
    int (*listen)(nng_stream_listener *listener);
    void (*accept)(nng_stream_listener *listener, nng_aio *aio);
    void (*close)(nng_stream_listener *listener);
    void (*free)(nng_stream_listener *listener);
};

struct nng_stream {
    const struct nu_stream_kind *kind; /* constant */
};

struct nng_stream_dialer {
    const struct nu_dialer_kind *kind; /* constant */
};

struct nng_stream_listener {
    const struct nu_listener_kind *kind; /* constant */
};

#endif
