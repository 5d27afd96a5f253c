/* SPDX-License-Identifier: MIT */
#include "http/gate.h"

#include "net/aio_queue.h"

void nu_gate_init(struct nu_gate *gate)
{
    atomic_init(&gate->lock.state, NU_LOCK_FREE);
    gate->shut = false;
    nu_list_init(&gate->queue);
}

void nu_gate_shut(struct nu_gate *gate)
{
    nu_lock(&gate->lock);
    gate->shut = true;
    nu_unlock(&gate->lock);
}

bool nu_gate_open_if_idle(struct nu_gate *gate)
{
    nu_lock(&gate->lock);
    gate->shut = !nu_list_empty(&gate->queue);
    bool open = !gate->shut;
    nu_unlock(&gate->lock);
    return open;
}

void nu_gate_open(struct nu_gate *gate, struct nu_stream *stream)
{
    nu_lock(&gate->lock);
    gate->shut = false;
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
    nu_lock(&gate->lock);
    bool shut = gate->shut;
    if (shut) {
        aio->io.kind = (int) kind;
        nu_list_append(&gate->queue, &aio->link);
    }
    nu_unlock(&gate->lock);
    if (!shut) {
        nu_stream_write(stream, aio, kind);
    }
}
