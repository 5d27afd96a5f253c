/* SPDX-License-Identifier: MIT */
/*
 * Operations that wait for their turn on a connection, in the order they were started: aios, linked
 * by their own node. Under the connection's lock.
 */
#ifndef NU_NET_AIO_QUEUE_H
#define NU_NET_AIO_QUEUE_H

#include "base/list.h"
#include "io/aio.h"

/* NULL: it is empty. */
static inline nng_aio *nu_aio_queue_first(const struct nu_list *queue)
{
    return nu_list_empty(queue) ? NULL : nu_container(queue->next, nng_aio, link);
}

/* Takes an aio out of its queue and ends it, with what it has moved as its count. */
static inline void nu_aio_queue_end(nng_aio *aio, int err)
{
    nu_list_remove(&aio->link);
    nu_aio_end(aio, err, aio->io.done);
}

/* Ends all but `kept` (NULL: all). */
void nu_aio_queue_end_all(struct nu_list *queue, const nng_aio *kept, int err);

/* Ends those from that node on; the queue itself: none. */
void nu_aio_queue_end_from(struct nu_list *queue, struct nu_list *node, int err);

/* Aborts all but `kept` (NULL: none is); each ends in its own time. Any thread. */
void nu_aio_queue_abort_all(struct nu_list *queue, const nng_aio *kept, int err);

#endif
