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

struct nu_gate {
    struct nu_mutex lock;
    bool shut;            /* under lock, and the owner's alone to change */
    struct nu_list queue; /* under lock: aios that wait */
};

void nu_gate_init(struct nu_gate *gate);

/* Whether it is. Owner only. */
static inline bool nu_gate_is_shut(const struct nu_gate *gate)
{
    return gate->shut;
}

void nu_gate_shut(struct nu_gate *gate);

/* Opens it if nobody waits, and says so. Owner only. */
bool nu_gate_open_if_idle(struct nu_gate *gate);

/* Opens it, and starts the writes that wait. Owner only. */
void nu_gate_open(struct nu_gate *gate, struct nu_stream *stream);

/* Aborts the writes that wait: they end so when it is open. Any thread. */
void nu_gate_abort(struct nu_gate *gate, int err);

/* Starts a write, now or when it is open. Any thread but the owner. */
void nu_gate_write(struct nu_gate *gate, struct nu_stream *stream, nng_aio *aio,
                   enum nu_write kind);

#endif
