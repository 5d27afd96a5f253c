/* SPDX-License-Identifier: MIT */
/*
 * Clients of the made-up server: they send pipelined requests in pieces, with bodies of every kind,
 * now and then a bad one, half-close, leave, reset and do not read. Each response must be the one
 * to its request.
 */
#ifndef NU_TESTS_SIM_CLIENTS_H
#define NU_TESTS_SIM_CLIENTS_H

#define SIM_PORT 80
#define SIM_CLIENTS 32U
#define SIM_REQUESTS 24U

/* Each in a simulated thread. */
void sim_clients_start(unsigned n);
void sim_clients_join(void);

/* The server may go at any time: not all is answered. */
void sim_clients_warn(void);

#endif
