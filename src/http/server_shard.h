/* SPDX-License-Identifier: MIT */
/*
 * The part of a server that lives on one loop: a listener for each of its addresses, and the
 * sessions of the connections they accepted. Touched by the loop's owner alone, but for what is
 * marked; it goes by itself when it has been stopped and its last session has ended.
 */
#ifndef NU_HTTP_PORT_H
#define NU_HTTP_PORT_H

#include "http/places.h"
#include "http/service.h"
#include "http/sources.h"
#include "net/listen_addrs.h"
#include "net/listener.h"

#include <nng/supplemental/http/http.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* An accepted connection for which there is no place yet. */
struct nu_guest {
    struct nu_list link; /* of a shard's guests */
    struct nu_task come; /* to `shard` */
    struct nu_server_shard *shard;
    int fd;
    struct nu_source *source; /* NULL: it is not limited by that */
    unsigned moves;           /* from shard to shard */
};

struct nu_server_shard {
    struct nu_service service; /* what its sessions share */
    struct nu_listener *listeners;
    unsigned nlisteners;     /* constant once it is started */
    struct nu_places places; /* constant: what all shards take places of */
    unsigned nsessions;      /* all of them, closing ones included */
    unsigned listening;      /* listeners that have not gone yet */
    struct nu_list guests;   /* oldest first */
    unsigned nguests;
    unsigned evicting;     /* sessions that are closed to make room for them */
    bool admitting;        /* `admit` is posted */
    bool left;             /* its listeners were told to stop */
    bool stopped;          /* at once: nobody is served any more */
    struct nu_task admit;  /* guests, to places that are free */
    struct nu_timer retry; /* places may become free without a word */
    struct nu_loop_hook hook;
    struct nu_task start;
    struct nu_task retire;
    struct nu_task leave;
    struct nu_task change; /* of limits */
    struct nu_task drain;
    struct nu_task stop;

    /* of the server, which keeps the shard as long as tasks are posted */
    pthread_mutex_t *lock;                       /* constant */
    pthread_cond_t *changed;                     /* constant: it has become deaf */
    bool (*gone)(struct nu_server_shard *shard); /* nothing is left of it: true when the server has
                                                  * let go of it, and it is freed */
    /* Sends the guest where somebody has been idle from before `since` on; false: nowhere. */
    bool (*pass)(struct nu_server_shard *shard, struct nu_guest *guest, uint64_t since);
    nng_http_server *server;
    bool retired;               /* `retire` was posted; under lock */
    bool shut;                  /* it does not listen any more; under lock */
    bool deaf;                  /* its listeners have gone; under lock */
    bool drained;               /* `drain` was posted, or need not be any more; under lock */
    uint64_t limits[NU_LIMITS]; /* to be the service's; under lock */
    bool changing;              /* `change` is posted; under lock */
    unsigned posted;            /* tasks that have not run; under lock */
    unsigned index;             /* in the server's shards */

    struct nu_field fields[]; /* the service's */
};

/* What a server gives each of its shards. */
struct nu_shard_setup {
    nng_http_server *server;
    pthread_mutex_t *lock;
    pthread_cond_t *changed;
    bool (*gone)(struct nu_server_shard *shard);
    bool (*pass)(struct nu_server_shard *shard, struct nu_guest *guest, uint64_t since);
    struct nu_places places;
    unsigned listeners; /* for how many it has room */
    const _Atomic(struct nu_router *) *table;
    struct nu_error_pages *pages;
    atomic_uint_least64_t *collected;
    const struct nu_networks *trusted; /* copied */
    bool proxied;
    nng_uring_request_hook hook;
    void *hook_arg;
    const uint64_t *limits;                                            /* copied */
    int (*get_tls)(nng_http_server *server, nng_tls_config **configp); /* NULL: it is not secure */
};

/* One for the loop of that index. NULL: no memory. Any thread. */
struct nu_server_shard *nu_server_shard_new(const struct nu_shard_setup *setup, unsigned index);

/* Frees what is left of a shard that was never started, or has gone. */
void nu_server_shard_free(struct nu_server_shard *shard);

/* Gives it a listening socket (none, if -1), before it is started. Any thread. */
void nu_server_shard_listen(struct nu_server_shard *shard, int fd, enum nu_sharing sharing);

/* Sends a guest there. With the server's lock; any thread. */
void nu_server_shard_send(struct nu_server_shard *shard, struct nu_guest *guest);

/* Has the loop accept. With the server's lock; any thread. */
void nu_server_shard_start(struct nu_server_shard *shard);

/* Frees the address; false when that has been done before. With the server's lock; any thread. */
bool nu_server_shard_shut(struct nu_server_shard *shard);

/* Has each answer be the last of its connection. With the server's lock; any thread. */
void nu_server_shard_retire(struct nu_server_shard *shard);

/* Puts limits in force that are not about its memory. With the server's lock; any thread. */
void nu_server_shard_change(struct nu_server_shard *shard, const uint64_t *limits);

/* Has its sockets go on listening when it has stopped. With the server's lock; any thread. */
void nu_server_shard_share(struct nu_server_shard *shard);

/* Has the loop accept nobody any more but who waits, and retire. With the server's lock; any
 * thread. */
void nu_server_shard_leave(struct nu_server_shard *shard);

/* Has the loop end it: what is in hand first, or at once. With the server's lock; any thread. */
void nu_server_shard_drain(struct nu_server_shard *shard);
void nu_server_shard_stop(struct nu_server_shard *shard);

#endif
