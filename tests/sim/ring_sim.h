/* SPDX-License-Identifier: MIT */
/*
 * A ring that does what io_uring does, to sockets that are none, in an order that a seed chooses:
 * linked timeouts and cancellations that come too late or find nothing, full queues, short
 * transfers, entries that are not taken, multishot operations that end. Memory that an operation
 * names is watched from its submission to its completion.
 */
#ifndef NU_TESTS_SIM_RING_SIM_H
#define NU_TESTS_SIM_RING_SIM_H

#include "io/ring.h"

#include <stdio.h>

extern const struct nu_ring_kind nu_ring_sim;

/* When the next linked timeout is due; SIM_NEVER: none. */
uint64_t sim_ring_next(void);

/* Whether WRITEV takes RWF_NOWAIT; and how often something rare happens, once in so many times. */
void sim_ring_set(bool nowait, unsigned rare);

/* Completions of operations in all runs. */
uint64_t sim_ring_operations(void);

/* What all runs have reached: operations by kind and result. */
void sim_ring_report(FILE *to);

#endif
