/* SPDX-License-Identifier: MIT */
#include "http/request.h"

#include <stdlib.h>
#include <string.h>

void nu_request_begin(struct nu_request *r, const struct nu_head *head, bool alone)
{
    r->last = !head->keep_alive || r->service->retired;
    r->http10 = head->minor == 0;
    r->bodiless = head->method.n == 4 && memcmp(head->method.p, "HEAD", 4) == 0;
    nu_body_reader_begin(&r->body, head);
    r->expects = head->expect_continue && alone && nu_body_reader_unread(&r->body);
    atomic_store_explicit(&r->written, false, memory_order_relaxed);
}

void nu_request_free(struct nu_request *r)
{
    free(r->iov);
}

bool nu_request_restrain(struct nu_request *r, enum nu_early to)
{
    unsigned was = atomic_load(&r->early);
    while (was != NU_EARLY_TAKEN && was > (unsigned) to &&
           !atomic_compare_exchange_weak(&r->early, &was, to)) {
    }
    return was != NU_EARLY_TAKEN;
}

void nu_request_make_last(struct nu_request *r)
{
    if (nu_request_restrain(r, NU_EARLY_NOT)) {
        r->last = true;
    }
}

/* Whoever closes or hijacks the connection comes before it or too late. */
enum nu_early nu_request_take(struct nu_request *r)
{
    unsigned was = atomic_load(&r->early);
    while (was != NU_EARLY_NOT && !atomic_compare_exchange_weak(&r->early, &was, NU_EARLY_TAKEN)) {
    }
    if (was != NU_EARLY_NOT &&
        nu_request_move_lease(r, NU_LEASE_LENT, NU_LEASE_NONE) != NU_LEASE_LENT) {
        atomic_store(&r->early, NU_EARLY_NOT);
        return NU_EARLY_NOT;
    }
    return (enum nu_early) was;
}
