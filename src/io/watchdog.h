/* SPDX-License-Identifier: MIT */
/*
 * Says in the log that a call holds its loop while it still does, for it may never come back. A
 * thread looks at all loops every 25 ms while calls are under way, and sleeps when it finds none.
 * Time in which a loop's owner only waited for a processor does not count.
 *
 * There is no such thread, and nothing is noted, unless the program has set a logger.
 */
#ifndef NU_IO_WATCHDOG_H
#define NU_IO_WATCHDOG_H

#include "base/log.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct nu_loop;

/* Writes what is to be said of a call that has held its loop for so long; false: nothing is. Within
 * the call, on the watchdog's thread. */
typedef bool (*nu_watchdog_describe)(void *what, unsigned ms, char *text, size_t size);

/* What it does. AWAKE as well where no thread can be started. */
enum { NU_WATCHDOG_OFF, NU_WATCHDOG_ASLEEP, NU_WATCHDOG_AWAKE };
extern atomic_uint nu_watchdog_state;

/* What the next two do where there is somebody to tell. */
void nu_watchdog_note_begin(struct nu_loop *loop, void *what, nu_watchdog_describe describe);
void nu_watchdog_note_end(struct nu_loop *loop);

/* Around a call. Owner only; `what` lives until the end. Where a call waits by turning its loop, it
 * has ended for this purpose. */
static inline void nu_watchdog_begin(struct nu_loop *loop, void *what,
                                     nu_watchdog_describe describe)
{
    if (nu_log_wanted(NNG_LOG_WARN)) {
        nu_watchdog_note_begin(loop, what, describe);
    }
}

static inline void nu_watchdog_end(struct nu_loop *loop)
{
    if (atomic_load_explicit(&nu_watchdog_state, memory_order_relaxed) != NU_WATCHDOG_OFF) {
        nu_watchdog_note_end(loop);
    }
}

/* Ends the thread, when no loop runs any more. For nng_fini(). */
void nu_watchdog_stop(void);

#endif
