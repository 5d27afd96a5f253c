/* SPDX-License-Identifier: MIT */
#include "http/gate.h"

#include "net/aio_queue.h"

void nu_gate_init(struct nu_gate *gate)
{
    atomic_init(&gate->lock.state, NU_LOCK_FREE);
    atomic_init(&gate->state, NU_GATE_OPEN);
    nu_list_init(&gate->queue);
}

void nu_gate_open(struct nu_gate *gate, struct nu_stream *stream)
{
    nu_lock(&gate->lock);
    atomic_store(&gate->state, NU_GATE_OPEN);
    while (!nu_list_empty(&gate->queue)) {
        nng_aio *aio = nu_container(gate->queue.next, nng_aio, link);
        nu_list_remove(&aio->link);
        nu_stream_write(stream, aio, (enum nu_write) aio->io.kind);
    }
    nu_unlock(&gate->lock);
}

void nu_gate_abort(struct nu_gate *gate, int err)
{
    nu_lock(&gate->lock);
    nu_aio_queue_abort_all(&gate->queue, NULL, err);
    nu_unlock(&gate->lock);
}

void nu_gate_write(struct nu_gate *gate, struct nu_stream *stream, nng_aio *aio, enum nu_write kind)
{
    unsigned state = NU_GATE_SHUT;
    nu_lock(&gate->lock);
    (void) atomic_compare_exchange_strong(&gate->state, &state, NU_GATE_QUEUED);
    bool shut = state != NU_GATE_OPEN;
    if (shut) {
        aio->io.kind = (int) kind;
        nu_list_append(&gate->queue, &aio->link);
    }
    nu_unlock(&gate->lock);
    if (!shut) {
        nu_stream_write(stream, aio, kind);
    }
}
