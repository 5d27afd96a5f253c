/* SPDX-License-Identifier: MIT */
/*
 * Clients of the made-up server: they send pipelined requests in pieces, with bodies of every kind,
 * now and then a bad one, half-close, leave, reset and do not read. Each response must be the one
 * to its request.
 */
#ifndef NU_TESTS_SIM_CLIENTS_H
#define NU_TESTS_SIM_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_PORT 80
#define SIM_CLIENTS 16U
#define SIM_REQUESTS 24U
#define SIM_FIXED 3000U /* bytes of /static */

/* Byte i of /static, and of a request's body. */
static inline uint8_t sim_fixed(size_t i)
{
    return (uint8_t) ('a' + i % 26);
}

/* The file that changes while it is read. */
#define SIM_MOVING "moving"

/* Each in a simulated thread. */
void sim_clients_start(unsigned n);
void sim_clients_join(void);

/* The server may go at any time: not all is answered. */
void sim_clients_warn(void);

#endif
