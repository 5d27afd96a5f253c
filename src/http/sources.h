/* SPDX-License-Identifier: MIT */
/*
 * Where connections come from: whether it is a balancer that is trusted, and, by address, how many
 * there are and how fast they ask. Counted together for all servers of the process that limit that;
 * the addresses of a network of IPv6's /64, which one client has, are one source. Any thread.
 */
#ifndef NU_HTTP_SOURCES_H
#define NU_HTTP_SOURCES_H

#include "http/service.h"
#include "wire/head.h"

#include <nng/nng.h>
#include <nng/uring.h>
#include <stdbool.h>

struct nu_source;

/* Whether the service limits them. */
static inline bool nu_sources_limited(const struct nu_service *service)
{
    return service->limits[NNG_URING_CLIENT_CONNECTIONS] > 0 ||
           service->limits[NNG_URING_CLIENT_REQUESTS] > 0;
}

/* Whether `addr` is among those that the service trusts. */
bool nu_sources_trust(const struct nu_service *service, const nng_sockaddr *addr);

/* Whom a trusted peer's request is forwarded for, in *client; NULL: that is not said, or nobody
 * wants to know. */
const nng_sockaddr *nu_sources_client(const struct nu_service *service, const struct nu_head *head,
                                      nng_sockaddr *client);

/*
 * Counts one more connection from `addr`, until nu_source_leave(). False: there are as many as
 * there may be. *source is NULL where nothing is limited: without such limits, for a balancer,
 * which has connections for many, for what is no address of IP, and for want of memory.
 */
bool nu_sources_admit(const struct nu_service *service, const nng_sockaddr *addr,
                      struct nu_source **source);

/* NULL: nothing happens. */
void nu_source_leave(struct nu_source *source);

/* Whether a request may be answered now, which is counted if so; for whoever it was forwarded for,
 * or (NULL) for its peer. Of that the source may be NULL: then it may. Owner of the service's loop
 * only. */
bool nu_source_may_ask(struct nu_source *source, const struct nu_service *service,
                       const nng_sockaddr *client);

#endif
