/* SPDX-License-Identifier: MIT */
#include "http/sources.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/seldom.h"
#include "io/counters.h"
#include "io/lock.h"
#include "io/loop.h"
#include "wire/forwarded.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE_BITS 12
#define PLACES (1U << PLACE_BITS) /* of the table */
#define BURST NU_SECOND           /* who was silent may ask at once for what this time allows */
#define ADDRESS 16                /* bytes; IPv4's as IPv6 has it */
#define NETWORK 8                 /* of them count for IPv6 */
#define WORDS (ADDRESS / sizeof(uint32_t))

struct nu_source {
    struct nu_source *next;    /* in its place */
    unsigned place;            /* constant */
    uint8_t address[ADDRESS];  /* constant */
    uint64_t connections;      /* under the place's lock */
    atomic_uint_least64_t due; /* when all that was asked for has had its time */
};

/* One is kept without connections until it is due, or a new connection would be as good as a
 * pause. */
static struct sources_place {
    struct nu_mutex lock;
    struct nu_source *first;
} places[PLACES];

static pthread_once_t seeded = PTHREAD_ONCE_INIT;
static uint64_t seeds[WORDS + 1];
static atomic_uint sweep; /* the place that is looked through next */

static void sources_seed(void)
{
    nu_random(seeds, sizeof seeds);
}

/* Whatever addresses somebody has, two share a place by a chance of one in PLACES: the hash is
 * strongly universal (Thorup: High Speed Hashing for Integers and Strings, 3.2). */
static unsigned sources_place_of(const uint8_t address[ADDRESS])
{
    uint32_t words[WORDS];
    uint64_t hash = seeds[WORDS];
    memcpy(words, address, sizeof words);
    for (size_t i = 0; i < WORDS; i++) {
        hash += seeds[i] * words[i];
    }
    return (unsigned) (hash >> (64 - PLACE_BITS));
}

static const uint8_t v4_mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool sources_is_v4(const uint8_t address[ADDRESS])
{
    return memcmp(address, v4_mapped, sizeof v4_mapped) == 0;
}

/* False: it is of another family. */
static bool sources_address(const nng_sockaddr *addr, uint8_t address[ADDRESS])
{
    memset(address, 0, ADDRESS);
    if (addr->s_family == NNG_AF_INET) {
        memcpy(address, v4_mapped, sizeof v4_mapped);
        memcpy(address + sizeof v4_mapped, &addr->s_in.sa_addr, 4);
    } else if (addr->s_family == NNG_AF_INET6) {
        memcpy(address, addr->s_in6.sa_addr,
               sources_is_v4(addr->s_in6.sa_addr) ? ADDRESS : NETWORK);
    }
    return addr->s_family == NNG_AF_INET || addr->s_family == NNG_AF_INET6;
}

/* Says which one has more than it may have. */
static void sources_warn(struct nu_seldom *kind, const uint8_t address[ADDRESS], const char *what)
{
    char text[INET6_ADDRSTRLEN], line[sizeof text + 128];
    bool v4 = sources_is_v4(address);
    (void) inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + sizeof v4_mapped : address, text,
                     sizeof text);
    (void) snprintf(line, sizeof line, "%s%s %s", text, v4 ? "" : "/64", what);
    nu_warn_seldom(kind, line);
}

/* With the lock held: those go that have no connection and nothing to pay off. */
static void sources_sweep(struct sources_place *place)
{
    uint64_t now = nu_now();
    struct nu_source **at = &place->first;
    while (*at != NULL) {
        struct nu_source *source = *at;
        if (source->connections == 0 && atomic_load(&source->due) <= now) {
            *at = source->next;
            free(source);
        } else {
            at = &source->next;
        }
    }
}

/* Elsewhere, for each new one: who does not come again is not kept for long. */
static void sources_sweep_next(void)
{
    struct sources_place *place = &places[atomic_fetch_add(&sweep, 1) % PLACES];
    nu_lock(&place->lock);
    sources_sweep(place);
    nu_unlock(&place->lock);
}

/* With the lock held. NULL: no memory. */
static struct nu_source *sources_find(unsigned at, const uint8_t address[ADDRESS], bool *made)
{
    struct sources_place *place = &places[at];
    struct nu_source *source = place->first;
    while (source != NULL && memcmp(source->address, address, ADDRESS) != 0) {
        source = source->next;
    }
    *made = source == NULL;
    if (*made) {
        sources_sweep(place);
        source = calloc(1, sizeof *source);
    }
    if (*made && source != NULL) {
        memcpy(source->address, address, ADDRESS);
        source->place = at;
        source->next = place->first;
        place->first = source;
    }
    return source;
}

static bool sources_count(const uint8_t address[ADDRESS], uint64_t max, struct nu_source **found)
{
    bool made, admitted = true;
    pthread_once(&seeded, sources_seed);
    unsigned at = sources_place_of(address);
    nu_lock(&places[at].lock);
    struct nu_source *source = sources_find(at, address, &made);
    if (source != NULL && max > 0 && source->connections >= max) {
        admitted = false;
        source = NULL;
    }
    if (source != NULL) {
        source->connections++;
    }
    nu_unlock(&places[at].lock);
    if (made) {
        sources_sweep_next();
    }
    *found = source;
    return admitted;
}

bool nu_sources_trust(const struct nu_service *service, const nng_sockaddr *addr)
{
    const struct nu_networks *trusted = &service->trusted;
    switch (addr->s_family) {
    case NNG_AF_INET:
        return nu_networks_have(trusted, &addr->s_in.sa_addr, true);
    case NNG_AF_INET6:
        return nu_networks_have(trusted, addr->s_in6.sa_addr, false);
    default:
        return addr->s_family == NNG_AF_IPC && trusted->local;
    }
}

const nng_sockaddr *nu_sources_client(const struct nu_service *service, const struct nu_head *head,
                                      nng_sockaddr *client)
{
    struct nu_forwarded forwarded;
    if ((service->hook == NULL && service->limits[NNG_URING_CLIENT_REQUESTS] == 0) ||
        !nu_forwarded_read(head->fields, head->nfields, &forwarded)) {
        return NULL;
    }
    memset(client, 0, sizeof *client);
    if (forwarded.version == 4) {
        client->s_in.sa_family = NNG_AF_INET;
        memcpy(&client->s_in.sa_addr, forwarded.from, 4);
    } else {
        client->s_in6.sa_family = NNG_AF_INET6;
        memcpy(client->s_in6.sa_addr, forwarded.from, 16);
    }
    return client;
}

bool nu_sources_admit(const struct nu_service *service, const nng_sockaddr *addr,
                      struct nu_source **source)
{
    static struct nu_seldom full;
    uint64_t max = service->limits[NNG_URING_CLIENT_CONNECTIONS];
    uint8_t address[ADDRESS];
    *source = NULL;
    if (!nu_sources_limited(service) || nu_sources_trust(service, addr) ||
        !sources_address(addr, address)) {
        return true;
    }
    if (!sources_count(address, max, source)) {
        nu_count(NU_COUNT_CLIENTS_REFUSED, 1);
        sources_warn(&full, address,
                     "has as many connections as one client may have (--client-connections): "
                     "more are closed");
        return false;
    }
    return true;
}

void nu_source_leave(struct nu_source *source)
{
    if (source != NULL) {
        struct sources_place *place = &places[source->place];
        nu_lock(&place->lock);
        if (--source->connections == 0) {
            sources_sweep(place);
        }
        nu_unlock(&place->lock);
    }
}

static bool source_may_ask(struct nu_source *source, const struct nu_service *service)
{
    static struct nu_seldom fast;
    uint64_t rate = service->limits[NNG_URING_CLIENT_REQUESTS];
    if (source == NULL || rate == 0) {
        return true;
    }
    uint64_t now = nu_loop_now(service->loop), each = NU_SECOND / rate, from;
    uint64_t due = atomic_load_explicit(&source->due, memory_order_relaxed);
    do {
        from = due > now ? due : now;
        if (from + each > now + BURST) {
            nu_count(NU_COUNT_CLIENTS_THROTTLED, 1);
            sources_warn(&fast, source->address,
                         "asks faster than one client may (--client-requests): 429");
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&source->due, &due, from + each,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

/* There is a source as long as it is asked, and then until it is due. */
static bool sources_may_ask(const struct nu_service *service, const nng_sockaddr *client)
{
    uint8_t address[ADDRESS];
    struct nu_source *source;
    if (service->limits[NNG_URING_CLIENT_REQUESTS] == 0 || nu_sources_trust(service, client) ||
        !sources_address(client, address)) {
        return true;
    }
    (void) sources_count(address, 0, &source);
    bool may = source_may_ask(source, service);
    nu_source_leave(source);
    return may;
}

bool nu_source_may_ask(struct nu_source *source, const struct nu_service *service,
                       const nng_sockaddr *client)
{
    return client != NULL ? sources_may_ask(service, client) : source_may_ask(source, service);
}
