// SPDX-License-Identifier: MIT
/*
 * The threads beside the loops, for the calls of users' functions that may take their time
 * (placement.h says which). One pool for the process. It has no threads until the first task comes,
 * gets one more whenever a task finds none idle, up to NNG_URING_WORKERS (1 to 4,096; 64), and
 * loses those that were idle for ten seconds; nng_fini() ends all of them.
 *
 * When all are busy, tasks wait in the order they came. A task that waits for another one's end is
 * safe up to that limit; beyond it, it can wait for one that has no thread. So that functions known
 * to be slow, sleeping all at once, delay nobody but themselves, they never get the last few
 * threads: NU_WORKERS_SPARE of them are kept in addition for functions of which nothing is known
 * yet, or that only came here because their loop was in another one.
 *
 * Like owners, workers take no signals. A forked child has none, and posts to none.
 */
#ifndef NU_IO_WORKERS_H
#define NU_IO_WORKERS_H

#include "io/loop.h"

#include <stdbool.h>

#define NU_WORKERS_SPARE 4U

/*
 * Has a worker run the task; `slow`: it is likely to take its time. False: there is no worker, and
 * none can be started; then it is the caller's to run. The loop, whose owner calls this, does not
 * end before the task has said so by nu_loop_external_end().
 */
bool nu_workers_post(struct nu_loop *loop, struct nu_task *task, bool slow);

/* Ends all threads, once nothing is posted any more. For nng_fini(). */
void nu_workers_stop(void);

/* Whether the calling thread is one. */
bool nu_workers_self(void);

/* Threads there are, how many of them wait for a task, and how many there may be for slow ones. Any
 * thread. */
unsigned nu_workers_count(void);
unsigned nu_workers_idle(void);
unsigned nu_workers_max(void);

/* What NNG_URING_WORKERS says; 0: nothing of use, which it complains about. */
unsigned nu_workers_parse(const char *value);

#endif
