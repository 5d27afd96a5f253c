/* SPDX-License-Identifier: MIT */
#include "net/aio_queue.h"

void nu_aio_queue_end_all(struct nu_list *queue, const nng_aio *kept, int err)
{
    struct nu_list *next;
    for (struct nu_list *n = queue->next; n != queue; n = next) {
        nng_aio *aio = nu_container(n, nng_aio, link);
        next = n->next;
        if (aio != kept) {
            nu_aio_queue_end(aio, err);
        }
    }
}

void nu_aio_queue_end_from(struct nu_list *queue, struct nu_list *node, int err)
{
    while (node != queue) {
        nng_aio *aio = nu_container(node, nng_aio, link);
        node = node->next;
        nu_aio_queue_end(aio, err);
    }
}

/* From the last one on, so that none ends for the sake of one that was before it. */
void nu_aio_queue_abort_all(struct nu_list *queue, const nng_aio *kept, int err)
{
    for (struct nu_list *n = queue->prev; n != queue; n = n->prev) {
        nng_aio *aio = nu_container(n, nng_aio, link);
        if (aio != kept) {
            nng_aio_abort(aio, err);
        }
    }
}
