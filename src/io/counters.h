/* SPDX-License-Identifier: MIT */
/*
 * Counters that are always on: every thread with a ring counts for itself, without atomic
 * read-modify-writes, and who asks adds them up. nng_uring_counters() is documented in
 * <nng/uring.h>.
 */
#ifndef NU_IO_COUNTERS_H
#define NU_IO_COUNTERS_H

#include "base/list.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum nu_count {
    NU_COUNT_ENTERS,          /* io_uring_enter calls */
    NU_COUNT_SQES,            /* submission entries the kernel was shown */
    NU_COUNT_CQES,            /* completions */
    NU_COUNT_SHORT_WRITES,    /* short writes whose rest was submitted again */
    NU_COUNT_DEADLINES_ARMED, /* linked timeouts, and timers of operations */
    NU_COUNT_DEADLINES_FIRED, /* operations that ended by their deadline */
    NU_COUNT_CANCELLATIONS,   /* cancellations submitted */
    NU_COUNT_WAKE_UPS,        /* sleeping owners woken by another thread */
    NU_COUNT_NO_BUFFERS,      /* receives that found no provided buffer (ENOBUFS) */
    NU_COUNT_ACCEPTS,         /* connections accepted */
    NU_COUNT_OPENED,          /* connections opened, either way */
    NU_COUNT_CLOSED,          /* and closed */
    NU_COUNT_TLS_OPENED,      /* TLS handshakes that went well, either way */
    NU_COUNT_TLS_FAILED,      /* and those that did not */

    NU_COUNT_LATE_HEADS,        /* those of requests that took longer than they may */
    NU_COUNT_LATE_BODIES,       /* likewise */
    NU_COUNT_LATE_ANSWERS,      /* that were not taken in time */
    NU_COUNT_CLIENTS_REFUSED,   /* connections, for one had as many as it may */
    NU_COUNT_CLIENTS_THROTTLED, /* requests, for one asked faster than it may */

    NU_COUNT_SESSIONS_OPENED, /* servers' connections */
    NU_COUNT_SESSIONS_CLOSED,

    /* Those of them that are in such a state now, of which the others are not far: they are what is
     * left, so that a request that nothing has to wait for is not counted at all. */
    NU_COUNT_SESSIONS_COLLECTING,
    NU_COUNT_SESSIONS_HANDLING,
    NU_COUNT_SESSIONS_LOADING,
    NU_COUNT_SESSIONS_WRITING,
    NU_COUNT_SESSIONS_ENDING,
    NU_COUNTS,
};

struct nu_counters {
    atomic_uint_least64_t v[NU_COUNTS];
    struct nu_list link;
    unsigned joined; /* by a loop, and by a ring for writes tried inline: an owner may have both */
};

extern _Thread_local struct nu_counters nu_counters_mine;

/* What there is of something now, as its owner says; in a forked child there is none of it. */
struct nu_gauges {
    atomic_uint workers;
    atomic_uint workers_idle;
};

extern struct nu_gauges nu_gauges;

/* Adds to the calling thread's counter. */
static inline void nu_count(enum nu_count what, uint64_t n)
{
    atomic_uint_least64_t *v = &nu_counters_mine.v[what];
    atomic_store_explicit(v, atomic_load_explicit(v, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/* The calling thread's counts are to be found from here on, and after it has left. */
void nu_counters_join(void);
void nu_counters_leave(void);

/* Around a fork(): in the child the other threads have left, and their memory is anybody's. */
void nu_counters_before_fork(void);
void nu_counters_after_fork(bool child);

#endif
