/* SPDX-License-Identifier: MIT */
/* A stream over a stream, secured by TLS. */
#ifndef NU_TLS_TLS_H
#define NU_TLS_TLS_H

#include "net/stream.h"

#include <nng/supplemental/tls/tls.h>
#include <nng/uring.h>

struct nu_tls_params {
    nng_tls_config *config; /* its mode says which side we are; held as long as needed */
    const char *host;       /* for a client: the URL's host, copied; or NULL */
    const char *alpn;       /* what is spoken unless the configuration says; static, or NULL */
    const char
        *plain_reply; /* for a server: sent to a client that does not speak TLS; static, NULL */
    bool read_ahead;  /* decrypts before anybody reads, so that NU_READ_FILL is not to be had */
};

/*
 * Makes a TLS connection of one that was just opened, and starts the handshake. The stream has what
 * `lower` had as its user and its `gone`; lower is its own from here on. On an error (NNG_ENOMEM,
 * NNG_ECRYPTO) nothing has changed. Owner of the loop only.
 */
int nu_tls_open(struct nu_stream **streamp, struct nu_stream *lower,
                const struct nu_tls_params *params);

/* Which side a configuration is for. */
nng_tls_mode nu_tls_mode(const nng_tls_config *config);

/* What nng_uring_conn_tls_info() says. Any thread. */
int nu_tls_info(struct nu_stream *stream, nng_uring_tls_info **infop);

#endif
