/* SPDX-License-Identifier: MIT */
/* What the sessions on one loop share: a shard's, without its listener. Owner thread only. */
#ifndef NU_HTTP_SERVICE_H
#define NU_HTTP_SERVICE_H

#include "base/list.h"
#include "http/file_bufpool.h"
#include "http/limits.h"
#include "http/router.h"
#include "io/loop.h"
#include "wire/date.h"
#include "wire/head_cache.h"
#include "wire/networks.h"

#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/uring.h>
#include <stdatomic.h>
#include <stdbool.h>

struct nu_error_pages;

#define NU_KNOWN_ROUTES ((size_t) 2 * NU_MEMO_HEADS)

/* Who answers a head, if that comes once more. */
struct nu_known_route {
    uint64_t head;   /* nu_head.same; 0: nothing is known */
    uint64_t router; /* whose number this was */
    nng_http_handler *handler;
    size_t query; /* its offset in the target; 0: it has none */
};

/* The Date line (answer.c). */
struct nu_date_line {
    int64_t second;
    char text[6 + NU_DATE_LEN + 3];
};

struct nu_service {
    struct nu_loop *loop;                     /* constant */
    uint64_t limits[NU_LIMITS];               /* in force */
    struct nu_error_pages *pages;             /* constant: the server's */
    const _Atomic(struct nu_router *) *table; /* constant: where the server's router is */
    nng_http_server *server;                  /* constant: for get_tls */
    int (*get_tls)(nng_http_server *server, nng_tls_config **configp); /* constant; NULL: without */
    struct nu_networks trusted;  /* constant: peers that are believed what they say of clients */
    bool proxied;                /* constant: by the PROXY protocol */
    nng_uring_request_hook hook; /* constant; NULL: nobody wants to know */
    void *hook_arg;
    struct nu_list sessions; /* that are not closing: idle ones in the order in which they became
                              * so, others among them */
    atomic_uint_least64_t idle_since; /* that of the first: none of them has been idle for longer.
                                       * Read by others */
    atomic_uint_least64_t *collected; /* constant: bytes that count for NNG_URING_COLLECT_BYTES, of
                                       * the whole server */
    bool retired;                     /* each answer is the last of its connection */
    bool draining;                    /* finish what is in hand, begin nothing new */
    void (*session_ended)(struct nu_service *service); /* it has let go of everything; the service
                                                        * may be gone when this returns */
    struct nu_list spare_batches;
    struct nu_buf spare_body; /* memory to collect one in */
    struct nu_file_bufpool file_buffers;

    /* of the request being looked at */
    char path[NU_MAX_TARGET + 2]; /* decoded */
    struct nu_slice query;        /* not decoded; p NULL: none */
    struct nu_field *fields;
    struct nu_head_cache memos[NU_MEMO_HEADS]; /* of the last good ones */
    struct nu_known_route known[NU_KNOWN_ROUTES];
    uint64_t path_of; /* nu_head.same of the head that `path` and `query` are of; 0: any */

    struct nu_date_line date;
    uint64_t date_turn; /* of the loop, when the clock was looked at for it */
};

/* The routing table in force. It stays valid until the caller returns to its loop. */
static inline const struct nu_router *nu_service_router(const struct nu_service *service)
{
    return atomic_load_explicit(service->table, memory_order_acquire);
}

#endif
