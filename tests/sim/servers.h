/* SPDX-License-Identifier: MIT */
/*
 * A server with handlers of every kind, and clients that send it pipelined requests in pieces,
 * leave, reset and do not read. What must hold: each request that was sent whole is answered once,
 * in order, by its own response, unless its client has left or the server was stopped; and all of
 * it ends.
 */
#ifndef NU_TESTS_SIM_SERVERS_H
#define NU_TESTS_SIM_SERVERS_H

struct nng_http_server;
struct nng_tls_config;

/* Starts one with these handlers, at an http or https URL; `tls`: NULL: http. It is held until
 * sim_server_release(), when it has ended or ends. */
struct nng_http_server *sim_server_start(const char *url, struct nng_tls_config *tls);
void sim_server_release(struct nng_http_server *server);

/* Runs one in a simulated thread; nng_fini() is the caller's. */
void sim_server(void);

/* Connections that this run had. */
unsigned sim_server_clients(void);

#endif
