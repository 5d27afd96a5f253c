/* SPDX-License-Identifier: MIT */
/*
 * A response on its way in, from its head to the last byte of its body, put together in an
 * nng_http_res. Bodies of every framing (RFC 9112 6.3); interim responses are skipped. Under the
 * connection's lock, as the function of an NU_READ_UNTIL read.
 */
#ifndef NU_HTTP_INCOMING_H
#define NU_HTTP_INCOMING_H

#include "base/buf.h"
#include "io/aio.h"
#include "net/stream.h"
#include "wire/chunk.h"
#include "wire/head.h"

#include <nng/supplemental/http/http.h>

#define NU_MAX_INTERIM 64 /* interim responses before the one that counts; NNG_EPROTO beyond */

enum nu_response_reader_phase {
    NU_INCOMING_HEAD,
    NU_INCOMING_LENGTH,  /* a body of known length */
    NU_INCOMING_CHUNKED, /* one in chunks */
    NU_INCOMING_CLOSE,   /* one that ends with the connection */
};

struct nu_response_reader {
    nng_http_res *res; /* somebody else's, and reset */
    enum nu_response_reader_phase phase;
    struct nu_head_progress progress; /* HEAD */
    bool head;                        /* what was asked is a HEAD: no body follows */
    bool connect;                     /* it is a CONNECT: none follows if it is granted */
    unsigned interim;                 /* responses that were skipped */
    bool last;                        /* the connection ends with this response; once it is there */
    struct nu_buf body;               /* as far as it has come */
    struct iovec iov;                 /* where in it the next bytes go */
    struct nu_chunked chunked;
};

/* The answer to `req`, which is not needed afterwards. */
void nu_response_reader_init(struct nu_response_reader *in, nng_http_req *req, nng_http_res *res);

/* Frees a body that is not complete. */
void nu_response_reader_fini(struct nu_response_reader *in);

/*
 * See nu_stream_read_until(): 0 when the response is complete. Takes nothing that comes behind it.
 * NNG_EPROTO (malformed), NNG_EMSGSIZE (a limit is exceeded), NNG_ENOMEM.
 */
int nu_response_reader_take(struct nu_response_reader *in, nng_aio *aio, struct nu_stream *stream,
                            int end);

#endif
