/* SPDX-License-Identifier: MIT */
/*
 * A server with handlers of every kind, and clients that send it pipelined requests in pieces,
 * leave, reset and do not read. What must hold: each request that was sent whole is answered once,
 * in order, by its own response, unless its client has left or the server was stopped; and all of
 * it ends.
 */
#ifndef NU_TESTS_SIM_SERVERS_H
#define NU_TESTS_SIM_SERVERS_H

/* Runs one in a simulated thread; nng_fini() is the caller's. */
void sim_server(void);

/* Connections that this run had. */
unsigned sim_server_clients(void);

#endif
