/* SPDX-License-Identifier: MIT */
/*
 * Clients of the library's that ask, each on connections of its own, some requests at once, a
 * connection for each or many on one, over TLS or not; with limits, cancelled, aborted, freed and
 * closed at random. They ask a server of the library's (servers.h), which may be stopped meanwhile,
 * or peers that lie (liars.h). What must hold: each transaction ends once, in time, with the
 * response to its request, or an error that something explains.
 */
#ifndef NU_TESTS_SIM_TRANSACTS_H
#define NU_TESTS_SIM_TRANSACTS_H

/* Runs them in a simulated thread; nng_fini() is the caller's. */
void sim_transacts(void);

/* Connections that this run had. */
unsigned sim_transacts_count(void);

#endif
