/* SPDX-License-Identifier: MIT */
/*
 * Connections whose users write, read, cancel, abort, time out, free and close at random, with
 * peers that read slowly, send, leave and reset. What must hold: each operation that begins has one
 * callback, with a result that something explains; what went into the socket is, byte for byte and
 * in order, what was counted; what was read is what the peer sent; and all of it ends.
 */
#ifndef NU_TESTS_SIM_CONNS_H
#define NU_TESTS_SIM_CONNS_H

/* Runs them in a simulated thread, on a library that it starts; nng_fini() is the caller's. */
void sim_conns(void);

/* When the library has ended: looks at what was left, and forgets it. */
void sim_conns_check(void);

/* Connections that this run has. */
unsigned sim_conns_count(void);

#endif
