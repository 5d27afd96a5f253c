/* SPDX-License-Identifier: MIT */
/* The other ends of the microbenchmarks' connections: processes of their own. */
#ifndef NU_PERF_PEER_H
#define NU_PERF_PEER_H

#include <benchmark/benchmark.h>
#include <cstdint>
#include <functional>

/*
 * Called in a child: has it end with its parent, and moves it to the CPUs that the parent is not
 * pinned to. Where the parent may use all of them, so may the child.
 */
void peer_settle();

/*
 * Forks a process that accepts connections on 127.0.0.1 and throws away what comes, and returns its
 * port. It does not even copy the bytes (MSG_TRUNC), and nobody ever has to wake it. To be called
 * before there are other threads.
 */
uint16_t sink_start();

uint16_t sink_port();

/* A blocking socket that is connected to 127.0.0.1, with the options below. */
int peer_connect(uint16_t port);

/*
 * Sees to it that all of this process's connections to the port have TCP_NODELAY, and the
 * congestion control that PERF_CONGESTION names, if it is set. It finds them by their descriptors:
 * NNG has no function for either. True: TCP_NODELAY was on already.
 */
bool equalize_connections(uint16_t port);

/* measure() of writes to the sink, with the TCP segments that they took. */
void measure_writes(benchmark::State &state, const std::function<uint64_t(uint64_t)> &run);

#endif
