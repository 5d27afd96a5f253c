/* SPDX-License-Identifier: MIT */
/*
 * The part of a server that lives on one loop: a listener for each of its addresses, and the
 * sessions of the connections they accepted. Touched by the loop's owner alone, but for what is
 * marked; it goes by itself when it has been stopped and its last session has ended.
 */
#ifndef NU_HTTP_PORT_H
#define NU_HTTP_PORT_H

#include "base/list.h"
#include "http/file_bufpool.h"
#include "http/limits.h"
#include "http/router.h"
#include "net/listen_addrs.h"
#include "net/listener.h"
#include "wire/date.h"
#include "wire/head_cache.h"

#include <nng/supplemental/http/http.h>
#include <stdbool.h>

struct nu_error_pages;

struct nu_server_shard {
    nng_http_server *server;
    struct nu_loop *loop;
    struct nu_listener listeners[NU_LISTEN_ADDRS];
    unsigned nlisteners;          /* constant once it is started */
    uint64_t limits[NU_LIMITS];   /* those in force when the server was started */
    struct nu_error_pages *pages; /* the server's */
    bool secure;                  /* its connections speak TLS */
    struct nu_list sessions;      /* that are not closing */
    unsigned nsessions;           /* all of them, closing ones included */
    unsigned listening;           /* listeners that have not gone yet */
    bool draining;                /* what is in hand is finished, nothing new is begun */
    struct nu_list spare_batches;
    struct nu_file_bufpool file_buffers;
    struct nu_loop_hook hook;
    struct nu_task start;
    struct nu_task drain;
    struct nu_task stop;
    bool shut;          /* it does not listen any more; under the server's lock */
    unsigned posted;    /* tasks that have not run; under the server's lock */
    unsigned index;     /* in the server's ports */
    uint64_t date_turn; /* of the loop, when the clock was looked at for the date */
    int64_t date_second;
    char date[6 + NU_DATE_LEN + 3]; /* the Date line of that second */
    char path[NU_MAX_TARGET + 2];   /* of the request being looked at, decoded */
    struct nu_slice query;          /* likewise, not decoded; p NULL: none */
    struct nu_head_cache memo;      /* of the last good one */
    struct nu_field fields[];       /* of the request being looked at */
};

/* One for the loop of that index. NULL: no memory. Any thread. */
struct nu_server_shard *nu_server_shard_new(nng_http_server *server, unsigned index);

/* Gives it a listening socket (none, if -1), before it is started. Any thread. */
void nu_server_shard_listen(struct nu_server_shard *shard, int fd);

/* Has the loop accept. With the server's lock; any thread. */
void nu_server_shard_start(struct nu_server_shard *shard);

/* Frees the address; false when that has been done before. With the server's lock; any thread. */
bool nu_server_shard_shut(struct nu_server_shard *shard);

/* Has the loop end it: what is in hand first, or at once. With the server's lock; any thread. */
void nu_server_shard_drain(struct nu_server_shard *shard);
void nu_server_shard_stop(struct nu_server_shard *shard);

/* The routing table in force. It stays valid until the caller returns to its loop. */
const struct nu_router *nu_server_shard_router(const struct nu_server_shard *shard);

/* A session has let go of everything. The shard may be gone when this returns. */
void nu_server_shard_session_ended(struct nu_server_shard *shard);

#endif
