/* SPDX-License-Identifier: MIT */
/* The two ends of a stream, of every kind there is, and what has made them. */
#ifndef NU_TESTS_SUPPORT_STREAM_ENDS_H
#define NU_TESTS_SUPPORT_STREAM_ENDS_H

#include <nng/nng.h>
#include <stdbool.h>
#include <stddef.h>

#define T_STREAM_LIMIT 120000 /* ms; nothing takes as long */

enum t_stream_kind { TCP, TCP6, TLS, IPC, UNIX, ABSTRACT, WS, WS6, WSS, KINDS };

struct t_stream_kind_facts {
    const char *name, *listen; /* "%d" in an address is replaced by our pid */
    bool host;                 /* the address is a host and port */
    bool tls;
    bool ws;
};

extern const struct t_stream_kind_facts t_stream_kinds[KINDS];

/* For parametrized tests: each kind. */
extern enum t_stream_kind t_stream_each[KINDS];

struct t_ends {
    enum t_stream_kind kind;
    nng_stream_listener *listener;
    nng_stream_dialer *dialer;
    nng_stream *ends[2];
    nng_aio *aios[2];
};

/* An aio with that limit. */
nng_aio *t_ends_aio(void);

/* A listener, and the aios of both ends. */
void t_ends_listen(struct t_ends *pair, enum t_stream_kind kind);

/* A dialer for it, not used yet. */
void t_ends_make_dialer(struct t_ends *pair);

/* Both, and the stream between them. */
void t_ends_open(struct t_ends *pair, enum t_stream_kind kind);

/* Frees all there is of it. */
void t_ends_close(struct t_ends *pair);

/* Starts to send or receive at an end; waits for that, and returns its result. */
void t_ends_start(struct t_ends *pair, int end, bool send, void *buf, size_t len);
int t_ends_wait(struct t_ends *pair, int end);

/* Sends all of it from one end, receives it at the other. */
void t_ends_transfer(struct t_ends *pair, int from, const char *data, size_t len);

#endif
