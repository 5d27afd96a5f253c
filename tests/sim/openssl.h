/* SPDX-License-Identifier: MIT */
/*
 * OpenSSL, made a function of the seed: its random numbers come from a stream of their own, drawn
 * from the seed, its clock is the simulation's, and the library's ticket keys are new in each run.
 */
#ifndef NU_TESTS_SIM_OPENSSL_H
#define NU_TESTS_SIM_OPENSSL_H

#include <stdbool.h>

struct nng_tls_config;

/* Once, before anything else is done with it. */
void sim_openssl_begin(void);

/* At the start of a run that uses it, in a simulated thread: forgets what the last run left. */
void sim_openssl_reset(void);

/* A configuration for a server with a certificate of its own, or for its client, which trusts
 * everybody, with sessions kept; the caller frees it. */
struct nng_tls_config *sim_tls_config(bool server);

#endif
