/* SPDX-License-Identifier: MIT */
/*
 * Keeps a connection's bytes in order while a handler is called and responses before its own are
 * gathered, but not written yet. The owner shuts the gate, and opens it when it has put them in the
 * stream's queue; writes that other threads start meanwhile wait for that.
 */
#ifndef NU_HTTP_GATE_H
#define NU_HTTP_GATE_H

#include "base/list.h"
#include "io/lock.h"
#include "net/stream.h"

#include <stdatomic.h>
#include <stdbool.h>

enum nu_gate_state {
    NU_GATE_OPEN,
    NU_GATE_SHUT,
    NU_GATE_QUEUED, /* shut, and somebody waits; set under lock */
};

struct nu_gate {
    atomic_uint state; /* enum nu_gate_state; but for the last one the owner's to change */
    struct nu_mutex lock;
    struct nu_list queue; /* under lock: aios that wait */
};

void nu_gate_init(struct nu_gate *gate);

/* Whether it is. Owner only. */
static inline bool nu_gate_is_shut(const struct nu_gate *gate)
{
    return atomic_load_explicit(&gate->state, memory_order_relaxed) != NU_GATE_OPEN;
}

/* Before anybody else can have the connection. Owner only. */
static inline void nu_gate_shut(struct nu_gate *gate)
{
    atomic_store_explicit(&gate->state, NU_GATE_SHUT, memory_order_relaxed);
}

/* Opens it if nobody waits, and says so. Owner only. */
static inline bool nu_gate_open_if_idle(struct nu_gate *gate)
{
    unsigned state = NU_GATE_SHUT;
    return atomic_compare_exchange_strong(&gate->state, &state, NU_GATE_OPEN);
}

/* Opens it, and starts the writes that wait. Owner only. */
void nu_gate_open(struct nu_gate *gate, struct nu_stream *stream);

/* Aborts the writes that wait: they end so when it is open. Any thread. */
void nu_gate_abort(struct nu_gate *gate, int err);

/* Starts a write, now or when it is open. Any thread but the owner. */
void nu_gate_write(struct nu_gate *gate, struct nu_stream *stream, nng_aio *aio,
                   enum nu_write kind);

#endif
