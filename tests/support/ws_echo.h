/* SPDX-License-Identifier: MIT */
/* An application that sends each message back, written with the public functions alone. */
#ifndef NU_TESTS_SUPPORT_WS_ECHO_H
#define NU_TESTS_SUPPORT_WS_ECHO_H

#include <nng/nng.h>
#include <stdatomic.h>

struct t_ws_echo {
    nng_stream *stream;
    nng_aio *rx, *tx;
    char *buf;
    size_t size;
    atomic_int end; /* what it has ended with; 0: it has not */
};

/* Starts with a stream, which is its own from here on; messages up to `size` go back whole. */
void t_ws_echo_start(struct t_ws_echo *echo, nng_stream *stream, size_t size);

/* Waits until it has ended, and frees everything. Returns what it has ended with. */
int t_ws_echo_finish(struct t_ws_echo *echo);

#endif
